"""Checkout Sessions: one visit to the payment page."""

import copy
from typing import Any
from urllib.parse import urlsplit

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.identifiers import new_id, random_text
from commerce.sandbox.payment_methods import debit_for
from commerce.sandbox.resources.listing import cut_page, equal_to, first_metadata, page_of, refuse_unserved
from commerce.sandbox.resources.payments import cancel_intent
from commerce.sandbox.resources.session_amounts import Bill, bill_for
from commerce.sandbox.resources.session_discounts import Granted, Order, by_code, find_code, wished_for
from commerce.sandbox.resources.session_lines import check_total, lines
from commerce.sandbox.store import Stored

_SHORTEST, _LONGEST = 30 * 60, 24 * 60 * 60
# Between the moment a caller computes `expires_at` and the moment it is compared, a call takes its time.
_LENIENCY = 10
_SERVED_ON_CREATE = {
    "adaptive_pricing",
    "allow_promotion_codes",
    "automatic_tax",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "currency",
    "customer",
    "customer_creation",
    "customer_email",
    "discounts",
    "expand",
    "expires_at",
    "invoice_creation",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_intent_data",
    "payment_method_collection",
    "phone_number_collection",
    "redirect_on_completion",
    "return_url",
    "submit_type",
    "success_url",
    "tax_id_collection",
    "ui_mode",
}
_SERVED_IN_INTENT_DATA = {
    "capture_method", "description", "metadata", "receipt_email", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_group",
}  # fmt: skip
_SWITCHES_THAT_STAY_OFF = (
    "invoice_creation",
    "phone_number_collection",
    "tax_id_collection",
)


def create(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    _check_served(params)
    ui_mode = params.get("ui_mode", "hosted_page")
    _check_addresses(params, ui_mode)
    expires_at = _expires_at(account, params)
    is_tax_automatic = (params.get("automatic_tax") or {}).get("enabled", False)
    sold = lines(account, params.get("line_items") or [], is_tax_automatic=is_tax_automatic)
    if is_tax_automatic:
        raise refusals.not_served("automatic_tax of Checkout Sessions", param="automatic_tax[enabled]")
    currency = sold[0]["item"]["currency"]
    if "currency" in params and params["currency"].lower() != currency:
        raise refusals.invalid(
            f"The line items are in `{currency}`, not in `{params['currency']}`", param="currency"
        )
    customer = _customer(account, params)
    session_id = new_id("checkout.session")
    order = order_of(sold, session_id=session_id, customer=customer.id if customer else None)
    granted = wished_for(account, params, order)
    bill = bill_for(sold, granted)
    check_total(bill.total, currency)
    body = _body(account, params, session_id=session_id, ui_mode=ui_mode, currency=currency)
    body |= bill.fields | {
        "customer_details": _known_details(customer, params),
        "discounts": [granted.named] if granted else [],
        "expires_at": expires_at,
    }
    private = {
        "lines": sold,
        "payment_intent_data": params.get("payment_intent_data") or {},
        "form_token": random_text(32),
        **_private_amounts(bill, granted),
    }
    stored = account.add(body, private)
    for item in bill.items:
        account.add(item.body, item.private)
    account.set_timer(stored.id, at=expires_at)
    return stored.body


def order_of(sold: list[dict[str, Any]], *, session_id: str, customer: str | None) -> Order:
    return Order(
        session_id=session_id,
        currency=sold[0]["item"]["currency"],
        subtotal=sum(line["subtotal"] for line in sold),
        products=frozenset(line["item"]["price"]["product"] for line in sold),
        customer=customer,
    )


def _private_amounts(bill: Bill, granted: Granted | None) -> dict[str, Any]:
    return {
        "line_items": [item.body for item in bill.items],
        "included": {"breakdown": bill.breakdown},
        "discount_label": granted.label if granted else None,
    }


def redeem(account: Account, stored: Stored, *, typed: str) -> None:
    """Take off an open session what the promotion code that its customer typed promises.

    Nothing typed takes back an earlier one. Raises Refusal, and leaves the session as it is, for a code that
    cannot be redeemed.
    """
    customer = stored.body["customer"]
    sold = stored.private["lines"]
    order = order_of(sold, session_id=stored.id, customer=customer)
    granted = None
    if typed:
        code = find_code(account, typed, customer=customer)
        if code is None:
            raise refusals.invalid("This code is invalid.", param="promotion_code")
        granted = by_code(account, code, order, param="promotion_code")
    bill = bill_for(sold, granted)
    check_total(bill.total, order.currency)
    stored.body |= bill.fields | {"discounts": [granted.named] if granted else []}
    stored.private |= _private_amounts(bill, granted)
    for item in bill.items:
        account.save(item)
    if stored.body["payment_intent"]:
        _follow(account, stored)
    account.save(stored)


def _follow(account: Account, stored: Stored) -> None:
    """Let the intent of an attempt that failed ask for what the session comes to now."""
    if stored.body["amount_total"] == 0:
        cancel_intent(account, stored.body["payment_intent"])
        stored.body["payment_intent"] = None
        return
    intent = account.get("payment_intent", stored.body["payment_intent"], param="payment_intent")
    intent.body["amount"] = stored.body["amount_total"]
    account.save(intent)


def _customer(account: Account, params: dict[str, Any]) -> Stored | None:
    if "customer" not in params:
        return None
    for other in ("customer_email", "customer_creation"):
        if other in params:
            raise refusals.invalid(
                f"You may only specify one of these parameters: customer, {other}.", param="customer"
            )
    return account.get("customer", params["customer"], param="customer", status=400)


def _known_details(customer: Stored | None, params: dict[str, Any]) -> dict[str, Any] | None:
    """What is known of who is going to pay before they have typed anything."""
    email = customer.body["email"] if customer else params.get("customer_email")
    if email is None:
        return None
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": customer.body["tax_exempt"] if customer else "none",
        "tax_ids": None,
    }


def _check_served(params: dict[str, Any]) -> None:
    refuse_unserved(params, served=_SERVED_ON_CREATE, what="Checkout Sessions")
    if "mode" not in params:
        raise refusals.missing_parameter("mode")
    if params["mode"] != "payment":
        raise refusals.not_served(f"mode={params['mode']}", param="mode")
    for name in _SWITCHES_THAT_STAY_OFF:
        if (params.get(name) or {}).get("enabled"):
            raise refusals.not_served(f"{name} of Checkout Sessions", param=f"{name}[enabled]")
    intent_data = params.get("payment_intent_data") or {}
    for name in intent_data:
        if name not in _SERVED_IN_INTENT_DATA:
            raise refusals.not_served(
                f"the parameter payment_intent_data[{name}] of Checkout Sessions",
                param=f"payment_intent_data[{name}]",
            )
    if intent_data.get("capture_method") == "manual":
        raise refusals.not_served("capture_method=manual", param="payment_intent_data[capture_method]")


def _check_addresses(params: dict[str, Any], ui_mode: str) -> None:
    if ui_mode == "hosted_page":
        wanted, unwanted = ["success_url"], ["return_url", "redirect_on_completion"]
    else:
        wanted, unwanted = ["return_url"], ["success_url"] + (["cancel_url"] if ui_mode != "form" else [])
        if params.get("redirect_on_completion") == "never":
            wanted, unwanted = [], ["success_url", "return_url"]
    for name in wanted:
        if name not in params:
            raise refusals.missing_parameter(name)
    for name in unwanted:
        if name in params:
            raise refusals.invalid(f"You can not pass `{name}` when `ui_mode` is `{ui_mode}`.", param=name)
    for name in ("success_url", "cancel_url", "return_url"):
        if name in params and not _is_web_address(params[name]):
            raise refusals.invalid("Not a valid URL", param=name, code="url_invalid")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _expires_at(account: Account, params: dict[str, Any]) -> int:
    now = account.clock.now()
    expires_at: int = params.get("expires_at", now + _LONGEST)
    if expires_at < now + _SHORTEST - _LENIENCY:
        raise refusals.invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
            param="expires_at",
        )
    if expires_at > now + _LONGEST + _LENIENCY:
        raise refusals.invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return expires_at


def _body(
    account: Account, params: dict[str, Any], *, session_id: str, ui_mode: str, currency: str
) -> dict[str, Any]:
    is_hosted = ui_mode == "hosted_page"
    debit = debit_for(currency)
    return {
        "id": session_id,
        "object": "checkout.session",
        **copy.deepcopy(_SAME_FOR_ALL),
        "adaptive_pricing": {"enabled": (params.get("adaptive_pricing") or {}).get("enabled", False)},
        "allow_promotion_codes": params.get("allow_promotion_codes"),
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None if is_hosted else f"{session_id}_secret_{random_text(32)}",
        "created": account.clock.now(),
        "currency": currency,
        "customer": params.get("customer"),
        "customer_creation": None if "customer" in params else params.get("customer_creation", "if_required"),
        "customer_email": params.get("customer_email"),
        "locale": params.get("locale"),
        "metadata": first_metadata(params),
        "payment_method_collection": params.get("payment_method_collection", "if_required"),
        "payment_method_types": ["card"] + ([debit] if debit else []),
        "status": "open",
        "submit_type": params.get("submit_type"),
        "success_url": params.get("success_url"),
        "ui_mode": ui_mode,
        "url": f"{account.base_url}/c/pay/{session_id}" if is_hosted else None,
        **_for_embedded(params, is_hosted),
    }


# What Stripe answers for everything the sandbox does not serve.
_SAME_FOR_ALL: dict[str, Any] = {
    "after_expiration": None,
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "collected_information": None,
    "consent": None,
    "consent_collection": None,
    "currency_conversion": None,
    "custom_fields": [],
    "custom_text": {
        "after_submit": None,
        "shipping_address": None,
        "submit": None,
        "terms_of_service_acceptance": None,
    },
    "customer_account": None,
    "integration_identifier": None,
    "invoice": None,
    "invoice_creation": {
        "enabled": False,
        "invoice_data": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": None,
            "metadata": {},
            "rendering_options": None,
        },
    },
    "livemode": False,
    "managed_payments": {"enabled": False},
    "mode": "payment",
    "origin_context": None,
    "payment_intent": None,
    "payment_link": None,
    "payment_method_configuration_details": None,
    "payment_method_options": {},
    "permissions": None,
    "phone_number_collection": {"enabled": False},
    "recovered_from": None,
    "saved_payment_method_options": None,
    "setup_intent": None,
    "shipping_address_collection": None,
    "shipping_cost": None,
    "shipping_options": [],
    "subscription": None,
    "wallet_options": None,
}


def _for_embedded(params: dict[str, Any], is_hosted: bool) -> dict[str, Any]:
    if is_hosted:
        return {}
    return {
        "redirect_on_completion": params.get("redirect_on_completion", "always"),
        "return_url": params.get("return_url"),
    }


def retrieve(account: Account, *, session: str, params: dict[str, Any]) -> dict[str, Any]:
    return account.get("checkout.session", session, param="session").body


def list_sessions(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    same = equal_to(
        params, "customer", "customer_account", "payment_intent", "payment_link", "status", "subscription"
    )
    email = (params.get("customer_details") or {}).get("email")

    def wanted(body: dict[str, Any]) -> bool:
        return same(body) and (email is None or (body["customer_details"] or {}).get("email") == email)

    return page_of(
        account, kind="checkout.session", url="/v1/checkout/sessions", params=params, wanted=wanted
    )


def list_line_items(account: Account, *, session: str, params: dict[str, Any]) -> dict[str, Any]:
    items = account.get("checkout.session", session, param="session").private["line_items"]
    for name in ("starting_after", "ending_before"):
        if name in params and params[name] not in [item["id"] for item in items]:
            raise refusals.resource_missing("item", params[name], param=name, status=400)
    return cut_page(items, url=f"/v1/checkout/sessions/{session}/line_items", params=params)


def expire(account: Account, *, session: str, params: dict[str, Any]) -> dict[str, Any]:
    stored = account.get("checkout.session", session, param="session")
    if stored.body["status"] != "open":
        raise refusals.invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session '
            "has a status of "
            f"`{stored.body['status']}`.",
            param="session",
        )
    close(account, stored)
    return stored.body


def close(account: Account, stored: Stored) -> None:
    """Expire an open session: it can be paid no more, and an attempt that hangs is cancelled."""
    stored.body |= {"status": "expired", "url": None}
    stored.private.pop("challenge", None)
    account.save(stored)
    account.drop_timer(stored.id)
    if stored.body["payment_intent"]:
        cancel_intent(account, stored.body["payment_intent"])
    account.emit("checkout.session.expired", stored)
