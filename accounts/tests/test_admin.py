"""People and messages in both admins."""

import re
from datetime import UTC, datetime
from io import BytesIO

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import ExifTags, Image

from accounts.models import Message, User
from accounts.services import avatars
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
THEN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONG = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def boss(client):
    user = UserFactory(superuser=True, email="boss@example.com")
    client.force_login(user)
    return user


def people(client, **query):
    answer = client.get(reverse("admin:accounts_user_changelist"), query)
    return sorted(user.email for user in answer.context["cl"].queryset)


def act(client, action, *rows):
    return client.post(
        reverse(f"admin:accounts_{rows[0]._meta.model_name}_changelist"),
        {"action": action, "_selected_action": [row.pk for row in rows]},
        follow=True,
    )


# --- Django admin: people ----------------------------------------------------------------------------------
def test_people_are_filtered_by_role_and_by_who_blocked_them(boss, client):
    author = UserFactory(email="author@example.com")
    author.groups.add(Group.objects.get(name="Authors"))
    UserFactory(email="away@example.com", is_active=False, blocked_for_inactivity_at=THEN)
    UserFactory(email="eve@example.com", is_active=False)

    authors = Group.objects.get(name="Authors")
    assert people(client, groups__id__exact=authors.pk) == ["author@example.com"]
    assert people(client, blocked="inactivity") == ["away@example.com"]
    assert people(client, blocked="person") == ["eve@example.com"]


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_costs_the_same_however_long_it_is(boss, client, number, django_assert_max_num_queries):
    for user in UserFactory.create_batch(number):
        user.groups.add(Group.objects.get(name="Authors"))

    with django_assert_max_num_queries(12):
        people(client)


def test_a_blocked_account_is_opened_again(boss, client):
    ada = UserFactory(is_active=False, blocked_for_inactivity_at=THEN, last_login=LONG)

    answer = act(client, "open_again", ada)

    ada.refresh_from_db()
    assert (ada.is_active, ada.blocked_for_inactivity_at) == (True, None)
    assert ada.reactivated_at is not None
    assert "1 account opened." in answer.content.decode()


def test_ticking_active_begins_the_month_anew(boss, client):
    ada = UserFactory(is_active=False, blocked_for_inactivity_at=THEN)
    url = reverse("admin:accounts_user_change", args=[ada.pk])

    answer = client.post(url, {"email": ada.email, "is_active": "on"})

    ada.refresh_from_db()
    assert answer.status_code == 302
    assert (ada.is_active, ada.blocked_for_inactivity_at) == (True, None)
    assert ada.reactivated_at is not None


def test_an_administrator_does_not_block_herself(boss, client):
    eve = UserFactory()

    act(client, "block", boss, eve)

    assert list(User.objects.filter(is_active=True)) == [boss]


def test_dates_cannot_be_written(boss, client):
    ada = UserFactory(last_login=LONG)

    client.post(
        reverse("admin:accounts_user_change", args=[ada.pk]),
        {"email": ada.email, "is_active": "on", "last_login_0": "2026-01-01", "last_login_1": "10:00"},
    )

    ada.refresh_from_db()
    assert ada.last_login == LONG


def test_deleting_in_the_admin_is_deleting_the_account(boss, client):
    ada = UserFactory(verified=True)

    client.post(reverse("admin:accounts_user_delete", args=[ada.pk]), {"post": "yes"})

    assert list(User.objects.all()) == [boss]


def test_the_last_administrator_is_not_deleted_by_mistake(boss, client):
    answer = act(client, "delete_selected", boss)
    answer = client.post(
        reverse("admin:accounts_user_changelist"),
        {"action": "delete_selected", "_selected_action": [boss.pk], "post": "yes"},
        follow=True,
    )

    assert "only administrator" in answer.content.decode()
    assert User.objects.get().is_active


# --- Django admin: messages --------------------------------------------------------------------------------
def message(**fields):
    return Message.objects.create(
        **{
            "recipient": UserFactory(),
            "kind": "accounts.reactivation_link",
            "context": {"link": "https://portal.example/secret", "hours": 24},
            "status": "FAILED",
            "created_at": THEN,
            **fields,
        }
    )


def test_the_outbox_is_shown_without_links_that_open_accounts(boss, client):
    row = message()

    listed = client.get(reverse("admin:accounts_message_changelist"))
    shown = client.get(reverse("admin:accounts_message_change", args=[row.pk])).content.decode()

    assert listed.status_code == 200
    assert "hours: 24" in shown
    assert "secret" not in shown


def test_what_was_given_up_is_sent_again(boss, client):
    given_up, dropped = message(), message(status="DROPPED")

    answer = act(client, "send_again", given_up, dropped)

    given_up.refresh_from_db()
    dropped.refresh_from_db()
    assert (given_up.status, dropped.status) == ("PENDING", "DROPPED")
    assert "1 message will be sent." in answer.content.decode()


# --- One's own preferences in the CMS ----------------------------------------------------------------------
def photograph():
    written = BytesIO()
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "taken at home"
    Image.new("RGB", (60, 40), "red").save(written, "JPEG", exif=exif)
    return SimpleUploadedFile("home.jpg", written.getvalue(), "image/jpeg")


def test_the_cms_takes_no_picture_name_address_or_password(boss, client):
    before = User.objects.values().get()

    answer = client.post(
        "/cms/account/",
        {
            "avatar-avatar": photograph(),
            "name_email-first_name": "Eve",
            "name_email-last_name": "Evesdropper",
            "name_email-email": "eve@example.com",
            "password-old_password": PASSWORD,
            "password-new_password1": "new-tangerine-42",
            "password-new_password2": "new-tangerine-42",
            "theme-theme": "dark",
            "theme-contrast": "system",
            "theme-density": "default",
        },
    )

    assert answer.status_code == 302
    assert User.objects.values().get() == before
    assert (boss.wagtail_userprofile.theme, bool(boss.wagtail_userprofile.avatar)) == ("dark", False)


def test_the_cms_shows_preferences_only_and_leads_to_the_profile_for_the_rest(boss, client):
    page = client.get("/cms/account/")

    panels = [panel.name for panels in page.context["panels_by_tab"].values() for panel in panels]
    assert panels == ["locale", "theme", "notifications"]
    assert 'href="/accounts/profile/"' in page.content.decode()


def test_the_cms_shows_the_picture_of_the_profile(boss, client):
    avatars.replace(user=boss, upload=photograph())

    assert boss.avatar.url in client.get("/cms/account/").content.decode()


def test_the_preferences_of_the_cms_are_for_those_who_may_enter_it(client):
    client.force_login(UserFactory())

    assert client.get("/cms/account/").status_code == 302


# --- The CMS -----------------------------------------------------------------------------------------------
def person(**fields):
    return {"email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper", **fields}


def test_a_person_is_made_in_the_cms(boss, client):
    authors = Group.objects.get(name="Authors")
    form = client.get("/cms/users/new/")

    answer = client.post(
        "/cms/users/new/",
        person(email="Grace@Example.com", password1=PASSWORD, password2=PASSWORD, groups=[authors.pk]),
    )

    grace = User.objects.get(email="grace@example.com")
    assert (form.status_code, answer.status_code) == (200, 302)
    assert grace.check_password(PASSWORD)
    assert list(grace.groups.all()) == [authors]


def test_a_taken_address_is_refused_in_words(boss, client):
    answer = client.post(
        "/cms/users/new/", person(email="BOSS@example.com", password1=PASSWORD, password2=PASSWORD)
    )

    assert answer.status_code == 200
    assert answer.context["form"].errors["email"]


def test_a_person_is_edited_in_the_cms(boss, client):
    grace = UserFactory(email="grace@example.com")
    url = f"/cms/users/edit/{grace.pk}/"

    assert client.get(url).status_code == 200
    answer = client.post(url, person(email="hopper@example.com", is_active="on"))

    grace.refresh_from_db()
    assert answer.status_code == 302
    assert (grace.email, grace.last_name) == ("hopper@example.com", "Hopper")


@pytest.mark.parametrize("blocked_for_inactivity_at", [THEN, None])
def test_ticking_active_in_the_cms_begins_the_month_anew(boss, client, blocked_for_inactivity_at):
    grace = UserFactory(is_active=False, blocked_for_inactivity_at=blocked_for_inactivity_at)

    client.post(f"/cms/users/edit/{grace.pk}/", person(is_active="on"))

    grace.refresh_from_db()
    assert (grace.is_active, grace.blocked_for_inactivity_at) == (True, None)
    assert grace.reactivated_at is not None


def test_a_person_without_a_last_name_is_given_a_role_in_the_cms(boss, client):
    authors = Group.objects.get(name="Authors")
    grace = UserFactory(email="grace@example.com", first_name="", last_name="")

    answer = client.post(
        f"/cms/users/edit/{grace.pk}/", {"email": grace.email, "is_active": "on", "groups": [authors.pk]}
    )

    assert answer.status_code == 302
    assert list(grace.groups.all()) == [authors]


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_in_the_cms_shows_roles_and_costs_the_same_however_long_it_is(
    boss, client, number, django_assert_num_queries
):
    client.get("/cms/users/")
    with CaptureQueriesContext(connection) as alone:
        client.get("/cms/users/")
    for user in UserFactory.create_batch(number):
        user.groups.add(Group.objects.get(name="Authors"))

    with django_assert_num_queries(len(alone)):
        page = client.get("/cms/users/").content.decode()

    assert len(re.findall(r"<td[^>]*>\s*Authors\s*</td>", page)) == number


def test_the_admin_sends_to_the_portals_page_to_change_ones_password(boss, client):
    answer = client.get("/admin/password_change/")

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/password/change/")


def test_people_are_listed_and_found_in_the_cms(boss, client):
    UserFactory(email="grace@example.com", first_name="Grace")
    UserFactory(email="ada@example.com", first_name="Ada")

    found = client.get("/cms/users/", {"q": "grace"}).content.decode()

    assert "grace@example.com" in found
    assert "ada@example.com" not in found


def test_deleting_in_the_cms_is_deleting_the_account(boss, client):
    grace = UserFactory(verified=True)

    assert client.get(f"/cms/users/delete/{grace.pk}/").status_code == 200
    answer = client.post(f"/cms/users/delete/{grace.pk}/", follow=True)

    assert f"The account of {grace.email} was deleted." in answer.content.decode()
    assert list(User.objects.all()) == [boss]


def test_accounts_are_not_deleted_in_bulk_in_the_cms(boss, client):
    grace = UserFactory()

    answer = client.post(f"/cms/bulk/accounts/user/delete/?id={grace.pk}", follow=True)

    assert "one by one" in answer.content.decode()
    assert User.objects.filter(pk=grace.pk).exists()


def test_opening_accounts_in_bulk_in_the_cms_begins_the_month_anew(boss, client):
    grace = UserFactory(is_active=False, blocked_for_inactivity_at=THEN, last_login=LONG)

    client.post(f"/cms/bulk/accounts/user/set_active_state/?id={grace.pk}", {"mark_as_active": "True"})

    grace.refresh_from_db()
    assert (grace.is_active, grace.blocked_for_inactivity_at) == (True, None)
    assert grace.reactivated_at is not None


@pytest.mark.parametrize("is_active", [True, False])
def test_who_is_blocked_in_bulk_in_the_cms_cannot_undo_it(boss, client, is_active):
    grace = UserFactory(is_active=is_active, blocked_for_inactivity_at=None if is_active else THEN)

    client.post(f"/cms/bulk/accounts/user/set_active_state/?id={grace.pk}", {"mark_as_active": "False"})

    grace.refresh_from_db()
    assert (grace.is_active, grace.blocked_for_inactivity_at) == (False, None)
