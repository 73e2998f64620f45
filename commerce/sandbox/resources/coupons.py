"""Coupons: a percentage or an amount off."""

import re
from decimal import Decimal
from typing import Any

from commerce.sandbox import currencies, refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.resources.listing import first_metadata, merged_metadata, page_of, refuse_unserved
from commerce.sandbox.resources.prices import checked_currency
from commerce.sandbox.resources.validity import as_of_now, save_change
from commerce.sandbox.store import Stored

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")
_LONGEST_NAME = 40
_SERVED_ON_CREATE = {
    "amount_off", "applies_to", "currency", "duration", "duration_in_months", "expand", "id",
    "max_redemptions", "metadata", "name", "percent_off", "redeem_by",
}  # fmt: skip
_SERVED_ON_UPDATE = {"expand", "metadata", "name"}


def create(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED_ON_CREATE, what="coupons")
    coupon_id = _free_id(account, params.get("id"))
    currency = _check_reduction(params)
    duration = _checked_duration(params)
    body = {
        "id": coupon_id,
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": account.clock.now(),
        "currency": currency,
        "duration": duration,
        "duration_in_months": params.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": checked_limit(params),
        "metadata": first_metadata(params),
        "name": _checked_name(params),
        "percent_off": params.get("percent_off"),
        "redeem_by": checked_end(account, params, "redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    stored = Stored(body, {"included": {"applies_to": _applies_to(account, params)}})
    account.store.replace(account.id, stored)
    account.emit("coupon.created", stored)
    return stored.body


def _free_id(account: Account, wanted: str | None) -> str:
    """The id wished for; that of a deleted coupon may be given again."""
    if wanted is None:
        return new_id("coupon")
    if not _ID.match(wanted):
        raise refusals.invalid(
            "Invalid coupon id: it may contain letters, digits, hyphens and underscores only", param="id"
        )
    if account.find("coupon", wanted):
        raise refusals.invalid("Coupon already exists.", param="id", code="resource_already_exists")
    return wanted


def _check_reduction(params: dict[str, Any]) -> str | None:
    """The coupon's currency in lower case, if it takes off an amount."""
    percent, amount = params.get("percent_off"), params.get("amount_off")
    if "percent_off" in params and "amount_off" in params:
        raise refusals.invalid(
            "You may only specify one of these parameters: amount_off, percent_off.", param="amount_off"
        )
    if percent is not None:
        if not 0 < Decimal(str(percent)) <= 100:
            raise refusals.invalid(
                "Invalid percent_off: it must be greater than 0 and at most 100.", param="percent_off"
            )
        return None
    if amount is None:
        raise refusals.invalid(
            "Must provide one of amount_off or percent_off.", param="percent_off", code="parameter_missing"
        )
    if "currency" not in params:
        raise refusals.invalid(
            "Must provide currency when passing amount_off.", param="currency", code="parameter_missing"
        )
    currency = checked_currency(params["currency"], param="currency")
    if amount < 1:
        raise refusals.invalid(
            "This value must be greater than or equal to 1.",
            param="amount_off",
            code="parameter_invalid_integer",
        )
    if amount % currencies.step(currency) != 0:
        raise refusals.invalid(
            f"Amounts in {currency.upper()} must be a multiple of {currencies.step(currency)}",
            param="amount_off",
        )
    return currency


def _checked_duration(params: dict[str, Any]) -> str:
    duration: str = params.get("duration", "once")
    if (duration == "repeating") != ("duration_in_months" in params):
        raise refusals.invalid(
            "Pass duration_in_months if, and only if, duration is repeating.",
            param="duration_in_months",
            code="parameter_missing" if duration == "repeating" else None,
        )
    return duration


def _checked_name(params: dict[str, Any]) -> str | None:
    name: str | None = params.get("name")
    if name is not None and len(name) > _LONGEST_NAME:
        raise refusals.invalid(
            f"Invalid string: {name}; must be at most {_LONGEST_NAME} characters",
            param="name",
            code="parameter_invalid_string_length",
        )
    return name


def checked_limit(params: dict[str, Any]) -> int | None:
    limit: int | None = params.get("max_redemptions")
    if limit is not None and limit < 1:
        raise refusals.invalid(
            "This value must be greater than or equal to 1.",
            param="max_redemptions",
            code="parameter_invalid_integer",
        )
    return limit


def checked_end(account: Account, params: dict[str, Any], name: str) -> int | None:
    """A moment after which nothing can be redeemed, which is still to come."""
    moment: int | None = params.get(name)
    if moment is not None and moment <= account.clock.now():
        raise refusals.invalid(f"Invalid timestamp: {name} must be in the future.", param=name)
    return moment


def _applies_to(account: Account, params: dict[str, Any]) -> dict[str, Any] | None:
    products = (params.get("applies_to") or {}).get("products") or []
    for index, product in enumerate(products):
        account.get("product", product, param=f"applies_to[products][{index}]", status=400)
    return {"products": products} if products else None


def retrieve(account: Account, *, coupon: str, params: dict[str, Any]) -> dict[str, Any]:
    return as_of_now(account, account.get("coupon", coupon, param="coupon"))


def update(account: Account, *, coupon: str, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED_ON_UPDATE, what="coupons")
    stored = account.get("coupon", coupon, param="coupon")
    before = as_of_now(account, stored)
    if "name" in params:
        stored.body["name"] = _checked_name(params)
    if "metadata" in params:
        stored.body["metadata"] = merged_metadata(stored, params)
    save_change(account, stored, before=before, event_type="coupon.updated")
    return as_of_now(account, stored)


def list_coupons(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    return page_of(account, kind="coupon", url="/v1/coupons", params=params)


def delete(account: Account, *, coupon: str, params: dict[str, Any]) -> dict[str, Any]:
    """No more can be redeemed; sessions that have the discount keep it."""
    stored = account.get("coupon", coupon, param="coupon")
    stored.private["is_deleted"] = True
    account.save(stored)
    account.emit("coupon.deleted", stored)
    return {"id": coupon, "object": "coupon", "deleted": True}
