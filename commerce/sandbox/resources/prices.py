"""Prices: what a product costs, which never changes once made."""

from decimal import Decimal
from typing import Any

from commerce.sandbox import currencies, refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.resources import products
from commerce.sandbox.resources.listing import (
    equal_to,
    first_metadata,
    merged_metadata,
    page_of,
    refuse_unserved,
)
from commerce.sandbox.store import Stored

_SERVED_ON_CREATE = {
    "active", "billing_scheme", "currency", "expand", "lookup_key", "metadata", "nickname", "product",
    "product_data", "recurring", "tax_behavior", "transfer_lookup_key", "unit_amount", "unit_amount_decimal",
}  # fmt: skip
_SERVED_ON_UPDATE = {
    "active", "expand", "lookup_key", "metadata", "nickname", "tax_behavior", "transfer_lookup_key",
}  # fmt: skip


def create(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    stored = add(account, params=params)
    if "product_data" in params:
        account.emit("product.created", account.get("product", stored.body["product"], param="product"))
    account.emit("price.created", stored)
    return stored.body


def add(account: Account, *, params: dict[str, Any], is_active: bool = True, where: str = "") -> Stored:
    """Add a price from `prices.create` parameters or from the `price_data` of a line.

    `where` is the parameter that holds them, such as `line_items[0][price_data]`, to name in a refusal.
    """
    refuse_unserved(params, served=_SERVED_ON_CREATE, what="prices")
    if params.get("billing_scheme") == "tiered":
        raise refusals.not_served("tiered prices", param="billing_scheme")
    currency = checked_currency(params["currency"], param=_within(where, "currency"))
    amount, amount_decimal = _amount(params, currency, where)
    product = _product(account, params, where=where, is_active=is_active)
    if "lookup_key" in params:
        _take_lookup_key(account, params)
    body = {
        "id": new_id("price"),
        "object": "price",
        "active": params.get("active", is_active),
        "billing_scheme": "per_unit",
        "created": account.clock.now(),
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": params.get("lookup_key"),
        "metadata": first_metadata(params),
        "nickname": params.get("nickname"),
        "product": product.id,
        "recurring": _recurring(params),
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if "recurring" in params else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": amount_decimal,
    }
    return account.add(body)


def _within(where: str, name: str) -> str:
    return f"{where}[{name}]" if where else name


def checked_currency(currency: str, *, param: str) -> str:
    """The code in lower case, if Stripe knows it."""
    lowered = currency.lower()
    if lowered not in currencies.SUPPORTED:
        raise refusals.invalid(
            f"Invalid currency: {lowered}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(currencies.SUPPORTED))}",
            param=param,
        )
    return lowered


def _amount(params: dict[str, Any], currency: str, where: str) -> tuple[int | None, str]:
    """The amount as an integer, or None if it has a fraction of a minor unit, and as decimal text."""
    named = [name for name in ("unit_amount", "unit_amount_decimal") if name in params]
    if len(named) != 1:
        raise refusals.invalid(
            f"Exactly one of {_within(where, 'unit_amount')} and "
            f"{_within(where, 'unit_amount_decimal')} is required",
            param=_within(where, "unit_amount"),
            code="parameter_missing" if not named else None,
        )
    param = _within(where, named[0])
    amount = Decimal(params[named[0]])
    if amount < 0:
        raise refusals.invalid("Invalid non-negative integer", param=param, code="parameter_invalid_integer")
    if amount > currencies.MOST:
        raise refusals.invalid(
            f"Amount must be no more than {currencies.shown(currencies.MOST, currency)}",
            param=param,
            code="amount_too_large",
        )
    if amount % currencies.step(currency) != 0 and currencies.step(currency) > 1:
        raise refusals.invalid(
            f"Amounts in {currency.upper()} must be a multiple of {currencies.step(currency)}",
            param=param,
            code="invalid_charge_amount",
        )
    whole = amount == amount.to_integral_value()
    text = f"{amount:f}"
    return (int(amount) if whole else None), (text.rstrip("0").rstrip(".") if "." in text else text)


def _product(account: Account, params: dict[str, Any], *, where: str, is_active: bool) -> Stored:
    if ("product" in params) == ("product_data" in params):
        raise refusals.invalid(
            f"Exactly one of {_within(where, 'product')} and {_within(where, 'product_data')} is required",
            param=_within(where, "product"),
            code="parameter_missing" if "product" not in params else None,
        )
    if "product" in params:
        return account.get("product", params["product"], param=_within(where, "product"), status=400)
    return products.add(account, params=params["product_data"], is_active=is_active)


def _take_lookup_key(account: Account, params: dict[str, Any]) -> None:
    for other in account.newest_first("price"):
        if other.body["lookup_key"] == params["lookup_key"]:
            if not params.get("transfer_lookup_key"):
                raise refusals.invalid(
                    f"A price (`{other.id}`) already uses that lookup key.", param="lookup_key",
                    code="resource_already_exists",
                )  # fmt: skip
            other.body["lookup_key"] = None
            account.save(other)


def _recurring(params: dict[str, Any]) -> dict[str, Any] | None:
    if "recurring" not in params:
        return None
    usual = {"interval_count": 1, "meter": None, "trial_period_days": None, "usage_type": "licensed"}
    return {**usual, **params["recurring"]}


def retrieve(account: Account, *, price: str, params: dict[str, Any]) -> dict[str, Any]:
    return account.get("price", price, param="price").body


def update(account: Account, stored: Stored, *, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED_ON_UPDATE, what="prices")
    before = dict(stored.body)
    if "lookup_key" in params and params["lookup_key"] != stored.body["lookup_key"]:
        _take_lookup_key(account, params)
    for name in ("active", "lookup_key", "nickname", "tax_behavior"):
        if name in params:
            stored.body[name] = params[name]
    if "metadata" in params:
        stored.body["metadata"] = merged_metadata(stored, params)
    account.save_change(stored, before=before, event_type="price.updated")
    return stored.body


def list_prices(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    if "recurring" in params:
        raise refusals.not_served("the filter recurring of prices", param="recurring")
    same = equal_to(params, "active", "currency", "product", "type")
    keys = params.get("lookup_keys")
    return page_of(
        account,
        kind="price",
        url="/v1/prices",
        params=params,
        wanted=lambda body: same(body) and (keys is None or body["lookup_key"] in keys),
    )
