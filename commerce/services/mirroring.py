"""What an order needs at the provider: prices, a coupon, tax rates. Each is made once and kept."""

from __future__ import annotations

import hashlib

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


def price_id(*, gateway: Gateway, line: OrderLine) -> str:
    """The provider's price of a line: product first, then its price; both made once and kept."""
    sold = GatewayPrice.objects.filter(
        account=gateway.account, kind=line.kind, reference=line.reference, title=line.title
    )
    price = {"currency": line.order.currency, "unit_minor": line.unit_price_minor}
    known = sold.filter(**price).first()
    if known is not None:
        return known.price_id
    earlier = sold.first()
    product_id = (
        earlier.product_id
        if earlier is not None
        else gateway.make_product(
            name=line.title,
            metadata={"kind": line.kind, "reference": line.reference},
            key=_key("product", gateway.account, line.kind, line.reference, line.title),
        )
    )
    made = gateway.make_price(
        product_id=product_id,
        amount=line.unit_price,
        key=_key("price", product_id, str(line.unit_price_minor), line.order.currency),
    )
    row, _made = GatewayPrice.objects.get_or_create(
        account=gateway.account,
        kind=line.kind,
        reference=line.reference,
        title=line.title,
        **price,
        defaults={"product_id": product_id, "price_id": made},
    )
    return row.price_id


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
    if known is not None:
        return known.coupon_id
    amount_off = discount.amount_off_minor
    made = gateway.make_coupon(
        name=discount.name,
        percent_off=discount.percent_off,
        amount_off=None if amount_off is None else Money.from_minor(amount_off, order.currency),
        key=_key("coupon", *map(str, facts.values())),
    )
    row, _is_new = GatewayCoupon.objects.get_or_create(**facts, defaults={"coupon_id": made})
    return row.coupon_id


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
    if known is not None:
        return known.tax_rate_id
    made = gateway.make_tax_rate(
        name=tax.name,
        percentage=tax.percentage,
        is_inclusive=tax.is_inclusive,
        country=tax.country,
        key=_key("rate", *map(str, facts.values())),
    )
    row, _is_new = GatewayTaxRate.objects.get_or_create(**facts, defaults={"tax_rate_id": made})
    return row.tax_rate_id


def forget(*, payment: Payment) -> None:
    """Make anew next time what a payment needs at the provider: it refused, and these may be the reason."""
    for line in payment.order.lines.all():
        GatewayPrice.objects.filter(
            account=payment.account, kind=line.kind, reference=line.reference
        ).delete()
    GatewayCoupon.objects.filter(account=payment.account).delete()
    GatewayTaxRate.objects.filter(account=payment.account).delete()


def _key(*parts: str) -> str:
    """An idempotency key that is the same for the same parts; the provider allows 255 characters."""
    return f"{parts[0]}-{hashlib.sha256('|'.join(parts[1:]).encode()).hexdigest()}"
