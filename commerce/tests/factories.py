"""Orders to test with, and a seller that remembers what it was asked to hand over."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from accounts.models import User
from accounts.tests.factories import UserFactory
from commerce import fulfilment
from commerce.gateways import gateway_for
from commerce.gateways.fake import FakeGateway
from commerce.models import Order, OrderLine
from commerce.money import Money
from commerce.services import ordering
from commerce.services.checkout import ReturnUrls

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
URLS = ReturnUrls(
    success="https://portal.example/checkout/return/?session_id={CHECKOUT_SESSION_ID}",
    cancel="https://portal.example/checkout/cancel/",
)
KIND = "voucher"


class OutOfVouchers(Exception):
    """The counter was told to fail."""


@dataclass
class VoucherCounter:
    """A seller of vouchers, which are nothing but the memory of having been handed over."""

    fulfilled: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    failures_ahead: int = 0
    out_of: str = ""
    refused: str = ""
    # As of a course that the buyer has by another order: it could be held, and must not be.
    had_already: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_merchandise: bool = True

    def hold(self, line: OrderLine, *, at: datetime) -> None:
        if self.out_of:
            raise fulfilment.NotAvailable(self.out_of)

    def fulfil(self, line: OrderLine, *, at: datetime) -> None:
        with self.lock:
            if self.refused:
                raise fulfilment.NotAvailable(self.refused)
            if self.failures_ahead:
                self.failures_ahead -= 1
                raise OutOfVouchers("The printer is out of paper.")
            self.fulfilled.append(line.reference)

    def release(self, line: OrderLine, *, at: datetime) -> None:
        with self.lock:
            self.released.append(line.reference)

    def revoke(self, line: OrderLine, *, at: datetime) -> None:
        with self.lock:
            self.revoked.append(line.reference)

    def refusal(self, line: OrderLine) -> str:
        return self.out_of or self.had_already

    def url(self, line: OrderLine) -> str:
        return f"/vouchers/{line.reference}/"


def open_counter() -> VoucherCounter:
    """A fresh counter that sells from now on."""
    fulfilment.unregister(KIND)
    counter = VoucherCounter()
    fulfilment.register(KIND, counter)
    return counter


def voucher(reference: str = "v1", *, amount: str = "49.00", currency: str = "USD", quantity: int = 1):
    return ordering.LineRequest(
        kind=KIND,
        reference=reference,
        title=f"Voucher {reference}",
        unit_price=Money(Decimal(amount), currency),
        quantity=quantity,
    )


def place_order(*lines: ordering.LineRequest, buyer: User | None = None, at: datetime = NOON) -> Order:
    return ordering.place(buyer=buyer or UserFactory(), lines=lines or (voucher(),), at=at)


def fake(account: str = "usd") -> FakeGateway:
    """The gateway in memory that the test settings name."""
    gateway = gateway_for(account)
    assert isinstance(gateway, FakeGateway)
    return gateway
