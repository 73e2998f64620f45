"""Which discount an order gets, and the limit of how many orders may have it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, Q
from django.utils.translation import gettext as _

from commerce.models import Discount, Order, OrderDiscount
from commerce.money import Money
from commerce.totals import Reduction


class DiscountRefused(Exception):
    """The discount cannot be had; the message says why."""


class UnknownCode(DiscountRefused):
    """No discount that is valid now has the code."""

    def __init__(self, code: str) -> None:
        super().__init__(_("There is no discount with the code “%s”, or its time is over.") % code)


class OtherCurrency(DiscountRefused):
    """The discount is an amount of another currency."""

    def __init__(self, discount: Discount, currency: str) -> None:
        super().__init__(
            _("“%(name)s” is for orders in %(theirs)s; this one is in %(ours)s.")
            % {"name": discount, "theirs": discount.currency, "ours": currency}
        )


class NoLongerValid(DiscountRefused):
    """The discount of a cart cannot be had any more: it is over, or used up."""

    def __init__(self, name: str) -> None:
        super().__init__(_("“%s” is over, or used up. Take it off to order without it.") % name)


def by_code(*, code: str, currency: str, at: datetime) -> Discount:
    """The discount that a buyer asks for by its code. Raises UnknownCode and OtherCurrency."""
    found = Discount.objects.valid(at=at).with_code(code).first()
    if found is None:
        raise UnknownCode(code.strip())
    if found.currency and found.currency != currency:
        raise OtherCurrency(found, currency)
    return found


def automatic(*, currency: str, merchandise: Money, at: datetime) -> Discount | None:
    """Of the discounts that come by themselves the one that takes most off so much merchandise."""
    if not merchandise:
        return None
    candidates = Discount.objects.valid(at=at).automatic().filter(Q(currency="") | Q(currency=currency))
    return max(candidates.order_by("pk"), key=lambda discount: _worth(discount, merchandise), default=None)


def attach(*, order: Order, discount: Discount) -> OrderDiscount:
    """Write down on an order what the discount is now; it takes the place of the one there was."""
    attached, _made = OrderDiscount.objects.update_or_create(
        order=order, defaults={"discount": discount, **_terms(discount)}
    )
    return attached


def is_attached(attached: OrderDiscount | None, discount: Discount) -> bool:
    """Whether what an order has written down is the discount as it is now."""
    if attached is None or attached.discount_id != discount.pk:
        return False
    return all(getattr(attached, name) == value for name, value in _terms(discount).items())


def reduction(attached: OrderDiscount | None, *, currency: str) -> Reduction | None:
    """What an order's discount takes off, for `commerce.totals`."""
    if attached is None:
        return None
    if attached.percent_off is not None:
        return Reduction(percent_off=attached.percent_off)
    return Reduction(amount_off=Money.from_minor(attached.amount_off_minor or 0, currency))


def redeem(*, attached: OrderDiscount, at: datetime) -> None:
    """Count an order against the limit of its discount, once; in a transaction. Raises NoLongerValid."""
    if not OrderDiscount.objects.filter(pk=attached.pk, is_redeemed=False).update(is_redeemed=True):
        return
    if (
        not Discount.objects.valid(at=at)
        .filter(pk=attached.discount_id)
        .update(times_redeemed=F("times_redeemed") + 1)
    ):
        raise NoLongerValid(attached.name)


def give_back(*, orders: Iterable[Order]) -> None:
    """Count orders that were given up no longer. Call it inside a transaction."""
    for attached in OrderDiscount.objects.filter(order__in=orders).order_by("discount_id"):
        if OrderDiscount.objects.filter(pk=attached.pk, is_redeemed=True).update(is_redeemed=False):
            Discount.objects.filter(pk=attached.discount_id).update(times_redeemed=F("times_redeemed") - 1)


def _terms(discount: Discount) -> dict[str, Any]:
    amount_off = None
    if discount.amount_off is not None:
        amount_off = Money(discount.amount_off, discount.currency).minor
    return {"name": discount.name, "percent_off": discount.percent_off, "amount_off_minor": amount_off}


def _worth(discount: Discount, merchandise: Money) -> Decimal:
    if discount.percent_off is not None:
        return merchandise.amount * discount.percent_off / 100
    return min(discount.amount_off or Decimal(0), merchandise.amount)
