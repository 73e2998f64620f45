"""Places in courses: one each, held for an order, opened by its money, closed by a refund."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from accounts.tests.factories import UserFactory
from commerce.gateways import gateway_for
from commerce.models import Order, Payment
from commerce.money import Money
from commerce.services import checkout, delivery, ordering, settlement
from commerce.tests.factories import URLS
from courses.models import Enrolment
from courses.services import enrolling
from courses.tests.factories import NOON, CourseFactory, EnrolmentFactory, LessonFactory, SectionFactory

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=1)
NEXT_WEEK = NOON + timedelta(days=7)


def pay_and_wait(order, at=LATER):
    """The buyer pays the order's page, and the portal hears of it; what was bought is yet to be delivered."""
    payment = order.payments.first() or checkout.open_session(order=order, urls=URLS, at=NOON)
    gateway_for(payment.account).pay(payment.session_id)
    return settlement.settle(payment=payment, at=at, cause="test")


def pay(order, at=LATER):
    """The buyer pays, and has what was bought."""
    payment = pay_and_wait(order, at=at)
    delivery.deliver_order(order=payment.order, at=at)
    return payment


def statuses(enrolment):
    enrolment.refresh_from_db()
    return [change.to_status for change in enrolment.status_changes.all()]


# --- What the database does not let happen ---


@pytest.mark.parametrize("first", ["PENDING", "ACTIVE"])
@pytest.mark.parametrize("second", ["PENDING", "ACTIVE"])
@pytest.mark.parametrize("is_one_lesson", [False, True])
def test_a_member_has_one_open_enrolment_in_a_thing(first, second, is_one_lesson):
    course = CourseFactory()
    lesson = LessonFactory(parent=course, sold_alone=True) if is_one_lesson else None
    activated_at = {"PENDING": None, "ACTIVE": NOON}
    member = EnrolmentFactory(
        course=course, lesson=lesson, status=first, activated_at=activated_at[first]
    ).member

    constraint = "one_open_per_lesson|lesson_id" if is_one_lesson else "one_open_per_course|course_id"
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        EnrolmentFactory(
            member=member, course=course, lesson=lesson, status=second, activated_at=activated_at[second]
        )


def test_closed_enrolments_and_single_lessons_stand_beside_an_open_one():
    course = CourseFactory()
    member = EnrolmentFactory(course=course).member

    EnrolmentFactory(member=member, course=course, cancelled=True)
    EnrolmentFactory(member=member, course=course, revoked=True)
    EnrolmentFactory(member=member, course=course, lesson=LessonFactory(parent=course, sold_alone=True))

    assert Enrolment.objects.by(member).count() == 4


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"status": "LOST"}, "courses_enrolment_(status_known|activated_at_iff_activated)"),
        ({"status": "ACTIVE", "activated_at": None}, "courses_enrolment_activated_at_iff_activated"),
        ({"status": "PENDING", "activated_at": NOON}, "courses_enrolment_activated_at_iff_activated"),
    ],
)
def test_an_enrolment_is_what_its_status_says(fields, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        EnrolmentFactory(**fields)


def test_every_status_stands_in_the_table_of_transitions():
    assert set(Enrolment.TRANSITIONS) == set(Enrolment.Status)


@pytest.mark.parametrize(
    ("start", "to", "is_allowed"),
    [
        ("PENDING", "ACTIVE", True),
        ("PENDING", "CANCELLED", True),
        ("PENDING", "REVOKED", False),
        ("ACTIVE", "REVOKED", True),
        ("ACTIVE", "CANCELLED", False),
        ("CANCELLED", "ACTIVE", True),
        ("CANCELLED", "REVOKED", False),
        ("REVOKED", "ACTIVE", False),
        ("REVOKED", "CANCELLED", False),
    ],
)
def test_a_status_moves_along_the_table_only(start, to, is_allowed):
    was_open = start in ("ACTIVE", "REVOKED")
    enrolment = EnrolmentFactory(status=start, activated_at=NOON if was_open else None)

    fields = {"activated_at": LATER} if to == "ACTIVE" else {}
    won = enrolment.transition(to=to, at=LATER, cause="test", **fields)

    assert won is is_allowed
    enrolment.refresh_from_db()
    assert enrolment.status == (to if is_allowed else start)


# --- Free ---


def test_a_free_course_is_entered_at_once():
    member, course = UserFactory(), CourseFactory(free=True)

    enrolment = enrolling.enrol_free(member=member, course=course, at=NOON)

    assert (enrolment.status, enrolment.activated_at, enrolment.order_line) == ("ACTIVE", NOON, None)


def test_entering_twice_is_entering_once():
    member, course = UserFactory(), CourseFactory(free=True)
    first = enrolling.enrol_free(member=member, course=course, at=NOON)

    assert enrolling.enrol_free(member=member, course=course, at=LATER) == first
    assert Enrolment.objects.count() == 1


def test_a_paid_course_is_not_entered_for_nothing():
    course = CourseFactory(title="Gardening")

    with pytest.raises(enrolling.PaymentRequired, match=r"“Gardening” costs 49.00 USD\. Buy it to enrol\."):
        enrolling.enrol_free(member=UserFactory(), course=course, at=NOON)

    assert not Enrolment.objects.exists()


def test_a_course_that_became_free_frees_its_unpaid_orders():
    member, course = UserFactory(), CourseFactory()
    held = enrolling.hold_place(member=member, course=course, at=NOON)
    course.price = Decimal("0.00")
    course.save()

    enrolment = enrolling.enrol_free(member=member, course=course, at=LATER)

    assert enrolment.status == "ACTIVE"
    assert statuses(held) == ["CANCELLED"]
    assert Order.objects.get().status == "CANCELLED"


# --- Held and paid ---


def test_a_place_is_held_with_an_order_at_the_price_of_the_day():
    member, course = UserFactory(), CourseFactory(title="Gardening")

    enrolment = enrolling.hold_place(member=member, course=course, at=NOON)

    line = enrolment.order_line
    assert (enrolment.status, line.kind, line.reference, line.title) == (
        "PENDING",
        "course",
        str(course.pk),
        "Gardening",
    )
    assert (line.order.buyer, line.order.status) == (member, "AWAITING_PAYMENT")
    assert line.order.total == Money(Decimal("49.00"), "USD")


def test_a_lesson_is_sold_alone():
    course = CourseFactory(title="Gardening")
    lesson = LessonFactory(parent=course, title="Sowing", sold_alone=True)

    enrolment = enrolling.hold_place(member=UserFactory(), course=course, lesson=lesson, at=NOON)

    line = enrolment.order_line
    assert (line.kind, line.reference, line.title) == ("lesson", str(lesson.pk), "Gardening: Sowing")
    assert line.unit_price == Money(Decimal("9.00"), "USD")


def test_asking_again_gives_the_order_there_is():
    member, course = UserFactory(), CourseFactory()
    first = enrolling.hold_place(member=member, course=course, at=NOON)

    again = enrolling.hold_place(member=member, course=course, at=LATER)

    assert again == first
    assert Order.objects.count() == 1


def test_a_price_that_changes_does_not_change_what_was_ordered():
    member, course = UserFactory(), CourseFactory()
    order = enrolling.hold_place(member=member, course=course, at=NOON).order_line.order
    course.price = Decimal("99.00")
    course.save()

    payment = pay(order)

    assert (payment.amount, payment.order.status) == (Money(Decimal("49.00"), "USD"), "PAID")


def test_an_order_whose_time_is_over_makes_room_for_a_new_one():
    member, course = UserFactory(), CourseFactory()
    first = enrolling.hold_place(member=member, course=course, at=NOON)

    second = enrolling.hold_place(member=member, course=course, at=NEXT_WEEK)

    assert second != first
    assert statuses(first) == ["CANCELLED"]
    assert second.order_line.order.status == "AWAITING_PAYMENT"


def test_money_opens_the_place_and_hearing_of_it_twice_changes_nothing():
    enrolment = enrolling.hold_place(member=UserFactory(), course=CourseFactory(), at=NOON)

    pay(enrolment.order_line.order)
    delivery.deliver_order(order=Order.objects.get(), at=NEXT_WEEK)

    assert statuses(enrolment) == ["ACTIVE"]
    assert enrolment.activated_at == LATER


def test_who_is_in_cannot_buy_again():
    enrolment = EnrolmentFactory()

    with pytest.raises(enrolling.AlreadyEnrolled):
        enrolling.hold_place(member=enrolment.member, course=enrolment.course, at=NOON)

    assert not Order.objects.exists()


def test_who_has_the_course_cannot_buy_a_lesson_of_it():
    course = CourseFactory()
    lesson = LessonFactory(parent=course, sold_alone=True)
    member = EnrolmentFactory(course=course).member

    with pytest.raises(enrolling.AlreadyEnrolled):
        enrolling.hold_place(member=member, course=course, lesson=lesson, at=NOON)


@pytest.mark.parametrize(
    ("course", "lesson", "reason"),
    [
        ({"free": True}, None, "is free"),
        ({"draft": True}, None, "is not published"),
        ({}, {}, "is sold with its whole course only"),
        ({}, {"sold_alone": True, "draft": True}, "is not published"),
    ],
)
def test_what_is_not_for_sale_is_not_sold(course, lesson, reason):
    course = CourseFactory(**course)
    lesson = None if lesson is None else LessonFactory(parent=course, **lesson)

    with pytest.raises(enrolling.NotForSale, match=reason):
        enrolling.hold_place(member=UserFactory(), course=course, lesson=lesson, at=NOON)


@pytest.mark.parametrize("reason", ["is not published", "is open to everyone", "is free"])
def test_a_lesson_that_is_hidden_or_open_anyway_is_not_sold(reason):
    course = CourseFactory(free=reason == "is free")
    parent = SectionFactory(parent=course, live=False) if reason == "is not published" else course
    lesson = LessonFactory(parent=parent, sold_alone=True, preview=reason == "is open to everyone")

    with pytest.raises(enrolling.NotForSale, match=reason):
        enrolling.hold_place(member=UserFactory(), course=course, lesson=lesson, at=NOON)


def test_a_place_paid_for_and_not_opened_yet_is_not_sold_again():
    member, course = UserFactory(), CourseFactory()
    paid = enrolling.hold_place(member=member, course=course, at=NOON)
    pay_and_wait(paid.order_line.order)

    again = enrolling.hold_place(member=member, course=course, at=LATER)

    assert again == paid
    assert (again.status, again.order_line.order.status) == ("PENDING", "PAID")
    assert Order.objects.count() == 1


def test_a_course_that_became_free_while_money_for_it_is_on_its_way_waits_for_the_money():
    member, course = UserFactory(), CourseFactory()
    held = enrolling.hold_place(member=member, course=course, at=NOON)
    payment = checkout.open_session(order=held.order_line.order, urls=URLS, at=NOON)
    gateway_for(payment.account).pay_slowly(payment.session_id)
    course.price = Decimal("0.00")
    course.save()

    with pytest.raises(checkout.PaymentUnderWay):
        enrolling.enrol_free(member=member, course=course, at=LATER)

    assert statuses(held) == []


# --- Given up, late, refunded ---


def test_giving_the_order_up_frees_the_place():
    enrolment = enrolling.hold_place(member=UserFactory(), course=CourseFactory(), at=NOON)

    checkout.sweep_unpaid(at=NEXT_WEEK)

    assert statuses(enrolment) == ["CANCELLED"]


def test_money_that_comes_late_is_honoured():
    enrolment = enrolling.hold_place(member=UserFactory(), course=CourseFactory(), at=NOON)
    order = enrolment.order_line.order
    checkout.open_session(order=order, urls=URLS, at=NOON)
    ordering.cancel(order=order, at=LATER, cause="test")

    pay(order, at=NEXT_WEEK)

    assert statuses(enrolment) == ["CANCELLED", "ACTIVE"]


def test_late_money_wins_over_a_second_order_that_is_not_paid():
    member, course = UserFactory(), CourseFactory()
    first = enrolling.hold_place(member=member, course=course, at=NOON)
    checkout.open_session(order=first.order_line.order, urls=URLS, at=NOON)
    ordering.cancel(order=first.order_line.order, at=LATER, cause="test")
    second = enrolling.hold_place(member=member, course=course, at=LATER)

    pay(first.order_line.order, at=NEXT_WEEK)

    assert statuses(first) == ["CANCELLED", "ACTIVE"]
    assert statuses(second) == ["CANCELLED"]
    assert Order.objects.get(pk=second.order_line.order_id).status == "CANCELLED"


def test_late_money_for_what_the_buyer_has_is_given_back():
    member, course = UserFactory(), CourseFactory()
    first = enrolling.hold_place(member=member, course=course, at=NOON)
    checkout.open_session(order=first.order_line.order, urls=URLS, at=NOON)
    ordering.cancel(order=first.order_line.order, at=LATER, cause="test")
    second = enrolling.hold_place(member=member, course=course, at=LATER)
    pay(second.order_line.order)

    pay(first.order_line.order, at=NEXT_WEEK)

    assert statuses(first) == ["CANCELLED"]
    refund = Payment.objects.get(order=first.order_line.order).refunds.get()
    assert "The buyer has this already" in refund.reason


def test_late_money_is_given_back_while_another_order_for_the_same_is_paid_and_not_delivered():
    member, course = UserFactory(), CourseFactory()
    first = enrolling.hold_place(member=member, course=course, at=NOON)
    checkout.open_session(order=first.order_line.order, urls=URLS, at=NOON)
    ordering.cancel(order=first.order_line.order, at=LATER, cause="test")
    second = enrolling.hold_place(member=member, course=course, at=LATER)
    pay_and_wait(second.order_line.order)

    late = pay_and_wait(first.order_line.order)
    delivery.sweep(at=NEXT_WEEK)

    assert "The buyer has this already" in late.refunds.get().reason
    assert (statuses(first), statuses(second)) == (["CANCELLED"], ["ACTIVE"])


def test_a_refund_takes_the_place_back_and_it_can_be_bought_again():
    member, course = UserFactory(), CourseFactory()
    enrolment = enrolling.hold_place(member=member, course=course, at=NOON)
    pay(enrolment.order_line.order)
    enrolment.refresh_from_db()

    enrolling.revoke(enrolment=enrolment, at=NEXT_WEEK, cause="refund")
    again = enrolling.hold_place(member=member, course=course, at=NEXT_WEEK)

    assert statuses(enrolment) == ["ACTIVE", "REVOKED"]
    assert again.status == "PENDING"


def test_a_place_refunded_before_it_was_opened_is_cancelled():
    enrolment = EnrolmentFactory(pending=True)

    assert enrolling.revoke(enrolment=enrolment, at=NOON, cause="refund")

    assert statuses(enrolment) == ["CANCELLED"]


def test_a_refunded_place_is_not_opened_by_its_old_order():
    enrolment = EnrolmentFactory(revoked=True)

    with pytest.raises(enrolling.PlaceTakenBack):
        enrolling.activate(enrolment=enrolment, at=NOON, cause="test")
