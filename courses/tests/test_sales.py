"""What courses tell commerce: what can be paid by its id, and places of orders taken up again."""

from datetime import timedelta

import pytest

from accounts.tests.factories import UserFactory
from commerce import fulfilment
from commerce.gateways import gateway_for
from commerce.models import Order, Payment
from commerce.services import checkout, renewing
from commerce.tests.factories import URLS
from courses.models import Enrolment
from courses.services import enrolling
from courses.tests.factories import NOON, CourseFactory, EnrolmentFactory, LessonFactory

pytestmark = pytest.mark.django_db
TOMORROW = NOON + timedelta(hours=25)


def order_for(kind, thing, buyer=None, at=NOON):
    return fulfilment.order_for(kind=kind, reference=thing.pk, buyer=buyer or UserFactory(), at=at)


def test_a_course_is_ordered_by_its_id_and_once():
    member, course = UserFactory(), CourseFactory()

    orders = [order_for("course", course, member) for _ in range(2)]

    assert orders[0] == orders[1] == Enrolment.objects.get().order_line.order
    assert [(line.kind, line.reference) for line in orders[0].lines.all()] == [("course", str(course.pk))]


def test_a_lesson_is_ordered_by_its_id():
    lesson = LessonFactory(parent=CourseFactory(), sold_alone=True)

    order = order_for("lesson", lesson)

    assert [(line.kind, line.reference) for line in order.lines.all()] == [("lesson", str(lesson.pk))]


@pytest.mark.parametrize("kind", ["course", "lesson"])
def test_what_is_not_published_is_not_there(kind):
    course = CourseFactory(draft=True)
    thing = course if kind == "course" else LessonFactory(parent=course, sold_alone=True)

    with pytest.raises(fulfilment.NothingThere):
        order_for(kind, thing)
    assert not Order.objects.exists()


def test_what_is_free_or_had_or_not_sold_alone_is_not_to_be_had():
    enrolment = EnrolmentFactory()

    with pytest.raises(fulfilment.NotAvailable, match="is free"):
        order_for("course", CourseFactory(free=True))
    with pytest.raises(fulfilment.NotAvailable, match="is yours already"):
        order_for("course", enrolment.course, enrolment.member)
    with pytest.raises(fulfilment.NotAvailable, match="with its whole course only"):
        order_for("lesson", LessonFactory(parent=CourseFactory()))


def test_what_nobody_sells_is_not_known():
    with pytest.raises(fulfilment.UnknownKind):
        fulfilment.order_for(kind="castle", reference=1, buyer=UserFactory(), at=NOON)


def test_two_apps_do_not_order_one_kind():
    with pytest.raises(fulfilment.KindTaken):
        fulfilment.register_payable("course", order_for)


# --- Taken up again ---
def given_up(enrolment: Enrolment) -> Payment:
    payment = checkout.open_session(order=enrolment.order_line.order, urls=URLS, at=NOON)
    gateway_for("usd").expire_session(payment.session_id)
    checkout.sweep_unpaid(at=TOMORROW)
    payment.refresh_from_db()
    enrolment.refresh_from_db()
    assert (payment.status, enrolment.status) == ("EXPIRED", "CANCELLED")
    return payment


def renew(payment: Payment) -> Payment:
    return renewing.renew(payment=payment, urls=URLS, at=TOMORROW, by=payment.order.buyer)


def test_a_place_waits_again_with_its_order_and_opens_when_it_is_paid():
    enrolment = enrolling.hold_place(member=UserFactory(), course=CourseFactory(), at=NOON)

    renewed = renew(given_up(enrolment))

    enrolment.refresh_from_db()
    assert enrolment.status == "PENDING"
    gateway_for("usd").pay(renewed.session_id)
    checkout.complete(payment=renewed, at=TOMORROW)
    enrolment.refresh_from_db()
    assert enrolment.status == "ACTIVE"


def test_a_place_that_was_ordered_again_waits_with_the_newer_order():
    enrolment = enrolling.hold_place(member=UserFactory(), course=CourseFactory(), at=NOON)
    payment = given_up(enrolment)
    newer = enrolling.hold_place(member=enrolment.member, course=enrolment.course, at=TOMORROW)

    with pytest.raises(fulfilment.NotAvailable, match="pay the newer order"):
        renew(payment)

    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == ("EXPIRED", "CANCELLED")
    assert newer.order_line.order.status == "AWAITING_PAYMENT"


def test_a_place_that_one_has_is_not_paid_again():
    enrolment = enrolling.hold_place(member=UserFactory(), course=CourseFactory(), at=NOON)
    payment = given_up(enrolment)
    EnrolmentFactory(member=enrolment.member, course=enrolment.course)

    with pytest.raises(fulfilment.NotAvailable, match="has this already"):
        renew(payment)
