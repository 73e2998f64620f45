from datetime import timedelta

import pytest

from commerce.models import Order, OrderLine
from commerce.services import delivery
from commerce.tests.factories import NOON, place_order, voucher

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(counter) -> Order:
    order = place_order(voucher("a"), voucher("b"))
    order.transition(to="PAID", at=NOON, cause="test", paid_at=NOON)
    return order


def test_a_paid_order_is_handed_over_once(counter, paid):
    assert delivery.deliver_order(order=paid, at=NOON)
    assert delivery.deliver_order(order=paid, at=NOON)

    assert counter.fulfilled == ["a", "b"]
    assert set(paid.lines.values_list("fulfilled_at", flat=True)) == {NOON}


def test_an_unpaid_order_is_not_handed_over(counter):
    order = place_order()

    assert not delivery.deliver(line=order.lines.get(), at=NOON)
    assert delivery.sweep(at=NOON) == 0
    assert counter.fulfilled == []


def test_one_failing_line_does_not_stop_the_others_and_keeps_its_reason(counter, paid):
    counter.failures_ahead = 1

    assert not delivery.deliver_order(order=paid, at=NOON)

    first, second = paid.lines.all()
    assert counter.fulfilled == ["b"]
    assert (first.fulfilled_at, first.delivery_attempts) == (None, 1)
    assert first.delivery_error == "OutOfVouchers: The printer is out of paper."
    assert second.fulfilled_at == NOON
    paid.refresh_from_db()
    assert paid.status == Order.Status.PAID


def test_the_sweep_tries_again_after_a_growing_wait(counter, paid):
    counter.failures_ahead = 4
    delivery.deliver_order(order=paid, at=NOON)

    assert delivery.sweep(at=NOON + timedelta(seconds=59)) == 0
    assert delivery.sweep(at=NOON + timedelta(seconds=60)) == 0
    assert [line.delivery_attempts for line in paid.lines.all()] == [2, 2]
    assert delivery.sweep(at=NOON + timedelta(seconds=179)) == 0
    assert delivery.sweep(at=NOON + timedelta(seconds=180)) == 2

    assert counter.fulfilled == ["a", "b"]
    assert set(paid.lines.values_list("delivery_error", flat=True)) == {""}


def test_a_crash_in_the_middle_of_delivery_counts_as_an_attempt_and_leaves_the_line_to_the_sweep(
    counter, paid
):
    class Killed(BaseException):
        pass

    def die(line, *, at):
        raise Killed

    line = paid.lines.first()
    living = counter.fulfil
    counter.fulfil = die
    with pytest.raises(Killed):
        delivery.deliver(line=line, at=NOON)
    counter.fulfil = living

    line.refresh_from_db()
    assert (line.fulfilled_at, line.delivery_attempts) == (None, 1)
    assert delivery.sweep(at=NOON + timedelta(minutes=1)) == 2
    assert counter.fulfilled == ["a", "b"]


def test_what_its_seller_refuses_waits_for_a_person_and_is_not_tried_again(counter, paid):
    counter.refused = "The last voucher was sold by another branch."

    assert not delivery.deliver_order(order=paid, at=NOON)
    assert not delivery.deliver_order(order=paid, at=NOON + timedelta(days=1))
    assert delivery.sweep(at=NOON + timedelta(days=1)) == 0

    assert [line.delivery_attempts for line in paid.lines.all()] == [1, 1]
    first = OrderLine.objects.paid_and_refused().first()
    assert (first.refused_at, first.delivery_error) == (NOON, counter.refused)


def test_a_person_who_has_made_it_possible_hands_over_what_was_refused(counter, paid):
    counter.refused = "The last voucher was sold by another branch."
    delivery.deliver_order(order=paid, at=NOON)
    counter.refused = ""

    assert delivery.try_again(line=paid.lines.first(), at=NOON + timedelta(hours=1))

    assert [(line.reference, line.refused_at is None) for line in paid.lines.all()] == [
        ("a", True),
        ("b", False),
    ]
    assert counter.fulfilled == ["a"]


def test_a_paid_line_nobody_nudged_is_swept(counter, paid):
    assert delivery.sweep(at=NOON) == 2
    assert counter.fulfilled == ["a", "b"]
