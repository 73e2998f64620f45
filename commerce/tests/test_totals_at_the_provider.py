"""What random orders come to here and at the provider: real library, real HTTP, to the smallest unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from commerce.gateways import gateway_for
from commerce.models import Discount, Item, Order, Tax
from commerce.models.customers import Customer, new_guest_key
from commerce.money import Money, minimum_charge, smallest_step
from commerce.services import cart, checkout
from commerce.tests.factories import URLS

pytestmark = pytest.mark.django_db

# Of two decimals, of none, and of three of which the last is 0.
CURRENCIES = ("USD", "EUR", "JPY", "KWD")
MOST_STEPS = 100_000


@dataclass(frozen=True)
class Basket:
    """Prices in steps of the currency, quantities; what comes off; rates, and whether prices contain them."""

    currency: str
    lines: list[tuple[int, int]]
    percent_off: Decimal | None
    steps_off: int | None
    taxes: list[tuple[Decimal, bool]]


baskets = st.builds(
    Basket,
    currency=st.sampled_from(CURRENCIES),
    lines=st.lists(st.tuples(st.integers(1, MOST_STEPS), st.integers(1, 20)), min_size=1, max_size=6),
    percent_off=st.none() | st.decimals(Decimal("0.01"), 100, places=2),
    steps_off=st.none() | st.integers(1, 2 * MOST_STEPS),
    taxes=st.lists(
        st.tuples(st.decimals(Decimal("0.0001"), 100, places=4), st.booleans()), max_size=4, unique=True
    ),
)


@pytest.fixture
def accounts(settings, sandbox):
    """An account for each currency, at the sandbox."""
    settings.STRIPE_ACCOUNTS = {
        currency.lower(): {
            "currency": currency,
            "secret_key": f"sk_test_{currency.lower()}",
            "publishable_key": f"pk_test_{currency.lower()}",
            "webhook_secret": "whsec_test",
        }
        for currency in CURRENCIES
    }


@given(basket=baskets)
# A tax that comes to nothing changes what the others come to.
@example(
    basket=Basket(
        currency="USD",
        lines=[(311, 11)],
        percent_off=Decimal("7.74"),
        steps_off=None,
        taxes=[(Decimal("0.0001"), True), (Decimal("66.0616"), True)],
    )
)
# The fixtures are the same for all examples on purpose: the provider remembers prices, coupons and rates.
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_ordered_the_provider_asks_for_what_the_order_comes_to(accounts, basket):
    customer, at = Customer(guest_key=new_guest_key()), datetime.now(UTC)
    put_into_cart(basket, customer=customer, at=at)
    shown = amounts(cart.find(customer))

    order = cart.place(customer=customer, at=at)

    assert amounts(order) == shown
    if not order.total:
        assert order.status == Order.Status.PAID
    elif order.total < minimum_charge(order.currency):
        with pytest.raises(checkout.AmountTooSmall):
            checkout.open_session(order=order, urls=URLS, at=at)
    else:
        payment = checkout.open_session(order=order, urls=URLS, at=at)
        asked = at_the_provider(payment.session_id, account=order.account)
        assert asked == (amounts(order), parts(order))


def put_into_cart(basket: Basket, *, customer: Customer, at: datetime) -> None:
    step = smallest_step(basket.currency)
    Tax.objects.update(is_active=False)
    for number, (percentage, is_inclusive) in enumerate(basket.taxes):
        Tax.objects.create(name=f"Tax {number}", percentage=percentage, is_inclusive=is_inclusive)
    for number, (steps, quantity) in enumerate(basket.lines):
        price = Money.from_minor(steps * step, basket.currency)
        item = Item.objects.create(name=f"Thing {number}", price=price.amount, currency=basket.currency)
        cart.add(customer=customer, item=item, quantity=quantity, at=at)
    off: dict[str, Any] = {}
    if basket.percent_off is not None:
        off = {"percent_off": basket.percent_off}
    elif basket.steps_off is not None:
        amount = Money.from_minor(basket.steps_off * step, basket.currency).amount
        off = {"amount_off": amount, "currency": basket.currency}
    if off:
        code = new_guest_key()
        Discount.objects.create(name="Something off", code=code, **off)
        cart.ask_for_discount(customer=customer, code=code, at=at)


def amounts(order: Order | None) -> dict[str, int]:
    """Subtotal, discount, tax and total, in the smallest unit."""
    assert order is not None
    order.refresh_from_db()
    return {
        "subtotal": order.subtotal_minor,
        "discount": order.discount_minor,
        "tax": order.tax_minor,
        "total": order.total_minor,
    }


def parts(order: Order) -> dict[str, Any]:
    """Subtotal, discount and tax of each line, and what each tax comes to."""
    lines = order.lines.all()
    return {
        "lines": [(line.total.minor, line.discount_minor, line.tax_minor) for line in lines],
        # The provider names none that comes to nothing.
        "taxes": sorted((tax.name, tax.amount_minor) for tax in order.taxes.all() if tax.amount_minor),
    }


def at_the_provider(session_id: str, *, account: str) -> tuple[dict[str, int], dict[str, Any]]:
    """The same of a session, and the same of its parts."""
    session = gateway_for(account)._client.v1.checkout.sessions.retrieve(
        session_id, {"expand": ["line_items", "total_details.breakdown"]}
    )
    whole = {
        "subtotal": session.amount_subtotal,
        "discount": session.total_details.amount_discount,
        "tax": session.total_details.amount_tax,
        "total": session.amount_total,
    }
    lines = [
        (line.amount_subtotal, line.amount_discount, line.amount_tax) for line in session.line_items.data
    ]
    taxes = sorted(
        (tax.rate.display_name, tax.amount) for tax in session.total_details.breakdown.taxes if tax.amount
    )
    return whole, {"lines": lines, "taxes": taxes}
