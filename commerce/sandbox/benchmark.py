"""How long a call takes, from the library and back: `python -m commerce.sandbox.benchmark`."""

# ruff: noqa: T201 - a command speaks on its terminal

import statistics
import sys
from collections.abc import Callable
from typing import Any

import stripe

from commerce.sandbox import Sandbox
from commerce.sandbox.clock import Clock

PROMISED_MILLISECONDS = 10.0


def measure(*, calls: int) -> dict[str, list[float]]:
    """By operation the milliseconds of so many calls, one after another on one connection."""
    with Sandbox() as sandbox:
        client: Any = stripe.StripeClient(
            "sk_test_benchmark",
            base_addresses={"api": sandbox.url},
            http_client=stripe.RequestsClient(timeout=(3, 15)),
        )
        return {name: _times(call, calls) for name, call in _operations(client.v1).items()}


def _operations(api: Any) -> dict[str, Callable[[], Any]]:
    data = {"currency": "eur", "unit_amount": 1900, "product_data": {"name": "Course"}}
    session = {
        "mode": "payment",
        "success_url": "http://shop.test/thanks",
        "line_items": [{"price_data": data, "quantity": 1}],
    }
    payment = {
        "amount": 1900,
        "currency": "eur",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "confirm": True,
        "payment_method": "pm_card_visa",
    }
    known = api.checkout.sessions.create(session).id
    return {
        "products.create": lambda: api.products.create({"name": "Watercolour"}),
        "checkout.sessions.create": lambda: api.checkout.sessions.create(session),
        "checkout.sessions.retrieve": lambda: api.checkout.sessions.retrieve(known),
        "payment_intents.create, paid": lambda: api.payment_intents.create(payment),
        # Most of this one is the library's own time: it makes ten charges of some hundred fields each.
        "charges.list, ten": lambda: api.charges.list(),
    }


def _times(call: Callable[[], Any], calls: int) -> list[float]:
    taken = []
    for _ in range(calls):
        begun = Clock.ticks()
        call()
        taken.append((Clock.ticks() - begun) * 1000)
    return taken


def main(*, calls: int = 300) -> int:
    """Print the median of each operation and of all calls; 1 if the latter is not below what is promised."""
    found = measure(calls=calls)
    for name, taken in found.items():
        print(f"{name:30} {statistics.median(taken):6.2f} ms")
    median = statistics.median(milliseconds for taken in found.values() for milliseconds in taken)
    print(f"{'all calls':30} {median:6.2f} ms")
    if median < PROMISED_MILLISECONDS:
        return 0
    print(f"The median call of the sandbox takes {PROMISED_MILLISECONDS:g} ms or more.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
