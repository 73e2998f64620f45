"""Refunds: money given back for a charge, never more than was taken."""

from typing import Any

from commerce.sandbox import currencies, refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.resources.listing import (
    equal_to,
    first_metadata,
    merged_metadata,
    page_of,
    refuse_unserved,
)
from commerce.sandbox.store import Stored

_SERVED_ON_CREATE = {"amount", "charge", "expand", "metadata", "payment_intent", "reason"}


def create(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED_ON_CREATE, what="refunds")
    charge = _charge(account, params)
    left = charge.body["amount_captured"] - charge.body["amount_refunded"]
    if charge.body["status"] != "succeeded":
        raise refusals.invalid(
            f"Charge {charge.id} was not successful, so it cannot be refunded.", param="charge"
        )
    if left == 0:
        raise refusals.invalid(
            f"Charge {charge.id} has already been refunded.", param="charge", code="charge_already_refunded"
        )
    amount = params.get("amount", left)
    if amount < 1:
        raise refusals.invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if amount > left:
        currency = charge.body["currency"]
        raise refusals.invalid(
            f"Refund amount ({currencies.shown(amount, currency)}) is greater than unrefunded amount "
            "on charge "
            f"({currencies.shown(left, currency)})",
            param="amount",
        )
    return _add(account, charge, params, amount)


def _charge(account: Account, params: dict[str, Any]) -> Stored:
    if "charge" in params:
        charge = account.get("charge", params["charge"], param="charge")
        if params.get("payment_intent", charge.body["payment_intent"]) != charge.body["payment_intent"]:
            raise refusals.invalid("The charge does not belong to the payment_intent", param="payment_intent")
        return charge
    if "payment_intent" not in params:
        raise refusals.invalid(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    intent = account.get("payment_intent", params["payment_intent"], param="payment_intent")
    if intent.body["status"] != "succeeded":
        raise refusals.invalid(
            f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return account.get("charge", intent.body["latest_charge"], param="payment_intent")


def _add(account: Account, charge: Stored, params: dict[str, Any], amount: int) -> dict[str, Any]:
    kind = charge.body["payment_method_details"]["type"]
    destination: dict[str, Any] = {"type": kind}
    if kind == "card":
        destination["card"] = {"reference_status": "pending", "reference_type": "acquirer_reference_number"}
        destination["card"]["type"] = "refund"
    stored = account.add(
        {
            "id": new_id("refund"),
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge.id,
            "created": account.clock.now(),
            "currency": charge.body["currency"],
            "customer": None,
            "customer_account": None,
            "destination_details": destination,
            "metadata": first_metadata(params),
            "payment_intent": charge.body["payment_intent"],
            "payment_method": charge.body["payment_method"],
            "reason": params.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded",
            "transfer_reversal": None,
        }
    )
    refunded = charge.body["amount_refunded"] + amount
    charge.body |= {"amount_refunded": refunded, "refunded": refunded == charge.body["amount_captured"]}
    account.save(charge)
    account.emit("refund.created", stored)
    account.emit("charge.refunded", charge)
    return stored.body


def retrieve(account: Account, *, refund: str, params: dict[str, Any]) -> dict[str, Any]:
    return account.get("refund", refund, param="refund").body


def update(account: Account, *, refund: str, params: dict[str, Any]) -> dict[str, Any]:
    stored = account.get("refund", refund, param="refund")
    if "metadata" in params:
        stored.body["metadata"] = merged_metadata(stored, params)
        account.save(stored)
        account.emit("refund.updated", stored)
    return stored.body


def list_refunds(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    same = equal_to(params, "charge", "payment_intent")
    return page_of(account, kind="refund", url="/v1/refunds", params=params, wanted=same)
