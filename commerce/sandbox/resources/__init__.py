"""The operations the sandbox serves, by their name under `StripeClient.v1`."""

from collections.abc import Callable
from typing import Any

from commerce.sandbox.resources import catalogue, events, payments, prices, products, refunds, sessions

Handler = Callable[..., dict[str, Any]]
"""Called with the Account, the path's ids by name, and `params`; returns the body of the answer."""

SERVED: dict[str, Handler] = {
    "products.create": catalogue.create_product,
    "products.retrieve": products.retrieve,
    "products.update": products.update,
    "products.list": products.list_products,
    "prices.create": prices.create,
    "prices.retrieve": prices.retrieve,
    "prices.update": prices.update,
    "prices.list": prices.list_prices,
    "checkout.sessions.create": sessions.create,
    "checkout.sessions.retrieve": sessions.retrieve,
    "checkout.sessions.list": sessions.list_sessions,
    "checkout.sessions.expire": sessions.expire,
    "checkout.sessions.line_items.list": sessions.list_line_items,
    "payment_intents.retrieve": payments.retrieve_intent,
    "payment_intents.list": payments.list_intents,
    "charges.retrieve": payments.retrieve_charge,
    "charges.list": payments.list_charges,
    "refunds.create": refunds.create,
    "refunds.retrieve": refunds.retrieve,
    "refunds.update": refunds.update,
    "refunds.list": refunds.list_refunds,
    "events.retrieve": events.retrieve,
    "events.list": events.list_events,
}

__all__ = ["SERVED", "Handler"]
