"""What the tests may count on: the rows that migrations made are there, whatever the test before did."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from wagtail.models import GroupPagePermission, Locale, Page, Site, Workflow

from accounts.models import User
from portal.tests.rows import MigratedRows


def migrated():
    return {
        "pages": list(Page.objects.order_by("path").values_list("pk", "path", "slug", "content_type_id")),
        "sites": list(Site.objects.values_list("pk", "hostname", "root_page_id")),
        "locales": list(Locale.objects.values_list("language_code", flat=True)),
        "workflows": list(Workflow.objects.values_list("name", flat=True)),
        "groups": list(Group.objects.order_by("pk").values_list("pk", "name")),
        "rights": GroupPagePermission.objects.count(),
        "permissions": list(Permission.objects.order_by("pk").values_list("pk", "codename")),
    }


@pytest.mark.django_db(transaction=True)
def test_a_transactional_test_finds_what_migrations_made_and_may_destroy_it():
    assert Site.objects.get(is_default_site=True).root_page.depth == 2
    assert Page.objects.filter(depth=1).count() == 1

    User.objects.create_user("left@example.com", "portal-demo")
    Page.objects.filter(depth=1).delete()
    Locale.objects.all().delete()


@pytest.mark.django_db
def test_the_next_test_finds_it_too():
    assert Site.objects.get(is_default_site=True).root_page.depth == 2
    assert Locale.objects.get().language_code == "en"
    assert Workflow.objects.count() >= 1
    assert not User.objects.filter(email="left@example.com").exists()


@pytest.mark.django_db(transaction=True)
def test_rows_are_put_back_as_they_were():
    before = migrated()
    kept = MigratedRows.remember("default")
    User.objects.create_user("left@example.com", "portal-demo")
    Page.objects.all().delete()
    Group.objects.all().delete()
    Permission.objects.all().delete()

    kept.put_back()

    assert migrated() == before
    assert not User.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_tests_for_postgresql_run_on_it():
    assert connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        assert cursor.fetchone() == ("UTF8",)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_new_rows_get_free_ids_after_rows_were_put_back():
    MigratedRows.remember("default").put_back()

    group = Group.objects.create(name="A new group")

    assert Group.objects.filter(pk=group.pk).count() == 1
