"""Paying on our own page: an intent beside the sessions, and one way of settling for both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from commerce.gateways import Event, GatewayUnavailable, gateway_for
from commerce.models import Payment
from commerce.money import Money
from commerce.services import checkout, ordering, settlement
from commerce.tests.factories import NOON, URLS, fake, place_order

pytestmark = pytest.mark.django_db


def intent_event(payment: Payment, kind: str = "payment_intent.succeeded", name: str = "evt_1") -> Event:
    return Event(
        id=name,
        kind=kind,
        session_id="",
        intent_id=payment.intent_id,
        livemode=False,
        metadata={"payment": str(payment.uuid)},
    )


def test_an_intent_asks_for_the_frozen_total(counter):
    order = place_order()

    payment, state = checkout.open_intent(order=order, at=NOON)

    assert (payment.status, payment.flow, payment.intent_id) == ("PENDING", "intent", state.id)
    assert state.amount == order.total == Money(Decimal("49.00"), "USD")
    assert state.client_secret


def test_asking_again_gives_the_intent_there_is(counter):
    order = place_order()
    first, _state = checkout.open_intent(order=order, at=NOON)

    second, state = checkout.open_intent(order=order, at=NOON + timedelta(minutes=5))

    assert (second, state.id) == (first, first.intent_id)


def test_a_paid_intent_pays_and_delivers_its_order(counter):
    payment, _state = checkout.open_intent(order=place_order(), at=NOON)
    fake().pay_intent(payment.intent_id)

    settlement.receive(account="usd", event=intent_event(payment), at=NOON)
    settlement.receive(account="usd", event=intent_event(payment), at=NOON)
    checkout.complete(payment=Payment.objects.get(), at=NOON)

    payment.refresh_from_db()
    assert (payment.status, payment.order.status, payment.captured_minor) == ("PAID", "PAID", 4900)
    assert counter.fulfilled == ["v1"]


def test_money_on_its_way_is_waited_for(counter):
    order = place_order()
    payment, _state = checkout.open_intent(order=order, at=NOON)
    fake().pay_intent_slowly(payment.intent_id)

    assert settlement.settle(payment=payment, at=NOON, cause="test").status == "PENDING"
    with pytest.raises(checkout.PaymentUnderWay):
        checkout.open_session(order=order, urls=URLS, at=NOON)


def test_choosing_the_providers_page_cancels_the_intent_first(counter):
    order = place_order()
    on_our_page, _state = checkout.open_intent(order=order, at=NOON)

    on_theirs = checkout.open_session(order=order, urls=URLS, at=NOON)

    on_our_page.refresh_from_db()
    assert (on_our_page.status, on_theirs.status) == ("EXPIRED", "PENDING")
    assert fake().intent(on_our_page.intent_id).is_over


def test_choosing_our_page_closes_the_providers_first(counter):
    order = place_order()
    on_theirs = checkout.open_session(order=order, urls=URLS, at=NOON)

    checkout.open_intent(order=order, at=NOON)

    on_theirs.refresh_from_db()
    assert on_theirs.status == "EXPIRED"
    assert fake().session(on_theirs.session_id).status == "expired"


def test_what_was_paid_in_one_way_is_not_asked_for_in_the_other(counter):
    order = place_order()
    payment, _state = checkout.open_intent(order=order, at=NOON)
    fake().pay_intent(payment.intent_id)

    with pytest.raises(checkout.AlreadyPaid):
        checkout.open_session(order=order, urls=URLS, at=NOON)

    order.refresh_from_db()
    assert order.status == "PAID"


def test_giving_an_order_up_cancels_its_intent(counter):
    order = place_order()
    payment, _state = checkout.open_intent(order=order, at=NOON)

    assert checkout.give_up(order=order, at=NOON, cause="test") is True

    assert fake().intent(payment.intent_id).is_over
    assert counter.released == ["v1"]


def test_giving_up_an_order_whose_intent_was_paid_a_moment_ago_keeps_it(counter):
    order = place_order()
    payment, _state = checkout.open_intent(order=order, at=NOON)
    fake().pay_intent(payment.intent_id)

    assert checkout.give_up(order=order, at=NOON, cause="test") is False

    order.refresh_from_db()
    assert order.status == "PAID"


def test_the_sweep_cancels_an_intent_whose_time_is_over(counter):
    payment, _state = checkout.open_intent(order=place_order(), at=NOON)

    assert settlement.sweep(at=NOON + timedelta(hours=24)) == 1

    payment.refresh_from_db()
    assert payment.status == "EXPIRED"
    assert fake().intent(payment.intent_id).is_over


def test_the_sweep_finds_an_intent_that_was_paid(counter):
    payment, _state = checkout.open_intent(order=place_order(), at=NOON)
    fake().pay_intent(payment.intent_id)

    assert settlement.sweep(at=NOON + timedelta(minutes=15)) == 1

    payment.refresh_from_db()
    assert payment.status == "PAID"


def test_another_sum_than_asked_is_held(counter):
    payment, _state = checkout.open_intent(order=place_order(), at=NOON)
    fake().pay_intent(payment.intent_id, amount=Money(Decimal("1.00"), "USD"))

    held = settlement.settle(payment=payment, at=NOON, cause="test")

    assert held.held_because == "1.00 USD was paid for an order of 49.00 USD."
    assert (held.status, held.captured_minor) == ("PENDING", 100)


def test_late_money_for_an_order_given_up_is_honoured(counter):
    order = place_order()
    payment, _state = checkout.open_intent(order=order, at=NOON)
    ordering.cancel(order=order, at=NOON, cause="test")
    fake().pay_intent(payment.intent_id)

    settlement.settle(payment=payment, at=NOON, cause="test")

    order.refresh_from_db()
    assert order.status == "PAID"


def test_a_lost_answer_makes_no_second_intent(counter, monkeypatch):
    order, gateway, real = place_order(), fake(), fake().open_intent

    def lost(request):
        real(request)
        raise GatewayUnavailable("The line was cut.")

    monkeypatch.setattr(gateway, "open_intent", lost)
    with pytest.raises(checkout.ProviderUnavailable):
        checkout.open_intent(order=order, at=NOON)
    monkeypatch.setattr(gateway, "open_intent", real)

    payment, state = checkout.open_intent(order=order, at=NOON)

    assert len(gateway._ledger.intents) == 1
    assert payment.intent_id == state.id


@pytest.mark.parametrize("card", ["4242424242424242", "4000002500003155"])
def test_the_real_library_pays_an_intent_over_http(counter, sandbox, card):
    order = place_order(at=datetime.now(UTC))
    payment, state = checkout.open_intent(order=order, at=datetime.now(UTC))
    sandbox.pay_intent(state.id, card)

    settlement.settle(payment=payment, at=datetime.now(UTC), cause="test")

    order.refresh_from_db()
    assert order.status == "PAID"
    assert gateway_for("usd").intent(state.id).is_paid
