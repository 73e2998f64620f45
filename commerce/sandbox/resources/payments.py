"""Payment Intents: how they come to be, and every step that moves one on.

What a server asks for is in `payment_intents`; what a customer does on the payment page in `paying`.
"""

import copy
from dataclasses import dataclass
from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.cards import AUTHENTICATION_REQUIRED, NOT_AUTHENTICATED, Decline
from commerce.sandbox.identifiers import new_id, random_text
from commerce.sandbox.resources.charges import add_charge, outcome
from commerce.sandbox.resources.listing import first_metadata
from commerce.sandbox.resources.payment_methods import card_of
from commerce.sandbox.store import Stored

_RETURNED = Decline("debit_not_authorized", None, "The bank returned the debit.", "email")

# What Stripe answers for everything the sandbox does not serve.
_SAME_FOR_ALL: dict[str, Any] = {
    "amount_capturable": 0,
    "amount_details": {"tip": {}},
    "amount_received": 0,
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": None,
    "canceled_at": None,
    "cancellation_reason": None,
    "confirmation_method": "automatic",
    "customer": None,
    "customer_account": None,
    "excluded_payment_method_types": None,
    "last_payment_error": None,
    "latest_charge": None,
    "livemode": False,
    "managed_payments": {"enabled": False},
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": None,
    "payment_method_configuration_details": None,
    "payment_method_options": {},
    "processing": None,
    "review": None,
    "setup_future_usage": None,
    "shipping": None,
    "source": None,
    "status": "requires_payment_method",
    "transfer_data": None,
}


class NotAwaited(Exception):
    """The payment waits neither for a bank's question nor for a debit."""


@dataclass(frozen=True)
class Attempt:
    """How a try to pay ended: `complete`, `authenticate` (3-D Secure is asked for) or `declined`."""

    state: str
    decline: Decline | None = None


def add_intent(
    account: Account,
    wishes: dict[str, Any],
    *,
    amount: int,
    currency: str,
    types: list[str],
    session: str | None = None,
    **differing: Any,
) -> Stored:
    """Add an intent and tell it. `wishes` are the parameters that intents and sessions' intents share;
    `differing` are fields that are other than usual."""
    intent_id = new_id("payment_intent")
    stored = account.add(
        {
            "id": intent_id,
            "object": "payment_intent",
            **copy.deepcopy(_SAME_FOR_ALL),
            "amount": amount,
            "capture_method": wishes.get("capture_method", "automatic_async"),
            "client_secret": f"{intent_id}_secret_{random_text(25)}",
            "created": account.clock.now(),
            "currency": currency,
            "description": wishes.get("description"),
            "metadata": first_metadata(wishes),
            "payment_method_types": types,
            "receipt_email": wishes.get("receipt_email"),
            "statement_descriptor": wishes.get("statement_descriptor"),
            "statement_descriptor_suffix": wishes.get("statement_descriptor_suffix"),
            "transfer_group": wishes.get("transfer_group"),
            **differing,
        },
        {"session": session},
    )
    account.emit("payment_intent.created", stored)
    return stored


def attempt(
    account: Account, intent: Stored, method: Stored, *, ask: dict[str, Any], may_ask: bool = True
) -> Attempt:
    """Try to take the intent's money. `ask` is the `next_action` it gets if the bank wants 3-D Secure first;
    if the bank may not ask, such a card is declined."""
    intent.body |= {"payment_method": method.id, "next_action": None, "last_payment_error": None}
    if method.body["type"] != "card":
        return _promise(account, intent, method)
    card = card_of(method)
    if not card.asks_first:
        return _charge(account, intent, method, decline=card.decline)
    if not may_ask:
        return _charge(account, intent, method, decline=AUTHENTICATION_REQUIRED)
    intent.body |= {"status": "requires_action", "next_action": ask}
    account.save(intent)
    account.emit("payment_intent.requires_action", intent)
    return Attempt("authenticate")


def answer(account: Account, intent: Stored, *, is_authenticated: bool) -> Attempt:
    """The customer's answer to the bank's 3-D Secure question; raises NotAwaited if none was asked."""
    if intent.body["status"] != "requires_action":
        raise NotAwaited(f"no 3-D Secure step is open for {intent.id}")
    method = account.get("payment_method", intent.body["payment_method"], param="payment_method")
    if not is_authenticated:
        return _fail(account, intent, method, decline=NOT_AUTHENTICATED, charge=None)
    return _charge(account, intent, method, decline=card_of(method).decline, is_authenticated=True)


def _charge(
    account: Account,
    intent: Stored,
    method: Stored,
    *,
    decline: Decline | None,
    is_authenticated: bool = False,
) -> Attempt:
    status = "failed" if decline else "succeeded"
    charge = add_charge(
        account, intent, method, status=status, decline=decline, is_authenticated=is_authenticated
    )
    if decline:
        account.emit("charge.failed", charge)
        return _fail(account, intent, method, decline=decline, charge=charge)
    account.emit("charge.succeeded", charge)
    _use_up(account, method)
    _succeed(account, intent, charge)
    return Attempt("complete")


def _promise(account: Account, intent: Stored, method: Stored) -> Attempt:
    """A bank debit: the money is on its way until `settle`."""
    charge = add_charge(account, intent, method, status="pending")
    account.emit("charge.pending", charge)
    _use_up(account, method)
    intent.body |= {"status": "processing", "latest_charge": charge.id}
    account.save(intent)
    if intent.private["session"] is None:
        account.set_timer(intent.id, at=account.clock.now() + account.debit_delay)
    account.emit("payment_intent.processing", intent)
    return Attempt("complete")


def _use_up(account: Account, method: Stored) -> None:
    """Stripe takes a payment method that belongs to no customer once."""
    method.private["is_used"] = True
    account.save(method)


def settle(account: Account, intent: Stored, *, succeeds: bool) -> None:
    """The bank's word on a promised debit; raises NotAwaited if there is none to come."""
    if intent.body["status"] != "processing":
        raise NotAwaited(f"no bank debit is on its way for {intent.id}")
    account.drop_timer(intent.id)
    charge = account.get("charge", intent.body["latest_charge"], param="charge")
    if succeeds:
        charge.body |= {
            "status": "succeeded", "paid": True, "captured": True, "amount_captured": charge.body["amount"],
        }  # fmt: skip
        account.save(charge)
        account.emit("charge.succeeded", charge)
        _succeed(account, intent, charge)
        return
    charge.body |= {
        "status": "failed", "failure_code": _RETURNED.code, "failure_message": _RETURNED.message,
        "outcome": outcome("failed", _RETURNED),
    }  # fmt: skip
    account.save(charge)
    account.emit("charge.failed", charge)
    method = account.get("payment_method", intent.body["payment_method"], param="payment_method")
    _fail(account, intent, method, decline=_RETURNED, charge=charge)


def arrives(account: Account, intent: Stored) -> bool:
    """Whether a promised debit comes, as its test account foretells."""
    method = account.get("payment_method", intent.body["payment_method"], param="payment_method")
    return not method.private.get("is_returned")


def cancel(account: Account, intent: Stored, *, reason: str | None) -> None:
    intent.body |= {
        "status": "canceled",
        "canceled_at": account.clock.now(),
        "cancellation_reason": reason,
        "next_action": None,
    }
    account.save(intent)
    account.emit("payment_intent.canceled", intent)


def cancel_intent(account: Account, intent_id: str) -> None:
    """Cancel what an expired session leaves behind."""
    intent = account.get("payment_intent", intent_id, param="intent")
    if intent.body["status"] not in ("succeeded", "canceled", "processing"):
        cancel(account, intent, reason="expired")


def refusal_of(intent: Stored) -> refusals.Refusal:
    """The 402 that tells of the intent's last failure. What happened stays: it is the outcome."""
    error = intent.body["last_payment_error"]
    return refusals.Refusal(402, is_kept=True, **error, payment_intent=copy.deepcopy(intent.body))


def _fail(
    account: Account, intent: Stored, method: Stored, *, decline: Decline, charge: Stored | None
) -> Attempt:
    error: dict[str, Any] = {"type": decline.type, "code": decline.code, "message": decline.message}
    error["payment_method"] = method.body
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    if charge is not None:
        error["charge"] = charge.id
        intent.body["latest_charge"] = charge.id
    intent.body |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": error,
    }
    account.save(intent)
    account.emit("payment_intent.payment_failed", intent)
    return Attempt("declined", decline)


def _succeed(account: Account, intent: Stored, charge: Stored) -> None:
    intent.body |= {
        "status": "succeeded",
        "amount_received": intent.body["amount"],
        "latest_charge": charge.id,
        "last_payment_error": None,
        "next_action": None,
    }
    account.save(intent)
    account.emit("payment_intent.succeeded", intent)
