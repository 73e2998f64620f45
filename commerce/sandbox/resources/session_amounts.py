"""What a session comes to, in the words of the API."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from commerce.sandbox import currencies
from commerce.sandbox.amounts import Line, LineAmounts, Rate, line_amounts
from commerce.sandbox.resources.session_discounts import Granted
from commerce.sandbox.store import Stored


@dataclass(frozen=True)
class Bill:
    items: list[Stored]
    """The line items; `discounts` and `taxes` are told only to who expands them."""
    subtotal: int
    discount: int
    tax: int
    total: int
    breakdown: dict[str, Any]

    @property
    def fields(self) -> dict[str, Any]:
        """The amounts as a session has them."""
        return {
            "amount_subtotal": self.subtotal,
            "amount_total": self.total,
            "payment_status": "unpaid" if self.total else "no_payment_required",
            "total_details": {
                "amount_discount": self.discount,
                "amount_shipping": 0,
                "amount_tax": self.tax,
            },
        }


def bill_for(lines: list[dict[str, Any]], granted: Granted | None) -> Bill:
    """Add up lines as `session_lines.lines` made them."""
    priced = line_amounts(
        [_line(line, granted.products if granted else None) for line in lines],
        granted.reduction if granted else None,
        step=currencies.step(lines[0]["item"]["currency"]),
    )
    items = [_item(line, amounts, granted) for line, amounts in zip(lines, priced, strict=True)]
    discount = sum(amounts.discount for amounts in priced)
    given = [{"amount": discount, "discount": granted.discount}] if granted else []
    return Bill(
        items=items,
        subtotal=sum(amounts.subtotal for amounts in priced),
        discount=discount,
        tax=sum(amounts.tax for amounts in priced),
        total=sum(amounts.total for amounts in priced),
        breakdown={
            "discounts": given,
            "taxes": _by_rate(tax for item in items for tax in item.private["included"]["taxes"]),
        },
    )


def _line(line: dict[str, Any], products: list[str] | None) -> Line:
    return Line(
        subtotal=line["subtotal"],
        rates=tuple(Rate(Decimal(str(rate["percentage"])), rate["inclusive"]) for rate in line["rates"]),
        is_discounted=products is None or line["item"]["price"]["product"] in products,
    )


def _item(line: dict[str, Any], amounts: LineAmounts, granted: Granted | None) -> Stored:
    body = {
        **line["item"],
        "amount_discount": amounts.discount,
        "amount_subtotal": amounts.subtotal,
        "amount_tax": amounts.tax,
        "amount_total": amounts.total,
    }
    taxes = [
        {"amount": tax, "rate": rate, "taxability_reason": None, "taxable_amount": amounts.taxable}
        for tax, rate in zip(amounts.taxes, line["rates"], strict=True)
    ]
    discounts = [{"amount": amounts.discount, "discount": granted.discount}] if granted else []
    return Stored(body, {"included": {"discounts": discounts, "taxes": taxes}})


def _by_rate(taxes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The taxes of all lines, added up for each rate."""
    summed: dict[str, dict[str, Any]] = {}
    for tax in taxes:
        found = summed.setdefault(tax["rate"]["id"], {**tax, "amount": 0, "taxable_amount": 0})
        found["amount"] += tax["amount"]
        found["taxable_amount"] += tax["taxable_amount"]
    return list(summed.values())
