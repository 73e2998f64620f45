"""Every served operation through the real library, in both of its styles, and what each of them means.

A test says with `@shows` which operation it is about; it runs once with `StripeClient` and once with the
classes of the module, and fails if it did not call what it says. The last test but one counts.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import stripe

from commerce.sandbox import Sandbox
from commerce.sandbox.resources import SERVED

STYLES = ("client", "module")
SHOWN: dict[str, str] = {}
"""The operation that a test shows, by the test's name."""

_CLASSES: dict[str, Any] = {
    "products": stripe.Product,
    "prices": stripe.Price,
    "coupons": stripe.Coupon,
    "promotion_codes": stripe.PromotionCode,
    "tax_rates": stripe.TaxRate,
    "customers": stripe.Customer,
    "checkout.sessions": stripe.checkout.Session,
    "checkout.sessions.line_items": stripe.checkout.Session,
    "payment_intents": stripe.PaymentIntent,
    "payment_methods": stripe.PaymentMethod,
    "charges": stripe.Charge,
    "refunds": stripe.Refund,
    "events": stripe.Event,
}
_OTHER_NAMES = {"update": "modify", "line_items.list": "list_line_items"}


@dataclass
class Library:
    """The library in one of its styles: called by an operation's name, with the ids of its path first."""

    style: str
    key: str
    client: Any
    sandbox: Sandbox
    called: set[str] = field(default_factory=set)

    def __call__(self, operation: str, *ids: str, **params: Any) -> Any:
        self.called.add(operation)
        service, _, method = operation.rpartition(".")
        if self.style == "client":
            found = self.client.v1
            for name in service.split("."):
                found = getattr(found, name)
            return getattr(found, method)(*ids, params)
        if service.endswith(".line_items"):
            method = "line_items.list"
        found = getattr(_CLASSES[service], _OTHER_NAMES.get(method, method))
        return found(*ids, api_key=self.key, **params)

    # What tests start from

    def product(self, name: str = "Watercolour", **params: Any) -> Any:
        return self("products.create", name=name, **params)

    def price(self, amount: int = 1900) -> Any:
        return self("prices.create", product=self.product().id, currency="eur", unit_amount=amount)

    def coupon(self, **params: Any) -> Any:
        return self("coupons.create", **({"percent_off": 20} | params))

    def code(self, **params: Any) -> Any:
        return self(
            "promotion_codes.create", promotion={"type": "coupon", "coupon": self.coupon().id}, **params
        )

    def tax_rate(self, **params: Any) -> Any:
        return self(
            "tax_rates.create", **({"display_name": "VAT", "percentage": 19, "inclusive": False} | params)
        )

    def session(self, *, amount: int = 1900, **params: Any) -> Any:
        data = {"currency": "eur", "unit_amount": amount, "product_data": {"name": "Course"}}
        wishes: dict[str, Any] = {
            "mode": "payment",
            "success_url": "http://shop.test/thanks",
            "line_items": [{"price_data": data, "quantity": 1}],
        }
        return self("checkout.sessions.create", **(wishes | params))

    def paid_session(self, amount: int = 1900) -> Any:
        session = self.session(amount=amount)
        self.sandbox.pay(session.id)
        return self("checkout.sessions.retrieve", session.id)

    def intent(self, amount: int = 1900, **params: Any) -> Any:
        automatic = {"enabled": True, "allow_redirects": "never"}
        wishes = {"amount": amount, "currency": "eur", "automatic_payment_methods": automatic}
        return self("payment_intents.create", **(wishes | params))

    def paid_intent(self, amount: int = 1900) -> Any:
        return self.intent(amount, confirm=True, payment_method="pm_card_visa")


def shows(operation: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def note(test: Callable[..., None]) -> Callable[..., None]:
        SHOWN[test.__name__] = operation
        return test

    return note


@pytest.fixture(params=STYLES)
def library(
    request: pytest.FixtureRequest, sandbox: Sandbox, client: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Library]:
    if request.param == "module":
        monkeypatch.setattr(stripe, "api_base", sandbox.url)
    made = Library(request.param, key, client, sandbox)
    yield made
    assert SHOWN[request.function.__name__] in made.called


def ids(found: Any) -> list[str]:
    return [thing.id for thing in found.data]


# Products and prices


@shows("products.create")
def test_a_product_is_made_together_with_its_default_price(library: Library) -> None:
    product = library.product(
        default_price_data={"currency": "eur", "unit_amount": 1900}, metadata={"a": "1"}
    )

    price = library("prices.retrieve", product.default_price)
    assert (product.object, product.name, product.active, product.livemode) == (
        "product", "Watercolour", True, False,
    )  # fmt: skip
    assert (price.product, price.unit_amount) == (product.id, 1900)
    assert product.metadata["a"] == "1"


@shows("products.retrieve")
def test_a_product_is_read_with_what_it_refers_to(library: Library) -> None:
    made = library.product(default_price_data={"currency": "eur", "unit_amount": 1900})

    product = library("products.retrieve", made.id, expand=["default_price"])

    assert (product.id, product.default_price.unit_amount) == (made.id, 1900)


@shows("products.update")
def test_a_product_is_renamed_and_loses_a_key_of_its_metadata(library: Library) -> None:
    made = library.product(metadata={"level": "1", "old": "x"})

    product = library("products.update", made.id, name="Oil", metadata={"level": "2", "old": ""})

    assert (product.id, product.name, product.metadata.to_dict()) == (made.id, "Oil", {"level": "2"})


@shows("products.list")
def test_products_are_listed_newest_first_in_pages(library: Library) -> None:
    made = [library.product(f"Product {n}").id for n in range(3)]

    page = library("products.list", limit=2)
    rest = library("products.list", limit=2, starting_after=page.data[-1].id)

    assert (ids(page), page.has_more) == (made[:0:-1], True)
    assert (ids(rest), rest.has_more) == ([made[0]], False)


@shows("products.delete")
def test_a_product_is_deleted_and_then_missing(library: Library) -> None:
    made = library.product()

    gone = library("products.delete", made.id)

    assert (gone.id, gone.deleted) == (made.id, True)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        library("products.retrieve", made.id)
    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")


@shows("prices.create")
def test_a_price_is_made_for_a_product_in_minor_units(library: Library) -> None:
    product = library.product()

    price = library("prices.create", product=product.id, currency="jpy", unit_amount=1900)

    assert (price.product, price.currency, price.unit_amount, price.type) == (
        product.id, "jpy", 1900, "one_time",
    )  # fmt: skip


@shows("prices.retrieve")
def test_a_price_is_read_with_its_product(library: Library) -> None:
    made = library.price()

    price = library("prices.retrieve", made.id, expand=["product"])

    assert (price.unit_amount, price.product.name) == (1900, "Watercolour")


@shows("prices.update")
def test_a_price_is_retired_and_cannot_be_sold_any_more(library: Library) -> None:
    made = library.price()

    price = library("prices.update", made.id, active=False)

    assert price.active is False
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        library.session(line_items=[{"price": made.id, "quantity": 1}])


@shows("prices.list")
def test_prices_are_listed_by_product(library: Library) -> None:
    library.price()
    wanted = library.price(2500)

    assert ids(library("prices.list", product=wanted.product)) == [wanted.id]


# Discounts and taxes


@shows("coupons.create")
def test_a_coupon_takes_an_amount_off(library: Library) -> None:
    coupon = library("coupons.create", amount_off=500, currency="eur", name="Spring")

    session = library.session(discounts=[{"coupon": coupon.id}])
    assert (session.amount_subtotal, session.total_details.amount_discount, session.amount_total) == (
        1900, 500, 1400,
    )  # fmt: skip


@shows("coupons.retrieve")
def test_a_coupon_counts_how_often_it_was_redeemed(library: Library) -> None:
    made = library.coupon(max_redemptions=5)
    session = library.session(discounts=[{"coupon": made.id}])

    before = library("coupons.retrieve", made.id)
    library.sandbox.pay(session.id)
    after = library("coupons.retrieve", made.id)

    assert (before.times_redeemed, after.times_redeemed, after.valid) == (0, 1, True)


@shows("coupons.update")
def test_a_coupon_is_renamed_and_keeps_what_it_takes_off(library: Library) -> None:
    made = library.coupon()

    coupon = library("coupons.update", made.id, name="Autumn")

    assert (coupon.name, coupon.percent_off) == ("Autumn", 20)


@shows("coupons.list")
def test_coupons_are_listed_newest_first(library: Library) -> None:
    made = [library.coupon().id, library.coupon().id]

    assert ids(library("coupons.list")) == made[::-1]


@shows("coupons.delete")
def test_a_deleted_coupon_cannot_be_redeemed(library: Library) -> None:
    made = library.coupon()

    gone = library("coupons.delete", made.id)

    assert gone.deleted is True
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        library.session(discounts=[{"coupon": made.id}])
    assert refusal.value.code == "resource_missing"


@shows("promotion_codes.create")
def test_a_promotion_code_gives_the_discount_of_its_coupon(library: Library) -> None:
    code = library.code(code="SPRING")

    session = library.session(discounts=[{"promotion_code": code.id}])

    assert (code.code, code.active, session.amount_total) == ("SPRING", True, 1520)


@shows("promotion_codes.retrieve")
def test_a_promotion_code_is_read_with_its_coupon(library: Library) -> None:
    made = library.code()

    code = library("promotion_codes.retrieve", made.id, expand=["promotion.coupon"])

    assert code.promotion.coupon.percent_off == 20


@shows("promotion_codes.update")
def test_a_promotion_code_is_retired_and_refused(library: Library) -> None:
    made = library.code()

    code = library("promotion_codes.update", made.id, active=False)

    assert code.active is False
    with pytest.raises(stripe.InvalidRequestError):
        library.session(discounts=[{"promotion_code": made.id}])


@shows("promotion_codes.list")
def test_promotion_codes_are_found_by_what_a_customer_types(library: Library) -> None:
    library.code(code="SPRING")
    wanted = library.code(code="AUTUMN")

    assert ids(library("promotion_codes.list", code="AUTUMN")) == [wanted.id]


@shows("tax_rates.create")
def test_an_exclusive_tax_rate_adds_to_the_total(library: Library) -> None:
    rate = library.tax_rate(country="DE")

    session = library.session(
        line_items=[{"price": library.price(1000).id, "quantity": 2, "tax_rates": [rate.id]}]
    )

    assert rate.country == "DE"
    assert (session.amount_subtotal, session.total_details.amount_tax, session.amount_total) == (
        2000, 380, 2380,
    )  # fmt: skip


@shows("tax_rates.retrieve")
def test_a_tax_rate_is_read_as_it_was_made(library: Library) -> None:
    made = library.tax_rate(percentage=8.375, inclusive=True)

    rate = library("tax_rates.retrieve", made.id)

    assert (rate.percentage, rate.inclusive, rate.display_name) == (8.375, True, "VAT")


@shows("tax_rates.update")
def test_a_tax_rate_is_archived_and_not_used_any_more(library: Library) -> None:
    made = library.tax_rate()

    rate = library("tax_rates.update", made.id, active=False)

    assert rate.active is False
    with pytest.raises(stripe.InvalidRequestError):
        library.session(line_items=[{"price": library.price().id, "quantity": 1, "tax_rates": [made.id]}])


@shows("tax_rates.list")
def test_tax_rates_are_listed_by_whether_they_are_in_the_price(library: Library) -> None:
    library.tax_rate()
    wanted = library.tax_rate(inclusive=True)

    assert ids(library("tax_rates.list", inclusive=True)) == [wanted.id]


# Customers


@shows("customers.create")
def test_a_customer_is_made_and_may_be_named_by_a_session(library: Library) -> None:
    customer = library("customers.create", email="ada@example.com", name="Ada")

    session = library.session(customer=customer.id)

    assert session.customer == customer.id
    assert session.customer_details.email == "ada@example.com"


@shows("customers.retrieve")
def test_a_customer_is_read_as_it_was_made(library: Library) -> None:
    made = library("customers.create", email="ada@example.com", metadata={"member": "7"})

    customer = library("customers.retrieve", made.id)

    assert (customer.email, customer.metadata["member"]) == ("ada@example.com", "7")


@shows("customers.update")
def test_a_customer_moves_to_another_address(library: Library) -> None:
    made = library("customers.create", email="ada@example.com")

    customer = library("customers.update", made.id, email="new@example.com")

    assert (customer.id, customer.email) == (made.id, "new@example.com")


@shows("customers.list")
def test_customers_are_found_by_their_email(library: Library) -> None:
    library("customers.create", email="other@example.com")
    wanted = library("customers.create", email="ada@example.com")

    assert ids(library("customers.list", email="ada@example.com")) == [wanted.id]


@shows("customers.delete")
def test_a_deleted_customer_is_known_to_be_deleted(library: Library) -> None:
    made = library("customers.create", email="ada@example.com")

    library("customers.delete", made.id)

    assert library("customers.retrieve", made.id).deleted is True
    assert ids(library("customers.list")) == []


# Checkout


@shows("checkout.sessions.create")
def test_a_session_is_open_unpaid_and_has_an_address_to_pay_at(library: Library) -> None:
    session = library.session(client_reference_id="order-5", metadata={"order": "5"})

    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert session.url == f"{library.sandbox.url}/c/pay/{session.id}"
    assert (session.client_reference_id, session.metadata["order"]) == ("order-5", "5")
    assert session.expires_at - session.created == 24 * 60 * 60


@shows("checkout.sessions.retrieve")
def test_a_paid_session_leads_to_its_intent_and_charge(library: Library) -> None:
    paid = library.paid_session()

    session = library(
        "checkout.sessions.retrieve", paid.id, expand=["payment_intent.latest_charge", "line_items"]
    )

    assert (session.status, session.payment_status) == ("complete", "paid")
    assert session.payment_intent.latest_charge.amount_captured == 1900
    assert [item.description for item in session.line_items.data] == ["Course"]


@shows("checkout.sessions.list")
def test_sessions_are_listed_by_status_and_by_intent(library: Library) -> None:
    opened, paid = library.session(), library.paid_session()

    assert ids(library("checkout.sessions.list", status="open")) == [opened.id]
    assert ids(library("checkout.sessions.list", payment_intent=paid.payment_intent)) == [paid.id]


@shows("checkout.sessions.expire")
def test_an_open_session_expires_once(library: Library) -> None:
    made = library.session()

    session = library("checkout.sessions.expire", made.id)

    assert (session.status, session.url) == ("expired", None)
    with pytest.raises(stripe.InvalidRequestError, match="Only Checkout Sessions with a status in"):
        library("checkout.sessions.expire", made.id)


@shows("checkout.sessions.line_items.list")
def test_the_lines_of_a_session_add_up_to_it(library: Library) -> None:
    lines = [
        {"price": library.price(1000).id, "quantity": 2},
        {"price": library.price(700).id, "quantity": 1},
    ]
    session = library.session(line_items=lines, discounts=[{"coupon": library.coupon().id}])

    items = library("checkout.sessions.line_items.list", session.id, limit=10).data

    assert [(item.quantity, item.amount_subtotal, item.amount_discount) for item in items] == [
        (2, 2000, 400), (1, 700, 140),
    ]  # fmt: skip
    assert sum(item.amount_total for item in items) == session.amount_total == 2160


# Payment intents


@shows("payment_intents.create")
def test_an_intent_waits_for_a_payment_method(library: Library) -> None:
    intent = library.intent(metadata={"order": "5"})

    assert (intent.status, intent.amount, intent.amount_received) == ("requires_payment_method", 1900, 0)
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert intent.metadata["order"] == "5"


@shows("payment_intents.retrieve")
def test_a_paid_intent_is_read_with_its_charge(library: Library) -> None:
    paid = library.paid_intent()

    intent = library("payment_intents.retrieve", paid.id, expand=["latest_charge"])

    assert (intent.status, intent.amount_received) == ("succeeded", 1900)
    assert intent.latest_charge.payment_method_details.card.last4 == "4242"


@shows("payment_intents.update")
def test_the_amount_of_an_intent_changes_until_it_is_paid(library: Library) -> None:
    made, paid = library.intent(), library.paid_intent()

    intent = library("payment_intents.update", made.id, amount=2500)

    assert intent.amount == 2500
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        library("payment_intents.update", paid.id, amount=2500)
    assert refusal.value.code == "payment_intent_unexpected_state"


@shows("payment_intents.list")
def test_intents_are_listed_newest_first(library: Library) -> None:
    made = [library.intent().id, library.intent().id]

    assert ids(library("payment_intents.list")) == made[::-1]


@shows("payment_intents.confirm")
def test_a_declined_card_is_a_card_error_and_another_card_pays(library: Library) -> None:
    made = library.intent()

    with pytest.raises(stripe.CardError) as refusal:
        library("payment_intents.confirm", made.id, payment_method="pm_card_chargeDeclinedInsufficientFunds")
    paid = library("payment_intents.confirm", made.id, payment_method="pm_card_visa")

    assert (refusal.value.http_status, refusal.value.code) == (402, "card_declined")
    answer: Any = refusal.value.json_body
    assert answer["error"]["decline_code"] == "insufficient_funds"
    assert (paid.id, paid.status) == (made.id, "succeeded")


@shows("payment_intents.cancel")
def test_a_cancelled_intent_says_why_and_takes_no_money(library: Library) -> None:
    made = library.intent()

    intent = library("payment_intents.cancel", made.id, cancellation_reason="abandoned")

    assert (intent.status, intent.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError):
        library("payment_intents.confirm", made.id, payment_method="pm_card_visa")


@shows("payment_methods.retrieve")
def test_a_payment_method_tells_its_card_and_not_its_number(library: Library) -> None:
    paid = library.paid_intent()

    method = library("payment_methods.retrieve", paid.payment_method)

    assert (method.type, method.card.brand, method.card.last4) == ("card", "visa", "4242")
    assert "4242424242424242" not in str(method)


# Charges and refunds


@shows("charges.retrieve")
def test_a_charge_belongs_to_its_intent_and_is_captured(library: Library) -> None:
    paid = library.paid_intent()

    charge = library("charges.retrieve", paid.latest_charge)

    assert (charge.payment_intent, charge.status, charge.paid, charge.captured) == (
        paid.id, "succeeded", True, True,
    )  # fmt: skip


@shows("charges.list")
def test_charges_of_an_intent_tell_every_attempt(library: Library) -> None:
    intent = library.intent()
    with pytest.raises(stripe.CardError):
        library("payment_intents.confirm", intent.id, payment_method="pm_card_chargeDeclined")
    library("payment_intents.confirm", intent.id, payment_method="pm_card_visa")
    library.paid_intent()

    charges = library("charges.list", payment_intent=intent.id).data

    assert [charge.status for charge in charges] == ["succeeded", "failed"]


@shows("refunds.create")
def test_a_refund_gives_back_a_part_then_the_rest_and_never_more(library: Library) -> None:
    paid = library.paid_intent()

    part = library("refunds.create", payment_intent=paid.id, amount=500)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as refusal:
        library("refunds.create", payment_intent=paid.id, amount=1401)
    rest = library("refunds.create", payment_intent=paid.id)

    assert (part.amount, rest.amount, rest.status) == (500, 1400, "succeeded")
    assert refusal.value.param == "amount"
    charge = library("charges.retrieve", paid.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (1900, True)


@shows("refunds.retrieve")
def test_a_refund_is_read_with_its_charge(library: Library) -> None:
    made = library("refunds.create", payment_intent=library.paid_intent().id, reason="requested_by_customer")

    refund = library("refunds.retrieve", made.id, expand=["charge"])

    assert (refund.reason, refund.charge.amount_refunded) == ("requested_by_customer", 1900)


@shows("refunds.update")
def test_a_refund_takes_notes_only(library: Library) -> None:
    made = library("refunds.create", payment_intent=library.paid_intent().id)

    refund = library("refunds.update", made.id, metadata={"ticket": "9"})

    assert (refund.metadata["ticket"], refund.amount) == ("9", 1900)
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: amount"):
        library("refunds.update", made.id, amount=1)


@shows("refunds.list")
def test_refunds_are_listed_by_intent(library: Library) -> None:
    one, other = library.paid_intent(), library.paid_intent()
    library("refunds.create", payment_intent=other.id)
    wanted = library("refunds.create", payment_intent=one.id)

    assert ids(library("refunds.list", payment_intent=one.id)) == [wanted.id]


# Events


@shows("events.retrieve")
def test_an_event_holds_its_object_as_it_was_then(library: Library) -> None:
    made = library.product("Before")
    library("products.update", made.id, name="After")
    (created,) = library("events.list", type="product.created").data

    event = library("events.retrieve", created.id)

    assert (event.type, event.data.object.id, event.data.object.name) == (
        "product.created",
        made.id,
        "Before",
    )
    assert event.api_version == stripe.api_version
    assert event.pending_webhooks == 0


@shows("events.list")
def test_events_of_a_payment_are_listed_by_type(library: Library) -> None:
    paid = library.paid_session()

    (event,) = library("events.list", type="checkout.session.*").data
    several = library("events.list", types=["charge.succeeded", "payment_intent.succeeded"]).data

    assert (event.type, event.data.object.id) == ("checkout.session.completed", paid.id)
    assert {found.type for found in several} == {"charge.succeeded", "payment_intent.succeeded"}


# All of them


def test_every_served_operation_is_shown_in_both_styles_which_is_more_than_sixty() -> None:
    assert sorted(set(SHOWN.values())) == sorted(SERVED)
    assert len(set(SHOWN.values())) * len(STYLES) >= 60


@pytest.mark.parametrize("style", STYLES)
def test_a_median_call_is_quick(
    sandbox: Sandbox, client: Any, key: str, style: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(stripe, "api_base", sandbox.url)
    library = Library(style, key, client, sandbox)
    library.session()
    seconds = []

    for _ in range(50):
        for call in (library.session, library.product, lambda: library("checkout.sessions.list")):
            begun = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - begun)

    # `python -m commerce.sandbox.benchmark` measures it against the 10 ms that are promised. Tests share
    # their machine with others: here it is only told when something is wrong by an order of magnitude.
    assert sorted(seconds)[len(seconds) // 2] < 0.1
