"""The port to payment providers: what the portal asks of one, in the portal's own words.

One account per currency; `gateway_for(account)` gives the gateway that the settings name. Whatever a provider
answers is a state: what is true now. Callers never learn which provider it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Protocol
from uuid import UUID

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


class NotAtProvider(GatewayError):
    """The account has no such session, intent, price or whatever else was named."""


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


class RefundStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class SessionLine:
    """A price made at the provider, how many of it, and the tax rates made there that it bears."""

    price_id: str
    quantity: int
    tax_rate_ids: Sequence[str] = ()


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
    coupon_id: str = ""


@dataclass(frozen=True, kw_only=True)
class SessionState:
    """What the provider says is true of a session. email: what the buyer gave there; may be empty.

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
    email: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class IntentRequest:
    """Everything about a Payment Intent. The same key with the same request always makes the same one."""

    key: str
    amount: Money
    description: str
    email: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class IntentState:
    """What the provider says is true of a Payment Intent.

    is_under_way: the buyer has done their part, and the money of a slow method is on its way. is_over: it was
    cancelled and can never be paid. With the client secret the buyer's browser pays it; it is kept nowhere.
    """

    id: str
    client_secret: str
    status: str
    is_paid: bool
    is_under_way: bool
    is_over: bool
    amount: Money
    livemode: bool
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RefundRequest:
    """Give so much of an intent's money back. The same key never gives back twice."""

    key: str
    intent_id: str
    amount: Money
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RefundState:
    id: str
    intent_id: str
    status: RefundStatus
    amount: Money
    created_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ChargeState:
    """Money that the provider took, for comparing ledgers."""

    id: str
    intent_id: str
    amount: Money
    refunded: Money
    created_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Event:
    """A signed notification. It only names something; what is true of that must be asked.

    session_id and intent_id are empty when the event is about something else; metadata is the named object's.
    """

    id: str
    kind: str
    session_id: str
    livemode: bool
    metadata: Mapping[str, str]
    intent_id: str = ""


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

    def make_coupon(
        self, *, name: str, percent_off: Decimal | None, amount_off: Money | None, key: str
    ) -> str:
        """Make a coupon of a percentage or an amount and give its id; the same key gives the same coupon."""

    def make_tax_rate(
        self, *, name: str, percentage: Decimal, is_inclusive: bool, country: str, key: str
    ) -> str:
        """Make a tax rate and give its id; the same key gives the same rate."""

    def open_session(self, request: SessionRequest) -> SessionState:
        """Open a payment page; the same key gives the same page."""

    def session(self, session_id: str) -> SessionState:
        """What is true of a session now. Raises NotAtProvider."""

    def expire_session(self, session_id: str) -> SessionState:
        """Close an open session, and tell what is true then: it may have been paid a moment before."""

    def open_intent(self, request: IntentRequest) -> IntentState:
        """Begin a payment on our own page; the same key gives the same intent."""

    def intent(self, intent_id: str) -> IntentState:
        """What is true of an intent now. Raises NotAtProvider."""

    def cancel_intent(self, intent_id: str) -> IntentState:
        """Let an intent never be paid, and tell what is true then: it may have been paid a moment before."""

    def refund(self, request: RefundRequest) -> RefundState:
        """Give money back. Raises GatewayRefused when so much is not there (any more)."""

    def refunds(self, intent_id: str) -> list[RefundState]:
        """All refunds of an intent, whoever began them, the oldest first."""

    def charges(self, *, since: datetime, until: datetime) -> Iterator[ChargeState]:
        """Money taken from since on and before until, the oldest last; one request for a hundred."""

    def refunds_made(self, *, since: datetime, until: datetime) -> Iterator[RefundState]:
        """Refunds begun from since on and before until, the oldest last; one request for a hundred."""

    def read_event(self, *, body: bytes, signature: str, at: datetime) -> Event:
        """Check that the provider sent body and read it. Raises InvalidEvent."""


def mark(metadata: Mapping[str, str], name: str) -> UUID | None:
    """The uuid that we put on something under a name; None on things of others, who write what they like."""
    try:
        return UUID(metadata.get(name, ""))
    except ValueError:
        return None


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
