"""Marks of what is done, and what comes next."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from accounts.tests.factories import UserFactory
from courses.models import Enrolment, LessonCompletion, LessonPage, StudyPosition
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


# --- Where one left off ---


def opened(member, lesson, *, day=0):
    studying.leave_off(member=member, lesson=lesson, at=NOON + timedelta(days=day))


def five_lessons(course):
    return [LessonFactory(parent=course) for _ in range(5)]


def test_one_goes_on_with_the_lesson_opened_last():
    course = CourseFactory()
    member = EnrolmentFactory(course=course).member
    lessons = five_lessons(course)

    opened(member, lessons[3])
    opened(UserFactory(), lessons[1])

    assert studying.next_lesson(member=member, course=course) == lessons[3]


def test_after_a_lesson_that_is_done_comes_the_next_that_is_not():
    course = CourseFactory()
    member = EnrolmentFactory(course=course).member
    lessons = five_lessons(course)
    opened(member, lessons[2])
    for done in (lessons[2], lessons[3]):
        CompletionFactory(member=member, lesson=done)

    assert studying.next_lesson(member=member, course=course) == lessons[4]


def test_after_the_last_lesson_one_begins_with_what_was_left_out():
    course = CourseFactory()
    member = EnrolmentFactory(course=course).member
    lessons = five_lessons(course)
    opened(member, lessons[4])
    for done in (lessons[0], lessons[4]):
        CompletionFactory(member=member, lesson=done)

    assert studying.next_lesson(member=member, course=course) == lessons[1]


def test_the_page_opened_last_counts_whatever_order_the_news_come_in():
    course = CourseFactory()
    member = UserFactory()
    first, second = LessonFactory(parent=course), LessonFactory(parent=course)

    opened(member, first, day=1)
    opened(member, second, day=2)
    opened(member, first, day=1)

    position = StudyPosition.objects.get()
    assert (position.lesson, position.opened_at) == (second, NOON + timedelta(days=2))


def test_each_course_has_a_place_of_its_own():
    member = UserFactory()
    lessons = [LessonFactory(parent=CourseFactory()) for _ in range(2)]

    for lesson in lessons:
        opened(member, lesson)

    assert {position.lesson for position in StudyPosition.objects.all()} == set(lessons)


@pytest.mark.parametrize(
    ("minutes", "is_news"), [(None, True), (0, False), (10, False), (11, True), (60 * 24, True)]
)
def test_reading_on_is_not_written_down_again_at_once(minutes, is_news):
    left_off_at = None if minutes is None else NOON - timedelta(minutes=minutes)

    assert studying.is_worth_noting(left_off_at=left_off_at, at=NOON) is is_news


# --- A course that is complete ---


def test_the_last_mark_completes_the_course_once():
    course = CourseFactory()
    enrolment = EnrolmentFactory(course=course)
    lessons = [LessonFactory(parent=course), LessonFactory(parent=SectionFactory(parent=course))]
    LessonFactory(parent=course, draft=True)

    def completed_at():
        return Enrolment.objects.get(pk=enrolment.pk).completed_at

    studying.complete(member=enrolment.member, lesson=lessons[0], at=NOON)
    after_the_first = completed_at()
    studying.complete(member=enrolment.member, lesson=lessons[1], at=NOON + timedelta(days=1))
    after_the_last = completed_at()
    studying.undo(member=enrolment.member, lesson=lessons[1])
    studying.complete(member=enrolment.member, lesson=lessons[1], at=NOON + timedelta(days=2))
    added = LessonFactory(parent=course)
    studying.complete(member=enrolment.member, lesson=added, at=NOON + timedelta(days=3))

    assert after_the_first is None
    assert after_the_last == completed_at() == NOON + timedelta(days=1)


def test_a_single_lesson_completes_its_own_place_and_not_the_course():
    course = CourseFactory()
    lesson = LessonFactory(parent=course)
    LessonFactory(parent=course)
    alone = EnrolmentFactory(course=course, lesson=lesson)
    whole = EnrolmentFactory(course=course, member=alone.member)

    studying.complete(member=alone.member, lesson=lesson, at=NOON)

    assert Enrolment.objects.get(pk=alone.pk).completed_at == NOON
    assert Enrolment.objects.get(pk=whole.pk).completed_at is None


def test_marks_of_others_complete_nothing():
    course = CourseFactory()
    lesson = LessonFactory(parent=course, preview=True)
    enrolment = EnrolmentFactory(course=course)

    studying.complete(member=UserFactory(), lesson=lesson, at=NOON)

    assert Enrolment.objects.get(pk=enrolment.pk).completed_at is None


# --- What a reader leaves behind ---


def test_opening_a_lesson_with_a_place_is_remembered_by_page_and_api(client):
    course = CourseFactory()
    first, second = LessonFactory(parent=course), LessonFactory(parent=course)
    member = EnrolmentFactory(course=course).member
    client.force_login(member)
    api = APIClient()
    api.force_authenticate(member)

    client.get(first.url)
    by_page = StudyPosition.objects.get().lesson
    api.get(f"/api/v1/learning/lessons/{second.pk}/")
    by_api = StudyPosition.objects.get().lesson

    assert (by_page, by_api) == (first, second)
    assert StudyPosition.objects.get().member == member


def test_the_buyer_of_one_lesson_leaves_off_there_too(client):
    lesson = LessonFactory(parent=CourseFactory())
    client.force_login(EnrolmentFactory(course=lesson.course, lesson=lesson).member)

    client.get(lesson.url)

    assert StudyPosition.objects.get().lesson == lesson


@pytest.mark.parametrize("who", ["visitor", "guest", "owner", "superuser"])
def test_who_only_looks_leaves_no_trace(client, who):
    author = UserFactory()
    lesson = LessonFactory(parent=CourseFactory(owner=author), preview=True)
    people = {"guest": UserFactory(), "owner": author, "superuser": UserFactory(superuser=True)}
    api = APIClient()
    if who in people:
        client.force_login(people[who])
        api.force_authenticate(people[who])

    statuses = {
        client.get(lesson.url).status_code,
        api.get(f"/api/v1/learning/lessons/{lesson.pk}/").status_code,
    }

    assert statuses == {200}
    assert not StudyPosition.objects.exists()


def test_asking_for_headers_or_for_a_locked_lesson_leaves_no_trace(client):
    course = CourseFactory(is_sequential=True)
    first, locked = LessonFactory(parent=course), LessonFactory(parent=course)
    member = EnrolmentFactory(course=course).member
    client.force_login(member)
    api = APIClient()
    api.force_authenticate(member)

    client.head(first.url)
    api.head(f"/api/v1/learning/lessons/{first.pk}/")
    client.get(locked.url)
    api.get(f"/api/v1/learning/lessons/{locked.pk}/")

    assert not StudyPosition.objects.exists()


def test_a_preview_in_the_cms_writes_nothing(rf):
    course = CourseFactory()
    lesson = LessonFactory(parent=course)
    member = EnrolmentFactory(course=course).member
    request = rf.get("/")
    request.user = member

    answer = LessonPage.objects.get(pk=lesson.pk).serve_preview(request, "")

    assert answer.status_code == 200
    assert not StudyPosition.objects.exists()


@pytest.mark.parametrize("how_often", [1, 3])
def test_opening_a_page_again_at_once_writes_nothing_more(client, how_often):
    lesson = LessonFactory(parent=CourseFactory())
    client.force_login(EnrolmentFactory(course=lesson.course).member)
    client.get(lesson.url)
    noted = StudyPosition.objects.get().opened_at

    for _ in range(how_often):
        client.get(lesson.url)

    assert StudyPosition.objects.get().opened_at == noted
