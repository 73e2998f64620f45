"""`load_payments`: payments by hand out of a file."""

import json
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from accounts.tests.factories import UserFactory
from commerce.models import Order, OrderLine, Payment
from courses import permissions
from courses.models import CoursePage, Enrolment
from courses.services import enrolling
from courses.tests.factories import NOON, CourseFactory, EnrolmentFactory, LessonFactory, SectionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def gardening():
    return CourseFactory(title="Gardening", slug="gardening")


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com")


@pytest.fixture
def load(tmp_path):
    def run(*rows):
        path = tmp_path / "payments.json"
        path.write_text(json.dumps(rows))
        call_command("load_payments", path, verbosity=0)

    return run


def row(**changes):
    values = {
        "reference": "r1",
        "user": "ada@example.com",
        "date": "2026-02-03",
        "course": "gardening",
        "amount": "49.00",
        "currency": "USD",
        "method": "cash",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def nothing_was_recorded():
    return not any(model.objects.exists() for model in (Order, Payment, Enrolment))


def test_a_row_makes_an_order_a_payment_and_a_place(load, ada, gardening):
    load(row())

    noon = datetime(2026, 2, 3, 12, tzinfo=UTC)
    order, line, payment, enrolment = (
        model.objects.get() for model in (Order, OrderLine, Payment, Enrolment)
    )
    assert (order.buyer, order.status, str(order.total), order.paid_at) == (ada, "PAID", "49.00 USD", noon)
    assert (line.kind, line.reference, line.fulfilled_at) == ("course", str(gardening.pk), noon)
    assert (payment.status, payment.method, payment.paid_at, payment.created_at) == (
        "PAID",
        "cash",
        noon,
        noon,
    )
    assert (enrolment.member, enrolment.status, enrolment.lesson) == (ada, "ACTIVE", None)
    assert enrolment.order_line == line


def test_a_lesson_is_paid_by_its_own_link_and_opens(load, ada, gardening):
    lesson = LessonFactory(parent=gardening, slug="sowing", sold_alone=True)
    other = LessonFactory(parent=gardening)

    load(row(course=None, lesson="gardening/sowing", amount="9.00", method="transfer"))

    assert (OrderLine.objects.get().kind, OrderLine.objects.get().reference) == ("lesson", str(lesson.pk))
    assert Payment.objects.get().method == "transfer"
    assert permissions.may_open(ada, lesson)
    assert not permissions.may_open(ada, other)


def test_a_second_run_records_nothing_more(load, ada, gardening):
    load(row())
    before = [list(model.objects.values()) for model in (Order, OrderLine, Payment, Enrolment)]

    load(row())

    assert [list(model.objects.values()) for model in (Order, OrderLine, Payment, Enrolment)] == before


def test_rows_added_later_are_recorded_and_the_others_not_again(load, ada, gardening):
    UserFactory(email="eve@example.com")
    load(row())

    load(row(), row(reference="r2", user="Eve@example.com"))

    assert list(Order.objects.order_by("pk").values_list("buyer__email", flat=True)) == [
        "ada@example.com",
        "eve@example.com",
    ]


@pytest.mark.parametrize("course", ["gardening", "Gardening"])
def test_a_course_is_named_by_slug_or_title(load, ada, gardening, course):
    load(row(course=course))

    assert Enrolment.objects.get().course == gardening


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"user": "eve@example.com"},
            "nobody with the address eve@example.com. Load the people first: load_demo",
        ),
        ({"course": "botany"}, "no course or lesson “botany”"),
        ({"amount": "48.00"}, "it costs 49.00 USD and not 48.00 USD"),
        ({"currency": "EUR"}, "it costs 49.00 USD and not 49.00 EUR"),
        ({"course": "free-for-all", "amount": "1"}, "is free: enrol without paying"),
        ({"course": "hidden"}, "is not published"),
        ({"course": "mine"}, "is yours already"),
        ({"course": "ordered"}, "for it waits to be paid already"),
        ({"course": None, "lesson": "twice", "amount": "9.00"}, "“twice” is more than one"),
        ({"course": None, "lesson": "alone", "amount": "9.00"}, "is sold with its whole course only"),
    ],
)
def test_a_row_that_does_not_fit_is_named_and_nothing_is_recorded(load, ada, gardening, changes, said):
    CourseFactory(slug="other")
    CourseFactory(slug="free-for-all", free=True)
    CourseFactory(slug="hidden", draft=True)
    for _ in range(2):
        LessonFactory(parent=SectionFactory(parent=gardening), slug="twice", sold_alone=True)
    LessonFactory(parent=gardening, slug="alone")
    EnrolmentFactory(member=ada, course=CourseFactory(slug="mine"))
    enrolling.hold_place(member=ada, course=CourseFactory(slug="ordered"), at=NOON)
    before = [model.objects.count() for model in (Order, Payment, Enrolment)]

    with pytest.raises(CommandError) as refusal:
        load(row(reference="good", course="other"), row(reference="bad", **changes))

    assert "Row “bad”:" in str(refusal.value)
    assert said in str(refusal.value)
    assert "Nothing was recorded." in str(refusal.value)
    assert [model.objects.count() for model in (Order, Payment, Enrolment)] == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "stripe"}, "“stripe” is no method. Write cash or transfer."),
        ({"method": None}, "method must be there"),
        ({"reference": ""}, "reference must be there"),
        ({"lesson": "sowing"}, "either the course or the lesson"),
        ({"course": None}, "either the course or the lesson"),
        ({"amount": "a lot"}, "is no amount of USD"),
        ({"amount": "1.005"}, "is no amount of USD"),
        ({"amount": 49}, "values are all texts"),
        ({"currency": "XXX"}, "is not taken here"),
        ({"date": "yesterday"}, "is no date"),
        ({"date": "2026-02-03T12:00:00"}, "is no date"),
        ({"date": "9999-01-01"}, "still to come"),
        ({"colour": "red"}, "colour is not known"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_with_the_remedy(load, ada, gardening, changes, said):
    with pytest.raises(CommandError) as refusal:
        load(row(reference="good"), row(**changes))

    assert str(refusal.value).startswith("Row 2: ")
    assert said in str(refusal.value)
    assert nothing_was_recorded()


def test_a_reference_that_stands_twice_is_an_error(load, ada, gardening):
    with pytest.raises(CommandError, match="Row 2: “r1” stands twice"):
        load(row(), row())

    assert nothing_was_recorded()


@pytest.mark.parametrize(
    ("text", "said"), [("{", "is no JSON"), ("{}", "must hold a list"), (None, "cannot be read")]
)
def test_a_file_that_is_no_list_of_rows_is_refused(tmp_path, text, said):
    path = tmp_path / "payments.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(CommandError, match=said):
        call_command("load_payments", path)


def test_a_moment_is_kept_with_its_zone(load, ada, gardening):
    load(row(date="2026-02-03T10:00:00+02:00"))

    assert Payment.objects.get().paid_at == datetime(2026, 2, 3, 8, tzinfo=UTC)


def test_a_place_that_was_given_up_is_no_obstacle(load, ada, gardening):
    EnrolmentFactory(member=ada, course=gardening, cancelled=True)

    load(row())

    assert Enrolment.objects.get(status="ACTIVE").member == ada
    assert CoursePage.objects.studied_by(ada).get() == gardening


def test_the_profile_tells_of_it(load, ada, gardening):
    load(row())
    api = APIClient()
    api.force_authenticate(ada)

    [payment] = api.get("/api/v1/users/me/").json()["payments"]

    assert (payment["method"], payment["amount"], payment["course"]) == ("cash", "49.00", gardening.pk)
    assert payment["paid_at"] == "2026-02-03T12:00:00+00:00"
