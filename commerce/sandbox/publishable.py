"""What a browser may do: the calls of Stripe.js, by publishable key and client secret."""

from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.resources.payment_intents import require_secret
from commerce.sandbox.schemas.operations import Operation
from commerce.sandbox.schemas.requests import checked

OPEN_TO_BROWSERS = ("payment_intents.retrieve", "payment_intents.confirm")

_SHOWN = {
    "id", "object", "allowed_payment_method_types", "amount", "amount_details", "automatic_payment_methods",
    "canceled_at", "cancellation_reason", "capture_method", "client_secret", "confirmation_method", "created",
    "currency", "description", "last_payment_error", "livemode", "next_action", "payment_method",
    "payment_method_configuration_details", "payment_method_types", "processing", "receipt_email",
    "setup_future_usage", "shipping", "source", "status",
}  # fmt: skip
"""The fields of an intent that are no secret of the shop: not its metadata, its customer or its charge."""

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
    "Access-Control-Expose-Headers": "Request-Id",
    "Access-Control-Max-Age": "300",
}
"""What lets the page of a shop read an answer. Answers to secret keys go without: no page holds one."""


def require_open(found: Operation, sent: dict[str, Any]) -> None:
    """Raise Stripe's 403 for a call that is not for browsers, and its 400 for a forbidden `expand`."""
    if found.name not in OPEN_TO_BROWSERS:
        raise refusals.publishable_key()
    if set(_listed(sent.get("expand"))) - {"payment_method"}:
        raise refusals.invalid(
            "This property cannot be expanded with a publishable key: only payment_method can.",
            param="expand",
        )


def _listed(sent: Any) -> list[Any]:
    values = sent.values() if isinstance(sent, dict) else sent or []
    return [str(value) for value in values]


def read(found: Operation, sent: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The client secret and the checked parameters of a call from a browser; raises Refusal.

    Beside what the library's types allow, Stripe.js sends a card's number as `payment_method_data[card]`.
    """
    rest = {name: value for name, value in sent.items() if name not in ("client_secret", "key")}
    secret = sent.get("client_secret")
    if not isinstance(secret, str) or not secret:
        raise refusals.missing_parameter("client_secret")
    method = rest.get("payment_method_data")
    if not isinstance(method, dict) or method.get("type") != "card":
        return secret, checked(found.params, rest)
    del rest["payment_method_data"]
    others = {name: value for name, value in method.items() if name not in ("card", "type")}
    # The type is swapped for one that the library's types know, and put back.
    stand_in = checked(found.params, {**rest, "payment_method_data": {**others, "type": "link"}})
    stand_in["payment_method_data"] |= {"type": "card", "card": method.get("card")}
    return secret, stand_in


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer, or an error that carries an intent, without what is no browser's business."""
    if "error" in answer:
        error = answer["error"]
        told = {"payment_intent": _public(error["payment_intent"])} if "payment_intent" in error else {}
        return {"error": {**error, **told}}
    return _public(answer)


def _public(intent: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in intent.items() if name in _SHOWN}


__all__ = ["CORS", "OPEN_TO_BROWSERS", "read", "require_open", "require_secret", "shown"]
