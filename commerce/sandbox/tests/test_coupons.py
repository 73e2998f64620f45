"""Coupons and promotion codes as objects; what they take off is in test_discounts."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from commerce.sandbox.tests.shop import Shop


def test_a_coupon_takes_off_a_percentage_or_an_amount(shop: Shop) -> None:
    percent = shop.client.v1.coupons.create({"percent_off": 12.5, "name": "Autumn"})
    amount = shop.client.v1.coupons.create({"amount_off": 500, "currency": "EUR"})

    assert (percent.percent_off, percent.amount_off, percent.currency) == (12.5, None, None)
    assert (percent.duration, percent.times_redeemed, percent.valid) == ("once", 0, True)
    assert (amount.amount_off, amount.currency, amount.percent_off) == (500, "eur", None)
    assert shop.client.v1.coupons.retrieve(percent.id).name == "Autumn"


def test_the_global_functions_of_the_library_do_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "api_base", shop.sandbox.url)

    coupon = stripe.Coupon.create(api_key=shop.key, id="AUTUMN", percent_off=10)
    changed = stripe.Coupon.modify("AUTUMN", api_key=shop.key, name="Autumn")
    gone = stripe.Coupon.delete("AUTUMN", api_key=shop.key)

    assert (coupon.id, changed.name, gone.deleted) == ("AUTUMN", "Autumn", True)
    assert stripe.Coupon.list(api_key=shop.key).data == []


@pytest.mark.parametrize(
    ("wishes", "param"),
    [
        ({}, "percent_off"),
        ({"percent_off": 10, "amount_off": 10, "currency": "eur"}, "amount_off"),
        ({"amount_off": 10}, "currency"),
        ({"amount_off": 0, "currency": "eur"}, "amount_off"),
        ({"amount_off": 1005, "currency": "kwd"}, "amount_off"),
        ({"percent_off": 0}, "percent_off"),
        ({"percent_off": 101}, "percent_off"),
        ({"percent_off": "ten"}, "percent_off"),
        ({"percent_off": 10, "duration": "always"}, "duration"),
        ({"percent_off": 10, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 10, "max_redemptions": 0}, "max_redemptions"),
        ({"percent_off": 10, "redeem_by": 1_600_000_000}, "redeem_by"),
        ({"percent_off": 10, "id": "ten off"}, "id"),
        ({"percent_off": 10, "name": "x" * 41}, "name"),
        ({"percent_off": 10, "applies_to": {"products": ["prod_none"]}}, "applies_to[products][0]"),
        ({"percent_off": 10, "colour": "red"}, "colour"),
        ({"percent_off": 10, "currency_options": {"usd": {"amount_off": 5}}}, "currency_options"),
    ],
)
def test_a_coupon_that_cannot_be_is_refused(shop: Shop, wishes: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.coupons.create(wishes)

    assert refusal.value.param == param
    assert shop.client.v1.coupons.list().data == []


def test_an_id_is_given_once_and_again_after_the_coupon_is_deleted(shop: Shop) -> None:
    shop.client.v1.coupons.create({"id": "TEN", "percent_off": 10})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.coupons.create({"id": "TEN", "percent_off": 20})
    shop.client.v1.coupons.delete("TEN")
    again = shop.client.v1.coupons.create({"id": "TEN", "percent_off": 20})

    assert refusal.value.code == "resource_already_exists"
    assert again.percent_off == 20
    assert [coupon.id for coupon in shop.client.v1.coupons.list().data] == ["TEN"]


def test_a_product_and_a_coupon_may_bear_the_same_id(shop: Shop) -> None:
    shop.client.v1.products.create({"id": "autumn", "name": "Autumn course"})
    shop.client.v1.coupons.create({"id": "autumn", "percent_off": 10})

    shop.client.v1.coupons.update("autumn", {"name": "Autumn"})

    assert shop.client.v1.products.retrieve("autumn").name == "Autumn course"
    assert shop.client.v1.coupons.retrieve("autumn").name == "Autumn"


def test_of_a_coupon_only_name_and_metadata_can_be_changed(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 10, "metadata": {"a": "1"}})

    changed = shop.client.v1.coupons.update(coupon.id, {"name": "Ten", "metadata": {"b": "2"}})

    assert (changed.name, changed.metadata.to_dict()) == ("Ten", {"a": "1", "b": "2"})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.coupons.update(coupon.id, {"percent_off": 20})
    assert refusal.value.code == "parameter_unknown"


def test_a_deleted_coupon_is_nowhere_to_be_found(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 10})

    gone = shop.client.v1.coupons.delete(coupon.id)

    assert gone.to_dict() == {"id": coupon.id, "object": "coupon", "deleted": True}
    for call in (shop.client.v1.coupons.retrieve, shop.client.v1.coupons.delete):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            call(coupon.id)
        assert (refusal.value.code, refusal.value.http_status) == ("resource_missing", 404)


def test_a_coupon_tells_its_products_only_to_who_asks(shop: Shop) -> None:
    product = shop.client.v1.products.create({"name": "Watercolour"})
    coupon = shop.client.v1.coupons.create({"percent_off": 10, "applies_to": {"products": [product.id]}})

    found = shop.client.v1.coupons.retrieve(coupon.id, {"expand": ["applies_to"]})

    assert "applies_to" not in coupon.to_dict()
    assert found.applies_to.products == [product.id]


def test_a_coupon_is_valid_until_its_last_moment(own_shop: Callable[..., Shop]) -> None:
    shop = own_shop()
    until = shop.sandbox.now() + 3600
    coupon = shop.client.v1.coupons.create({"percent_off": 10, "redeem_by": until})
    code = shop.client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})

    shop.sandbox.advance(3601)

    assert coupon.valid is True
    assert shop.client.v1.coupons.retrieve(coupon.id).valid is False
    assert shop.client.v1.promotion_codes.retrieve(code.id).active is False
    assert shop.client.v1.promotion_codes.list({"active": True}).data == []


def test_a_promotion_code_leads_to_its_coupon(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 10})

    code = shop.client.v1.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": coupon.id},
            "code": "AUTUMN10",
            "max_redemptions": 5,
            "restrictions": {"minimum_amount": 2000, "minimum_amount_currency": "EUR"},
            "expand": ["promotion.coupon"],
        }
    )

    assert (code.code, code.active, code.times_redeemed) == ("AUTUMN10", True, 0)
    assert (code.promotion.type, code.promotion.coupon.percent_off) == ("coupon", 10)
    assert code.restrictions.to_dict() == {
        "first_time_transaction": False,
        "minimum_amount": 2000,
        "minimum_amount_currency": "eur",
    }


def test_a_code_is_made_up_where_none_is_given(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 10})

    code = shop.client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})

    assert len(code.code) == 8
    assert code.code.isalnum()


def test_codes_are_found_whatever_their_case_and_by_coupon(shop: Shop) -> None:
    coupons = [shop.client.v1.coupons.create({"percent_off": 10}) for _ in range(2)]
    first, second = (
        shop.client.v1.promotion_codes.create(
            {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": f"CODE{n}"}
        )
        for n, coupon in enumerate(coupons)
    )

    by_code = shop.client.v1.promotion_codes.list({"code": "code1"})
    by_coupon = shop.client.v1.promotion_codes.list({"coupon": coupons[0].id})

    assert [code.id for code in by_code.data] == [second.id]
    assert [code.id for code in by_coupon.data] == [first.id]


def test_two_active_codes_cannot_be_the_same(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 10})
    wishes = {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "AUTUMN"}
    first = shop.client.v1.promotion_codes.create(wishes)

    with pytest.raises(stripe.InvalidRequestError, match="An active promotion code with `code: autumn`"):
        shop.client.v1.promotion_codes.create({**wishes, "code": "autumn"})
    shop.client.v1.promotion_codes.update(first.id, {"active": False})
    second = shop.client.v1.promotion_codes.create(wishes)

    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        shop.client.v1.promotion_codes.update(first.id, {"active": True})
    assert second.active is True


@pytest.mark.parametrize(
    ("wishes", "param"),
    [
        ({"promotion": {"type": "coupon"}}, "promotion[coupon]"),
        ({"promotion": {"type": "coupon", "coupon": "none"}}, "promotion[coupon]"),
        ({"coupon": "TEN"}, "coupon"),
        ({"code": "ten off"}, "code"),
        ({"customer": "cus_none"}, "customer"),
        ({"max_redemptions": 6}, "max_redemptions"),
        ({"expires_at": 1_600_000_000}, "expires_at"),
        ({"restrictions": {"minimum_amount": 100}}, "restrictions[minimum_amount_currency]"),
        (
            {"restrictions": {"minimum_amount": 0, "minimum_amount_currency": "eur"}},
            "restrictions[minimum_amount]",
        ),
    ],
)
def test_a_promotion_code_that_cannot_be_is_refused(shop: Shop, wishes: dict[str, Any], param: str) -> None:
    shop.client.v1.coupons.create({"id": "TEN", "percent_off": 10, "max_redemptions": 5})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": "TEN"}, **wishes})

    assert refusal.value.param == param


def test_a_code_of_a_deleted_coupon_is_active_no_more_and_cannot_be_again(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 10})
    code = shop.client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    shop.client.v1.promotion_codes.update(code.id, {"active": False})

    shop.client.v1.coupons.delete(coupon.id)

    with pytest.raises(stripe.InvalidRequestError, match="its coupon is deleted"):
        shop.client.v1.promotion_codes.update(code.id, {"active": True})


def test_what_happens_to_coupons_and_codes_is_told(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 10})
    code = shop.client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    shop.client.v1.promotion_codes.update(code.id, {"active": False})
    shop.client.v1.coupons.update(coupon.id, {"name": "Ten"})
    shop.client.v1.coupons.update(coupon.id, {"name": "Ten"})
    shop.client.v1.coupons.delete(coupon.id)

    assert shop.event_types() == [
        "coupon.created",
        "promotion_code.created",
        "promotion_code.updated",
        "coupon.updated",
        "coupon.deleted",
    ]
    (renamed,) = shop.client.v1.events.list({"type": "coupon.updated"}).data
    assert renamed.data.previous_attributes.to_dict() == {"name": None}
    assert renamed.data.object["name"] == "Ten"
