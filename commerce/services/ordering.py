"""Place orders and give them up. A placed order is frozen: titles, prices and total never change again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from commerce import fulfilment
from commerce.models import Order, OrderLine
from commerce.models.orders import new_number
from commerce.money import CurrencyMismatch, Money

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

NUMBER_ATTEMPTS = 5
# How long a placed order waits for its money before it is given up.
PAYABLE_FOR = timedelta(hours=24)


class EmptyOrder(ValueError):
    """There is nothing to place."""

    def __init__(self) -> None:
        super().__init__("An order needs at least one line.")


@dataclass(frozen=True, kw_only=True)
class LineRequest:
    """What to put on an order line: kind names the seller, reference the thing as the seller knows it."""

    kind: str
    reference: str
    title: str
    unit_price: Money
    quantity: int = 1


def place(*, buyer: User, lines: Sequence[LineRequest], at: datetime) -> Order:
    """Make an order of lines, frozen and awaiting payment for PAYABLE_FOR.

    All prices are in one currency. Raises EmptyOrder, CurrencyMismatch and fulfilment.UnknownKind.
    """
    if not lines:
        raise EmptyOrder
    currency = lines[0].unit_price.currency
    for line in lines:
        fulfilment.seller_for(line.kind)
        if line.unit_price.currency != currency:
            raise CurrencyMismatch(currency, line.unit_price.currency)
    total = sum((line.unit_price * line.quantity for line in lines), start=Money.zero(currency))
    with transaction.atomic():
        order = _with_free_number(
            Order(
                buyer=buyer,
                email=buyer.email,
                currency=currency,
                subtotal_minor=total.minor,
                total_minor=total.minor,
                created_at=at,
                placed_at=at,
                payable_until=at + PAYABLE_FOR,
            )
        )
        OrderLine.objects.bulk_create(
            OrderLine(
                order=order,
                kind=line.kind,
                reference=line.reference,
                title=line.title[:255],
                unit_price_minor=line.unit_price.minor,
                quantity=line.quantity,
            )
            for line in lines
        )
        order.transition(to=Order.Status.AWAITING_PAYMENT, at=at, cause="placed", actor=buyer)
    return order


def cancel(*, order: Order, at: datetime, cause: str, actor: User | None = None) -> bool:
    """Give up an unpaid order and free what was held for it; say whether it was this call that did.

    Close its payment page at the provider first (checkout.give_up does both): a page left open can be paid.
    """
    with transaction.atomic():
        won = order.transition(to=Order.Status.CANCELLED, at=at, cause=cause, actor=actor)
        if won:
            for line in order.lines.all():
                fulfilment.seller_for(line.kind).release(line, at=at)
    return won


def _with_free_number(order: Order) -> Order:
    for _attempt in range(NUMBER_ATTEMPTS):
        order.number = new_number()
        try:
            with transaction.atomic():
                order.save(force_insert=True)
        except IntegrityError:
            if not Order.objects.filter(number=order.number).exists():
                raise
            logger.warning("Order number %s was taken; drawing another", order.number)
        else:
            return order
    raise RuntimeError(f"No free order number in {NUMBER_ATTEMPTS} draws; NUMBER_ALPHABET must be longer.")
