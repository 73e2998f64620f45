"""Place orders and give them up. A placed order is frozen: titles, prices and total never change again."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django_q.tasks import async_task

from commerce import fulfilment
from commerce.models import Discount, Order, OrderDiscount, OrderLine, OrderTax, Tax
from commerce.models.orders import new_number
from commerce.money import CurrencyMismatch, Money
from commerce.services import discounting, telling
from commerce.totals import PricedLine, TaxRate, Totals, totals

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


def place(
    *,
    lines: Sequence[LineRequest],
    at: datetime,
    buyer: User | None = None,
    guest_key: str = "",
    email: str = "",
    discount: Discount | None = None,
) -> Order:
    """Make an order of lines, frozen and awaiting payment for PAYABLE_FOR.

    Its buyer is a member, or a visitor by the key of their session, whose receipt goes to email. Without a
    discount it gets the best of those that come by themselves. All prices are in one currency. What comes to
    nothing is paid at once. Raises EmptyOrder, CurrencyMismatch, fulfilment.UnknownKind,
    fulfilment.NotAvailable and discounting.DiscountRefused; nothing is placed then.
    """
    currency = _one_currency(lines)
    with transaction.atomic():
        order = _with_free_number(
            Order(
                buyer=buyer,
                guest_key="" if buyer else guest_key,
                email=buyer.email if buyer else email,
                # A cart is OPEN, and there is one for each buyer; this order is none at any moment.
                status=Order.Status.AWAITING_PAYMENT,
                currency=currency,
                total_minor=0,
                created_at=at,
            )
        )
        order.status_changes.create(
            from_status=Order.Status.OPEN,
            to_status=Order.Status.AWAITING_PAYMENT,
            at=at,
            cause="placed",
            actor=buyer,
        )
        _write_lines(order=order, lines=lines)
        _freeze(order=order, at=at, discount=discount)
    return order


def place_cart(*, cart: Order, lines: Sequence[LineRequest], at: datetime, email: str = "") -> bool:
    """Make a cart an order of lines, which are what it holds at today's prices; say whether this call did.

    email is where a visitor's receipt goes, if they gave one; a member's goes to their own address. The
    caller has locked the cart. Raises what `place` raises; the cart is as it was then.
    """
    _one_currency(lines)
    with transaction.atomic():
        placed = cart.transition(
            to=Order.Status.AWAITING_PAYMENT,
            from_={Order.Status.OPEN},
            at=at,
            cause="placed",
            actor=cart.buyer,
            email=cart.buyer.email if cart.buyer else email,
        )
        if not placed:
            return False
        _write_lines(order=cart, lines=lines)
        _freeze(order=cart, at=at)
    return True


def reckon(*, order: Order, lines: Sequence[OrderLine], taxes: Sequence[Tax]) -> Totals:
    """What lines come to with the discount of order and taxes. Writes nothing."""
    attached = OrderDiscount.objects.filter(order=order).first()
    return totals(
        [
            PricedLine(
                unit_price=Money.from_minor(line.unit_price_minor, order.currency),
                quantity=line.quantity,
                is_merchandise=fulfilment.seller_for(line.kind).is_merchandise,
            )
            for line in lines
        ],
        currency=order.currency,
        reduction=discounting.reduction(attached, currency=order.currency),
        tax_rates=[TaxRate(percentage=tax.percentage, is_inclusive=tax.is_inclusive) for tax in taxes],
    )


def cancel(*, order: Order, at: datetime, cause: str, actor: User | None = None) -> bool:
    """Give up an unpaid order and free what was held for it; say whether it was this call that did.

    Close its payment page at the provider first (checkout.give_up does both): a page left open can be paid.
    """
    return bool(cancel_all(orders=[order], at=at, cause=cause, actor=actor))


def cancel_all(
    *, orders: Iterable[Order], at: datetime, cause: str, actor: User | None = None
) -> list[Order]:
    """Give up several unpaid orders as `cancel` does one; those that this call did give up.

    All of them first, then their discounts, then their things: so that what several want is locked in the
    order in which everybody locks it.
    """
    with transaction.atomic():
        given_up = [
            order
            for order in sorted(orders, key=lambda order: order.pk)
            if order.transition(to=Order.Status.CANCELLED, at=at, cause=cause, actor=actor)
        ]
        discounting.give_back(orders=given_up)
        lines = OrderLine.objects.filter(order__in=given_up).select_related("order")
        for line in fulfilment.in_locking_order(lines):
            fulfilment.seller_for(line.kind).release(line, at=at)
    return given_up


def take_up_again(*, order: Order, at: datetime, actor: User | None = None) -> None:
    """Let an order that was given up, or whose time is over, wait for its money for PAYABLE_FOR once more.

    Nothing of it changes: it is paid at the prices it was placed at. The caller has locked it. Call it inside
    a transaction. Raises fulfilment.NotAvailable and discounting.NoLongerValid; the order is as it was then.
    """
    until = at + PAYABLE_FOR
    with transaction.atomic():
        given_up = {Order.Status.CANCELLED}
        if not order.transition(
            to=Order.Status.AWAITING_PAYMENT,
            from_=given_up,
            at=at,
            cause="taken up again",
            actor=actor,
            payable_until=until,
        ):
            Order.objects.awaiting_payment().filter(pk=order.pk).update(payable_until=until)
            order.refresh_from_db()
            return
        attached = OrderDiscount.objects.filter(order=order).first()
        if attached is not None:
            discounting.redeem(attached=attached, at=at)
        for line in fulfilment.in_locking_order(order.lines.select_related("order")):
            seller = fulfilment.seller_for(line.kind)
            if refusal := seller.refusal(line):
                raise fulfilment.NotAvailable(refusal)
            seller.hold(line, at=at)


def hold_again(*, order: Order, at: datetime) -> None:
    """Set aside once more what an order that was given up is for: its money has come after all.

    Its discount counts again if there is room, and is honoured in any case. Call it inside a transaction.
    Raises fulfilment.NotAvailable; nothing is set aside then.
    """
    attached = OrderDiscount.objects.filter(order=order).first()
    with transaction.atomic():
        if attached is not None:
            try:
                with transaction.atomic():
                    discounting.redeem(attached=attached, at=at)
            except discounting.NoLongerValid:
                logger.warning("Order %s keeps a discount that is used up: it was placed with it", order)
        for line in fulfilment.in_locking_order(order.lines.all()):
            fulfilment.seller_for(line.kind).hold(line, at=at)


def _one_currency(lines: Sequence[LineRequest]) -> str:
    if not lines:
        raise EmptyOrder
    currency = lines[0].unit_price.currency
    for line in lines:
        fulfilment.seller_for(line.kind)
        if line.unit_price.currency != currency:
            raise CurrencyMismatch(currency, line.unit_price.currency)
    return currency


def _write_lines(*, order: Order, lines: Sequence[LineRequest]) -> None:
    order.lines.all().delete()
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


def _freeze(*, order: Order, at: datetime, discount: Discount | None = None) -> None:
    """Reckon what a placed order comes to, write it down for good, and set aside what it is for.

    A discount that came by itself and is used up by another order at this moment gives way to the next best:
    nobody asked for it, so nobody could take it off.
    """
    while True:
        try:
            with transaction.atomic():
                _freeze_with_discount(order=order, at=at, discount=discount)
        except discounting.NoLongerValid:
            attached = OrderDiscount.objects.filter(order=order).select_related("discount").first()
            if discount is not None or (attached is not None and attached.discount.code):
                raise
            logger.info("Order %s: its discount was used up at this moment; looking for another", order)
            order.refresh_from_db()
        else:
            return


def _freeze_with_discount(*, order: Order, at: datetime, discount: Discount | None) -> None:
    lines = list(order.lines.all())
    for line in lines:
        line.order = order
    if discount is not None:
        discounting.attach(order=order, discount=discount)
    else:
        give_own_discount(order=order, lines=lines, at=at)
    taxes = list(Tax.objects.on(order.currency).order_by("pk"))
    has_merchandise = any(fulfilment.seller_for(line.kind).is_merchandise for line in lines)
    reckoned = reckon(order=order, lines=lines, taxes=taxes)
    for line, amounts in zip(lines, reckoned.lines, strict=True):
        line.discount_minor, line.tax_minor = amounts.discount.minor, amounts.tax.minor
    OrderLine.objects.bulk_update(lines, ["discount_minor", "tax_minor"])
    OrderTax.objects.bulk_create(
        OrderTax(
            order=order,
            tax=tax,
            name=tax.name,
            percentage=tax.percentage,
            is_inclusive=tax.is_inclusive,
            country=tax.country,
            amount_minor=amount.minor,
        )
        # One that comes to nothing too: the provider reckons the others beside it.
        for tax, amount in zip(taxes, reckoned.taxes, strict=True)
        if has_merchandise
    )
    write_amounts(order=order, reckoned=reckoned)
    order.placed_at, order.payable_until = at, at + PAYABLE_FOR
    order.save(update_fields=["placed_at", "payable_until"])
    # Rows that everybody wants come last, always in the same order: locked for a moment, and never crosswise.
    attached = OrderDiscount.objects.filter(order=order).first()
    if attached is not None:
        discounting.redeem(attached=attached, at=at)
    for line in fulfilment.in_locking_order(lines):
        fulfilment.seller_for(line.kind).hold(line, at=at)
    if not order.total:
        order.transition(to=Order.Status.PAID, at=at, cause="nothing to pay", actor=order.buyer, paid_at=at)
        telling.order_paid(order=order, payment=None, at=at)
        transaction.on_commit(lambda: async_task("commerce.tasks.deliver_order", order.pk), robust=True)


def give_own_discount(*, order: Order, lines: Sequence[OrderLine], at: datetime) -> None:
    """Let an order have the best discount of those that come by themselves, unless it has one by a code.

    One that it had and that is not the best any more is taken off. Call it inside a transaction.
    """
    attached = OrderDiscount.objects.filter(order=order).select_related("discount").first()
    if attached is not None and attached.discount.code:
        return
    found = None
    # A discount of the provider's page is for all its lines, so an order with fees in it gets none.
    if all(fulfilment.seller_for(line.kind).is_merchandise for line in lines):
        zero = Money.zero(order.currency)
        merchandise = sum(
            (Money.from_minor(line.unit_price_minor, order.currency) * line.quantity for line in lines),
            start=zero,
        )
        found = discounting.automatic(currency=order.currency, merchandise=merchandise, at=at)
    if found is not None and not discounting.is_attached(attached, found):
        discounting.attach(order=order, discount=found)
    elif found is None and attached is not None:
        attached.delete()


def write_amounts(*, order: Order, reckoned: Totals) -> None:
    """Keep on an order what its lines come to."""
    order.subtotal_minor = reckoned.subtotal.minor
    order.discount_minor = reckoned.discount.minor
    order.tax_minor = reckoned.tax.minor
    order.included_tax_minor = reckoned.included_tax.minor
    order.total_minor = reckoned.total.minor
    order.save(
        update_fields=["subtotal_minor", "discount_minor", "tax_minor", "included_tax_minor", "total_minor"]
    )


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
