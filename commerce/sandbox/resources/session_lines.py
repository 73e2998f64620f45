"""The lines of a Checkout Session: what each costs, and what they come to."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from commerce.sandbox import currencies, refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.resources import prices
from commerce.sandbox.resources.listing import first_metadata
from commerce.sandbox.store import Stored

_MOST_LINES = 100


def line_items(account: Account, sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The `item` objects for the `line_items` of a request, all of one currency; raises Refusal."""
    if not sent:
        raise refusals.missing_parameter("line_items")
    if len(sent) > _MOST_LINES:
        raise refusals.invalid(f"A session has at most {_MOST_LINES} line items", param="line_items")
    items = [_line_item(account, line, f"line_items[{index}]") for index, line in enumerate(sent)]
    for index, item in enumerate(items):
        if item["currency"] != items[0]["currency"]:
            raise refusals.invalid(
                f"The price of line_items[{index}] is in `{item['currency']}`, but the first line is in "
                f"`{items[0]['currency']}`. All line items must have the same currency.",
                param=f"line_items[{index}][price]",
            )
    return items


def _line_item(account: Account, line: dict[str, Any], where: str) -> dict[str, Any]:
    for name in ("adjustable_quantity", "tax_rates"):
        if line.get(name):
            raise refusals.not_served(f"{name} of a line item", param=f"{where}[{name}]")
    if "quantity" not in line:
        raise refusals.invalid(
            f"Quantity is required. Add `quantity` to `{where}`",
            param=f"{where}[quantity]",
            code="parameter_missing",
        )
    quantity = line["quantity"]
    if not 1 <= quantity <= 999_999:
        raise refusals.invalid(
            "This value must be greater than or equal to 1.",
            param=f"{where}[quantity]",
            code="parameter_invalid_integer",
        )
    price = _price(account, line, where).body
    product = account.get("product", price["product"], param=where).body
    subtotal = _rounded(Decimal(price["unit_amount_decimal"]) * quantity)
    return {
        "id": new_id("item"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": subtotal,
        "amount_tax": 0,
        "amount_total": subtotal,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": first_metadata(line),
        "price": price,
        "quantity": quantity,
    }


def _rounded(amount: Decimal) -> int:
    return int(amount.to_integral_value(rounding=ROUND_HALF_UP))


def _price(account: Account, line: dict[str, Any], where: str) -> Stored:
    if ("price" in line) == ("price_data" in line):
        raise refusals.invalid(
            f"You must specify either `price` or `price_data` for each line item, and not both: {where}",
            param=f"{where}[price]",
            code=None if "price" in line else "parameter_missing",
        )
    if "price_data" in line:
        if "recurring" in line["price_data"]:
            raise _recurring_refusal(f"{where}[price_data][recurring]")
        return prices.add(account, params=line["price_data"], is_active=False, where=f"{where}[price_data]")
    param = f"{where}[price]"
    price = account.get("price", line["price"], param=param, status=400)
    if not price.body["active"]:
        raise refusals.invalid(
            "The price specified is inactive. This field only accepts active prices.", param=param
        )
    if price.body["type"] == "recurring":
        raise _recurring_refusal(param)
    product = account.get("product", price.body["product"], param=param)
    if not product.body["active"]:
        raise refusals.invalid(
            f"The price specified ({price.id}) belongs to an inactive product ({product.id}). This "
            "field only accepts "
            "prices of active products.",
            param=param,
        )
    return price


def _recurring_refusal(param: str) -> refusals.Refusal:
    return refusals.invalid(
        "You specified `payment` mode but passed a recurring price. Either switch to `subscription` "
        "mode or use only "
        "one-time prices.",
        param=param,
    )


def check_total(total: int, currency: str) -> None:
    """Raise the refusal of an amount that Stripe would not charge; nothing to pay is allowed."""
    if total > currencies.MOST:
        raise refusals.invalid(
            f"The Checkout Session's total amount due must be no more than "
            f"{currencies.shown(currencies.MOST, currency)}",
            param="line_items",
            code="amount_too_large",
        )
    if 0 < total < currencies.least(currency):
        raise refusals.invalid(
            f"The Checkout Session's total amount due must add up to at least "
            f"{currencies.shown(currencies.least(currency), currency)} {currency}",
            param="line_items",
            code="amount_too_small",
        )
