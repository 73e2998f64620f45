import json
from pathlib import Path
from typing import Any

import pytest

from commerce.sandbox.checks import Checks, SchemaViolation
from commerce.sandbox.resources import SERVED
from commerce.sandbox.schemas.annotations import ListOf, MapOf, OneOf, Page, Record, Shape
from commerce.sandbox.schemas.operations import operation
from commerce.sandbox.schemas.responses import violations
from commerce.sandbox.tests.shop import Shop

FIXTURES = Path(__file__).resolve().parents[4] / "shared" / "data" / "stripe-fixtures3.json"

# Fields of a published fixture that today's library no longer describes, or that are left out as Stripe does.
NOT_IN_THE_LIBRARY: dict[str, set[str]] = {}


def test_every_served_operation_exists_in_the_installed_library() -> None:
    paths = {name: (operation(name).verb, operation(name).path) for name in SERVED}

    assert paths["checkout.sessions.create"] == ("POST", "/v1/checkout/sessions")
    assert paths["checkout.sessions.expire"] == ("POST", "/v1/checkout/sessions/__session__/expire")
    assert paths["refunds.list"] == ("GET", "/v1/refunds")
    assert len(set(paths.values())) == len(SERVED)


def test_an_operation_the_library_lacks_is_noticed() -> None:
    with pytest.raises(LookupError, match=r"no checkout\.sessions\.redirect"):
        operation("checkout.sessions.redirect")


@pytest.mark.parametrize("name", sorted(SERVED))
def test_every_annotation_of_a_served_operation_can_be_read(name: str) -> None:
    found = operation(name)

    assert found.params is not None
    assert _count_records(found.params, set()) >= 1
    assert _count_records(found.result, set()) >= 1


def _count_records(shape: Shape, seen: set[Record]) -> int:
    if isinstance(shape, Record) and shape not in seen:
        seen.add(shape)
        for field in shape.fields.values():
            _count_records(field.shape, seen)
    elif isinstance(shape, (ListOf, Page)):
        _count_records(shape.item, seen)
    elif isinstance(shape, MapOf):
        _count_records(shape.value, seen)
    elif isinstance(shape, OneOf):
        for option in shape.options:
            _count_records(option, seen)
    return len(seen)


def test_parameters_that_stripe_removed_are_not_in_the_derived_shape() -> None:
    record = operation("checkout.sessions.create").params

    assert record is not None
    assert "payment_method_types" not in record.fields
    assert "line_items" in record.fields
    assert "idempotency_key" not in record.fields


def test_a_wrong_answer_is_told_field_by_field(shop: Shop) -> None:
    body = shop.client.v1.products.create({"name": "A"}).to_dict()
    shape = operation("products.retrieve").result

    assert violations(shape, body) == []
    assert violations(shape, {**body, "colour": 1}) == [".colour: Product has no such field"]
    assert violations(shape, {**body, "name": None}) == [".name: may not be null"]
    assert violations(shape, {**body, "active": 1}) == [".active: expected Boolean, got 1"]
    assert violations(shape, {name: body[name] for name in body if name != "images"}) == [
        ".images: Product must have it"
    ]
    assert len(violations(shape, {**body, "type": "idea"})) == 1


def test_a_violation_is_recorded_and_raised() -> None:
    checks = Checks()

    with pytest.raises(SchemaViolation):
        checks.require_valid(operation("products.retrieve").result, {}, what="products.retrieve")

    assert "products.retrieve .id: Product must have it" in checks.found


def served_objects(shop: Shop) -> dict[str, dict[str, Any]]:
    product = shop.client.v1.products.create({"name": "A"})
    price = shop.client.v1.prices.create({"product": product.id, "currency": "eur", "unit_amount": 1900})
    customer = shop.client.v1.customers.create({"email": "ada@example.com"})
    coupon = shop.client.v1.coupons.create({"percent_off": 20})
    code = shop.client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    rate = shop.client.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": True})
    session = shop.session(
        line_items=[{"price": price.id, "quantity": 1, "tax_rates": [rate.id]}],
        customer=customer.id,
        discounts=[{"promotion_code": code.id}],
    )
    shop.sandbox.pay(session.id)
    paid = shop.again(session, expand=["line_items", "payment_intent.latest_charge.refunds"])
    refund = shop.client.v1.refunds.create({"payment_intent": paid.payment_intent.id})
    event = shop.client.v1.events.list({"limit": 1}).data[0]
    objects = {
        "product": product,
        "price": price,
        "customer": customer,
        "coupon": coupon,
        "promotion_code": code,
        "tax_rate": rate,
        "checkout.session": paid,
        "item": paid.line_items.data[0],
        "payment_intent": paid.payment_intent,
        "charge": paid.payment_intent.latest_charge,
        "refund": refund,
        "event": event,
    }
    return {kind: found.to_dict() for kind, found in objects.items()}


def test_every_field_of_stripes_own_fixtures_is_in_ours(shop: Shop) -> None:
    if not FIXTURES.exists():
        pytest.skip(f"Stripe's published fixtures are not at {FIXTURES}")
    resources = json.loads(FIXTURES.read_text())["resources"]

    ours = served_objects(shop)

    missing = {
        kind: lacking
        for kind, body in ours.items()
        if (lacking := set(resources[kind]) - set(body) - NOT_IN_THE_LIBRARY.get(kind, set()))
    }
    assert set(ours) == set(resources)
    assert missing == {}
