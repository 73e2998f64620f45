"""Money that comes by hand."""

from datetime import timedelta

import pytest

from accounts.tests.factories import UserFactory
from commerce.models import Order, OrderLine, Payment
from commerce.services import checkout, delivery, ordering, paying, receiving
from commerce.tests.factories import NOON, URLS, place_order

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


@pytest.mark.parametrize("method", ["cash", "transfer"])
def test_money_by_hand_pays_the_whole_order_once(counter, method, run_queue_inline):
    order, clerk = place_order(), UserFactory()
    payment = receiving.expect(order=order, method=method, at=NOON)

    answers = [receiving.settle_by_hand(payment=payment, at=LATER, by=clerk) for _ in range(2)]

    assert answers == [True, False]
    payment, order = Payment.objects.get(), Order.objects.get()
    assert (payment.status, payment.method, payment.paid_at, payment.account) == ("PAID", method, LATER, "")
    assert (payment.amount, payment.captured_minor) == (order.total, order.total_minor)
    assert (order.status, order.paid_at) == ("PAID", LATER)
    assert [(change.to_status, change.actor) for change in payment.status_changes.all()] == [("PAID", clerk)]


def test_what_is_paid_by_hand_is_handed_over(counter):
    order = place_order()
    payment = receiving.expect(order=order, method="cash", at=NOON)
    receiving.settle_by_hand(payment=payment, at=LATER, by=None)

    delivery.sweep(at=LATER)

    assert counter.fulfilled == ["v1"]
    assert OrderLine.objects.get().fulfilled_at == LATER


def test_asking_twice_gives_the_payment_that_waits(counter):
    order = place_order()

    payments = {receiving.expect(order=order, method="cash", at=NOON) for _ in range(2)}

    assert payments == {Payment.objects.get()}


@pytest.mark.parametrize(("method", "days"), [("cash", 3), ("transfer", 14)])
def test_an_order_waits_as_long_as_its_way_of_paying_takes(counter, settings, method, days):
    order = place_order(at=NOON)
    payment = receiving.expect(order=order, method=method, at=LATER)
    settings.PAYABLE_FOR = {"cash": timedelta(days=1), "transfer": timedelta(days=1)}
    receiving.expect(order=order, method=method, at=LATER)
    end = NOON + timedelta(days=days)

    kept = checkout.sweep_unpaid(at=end - timedelta(microseconds=1))
    given_up = checkout.sweep_unpaid(at=end)

    assert (kept, given_up, counter.released) == (0, 1, ["v1"])
    order, payment = Order.objects.get(), Payment.objects.get()
    assert (order.payable_until, order.status, payment.status) == (end, "CANCELLED", "EXPIRED")


def test_choosing_another_way_neither_shortens_the_time_nor_adds_to_it(counter):
    order = place_order(at=NOON)
    later = NOON + timedelta(days=2)

    for method, at in (("transfer", NOON), ("cash", later), ("transfer", later), ("stripe", later)):
        paying.begin(order=order, method=method, urls=URLS, at=at, by=None)

    order.refresh_from_db()
    assert order.payable_until == NOON + timedelta(days=14)
    card = order.payments.pending().get()
    assert (card.method, card.expires_at) == ("stripe", later + checkout.LONGEST_SESSION)


def test_a_card_is_not_settled_by_hand(counter):
    order = place_order()
    payment = checkout.open_session(order=order, urls=URLS, at=NOON)

    with pytest.raises(receiving.NotByHand):
        receiving.settle_by_hand(payment=payment, at=LATER, by=UserFactory())
    with pytest.raises(receiving.NotByHand):
        receiving.expect(order=order, method="stripe", at=NOON)

    payment.refresh_from_db()
    assert payment.status == "PENDING"


def test_cash_is_not_expected_while_a_payment_page_is_open(counter):
    order = place_order()
    checkout.open_session(order=order, urls=URLS, at=NOON)

    with pytest.raises(receiving.PaidElsewhere, match="another payment"):
        receiving.expect(order=order, method="cash", at=NOON)

    assert Payment.objects.count() == 1


def test_cash_is_not_taken_while_a_payment_page_is_open(counter):
    order = place_order()
    payment = receiving.expect(order=order, method="cash", at=NOON)
    checkout.open_session(order=order, urls=URLS, at=NOON)
    payment.refresh_from_db()
    assert payment.status == "EXPIRED"

    with pytest.raises(receiving.PaidElsewhere):
        receiving.settle_by_hand(payment=payment, at=LATER, by=UserFactory())

    assert Order.objects.get().status == "AWAITING_PAYMENT"


def test_an_order_that_was_given_up_takes_no_cash(counter):
    order = place_order()
    payment = receiving.expect(order=order, method="cash", at=NOON)
    ordering.cancel(order=order, at=NOON, cause="test")

    with pytest.raises(receiving.NotWaiting, match="does not wait for money"):
        receiving.settle_by_hand(payment=payment, at=LATER, by=UserFactory())
    with pytest.raises(receiving.NotWaiting):
        receiving.expect(order=order, method="transfer", at=LATER)

    payment.refresh_from_db()
    assert (payment.status, payment.captured_minor) == ("PENDING", 0)
