"""The ways in which others have lost money, each tried: real library, real HTTP, real threads, PostgreSQL.

The numbers are those of docs/decisions/0017-ways-to-lose-money.md, which says who lost money so.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import stripe
from django.db import OperationalError, connection
from django.test import Client

from accounts.tests.crowd import CROWD, all_at_once
from accounts.tests.factories import UserFactory
from commerce.gateways import GatewayRefused, gateway_for
from commerce.models import GatewayEvent, Item, Order, Payment, Refund, Tax
from commerce.models.customers import Customer
from commerce.money import Money
from commerce.services import cart, checkout, delivery, ordering, refunding, settlement
from commerce.services.stocking import SoldOut
from commerce.tests.factories import URLS, place_order, voucher
from commerce.tests.paying import submit_card

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
CARD = "4242424242424242"
DEBIT_DAYS = timedelta(days=4)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def payment(counter, sandbox) -> Payment:
    """An order of 49.00 USD with an open payment page."""
    return checkout.open_session(order=place_order(at=now()), urls=URLS, at=now())


def provider(account: str = "usd") -> stripe.StripeClient:
    return gateway_for(account)._client


def notices(kind: str, account: str = "usd") -> list[bytes]:
    """The bodies of the provider's events of a kind, oldest first, as it sends them."""
    listed = provider(account).v1.events.list({"type": kind, "limit": 100}).data
    return [json.dumps(event.to_dict()).encode() for event in reversed(listed)]


def deliver(body: bytes, *, account: str = "usd", to: str | None = None) -> int:
    """Hand a notice to the portal, signed with the secret of its account; the status of the answer."""
    secret = gateway_for(account)._webhook_secret
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret)
    answer = Client(enforce_csrf_checks=True).post(
        f"/webhooks/stripe/{to or account}/",
        body,
        content_type="application/json",
        headers={"stripe-signature": header},
    )
    return answer.status_code


def paid(payment: Payment) -> Payment:
    submit_card(payment.session_url, card=CARD)
    return payment


def state(payment: Payment) -> tuple[str, str]:
    fresh = Payment.objects.select_related("order").get(pk=payment.pk)
    return fresh.status, fresh.order.status


def charges(sandbox: Any) -> list[dict[str, Any]]:
    return [charge for account in sandbox.ledger().values() for charge in account["charges"]]


def test_01_one_event_delivered_twice_and_sixteen_times_at_once_acts_once(payment, counter):
    paid(payment)
    [body] = notices("checkout.session.completed")

    answers = [*all_at_once(lambda: deliver(body)), deliver(body)]

    assert set(answers) <= {200, 503}
    assert 200 in answers
    assert GatewayEvent.objects.count() == 1
    assert payment.status_changes.count() == 1


def test_02_the_return_page_and_the_webhook_together_hand_over_once(payment, counter):
    paid(payment)
    [body] = notices("checkout.session.completed")
    doors = iter([lambda: deliver(body), come_back(payment)] * (CROWD // 2))
    lock = threading.Lock()

    def enter() -> Any:
        with lock:
            door = next(doors)
        return door()

    all_at_once(enter)
    delivery.sweep(at=now() + timedelta(days=1))

    assert state(payment) == ("PAID", "PAID")
    assert counter.fulfilled == ["v1"]


def test_03_a_late_event_pulls_nothing_back(payment):
    paid(payment)
    [created] = notices("payment_intent.created") or [None]
    deliver(notices("checkout.session.completed")[0])
    assert state(payment) == ("PAID", "PAID")

    for body in (
        notices("*")
        if created is None
        else [*notices("payment_intent.created"), *notices("charge.succeeded")]
    ):
        assert deliver(body) == 200
    expired = json.loads(notices("checkout.session.completed")[0])
    expired.update(id="evt_late", type="checkout.session.expired")
    assert deliver(json.dumps(expired).encode()) == 200

    assert state(payment) == ("PAID", "PAID")


def test_04_an_event_before_our_row_is_known_comes_again_and_a_strangers_is_let_go(payment):
    paid(payment)
    [body] = notices("checkout.session.completed")
    ours = payment.uuid
    Payment.objects.filter(pk=payment.pk).update(uuid="8d9b2d1e-9f53-4a8e-9a55-0d7a5b7f1a11")
    assert deliver(body) == 503

    Payment.objects.filter(pk=payment.pk).update(uuid=ours)
    assert deliver(body) == 200

    assert state(payment) == ("PAID", "PAID")


def test_05_late_money_is_honoured_or_given_back_and_never_kept(payment, counter):
    paid(payment)
    ordering.cancel(order=payment.order, at=now(), cause="expired here first")
    settlement.settle(payment=payment, at=now(), cause="late")
    assert state(payment) == ("PAID", "PAID")

    gone = checkout.open_session(order=place_order(voucher("v2"), at=now()), urls=URLS, at=now())
    paid(gone)
    ordering.cancel(order=gone.order, at=now(), cause="expired here first")
    counter.out_of = "There are no vouchers left."
    settlement.settle(payment=gone, at=now(), cause="late")
    refunding.sweep(at=now() + timedelta(minutes=3))

    assert state(gone) == ("REFUNDED", "CANCELLED")
    assert [refund.amount for refund in gateway_for("usd").refunds(gone_intent(gone))] == [gone.amount]


def test_06_the_sweep_and_the_buyer_race_and_money_always_wins(counter, sandbox):
    for _round in range(8):
        order = place_order(at=now())
        payment = checkout.open_session(order=order, urls=URLS, at=now())
        Order.objects.filter(pk=order.pk).update(payable_until=now())
        start = threading.Barrier(2)

        def buy(page: str = payment.session_url, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                submit_card(page, card=CARD)
            except GatewayRefused:
                return False
            return True

        def sweep(start: threading.Barrier = start) -> None:
            start.wait()
            try:
                checkout.sweep_unpaid(at=now())
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            buying, sweeping = pool.submit(buy), pool.submit(sweep)
            was_bought, _swept = buying.result(), sweeping.result()
        settlement.sweep(at=now() + timedelta(hours=1))

        assert state(payment) == (("PAID", "PAID") if was_bought else ("EXPIRED", "CANCELLED"))


def test_07_an_order_has_one_open_page_and_a_new_one_closes_the_former(payment, sandbox):
    nearly_over = timedelta(hours=23, minutes=57)
    sandbox.advance(int(nearly_over.total_seconds()))
    order = changed_order(payment, payable_until=now() + timedelta(hours=30))

    second = checkout.open_session(order=order, urls=URLS, at=now() + nearly_over)

    assert second.session_id != payment.session_id
    assert gateway_for("usd").session(payment.session_id).status == "expired"
    with pytest.raises(GatewayRefused):
        submit_card(payment.session_url, card=CARD)
    assert Payment.objects.pending().get() == second


def test_08_a_double_click_and_a_retry_get_the_firsts_result(counter, sandbox):
    order = place_order(at=now())

    def click() -> str:
        while True:
            try:
                return checkout.open_session(
                    order=Order.objects.get(pk=order.pk), urls=URLS, at=now()
                ).session_id
            except checkout.ProviderUnavailable:
                continue

    assert len(set(all_at_once(click))) == 1
    assert Payment.objects.count() == 1


@pytest.mark.parametrize("changed", ["amount", "livemode"])
def test_09_what_does_not_fit_the_frozen_order_is_held(payment, changed, counter, monkeypatch):
    paid(payment)
    if changed == "amount":
        Order.objects.update(subtotal_minor=9900, total_minor=9900)
    else:
        monkeypatch.setattr(gateway_for("usd"), "livemode", True)

    held = settlement.settle(payment=Payment.objects.get(), at=now(), cause="test")

    assert held.held_reason
    assert state(payment) == ("PENDING", "AWAITING_PAYMENT")
    assert counter.fulfilled == []


def test_10_a_price_that_changes_after_the_order_changes_no_order(counter, sandbox):
    customer = Customer(user=UserFactory())
    mug = Item.objects.create(name="Mug", price=Decimal("12.50"), currency="USD")
    vat = Tax.objects.create(name="VAT", percentage=Decimal(20), is_inclusive=False)
    cart.add(customer=customer, item=mug, at=now(), quantity=2)
    order = cart.place(customer=customer, at=now())
    Item.objects.update(price=Decimal("99.00"))
    Tax.objects.filter(pk=vat.pk).update(percentage=Decimal(50))

    payment = paid(checkout.open_session(order=order, urls=URLS, at=now()))
    settlement.settle(payment=payment, at=now(), cause="test")

    assert state(payment) == ("PAID", "PAID")
    assert [charge["amount"] for charge in charges(sandbox)] == [3000]


def test_11_refunds_add_up_and_never_exceed_what_came(payment):
    settled = settlement.settle(payment=paid(payment), at=now(), cause="test")

    answers = all_at_once(
        lambda: refunding.give_back(
            payment=Payment.objects.get(), amount=Money(Decimal("10.00"), "USD"), at=now(), by=None
        )
    )

    made = [answer for answer in answers if isinstance(answer, Refund)]
    assert len(made) == 4
    assert {type(answer) for answer in answers if answer not in made} == {refunding.TooMuch}
    fresh = Payment.objects.get()
    assert (fresh.status, fresh.refunded_minor) == ("PARTIALLY_REFUNDED", 4000)
    assert len(gateway_for("usd").refunds(settled.intent_id)) == 4


def test_12_a_refund_whose_answer_was_lost_is_made_once(payment, sandbox):
    settled = settlement.settle(payment=paid(payment), at=now(), cause="test")
    sandbox.faults.add(kind="cut", path="/v1/refunds", verb="POST", when="after", times=3)

    refund = refunding.give_back(payment=settled, at=now(), by=None)
    assert refund.status == "PENDING"
    sandbox.faults.clear()
    refunding.sweep(at=now() + timedelta(minutes=3))

    assert state(payment) == ("REFUNDED", "REFUNDED")
    assert len(gateway_for("usd").refunds(settled.intent_id)) == 1


def test_13_accounts_have_their_own_address_secret_and_ids(counter, sandbox):
    dollars = paid(checkout.open_session(order=place_order(at=now()), urls=URLS, at=now()))
    euros = paid(
        checkout.open_session(order=place_order(voucher("e", currency="EUR"), at=now()), urls=URLS, at=now())
    )
    [in_dollars], [in_euros] = (
        notices("checkout.session.completed"),
        notices("checkout.session.completed", "eur"),
    )

    assert deliver(in_dollars, account="usd", to="eur") == 400
    assert deliver(in_euros, account="eur", to="usd") == 400
    assert state(dollars) == state(euros) == ("PENDING", "AWAITING_PAYMENT")
    assert (deliver(in_dollars), deliver(in_euros, account="eur")) == (200, 200)

    assert state(dollars) == state(euros) == ("PAID", "PAID")
    assert {(name, charge["amount"]) for name, charge in by_account(sandbox)} == {
        ("usd", 4900),
        ("eur", 4900),
    }


def test_14_expiring_what_is_expired_already_acts_on_what_is_true(payment, sandbox):
    sandbox.advance(24 * 60 * 60)

    assert checkout.give_up(order=payment.order, at=now() + timedelta(days=1), cause="test") is True

    assert state(payment) == ("EXPIRED", "CANCELLED")


def test_15_a_slow_method_is_delivered_when_its_money_is_there(payment, sandbox, counter):
    sandbox.pay_later(payment.session_id)
    [completed] = notices("checkout.session.completed")
    deliver(completed)
    assert state(payment) == ("PENDING", "AWAITING_PAYMENT")
    checkout.sweep_unpaid(at=now() + timedelta(days=2))
    assert state(payment) == ("PENDING", "AWAITING_PAYMENT")

    sandbox.settle(payment.session_id)
    [succeeded] = notices("checkout.session.async_payment_succeeded")
    deliver(succeeded)

    assert state(payment) == ("PAID", "PAID")


def test_16_events_of_others_are_answered_and_let_go(counter, sandbox):
    foreign = provider().v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "https://elsewhere.example/",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": 500,
                        "product_data": {"name": "Something of theirs"},
                    },
                }
            ],
        }
    )
    sandbox.pay(foreign.id)

    kinds = ("checkout.session.completed", "payment_intent.succeeded", "charge.succeeded")
    assert [deliver(body) for kind in kinds for body in notices(kind)] == [200, 200, 200]

    assert not GatewayEvent.objects.exists()


def test_17_a_lock_that_cannot_be_had_is_answered_so_that_the_event_comes_again(payment):
    paid(payment)
    [body] = notices("checkout.session.completed")
    held, done = threading.Event(), threading.Event()

    def hold_the_row() -> None:
        from django.db import transaction

        with transaction.atomic():
            Payment.objects.select_for_update().get(pk=payment.pk)
            held.set()
            done.wait(20)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold_the_row)
        held.wait(10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        try:
            with pytest.raises(OperationalError):
                deliver(body)
        finally:
            done.set()
            holder.result()
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = 0")

    assert deliver(body) == 200
    assert state(payment) == ("PAID", "PAID")


def test_18_a_delivery_that_fails_keeps_the_money_recorded(payment, counter):
    counter.failures_ahead = 3
    paid(payment)
    deliver(notices("checkout.session.completed")[0])
    checkout.complete(payment=Payment.objects.get(), at=now())
    assert state(payment) == ("PAID", "PAID")
    assert counter.fulfilled == []

    for hours in range(1, 6):
        delivery.sweep(at=now() + timedelta(hours=hours))

    assert counter.fulfilled == ["v1"]


def test_19_no_more_is_sold_than_there_is(counter, sandbox):
    mug = Item.objects.create(name="Mug", price=Decimal("12.50"), currency="USD", stock=5)
    buyers = [Customer(user=UserFactory()) for _buyer in range(CROWD)]
    for customer in buyers:
        cart.add(customer=customer, item=mug, at=now())
    waiting, lock = iter(buyers), threading.Lock()

    def order() -> Order:
        with lock:
            customer = next(waiting)
        return cart.place(customer=customer, at=now())

    answers = all_at_once(order)

    assert len([answer for answer in answers if isinstance(answer, Order)]) == 5
    assert len([answer for answer in answers if isinstance(answer, SoldOut)]) == CROWD - 5
    mug.refresh_from_db()
    assert mug.stock == 0


def come_back(payment: Payment) -> Any:
    def visit() -> int:
        return Client().get("/checkout/return/", {"session_id": payment.session_id}).status_code

    return visit


def gone_intent(payment: Payment) -> str:
    return Payment.objects.get(pk=payment.pk).intent_id


def changed_order(payment: Payment, **changes: Any) -> Order:
    Order.objects.filter(pk=payment.order_id).update(**changes)
    return Order.objects.get(pk=payment.order_id)


def by_account(sandbox: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(charge["currency"], charge) for charge in charges(sandbox)]
