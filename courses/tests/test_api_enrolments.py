"""Enrolling by the API, and the list of one's places."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from accounts.tests.factories import UserFactory
from commerce.gateways import gateway_for
from commerce.services import checkout
from courses.models import CoursePage, Enrolment
from courses.services import enrolling, studying
from courses.tests.factories import (
    NOON,
    CompletionFactory,
    CourseFactory,
    EnrolmentFactory,
    LessonFactory,
)
from courses.tests.test_pages import queries_of

pytestmark = pytest.mark.django_db
URL = "/api/v1/enrolments/"


def client_of(person=None):
    client = APIClient()
    if person is not None:
        client.force_authenticate(person)
    return client


def test_a_free_course_is_entered_once():
    course = CourseFactory(title="Gardening", free=True)
    member = UserFactory()

    answers = [client_of(member).post(URL, {"course": course.pk}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    enrolment = Enrolment.objects.get()
    told = answers[0].json()
    assert told.pop("created_at") == told.pop("activated_at") is not None
    assert told == {
        "id": enrolment.pk,
        "course": course.pk,
        "course_title": "Gardening",
        "lesson": None,
        "lesson_title": None,
        "status": "ACTIVE",
        "progress": 0,
        "completed_at": None,
        "url": "http://testserver/courses/gardening/",
    }
    assert (enrolment.member, enrolment.status) == (member, "ACTIVE")


def test_a_paid_course_answers_with_the_way_to_pay():
    course = CourseFactory(title="Gardening")

    answer = client_of(UserFactory()).post(URL, {"course": course.pk})

    assert (answer.status_code, answer["Content-Type"]) == (402, "application/problem+json")
    assert answer.json() == {
        "type": "about:blank",
        "title": "Payment Required",
        "status": 402,
        "detail": "“Gardening” costs 49.00 USD. Buy it to enrol.",
        "payment": {
            "course": course.pk,
            "amount": "49.00",
            "currency": "USD",
            "url": "http://testserver/courses/gardening/",
            "payments_url": "http://testserver/api/v1/payments/",
        },
    }
    assert not Enrolment.objects.exists()


@pytest.mark.parametrize("trait", ["pending", "cancelled", "revoked"])
def test_a_place_that_is_not_paid_for_is_paid_first(trait):
    enrolment = EnrolmentFactory(**{trait: True})

    answer = client_of(enrolment.member).post(URL, {"course": enrolment.course.pk})

    assert answer.status_code == 402
    assert Enrolment.objects.get() == enrolment


def test_who_has_bought_the_course_gets_their_place():
    enrolment = EnrolmentFactory()

    answer = client_of(enrolment.member).post(URL, {"course": enrolment.course.pk})

    assert (answer.status_code, answer.json()["id"]) == (200, enrolment.pk)


def test_one_lesson_of_a_course_is_not_the_course():
    lesson = LessonFactory(parent=CourseFactory())
    alone = EnrolmentFactory(course=lesson.course, lesson=lesson)

    answer = client_of(alone.member).post(URL, {"course": lesson.course.pk})

    assert answer.status_code == 402


@pytest.mark.parametrize("is_free", [True, False])
def test_a_course_that_is_not_published_is_not_there(is_free):
    course = CourseFactory(draft=True, free=is_free)

    answer = client_of(UserFactory()).post(URL, {"course": course.pk})

    assert answer.status_code == 404
    assert not Enrolment.objects.exists()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 400),
        ({"course": "x"}, 400),
        ({"course": 2**63}, 400),
        ({"course": 0}, 400),
        ({"course": 99999}, 404),
    ],
)
def test_what_is_no_course_is_said_to_be_none(sent, status):
    answer = client_of(UserFactory()).post(URL, sent)

    assert answer.status_code == status
    assert ("course" in answer.json().get("errors", {})) is (status == 400)


def test_visitors_have_no_places():
    course = CourseFactory(free=True)

    answers = [client_of().get(URL), client_of().post(URL, {"course": course.pk})]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert not Enrolment.objects.exists()


def test_money_on_its_way_is_waited_for():
    course = CourseFactory()
    member = UserFactory()
    order = enrolling.hold_place(member=member, course=course, at=NOON).order_line.order
    urls = checkout.ReturnUrls(success="http://testserver/ok/", cancel="http://testserver/no/")
    payment = checkout.open_session(order=order, urls=urls, at=NOON + timedelta(seconds=1))
    gateway_for("usd").pay_slowly(payment.session_id)
    CoursePage.objects.filter(pk=course.pk).update(price=0)

    answer = client_of(member).post(URL, {"course": course.pk})

    assert answer.status_code == 409
    assert "on its way" in answer.json()["detail"]


def test_everybody_lists_their_own_places_newest_first_with_status_and_progress():
    member = UserFactory()
    course = CourseFactory(title="Gardening")
    lessons = [LessonFactory(parent=course) for _ in range(2)]
    LessonFactory(parent=course, draft=True)
    EnrolmentFactory(member=member, course=course)
    alone = LessonFactory(parent=CourseFactory(title="Botany"), title="Sowing")
    EnrolmentFactory(member=member, course=alone.course, lesson=alone, created_at=NOON + timedelta(days=1))
    EnrolmentFactory(member=member, pending=True, created_at=NOON - timedelta(days=1))
    EnrolmentFactory()
    CompletionFactory(member=member, lesson=alone)
    studying.complete(member=member, lesson=lessons[0], at=NOON)

    answer = client_of(member).get(URL).json()

    assert (answer["count"], answer["next"], answer["previous"]) == (3, None, None)
    assert [
        (row["course_title"], row["lesson_title"], row["status"], row["progress"])
        for row in answer["results"][:2]
    ] == [("Botany", "Sowing", "ACTIVE", 100), ("Gardening", None, "ACTIVE", 50)]
    assert (answer["results"][2]["status"], answer["results"][2]["progress"]) == ("PENDING", None)
    assert answer["results"][0]["url"].endswith("/courses/botany/sowing/")


def test_the_list_narrows_down_by_status():
    active = EnrolmentFactory()
    EnrolmentFactory(member=active.member, revoked=True)

    answer = client_of(active.member).get(URL, {"status": "ACTIVE"}).json()

    assert [row["id"] for row in answer["results"]] == [active.pk]


@pytest.mark.parametrize("query", [{"status": "OPEN"}, {"course": "1"}])
def test_a_filter_that_is_not_known_is_an_error(query):
    answer = client_of(UserFactory()).get(URL, query)

    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == set(query)


@pytest.mark.parametrize("how_many", [1, 3])
def test_the_list_costs_the_same_with_any_number_of_places(how_many):
    member = UserFactory()
    for _ in range(how_many):
        course = CourseFactory()
        lesson = LessonFactory(parent=course)
        EnrolmentFactory(member=member, course=course)
        EnrolmentFactory(member=member, course=course, lesson=lesson)

    queries = queries_of(client_of(member), URL)

    assert len(queries) == 5, "\n".join(queries)
