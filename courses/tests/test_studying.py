"""Marks of what is done, and what comes next."""

from datetime import timedelta

import pytest

from accounts.tests.factories import UserFactory
from courses.models import LessonCompletion
from courses.services import studying
from courses.tests.factories import (
    NOON,
    CompletionFactory,
    CourseFactory,
    EnrolmentFactory,
    LessonFactory,
    SectionFactory,
)

pytestmark = pytest.mark.django_db


def test_completing_twice_keeps_the_first_time():
    lesson = LessonFactory(parent=CourseFactory(), preview=True)
    member = UserFactory()

    answers = [
        studying.complete(member=member, lesson=lesson, at=NOON + timedelta(days=day)) for day in range(2)
    ]

    assert answers == [True, False]
    assert LessonCompletion.objects.get().completed_at == NOON


def test_undoing_says_whether_there_was_anything_to_undo():
    lesson = LessonFactory(parent=CourseFactory(), preview=True)
    completion = CompletionFactory(lesson=lesson)

    answers = [studying.undo(member=completion.member, lesson=lesson) for _ in range(2)]

    assert answers == [True, False]


def test_a_locked_lesson_cannot_be_completed():
    lesson = LessonFactory(parent=CourseFactory(), title="Sowing")

    with pytest.raises(studying.LessonLocked, match="“Sowing” is locked for you"):
        studying.complete(member=UserFactory(), lesson=lesson, at=NOON)


def test_the_next_lesson_is_the_first_one_not_done():
    course = CourseFactory()
    member = EnrolmentFactory(course=course).member
    first = LessonFactory(parent=course)
    LessonFactory(parent=course, draft=True)
    second = LessonFactory(parent=SectionFactory(parent=course))
    third = LessonFactory(parent=course)
    CompletionFactory(member=member, lesson=first)
    CompletionFactory(member=member, lesson=third)

    assert studying.next_lesson(member=member, course=course) == second


def test_nothing_is_next_when_all_is_done_or_locked():
    course = CourseFactory()
    lesson = LessonFactory(parent=course)
    member = EnrolmentFactory(course=course).member
    CompletionFactory(member=member, lesson=lesson)

    assert studying.next_lesson(member=member, course=course) is None
    assert studying.next_lesson(member=UserFactory(), course=course) is None
