"""Payment Intents as a server, or Stripe.js with a client secret, asks for them."""

import re
from typing import Any
from urllib.parse import urlsplit

from commerce.sandbox import currencies, refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.identifiers import random_text
from commerce.sandbox.payment_methods import types_for
from commerce.sandbox.resources import payments
from commerce.sandbox.resources.listing import equal_to, merged_metadata, page_of, refuse_unserved
from commerce.sandbox.resources.payment_methods import described, named
from commerce.sandbox.resources.prices import checked_currency
from commerce.sandbox.store import Stored

_ONLY_TO_CONFIRM = {"error_on_requires_action", "mandate_data", "off_session", "return_url"}
_SERVED_TO_CONFIRM = _ONLY_TO_CONFIRM | {
    "capture_method", "expand", "payment_method", "payment_method_data", "receipt_email", "use_stripe_sdk",
}  # fmt: skip
_SERVED_ON_CREATE = _SERVED_TO_CONFIRM | {
    "amount", "automatic_payment_methods", "confirm", "confirmation_method", "currency", "customer",
    "description", "metadata", "statement_descriptor", "statement_descriptor_suffix", "transfer_group",
}  # fmt: skip
_SERVED_ON_UPDATE = {
    "amount", "currency", "customer", "description", "expand", "metadata", "payment_method",
    "payment_method_data", "receipt_email", "statement_descriptor", "statement_descriptor_suffix",
    "transfer_group",
}  # fmt: skip
_ALWAYS_OPEN = {"description", "expand", "metadata"}
"""What may be changed in whatever state an intent is."""

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_LONGEST_SUFFIX = 22


def create(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED_ON_CREATE, what="Payment Intents")
    _check_ways(params)
    is_confirmed = params.get("confirm", False)
    if not is_confirmed:
        _refuse_before_confirming(params)
    currency = checked_currency(params["currency"], param="currency")
    _check_amount(params["amount"], currency)
    _check_suffix(params)
    customer = _customer(account, params)
    method = _method(account, params, currency=currency)
    automatic = params.get("automatic_payment_methods") or {}
    stored = payments.add_intent(
        account,
        params,
        amount=params["amount"],
        currency=currency,
        types=types_for(currency),
        automatic_payment_methods={
            "allow_redirects": automatic.get("allow_redirects", "always"), "enabled": True,
        },
        customer=customer,
        payment_method=method.id if method else None,
        status="requires_confirmation" if method else "requires_payment_method",
    )  # fmt: skip
    return _confirm(account, stored, method, params) if is_confirmed else stored.body


def _check_ways(params: dict[str, Any]) -> None:
    if params.get("capture_method") == "manual":
        raise refusals.not_served("capture_method=manual", param="capture_method")
    if params.get("confirmation_method") == "manual":
        raise refusals.not_served("confirmation_method=manual", param="confirmation_method")
    if not (params.get("automatic_payment_methods") or {"enabled": True})["enabled"]:
        raise refusals.not_served(
            "automatic_payment_methods[enabled]=false", param="automatic_payment_methods[enabled]"
        )
    if "payment_method" in params and "payment_method_data" in params:
        raise refusals.invalid(
            "You cannot pass both `payment_method` and `payment_method_data`.", param="payment_method_data"
        )


def _refuse_before_confirming(params: dict[str, Any]) -> None:
    for name in sorted(_ONLY_TO_CONFIRM & set(params)):
        raise refusals.invalid(
            f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is set "
            "to true.",
            param=name,
        )


def _check_amount(amount: int, currency: str) -> None:
    if amount < 1:
        raise refusals.invalid(
            "This value must be greater than or equal to 1.",
            param="amount",
            code="parameter_invalid_integer",
        )
    if amount < currencies.least(currency):
        least = currencies.shown(currencies.least(currency), currency)
        raise refusals.invalid(
            f"Amount must be at least {least} {currency}", param="amount", code="amount_too_small"
        )
    if amount > currencies.MOST:
        most = currencies.shown(currencies.MOST, currency)
        raise refusals.invalid(
            f"Amount must be no more than {most} {currency}", param="amount", code="amount_too_large"
        )
    if currency in currencies.THREE_DECIMAL and amount % 10 != 0:
        raise refusals.invalid(
            f"Amounts in {currency.upper()} must be a multiple of 10: the last of the three decimals is 0",
            param="amount",
            code="invalid_charge_amount",
        )


def _check_suffix(params: dict[str, Any]) -> None:
    suffix = params.get("statement_descriptor_suffix", "A")
    if len(suffix) > _LONGEST_SUFFIX or not re.search("[A-Za-z]", suffix) or set(suffix) & set("<>\\'\"*"):
        raise refusals.invalid(
            f"The statement descriptor suffix has at most {_LONGEST_SUFFIX} characters, at least one of them "
            "a letter, and none of < > \\ ' \" *",
            param="statement_descriptor_suffix",
        )


def _customer(account: Account, params: dict[str, Any]) -> str | None:
    if "customer" not in params:
        return None
    customer = account.get("customer", params["customer"], param="customer", status=400)
    return customer.id


def _method(account: Account, params: dict[str, Any], *, currency: str) -> Stored | None:
    """The payment method a request names or describes, if it does."""
    if "payment_method" in params:
        method, param = named(account, params["payment_method"]), "payment_method"
    elif "payment_method_data" in params:
        method, param = described(account, params["payment_method_data"]), "payment_method_data[type]"
    else:
        return None
    if method.body["type"] not in types_for(currency):
        raise refusals.invalid(
            f"The payment method type `{method.body['type']}` cannot be used with the currency `{currency}`.",
            param=param,
            code="payment_intent_incompatible_payment_method",
        )
    return method


def retrieve(account: Account, *, intent: str, params: dict[str, Any]) -> dict[str, Any]:
    stored = account.get("payment_intent", intent, param="intent")
    require_secret(stored, params.get("client_secret", stored.body["client_secret"]))
    return stored.body


def require_secret(intent: Stored, client_secret: str) -> None:
    if client_secret != intent.body["client_secret"]:
        raise refusals.invalid(
            "The client_secret provided does not match the client_secret associated with the PaymentIntent.",
            param="client_secret",
            code="payment_intent_invalid_parameter",
        )


def list_intents(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    same = equal_to(params, "customer", "customer_account")
    return page_of(account, kind="payment_intent", url="/v1/payment_intents", params=params, wanted=same)


def update(account: Account, *, intent: str, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED_ON_UPDATE, what="Payment Intents")
    _check_ways(params)
    stored = account.get("payment_intent", intent, param="intent")
    if set(params) - _ALWAYS_OPEN:
        _refuse_if_of_session(stored, "update")
        _require_state(stored, "update", OPEN)
    body = stored.body
    currency = checked_currency(params.get("currency", body["currency"]), param="currency")
    _check_amount(params.get("amount", body["amount"]), currency)
    _check_suffix(params)
    method = _method(account, params, currency=currency)
    changed: dict[str, Any] = {
        name: params[name]
        for name in (
            "amount", "description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix",
            "transfer_group",
        )
        if name in params
    }  # fmt: skip
    if "metadata" in params:
        changed["metadata"] = merged_metadata(stored, params)
    if "customer" in params:
        changed["customer"] = _customer(account, params)
    if method is not None:
        changed["payment_method"] = method.id
    if {"amount", "currency", "payment_method", "payment_method_data"} & set(params):
        # What the bank was asked for is no longer what is to be paid.
        held = changed.get("payment_method", body["payment_method"])
        changed |= {
            "status": "requires_confirmation" if held else "requires_payment_method", "next_action": None,
            "currency": currency, "payment_method_types": types_for(currency),
        }  # fmt: skip
    body |= changed
    account.save(stored)
    return body


def confirm(account: Account, *, intent: str, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED_TO_CONFIRM, what="confirming Payment Intents")
    _check_ways(params)
    stored = account.get("payment_intent", intent, param="intent")
    _refuse_if_of_session(stored, "confirm")
    if stored.body["status"] == "succeeded":
        raise _unexpected(
            stored,
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously "
            "confirmed.",
        )
    _require_state(stored, "confirm", OPEN)
    method = _method(account, params, currency=stored.body["currency"])
    if method is None and stored.body["payment_method"]:
        method = named(account, stored.body["payment_method"])
    return _confirm(account, stored, method, params)


def _confirm(
    account: Account, intent: Stored, method: Stored | None, params: dict[str, Any]
) -> dict[str, Any]:
    if method is None:
        raise _unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
            "directly with a payment method or ConfirmationToken.",
        )
    if params.get("receipt_email"):
        intent.body["receipt_email"] = params["receipt_email"]
    may_ask = not params.get("off_session") and not params.get("error_on_requires_action")
    attempt = payments.attempt(account, intent, method, ask=_ask(account, intent, params), may_ask=may_ask)
    if attempt.state == "declined":
        raise payments.refusal_of(intent)
    return intent.body


def _ask(account: Account, intent: Stored, params: dict[str, Any]) -> dict[str, Any]:
    """The `next_action` of a card whose bank wants 3-D Secure; raises Refusal if it could lead nowhere."""
    return_url, uses_sdk = params.get("return_url"), params.get("use_stripe_sdk", False)
    if return_url is not None and not _leads_somewhere(return_url):
        raise refusals.invalid("Not a valid URL", param="return_url", code="url_invalid")
    may_redirect = intent.body["automatic_payment_methods"]["allow_redirects"] == "always"
    if may_redirect and return_url is None and not uses_sdk:
        raise refusals.invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because "
            "some of these payment methods might redirect your customer off of your page, you must provide a "
            "`return_url`. If you don't want to accept redirect-based payment methods, set "
            "`automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` "
            "to `never` when creating Setup Intents and Payment Intents.",
            param="return_url",
        )
    intent.private["challenge"] = {"token": random_text(32), "return_url": return_url}
    page = f"{account.base_url}/authenticate/{intent.id}/{intent.private['challenge']['token']}"
    if uses_sdk or return_url is None or not may_redirect:
        sdk = {"type": "three_d_secure_redirect", "stripe_js": f"{page}/frame"}
        return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": page}}


def _leads_somewhere(address: str) -> bool:
    """A web address, or an app's: Stripe takes both."""
    try:
        parts = urlsplit(address)
        return bool(parts.scheme) and (bool(parts.hostname) or parts.scheme not in ("http", "https"))
    except ValueError:
        return False


def cancel(account: Account, *, intent: str, params: dict[str, Any]) -> dict[str, Any]:
    stored = account.get("payment_intent", intent, param="intent")
    _refuse_if_of_session(stored, "cancel")
    _require_state(stored, "cancel", OPEN)
    payments.cancel(account, stored, reason=params.get("cancellation_reason"))
    return stored.body


def _require_state(intent: Stored, verb: str, allowed: tuple[str, ...]) -> None:
    status = intent.body["status"]
    if status not in allowed:
        done = {"update": "updated", "confirm": "confirmed", "cancel": "canceled"}[verb]
        raise _unexpected(
            intent,
            f"You cannot {verb} this PaymentIntent because it has a status of {status}. Only a PaymentIntent "
            f"with one of the following statuses may be {done}: {', '.join(allowed)}.",
        )


def _refuse_if_of_session(intent: Stored, verb: str) -> None:
    if intent.private["session"] is not None:
        raise _unexpected(
            intent,
            f"You cannot {verb} this PaymentIntent because it was created by a Checkout Session: "
            f"{intent.private['session']}",
        )


def _unexpected(intent: Stored, message: str) -> refusals.Refusal:
    return refusals.Refusal(
        400,
        type="invalid_request_error",
        code="payment_intent_unexpected_state",
        message=message,
        payment_intent=intent.body,
    )
