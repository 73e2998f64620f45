"""Promotion codes: what a customer types to get a coupon's discount."""

import re
import secrets
import string
from typing import Any

from commerce.sandbox import currencies, refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.resources.coupons import checked_end, checked_limit
from commerce.sandbox.resources.listing import (
    equal_to,
    first_metadata,
    merged_metadata,
    page_of,
    refuse_unserved,
)
from commerce.sandbox.resources.prices import checked_currency
from commerce.sandbox.resources.validity import as_of_now, code_problem, save_change
from commerce.sandbox.store import Stored

_CODE = re.compile(r"[A-Za-z0-9-]{1,500}\Z")
_SERVED_ON_CREATE = {
    "active", "code", "customer", "expand", "expires_at", "max_redemptions", "metadata", "promotion",
    "restrictions",
}  # fmt: skip
_SERVED_ON_UPDATE = {"active", "expand", "metadata"}
_SERVED_RESTRICTIONS = {"first_time_transaction", "minimum_amount", "minimum_amount_currency"}


def create(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED_ON_CREATE, what="promotion codes")
    coupon = _coupon(account, params["promotion"])
    customer = params.get("customer")
    if customer is not None:
        account.get("customer", customer, param="customer", status=400)
    code = params.get("code") or _random_code()
    if not _CODE.match(code):
        raise refusals.invalid(
            "Invalid promotion code: it may contain letters, digits and hyphens only", param="code"
        )
    limit, end = checked_limit(params), checked_end(account, params, "expires_at")
    _check_within(coupon.body, limit=limit, end=end)
    if params.get("active", True):
        _check_free(account, code, customer)
    stored = account.add(
        {
            "id": new_id("promotion_code"),
            "object": "promotion_code",
            "active": params.get("active", True),
            "code": code,
            "created": account.clock.now(),
            "customer": customer,
            "customer_account": None,
            "expires_at": end,
            "livemode": False,
            "max_redemptions": limit,
            "metadata": first_metadata(params),
            "promotion": {"coupon": coupon.id, "type": "coupon"},
            "restrictions": _restrictions(params.get("restrictions") or {}),
            "times_redeemed": 0,
        }
    )
    account.emit("promotion_code.created", stored)
    return as_of_now(account, stored)


def _coupon(account: Account, promotion: dict[str, Any]) -> Stored:
    if "coupon" not in promotion:
        raise refusals.missing_parameter("promotion[coupon]")
    return account.get("coupon", promotion["coupon"], param="promotion[coupon]", status=400)


def _random_code() -> str:
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(8))


def _check_within(coupon: dict[str, Any], *, limit: int | None, end: int | None) -> None:
    """A code can be redeemed no more often and no longer than its coupon."""
    if limit is not None and coupon["max_redemptions"] is not None and limit > coupon["max_redemptions"]:
        raise refusals.invalid(
            "The max_redemptions of a promotion code cannot exceed its coupon's.",
            param="max_redemptions",
        )
    if end is not None and coupon["redeem_by"] is not None and end > coupon["redeem_by"]:
        raise refusals.invalid(
            "The expires_at of a promotion code cannot be after its coupon's redeem_by.", param="expires_at"
        )


def _check_free(account: Account, code: str, customer: str | None) -> None:
    """Of the codes that can be redeemed by the same customer each is one of its kind, in any case."""
    for other in account.newest_first("promotion_code"):
        same = other.body["code"].lower() == code.lower()
        if same and other.body["customer"] == customer and as_of_now(account, other)["active"]:
            raise refusals.invalid(
                f"An active promotion code with `code: {code}` already exists.",
                param="code",
                code="resource_already_exists",
            )


def _restrictions(sent: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(sent, served=_SERVED_RESTRICTIONS, what="restrictions of promotion codes")
    amount, currency = sent.get("minimum_amount"), sent.get("minimum_amount_currency")
    if (amount is None) != (currency is None):
        missing = "minimum_amount" if amount is None else "minimum_amount_currency"
        raise refusals.missing_parameter(f"restrictions[{missing}]")
    if amount is not None and not 1 <= amount <= currencies.MOST:
        raise refusals.invalid(
            f"The minimum amount must be between 1 and {currencies.MOST}.",
            param="restrictions[minimum_amount]",
        )
    if currency is not None:
        currency = checked_currency(currency, param="restrictions[minimum_amount_currency]")
    return {
        "first_time_transaction": sent.get("first_time_transaction", False),
        "minimum_amount": amount,
        "minimum_amount_currency": currency,
    }


def retrieve(account: Account, *, promotion_code: str, params: dict[str, Any]) -> dict[str, Any]:
    return as_of_now(account, account.get("promotion_code", promotion_code, param="promotion_code"))


def update(account: Account, *, promotion_code: str, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED_ON_UPDATE, what="promotion codes")
    stored = account.get("promotion_code", promotion_code, param="promotion_code")
    before = as_of_now(account, stored)
    if params.get("active") and not stored.body["active"]:
        problem = code_problem(account, stored)
        if problem is not None:
            raise refusals.invalid(
                f"This promotion code cannot be activated: it or its coupon is {problem}.", param="active"
            )
        _check_free(account, stored.body["code"], stored.body["customer"])
    if "active" in params:
        stored.body["active"] = params["active"]
    if "metadata" in params:
        stored.body["metadata"] = merged_metadata(stored, params)
    save_change(account, stored, before=before, event_type="promotion_code.updated")
    return as_of_now(account, stored)


def list_promotion_codes(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    same = equal_to(params, "active", "customer", "customer_account")
    code, coupon = params.get("code"), params.get("coupon")

    def wanted(body: dict[str, Any]) -> bool:
        return (
            same(body)
            and (code is None or body["code"].lower() == code.lower())
            and (coupon is None or body["promotion"]["coupon"] == coupon)
        )

    return page_of(account, kind="promotion_code", url="/v1/promotion_codes", params=params, wanted=wanted)
