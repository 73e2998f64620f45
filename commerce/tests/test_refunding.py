"""Money given back: by staff, by itself, at the provider; once each, and never more than came."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from accounts.tests.factories import UserFactory
from commerce.gateways import Event, GatewayRefused, GatewayUnavailable, RefundStatus
from commerce.models import Payment, Refund
from commerce.money import Money
from commerce.services import checkout, delivery, receiving, refunding, settlement
from commerce.tests.factories import NOON, URLS, fake, place_order, voucher

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


@pytest.fixture
def payment(counter) -> Payment:
    """A delivered order of 49.00, paid by card."""
    opened = checkout.open_session(order=place_order(voucher("a")), urls=URLS, at=NOON)
    fake().pay(opened.session_id)
    paid = settlement.settle(payment=opened, at=NOON, cause="test")
    delivery.deliver_order(order=paid.order, at=NOON)
    return paid


def test_all_of_it_takes_back_what_was_handed_over(payment, counter):
    refund = refunding.give_back(payment=payment, at=LATER, by=UserFactory(), reason="Changed their mind")

    payment.refresh_from_db()
    assert (refund.status, refund.amount, refund.origin) == ("SUCCEEDED", usd("49.00"), "STAFF")
    assert (payment.status, payment.order.status) == ("REFUNDED", "REFUNDED")
    assert counter.revoked == ["a"]


def test_a_part_leaves_the_goods_with_the_buyer(payment, counter):
    refunding.give_back(payment=payment, amount=usd("10.00"), at=LATER, by=None)

    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == ("PARTIALLY_REFUNDED", "PAID")
    assert payment.refunded_minor == 1000
    assert counter.revoked == []


def test_the_rest_can_be_given_back_later_and_nothing_more(payment):
    refunding.give_back(payment=payment, amount=usd("10.00"), at=LATER, by=None)
    refunding.give_back(payment=payment, at=LATER, by=None)

    with pytest.raises(refunding.TooMuch, match=r"At most 0\.00 USD"):
        refunding.give_back(payment=payment, amount=usd("0.01"), at=LATER, by=None)

    payment.refresh_from_db()
    assert (payment.status, payment.refunded_minor) == ("REFUNDED", 4900)


@pytest.mark.parametrize("amount", ["49.01", "1000.00"])
def test_more_than_came_is_refused(payment, amount):
    with pytest.raises(refunding.TooMuch, match=r"At most 49\.00 USD"):
        refunding.give_back(payment=payment, amount=usd(amount), at=LATER, by=None)

    assert not Refund.objects.exists()


def test_nothing_and_less_cannot_be_given_back(payment):
    with pytest.raises(refunding.NoAmount):
        refunding.give_back(payment=payment, amount=usd("0.00"), at=LATER, by=None)
    with pytest.raises(refunding.NoAmount):
        refunding.give_back(payment=payment, amount=usd("-1.00"), at=LATER, by=None)


def test_what_was_never_paid_cannot_be_given_back(counter):
    opened = checkout.open_session(order=place_order(), urls=URLS, at=NOON)

    with pytest.raises(refunding.NothingTaken):
        refunding.give_back(payment=opened, at=LATER, by=None)


def test_the_database_refuses_to_give_back_more_than_came(payment):
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(refunded_minor=4901)


def test_a_lost_answer_is_asked_for_again_with_the_same_key_and_pays_once(payment, monkeypatch):
    gateway, real = fake(), fake().refund

    def lost(request):
        real(request)
        raise GatewayUnavailable("The line was cut.")

    monkeypatch.setattr(gateway, "refund", lost)
    refund = refunding.give_back(payment=payment, at=LATER, by=None)
    assert refund.status == "PENDING"
    monkeypatch.setattr(gateway, "refund", real)

    assert refunding.sweep(at=LATER + timedelta(minutes=1)) == 0
    assert refunding.sweep(at=LATER + timedelta(minutes=2)) == 1

    payment.refresh_from_db()
    assert payment.status == "REFUNDED"
    assert len(gateway.refunds(payment.intent_id)) == 1


def test_a_refund_nobody_has_confirmed_moves_nothing(payment, monkeypatch):
    monkeypatch.setattr(fake(), "refund", unavailable)

    refunding.give_back(payment=payment, at=LATER, by=None)

    payment.refresh_from_db()
    assert (payment.status, payment.refunded_minor) == ("PAID", 4900)


def test_what_the_provider_refuses_can_be_given_back_again(payment, monkeypatch):
    gateway, real = fake(), fake().refund
    monkeypatch.setattr(gateway, "refund", refused)
    with pytest.raises(refunding.ProviderRefused, match="no funds"):
        refunding.give_back(payment=payment, at=LATER, by=None)
    monkeypatch.setattr(gateway, "refund", real)

    refunding.give_back(payment=payment, at=LATER, by=None)

    payment.refresh_from_db()
    assert payment.status == "REFUNDED"
    assert sorted(Refund.objects.values_list("status", flat=True)) == ["FAILED", "SUCCEEDED"]


def test_a_refund_of_the_dashboard_arrives_by_its_event_once(payment, counter):
    fake().refund_at_the_provider(payment.intent_id, usd("20.00"))
    first, again = refund_event(payment, "evt_1"), refund_event(payment, "evt_2")

    settlement.receive(account="usd", event=first, at=LATER)
    settlement.receive(account="usd", event=first, at=LATER)
    settlement.receive(account="usd", event=again, at=LATER)

    refund = Refund.objects.get()
    assert (refund.origin, refund.amount, refund.status) == ("PROVIDER", usd("20.00"), "SUCCEEDED")
    payment.refresh_from_db()
    assert payment.status == "PARTIALLY_REFUNDED"


def test_our_own_refund_is_not_written_down_twice_when_its_event_is_faster(payment, monkeypatch):
    gateway, real = fake(), fake().refund

    def slow(request):
        state = real(request)
        settlement.receive(account="usd", event=refund_event(payment, "evt_1"), at=LATER)
        return state

    monkeypatch.setattr(gateway, "refund", slow)

    refunding.give_back(payment=payment, at=LATER, by=None)

    assert Refund.objects.get().origin == "STAFF"


def test_a_refund_of_the_dashboard_voids_the_one_it_forestalled(payment, monkeypatch):
    gateway, real = fake(), fake().refund
    monkeypatch.setattr(gateway, "refund", unavailable)
    refunding.give_back(payment=payment, at=LATER, by=None)
    monkeypatch.setattr(gateway, "refund", real)
    gateway.refund_at_the_provider(payment.intent_id, usd("49.00"))

    refunding.learn(payment=payment, at=LATER, cause="test")

    payment.refresh_from_db()
    assert (payment.status, payment.refunded_minor) == ("REFUNDED", 4900)
    assert sorted(Refund.objects.values_list("origin", "status")) == [
        ("PROVIDER", "SUCCEEDED"),
        ("STAFF", "FAILED"),
    ]


def test_a_refund_that_the_bank_returned_is_shown_to_a_person(payment):
    refunding.give_back(payment=payment, at=LATER, by=None)
    gateway = fake()
    state = gateway.refunds(payment.intent_id)[0]
    gateway._ledger.refunds[state.id] = replace(state, status=RefundStatus.FAILED)

    refunding.learn(payment=payment, at=LATER, cause="test")

    payment.refresh_from_db()
    assert (payment.status, payment.refunded_minor) == ("PAID", 0)
    assert "could not give the money back" in payment.held_because


def test_late_news_of_the_payment_does_not_undo_a_refund(payment):
    refunding.give_back(payment=payment, at=LATER, by=None)

    settled = settlement.settle(payment=payment, at=LATER, cause="late event")

    assert (settled.status, settled.order.status) == ("REFUNDED", "REFUNDED")


def test_cash_is_given_back_by_hand(counter):
    cash = receiving.expect(order=place_order(), method="cash", at=NOON)
    receiving.settle_by_hand(payment=cash, at=NOON, by=None)
    cash.refresh_from_db()

    refund = refunding.give_back(payment=cash, amount=usd("9.00"), at=LATER, by=UserFactory())

    cash.refresh_from_db()
    assert (refund.status, cash.status, cash.refunded_minor) == ("SUCCEEDED", "PARTIALLY_REFUNDED", 900)


def refund_event(payment: Payment, name: str) -> Event:
    return Event(
        id=name,
        kind="charge.refunded",
        session_id="",
        intent_id=payment.intent_id,
        livemode=False,
        metadata={"payment": str(payment.uuid)},
    )


def unavailable(request):
    raise GatewayUnavailable("No answer.")


def refused(request):
    raise GatewayRefused("no funds")
