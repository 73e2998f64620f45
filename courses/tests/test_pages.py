"""The pages as visitors, members and editors get them."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import UserFactory
from courses.models import CourseIndexPage
from courses.tests.factories import (
    SECRET,
    CompletionFactory,
    CourseFactory,
    EnrolmentFactory,
    ImageFactory,
    LessonFactory,
    SectionFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db


def queries_of(client, url, status=200):
    """The SQL of the second visit: the first one fills caches and makes pictures."""
    assert client.get(url).status_code == status
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == status
    return [query["sql"] for query in queries]


# --- The catalogue ---


def test_the_catalogue_shows_published_courses_with_their_lessons_and_price(client):
    course = CourseFactory(title="Gardening", topic=TopicFactory(name="Nature"))
    section = SectionFactory(parent=course)
    LessonFactory(parent=course, duration_minutes=5)
    LessonFactory(parent=section, duration_minutes=7)
    LessonFactory(parent=section, draft=True)
    CourseFactory(title="Unfinished", draft=True)

    response = client.get("/courses/")

    [card] = response.context["cards"]
    assert (card.title, card.url, card.lessons_count, card.minutes) == (
        "Gardening",
        "/courses/gardening/",
        2,
        12,
    )
    assert (str(card.price), str(card.topic), card.level_label) == ("49.00 USD", "Nature", "Beginner")
    assert (card.enrolment, card.progress) == (None, None)
    assert response.context["total"] == 1


@pytest.mark.parametrize("is_member", [False, True])
def test_the_catalogue_costs_the_same_with_one_course_and_with_thirty(client, settings, is_member):
    settings.CATALOGUE_PAGE_SIZE = 50
    topic = TopicFactory()
    if is_member:
        member = UserFactory()
        client.force_login(member)

    def add_course():
        course = CourseFactory(preview=ImageFactory(), topic=topic)
        LessonFactory(parent=course)
        if is_member:
            EnrolmentFactory(member=member, course=course)

    add_course()
    with_one = queries_of(client, "/courses/")
    for _ in range(29):
        add_course()
    with_thirty = queries_of(client, "/courses/")

    assert len(with_thirty) == len(with_one), "\n".join(with_thirty)
    assert len(with_one) <= (14 if is_member else 10), "\n".join(with_one)


# --- A course ---


@pytest.mark.parametrize("is_member", [False, True])
def test_a_course_costs_the_same_with_one_lesson_and_with_thirty(client, is_member):
    course = CourseFactory(title="Gardening", preview=ImageFactory(), topic=TopicFactory())
    if is_member:
        member = UserFactory()
        client.force_login(member)
        EnrolmentFactory(member=member, course=course)
    LessonFactory(parent=course)
    CourseFactory(topic=course.topic, preview=ImageFactory())
    with_one = queries_of(client, "/courses/gardening/")
    sections = [SectionFactory(parent=course) for _ in range(3)]
    for number in range(29):
        lesson = LessonFactory(parent=sections[number % 3], preview=number == 1)
        if is_member:
            CompletionFactory(member=member, lesson=lesson)
    for _ in range(3):
        CourseFactory(topic=course.topic, preview=ImageFactory())
    with_thirty = queries_of(client, "/courses/gardening/")

    assert len(with_thirty) == len(with_one), "\n".join(with_thirty)
    assert len(with_one) <= (15 if is_member else 10), "\n".join(with_one)
