"""Customers: who buys."""

import re
import secrets
import string
from typing import Any

from commerce.sandbox import refusals
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

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_PREFIX = re.compile(r"[A-Z0-9]{3,12}\Z")
_SERVED = {
    "address", "business_name", "description", "email", "expand", "individual_name", "invoice_prefix",
    "metadata", "name", "next_invoice_sequence", "phone", "preferred_locales", "shipping", "tax_exempt",
}  # fmt: skip
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def create(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED, what="customers")
    return add(account, params=params).body


def add(account: Account, *, params: dict[str, Any]) -> Stored:
    """Add a customer from `customers.create` parameters, and tell of it."""
    _check(params)
    stored = account.add(
        {
            "id": new_id("customer"),
            "object": "customer",
            "address": _address(params.get("address")),
            "balance": 0,
            "created": account.clock.now(),
            "currency": None,
            "customer_account": None,
            "default_source": None,
            "delinquent": False,
            "description": params.get("description"),
            "discount": None,
            "email": params.get("email"),
            "invoice_prefix": params.get("invoice_prefix") or _random_prefix(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": False,
            "metadata": first_metadata(params),
            "name": params.get("name"),
            "next_invoice_sequence": params.get("next_invoice_sequence", 1),
            "phone": params.get("phone"),
            "preferred_locales": params.get("preferred_locales", []),
            "shipping": _shipping(params.get("shipping")),
            "tax_exempt": params.get("tax_exempt") or "none",
            "test_clock": None,
            **{name: params[name] for name in ("business_name", "individual_name") if name in params},
        }
    )
    account.emit("customer.created", stored)
    return stored


def _random_prefix() -> str:
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(8))


def _check(params: dict[str, Any]) -> None:
    if "email" in params and not _EMAIL.match(params["email"]):
        raise refusals.invalid(
            f"Invalid email address: {params['email']}", param="email", code="email_invalid"
        )
    if "invoice_prefix" in params and not _PREFIX.match(params["invoice_prefix"]):
        raise refusals.invalid(
            "The invoice_prefix must be 3 to 12 capital letters or digits.", param="invoice_prefix"
        )


def _address(sent: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if sent is None else {name: sent.get(name) for name in _ADDRESS}


def _shipping(sent: dict[str, Any] | None) -> dict[str, Any] | None:
    if sent is None:
        return None
    return {"address": _address(sent["address"]), "name": sent["name"], "phone": sent.get("phone")}


def retrieve(account: Account, *, customer: str, params: dict[str, Any]) -> dict[str, Any]:
    """The customer, or of a deleted one that it is deleted."""
    stored = account.store.find(account.id, customer, kind="customer")
    return stored.body if stored else account.get("customer", customer, param="id").body


def update(account: Account, *, customer: str, params: dict[str, Any]) -> dict[str, Any]:
    refuse_unserved(params, served=_SERVED, what="customers")
    stored = account.get("customer", customer, param="id")
    before = dict(stored.body)
    _check(params)
    for name, value in params.items():
        if name == "metadata":
            stored.body["metadata"] = merged_metadata(stored, params)
        elif name == "address":
            stored.body["address"] = _address(value)
        elif name == "shipping":
            stored.body["shipping"] = _shipping(value)
        elif name == "tax_exempt":
            stored.body["tax_exempt"] = value or "none"
        elif name != "expand":
            stored.body[name] = value
    account.save_change(stored, before=before, event_type="customer.updated")
    return stored.body


def list_customers(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    if "test_clock" in params:
        raise refusals.not_served("the filter test_clock of customers", param="test_clock")
    same = equal_to(params, "email")
    return page_of(account, kind="customer", url="/v1/customers", params=params, wanted=same)


def delete(account: Account, *, customer: str, params: dict[str, Any]) -> dict[str, Any]:
    """Forget a customer for good; payments keep the id."""
    stored = account.get("customer", customer, param="id")
    account.emit("customer.deleted", stored)
    stored.body = {"id": customer, "object": "customer", "deleted": True}
    stored.private["is_deleted"] = True
    account.save(stored)
    return stored.body
