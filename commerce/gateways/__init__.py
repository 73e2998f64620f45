"""The port to payment providers: what the portal asks of one, in the portal's own words.

One account per currency; `gateway_for(account)` gives the gateway that the settings name. Whatever a provider
answers is a SessionState: what is true now. Callers never learn which provider it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from commerce.money import Money


class GatewayError(Exception):
    """Something went wrong between the portal and the provider."""


class GatewayUnavailable(GatewayError):
    """No answer, or an answer that tells nothing: the outcome is unknown. Ask again with the same key."""


class GatewayRefused(GatewayError):
    """The provider understood and said no. Asking again in the same way will not help."""


class GatewayMisconfigured(GatewayError):
    """The keys are missing or wrong. An operator must look at the settings of the account."""


class UnknownSession(GatewayError):
    """The account has no such session."""


class InvalidEvent(GatewayError):
    """A notification that the provider did not sign, or that is too old, of the future, or without a name."""


class UnknownAccount(GatewayMisconfigured, LookupError):
    """The settings have no such provider account."""

    def __init__(self, account: str) -> None:
        super().__init__(
            f'There is no payment account "{account}"; settings.STRIPE_ACCOUNTS has the accounts.'
        )


class SessionStatus(StrEnum):
    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class SessionLine:
    """A price made at the provider, and how many of it."""

    price_id: str
    quantity: int


@dataclass(frozen=True, kw_only=True)
class SessionRequest:
    """Everything about a session. The same key with the same request always makes the same session."""

    key: str
    lines: Sequence[SessionLine]
    currency: str
    reference: str
    email: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class SessionState:
    """What the provider says is true of a session.

    is_paid: the money is taken (or none is needed). has_failed: it was tried for good and will not come.
    Complete and neither: a slow method, to be waited for.
    """

    id: str
    url: str
    status: SessionStatus
    is_paid: bool
    has_failed: bool
    amount: Money
    intent_id: str
    livemode: bool
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Event:
    """A signed notification. It only names a session; what is true of it must be asked.

    session_id is empty when the event is about something else; metadata is the named object's.
    """

    id: str
    kind: str
    session_id: str
    livemode: bool
    metadata: Mapping[str, str]


class Gateway(Protocol):
    """One account of a payment provider. Every method but read_event talks to the network.

    All may raise GatewayUnavailable, GatewayRefused and GatewayMisconfigured.
    """

    account: str
    livemode: bool

    def make_product(self, *, name: str, metadata: Mapping[str, str], key: str) -> str:
        """Make a product and give its id; the same key gives the same product."""

    def make_price(self, *, product_id: str, amount: Money, key: str) -> str:
        """Make a price of a product and give its id; the same key gives the same price."""

    def open_session(self, request: SessionRequest) -> SessionState:
        """Open a payment page; the same key gives the same page."""

    def session(self, session_id: str) -> SessionState:
        """What is true of a session now. Raises UnknownSession."""

    def expire_session(self, session_id: str) -> SessionState:
        """Close an open session, and tell what is true then: it may have been paid a moment before."""

    def read_event(self, *, body: bytes, signature: str, at: datetime) -> Event:
        """Check that the provider sent body and read it. Raises InvalidEvent."""


def gateway_for(account: str) -> Gateway:
    """The gateway of an account. Raises UnknownAccount."""
    try:
        keys = settings.STRIPE_ACCOUNTS[account]
    except KeyError:
        raise UnknownAccount(account) from None
    return _gateway(
        settings.PAYMENT_GATEWAY,
        account,
        keys["secret_key"],
        keys["webhook_secret"],
        settings.STRIPE_API_BASE,
    )


@lru_cache(maxsize=32)
def _gateway(path: str, account: str, secret_key: str, webhook_secret: str, api_base: str) -> Gateway:
    gateway: Gateway = import_string(path)(
        account=account, secret_key=secret_key, webhook_secret=webhook_secret, api_base=api_base
    )
    return gateway
