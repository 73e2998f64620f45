"""What the portal relies on, asked of both gateways: the one in memory, and Stripe's library over HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import stripe

from commerce.gateways import (
    Gateway,
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    IntentRequest,
    IntentState,
    InvalidEvent,
    NotAtProvider,
    RefundRequest,
    RefundStatus,
    SessionLine,
    SessionRequest,
    SessionStatus,
    UnknownAccount,
    gateway_for,
)
from commerce.gateways.fake import FakeGateway
from commerce.gateways.stripe import StripeGateway
from commerce.money import Money
from commerce.tests.paying import pay_as_buyer, signed_event


@pytest.fixture(params=["fake", "stripe"])
def gateway(request, settings) -> Gateway:
    if request.param == "stripe":
        request.getfixturevalue("sandbox")
    return gateway_for("usd")


def product_and_price(gateway: Gateway, amount: str = "49.00") -> str:
    product_id = gateway.make_product(name="Course", metadata={"kind": "course"}, key="product-1")
    return gateway.make_price(
        product_id=product_id, amount=Money(Decimal(amount), "USD"), key=f"price-{amount}"
    )


def a_request(gateway: Gateway, **changes) -> SessionRequest:
    price_id = product_and_price(gateway)
    request = SessionRequest(
        key="payment-1",
        lines=[SessionLine(price_id=price_id, quantity=2)],
        currency="USD",
        reference="7KQ4-M2XD",
        email="ada@example.com",
        success_url="https://portal.example/return/?session_id={CHECKOUT_SESSION_ID}",
        cancel_url="https://portal.example/cancel/",
        expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2),
        metadata={"payment": "p-1", "order": "7KQ4-M2XD"},
    )
    return replace(request, **changes)


def test_an_open_session_has_a_page_a_total_and_our_mark(gateway):
    state = gateway.open_session(a_request(gateway))

    assert state.status is SessionStatus.OPEN
    assert state.url.startswith("http")
    assert state.amount == Money(Decimal("98.00"), "USD")
    assert (state.is_paid, state.has_failed, state.livemode) == (False, False, False)
    assert dict(state.metadata) == {"payment": "p-1", "order": "7KQ4-M2XD"}
    assert gateway.session(state.id) == state


def test_the_same_key_gives_the_same_product_price_and_session(gateway):
    request = a_request(gateway)

    assert product_and_price(gateway) == product_and_price(gateway)
    assert gateway.open_session(request).id == gateway.open_session(request).id


def test_a_key_is_refused_for_another_request(gateway):
    request = a_request(gateway)
    gateway.open_session(request)

    with pytest.raises(GatewayRefused):
        gateway.open_session(replace(request, email="eve@example.com"))


def test_a_price_belongs_to_a_product_that_is_there(gateway):
    with pytest.raises((GatewayRefused, NotAtProvider)):
        gateway.make_price(product_id="prod_missing", amount=Money(Decimal(5), "USD"), key="price-x")


def test_a_paid_session_is_complete_and_paid(gateway, request):
    state = gateway.open_session(a_request(gateway))
    pay_as_buyer(gateway, state)

    paid = gateway.session(state.id)

    assert paid.status is SessionStatus.COMPLETE
    assert (paid.is_paid, paid.has_failed) == (True, False)
    assert paid.amount == Money(Decimal("98.00"), "USD")
    assert paid.intent_id
    assert paid.email == "ada@example.com"


@pytest.mark.parametrize("succeeds", [True, False])
def test_a_slow_method_is_neither_paid_nor_failed_until_its_money_comes_or_does_not(
    gateway, request, succeeds
):
    slow = gateway if isinstance(gateway, FakeGateway) else request.getfixturevalue("sandbox")
    state = gateway.open_session(a_request(gateway))
    (slow.pay_slowly if slow is gateway else slow.pay_later)(state.id)

    promised = gateway.session(state.id)
    (slow.settle_slowly if slow is gateway else slow.settle)(state.id, succeeds=succeeds)
    settled = gateway.session(state.id)

    assert (promised.status, promised.is_paid, promised.has_failed) == (SessionStatus.COMPLETE, False, False)
    assert gateway.expire_session(state.id).status is SessionStatus.COMPLETE
    assert (settled.is_paid, settled.has_failed) == (succeeds, not succeeds)


def test_an_expired_session_cannot_be_paid(gateway):
    state = gateway.open_session(a_request(gateway))

    assert gateway.expire_session(state.id).status is SessionStatus.EXPIRED
    with pytest.raises(GatewayRefused):
        pay_as_buyer(gateway, state)
    assert not gateway.session(state.id).is_paid


def test_expiring_a_paid_session_tells_that_it_is_paid(gateway):
    state = gateway.open_session(a_request(gateway))
    pay_as_buyer(gateway, state)

    after = gateway.expire_session(state.id)

    assert after.status is SessionStatus.COMPLETE
    assert after.is_paid


def test_expiring_twice_is_harmless(gateway):
    state = gateway.open_session(a_request(gateway))

    assert gateway.expire_session(state.id).status is SessionStatus.EXPIRED
    assert gateway.expire_session(state.id).status is SessionStatus.EXPIRED


def test_a_session_nobody_made_is_unknown(gateway):
    with pytest.raises(NotAtProvider):
        gateway.session("cs_test_nobody_made_this")


def test_accounts_do_not_see_each_other(gateway):
    state = gateway.open_session(a_request(gateway))

    with pytest.raises(NotAtProvider):
        gateway_for("eur").session(state.id)


def test_a_signed_event_names_its_session_and_carries_our_mark(gateway):
    state = gateway.open_session(a_request(gateway))
    body, signature = signed_event(gateway, state)

    event = gateway.read_event(body=body, signature=signature, at=datetime.now(UTC))

    assert event.kind == "checkout.session.completed"
    assert event.session_id == state.id
    assert event.metadata["payment"] == "p-1"
    assert event.id.startswith("evt_")


def test_an_event_changed_on_the_way_is_refused(gateway):
    body, signature = signed_event(gateway, gateway.open_session(a_request(gateway)))

    with pytest.raises(InvalidEvent):
        gateway.read_event(
            body=body.replace(b"completed", b"complated"), signature=signature, at=datetime.now(UTC)
        )


@pytest.mark.parametrize("signature", ["", "t=1,v1=00", "nonsense", "t=,v1="])
def test_an_event_without_a_good_signature_is_refused(gateway, signature):
    body, _signature = signed_event(gateway, gateway.open_session(a_request(gateway)))

    with pytest.raises(InvalidEvent):
        gateway.read_event(body=body, signature=signature, at=datetime.now(UTC))


def test_an_event_signed_with_the_secret_of_another_account_is_refused(gateway):
    body, signature = signed_event(gateway, gateway.open_session(a_request(gateway)))

    with pytest.raises(InvalidEvent):
        gateway_for("eur").read_event(body=body, signature=signature, at=datetime.now(UTC))


MARKED = {"id": "cs_test_1", "metadata": {"payment": "p-1"}}


@pytest.mark.parametrize(
    "event",
    [
        *([], None, 5, "x"),
        {"id": 5, "type": "checkout.session.completed", "data": {"object": MARKED}},
        {"id": "evt_1", "type": None, "data": {"object": MARKED}},
        {"id": "evt_1\x00", "type": "checkout.session.completed", "data": {"object": MARKED}},
        {"id": f"evt_{'1' * 300}", "type": "checkout.session.completed", "data": {"object": MARKED}},
        {"id": "evt_1", "type": "x" * 101, "data": {"object": MARKED}},
        *(
            {"id": "evt_1", "type": kind, "data": {"object": subject}}
            for kind in ("checkout.session.completed", "payment_intent.succeeded", "refund.updated")
            for subject in (None, [], "x", {**MARKED, "metadata": [1]}, {**MARKED, "metadata": {"a": 5}})
        ),
        {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {}}},
        {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": 5}}},
        {"id": "evt_1", "type": "refund.updated", "data": {"object": {"payment_intent": [1]}}},
    ],
)
def test_what_is_signed_and_no_event_is_refused(sandbox, event):
    body = json.dumps(event)
    gateway = gateway_for("usd")
    signature = stripe.WebhookSignature.generate_signature_header(body, gateway._webhook_secret)

    with pytest.raises(InvalidEvent):
        gateway.read_event(body=body.encode(), signature=signature, at=datetime.now(UTC))


def test_an_account_that_is_not_in_the_settings_is_named():
    with pytest.raises(UnknownAccount, match='no payment account "gbp"'):
        gateway_for("gbp")


def an_intent(gateway: Gateway, **changes) -> IntentState:
    request = IntentRequest(
        key="payment-2",
        amount=Money(Decimal("20.00"), "USD"),
        description="Order 7KQ4-M2XD",
        email="ada@example.com",
        metadata={"payment": "p-2"},
    )
    return gateway.open_intent(replace(request, **changes))


@pytest.fixture
def pay_intent(gateway, request):
    """Pay an intent as its buyer would, whichever gateway it is."""
    if isinstance(gateway, FakeGateway):
        return gateway.pay_intent
    return request.getfixturevalue("sandbox").pay_intent


def test_a_new_intent_waits_for_a_method_and_has_a_secret_for_the_browser(gateway):
    state = an_intent(gateway)

    assert state.status == "requires_payment_method"
    assert state.client_secret.startswith(f"{state.id}_secret_")
    assert (state.is_paid, state.is_under_way, state.is_over) == (False, False, False)
    assert state.amount == Money(Decimal("20.00"), "USD")
    assert dict(state.metadata) == {"payment": "p-2"}


def test_the_same_key_gives_the_same_intent(gateway):
    assert an_intent(gateway).id == an_intent(gateway).id


def test_a_paid_intent_is_paid_and_stays_so_when_it_is_cancelled(gateway, pay_intent):
    state = an_intent(gateway)
    pay_intent(state.id)

    assert gateway.intent(state.id).is_paid
    assert gateway.cancel_intent(state.id).is_paid


def test_a_cancelled_intent_is_over_however_often_it_is_cancelled(gateway):
    state = an_intent(gateway)

    assert gateway.cancel_intent(state.id).is_over
    assert gateway.cancel_intent(state.id).is_over


def test_an_intent_nobody_made_is_not_there(gateway):
    with pytest.raises(NotAtProvider):
        gateway.intent("pi_nobody_made_this")


def a_refund(intent_id: str, amount: str, key: str = "refund-1") -> RefundRequest:
    return RefundRequest(
        key=key, intent_id=intent_id, amount=Money(Decimal(amount), "USD"), metadata={"refund": key}
    )


def test_money_is_given_back_once_for_a_key_and_never_more_than_there_was(gateway, pay_intent):
    state = an_intent(gateway)
    pay_intent(state.id)

    first = gateway.refund(a_refund(state.id, "12.00"))
    again = gateway.refund(a_refund(state.id, "12.00"))
    with pytest.raises(GatewayRefused):
        gateway.refund(a_refund(state.id, "8.01", key="refund-2"))
    rest = gateway.refund(a_refund(state.id, "8.00", key="refund-3"))

    assert first.id == again.id
    assert [refund.id for refund in gateway.refunds(state.id)] == [first.id, rest.id]
    assert first.status is RefundStatus.SUCCEEDED


def test_the_ledger_tells_charges_and_refunds_of_a_time(gateway, pay_intent):
    state = an_intent(gateway)
    pay_intent(state.id)
    refund = gateway.refund(a_refund(state.id, "5.00"))
    since, until = datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC) + timedelta(minutes=5)

    charges = list(gateway.charges(since=since, until=until))

    assert [(charge.intent_id, str(charge.amount), str(charge.refunded)) for charge in charges] == [
        (state.id, "20.00 USD", "5.00 USD")
    ]
    assert [made.id for made in gateway.refunds_made(since=since, until=until)] == [refund.id]
    assert list(gateway.charges(since=until, until=until + timedelta(days=1))) == []


def test_a_session_takes_its_discount_off_and_adds_its_taxes(gateway):
    coupon_id = gateway.make_coupon(name="Spring", percent_off=Decimal(10), amount_off=None, key="coupon-1")
    rate_id = gateway.make_tax_rate(
        name="VAT", percentage=Decimal(20), is_inclusive=False, country="DE", key="rate-1"
    )
    request = a_request(gateway, coupon_id=coupon_id)
    lines = [replace(line, tax_rate_ids=[rate_id]) for line in request.lines]

    state = gateway.open_session(replace(request, lines=lines))

    assert state.amount == Money(Decimal("105.84"), "USD")


def test_a_visitor_without_an_address_can_pay(gateway):
    assert gateway.open_session(a_request(gateway, email="")).status is SessionStatus.OPEN


# --- Of Stripe alone ---------------------------------------------------------------------------------------
def test_a_signature_of_the_future_is_refused(sandbox):
    gateway = gateway_for("usd")
    body, signature = signed_event(gateway, gateway.open_session(a_request(gateway)))

    with pytest.raises(InvalidEvent, match="of the future"):
        gateway.read_event(body=body, signature=signature, at=datetime.now(UTC) - timedelta(minutes=6))


def test_an_event_without_an_id_is_refused(sandbox):
    gateway = gateway_for("usd")
    body, signature = signed_event(gateway, gateway.open_session(a_request(gateway)), event_id=None)

    with pytest.raises(InvalidEvent):
        gateway.read_event(body=body, signature=signature, at=datetime.now(UTC))


def test_a_wrong_key_is_a_matter_of_configuration(sandbox, settings):
    gateway = StripeGateway(
        account="usd", secret_key="not_a_key", webhook_secret="", api_base=settings.STRIPE_API_BASE
    )

    with pytest.raises(GatewayMisconfigured, match="does not accept the key of account usd"):
        gateway.session("cs_test_x")


def test_a_missing_key_names_the_setting():
    gateway = StripeGateway(account="eur", secret_key="", webhook_secret="", api_base="http://127.0.0.1:9")

    with pytest.raises(GatewayMisconfigured, match="Set STRIPE_EUR_SECRET_KEY"):
        gateway.session("cs_test_x")
    with pytest.raises(GatewayMisconfigured, match="Set STRIPE_EUR_WEBHOOK_SECRET"):
        gateway.read_event(body=b"{}", signature="t=1,v1=0", at=datetime.now(UTC))


def test_no_answer_is_an_unknown_outcome():
    gateway = StripeGateway(
        account="usd", secret_key="sk_test_x", webhook_secret="", api_base="http://127.0.0.1:9"
    )

    with pytest.raises(GatewayUnavailable):
        gateway.session("cs_test_x")


def test_an_answer_lost_on_the_way_back_makes_no_second_session(sandbox):
    gateway = gateway_for("usd")
    request = a_request(gateway)
    # One more than the library tries by itself: the first call fails, the second one is ours.
    sandbox.faults.add(kind="cut", path="/v1/checkout/sessions", verb="POST", when="after", times=3)

    with pytest.raises(GatewayUnavailable):
        gateway.open_session(request)
    sandbox.faults.clear()
    state = gateway.open_session(request)

    sandbox.advance(24 * 60 * 60)
    assert gateway.session(state.id).status is SessionStatus.EXPIRED
    assert len(sandbox.webhooks.events(type="checkout.session.expired")) == 1


@pytest.mark.parametrize("kind", ["429", "500", "503", "409"])
def test_what_tells_nothing_of_the_outcome_is_unavailable(sandbox, kind):
    gateway = gateway_for("usd")
    request = a_request(gateway)
    sandbox.faults.add(kind=kind, path="/v1/checkout/sessions", verb="POST", times=3)

    with pytest.raises(GatewayUnavailable):
        gateway.open_session(request)


def test_only_the_fake_is_used_where_the_settings_say_so(settings):
    assert isinstance(gateway_for("usd"), FakeGateway)
    settings.PAYMENT_GATEWAY = "commerce.gateways.stripe.StripeGateway"
    assert isinstance(gateway_for("usd"), StripeGateway)
