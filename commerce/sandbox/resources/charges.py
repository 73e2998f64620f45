"""Charges: each attempt to take the money of an intent, by card or from a bank account."""

from typing import Any

from commerce.sandbox.accounts import Account
from commerce.sandbox.cards import Card, Decline, fingerprint
from commerce.sandbox.identifiers import new_id, random_text
from commerce.sandbox.resources.listing import equal_to, page_of
from commerce.sandbox.resources.payment_methods import BANKS, card_of
from commerce.sandbox.store import Stored


def add_charge(
    account: Account,
    intent: Stored,
    method: Stored,
    *,
    status: str,
    decline: Decline | None = None,
    is_authenticated: bool = False,
) -> Stored:
    """One attempt to take the intent's money: succeeded, pending, or failed (then with `decline`)."""
    amount = intent.body["amount"]
    charge_id = new_id("charge")
    return account.add(
        {
            "id": charge_id,
            "object": "charge",
            "amount": amount,
            "amount_captured": amount if status == "succeeded" else 0,
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": method.body["billing_details"],
            "calculated_statement_descriptor": "SANDBOX",
            "captured": status == "succeeded",
            "created": account.clock.now(),
            "currency": intent.body["currency"],
            "customer": intent.body["customer"],
            "description": intent.body["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": decline.code if decline else None,
            "failure_message": decline.message if decline else None,
            "fraud_details": {},
            "livemode": False,
            "metadata": intent.body["metadata"],
            "on_behalf_of": None,
            "outcome": outcome(status, decline),
            "paid": status == "succeeded",
            "payment_intent": intent.id,
            "payment_method": method.id,
            "payment_method_details": _details(method, decline, is_authenticated=is_authenticated),
            "receipt_email": intent.body["receipt_email"],
            "receipt_number": None,
            "receipt_url": f"{account.base_url}/receipts/{charge_id}" if status == "succeeded" else None,
            "refunded": False,
            "review": None,
            "shipping": None,
            "source": None,
            "source_transfer": None,
            "statement_descriptor": intent.body["statement_descriptor"],
            "statement_descriptor_suffix": intent.body["statement_descriptor_suffix"],
            "status": status,
            "transfer_data": None,
            "transfer_group": intent.body["transfer_group"],
        },
        {"session": intent.private["session"]},
    )  # fmt: skip


def outcome(status: str, decline: Decline | None) -> dict[str, Any]:
    failed = decline is not None
    return {
        "advice_code": "try_again_later" if failed else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if failed else "approved_by_network",
        "reason": (decline.decline_code or decline.code) if decline else None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "The bank did not accept the payment." if failed else "Payment complete.",
        "type": "issuer_declined" if failed else "authorized",
    }


def _details(method: Stored, decline: Decline | None, *, is_authenticated: bool) -> dict[str, Any]:
    """`payment_method_details` of a charge."""
    kind = method.body["type"]
    if kind == "card":
        return {
            "type": kind,
            kind: _card_details(card_of(method), decline, is_authenticated=is_authenticated),
        }
    number = method.private["account_number"]
    seen = {"fingerprint": fingerprint(number), "last4": number[-4:], "mandate": None}
    payment_reference = {"payment_reference": None} if kind == "us_bank_account" else {}
    return {"type": kind, kind: seen | BANKS[kind] | payment_reference}


def _card_details(card: Card, decline: Decline | None, *, is_authenticated: bool) -> dict[str, Any]:
    cvc_failed = decline is not None and decline.code == "incorrect_cvc"
    authentication = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": random_text(20),
        "version": "2.2.0",
    }
    return {
        "amount_authorized": None,
        "authorization_code": None,
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "fail" if cvc_failed else "pass",
        },
        "country": "US",
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": fingerprint(card.number),
        "funding": "credit",
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card.number[-4:],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card.brand,
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": 0, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": authentication if is_authenticated else None,
        "transaction_link_id": None,
        "wallet": None,
    }


def retrieve(account: Account, *, charge: str, params: dict[str, Any]) -> dict[str, Any]:
    return account.get("charge", charge, param="charge").body


def list_charges(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    same = equal_to(params, "customer", "payment_intent", "transfer_group")
    return page_of(account, kind="charge", url="/v1/charges", params=params, wanted=same)
