"""Many clicks at once, on a real PostgreSQL with real threads."""

import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.tests.crowd import CROWD, all_at_once
from accounts.tests.factories import UserFactory
from commerce.models import Order
from courses.models import CoursePage, CourseSubscription, Enrolment, LessonCompletion, StudyPosition
from courses.services import enrolling, studying
from courses.tests.factories import NOON, CourseFactory, EnrolmentFactory, LessonFactory

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_sixteen_clicks_on_buy_hold_one_place_with_one_order():
    member, course = UserFactory(), CourseFactory()

    held = all_at_once(
        lambda: enrolling.hold_place(member=member, course=CoursePage.objects.get(pk=course.pk), at=NOON).pk
    )

    assert set(held) == {Enrolment.objects.get().pk}
    assert Order.objects.count() == 1


def test_sixteen_clicks_on_enrol_make_one_enrolment():
    member, course = UserFactory(), CourseFactory(free=True)

    entered = all_at_once(lambda: enrolling.enrol_free(member=member, course=course, at=NOON).pk)

    assert set(entered) == {Enrolment.objects.get().pk}


def test_sixteen_clicks_on_complete_mark_a_lesson_once():
    member = UserFactory()
    lesson = LessonFactory(parent=CourseFactory(), preview=True)

    answers = all_at_once(lambda: studying.complete(member=member, lesson=lesson, at=NOON))

    assert sorted(answers) == [False] * (CROWD - 1) + [True]
    assert LessonCompletion.objects.count() == 1


def test_sixteen_last_lessons_marked_at_once_complete_the_course():
    course = CourseFactory()
    enrolment = EnrolmentFactory(course=course)
    lessons = [LessonFactory(parent=course) for _ in range(CROWD)]
    waiting = list(lessons)

    all_at_once(lambda: studying.complete(member=enrolment.member, lesson=waiting.pop(), at=NOON))

    assert LessonCompletion.objects.count() == CROWD
    assert Enrolment.objects.get().completed_at == NOON


def test_sixteen_pages_opened_at_once_leave_one_place():
    course = CourseFactory()
    member = EnrolmentFactory(course=course).member
    lessons = [LessonFactory(parent=course) for _ in range(CROWD)]
    waiting = list(lessons)

    answers = all_at_once(lambda: studying.leave_off(member=member, lesson=waiting.pop(), at=NOON))

    assert set(answers) == {None}
    assert StudyPosition.objects.get().lesson in lessons


def test_sixteen_who_subscribe_at_once_are_one_subscription():
    member, course = UserFactory(), CourseFactory()
    token = AccessToken.for_user(member)

    def subscribe():
        headers = {"authorization": f"Bearer {token}"}
        return APIClient().post(f"/api/v1/courses/{course.pk}/subscription/", headers=headers).status_code

    assert sorted(all_at_once(subscribe)) == [200] * (CROWD - 1) + [201]
    assert CourseSubscription.objects.get().member == member


def test_sixteen_requests_to_enrol_make_one_place():
    member, course = UserFactory(), CourseFactory(free=True)
    token = AccessToken.for_user(member)

    def enrol():
        headers = {"authorization": f"Bearer {token}"}
        return APIClient().post("/api/v1/enrolments/", {"course": course.pk}, headers=headers).status_code

    assert sorted(all_at_once(enrol)) == [200] * (CROWD - 1) + [201]
    assert Enrolment.objects.get().member == member
