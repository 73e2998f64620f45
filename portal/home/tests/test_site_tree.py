"""What `migrate` leaves on a fresh database, and what it leaves alone."""

from importlib import import_module

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from wagtail.models import Page, PageViewRestriction, Site

from accounts.tests.factories import UserFactory
from courses.models import CourseIndexPage
from library.models import LibraryPage
from portal.home.models import HomePage
from portal.home.tests.pages import make_course

pytestmark = pytest.mark.django_db
planting = import_module("portal.home.migrations.0002_plant_the_site_tree")
opening = import_module("portal.home.migrations.0005_open_the_library")


@pytest.fixture(scope="module")
def apps():
    """The models as the migration sees them."""
    return MigrationLoader(None).project_state([("home", "0002_plant_the_site_tree")]).apps


@pytest.fixture(scope="module")
def later_apps():
    """The models as the migration that opens the library sees them."""
    return MigrationLoader(None).project_state([("home", "0005_open_the_library")]).apps


@pytest.fixture
def without_library(later_apps):
    """The tree as it was before the library came."""
    opening.uproot(later_apps, Editor)


class Editor:
    """The part of a schema editor that the migration uses."""

    connection = connection


def tree():
    return [
        (page.path, page.numchild, page.url_path, page.specific_class)
        for page in Page.objects.order_by("path")
    ]


def test_a_fresh_site_has_a_home_page_a_catalogue_and_a_library():
    assert tree() == [
        ("0001", 1, "/", Page),
        ("00010001", 2, "/home/", HomePage),
        ("000100010001", 0, "/home/courses/", CourseIndexPage),
        ("000100010002", 0, "/home/library/", LibraryPage),
    ]
    assert Page.find_problems() == ([], [], [], [], [])
    assert Site.objects.get().root_page.specific == HomePage.objects.get()


def test_the_fresh_pages_open(client):
    assert client.get("/").status_code == 200
    assert client.get("/courses/").status_code == 200
    assert client.get("/library/").status_code == 200
    assert LibraryPage.objects.get().url == "/library/"


def test_the_whole_site_cannot_be_closed_past_the_rule_of_who_may_open_a_lesson(client):
    client.force_login(UserFactory(superuser=True))
    home = HomePage.objects.get()

    client.post(f"/cms/pages/{home.pk}/privacy/", {"restriction_type": "login"})

    assert not PageViewRestriction.objects.exists()


def test_links_lead_to_the_address_of_the_portal(settings):
    assert HomePage.objects.get().full_url == f"{settings.PORTAL_BASE_URL}/"


def test_planting_again_changes_nothing(apps, later_apps):
    before = tree()

    planting.plant(apps, Editor)
    opening.plant(later_apps, Editor)

    assert tree() == before


def test_a_tree_that_somebody_changed_is_left_alone(without_library, apps):
    planting.uproot(apps, Editor)
    Page.objects.filter(depth=2).update(title="Our own first page")

    planting.plant(apps, Editor)

    assert [page.title for page in Page.objects.order_by("path")] == ["Root", "Our own first page"]


def test_uprooting_brings_the_welcome_page_back(without_library, apps):
    planting.uproot(apps, Editor)

    assert tree() == [("0001", 1, "/", Page), ("00010001", 0, "/home/", Page)]
    assert Site.objects.get().root_page.title == planting.WELCOME_TITLE
    assert Page.find_problems() == ([], [], [], [], [])


def test_uprooting_loses_no_course(without_library, apps):
    course = make_course("Baking")

    planting.uproot(apps, Editor)

    course.refresh_from_db()
    assert course.get_parent().specific_class is CourseIndexPage
    assert Page.find_problems() == ([], [], [], [], [])


def test_a_page_of_somebodys_at_the_address_of_the_library_stays(without_library, later_apps):
    HomePage.objects.get().add_child(instance=Page(title="Our own shelf", slug="library"))

    opening.plant(later_apps, Editor)

    assert not LibraryPage.objects.exists()
    assert Page.objects.get(slug="library").title == "Our own shelf"


def test_an_edited_library_is_not_lost_when_it_is_closed_again(later_apps):
    LibraryPage.objects.get().save_revision().publish()

    opening.uproot(later_apps, Editor)

    assert not LibraryPage.objects.exists()
    assert Page.objects.get(slug="library").specific_class is Page
    assert Page.find_problems() == ([], [], [], [], [])


def test_the_library_comes_after_whatever_stands_there(without_library, later_apps):
    for number in range(35):
        HomePage.objects.get().add_child(instance=Page(title=f"Page {number}", slug=f"page-{number}"))

    opening.plant(later_apps, Editor)

    assert LibraryPage.objects.get().path == "000100010011"  # 37 in letters and digits
    assert Page.find_problems() == ([], [], [], [], [])


def test_the_home_page_costs_the_same_with_one_course_and_with_three(client, django_assert_num_queries):
    make_course("Baking")
    client.get("/")
    with django_assert_num_queries(9):
        client.get("/")

    make_course("Brewing")
    make_course("Cooking")

    with django_assert_num_queries(9):
        client.get("/")


def test_the_home_page_shows_the_six_newest_courses(client):
    for number in range(7):
        make_course(f"Course {number}", first_published_at=f"2026-01-0{number + 1}T12:00:00Z")

    cards = client.get("/").context["courses"]

    assert [card.title for card in cards] == [f"Course {number}" for number in (6, 5, 4, 3, 2, 1)]
