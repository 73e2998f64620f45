"""A provider in memory, for tests that are not about Stripe. Both pass the same contract tests."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from commerce.gateways import (
    Event,
    GatewayRefused,
    InvalidEvent,
    SessionRequest,
    SessionState,
    SessionStatus,
    UnknownSession,
)
from commerce.money import Money


@dataclass
class _Ledger:
    """What one account has: products, prices, sessions, and the answers given to keys."""

    products: dict[str, str] = field(default_factory=dict)
    prices: dict[str, Money] = field(default_factory=dict)
    sessions: dict[str, SessionState] = field(default_factory=dict)
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

    def open_session(self, request: SessionRequest) -> SessionState:
        def make() -> str:
            total = Money.zero(request.currency)
            for line in request.lines:
                if line.price_id not in self._ledger.prices:
                    raise GatewayRefused(f"No such price: {line.price_id}")
                total += self._ledger.prices[line.price_id] * line.quantity
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
            raise UnknownSession(f"No such session: {session_id}") from None

    def expire_session(self, session_id: str) -> SessionState:
        with self._ledger.lock:
            state = self.session(session_id)
            if state.status is SessionStatus.OPEN:
                self._ledger.sessions[session_id] = replace(state, status=SessionStatus.EXPIRED, url="")
            return self._ledger.sessions[session_id]

    def read_event(self, *, body: bytes, signature: str, at: datetime) -> Event:
        if not hmac.compare_digest(signature, self.sign(body)):
            raise InvalidEvent(f"Not an event of account {self.account}.")
        return Event(**json.loads(body))

    def sign(self, body: bytes) -> str:
        """The signature that read_event accepts for body."""
        return hmac.new(self._secret, body, hashlib.sha256).hexdigest()

    def notify(self, session_id: str, *, kind: str = "checkout.session.completed") -> tuple[bytes, str]:
        """Body and signature of a notification about a session."""
        body = json.dumps(
            {
                "id": self._new_id("evt"),
                "kind": kind,
                "session_id": session_id,
                "livemode": False,
                "metadata": dict(self.session(session_id).metadata),
            }
        ).encode()
        return body, self.sign(body)

    def pay(self, session_id: str, *, amount: Money | None = None) -> SessionState:
        """The buyer pays; amount only to take another sum than asked, which a real provider must not."""
        with self._ledger.lock:
            state = self.session(session_id)
            if state.status is not SessionStatus.OPEN:
                raise GatewayRefused(f"Session {session_id} is {state.status}.")
            return self._change(
                state,
                status=SessionStatus.COMPLETE,
                is_paid=True,
                url="",
                amount=amount or state.amount,
                intent_id=self._new_id("pi"),
            )

    def pay_slowly(self, session_id: str) -> SessionState:
        """The buyer chose a method whose money comes, or does not, days later."""
        return self._change(
            self.session(session_id), status=SessionStatus.COMPLETE, url="", intent_id=self._new_id("pi")
        )

    def settle_slowly(self, session_id: str, *, succeeds: bool) -> SessionState:
        """The slow method's end."""
        return self._change(self.session(session_id), is_paid=succeeds, has_failed=not succeeds)

    def forget(self) -> None:
        """What was made is gone, as if the keys were another account's or a sandbox had been reset."""
        with self._ledger.lock:
            for kept in (
                self._ledger.products,
                self._ledger.prices,
                self._ledger.sessions,
                self._ledger.answers,
            ):
                kept.clear()

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
