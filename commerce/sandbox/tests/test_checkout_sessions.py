from collections.abc import Callable
from typing import Any

import pytest
import stripe

from commerce.sandbox.tests.shop import Shop


def test_a_session_adds_up_its_lines(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {"currency": "eur", "unit_amount": 1250, "product_data": {"name": "Sketchbook"}}
    )

    session = shop.session(line_items=[{"price": price.id, "quantity": 3}, shop.line(4900)])

    assert (session.amount_subtotal, session.amount_total, session.currency) == (8650, 8650, "eur")
    assert (session.status, session.payment_status, session.mode) == ("open", "unpaid", "payment")
    assert session.total_details.amount_tax == 0


def test_a_new_session_has_a_page_and_no_intent(shop: Shop) -> None:
    session = shop.session()

    assert session.url == f"{shop.sandbox.url}/c/pay/{session.id}"
    assert session.ui_mode == "hosted_page"
    assert session.payment_intent is None
    assert session.customer_details is None


def test_a_session_repeats_what_the_shop_told_it(shop: Shop) -> None:
    session = shop.session(
        client_reference_id="order-5",
        customer_email="ada@example.com",
        metadata={"order": "5"},
        adaptive_pricing={"enabled": False},
        locale="de",
    )

    found = shop.again(session)

    assert (found.client_reference_id, found.customer_email, found.locale) == (
        "order-5",
        "ada@example.com",
        "de",
    )
    assert found.metadata.to_dict() == {"order": "5"}
    assert found.success_url == "http://shop.test/thanks?session={CHECKOUT_SESSION_ID}"


def test_line_items_come_with_a_session_only_when_asked_for(shop: Shop) -> None:
    session = shop.session()

    expanded = shop.again(session, expand=["line_items.data.price.product"])

    assert "line_items" not in session.to_dict()
    (item,) = expanded.line_items.data
    assert (item.description, item.quantity, item.amount_total) == ("Course", 1, 1900)
    assert item.price.product.name == "Course"


def test_line_items_are_listed_by_pages(shop: Shop) -> None:
    session = shop.session(line_items=[shop.line(100 * n) for n in range(1, 6)])

    first = shop.client.v1.checkout.sessions.line_items.list(session.id, {"limit": 2})
    everything = list(first.auto_paging_iter())

    assert first.has_more is True
    assert [item.amount_total for item in everything] == [100, 200, 300, 400, 500]


def test_sessions_are_listed_by_status(shop: Shop) -> None:
    shop.client.v1.checkout.sessions.expire(shop.session().id)
    waiting = shop.session()

    found = shop.client.v1.checkout.sessions.list({"status": "open"})

    assert [session.id for session in found.data] == [waiting.id]


def test_an_expired_session_has_no_page_and_cannot_be_expired_again(shop: Shop) -> None:
    session = shop.session()

    expired = shop.client.v1.checkout.sessions.expire(session.id)

    assert (expired.status, expired.payment_status, expired.url) == ("expired", "unpaid", None)
    with pytest.raises(
        stripe.InvalidRequestError, match='Only Checkout Sessions with a status in \\["open"\\]'
    ):
        shop.client.v1.checkout.sessions.expire(session.id)
    assert shop.event_types() == ["checkout.session.expired"]


def test_a_paid_session_cannot_be_expired(shop: Shop) -> None:
    session = shop.session()
    shop.sandbox.pay(session.id)

    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        shop.client.v1.checkout.sessions.expire(session.id)

    assert shop.again(session).payment_status == "paid"


def test_by_default_a_session_lives_for_a_day(shop: Shop) -> None:
    session = shop.session()

    assert session.expires_at - session.created == 24 * 60 * 60


@pytest.mark.parametrize("seconds", [29 * 60, 24 * 60 * 60 + 60])
def test_a_session_expires_between_half_an_hour_and_a_day(shop: Shop, seconds: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.session(expires_at=shop.sandbox.now() + seconds)

    assert refusal.value.param == "expires_at"


def test_amounts_below_the_least_of_a_currency_are_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.session(amount=29, currency="gbp")

    assert refusal.value.code == "amount_too_small"
    assert shop.session(amount=30, currency="gbp").amount_total == 30


def test_lines_of_two_currencies_are_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="must have the same currency"):
        shop.session(line_items=[shop.line(500, "eur"), shop.line(500, "usd")])


def test_a_retired_price_cannot_be_sold(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {"currency": "eur", "unit_amount": 500, "product_data": {"name": "A"}}
    )
    shop.client.v1.prices.update(price.id, {"active": False})

    with pytest.raises(stripe.InvalidRequestError, match="The price specified is inactive"):
        shop.session(line_items=[{"price": price.id, "quantity": 1}])


def test_a_price_of_nowhere_is_named_in_the_refusal(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.session(line_items=[{"price": "price_none", "quantity": 1}])

    assert (refusal.value.code, refusal.value.param) == ("resource_missing", "line_items[0][price]")
    assert refusal.value.http_status == 400


def test_a_refused_session_leaves_no_product_behind(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        shop.session(amount=1)

    assert shop.client.v1.products.list().data == []
    assert shop.client.v1.prices.list().data == []


@pytest.mark.parametrize(
    ("wishes", "param"),
    [
        ({"payment_method_types": ["card"]}, "payment_method_types"),
        ({"ui_mode": "hosted"}, "ui_mode"),
        ({"line_items": [{"amount": 500, "quantity": 1}]}, "line_items[0][amount]"),
        ({"line_items": [{"price": "price_x", "quantity": "two"}]}, "line_items[0][quantity]"),
        ({"success_url": "thanks"}, "success_url"),
        ({"automatic_tax": {"enabled": "perhaps"}}, "automatic_tax[enabled]"),
    ],
)
def test_what_the_pinned_version_does_not_know_is_refused(
    shop: Shop, wishes: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.session(**wishes)

    assert refusal.value.param == param
    assert refusal.value.http_status == 400


def test_what_stripe_knows_and_the_sandbox_does_not_is_refused_not_ignored(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.session(shipping_address_collection={"allowed_countries": ["DE"]})

    assert (refusal.value.code, refusal.value.param) == ("sandbox_not_served", "shipping_address_collection")


def test_an_embedded_session_has_a_client_secret_and_no_page(shop: Shop) -> None:
    session = shop.client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "ui_mode": "embedded_page",
            "line_items": [shop.line()],
            "return_url": "http://shop.test/back",
        }
    )

    assert session.url is None
    assert session.client_secret is not None
    assert session.client_secret.startswith(session.id)


def test_a_session_expires_by_itself_when_its_time_is_up(own_shop: Callable[..., Shop]) -> None:
    shop = own_shop()
    session = shop.session(expires_at=shop.sandbox.now() + 31 * 60)

    shop.sandbox.advance(31 * 60)

    assert shop.again(session).status == "expired"
    assert shop.event_types() == ["checkout.session.expired"]


def test_a_product_that_is_sold_no_more_cannot_be_sold(shop: Shop) -> None:
    product = shop.client.v1.products.create({"name": "Watercolour"})
    price = shop.client.v1.prices.create({"product": product.id, "currency": "eur", "unit_amount": 500})
    shop.client.v1.products.update(product.id, {"active": False})
    inline = {"currency": "eur", "unit_amount": 500, "product": product.id}

    for line in ({"price": price.id}, {"price_data": inline}):
        with pytest.raises(stripe.InvalidRequestError, match="inactive product"):
            shop.session(line_items=[{**line, "quantity": 1}])


def test_session_and_intent_have_metadata_of_their_own(shop: Shop) -> None:
    session = shop.session(
        metadata={"order": "5"}, payment_intent_data={"metadata": {"payment": "7"}, "description": "Order 5"}
    )

    shop.sandbox.pay(session.id)

    paid = shop.again(session, expand=["payment_intent"])
    assert paid.metadata.to_dict() == {"order": "5"}
    assert paid.payment_intent.metadata.to_dict() == {"payment": "7"}
    assert paid.payment_intent.description == "Order 5"


def test_fractions_of_a_cent_are_rounded_once_for_the_line(shop: Shop) -> None:
    price = {"currency": "eur", "unit_amount_decimal": "0.125", "product_data": {"name": "Sheet of paper"}}

    session = shop.session(line_items=[{"price_data": price, "quantity": 500}])

    assert session.amount_total == 63


@pytest.mark.parametrize(
    "path", ["amount_total", "metadata", "discounts", "total_details", "line_items.price"]
)
def test_what_cannot_be_expanded_is_refused(shop: Shop, path: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.again(shop.session(), expand=[path])

    assert refusal.value.param == "expand"


def test_a_code_that_two_sessions_promised_is_counted_twice(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 20, "max_redemptions": 1})
    first, second = (shop.session(discounts=[{"coupon": coupon.id}]) for _ in range(2))

    for session in (first, second):
        shop.sandbox.pay(session.id)

    assert shop.again(second).amount_total == 1520
    assert shop.client.v1.coupons.retrieve(coupon.id).times_redeemed == 2
