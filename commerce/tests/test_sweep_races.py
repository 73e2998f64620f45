"""An order's time runs out at the moment its buyer pays: real library, real HTTP, real threads, PostgreSQL.

Whoever comes first, money never stays with an order that was given up. `make races` runs it 200 rounds.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import stripe

from accounts.tests.factories import UserFactory
from commerce.gateways import GatewayRefused, gateway_for
from commerce.models import Item, Order, Payment
from commerce.models.customers import Customer
from commerce.services import cart, checkout, delivery, integrity, ordering, refunding, settlement
from commerce.services.stocking import SoldOut
from commerce.tests.factories import URLS
from commerce.tests.paying import GOOD_CARD, submit_card
from commerce.tests.rounds import IS_LONG, failures, race, rounds

logger = logging.getLogger(__name__)
pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

FLOWS = ("page", "intent")
# What ends here: the bank's money is with a paid order that was handed over, or with the buyer.
KEPT = ("PAID", "PAID", "handed over", 1250)
GIVEN_BACK = ("REFUNDED", "CANCELLED", "not handed over", 0)
NOT_PAID = ("EXPIRED", "CANCELLED", "not handed over", 0)


@pytest.mark.parametrize("flow", FLOWS)
def test_the_sweep_and_the_buyer_at_once_end_in_goods_or_without_money(sandbox, flow):
    chance = random.Random(3)
    ends: Counter[str] = Counter()
    for _round in rounds(short=10, long=200):
        payment = opened(order_of_one(make_item()), flow=flow)
        Order.objects.filter(pk=payment.order_id).update(payable_until=now())
        paying = buyer(payment)

        answers = race(
            [
                late(chance, paying, most=0.1),
                late(chance, partial(checkout.sweep_unpaid, at=now())),
                late(chance, partial(settlement.sweep, at=now() + timedelta(hours=2))),
                late(chance, partial(come_back, payment)),
            ]
        )
        sweep_everything()

        assert failures(answers) == []
        assert state(payment, sandbox) == (KEPT if answers[0] else NOT_PAID)
        assert findings() == []
        ends[Payment.objects.get(pk=payment.pk).status] += 1
    logger.info("%s: %s", flow, dict(ends))
    assert not IS_LONG or {"PAID", "EXPIRED"} <= set(ends)


@pytest.mark.parametrize("flow", FLOWS)
def test_money_for_what_was_given_up_without_asking_is_honoured_or_given_back(sandbox, flow):
    """The order is given up here while its page is open, and somebody else wants the last piece."""
    chance = random.Random(4)
    ends: Counter[str] = Counter()
    for _round in rounds(short=10, long=200):
        item = make_item(stock=1)
        payment = opened(order_of_one(item), flow=flow)
        other = Customer(user=UserFactory())

        answers = race(
            [
                late(chance, buyer(payment), most=0.1),
                late(chance, partial(ordering.cancel, order=payment.order, at=now(), cause="test")),
                late(chance, partial(buy_if_there_is_one, other, item)),
                late(chance, partial(come_back, payment)),
                late(chance, partial(come_back, payment)),
            ]
        )
        sweep_everything()

        assert failures(answers) == []
        went_to_other = answers[2]
        item.refresh_from_db()
        if answers[0]:
            assert state(payment, sandbox) == (GIVEN_BACK if went_to_other else KEPT)
        else:
            assert state(payment, sandbox) == NOT_PAID
        assert item.stock == (0 if answers[0] or went_to_other else 1)
        assert findings() == []
        ends[Payment.objects.get(pk=payment.pk).status] += 1
    logger.info("%s: %s", flow, dict(ends))
    assert not IS_LONG or {"PAID", "REFUNDED"} <= set(ends)


# --- What the tests stand on -------------------------------------------------------------------------------
def now() -> datetime:
    return datetime.now(UTC)


def make_item(*, stock: int = 5) -> Item:
    return Item.objects.create(name="Mug", price=Decimal("12.50"), currency="USD", stock=stock)


def order_of_one(item: Item) -> Order:
    return cart.buy_now(customer=Customer(user=UserFactory()), item=item, at=now())


def opened(order: Order, *, flow: str) -> Payment:
    if flow == "page":
        return checkout.open_session(order=order, urls=URLS, at=now())
    payment, _state = checkout.open_intent(order=order, at=now())
    return payment


def buyer(payment: Payment) -> Callable[[], bool]:
    """Somebody who pays; says whether it was still possible."""

    def pay() -> bool:
        try:
            if payment.session_url:
                submit_card(payment.session_url, card=GOOD_CARD)
            else:
                client: Any = gateway_for("usd")._client
                client.v1.payment_intents.confirm(
                    payment.intent_id, {"payment_method": "pm_card_visa", "return_url": URLS.cancel}
                )
        except (GatewayRefused, stripe.InvalidRequestError):
            return False
        return True

    return pay


def come_back(payment: Payment) -> None:
    checkout.complete(payment=Payment.objects.get(pk=payment.pk), at=now())


def buy_if_there_is_one(customer: Customer, item: Item) -> bool:
    try:
        cart.buy_now(customer=customer, item=item, at=now())
    except SoldOut:
        return False
    return True


def late(chance: random.Random, act: Callable[[], Any], *, most: float = 0.03) -> Callable[[], Any]:
    """act, some moment after the others' start: so that every moment of theirs is met once."""
    delay = chance.random() * most

    def wait_and_act() -> Any:
        time.sleep(delay)
        return act()

    return wait_and_act


def sweep_everything() -> None:
    """What runs each minute, later."""
    later = now() + timedelta(hours=3)
    settlement.sweep(at=later)
    checkout.sweep_unpaid(at=later)
    # What the sweep of payments has begun is left to its nudge for a while.
    refunding.sweep(at=later + refunding.PATIENCE)
    delivery.sweep(at=later)


def state(payment: Payment, sandbox: Any) -> tuple[str, str, str, int]:
    """Of the payment, its order and its goods; and what of its money the provider has, by the provider."""
    fresh = Payment.objects.select_related("order").get(pk=payment.pk)
    line = fresh.order.lines.get()
    charges = [
        charge
        for account in sandbox.ledger().values()
        for charge in account["charges"]
        if fresh.intent_id and charge["payment_intent"] == fresh.intent_id and charge["status"] == "succeeded"
    ]
    money = sum(charge["amount"] - charge["amount_refunded"] for charge in charges)
    assert money == fresh.captured_minor - fresh.refunded_minor
    handed_over = "handed over" if line.fulfilled_at else "not handed over"
    return fresh.status, fresh.order.status, handed_over, money


def findings() -> list[integrity.Breach]:
    return [breach for breach in integrity.breaches(at=now()) if not breach.is_warning]
