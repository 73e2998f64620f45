"""What `check_integrity` finds in courses: places and the orders that paid for them."""

from datetime import timedelta

import pytest

from accounts.tests.factories import UserFactory
from commerce.models import OrderLine
from commerce.services import checkout, delivery, integrity, settlement
from commerce.tests.factories import URLS, fake
from courses.models import Enrolment
from courses.services import enrolling
from courses.tests.factories import NOON, CourseFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def bought() -> Enrolment:
    """A place that is paid and open."""
    enrolment = enrolling.hold_place(member=UserFactory(), course=CourseFactory(price=49), at=NOON)
    payment = checkout.open_session(order=enrolment.order_line.order, urls=URLS, at=NOON)
    fake().pay(payment.session_id)
    delivery.deliver_order(order=settlement.settle(payment=payment, at=NOON, cause="test").order, at=NOON)
    enrolment.refresh_from_db()
    return enrolment


def found() -> list[tuple[str, str]]:
    at = NOON + timedelta(minutes=1)
    return [(breach.rule, breach.row) for breach in integrity.breaches(at=at)]


def test_bought_and_free_places_are_sound(bought):
    enrolling.enrol_free(member=UserFactory(), course=CourseFactory(free=True), at=NOON)

    assert found() == []


def test_an_open_place_whose_order_is_not_paid_is_found(bought):
    waiting = enrolling.hold_place(member=UserFactory(), course=CourseFactory(price=49), at=NOON)
    waiting.transition(to="ACTIVE", at=NOON, cause="test", activated_at=NOON)

    assert found() == [("enrolled_without_paying", f"Enrolment {waiting.pk}")]


@pytest.mark.parametrize("state", ["missing", "another's", "not open"])
def test_a_paid_course_without_its_place_is_found(bought, state):
    if state == "missing":
        bought.delete()
    elif state == "another's":
        Enrolment.objects.update(member=UserFactory())
    else:
        bought.transition(to="REVOKED", at=NOON, cause="test")

    assert found() == [("paid_without_place", f"OrderLine {OrderLine.objects.get().pk}")]


def test_a_place_whose_history_ends_elsewhere_is_found(bought):
    bought.status_changes.update(to_status="CANCELLED")

    assert found() == [("enrolment_history", f"Enrolment {bought.pk}")]
