"""What the catalogue and a course cost: whole requests, of any size, whoever asks."""

import pytest
from django.test import Client
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken
from wagtail.search.index import insert_or_update_object

from accounts.tests.factories import UserFactory
from courses.models import CourseChange, CourseSubscription
from courses.tests.factories import NOON, CompletionFactory, EnrolmentFactory, ImageFactory
from courses.tests.scale import grow_catalogue
from courses.tests.test_pages import queries_of

pytestmark = pytest.mark.django_db

CATALOGUE_QUERIES = 8
COURSE_QUERIES = 10
SIZES = [(1, 1), (3, 3), (500, 20)]


@pytest.fixture(scope="module")
def costs(django_db_setup, django_db_blocker):
    """The queries of every address for every asker, by the size of the catalogue."""
    from django.db import transaction

    with django_db_blocker.unblock():
        found = {}
        for courses, lessons in SIZES:
            with transaction.atomic():
                found[courses] = _measure(courses, lessons)
                transaction.set_rollback(True)
        return found


def _measure(courses, lessons):
    grown = grow_catalogue(courses=courses, lessons=lessons, picture=ImageFactory())
    course, member = grown[0], UserFactory()
    insert_or_update_object(course)  # one is enough to be found
    EnrolmentFactory(member=member, course=course)
    CourseSubscription.objects.create(member=member, course=course, created_at=NOON)
    first = course.get_children().first()
    CompletionFactory(member=member, lesson=first.specific)
    CourseChange.objects.create(
        course=course, page=first, title="First", kind=CourseChange.Kind.CHANGED, published_at=NOON
    )
    askers = {"visitor": (Client(), APIClient())}
    for name, person in {"member": member, "stranger": UserFactory()}.items():
        askers[name] = (Client(), APIClient())
        askers[name][0].force_login(person)
        askers[name][1].credentials(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(person)}")
    path = f"/courses/{course.slug}/"
    return {
        (name, address): queries_of(client, address)
        for name, (browser, api) in askers.items()
        for client, address in [
            (browser, "/courses/"),
            (browser, "/courses/?search=course"),
            (browser, "/courses/?topic=garden&level=BEGINNER&price=free&ordering=title"),
            (browser, path),
            (api, "/api/v1/catalogue/"),
            (api, "/api/v1/catalogue/?search=course&topic=garden"),
            (api, "/api/v1/catalogue/facets/?search=course"),
            (api, f"/api/v1/catalogue/{course.pk}/"),
        ]
    }


def test_five_hundred_courses_are_within_the_budget(costs):
    too_many = {
        asked: len(queries)
        for asked, queries in costs[500].items()
        if len(queries) > (COURSE_QUERIES if "course-" in asked[1] else CATALOGUE_QUERIES)
    }

    assert too_many == {}


def _counts(costs, size):
    return {
        (name, address.rstrip("/0123456789") if "?" not in address else address): len(queries)
        for (name, address), queries in costs[size].items()
    }


def test_one_course_costs_what_many_cost(costs):
    assert _counts(costs, 1) == _counts(costs, 3) == _counts(costs, 500)
