"""The lines of a Checkout Session: what each costs, and what they come to."""

from decimal import Decimal
from typing import Any

from commerce.sandbox import currencies, refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.amounts import rounded
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.resources import prices
from commerce.sandbox.resources.listing import first_metadata
from commerce.sandbox.store import Stored

_MOST_LINES, _MOST_RATES = 100, 5


def lines(account: Account, sent: list[dict[str, Any]], *, is_tax_automatic: bool) -> list[dict[str, Any]]:
    """The lines for the `line_items` of a request, all of one currency; raises Refusal.

    Each is `{item, subtotal, rates}`: Stripe's `item` without its amounts, what it costs before discount and
    tax, and its tax rates as they are now.
    """
    if not sent:
        raise refusals.missing_parameter("line_items")
    if len(sent) > _MOST_LINES:
        raise refusals.invalid(f"A session has at most {_MOST_LINES} line items", param="line_items")
    for index, line in enumerate(sent):
        if line.get("tax_rates") and is_tax_automatic:
            raise refusals.invalid(
                "You cannot specify `tax_rates` on line items when `automatic_tax[enabled]` is true.",
                param=f"line_items[{index}][tax_rates]",
            )
    found = [_line(account, line, f"line_items[{index}]") for index, line in enumerate(sent)]
    currency = found[0]["item"]["currency"]
    for index, line in enumerate(found):
        if line["item"]["currency"] != currency:
            raise refusals.invalid(
                f"The price of line_items[{index}] is in `{line['item']['currency']}`, but the first line is "
                f"in `{currency}`. All line items must have the same currency.",
                param=f"line_items[{index}][price]",
            )
    return found


def _line(account: Account, line: dict[str, Any], where: str) -> dict[str, Any]:
    if line.get("adjustable_quantity"):
        raise refusals.not_served("adjustable_quantity of a line item", param=f"{where}[adjustable_quantity]")
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
    return {
        "item": {
            "id": new_id("item"),
            "object": "item",
            "adjustable_quantity": None,
            "currency": price["currency"],
            "description": product["name"],
            "metadata": first_metadata(line),
            "price": price,
            "quantity": quantity,
        },
        "subtotal": rounded(
            Decimal(price["unit_amount_decimal"]) * quantity, currencies.step(price["currency"])
        ),
        "rates": _tax_rates(account, line.get("tax_rates") or [], f"{where}[tax_rates]"),
    }


def _tax_rates(account: Account, ids: list[str], where: str) -> list[dict[str, Any]]:
    if len(ids) > _MOST_RATES:
        raise refusals.invalid(f"A line item has at most {_MOST_RATES} tax rates.", param=where)
    rates = [
        account.get("tax_rate", rate, param=f"{where}[{index}]", status=400).body
        for index, rate in enumerate(ids)
    ]
    for index, rate in enumerate(rates):
        if not rate["active"]:
            raise refusals.invalid(
                f"The tax rate {rate['id']} is inactive. This field only accepts active tax rates.",
                param=f"{where}[{index}]",
            )
        if rate["id"] in ids[:index]:
            raise refusals.invalid(
                f"The tax rate {rate['id']} is on the line twice.", param=f"{where}[{index}]"
            )
    return rates


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
        if "product" in line["price_data"]:
            _require_active_product(account, line["price_data"]["product"], f"{where}[price_data][product]")
        return prices.add(account, params=line["price_data"], is_active=False, where=f"{where}[price_data]")
    param = f"{where}[price]"
    price = account.get("price", line["price"], param=param, status=400)
    if not price.body["active"]:
        raise refusals.invalid(
            "The price specified is inactive. This field only accepts active prices.", param=param
        )
    if price.body["type"] == "recurring":
        raise _recurring_refusal(param)
    _require_active_product(account, price.body["product"], param)
    return price


def _require_active_product(account: Account, product_id: str, param: str) -> None:
    if not account.get("product", product_id, param=param, status=400).body["active"]:
        raise refusals.invalid(
            f"The price specified belongs to an inactive product ({product_id}). This field only accepts "
            "prices of active products.",
            param=param,
        )


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
