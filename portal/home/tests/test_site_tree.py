"""What `migrate` leaves on a fresh database, and what it leaves alone."""

from importlib import import_module

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from wagtail.models import Page, PageViewRestriction, Site

from accounts.tests.factories import UserFactory
from courses.models import CourseIndexPage
from portal.home.models import HomePage
from portal.home.tests.pages import make_course

pytestmark = pytest.mark.django_db
planting = import_module("portal.home.migrations.0002_plant_the_site_tree")


@pytest.fixture(scope="module")
def apps():
    """The models as the migration sees them."""
    return MigrationLoader(None).project_state([("home", "0002_plant_the_site_tree")]).apps


class Editor:
    """The part of a schema editor that the migration uses."""

    connection = connection


def tree():
    return [
        (page.path, page.numchild, page.url_path, page.specific_class)
        for page in Page.objects.order_by("path")
    ]


def test_a_fresh_site_has_a_home_page_and_a_catalogue():
    assert tree() == [
        ("0001", 1, "/", Page),
        ("00010001", 1, "/home/", HomePage),
        ("000100010001", 0, "/home/courses/", CourseIndexPage),
    ]
    assert Page.find_problems() == ([], [], [], [], [])
    assert Site.objects.get().root_page.specific == HomePage.objects.get()


def test_the_fresh_pages_open(client):
    assert client.get("/").status_code == 200
    assert client.get("/courses/").status_code == 200


def test_the_whole_site_cannot_be_closed_past_the_rule_of_who_may_open_a_lesson(client):
    client.force_login(UserFactory(superuser=True))
    home = HomePage.objects.get()

    client.post(f"/cms/pages/{home.pk}/privacy/", {"restriction_type": "login"})

    assert not PageViewRestriction.objects.exists()


def test_links_lead_to_the_address_of_the_portal(settings):
    assert HomePage.objects.get().full_url == f"{settings.PORTAL_BASE_URL}/"


def test_planting_again_changes_nothing(apps):
    before = tree()

    planting.plant(apps, Editor)

    assert tree() == before


def test_a_tree_that_somebody_changed_is_left_alone(apps):
    planting.uproot(apps, Editor)
    Page.objects.filter(depth=2).update(title="Our own first page")

    planting.plant(apps, Editor)

    assert [page.title for page in Page.objects.order_by("path")] == ["Root", "Our own first page"]


def test_uprooting_brings_the_welcome_page_back(apps):
    planting.uproot(apps, Editor)

    assert tree() == [("0001", 1, "/", Page), ("00010001", 0, "/home/", Page)]
    assert Site.objects.get().root_page.title == planting.WELCOME_TITLE
    assert Page.find_problems() == ([], [], [], [], [])


def test_uprooting_loses_no_course(apps):
    course = make_course("Baking")

    planting.uproot(apps, Editor)

    course.refresh_from_db()
    assert course.get_parent().specific_class is CourseIndexPage
    assert Page.find_problems() == ([], [], [], [], [])


def test_the_home_page_costs_the_same_with_one_course_and_with_three(client, django_assert_num_queries):
    make_course("Baking")
    client.get("/")
    with django_assert_num_queries(7):
        client.get("/")

    make_course("Brewing")
    make_course("Cooking")

    with django_assert_num_queries(7):
        client.get("/")


def test_the_home_page_shows_the_six_newest_courses(client):
    for number in range(7):
        make_course(f"Course {number}", first_published_at=f"2026-01-0{number + 1}T12:00:00Z")

    cards = client.get("/").context["courses"]

    assert [card.title for card in cards] == [f"Course {number}" for number in (6, 5, 4, 3, 2, 1)]
