"""A provider in memory, for tests that are not about Stripe. Both pass the same contract tests."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from commerce.gateways import (
    ChargeState,
    Event,
    GatewayRefused,
    IntentRequest,
    IntentState,
    InvalidEvent,
    NotAtProvider,
    RefundRequest,
    RefundState,
    RefundStatus,
    SessionRequest,
    SessionState,
    SessionStatus,
)
from commerce.money import Money
from commerce.totals import PricedLine, Reduction, TaxRate, totals


@dataclass
class _Ledger:
    """What one account has: products, prices, sessions, and the answers given to keys."""

    products: dict[str, str] = field(default_factory=dict)
    prices: dict[str, Money] = field(default_factory=dict)
    coupons: dict[str, Reduction] = field(default_factory=dict)
    tax_rates: dict[str, TaxRate] = field(default_factory=dict)
    sessions: dict[str, SessionState] = field(default_factory=dict)
    intents: dict[str, IntentState] = field(default_factory=dict)
    refunds: dict[str, RefundState] = field(default_factory=dict)
    charges: dict[str, ChargeState] = field(default_factory=dict)
    answers: dict[str, tuple[Any, str]] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    lock: threading.RLock = field(default_factory=threading.RLock)


class FakeGateway:
    """One account, kept in the process. `pay`, `fail` and `notify` do what the buyer and the provider do."""

    livemode = False

    def __init__(self, *, account: str, secret_key: str, webhook_secret: str, api_base: str) -> None:
        self.account = account
        self._secret = webhook_secret.encode()
        self._ledger = _Ledger()
        # A provider has a clock of its own; a test that compares days puts its own here.
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: TID251

    def make_product(self, *, name: str, metadata: Mapping[str, str], key: str) -> str:
        def make() -> str:
            product_id = self._new_id("prod")
            self._ledger.products[product_id] = name
            return product_id

        return self._once(key, (name, dict(metadata)), make)

    def make_price(self, *, product_id: str, amount: Money, key: str) -> str:
        def make() -> str:
            if product_id not in self._ledger.products:
                raise GatewayRefused(f"No such product: {product_id}")
            price_id = self._new_id("price")
            self._ledger.prices[price_id] = amount
            return price_id

        return self._once(key, (product_id, amount), make)

    def make_coupon(
        self, *, name: str, percent_off: Decimal | None, amount_off: Money | None, key: str
    ) -> str:
        def make() -> str:
            coupon_id = self._new_id("coupon")
            self._ledger.coupons[coupon_id] = Reduction(percent_off=percent_off, amount_off=amount_off)
            return coupon_id

        return self._once(key, (name, percent_off, amount_off), make)

    def make_tax_rate(
        self, *, name: str, percentage: Decimal, is_inclusive: bool, country: str, key: str
    ) -> str:
        def make() -> str:
            rate_id = self._new_id("txr")
            self._ledger.tax_rates[rate_id] = TaxRate(percentage=percentage, is_inclusive=is_inclusive)
            return rate_id

        return self._once(key, (name, percentage, is_inclusive, country), make)

    def open_session(self, request: SessionRequest) -> SessionState:
        def make() -> str:
            total = self._total(request)
            session_id = self._new_id("cs_test")
            self._ledger.sessions[session_id] = SessionState(
                id=session_id,
                url=f"https://pay.example/{session_id}",
                status=SessionStatus.OPEN,
                is_paid=False,
                has_failed=False,
                amount=total,
                intent_id="",
                livemode=False,
                metadata=dict(request.metadata),
            )
            return session_id

        return self._ledger.sessions[self._once(request.key, request, make)]

    def session(self, session_id: str) -> SessionState:
        try:
            return self._ledger.sessions[session_id]
        except KeyError:
            raise NotAtProvider(f"No such session: {session_id}") from None

    def expire_session(self, session_id: str) -> SessionState:
        with self._ledger.lock:
            state = self.session(session_id)
            if state.status is SessionStatus.OPEN:
                self._ledger.sessions[session_id] = replace(state, status=SessionStatus.EXPIRED, url="")
            return self._ledger.sessions[session_id]

    def open_intent(self, request: IntentRequest) -> IntentState:
        def make() -> str:
            intent_id = self._new_id("pi")
            self._ledger.intents[intent_id] = IntentState(
                id=intent_id,
                client_secret=f"{intent_id}_secret_x",
                status="requires_payment_method",
                is_paid=False,
                is_under_way=False,
                is_over=False,
                amount=request.amount,
                livemode=False,
                metadata=dict(request.metadata),
            )
            return intent_id

        return self._ledger.intents[self._once(request.key, request, make)]

    def intent(self, intent_id: str) -> IntentState:
        try:
            return self._ledger.intents[intent_id]
        except KeyError:
            raise NotAtProvider(f"No such intent: {intent_id}") from None

    def cancel_intent(self, intent_id: str) -> IntentState:
        with self._ledger.lock:
            state = self.intent(intent_id)
            if not state.is_paid and not state.is_under_way:
                self._ledger.intents[intent_id] = replace(state, status="canceled", is_over=True)
            return self._ledger.intents[intent_id]

    def refund(self, request: RefundRequest) -> RefundState:
        def make() -> str:
            return self._give_back(request.intent_id, request.amount, metadata=request.metadata).id

        return self._ledger.refunds[self._once(request.key, request, make)]

    def refunds(self, intent_id: str) -> list[RefundState]:
        return [refund for refund in self._ledger.refunds.values() if refund.intent_id == intent_id]

    def charges(self, *, since: datetime, until: datetime) -> Iterator[ChargeState]:
        found = (charge for charge in self._ledger.charges.values() if since <= charge.created_at < until)
        return iter(sorted(found, key=lambda charge: charge.created_at, reverse=True))

    def refunds_made(self, *, since: datetime, until: datetime) -> Iterator[RefundState]:
        found = (refund for refund in self._ledger.refunds.values() if since <= refund.created_at < until)
        return iter(sorted(found, key=lambda refund: refund.created_at, reverse=True))

    def read_event(self, *, body: bytes, signature: str, at: datetime) -> Event:
        if not hmac.compare_digest(signature, self.sign(body)):
            raise InvalidEvent(f"Not an event of account {self.account}.")
        return Event(**json.loads(body))

    def sign(self, body: bytes) -> str:
        """The signature that read_event accepts for body."""
        return hmac.new(self._secret, body, hashlib.sha256).hexdigest()

    def notify(self, named: str, *, kind: str = "checkout.session.completed") -> tuple[bytes, str]:
        """Body and signature of a notification about a session, or about an intent."""
        is_intent = named in self._ledger.intents
        state: SessionState | IntentState = self.intent(named) if is_intent else self.session(named)
        body = json.dumps(
            {
                "id": self._new_id("evt"),
                "kind": kind,
                "session_id": "" if is_intent else named,
                "intent_id": named if is_intent else "",
                "livemode": False,
                "metadata": dict(state.metadata),
            }
        ).encode()
        return body, self.sign(body)

    def pay(self, session_id: str, *, amount: Money | None = None, email: str = "") -> SessionState:
        """The buyer pays; amount only to take another sum than asked, which a real provider must not."""
        with self._ledger.lock:
            state = self.session(session_id)
            if state.status is not SessionStatus.OPEN:
                raise GatewayRefused(f"Session {session_id} is {state.status}.")
            paid = self._change(
                state,
                status=SessionStatus.COMPLETE,
                is_paid=True,
                url="",
                amount=amount or state.amount,
                intent_id=self._new_id("pi"),
                email=email,
            )
            self._charge(paid.intent_id, paid.amount, state.metadata)
            return paid

    def pay_intent(self, intent_id: str, *, amount: Money | None = None) -> IntentState:
        """The buyer pays on our page; amount only to take another sum than asked."""
        with self._ledger.lock:
            state = self.intent(intent_id)
            if state.is_paid or state.is_over:
                raise GatewayRefused(f"Intent {intent_id} is {state.status}.")
            paid = replace(
                state, status="succeeded", is_paid=True, is_under_way=False, amount=amount or state.amount
            )
            self._ledger.intents[intent_id] = paid
            self._charge(intent_id, paid.amount, state.metadata)
            return paid

    def pay_intent_slowly(self, intent_id: str) -> IntentState:
        """The buyer chose a method whose money comes days later; then pay_intent."""
        state = replace(self.intent(intent_id), status="processing", is_under_way=True)
        self._ledger.intents[intent_id] = state
        return state

    def refund_at_the_provider(self, intent_id: str, amount: Money) -> RefundState:
        """Somebody gives money back in the provider's dashboard."""
        return self._give_back(intent_id, amount, metadata={})

    def pay_slowly(self, session_id: str) -> SessionState:
        """The buyer chose a method whose money comes, or does not, days later."""
        return self._change(
            self.session(session_id), status=SessionStatus.COMPLETE, url="", intent_id=self._new_id("pi")
        )

    def settle_slowly(self, session_id: str, *, succeeds: bool) -> SessionState:
        """The slow method's end."""
        state = self._change(self.session(session_id), is_paid=succeeds, has_failed=not succeeds)
        if succeeds:
            self._charge(state.intent_id, state.amount, state.metadata)
        return state

    def forget(self) -> None:
        """What was made is gone, as if the keys were another account's or a sandbox had been reset."""
        with self._ledger.lock:
            for kept in (
                self._ledger.products,
                self._ledger.prices,
                self._ledger.coupons,
                self._ledger.tax_rates,
                self._ledger.sessions,
                self._ledger.intents,
                self._ledger.refunds,
                self._ledger.charges,
                self._ledger.answers,
            ):
                kept.clear()

    def _total(self, request: SessionRequest) -> Money:
        """What the lines of a session come to. Every line bears the same taxes, or none."""
        lines, rates = [], {}
        for line in request.lines:
            if line.price_id not in self._ledger.prices:
                raise GatewayRefused(f"No such price: {line.price_id}")
            rates.update({name: self._ledger.tax_rates[name] for name in line.tax_rate_ids})
            lines.append(
                PricedLine(
                    unit_price=self._ledger.prices[line.price_id],
                    quantity=line.quantity,
                    is_merchandise=bool(line.tax_rate_ids or request.coupon_id),
                )
            )
        reduction = self._ledger.coupons[request.coupon_id] if request.coupon_id else None
        return totals(
            lines, currency=request.currency, reduction=reduction, tax_rates=list(rates.values())
        ).total

    def _charge(self, intent_id: str, amount: Money, metadata: Mapping[str, str]) -> None:
        self._ledger.charges[intent_id] = ChargeState(
            id=self._new_id("ch"),
            intent_id=intent_id,
            amount=amount,
            refunded=Money.zero(amount.currency),
            created_at=self.clock(),
            metadata=dict(metadata),
        )

    def _give_back(self, intent_id: str, amount: Money, *, metadata: Mapping[str, str]) -> RefundState:
        with self._ledger.lock:
            charge = self._ledger.charges.get(intent_id)
            if charge is None:
                raise GatewayRefused(f"Intent {intent_id} has not been paid.")
            if charge.refunded + amount > charge.amount:
                raise GatewayRefused(f"So much of {intent_id} is not left.")
            self._ledger.charges[intent_id] = replace(charge, refunded=charge.refunded + amount)
            state = RefundState(
                id=self._new_id("re"),
                intent_id=intent_id,
                status=RefundStatus.SUCCEEDED,
                amount=amount,
                created_at=self.clock(),
                metadata=dict(metadata),
            )
            self._ledger.refunds[state.id] = state
            return state

    def _change(self, state: SessionState, **changes: Any) -> SessionState:
        self._ledger.sessions[state.id] = replace(state, **changes)
        return self._ledger.sessions[state.id]

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{self.account}{next(self._ledger.numbers)}"

    def _once(self, key: str, request: Any, make: Any) -> str:
        with self._ledger.lock:
            if key in self._ledger.answers:
                asked, answer = self._ledger.answers[key]
                if asked != request:
                    raise GatewayRefused("The key was used for another request.")
                return answer
            answer = make()
            self._ledger.answers[key] = (request, answer)
            return answer
