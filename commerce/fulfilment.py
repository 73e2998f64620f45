"""Who hands over what was paid for: one seller per kind of order line.

Commerce knows no course and no book. An app that sells registers a seller for its kinds in `apps.py`;
the pointer goes down (the app's row keeps the order line), the call comes up (commerce calls the seller).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from commerce.models import OrderLine


class NotAvailable(Exception):
    """A thing cannot be had, or not so many of it; the message says what and what to do."""


class Seller(Protocol):
    """What commerce asks of an app that sells. Every method may be called twice for one line.

    `is_merchandise`: discounts and taxes are for its lines. Fees and fines are none.
    """

    is_merchandise: bool

    def hold(self, line: OrderLine, *, at: datetime) -> None:
        """The order is being placed: set aside what the line is for. Raises NotAvailable."""

    def fulfil(self, line: OrderLine, *, at: datetime) -> None:
        """Hand over what was paid for. Runs in a transaction; an exception undoes it and is tried again."""

    def release(self, line: OrderLine, *, at: datetime) -> None:
        """The order was given up unpaid: free what was held for it."""

    def revoke(self, line: OrderLine, *, at: datetime) -> None:
        """The money was given back: take back what was handed over."""

    def refusal(self, line: OrderLine) -> str:
        """Why the line cannot be handed over any more, in words for people; empty when it can."""

    def url(self, line: OrderLine) -> str:
        """Where the buyer finds it: a path on this site."""


class UnknownKind(LookupError):
    """No app sells this kind of line."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f'Nobody sells "{kind}": register a Seller for it in the AppConfig.ready() of its app.'
        )


class KindTaken(ValueError):
    """Two apps want to sell one kind."""


_sellers: dict[str, Seller] = {}


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
