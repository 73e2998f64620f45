"""What courses keep of a person: told in full, and gone when they have gone."""

import pytest

from accounts.personal_data import keeper_of
from accounts.tests.factories import UserFactory
from courses.models import CourseChange, CourseSubscription, LessonCompletion, StudyPosition
from courses.tests.factories import NOON, CompletionFactory, CourseFactory, EnrolmentFactory, LessonFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com")


def studies(member):
    """A member with one of everything that courses keep of people."""
    course = CourseFactory(title="Gardening", free=True)
    lesson = LessonFactory(parent=course, title="Sowing")
    EnrolmentFactory(member=member, course=course)
    CompletionFactory(member=member, lesson=lesson)
    StudyPosition.objects.create(member=member, course=course, lesson=lesson, opened_at=NOON)
    CourseSubscription.objects.create(member=member, course=course, created_at=NOON)
    CourseChange.objects.create(
        course=course,
        page=lesson,
        title="Sowing",
        kind="ADDED",
        note="New",
        made_by=member,
        published_at=NOON,
    )


def test_all_that_is_kept_is_told(ada):
    studies(ada)

    told = keeper_of("learning").export(ada)

    noon = "2026-03-02T12:00:00+00:00"
    assert told == {
        "enrolments": [
            {
                "course": "Gardening",
                "lesson": None,
                "status": "ACTIVE",
                "order": None,
                "created_at": noon,
                "activated_at": noon,
            }
        ],
        "completed_lessons": [{"lesson": "Sowing", "completed_at": noon}],
        "left_off": [{"course": "Gardening", "lesson": "Sowing", "opened_at": noon}],
        "subscriptions": [{"course": "Gardening", "since": noon}],
        "published": [{"course": "Gardening", "page": "Sowing", "note": "New", "published_at": noon}],
    }


def test_who_leaves_takes_their_studies_along_and_leaves_the_courses_history(ada):
    studies(ada)
    studies(UserFactory())

    keeper_of("learning").erase(ada, at=NOON)

    assert set(map(str, keeper_of("learning").export(ada).values())) == {"[]"}
    assert [model.objects.count() for model in (LessonCompletion, StudyPosition, CourseSubscription)] == [
        1
    ] * 3
    assert CourseChange.objects.count() == 2
