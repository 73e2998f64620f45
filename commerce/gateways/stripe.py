"""Stripe behind the port. Nothing else in the portal knows how Stripe spells things."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import stripe

from commerce.gateways import (
    Event,
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    InvalidEvent,
    SessionRequest,
    SessionState,
    SessionStatus,
    UnknownSession,
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

    def open_session(self, request: SessionRequest) -> SessionState:
        metadata = dict(request.metadata)
        with self._speaking():
            session = self._client.v1.checkout.sessions.create(
                {
                    "mode": "payment",
                    "ui_mode": "hosted_page",
                    "line_items": [
                        {"price": line.price_id, "quantity": line.quantity} for line in request.lines
                    ],
                    "success_url": request.success_url,
                    "cancel_url": request.cancel_url,
                    "expires_at": int(request.expires_at.timestamp()),
                    "client_reference_id": request.reference,
                    "customer_email": request.email,
                    "adaptive_pricing": {"enabled": False},
                    "metadata": metadata,
                    # The intent does not inherit the session's metadata, and the dashboard shows the intent.
                    "payment_intent_data": {"metadata": metadata},
                    "expand": ["payment_intent"],
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

    def read_event(self, *, body: bytes, signature: str, at: datetime) -> Event:
        if not self._webhook_secret:
            raise GatewayMisconfigured(
                f"Set STRIPE_{self.account.upper()}_WEBHOOK_SECRET: without it no event can be trusted."
            )
        try:
            stripe.Webhook.construct_event(body, signature, self._webhook_secret, TOLERANCE)
            event = json.loads(body)
            sent_at = _timestamp(signature)
            name, kind, subject = event["id"], event["type"], event["data"]["object"]
        except (ValueError, KeyError, TypeError, stripe.SignatureVerificationError) as error:
            raise InvalidEvent(f"Not an event of account {self.account}: {error}") from error
        if sent_at > at.timestamp() + TOLERANCE:
            raise InvalidEvent(f"Event {name} says it is of the future.")
        if not isinstance(name, str) or not name.startswith("evt_"):
            raise InvalidEvent("An event without an id cannot be told from its repetition.")
        return Event(
            id=name,
            kind=kind,
            session_id=subject["id"] if kind.startswith(SESSION_PREFIX) else "",
            livemode=bool(event.get("livemode")),
            metadata=subject.get("metadata") or {},
        )

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
                raise UnknownSession(str(error)) from error
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
        metadata=session.metadata.to_dict() if session.metadata else {},
    )


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
