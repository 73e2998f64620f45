"""Refunds made at the provider while the portal is busy, or does not know of the money yet."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commerce.gateways import Event
from commerce.models import Payment, Refund
from commerce.money import Money
from commerce.services import checkout, integrity, ordering, refunding, settlement
from commerce.tests.factories import NOON, URLS, fake, place_order

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def refund_notice(payment: Payment, *, intent_id: str) -> Event:
    return Event(
        id="evt_refund",
        kind="charge.refunded",
        session_id="",
        intent_id=intent_id,
        livemode=False,
        metadata={"payment": str(payment.uuid)},
    )


def test_a_refund_told_before_its_payment_on_our_page_is_recorded_with_the_payment(counter):
    payment, _state = checkout.open_intent(order=place_order(), at=NOON)
    fake().pay_intent(payment.intent_id)
    fake().refund_at_the_provider(payment.intent_id, Money.from_minor(1000, "USD"))

    settlement.receive(account="usd", event=refund_notice(payment, intent_id=payment.intent_id), at=NOON)

    payment.refresh_from_db()
    assert (payment.status, payment.captured_minor, payment.refunded_minor) == (
        "PARTIALLY_REFUNDED",
        4900,
        1000,
    )


def test_part_given_back_at_the_provider_does_not_keep_the_rest_of_late_money(counter):
    payment = checkout.open_session(order=place_order(), urls=URLS, at=NOON)
    state = fake().pay(payment.session_id)
    ordering.cancel(order=payment.order, at=NOON, cause="test")
    counter.out_of = "There are no vouchers left."
    payment = settlement.settle(payment=payment, at=NOON, cause="late")
    fake().refund_at_the_provider(state.intent_id, Money.from_minor(1000, "USD"))

    settlement.receive(account="usd", event=refund_notice(payment, intent_id=state.intent_id), at=NOON)
    assert list(integrity.breaches(at=NOON)) == []
    refunding.sweep(at=LATER)

    payment.refresh_from_db()
    assert (payment.status, payment.refunded_minor) == ("REFUNDED", 4900)
    assert [refund.amount.minor for refund in fake().refunds(state.intent_id)] == [1000, 3900]


def test_late_news_of_a_payment_does_not_undo_its_refund(counter):
    payment = checkout.open_session(order=place_order(), urls=URLS, at=NOON)
    fake().pay(payment.session_id)
    payment = settlement.settle(payment=payment, at=NOON, cause="test")
    refunding.give_back(payment=payment, at=NOON, by=None, amount=Money.from_minor(1000, "USD"))

    for _time in range(2):
        payment = settlement.settle(payment=payment, at=LATER, cause="late")

    assert payment.status == "PARTIALLY_REFUNDED"
    refunding.give_back(payment=payment, at=LATER, by=None)
    assert settlement.settle(payment=payment, at=LATER, cause="late").status == "REFUNDED"


def test_a_refund_that_was_given_up_here_and_made_there_counts(counter, monkeypatch):
    payment = checkout.open_session(order=place_order(), urls=URLS, at=NOON)
    fake().pay(payment.session_id)
    payment = settlement.settle(payment=payment, at=NOON, cause="test")
    gateway, real = fake(), fake().refund

    def overtaken(request):
        state = real(request)
        # While the answer is on its way, somebody gives up what has no answer.
        Refund.objects.update(status="FAILED", settled_at=NOON)
        Payment.objects.update(refunded_minor=0)
        return state

    monkeypatch.setattr(gateway, "refund", overtaken)

    refund = refunding.give_back(payment=payment, at=NOON, by=None, amount=Money.from_minor(1000, "USD"))

    payment.refresh_from_db()
    assert (refund.status, payment.status, payment.refunded_minor) == (
        "SUCCEEDED",
        "PARTIALLY_REFUNDED",
        1000,
    )
    assert list(integrity.breaches(at=NOON)) == []
