"""Who hands over what was paid for: one seller per kind of order line.

Commerce knows no course and no book. An app that sells registers a seller for its kinds in `apps.py`;
the pointer goes down (the app's row keeps the order line), the call comes up (commerce calls the seller).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from accounts.models import User
    from commerce.models import Order, OrderLine


class NotAvailable(Exception):
    """A thing cannot be had, or not so many of it; the message says what and what to do."""


class Seller(Protocol):
    """What commerce asks of an app that sells. Every method may be called twice for one line.

    `is_merchandise`: discounts and taxes are for its lines. Fees and fines are none.
    """

    is_merchandise: bool

    def hold(self, line: OrderLine, *, at: datetime) -> None:
        """The order is being placed, or taken up again: set aside what the line is for. Raises NotAvailable.

        Taken up again is an order that was given up: by its buyer, and then it is AWAITING_PAYMENT as when it
        was placed; or because its money has come after all, and then it is CANCELLED still.
        """

    def fulfil(self, line: OrderLine, *, at: datetime) -> None:
        """Hand over what was paid for. Runs in a transaction; an exception undoes it and is tried again.

        Raises NotAvailable when it will never be possible: then it is not tried again, and a person decides.
        """

    def release(self, line: OrderLine, *, at: datetime) -> None:
        """The order was given up unpaid: free what was held for it."""

    def revoke(self, line: OrderLine, *, at: datetime) -> None:
        """The money was given back: take back what was handed over."""

    def refusal(self, line: OrderLine) -> str:
        """Why the line cannot be handed over any more, in words for people; empty when it can."""

    def url(self, line: OrderLine) -> str:
        """Where the buyer finds it: a path on this site."""


class NothingThere(LookupError):
    """There is no such thing, or none that the buyer may know of."""


class OrderFor(Protocol):
    """How the id of a thing becomes an order to pay: what `{"course": 3}` of an API client leads to."""

    def __call__(self, *, reference: int, buyer: User, at: datetime) -> Order:
        """The unpaid order that buyer has for the thing, or a new one. May talk to the provider.

        Raises NothingThere, NotAvailable and services.checkout.CheckoutRefused.
        """


class UnknownKind(LookupError):
    """No app sells this kind of line."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f'Nobody sells "{kind}": register a Seller for it in the AppConfig.ready() of its app.'
        )


class KindTaken(ValueError):
    """Two apps want to sell one kind."""


_sellers: dict[str, Seller] = {}
_payables: dict[str, OrderFor] = {}


def register(kind: str, seller: Seller) -> None:
    """Make seller the one who hands over lines of a kind. Raises KindTaken when another one is."""
    if kind in _sellers and type(_sellers[kind]) is not type(seller):
        raise KindTaken(f'"{kind}" is sold by {type(_sellers[kind]).__name__} already.')
    _sellers[kind] = seller


def unregister(kind: str) -> None:
    """Sell a kind no longer; nothing happens when nobody did."""
    _sellers.pop(kind, None)


def seller_for(kind: str) -> Seller:
    """The seller of a kind. Raises UnknownKind."""
    try:
        return _sellers[kind]
    except KeyError:
        raise UnknownKind(kind) from None


def in_locking_order(lines: Iterable[OrderLine]) -> list[OrderLine]:
    """Lines as their things are locked by everybody who locks several: by kind, then by number.

    Who asks sellers to hold, release or revoke several lines in one transaction goes by it; otherwise two who
    want the same things wait for each other.
    """
    return sorted(lines, key=lambda line: (line.kind, len(line.reference), line.reference))


def register_payable(kind: str, order_for: OrderFor) -> None:
    """Let things of a kind be paid by their id. Raises KindTaken when another app does."""
    if _payables.get(kind, order_for) is not order_for:
        raise KindTaken(f'How "{kind}" is ordered has been said already.')
    _payables[kind] = order_for


def order_for(*, kind: str, reference: int, buyer: User, at: datetime) -> Order:
    """The order that buyer has for a thing, or a new one. Raises UnknownKind and what OrderFor raises."""
    if kind not in _payables:
        raise UnknownKind(kind)
    return _payables[kind](reference=reference, buyer=buyer, at=at)
