"""Payment Intents and the charges they lead to."""

from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.cards import Card, Decline, fingerprint
from commerce.sandbox.identifiers import new_id, random_text
from commerce.sandbox.resources.listing import equal_to, first_metadata, page_of
from commerce.sandbox.store import Stored

_NO_ADDRESS = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def add_intent(account: Account, session: Stored) -> Stored:
    """The intent of a session, made when its customer first tries to pay."""
    wishes: dict[str, Any] = session.private["payment_intent_data"]
    intent_id = new_id("payment_intent")
    return account.add(
        {
            "id": intent_id,
            "object": "payment_intent",
            "amount": session.body["amount_total"],
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": None,
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": wishes.get("capture_method", "automatic_async"),
            "client_secret": f"{intent_id}_secret_{random_text(25)}",
            "confirmation_method": "automatic",
            "created": account.clock.now(),
            "currency": session.body["currency"],
            "customer": None,
            "customer_account": None,
            "description": wishes.get("description"),
            "excluded_payment_method_types": None,
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "managed_payments": {"enabled": False},
            "metadata": first_metadata(wishes),
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "payment_method_configuration_details": None,
            "payment_method_options": {},
            "payment_method_types": session.body["payment_method_types"],
            "processing": None,
            "receipt_email": wishes.get("receipt_email"),
            "review": None,
            "setup_future_usage": None,
            "shipping": None,
            "source": None,
            "statement_descriptor": wishes.get("statement_descriptor"),
            "statement_descriptor_suffix": wishes.get("statement_descriptor_suffix"),
            "status": "requires_payment_method",
            "transfer_data": None,
            "transfer_group": wishes.get("transfer_group"),
        },
        {"session": session.id},
    )


def add_charge(
    account: Account,
    intent: Stored,
    *,
    status: str,
    payer: dict[str, str],
    method: dict[str, Any],
    decline: Decline | None = None,
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
            "billing_details": payer | {"address": _NO_ADDRESS, "phone": None, "tax_id": None},
            "calculated_statement_descriptor": "SANDBOX",
            "captured": status == "succeeded",
            "created": account.clock.now(),
            "currency": intent.body["currency"],
            "customer": None,
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
            "payment_method": intent.body["payment_method"],
            "payment_method_details": method,
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


def card_details(card: Card, *, is_authenticated: bool) -> dict[str, Any]:
    """`payment_method_details` of a charge to a card."""
    cvc_failed = card.decline is not None and card.decline.code == "incorrect_cvc"
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
        "type": "card",
        "card": {
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
            "fingerprint": fingerprint(),
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
        },
    }


def debit_details(kind: str) -> dict[str, Any]:
    """`payment_method_details` of a charge to a bank account."""
    return {
        "type": kind,
        kind: {"fingerprint": fingerprint(), "last4": "3000", "mandate": None} | _BANKS[kind],
    }


_BANKS: dict[str, dict[str, Any]] = {
    "sepa_debit": {"bank_code": "37040044", "branch_code": None, "country": "DE"},
    "us_bank_account": {
        "account_holder_type": "individual", "account_type": "checking", "bank_name": "SANDBOX TEST BANK",
        "payment_reference": None, "routing_number": "110000000",
    },
    "bacs_debit": {"sort_code": "108800"},
}  # fmt: skip


def cancel_intent(account: Account, intent_id: str) -> None:
    """Cancel what an expired session leaves behind."""
    intent = account.get("payment_intent", intent_id, param="intent")
    if intent.body["status"] in ("succeeded", "canceled", "processing"):
        return
    intent.body |= {
        "status": "canceled",
        "canceled_at": account.clock.now(),
        "cancellation_reason": "expired",
        "next_action": None,
    }
    account.save(intent)
    account.emit("payment_intent.canceled", intent)


def retrieve_intent(account: Account, *, intent: str, params: dict[str, Any]) -> dict[str, Any]:
    stored = account.get("payment_intent", intent, param="intent")
    if params.get("client_secret", stored.body["client_secret"]) != stored.body["client_secret"]:
        raise refusals.invalid(
            "The client_secret provided does not match the client_secret associated with the PaymentIntent.",
            param="client_secret",
            code="payment_intent_invalid_parameter",
        )
    return stored.body


def list_intents(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    same = equal_to(params, "customer", "customer_account")
    return page_of(account, kind="payment_intent", url="/v1/payment_intents", params=params, wanted=same)


def retrieve_charge(account: Account, *, charge: str, params: dict[str, Any]) -> dict[str, Any]:
    return account.get("charge", charge, param="charge").body


def list_charges(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    same = equal_to(params, "customer", "payment_intent", "transfer_group")
    return page_of(account, kind="charge", url="/v1/charges", params=params, wanted=same)
