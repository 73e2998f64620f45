"""What an object says of itself only at the moment it is read: whether a coupon or a code still holds."""

from typing import Any

from commerce.sandbox.accounts import Account
from commerce.sandbox.store import Stored


def as_of_now(account: Account, stored: Stored) -> dict[str, Any]:
    """The body as the API answers it at this moment."""
    match stored.body["object"]:
        case "coupon":
            return {**stored.body, "valid": coupon_problem(account, stored) is None}
        case "promotion_code":
            is_usable = stored.body["active"] and code_problem(account, stored) is None
            return {**stored.body, "active": is_usable}
    return stored.body


def save_change(account: Account, stored: Stored, *, before: dict[str, Any], event_type: str) -> None:
    """Save a coupon or a code and tell how it differs from `before`, as `as_of_now` gave it."""
    account.save(stored)
    after = as_of_now(account, stored)
    previous = {name: value for name, value in before.items() if after[name] != value}
    if previous and "is_deleted" not in stored.private:
        account.emit(event_type, Stored(after), previous=previous)


def coupon_problem(account: Account, coupon: Stored) -> str | None:
    """Why a coupon can be redeemed no more: `deleted`, `expired` or `used up`."""
    if "is_deleted" in coupon.private:
        return "deleted"
    if _is_past(account, coupon.body["redeem_by"]):
        return "expired"
    return "used up" if _is_used_up(coupon.body) else None


def code_problem(account: Account, code: Stored) -> str | None:
    """Why a promotion code can be redeemed no more: `expired`, `used up`, or what its coupon says."""
    if _is_past(account, code.body["expires_at"]):
        return "expired"
    if _is_used_up(code.body):
        return "used up"
    coupon = account.store.find(account.id, code.body["promotion"]["coupon"], kind="coupon")
    return "deleted" if coupon is None else coupon_problem(account, coupon)


def _is_past(account: Account, moment: int | None) -> bool:
    return moment is not None and moment <= account.clock.now()


def _is_used_up(body: dict[str, Any]) -> bool:
    return body["max_redemptions"] is not None and body["times_redeemed"] >= body["max_redemptions"]
