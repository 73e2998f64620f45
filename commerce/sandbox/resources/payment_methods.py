"""Payment methods: the card or the bank account behind an attempt to pay."""

import re
from datetime import UTC, datetime
from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.cards import Card, IncorrectNumber, digits_of, fingerprint
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.payment_methods import BANK_ACCOUNTS, TEST_CARDS, BankAccount, usual_account
from commerce.sandbox.resources.listing import first_metadata
from commerce.sandbox.store import Stored

NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}

BANKS: dict[str, dict[str, Any]] = {
    "sepa_debit": {"bank_code": "37040044", "branch_code": None, "country": "DE"},
    "us_bank_account": {
        "account_holder_type": "individual", "account_type": "checking", "bank_name": "SANDBOX TEST BANK",
        "routing_number": "110000000",
    },
    "bacs_debit": {"sort_code": "108800"},
}  # fmt: skip
"""What a charge and a payment method say alike about the bank."""

_NUMBER_FIELD = {"sepa_debit": "iban", "us_bank_account": "account_number", "bacs_debit": "account_number"}
_SERVED_IN_DATA = {"allow_redisplay", "billing_details", "card", "metadata", "type", *_NUMBER_FIELD}


def add_card(account: Account, card: Card, *, billing: dict[str, Any] | None = None) -> Stored:
    """`billing` is what was sent as `billing_details`."""
    cvc_failed = card.decline is not None and card.decline.code == "incorrect_cvc"
    seen = {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "fail" if cvc_failed else "pass",
        },
        "country": "US",
        "display_brand": card.brand,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": fingerprint(card.number),
        "funding": "credit",
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    private = {"number": card.number, "exp_month": card.exp_month, "exp_year": card.exp_year}
    return _add(account, "card", seen, private, billing)


def card_of(method: Stored) -> Card:
    return Card(
        number=method.private["number"],
        exp_month=method.private["exp_month"],
        exp_year=method.private["exp_year"],
    )


def add_debit(account: Account, bank: BankAccount, *, billing: dict[str, Any] | None = None) -> Stored:
    """`billing` is what was sent as `billing_details`."""
    seen = {"fingerprint": fingerprint(bank.number), "last4": bank.number[-4:]} | BANKS[bank.kind]
    if bank.kind == "us_bank_account":
        seen |= {
            "financial_connections_account": None,
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "status_details": {},
        }
    private = {"account_number": bank.number, "is_returned": bank.is_returned}
    return _add(account, bank.kind, seen, private, billing)


def _add(
    account: Account, kind: str, seen: dict[str, Any], private: dict[str, Any], billing: dict[str, Any] | None
) -> Stored:
    sent = billing or {}
    return account.add(
        {
            "id": new_id("payment_method"),
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": {
                "address": NO_ADDRESS | (sent.get("address") or {}),
                "email": sent.get("email"),
                "name": sent.get("name"),
                "phone": sent.get("phone"),
                "tax_id": sent.get("tax_id"),
            },
            "created": account.clock.now(),
            "customer": None,
            "customer_account": None,
            kind: seen,
            "livemode": False,
            "metadata": {},
            "type": kind,
        },
        private,
    )


def named(account: Account, method_id: str) -> Stored:
    """The payment method of an id or of one of Stripe's names for test cards; raises Refusal."""
    if method_id in TEST_CARDS:
        year = datetime.fromtimestamp(account.clock.now(), UTC).year + 1
        return add_card(account, Card(number=TEST_CARDS[method_id], exp_month=12, exp_year=year))
    found = account.find("payment_method", method_id)
    if found is None:
        raise refusals.invalid(
            f"No such PaymentMethod: '{method_id}'", param="payment_method", code="resource_missing"
        )
    if found.private.get("is_used"):
        raise refusals.invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment. It may not be used again.",
            param="payment_method",
        )
    return found


def described(account: Account, data: dict[str, Any], *, where: str = "payment_method_data") -> Stored:
    """A new payment method from `payment_method_data`; raises Refusal, a card error for a wrong card."""
    for name in data:
        if name not in _SERVED_IN_DATA:
            raise refusals.not_served(f"{where}[{name}]", param=f"{where}[{name}]")
    kind, billing = data["type"], data.get("billing_details")
    if kind == "card":
        method = add_card(account, _card(account, data.get("card"), where=f"{where}[card]"), billing=billing)
    elif kind in _NUMBER_FIELD:
        _require_holder(kind, billing or {}, where=where)
        method = add_debit(account, _bank_account(kind, data.get(kind), where=where), billing=billing)
    else:
        raise refusals.not_served(f"{where}[type]={kind}", param=f"{where}[type]")
    method.body["metadata"] = first_metadata(data)
    account.save(method)
    return method


def _require_holder(kind: str, billing: dict[str, Any], *, where: str) -> None:
    for name in ("name",) if kind == "us_bank_account" else ("email", "name"):
        if not billing.get(name):
            raise refusals.missing_parameter(f"{where}[billing_details][{name}]")


def _bank_account(kind: str, sent: dict[str, Any] | None, *, where: str) -> BankAccount:
    field = _NUMBER_FIELD[kind]
    number = (sent or {}).get(field, usual_account(kind).number).replace(" ", "")
    bank = BANK_ACCOUNTS.get(number)
    if bank is None or bank.kind != kind:
        raise refusals.invalid(
            "The bank account is none of the sandbox's: it takes Stripe's test accounts only, never a "
            "real one.",
            param=f"{where}[{kind}][{field}]",
            code="account_number_invalid",
        )
    return bank


def _card(account: Account, sent: dict[str, Any] | None, *, where: str) -> Card:
    """The card a browser typed; raises the card errors Stripe has for it."""
    if not isinstance(sent, dict):
        raise refusals.missing_parameter(where)
    for name in ("number", "exp_month", "exp_year", "cvc"):
        if not isinstance(sent.get(name), str):
            raise refusals.missing_parameter(f"{where}[{name}]")
    try:
        number = digits_of(sent["number"])
    except IncorrectNumber as problem:
        raise _wrong("incorrect_number", str(problem), "number") from problem
    month, year = sent["exp_month"], sent["exp_year"]
    if not re.fullmatch(r"\d{1,2}", month, re.ASCII) or not 1 <= int(month) <= 12:
        raise _wrong("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    today = datetime.fromtimestamp(account.clock.now(), UTC)
    whole_year = (
        int(year) + (2000 if len(year) == 2 else 0) if re.fullmatch(r"\d{2}|\d{4}", year, re.ASCII) else 0
    )
    if not today.year <= whole_year <= today.year + 50:
        raise _wrong("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year")
    if (whole_year, int(month)) < (today.year, today.month):
        raise _wrong("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    if not re.fullmatch(r"\d{3,4}", sent["cvc"], re.ASCII):
        raise _wrong("invalid_cvc", "Your card's security code is invalid.", "cvc")
    return Card(number=number, exp_month=int(month), exp_year=whole_year)


def _wrong(code: str, message: str, param: str) -> refusals.Refusal:
    return refusals.Refusal(402, type="card_error", code=code, message=message, param=param)


def retrieve(account: Account, *, payment_method: str, params: dict[str, Any]) -> dict[str, Any]:
    if payment_method in TEST_CARDS:
        return named(account, payment_method).body
    return account.get("payment_method", payment_method, param="payment_method").body
