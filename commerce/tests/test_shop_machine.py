"""The shop, done to at random and compared with a model of plain dictionaries after each step.

Buyers, the provider, its events in any order and any number of times, staff, sweeps and the clock act on a
real database with the provider in memory; answers of the provider are lost. What the portal must then say is
reckoned anew here, in the simplest way. `make races` looks longer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any

import hypothesis
import pytest
from django.db import transaction
from django.db.models import F, Q, Sum
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.tests.factories import UserFactory
from commerce import fulfilment, gateways
from commerce.gateways import (
    Event,
    GatewayUnavailable,
    RefundRequest,
    RefundState,
    gateway_for,
)
from commerce.gateways.fake import FakeGateway
from commerce.models import Discount, Item, Order, Payment, StockHold
from commerce.models.customers import Customer
from commerce.money import Money
from commerce.services import (
    cart,
    checkout,
    delivery,
    discounting,
    integrity,
    ordering,
    refunding,
    renewing,
    settlement,
)
from commerce.services.stocking import SoldOut
from commerce.tests.factories import NOON, URLS
from commerce.tests.rounds import IS_LONG, IS_SHRUNK

FLOWS = {"page": Payment.Flow.CHECKOUT, "intent": Payment.Flow.INTENT}
CAPTURED = ("PAID", "PARTIALLY_REFUNDED", "REFUNDED")
PERCENT_OFF = {"TEN": 10, "ALL": 100}
pick = st.integers(0, 7)
pk_of = attrgetter("pk")


class AbsentMindedGateway(FakeGateway):
    """A provider whose next answer may be lost after it has acted."""

    is_answer_lost = False

    def open_session(self, request: Any) -> Any:
        return self._answer(super().open_session(request))

    def open_intent(self, request: Any) -> Any:
        return self._answer(super().open_intent(request))

    def refund(self, request: RefundRequest) -> RefundState:
        return self._answer(super().refund(request))

    def fail_intent(self, intent_id: str) -> None:
        """The money of a slow method does not come; the intent can be tried again."""
        state = replace(self.intent(intent_id), status="requires_payment_method", is_under_way=False)
        self._ledger.intents[intent_id] = state

    def _answer(self, answer: Any) -> Any:
        if self.is_answer_lost:
            self.is_answer_lost = False
            raise GatewayUnavailable("The line was cut.")
        return answer


@dataclass
class ModelOrder:
    buyer: int
    lines: dict[int, int]
    total: int
    code: str
    placed: datetime
    until: datetime
    status: str = "AWAITING_PAYMENT"
    is_counted: bool = False
    is_delivered: bool = False


@dataclass
class ModelRefund:
    amount: int
    created: datetime
    status: str = "PENDING"
    is_automatic: bool = False


@dataclass
class ModelPayment:
    """ref: the session or intent as the portal knows it; empty while it does not."""

    order: int
    flow: str
    created: datetime
    expires: datetime
    status: str = "PENDING"
    ref: str = ""
    attempt: int = 1
    captured: int = 0
    is_held: bool = False
    checked: datetime | None = None
    refunds: list[ModelRefund] = field(default_factory=list)

    @property
    def refunded(self) -> int:
        return sum(refund.amount for refund in self.refunds if refund.status != "FAILED")


@dataclass
class BankRefund:
    """of: which refund of the portal's it is, by its place among them; None before the portal was told."""

    amount: int
    of: int | None


@dataclass
class BankPayment:
    """What is true at the provider."""

    amount: int
    intent: str
    state: str = "open"
    refunds: list[BankRefund] = field(default_factory=list)

    @property
    def left(self) -> int:
        came = self.amount if self.state == "paid" else 0
        return came - sum(refund.amount for refund in self.refunds)


class Shop(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.undo = ExitStack()
        # All of an example is undone when it ends. Marked as a test's: services open durable transactions.
        block = transaction.atomic()
        block._from_testcase = True
        self.undo.enter_context(block)
        gateways._gateway.cache_clear()
        self.at = NOON
        self.orders: dict[int, ModelOrder] = {}
        self.payments: dict[int, ModelPayment] = {}
        self.bank: dict[str, BankPayment] = {}
        self.events: list[tuple[Event, int]] = []
        self.acted_on: set[str] = set()

    @initialize(stock=st.tuples(st.integers(1, 3), st.integers(1, 3)))
    def open_shop(self, stock: tuple[int, int]) -> None:
        """Few pieces: what goes wrong goes wrong at the last one."""
        self.buyers = [Customer(user=UserFactory()), Customer(guest_key="0" * 32)]
        self.items = [
            Item.objects.create(name=f"Thing {n}", price=Decimal(10 + n), currency="USD", stock=stock[n])
            for n in (0, 1)
        ]
        for code, percent in PERCENT_OFF.items():
            Discount.objects.create(name=code, code=code, percent_off=percent, max_redemptions=1)
        self.stock = dict(enumerate(stock))
        self.pieces = dict(enumerate(stock))
        self.price = {0: 1000, 1: 1100}
        self.carts: list[dict[int, int]] = [{}, {}]
        self.codes = ["", ""]
        self.left = {"TEN": 1, "ALL": 1}
        # Begun with what most of the rest is about, or short examples would hardly come to it.
        self.buy(who=0, what=0, flow="intent")
        self.buy(who=1, what=1, flow="page")

    def teardown(self) -> None:
        try:
            # A step that failed is what to tell, and not what became of it.
            if hasattr(self, "items") and sys.exc_info()[0] is None:
                self.let_everything_be_known()
        finally:
            transaction.set_rollback(True)
            self.undo.close()

    # --- Carts -------------------------------------------------------------------------------------------
    @rule(who=st.integers(0, 1), what=st.integers(0, 1), quantity=st.integers(1, 2))
    def add(self, who: int, what: int, quantity: int) -> None:
        wanted = self.carts[who].get(what, 0) + quantity
        refusal = SoldOut if wanted > self.stock[what] else None
        if self.does(
            refusal,
            lambda: cart.add(customer=self.buyers[who], item=self.item(what), quantity=quantity, at=self.at),
        ):
            self.carts[who][what] = wanted

    @rule(who=st.integers(0, 1), what=st.integers(0, 1))
    def remove(self, who: int, what: int) -> None:
        was_there = cart.remove(customer=self.buyers[who], item_id=self.items[what].pk, at=self.at)
        assert was_there is (self.carts[who].pop(what, None) is not None)

    @rule(who=st.integers(0, 1), code=st.sampled_from(["TEN", "TEN", "ALL"]))
    def ask_for_discount(self, who: int, code: str) -> None:
        refusal: Any = discounting.UnknownCode if not self.left[code] else None
        refusal = cart.EmptyCart if not self.carts[who] else refusal
        if self.does(
            refusal, lambda: cart.ask_for_discount(customer=self.buyers[who], code=code.lower(), at=self.at)
        ):
            self.codes[who] = code

    @rule(who=st.integers(0, 1))
    def drop_discount(self, who: int) -> None:
        assert cart.drop_discount(customer=self.buyers[who], at=self.at) is bool(self.codes[who])
        self.codes[who] = ""

    # --- Orders ------------------------------------------------------------------------------------------
    @rule(who=st.integers(0, 1))
    def place(self, who: int) -> None:
        lines, code = self.carts[who], self.codes[who]
        refusal: Any = None
        if not lines:
            refusal = cart.EmptyCart
        elif code and not self.left[code]:
            refusal = discounting.NoLongerValid
        elif any(self.stock[what] < quantity for what, quantity in lines.items()):
            refusal = SoldOut
        placed = self.does(refusal, lambda: cart.place(customer=self.buyers[who], at=self.at))
        if not placed:
            return
        subtotal = sum(self.price[what] * quantity for what, quantity in lines.items())
        order = ModelOrder(
            buyer=who,
            lines=dict(lines),
            total=subtotal - int(subtotal * PERCENT_OFF.get(code, 0) / Decimal(100) + Decimal("0.5")),
            code=code,
            placed=self.at,
            until=self.at + timedelta(hours=24),
        )
        self.take(order)
        if not order.total:
            order.status = "PAID"
        self.orders[placed.pk] = order
        self.carts[who], self.codes[who] = {}, ""

    @rule(who=st.integers(0, 1), what=st.integers(0, 1), flow=st.sampled_from(list(FLOWS)))
    def buy(self, who: int, what: int, flow: str) -> None:
        """The short way to an order with an open payment, for what comes after."""
        before = set(self.orders)
        self.add(who=who, what=what, quantity=1)
        self.place(who=who)
        for pk in set(self.orders) - before:
            self.go_to_pay(n=list(self.orders).index(pk), flow=flow)

    @rule(what=st.integers(0, 1))
    def both_have_it_in_their_carts_before_either_orders(self, what: int) -> None:
        """As many as there are, or one more: what chance alone hardly brings about."""
        for who in (0, 1):
            self.add(who=who, what=what, quantity=1)
        for who in (0, 1):
            self.place(who=who)

    @precondition(lambda self: self.orders)
    @rule(n=pick)
    def give_up(self, n: int) -> None:
        pk = self.nth(self.orders, n)
        expected = self.model_give_up(pk)
        assert checkout.give_up(order=self.order(pk), at=self.at, cause="test") is expected

    @precondition(lambda self: self.orders)
    @rule(n=pick)
    def give_up_without_asking(self, n: int) -> None:
        """As when an account is deleted: the page stays open, and may be paid."""
        pk = self.nth(self.orders, n)
        expected = self.orders[pk].status == "AWAITING_PAYMENT"
        assert ordering.cancel(order=self.order(pk), at=self.at, cause="test") is expected
        self.model_cancel(pk)

    # --- Paying ------------------------------------------------------------------------------------------
    @precondition(lambda self: self.orders)
    @rule(n=pick, flow=st.sampled_from(list(FLOWS)))
    def go_to_pay(self, n: int, flow: str) -> None:
        self.open_payment(self.nth(self.orders, n), flow=flow)

    @precondition(lambda self: self.orders)
    @rule(n=pick, flow=st.sampled_from(list(FLOWS)))
    def go_to_pay_and_the_answer_is_lost(self, n: int, flow: str) -> None:
        self.gateway().is_answer_lost = True
        self.open_payment(self.nth(self.orders, n), flow=flow)
        self.gateway().is_answer_lost = False

    @precondition(lambda self: self.known("open"))
    @rule(n=pick, slowly=st.booleans())
    def pay(self, n: int, slowly: bool) -> None:
        ref = self.nth(self.known("open"), n)
        payment, gateway, is_intent = self.bank[ref], self.gateway(), ref.startswith("pi_")
        if slowly:
            state: Any = gateway.pay_intent_slowly(ref) if is_intent else gateway.pay_slowly(ref)
        else:
            state = gateway.pay_intent(ref) if is_intent else gateway.pay(ref)
        payment.state = "under way" if slowly else "paid"
        payment.intent = ref if is_intent else state.intent_id

    @precondition(lambda self: self.known("open"))
    @rule(n=pick, are_goods_gone=st.booleans())
    def pay_after_the_order_was_given_up(self, n: int, are_goods_gone: bool) -> None:
        """Late money, which chance alone hardly brings about when the goods are gone as well."""
        ref = self.nth(self.known("open"), n)
        if ref not in self.owners():
            return
        pk = self.owners()[ref]
        order = self.payments[pk].order
        self.give_up_without_asking(n=list(self.orders).index(order))
        if are_goods_gone:
            for what in self.orders[order].lines:
                self.stock_changes(what=what, more=-self.stock[what])
        self.pay(n=self.known("open").index(ref), slowly=False)
        self.come_back(n=list(self.payments).index(pk))

    @precondition(lambda self: self.known("under way"))
    @rule(n=pick, succeeds=st.booleans())
    def slow_money_comes_or_does_not(self, n: int, succeeds: bool) -> None:
        ref = self.nth(self.known("under way"), n)
        if not ref.startswith("pi_"):
            self.gateway().settle_slowly(ref, succeeds=succeeds)
            self.bank[ref].state = "paid" if succeeds else "failed"
        elif succeeds:
            self.gateway().pay_intent(ref)
            self.bank[ref].state = "paid"
        else:
            self.gateway().fail_intent(ref)
            self.bank[ref].state = "open"

    @precondition(lambda self: self.known("open"))
    @rule(n=pick)
    def runs_out_at_the_provider(self, n: int) -> None:
        ref = self.nth(self.known("open"), n)
        self.close_at_bank(ref)
        self.gateway().cancel_intent(ref) if ref.startswith("pi_") else self.gateway().expire_session(ref)

    @precondition(lambda self: self.payments)
    @rule(n=pick)
    def come_back(self, n: int) -> None:
        """The return page: asks the provider and hands over at once."""
        pk = self.nth(self.payments, n)
        payment = self.payments[pk]
        if payment.status not in CAPTURED and payment.ref:
            self.learn(pk)
        checkout.complete(payment=Payment.objects.get(pk=pk), at=self.at)
        order = self.orders[payment.order]
        order.is_delivered |= order.status == "PAID"

    @precondition(lambda self: self.payments)
    @rule(n=pick, is_lost=st.booleans())
    def renew(self, n: int, is_lost: bool) -> None:
        pk = self.nth(self.payments, n)
        payment, order = self.payments[pk], self.orders[self.payments[pk].order]
        is_half_done = payment.status == "PENDING" and payment.attempt > 1 and not payment.ref
        refusal: Any = None
        if not is_half_done and payment.status != "EXPIRED":
            refusal = renewing.NotExpired
        elif not is_half_done:
            refusal = self.model_reopen(pk)
        if refusal is None:
            refusal = self.model_open(payment.order, flow="page", is_lost=is_lost)
        self.gateway().is_answer_lost = is_lost
        renewed = self.does(
            refusal,
            lambda: renewing.renew(payment=Payment.objects.get(pk=pk), urls=URLS, at=self.at, by=None),
        )
        self.gateway().is_answer_lost = False
        if renewed:
            self.opened(renewed, order=payment.order, flow="page", order_until=order.until)

    # --- Money back --------------------------------------------------------------------------------------
    @precondition(lambda self: self.payments)
    @rule(n=pick, part=st.sampled_from([None, 1, 500, 999]), is_lost=st.booleans())
    def give_back(self, n: int, part: int | None, is_lost: bool) -> None:
        pk = self.nth(self.payments, n)
        payment = self.payments[pk]
        left = payment.captured - payment.refunded
        wanted = left if part is None else part
        refusal: Any = None
        if not payment.captured:
            refusal = refunding.NothingTaken
        elif not left or wanted > left:
            refusal = refunding.TooMuch
        elif self.bank[payment.ref].left < wanted:
            # Given back in the dashboard already, and nobody has told us.
            refusal = refunding.ProviderRefused
        if refusal in (None, refunding.ProviderRefused):
            payment.refunds.append(ModelRefund(wanted, self.at))
            self.ask_bank(pk, len(payment.refunds) - 1, is_lost=is_lost)
        self.gateway().is_answer_lost = is_lost
        self.does(
            refusal,
            lambda: refunding.give_back(
                payment=Payment.objects.get(pk=pk),
                at=self.at,
                by=None,
                amount=None if part is None else Money.from_minor(part, "USD"),
            ),
        )
        self.gateway().is_answer_lost = False

    @precondition(lambda self: self.refundable())
    @rule(n=pick, part=st.sampled_from([None, 1, 500]))
    def give_back_in_the_dashboard(self, n: int, part: int | None) -> None:
        ref = self.nth(self.refundable(), n)
        amount = min(part or self.bank[ref].left, self.bank[ref].left)
        self.gateway().refund_at_the_provider(self.bank[ref].intent, Money.from_minor(amount, "USD"))
        self.bank[ref].refunds.append(BankRefund(amount, None))

    # --- News --------------------------------------------------------------------------------------------
    @precondition(lambda self: self.owners())
    @rule(n=pick, kind=st.sampled_from(["state", "state", "refund"]))
    def tell(self, n: int, kind: str) -> None:
        """An event about anything that the provider ever made for a payment; with what is true of it now."""
        ref = self.nth(self.owners(), n)
        pk, bank = self.owners()[ref], self.bank[ref]
        marks = {"payment": str(Payment.objects.get(pk=pk).uuid)}
        name = f"evt_{len(self.events)}"
        if kind == "refund" and bank.intent:
            event = Event(
                id=name,
                kind="charge.refunded",
                session_id="",
                intent_id=bank.intent,
                livemode=False,
                metadata=marks,
            )
        elif ref.startswith("pi_"):
            event = Event(
                id=name,
                kind="payment_intent.succeeded",
                session_id="",
                intent_id=ref,
                livemode=False,
                metadata=marks,
            )
        else:
            event = Event(
                id=name, kind="checkout.session.completed", session_id=ref, livemode=False, metadata=marks
            )
        self.events.append((event, pk))
        self.receive(event, pk)

    @precondition(lambda self: self.events)
    @rule(n=st.integers(0, 50))
    def tell_again(self, n: int) -> None:
        event, pk = self.events[n % len(self.events)]
        self.receive(event, pk)

    # --- What runs by itself -----------------------------------------------------------------------------
    @rule()
    def sweep_payments(self) -> None:
        for pk, payment in sorted(self.payments.items()):
            ago = self.at - settlement.CHECK_EVERY
            is_due = (
                (payment.checked is not None and payment.checked <= ago)
                or (payment.checked is None and payment.created <= ago)
                or (
                    payment.checked is not None
                    and payment.expires <= self.at
                    and payment.checked < payment.expires
                )
            )
            if payment.status != "PENDING" or not payment.ref or not is_due:
                continue
            payment.checked = self.at
            if payment.flow == "intent" and payment.expires <= self.at:
                self.close_at_bank(payment.ref)
            self.learn(pk)
        settlement.sweep(at=self.at)

    @rule()
    def sweep_orders(self) -> None:
        late = [
            pk
            for pk, order in self.orders.items()
            if order.status == "AWAITING_PAYMENT" and order.until <= self.at
        ]
        given_up = sum(self.model_give_up(pk) for pk in late)
        left_open = {payment.order for payment in self.payments.values() if payment.status == "PENDING"}
        for pk in left_open:
            if self.orders[pk].status == "CANCELLED":
                self.model_give_up(pk)
        assert checkout.sweep_unpaid(at=self.at) == given_up

    @rule()
    def sweep_refunds(self) -> None:
        for pk, payment in self.payments.items():
            for place, refund in enumerate(payment.refunds):
                if refund.status == "PENDING" and refund.created <= self.at - refunding.PATIENCE:
                    self.ask_bank(pk, place, is_lost=False)
        refunding.sweep(at=self.at)

    @rule()
    def sweep_deliveries(self) -> None:
        for order in self.orders.values():
            order.is_delivered |= order.status == "PAID"
        delivery.sweep(at=self.at)

    # --- The world ---------------------------------------------------------------------------------------
    @rule(what=st.integers(0, 1), more=st.integers(-1, 2))
    def stock_changes(self, what: int, more: int) -> None:
        if self.stock[what] + more >= 0:
            Item.objects.filter(pk=self.items[what].pk).update(stock=F("stock") + more)
            self.stock[what] += more
            self.pieces[what] += more

    @rule(what=st.integers(0, 1), price=st.sampled_from([1000, 1333, 2001]))
    def price_changes(self, what: int, price: int) -> None:
        Item.objects.filter(pk=self.items[what].pk).update(price=Decimal(price) / 100)
        self.price[what] = price

    @rule(
        by=st.sampled_from(
            [{"minutes": 3}, {"minutes": 40}, {"hours": 23, "minutes": 50}, {"hours": 25}, {"days": 8}]
        )
    )
    def time_goes_by(self, by: dict[str, int]) -> None:
        self.at += timedelta(**by)

    # --- What must hold ----------------------------------------------------------------------------------
    @invariant()
    def the_portal_says_what_the_model_says(self) -> None:
        if not hasattr(self, "items"):
            return
        orders = {
            order.pk: (order.status, order.total_minor, all(line.fulfilled_at for line in order.lines.all()))
            for order in Order.objects.exclude(status="OPEN").prefetch_related("lines")
        }
        assert orders == {pk: (o.status, o.total, o.is_delivered) for pk, o in self.orders.items()}
        known = {
            payment.pk: (
                payment.status,
                payment.session_id if payment.flow == "checkout" else payment.intent_id,
                payment.captured_minor,
                payment.refunded_minor,
                bool(payment.held_reason),
                [(refund.amount_minor, refund.status) for refund in sorted(payment.refunds.all(), key=pk_of)],
            )
            for payment in Payment.objects.prefetch_related("refunds")
        }
        assert known == {
            pk: (
                p.status,
                p.ref,
                p.captured,
                p.refunded,
                p.is_held,
                [(r.amount, r.status) for r in p.refunds],
            )
            for pk, p in self.payments.items()
        }
        counted = dict(Discount.objects.values_list("code", "times_redeemed"))
        assert counted == {code: 1 - left for code, left in self.left.items()}
        carts = [
            {line.reference: line.quantity for line in found.lines.all()}
            if (found := cart.find(buyer))
            else {}
            for buyer in self.buyers
        ]
        assert carts == [{str(self.items[n].pk): q for n, q in each.items()} for each in self.carts]

    @invariant()
    def every_piece_is_in_stock_or_held(self) -> None:
        if not hasattr(self, "items"):
            return
        held = Sum("holds__quantity", filter=Q(holds__returned_at__isnull=True), default=0)
        items = Item.objects.order_by("pk").annotate(held=held)
        assert [item.stock for item in items] == list(self.stock.values())
        assert [item.stock + item.held for item in items] == list(self.pieces.values())

    @invariant()
    def nothing_breaks_a_rule(self) -> None:
        assert [breach for breach in integrity.breaches(at=self.at) if not breach.is_warning] == []

    def let_everything_be_known(self) -> None:
        """When all news has come, the provider's ledger is ours, and nobody waits for goods."""
        for _time in range(2):
            for pk, payment in self.payments.items():
                if payment.ref:
                    settlement.settle(payment=Payment.objects.get(pk=pk), at=self.at, cause="the end")
                    refunding.learn(payment=Payment.objects.get(pk=pk), at=self.at, cause="the end")
            self.at += timedelta(hours=1)
            refunding.sweep(at=self.at)
            delivery.sweep(at=self.at)
        self.nothing_breaks_a_rule()
        for payment in Payment.objects.all():
            charge = self.gateway()._ledger.charges.get(payment.intent_id)
            assert payment.captured_minor == (charge.amount.minor if charge else 0)
            assert payment.refunded_minor == (charge.refunded.minor if charge else 0)
            if payment.captured_minor:
                assert payment.status in CAPTURED
            is_all_back = payment.refunded_minor == payment.captured_minor
            if payment.order.status == Order.Status.CANCELLED:
                assert is_all_back or payment.held_reason
            if payment.order.status == Order.Status.REFUNDED:
                held = StockHold.objects.filter(line__order=payment.order, returned_at__isnull=True)
                assert not held.exists()
        for order in Order.objects.filter(status="PAID"):
            assert all(line.fulfilled_at for line in order.lines.all())

    # --- The model ---------------------------------------------------------------------------------------
    def take(self, order: ModelOrder) -> None:
        for what, quantity in order.lines.items():
            self.stock[what] -= quantity
        self.count(order)

    def put_back(self, order: ModelOrder) -> None:
        for what, quantity in order.lines.items():
            self.stock[what] += quantity

    def count(self, order: ModelOrder) -> None:
        if order.code and self.left[order.code]:
            self.left[order.code] -= 1
            order.is_counted = True

    def model_cancel(self, pk: int) -> bool:
        order = self.orders[pk]
        if order.status != "AWAITING_PAYMENT":
            return False
        order.status = "CANCELLED"
        self.put_back(order)
        if order.is_counted:
            self.left[order.code] += 1
            order.is_counted = False
        return True

    def model_give_up(self, pk: int) -> bool:
        for payment_pk, payment in self.pending_of(pk).items():
            if payment.ref:
                self.close_at_bank(payment.ref)
                self.learn(payment_pk)
            else:
                payment.status = "EXPIRED"
        return not self.pending_of(pk) and self.model_cancel(pk)

    def learn(self, pk: int) -> None:
        """The portal has looked at what the provider says of a payment."""
        payment = self.payments[pk]
        state = self.bank[payment.ref].state
        if state == "paid" and payment.status not in CAPTURED:
            payment.status, payment.captured = "PAID", self.bank[payment.ref].amount
            self.honour(pk)
        elif payment.status == "PENDING" and state in ("failed", "expired"):
            payment.status = state.upper()

    def honour(self, pk: int) -> None:
        payment = self.payments[pk]
        order = self.orders[payment.order]
        if order.status == "CANCELLED":
            if any(self.stock[what] < quantity for what, quantity in order.lines.items()):
                payment.refunds.append(ModelRefund(payment.captured, self.at, is_automatic=True))
                return
            self.take(order)
        order.status = "PAID"

    def ask_bank(self, pk: int, place: int, *, is_lost: bool) -> None:
        """The provider is asked for a refund: by its key it acts once, and it may be that nobody hears."""
        payment = self.payments[pk]
        refund, bank = payment.refunds[place], self.bank[payment.ref]
        if not any(made.of == place for made in bank.refunds):
            if bank.left < refund.amount:
                refund.status = "FAILED"
                payment.is_held |= refund.is_automatic
                return
            bank.refunds.append(BankRefund(refund.amount, place))
        if not is_lost:
            refund.status = "SUCCEEDED"
            self.follow(pk)

    def follow(self, pk: int) -> None:
        payment = self.payments[pk]
        given = sum(r.amount for r in payment.refunds if r.status == "SUCCEEDED")
        if given >= payment.captured > 0:
            if payment.status != "REFUNDED":
                payment.status, payment.is_held = "REFUNDED", False
                order = self.orders[payment.order]
                if order.status == "PAID":
                    order.status = "REFUNDED"
                    self.put_back(order)
        elif payment.status in CAPTURED:
            payment.status = "PARTIALLY_REFUNDED" if given else "PAID"

    def model_reopen(self, pk: int) -> Any:
        """Why an expired payment is not renewed; None when it is."""
        payment = self.payments[pk]
        order = self.orders[payment.order]
        may_be_paid = order.status == "AWAITING_PAYMENT" and order.until > self.at
        if self.has_held(payment.order):
            return checkout.PaymentHeld
        if order.status in ("PAID", "REFUNDED"):
            return checkout.AlreadyPaid
        if self.pending_of(payment.order):
            return renewing.AnotherIsOpen
        if not may_be_paid:
            if order.placed < self.at - renewing.RENEWABLE_FOR:
                return checkout.OrderNotPayable
            if order.status == "CANCELLED":
                if order.code and not self.left[order.code]:
                    return discounting.NoLongerValid
                if any(self.stock[what] < quantity for what, quantity in order.lines.items()):
                    return fulfilment.NotAvailable
                self.take(order)
                order.status = "AWAITING_PAYMENT"
            order.until = self.at + timedelta(hours=24)
        payment.status, payment.ref, payment.flow, payment.checked = "PENDING", "", "page", None
        payment.attempt += 1
        payment.expires = checkout.session_end(order_until=order.until, at=self.at)
        return None

    def model_open(self, order_pk: int, *, flow: str, is_lost: bool) -> Any:
        """Why no payment is opened; None when one is."""
        order = self.orders[order_pk]
        if self.has_held(order_pk):
            return checkout.PaymentHeld
        if order.status in ("PAID", "REFUNDED"):
            return checkout.AlreadyPaid
        if order.status == "CANCELLED":
            return checkout.OrderNotPayable
        is_known = False
        for pk, payment in self.pending_of(order_pk).items():
            if not payment.ref:
                if payment.flow != flow or payment.expires <= self.at + timedelta(minutes=30):
                    payment.status = "EXPIRED"
                continue
            is_worth_it = payment.flow == flow and payment.expires > self.at + checkout.USEFUL_REST
            if not is_worth_it:
                self.close_at_bank(payment.ref)
            if self.bank[payment.ref].state == "open":
                is_known = True
                continue
            self.learn(pk)
            if payment.status in CAPTURED:
                return checkout.AlreadyPaid
            if payment.status == "PENDING":
                return checkout.PaymentUnderWay
        if order.until <= self.at:
            return checkout.OrderNotPayable
        return checkout.ProviderUnavailable if is_lost and not is_known else None

    # --- What the rules stand on -------------------------------------------------------------------------
    def open_payment(self, order_pk: int, *, flow: str) -> None:
        refusal = self.model_open(order_pk, flow=flow, is_lost=self.gateway().is_answer_lost)

        def open_it() -> Payment:
            order = self.order(order_pk)
            if flow == "page":
                return checkout.open_session(order=order, urls=URLS, at=self.at)
            return checkout.open_intent(order=order, at=self.at)[0]

        payment = self.does(refusal, open_it)
        if refusal is checkout.ProviderUnavailable:
            payment = Payment.objects.pending().get(order=order_pk)
        if payment:
            self.opened(payment, order=order_pk, flow=flow, order_until=self.orders[order_pk].until)

    def opened(self, payment: Payment, *, order: int, flow: str, order_until: datetime) -> None:
        """Take down a payment that the portal has opened, if it is new, and its name, if that has come."""
        known = self.payments.setdefault(
            payment.pk,
            ModelPayment(
                order=order,
                flow=flow,
                created=self.at,
                expires=checkout.session_end(order_until=order_until, at=self.at),
            ),
        )
        known.ref = payment.intent_id if flow == "intent" else payment.session_id
        if known.ref and known.ref not in self.bank:
            intent = known.ref if flow == "intent" else ""
            self.bank[known.ref] = BankPayment(self.orders[order].total, intent)

    def receive(self, event: Event, pk: int) -> None:
        payment = self.payments[pk]
        if event.id not in self.acted_on and payment.ref:
            self.acted_on.add(event.id)
            if payment.ref in (event.session_id, event.intent_id) or not event.session_id:
                self.learn(pk)
            if event.kind == "charge.refunded":
                self.learn_refunds(pk)
        elif not payment.ref:
            self.acted_on.add(event.id)
        settlement.receive(account="usd", event=event, at=self.at)

    def learn_refunds(self, pk: int) -> None:
        payment = self.payments[pk]
        if payment.status not in CAPTURED:
            return
        for made in self.bank[payment.ref].refunds:
            if made.of is not None:
                payment.refunds[made.of].status = "SUCCEEDED"
                continue
            sent = {other.of for other in self.bank[payment.ref].refunds}
            unsent = [
                r for place, r in enumerate(payment.refunds) if r.status == "PENDING" and place not in sent
            ]
            is_to_go_back = False
            while unsent and payment.captured - payment.refunded < made.amount:
                void = unsent.pop()
                void.status = "FAILED"
                is_to_go_back |= void.is_automatic
            made.of = len(payment.refunds)
            payment.refunds.append(ModelRefund(made.amount, self.at, status="SUCCEEDED"))
            if is_to_go_back and payment.captured > payment.refunded:
                rest = payment.captured - payment.refunded
                payment.refunds.append(ModelRefund(rest, self.at, is_automatic=True))
        self.follow(pk)

    def does(self, refusal: type[Exception] | None, act: Callable[[], Any]) -> Any:
        """What act gives; None when it is refused, as it must be."""
        if refusal is None:
            return act()
        with pytest.raises(refusal):
            act()
        return None

    def nth(self, things: Any, n: int) -> Any:
        return list(things)[n % len(things)]

    def item(self, what: int) -> Item:
        return Item.objects.get(pk=self.items[what].pk)

    def order(self, pk: int) -> Order:
        return Order.objects.get(pk=pk)

    def gateway(self) -> AbsentMindedGateway:
        gateway = gateway_for("usd")
        assert isinstance(gateway, AbsentMindedGateway)
        return gateway

    def pending_of(self, order_pk: int) -> dict[int, ModelPayment]:
        return {pk: p for pk, p in self.payments.items() if p.order == order_pk and p.status == "PENDING"}

    def has_held(self, order_pk: int) -> bool:
        return any(payment.is_held for payment in self.payments.values() if payment.order == order_pk)

    def close_at_bank(self, ref: str) -> None:
        if self.bank[ref].state == "open":
            self.bank[ref].state = "expired"

    def known(self, state: str) -> list[str]:
        """What is at the provider in a state, and was shown to its buyer."""
        return [ref for ref, payment in self.bank.items() if payment.state == state]

    def refundable(self) -> list[str]:
        return [ref for ref, payment in self.bank.items() if payment.left > 0]

    def owners(self) -> dict[str, int]:
        return {payment.ref: pk for pk, payment in self.payments.items() if payment.ref}


@pytest.mark.django_db
def test_whatever_happens_in_whatever_order_the_portal_says_what_is_true(settings):
    settings.PAYMENT_GATEWAY = f"{__name__}.AbsentMindedGateway"
    run_state_machine_as_test(
        Shop,
        settings=hypothesis.settings(
            max_examples=500 if IS_LONG else 25,
            stateful_step_count=50 if IS_LONG else 25,
            deadline=None,
            phases=[phase for phase in Phase if IS_SHRUNK or phase is not Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
