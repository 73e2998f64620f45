"""Stripe behind the port. Nothing else in the portal knows how Stripe spells things."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import stripe

from commerce.gateways import (
    ChargeState,
    Event,
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
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

logger = logging.getLogger(__name__)

# The library would send timings of earlier calls with each call, and keep an id in the home directory for it.
stripe.enable_telemetry = False

# Seconds to connect and to read; the library's own patience of 80 s would hold a web worker too long.
TIMEOUT = (3, 15)
RETRIES = 2
# How far a notification's clock may be from ours, in seconds, both ways.
TOLERANCE = 300

SESSION_PREFIX = "checkout.session."


class StripeGateway:
    """One Stripe account. Safe to share between threads."""

    def __init__(self, *, account: str, secret_key: str, webhook_secret: str, api_base: str) -> None:
        self.account = account
        self.livemode = secret_key.startswith(("sk_live_", "rk_live_"))
        self._webhook_secret = webhook_secret
        self._client = stripe.StripeClient(
            # The library refuses an empty key with a message of its own; ours names the setting.
            secret_key or "missing",
            base_addresses={"api": api_base},
            max_network_retries=RETRIES,
            http_client=stripe.RequestsClient(timeout=TIMEOUT),
        )
        self._has_key = bool(secret_key)

    def make_product(self, *, name: str, metadata: Mapping[str, str], key: str) -> str:
        with self._speaking():
            product = self._client.v1.products.create(
                {"name": name, "metadata": dict(metadata)}, {"idempotency_key": key}
            )
        return product.id

    def make_price(self, *, product_id: str, amount: Money, key: str) -> str:
        with self._speaking():
            price = self._client.v1.prices.create(
                {"product": product_id, "unit_amount": amount.minor, "currency": amount.currency.lower()},
                {"idempotency_key": key},
            )
        return price.id

    def make_coupon(
        self, *, name: str, percent_off: Decimal | None, amount_off: Money | None, key: str
    ) -> str:
        wanted: dict[str, Any] = {"name": name, "duration": "once"}
        if percent_off is not None:
            wanted["percent_off"] = float(percent_off)
        if amount_off is not None:
            wanted["amount_off"], wanted["currency"] = amount_off.minor, amount_off.currency.lower()
        with self._speaking():
            coupon = self._client.v1.coupons.create(wanted, {"idempotency_key": key})  # type: ignore[arg-type]
        return coupon.id

    def make_tax_rate(
        self, *, name: str, percentage: Decimal, is_inclusive: bool, country: str, key: str
    ) -> str:
        wanted: dict[str, Any] = {
            "display_name": name,
            "percentage": float(percentage),
            "inclusive": is_inclusive,
        }
        if country:
            wanted["country"] = country
        with self._speaking():
            rate = self._client.v1.tax_rates.create(wanted, {"idempotency_key": key})  # type: ignore[arg-type]
        return rate.id

    def open_session(self, request: SessionRequest) -> SessionState:
        metadata = dict(request.metadata)
        optional: dict[str, Any] = {}
        if request.coupon_id:
            optional["discounts"] = [{"coupon": request.coupon_id}]
        if request.email:
            # Visitors have none; the provider's page asks them.
            optional["customer_email"] = request.email
        with self._speaking():
            session = self._client.v1.checkout.sessions.create(
                {  # type: ignore[arg-type]
                    "mode": "payment",
                    "ui_mode": "hosted_page",
                    "line_items": [
                        {
                            "price": line.price_id,
                            "quantity": line.quantity,
                            **({"tax_rates": list(line.tax_rate_ids)} if line.tax_rate_ids else {}),
                        }
                        for line in request.lines
                    ],
                    "success_url": request.success_url,
                    "cancel_url": request.cancel_url,
                    "expires_at": int(request.expires_at.timestamp()),
                    "client_reference_id": request.reference,
                    "adaptive_pricing": {"enabled": False},
                    "metadata": metadata,
                    # The intent does not inherit the session's metadata, and the dashboard shows the intent.
                    "payment_intent_data": {"metadata": metadata},
                    "expand": ["payment_intent"],
                    **optional,
                },
                {"idempotency_key": request.key},
            )
        return _state(session)

    def session(self, session_id: str) -> SessionState:
        with self._speaking():
            session = self._client.v1.checkout.sessions.retrieve(session_id, {"expand": ["payment_intent"]})
        return _state(session)

    def expire_session(self, session_id: str) -> SessionState:
        try:
            with self._speaking():
                self._client.v1.checkout.sessions.expire(session_id)
        except GatewayRefused:
            # Only an open session can be expired; this one was paid or ran out first. The truth is next.
            logger.info("Session %s could not be expired; looking at what it is", session_id)
        return self.session(session_id)

    def open_intent(self, request: IntentRequest) -> IntentState:
        optional: dict[str, Any] = {"receipt_email": request.email} if request.email else {}
        with self._speaking():
            intent = self._client.v1.payment_intents.create(
                {
                    "amount": request.amount.minor,
                    "currency": request.amount.currency.lower(),
                    "automatic_payment_methods": {"enabled": True},
                    "description": request.description,
                    "metadata": dict(request.metadata),
                    **optional,  # type: ignore[typeddict-item]
                },
                {"idempotency_key": request.key},
            )
        return _intent_state(intent)

    def intent(self, intent_id: str) -> IntentState:
        with self._speaking():
            intent = self._client.v1.payment_intents.retrieve(intent_id)
        return _intent_state(intent)

    def cancel_intent(self, intent_id: str) -> IntentState:
        try:
            with self._speaking():
                self._client.v1.payment_intents.cancel(intent_id)
        except GatewayRefused:
            # Paid, under way, or cancelled before. The truth is next.
            logger.info("Intent %s could not be cancelled; looking at what it is", intent_id)
        return self.intent(intent_id)

    def refund(self, request: RefundRequest) -> RefundState:
        with self._speaking():
            refund = self._client.v1.refunds.create(
                {
                    "payment_intent": request.intent_id,
                    "amount": request.amount.minor,
                    "metadata": dict(request.metadata),
                },
                {"idempotency_key": request.key},
            )
        return _refund_state(refund)

    def refunds(self, intent_id: str) -> list[RefundState]:
        with self._speaking():
            listed = self._client.v1.refunds.list({"payment_intent": intent_id, "limit": 100})
            found = [_refund_state(refund) for refund in listed.auto_paging_iter()]
        return found[::-1]

    def charges(self, *, since: datetime, until: datetime) -> Iterator[ChargeState]:
        with self._speaking():
            listed = self._client.v1.charges.list({"created": _between(since, until), "limit": 100})
            for charge in listed.auto_paging_iter():
                if charge.paid:
                    yield _charge_state(charge)

    def refunds_made(self, *, since: datetime, until: datetime) -> Iterator[RefundState]:
        with self._speaking():
            listed = self._client.v1.refunds.list({"created": _between(since, until), "limit": 100})
            for refund in listed.auto_paging_iter():
                yield _refund_state(refund)

    def read_event(self, *, body: bytes, signature: str, at: datetime) -> Event:
        if not self._webhook_secret:
            raise GatewayMisconfigured(
                f"Set STRIPE_{self.account.upper()}_WEBHOOK_SECRET: without it no event can be trusted."
            )
        try:
            stripe.Webhook.construct_event(body, signature, self._webhook_secret, TOLERANCE)
            sent_at = _timestamp(signature)
            read = _read(json.loads(body))
        except (
            ValueError,
            LookupError,
            TypeError,
            # The library takes whatever is signed for an object.
            AttributeError,
            stripe.SignatureVerificationError,
        ) as error:
            raise InvalidEvent(f"Not an event of account {self.account}: {error}") from error
        if sent_at > at.timestamp() + TOLERANCE:
            raise InvalidEvent(f"Event {read.id} says it is of the future.")
        return read

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """Translate what the library raises into the port's words."""
        if not self._has_key:
            raise GatewayMisconfigured(
                f"Set STRIPE_{self.account.upper()}_SECRET_KEY: the account has no key."
            )
        try:
            yield
        except (stripe.AuthenticationError, stripe.PermissionError) as error:
            logger.error("Stripe does not accept the key of account %s: %s", self.account, error.user_message)
            raise GatewayMisconfigured(
                f"Stripe does not accept the key of account {self.account}."
            ) from error
        except (stripe.RateLimitError, stripe.APIConnectionError) as error:
            raise GatewayUnavailable(f"Stripe did not answer: {error.user_message or error}") from error
        except stripe.IdempotencyError as error:
            if error.http_status == 409:
                raise GatewayUnavailable("The same request is being answered already.") from error
            logger.error("A key was used for two different requests: %s", error)
            raise GatewayRefused(str(error)) from error
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                raise NotAtProvider(str(error)) from error
            if error.http_status == 409:
                raise GatewayUnavailable("The same request is being answered already.") from error
            raise GatewayRefused(str(error)) from error
        except stripe.CardError as error:
            raise GatewayRefused(error.user_message or str(error)) from error
        except stripe.APIError as error:
            raise GatewayUnavailable(f"Stripe failed to answer: {error}") from error


def _state(session: stripe.checkout.Session) -> SessionState:
    intent = session.payment_intent
    assert not isinstance(intent, str), "sessions are read with their intent expanded"
    currency = (session.currency or "").upper()
    is_paid = session.payment_status in ("paid", "no_payment_required")
    return SessionState(
        id=session.id,
        url=session.url or "",
        status=SessionStatus(session.status or "open"),
        is_paid=is_paid,
        has_failed=_has_failed(session.status, intent) and not is_paid,
        amount=Money.from_minor(session.amount_total or 0, currency),
        intent_id=intent.id if intent is not None else "",
        livemode=session.livemode,
        email=(session.customer_details.email or "") if session.customer_details else "",
        metadata=session.metadata.to_dict() if session.metadata else {},
    )


def _intent_state(intent: stripe.PaymentIntent) -> IntentState:
    is_paid = intent.status == "succeeded"
    return IntentState(
        id=intent.id,
        client_secret=intent.client_secret or "",
        status=intent.status,
        is_paid=is_paid,
        is_under_way=intent.status == "processing",
        is_over=intent.status == "canceled",
        amount=Money.from_minor(
            intent.amount_received if is_paid else intent.amount, intent.currency.upper()
        ),
        livemode=intent.livemode,
        metadata=intent.metadata.to_dict() if intent.metadata else {},
    )


REFUND_STATUSES = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}


def _refund_state(refund: stripe.Refund) -> RefundState:
    return RefundState(
        id=refund.id,
        intent_id=_id_of(refund.payment_intent),
        status=REFUND_STATUSES[refund.status or "pending"],
        amount=Money.from_minor(refund.amount, refund.currency.upper()),
        created_at=datetime.fromtimestamp(refund.created, UTC),
        metadata=refund.metadata.to_dict() if refund.metadata else {},
    )


def _charge_state(charge: stripe.Charge) -> ChargeState:
    currency = charge.currency.upper()
    return ChargeState(
        id=charge.id,
        intent_id=_id_of(charge.payment_intent),
        amount=Money.from_minor(charge.amount_captured, currency),
        refunded=Money.from_minor(charge.amount_refunded, currency),
        created_at=datetime.fromtimestamp(charge.created, UTC),
        metadata=charge.metadata.to_dict() if charge.metadata else {},
    )


def _id_of(named: Any) -> str:
    """The id of an object that the library gives as its id or as itself."""
    if named is None:
        return ""
    return named if isinstance(named, str) else named.id


def _read(event: Any) -> Event:
    """An event out of its JSON. Raises ValueError, LookupError and TypeError for what is none."""
    kind, subject = _text(event["type"], longest=100), event["data"]["object"]
    name = event["id"]
    if not isinstance(name, str) or not name.startswith("evt_"):
        raise ValueError("an event without an id cannot be told from its repetition")
    metadata = subject.get("metadata") or {} if isinstance(subject, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise TypeError("it is about nothing that has metadata")
    return Event(
        id=_text(name),
        kind=kind,
        session_id=_text(subject["id"]) if kind.startswith(SESSION_PREFIX) else "",
        livemode=bool(event.get("livemode")),
        metadata=metadata,
        intent_id=_text(_intent_named(kind, subject)),
    )


def _text(value: Any, *, longest: int = 255) -> str:
    """A name that the database can keep and look for. Raises ValueError for anything else."""
    if not isinstance(value, str) or "\x00" in value or len(value) > longest:
        raise ValueError(f"{str(value)[:50]!r} is no name")
    return value


def _intent_named(kind: str, subject: Mapping[str, Any]) -> str:
    """The intent that an event is about: itself, or that of its charge or refund."""
    if kind.startswith("payment_intent."):
        return subject["id"]
    if kind.startswith(("charge.", "refund.")):
        return subject.get("payment_intent") or ""
    return ""


def _between(since: datetime, until: datetime) -> Any:
    return {"gte": int(since.timestamp()), "lt": int(until.timestamp())}


def _has_failed(status: str | None, intent: Any) -> bool:
    """A slow method that came to nothing: the form is done, and its intent wants another method."""
    return (
        status == "complete"
        and intent is not None
        and intent.status in ("requires_payment_method", "canceled")
    )


def _timestamp(signature: str) -> int:
    """The moment in a signature header `t=…,v1=…`, in seconds. Raises ValueError."""
    for part in signature.split(","):
        name, _equals, value = part.partition("=")
        if name.strip() == "t":
            return int(value)
    raise ValueError("the signature has no time")
