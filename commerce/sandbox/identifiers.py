"""Ids that look like Stripe's."""

import hashlib
import secrets
import string

_LETTERS = string.ascii_letters + string.digits
_PREFIXES = {
    "product": "prod_",
    "price": "price_",
    "coupon": "",
    "promotion_code": "promo_",
    "tax_rate": "txr_",
    "customer": "cus_",
    "discount": "di_",
    "checkout.session": "cs_test_a1",
    "item": "li_",
    "payment_intent": "pi_",
    "payment_method": "pm_",
    "charge": "ch_",
    "refund": "re_",
    "event": "evt_",
    "request": "req_",
    "webhook_endpoint": "we_",
}
_LENGTHS = {"checkout.session": 58, "coupon": 8, "customer": 14, "product": 14, "request": 14}


def new_id(kind: str) -> str:
    """A fresh id for an object of that kind, such as `pi_3…`."""
    return _PREFIXES[kind] + random_text(_LENGTHS.get(kind, 24))


def random_text(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def account_id(secret_key: str) -> str:
    """The account a secret key opens: always the same for the same key, and not the key itself."""
    return "acct_" + hashlib.sha256(secret_key.encode()).hexdigest()[:16]
