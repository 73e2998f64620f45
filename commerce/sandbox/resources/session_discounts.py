"""The one discount of a session: whether it may be had, and what becomes of its coupon."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.amounts import Reduction
from commerce.sandbox.currencies import shown
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.resources.validity import as_of_now, code_problem, coupon_problem, save_change
from commerce.sandbox.store import Stored

_CODE_PROBLEMS = {
    "deleted": "its coupon was deleted",
    "expired": "it is expired",
    "used up": "it has been used the maximum number of times",
}


@dataclass(frozen=True)
class Order:
    """What a discount is asked for."""

    session_id: str
    currency: str
    subtotal: int
    products: frozenset[str]
    customer: str | None


@dataclass(frozen=True)
class Granted:
    coupon: Stored
    code: Stored | None
    discount: dict[str, Any]
    """Stripe's `discount` object."""

    @property
    def reduction(self) -> Reduction:
        percent = self.coupon.body["percent_off"]
        if percent is None:
            return Reduction(amount_off=self.coupon.body["amount_off"])
        return Reduction(percent_off=Decimal(str(percent)))

    @property
    def products(self) -> list[str] | None:
        """What the discount is for; None if it is for everything."""
        return _products(self.coupon)

    @property
    def named(self) -> dict[str, str | None]:
        """The discount as a session names it."""
        return {"coupon": self.coupon.id, "promotion_code": self.code.id if self.code else None}

    @property
    def label(self) -> str:
        """The discount as the payment page names it."""
        name = self.code.body["code"] if self.code else self.coupon.body["name"] or self.coupon.id
        percent = self.coupon.body["percent_off"]
        if percent is None:
            return f"{name} ({shown(self.coupon.body['amount_off'], self.coupon.body['currency'])} off)"
        return f"{name} ({percent:g}% off)"


def wished_for(account: Account, params: dict[str, Any], order: Order) -> Granted | None:
    """The discount that the `discounts` of a request name; raises Refusal if the order may not have it."""
    wishes = params.get("discounts") or []
    if len(wishes) > 1:
        raise refusals.invalid("You may only specify up to 1 discounts.", param="discounts")
    if not wishes:
        return None
    if "allow_promotion_codes" in params:
        raise refusals.invalid(
            "You may only specify one of these parameters: allow_promotion_codes, discounts.",
            param="allow_promotion_codes",
        )
    (wish,) = wishes
    if len(wish) != 1:
        raise refusals.invalid(
            "You must specify exactly one of these parameters: coupon, promotion_code.", param="discounts[0]"
        )
    (kind,) = wish
    param = f"discounts[0][{kind}]"
    stored = account.get(kind, wish[kind], param=param, status=400)
    if kind == "coupon":
        return _by_coupon(account, stored, order, param)
    return by_code(account, stored, order, param=param)


def _by_coupon(account: Account, coupon: Stored, order: Order, param: str) -> Granted:
    problem = coupon_problem(account, coupon)
    if problem == "expired":
        raise refusals.invalid(f"Coupon expired: {coupon.id}", param=param, code="coupon_expired")
    if problem is not None:
        raise refusals.invalid(f"Coupon {coupon.id} is {problem} and cannot be applied.", param=param)
    unfit = _unfit(coupon, order)
    if unfit is not None:
        raise refusals.invalid(f"This coupon cannot be redeemed because it {unfit}.", param=param)
    return _granted(account, coupon, None, order)


def by_code(account: Account, code: Stored, order: Order, *, param: str) -> Granted:
    """The discount of a promotion code; raises Refusal if the order may not have it."""
    because = _why_not(account, code, order)
    if because is not None:
        raise refusals.invalid(f"This promotion code cannot be redeemed because {because}.", param=param)
    return _granted(account, _coupon_of(account, code), code, order)


def _why_not(account: Account, code: Stored, order: Order) -> str | None:
    problem = code_problem(account, code)
    if problem is not None:
        return _CODE_PROBLEMS[problem]
    if not code.body["active"]:
        return "it is not active"
    if code.body["customer"] not in (None, order.customer):
        return "it is for another customer"
    restrictions = code.body["restrictions"]
    if restrictions["first_time_transaction"] and _has_bought(account, order.customer):
        return "the associated customer has prior transactions"
    if restrictions["minimum_amount"] is not None and (
        restrictions["minimum_amount_currency"] != order.currency
        or restrictions["minimum_amount"] > order.subtotal
    ):
        return "the associated purchase does not meet the minimum amount requirement"
    unfit = _unfit(_coupon_of(account, code), order)
    return unfit and f"the associated coupon {unfit}"


def _coupon_of(account: Account, code: Stored) -> Stored:
    return account.get("coupon", code.body["promotion"]["coupon"], param="coupon")


def _has_bought(account: Account, customer: str | None) -> bool:
    return customer is not None and any(
        intent.body["customer"] == customer and intent.body["status"] == "succeeded"
        for intent in account.newest_first("payment_intent")
    )


def _unfit(coupon: Stored, order: Order) -> str | None:
    products = _products(coupon)
    if products is not None and order.products.isdisjoint(products):
        return "does not apply to anything in this order"
    if coupon.body["currency"] not in (None, order.currency):
        return f"is in {coupon.body['currency']}, but the order is in {order.currency}"
    return None


def _products(coupon: Stored) -> list[str] | None:
    applies_to = coupon.private["included"]["applies_to"]
    return applies_to and list(applies_to["products"])


def _granted(account: Account, coupon: Stored, code: Stored | None, order: Order) -> Granted:
    discount = {
        "id": new_id("discount"),
        "object": "discount",
        "checkout_session": order.session_id,
        "customer": order.customer,
        "customer_account": None,
        "end": None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": code.id if code else None,
        "source": {"coupon": coupon.id, "type": "coupon"},
        "start": account.clock.now(),
        "subscription": None,
        "subscription_item": None,
    }
    return Granted(coupon, code, discount)


def find_code(account: Account, typed: str, *, customer: str | None) -> Stored | None:
    """The promotion code a customer means, which only the customer it is for can redeem, in any case."""
    for stored in account.newest_first("promotion_code"):
        if stored.body["code"].lower() == typed.lower() and stored.body["customer"] in (None, customer):
            return stored
    return None


def count_redemption(account: Account, session: Stored) -> None:
    """Count what a session that is complete has redeemed."""
    for named in session.body["discounts"]:
        for kind in ("coupon", "promotion_code"):
            stored = named[kind] and account.store.find(account.id, named[kind], kind=kind)
            if not stored:
                continue
            before = as_of_now(account, stored)
            stored.body["times_redeemed"] += 1
            save_change(account, stored, before=before, event_type=f"{kind}.updated")
