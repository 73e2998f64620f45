"""The operations the sandbox serves, by their name under `StripeClient.v1`."""

from collections.abc import Callable
from typing import Any

from commerce.sandbox.resources import (
    catalogue,
    charges,
    coupons,
    customers,
    events,
    payment_intents,
    payment_methods,
    prices,
    products,
    promotion_codes,
    refunds,
    sessions,
    tax_rates,
)

Handler = Callable[..., dict[str, Any]]
"""Called with the Account, the path's ids by name, and `params`; returns the body of the answer."""

SERVED: dict[str, Handler] = {
    "products.create": catalogue.create_product,
    "products.retrieve": products.retrieve,
    "products.update": products.update,
    "products.list": products.list_products,
    "products.delete": catalogue.delete_product,
    "prices.create": prices.create,
    "prices.retrieve": prices.retrieve,
    "prices.update": catalogue.update_price,
    "prices.list": prices.list_prices,
    "coupons.create": coupons.create,
    "coupons.retrieve": coupons.retrieve,
    "coupons.update": coupons.update,
    "coupons.list": coupons.list_coupons,
    "coupons.delete": coupons.delete,
    "promotion_codes.create": promotion_codes.create,
    "promotion_codes.retrieve": promotion_codes.retrieve,
    "promotion_codes.update": promotion_codes.update,
    "promotion_codes.list": promotion_codes.list_promotion_codes,
    "tax_rates.create": tax_rates.create,
    "tax_rates.retrieve": tax_rates.retrieve,
    "tax_rates.update": tax_rates.update,
    "tax_rates.list": tax_rates.list_tax_rates,
    "customers.create": customers.create,
    "customers.retrieve": customers.retrieve,
    "customers.update": customers.update,
    "customers.list": customers.list_customers,
    "customers.delete": customers.delete,
    "checkout.sessions.create": sessions.create,
    "checkout.sessions.retrieve": sessions.retrieve,
    "checkout.sessions.list": sessions.list_sessions,
    "checkout.sessions.expire": sessions.expire,
    "checkout.sessions.line_items.list": sessions.list_line_items,
    "payment_intents.create": payment_intents.create,
    "payment_intents.retrieve": payment_intents.retrieve,
    "payment_intents.update": payment_intents.update,
    "payment_intents.list": payment_intents.list_intents,
    "payment_intents.confirm": payment_intents.confirm,
    "payment_intents.cancel": payment_intents.cancel,
    "payment_methods.retrieve": payment_methods.retrieve,
    "charges.retrieve": charges.retrieve,
    "charges.list": charges.list_charges,
    "refunds.create": refunds.create,
    "refunds.retrieve": refunds.retrieve,
    "refunds.update": refunds.update,
    "refunds.list": refunds.list_refunds,
    "events.retrieve": events.retrieve,
    "events.list": events.list_events,
}

__all__ = ["SERVED", "Handler"]
