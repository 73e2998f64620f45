"""The sandbox checks itself: nothing leaves it that the installed library does not describe."""

import logging
import threading
from typing import Any

from commerce.sandbox.schemas.annotations import Shape
from commerce.sandbox.schemas.operations import operation
from commerce.sandbox.schemas.responses import violations

log = logging.getLogger(__name__)

_OPERATION_OF = {
    "product": "products.retrieve",
    "price": "prices.retrieve",
    "coupon": "coupons.retrieve",
    "promotion_code": "promotion_codes.retrieve",
    "tax_rate": "tax_rates.retrieve",
    "customer": "customers.retrieve",
    "checkout.session": "checkout.sessions.retrieve",
    "payment_intent": "payment_intents.retrieve",
    "charge": "charges.retrieve",
    "refund": "refunds.retrieve",
    "event": "events.retrieve",
}
"""For each kind of object the operation whose result tells its shape."""


class SchemaViolation(Exception):
    """The sandbox made an object that Stripe's library does not describe: a fault of the sandbox."""


class Checks:
    def __init__(self) -> None:
        self.found: list[str] = []
        self._lock = threading.Lock()

    def require_valid(self, shape: Shape, body: Any, *, what: str) -> None:
        """Record and raise SchemaViolation if the body is not of that shape."""
        problems = violations(shape, body)
        if not problems:
            return
        report = [f"{what} {problem}" for problem in problems]
        with self._lock:
            self.found.extend(report)
        log.error("THE SANDBOX BROKE STRIPE'S SCHEMA: %s", "; ".join(report))
        raise SchemaViolation("; ".join(report))

    def require_valid_object(self, body: dict[str, Any]) -> None:
        kind = body["object"]
        self.require_valid(operation(_OPERATION_OF[kind]).result, body, what=kind)
