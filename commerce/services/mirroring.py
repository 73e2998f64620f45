"""What an order needs at the provider: prices, a coupon, tax rates. Each is made once and kept."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

from django.db.models import QuerySet

from commerce.gateways import Gateway
from commerce.models import (
    GatewayCoupon,
    GatewayPrice,
    GatewayTaxRate,
    Order,
    OrderDiscount,
    OrderLine,
    OrderTax,
    Payment,
)
from commerce.money import Money

Kept = TypeVar("Kept", GatewayCoupon, GatewayPrice, GatewayTaxRate)


def price_id(*, gateway: Gateway, line: OrderLine) -> str:
    """The provider's price of a line: product first, then its price; both made once and kept."""
    thing = _facts_of(gateway, line)
    sold = GatewayPrice.objects.filter(**thing)
    price = {"currency": line.order.currency, "unit_minor": line.unit_price_minor}
    known = sold.filter(**price).first()
    if known is not None and not known.is_void:
        return known.price_id
    product_id = _product_id(sold, gateway=gateway, line=line)
    made = {
        "product_id": product_id,
        "price_id": gateway.make_price(
            product_id=product_id,
            amount=line.unit_price,
            key=_key("price", product_id, str(line.unit_price_minor), line.order.currency),
        ),
    }
    return _keep(GatewayPrice, known, made, **thing, **price).price_id


def coupon_id(*, gateway: Gateway, order: Order) -> str:
    """The provider's coupon for the discount of an order, made once and kept; empty without a discount."""
    discount = OrderDiscount.objects.filter(order=order).first()
    if discount is None:
        return ""
    facts = {
        "account": gateway.account,
        "name": discount.name,
        "percent_off": discount.percent_off,
        "amount_off_minor": discount.amount_off_minor,
        "currency": order.currency if discount.percent_off is None else "",
    }
    known = GatewayCoupon.objects.filter(**facts).first()
    if known is not None and not known.is_void:
        return known.coupon_id
    amount_off = discount.amount_off_minor
    made = gateway.make_coupon(
        name=discount.name,
        percent_off=discount.percent_off,
        amount_off=None if amount_off is None else Money.from_minor(amount_off, order.currency),
        key=_key("coupon", *map(str, facts.values()), *_after(known.coupon_id if known else "")),
    )
    return _keep(GatewayCoupon, known, {"coupon_id": made}, **facts).coupon_id


def tax_rate_id(*, gateway: Gateway, tax: OrderTax) -> str:
    """The provider's rate for a tax of an order, made once and kept."""
    facts = {
        "account": gateway.account,
        "name": tax.name,
        "percentage": tax.percentage,
        "is_inclusive": tax.is_inclusive,
        "country": tax.country,
    }
    known = GatewayTaxRate.objects.filter(**facts).first()
    if known is not None and not known.is_void:
        return known.tax_rate_id
    made = gateway.make_tax_rate(
        name=tax.name,
        percentage=tax.percentage,
        is_inclusive=tax.is_inclusive,
        country=tax.country,
        key=_key("rate", *map(str, facts.values()), *_after(known.tax_rate_id if known else "")),
    )
    return _keep(GatewayTaxRate, known, {"tax_rate_id": made}, **facts).tax_rate_id


def forget(*, payment: Payment) -> None:
    """Make anew next time what a payment needs at the provider: it refused, and these may be the reason.

    The rows stay: asked with the keys of before, the provider would tell of the things of before once more.
    """
    for line in payment.order.lines.all():
        GatewayPrice.objects.filter(account=payment.account, kind=line.kind, reference=line.reference).update(
            is_void=True
        )
    GatewayCoupon.objects.filter(account=payment.account).update(is_void=True)
    GatewayTaxRate.objects.filter(account=payment.account).update(is_void=True)


def _facts_of(gateway: Gateway, line: OrderLine) -> dict[str, str]:
    return {
        "account": gateway.account,
        "kind": line.kind,
        "reference": line.reference,
        "title": line.title,
    }


def _product_id(sold: QuerySet[GatewayPrice], *, gateway: Gateway, line: OrderLine) -> str:
    good = sold.filter(is_void=False).first()
    if good is not None:
        return good.product_id
    void = sold.order_by("pk").last()
    return gateway.make_product(
        name=line.title,
        metadata={"kind": line.kind, "reference": line.reference},
        key=_key("product", *_facts_of(gateway, line).values(), *_after(void.product_id if void else "")),
    )


def _keep(model: type[Kept], void: Kept | None, made: dict[str, str], **facts: Any) -> Kept:
    """Write down what was made, in the place of what is void; what another call wrote down first stays."""
    if void is None:
        row, _is_new = model._default_manager.get_or_create(**facts, defaults=made)
        return row
    model._default_manager.filter(pk=void.pk, is_void=True).update(is_void=False, **made)
    void.refresh_from_db()
    return void


def _after(former: str) -> list[str]:
    """What tells the key of a thing from that of the void one before it."""
    return [former] if former else []


def _key(*parts: str) -> str:
    """An idempotency key that is the same for the same parts; the provider allows 255 characters."""
    return f"{parts[0]}-{hashlib.sha256('|'.join(parts[1:]).encode()).hexdigest()}"
