"""Coupons, promotion codes and tax rates on sessions: what may be had, what it comes to, how often."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commerce.sandbox.tests.shop import Shop


def coupon(shop: Shop, **wishes: Any) -> Any:
    return shop.client.v1.coupons.create(wishes or {"percent_off": 20})


def code(shop: Shop, coupon_id: str, **wishes: Any) -> Any:
    return shop.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon_id}, **wishes}
    )


def amounts(session: Any) -> tuple[int, int, int, int]:
    """Subtotal, discount, tax and total."""
    details = session.total_details
    return session.amount_subtotal, details.amount_discount, details.amount_tax, session.amount_total


def test_a_percentage_is_taken_off_the_session(shop: Shop) -> None:
    twenty = coupon(shop, percent_off=20)

    session = shop.session(amount=1999, discounts=[{"coupon": twenty.id}])

    assert amounts(session) == (1999, 400, 0, 1599)
    assert [discount.to_dict() for discount in session.discounts] == [
        {"coupon": twenty.id, "promotion_code": None}
    ]


def test_an_amount_is_spread_over_the_lines_to_the_last_cent(shop: Shop) -> None:
    ten_euros = coupon(shop, amount_off=1000, currency="eur")

    session = shop.session(
        line_items=[shop.line(1000), shop.line(2000), shop.line(4000)],
        discounts=[{"coupon": ten_euros.id}],
        expand=["line_items"],
    )

    assert amounts(session) == (7000, 1000, 0, 6000)
    assert [(line.amount_discount, line.amount_total) for line in session.line_items.data] == [
        (143, 857),
        (286, 1714),
        (571, 3429),
    ]


def test_who_asks_is_told_which_discount_took_what(shop: Shop) -> None:
    twenty = coupon(shop, percent_off=20)
    spring = code(shop, twenty.id, code="SPRING")

    session = shop.session(
        line_items=[shop.line(1000), shop.line(500)],
        discounts=[{"promotion_code": spring.id}],
        expand=["line_items.data.discounts", "total_details.breakdown"],
    )
    (whole,) = session.total_details.breakdown.discounts
    parts = [line.discounts[0] for line in session.line_items.data]

    assert (whole.amount, [part.amount for part in parts]) == (300, [200, 100])
    assert (whole.discount.source.coupon, whole.discount.promotion_code) == (twenty.id, spring.id)
    assert whole.discount.checkout_session == session.id
    assert {part.discount.id for part in parts} == {whole.discount.id}


def test_discounts_and_taxes_are_not_told_unasked(shop: Shop) -> None:
    session = shop.session(discounts=[{"coupon": coupon(shop).id}], expand=["line_items"])
    (listed,) = shop.client.v1.checkout.sessions.line_items.list(session.id).data
    (expanded,) = shop.client.v1.checkout.sessions.line_items.list(
        session.id, {"expand": ["data.discounts", "data.taxes"]}
    ).data

    for line in (session.line_items.data[0], listed):
        assert {"discounts", "taxes"}.isdisjoint(line.to_dict())
    assert "breakdown" not in session.total_details.to_dict()
    assert (len(expanded.discounts), expanded.taxes) == (1, [])


def test_the_coupon_of_a_session_can_be_expanded(shop: Shop) -> None:
    spring = code(shop, coupon(shop, percent_off=20).id)

    session = shop.session(
        discounts=[{"promotion_code": spring.id}], expand=["discounts.coupon", "discounts.promotion_code"]
    )

    assert session.discounts[0].coupon.percent_off == 20
    assert session.discounts[0].promotion_code.code == spring.code


def test_a_coupon_for_a_product_leaves_the_others_alone(shop: Shop) -> None:
    painting, drawing = (shop.client.v1.products.create({"name": name}) for name in ("Painting", "Drawing"))
    half = coupon(shop, percent_off=50, applies_to={"products": [painting.id]})
    line_items = [
        {"price_data": {"currency": "eur", "unit_amount": 1000, "product": product.id}, "quantity": 2}
        for product in (painting, drawing)
    ]

    session = shop.session(line_items=line_items, discounts=[{"coupon": half.id}], expand=["line_items"])

    assert amounts(session) == (4000, 1000, 0, 3000)
    assert [line.amount_discount for line in session.line_items.data] == [1000, 0]
    with pytest.raises(stripe.InvalidRequestError, match="does not apply to anything in this order"):
        shop.session(line_items=line_items[1:], discounts=[{"coupon": half.id}])


def test_nothing_is_left_to_pay_after_a_full_discount(shop: Shop) -> None:
    session = shop.session(discounts=[{"coupon": coupon(shop, percent_off=100).id}])

    assert (session.amount_total, session.payment_status, session.status) == (
        0,
        "no_payment_required",
        "open",
    )
    answer = shop.submit(session)
    done = shop.again(session)
    assert answer.headers["Location"] == f"http://shop.test/thanks?session={session.id}"
    assert (done.status, done.payment_status, done.payment_intent) == (
        "complete",
        "no_payment_required",
        None,
    )
    assert shop.sandbox.ledger(shop.key).popitem()[1]["charges"] == []


def test_the_least_amount_is_that_of_the_total(shop: Shop) -> None:
    off = coupon(shop, amount_off=1860, currency="eur")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.session(amount=1900, discounts=[{"coupon": off.id}])

    assert refusal.value.code == "amount_too_small"
    assert shop.session(amount=1910, discounts=[{"coupon": off.id}]).amount_total == 50


def test_what_is_charged_is_what_the_discount_leaves(shop: Shop) -> None:
    session = shop.session(amount=1999, discounts=[{"coupon": coupon(shop, percent_off=20).id}])

    shop.sandbox.pay(session.id)

    paid = shop.again(session, expand=["payment_intent.latest_charge"])
    assert paid.payment_intent.amount_received == 1599
    assert paid.payment_intent.latest_charge.amount_captured == 1599


def test_a_redemption_counts_when_its_session_is_complete(shop: Shop) -> None:
    twenty = coupon(shop, percent_off=20)
    spring = code(shop, twenty.id)
    session = shop.session(discounts=[{"promotion_code": spring.id}])
    shop.client.v1.checkout.sessions.expire(shop.session(discounts=[{"coupon": twenty.id}]).id)

    def counted() -> tuple[int, int]:
        return (
            shop.client.v1.coupons.retrieve(twenty.id).times_redeemed,
            shop.client.v1.promotion_codes.retrieve(spring.id).times_redeemed,
        )

    before = counted()
    shop.sandbox.pay(session.id)

    assert (before, counted()) == ((0, 0), (1, 1))
    (told,) = shop.client.v1.events.list({"type": "coupon.updated"}).data
    assert told.data.previous_attributes.to_dict() == {"times_redeemed": 0}


def test_a_used_up_coupon_is_valid_no_more(shop: Shop) -> None:
    once = coupon(shop, percent_off=20, max_redemptions=1)
    shop.sandbox.pay(shop.session(discounts=[{"coupon": once.id}]).id)

    with pytest.raises(stripe.InvalidRequestError, match="is used up and cannot be applied") as refusal:
        shop.session(discounts=[{"coupon": once.id}])

    assert refusal.value.param == "discounts[0][coupon]"
    assert shop.client.v1.coupons.retrieve(once.id).valid is False


def test_the_last_redemption_is_told_as_such(shop: Shop) -> None:
    once = coupon(shop, percent_off=20, max_redemptions=1)
    spring = code(shop, once.id)

    shop.sandbox.pay(shop.session(discounts=[{"promotion_code": spring.id}]).id)

    (told,) = shop.client.v1.events.list({"type": "coupon.updated"}).data
    assert told.data.previous_attributes.to_dict() == {"times_redeemed": 0, "valid": True}
    assert (told.data.object["times_redeemed"], told.data.object["valid"]) == (1, False)
    (of_code,) = shop.client.v1.events.list({"type": "promotion_code.updated"}).data
    assert of_code.data.object["active"] is False


def test_a_used_up_code_leaves_its_coupon_to_other_codes(shop: Shop) -> None:
    twenty = coupon(shop, percent_off=20)
    once, other = code(shop, twenty.id, max_redemptions=1), code(shop, twenty.id)
    shop.sandbox.pay(shop.session(discounts=[{"promotion_code": once.id}]).id)

    with pytest.raises(stripe.InvalidRequestError, match="the maximum number of times"):
        shop.session(discounts=[{"promotion_code": once.id}])

    assert shop.client.v1.promotion_codes.retrieve(once.id).active is False
    assert shop.session(discounts=[{"promotion_code": other.id}]).total_details.amount_discount == 380


def test_an_expired_coupon_is_refused(own_shop: Callable[..., Shop]) -> None:
    shop = own_shop()
    until = shop.sandbox.now() + 3600
    brief = coupon(shop, percent_off=20, redeem_by=until)
    spring = code(shop, brief.id)

    shop.sandbox.advance(3601)

    with pytest.raises(stripe.InvalidRequestError, match="Coupon expired") as refusal:
        shop.session(discounts=[{"coupon": brief.id}])
    assert refusal.value.code == "coupon_expired"
    with pytest.raises(stripe.InvalidRequestError, match="because it is expired"):
        shop.session(discounts=[{"promotion_code": spring.id}])


def test_an_expired_code_is_refused_while_its_coupon_goes_on(own_shop: Callable[..., Shop]) -> None:
    shop = own_shop()
    twenty = coupon(shop, percent_off=20)
    brief = code(shop, twenty.id, expires_at=shop.sandbox.now() + 3600)

    shop.sandbox.advance(3601)

    with pytest.raises(stripe.InvalidRequestError, match="because it is expired"):
        shop.session(discounts=[{"promotion_code": brief.id}])
    assert shop.client.v1.promotion_codes.retrieve(brief.id).active is False
    assert shop.session(discounts=[{"coupon": twenty.id}]).amount_total == 1520


def test_the_global_functions_of_the_library_do_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "api_base", shop.sandbox.url)
    twenty = stripe.Coupon.create(api_key=shop.key, percent_off=20)
    spring = stripe.PromotionCode.create(
        api_key=shop.key, promotion={"type": "coupon", "coupon": twenty.id}, code="SPRING"
    )

    session = stripe.checkout.Session.create(
        api_key=shop.key,
        mode="payment",
        line_items=[shop.line(1000)],  # type: ignore[list-item]
        discounts=[{"promotion_code": spring.id}],
        success_url="http://shop.test/thanks",
    )

    assert (session.amount_subtotal, session.amount_total) == (1000, 800)


def test_a_deleted_coupon_is_refused_and_sessions_keep_what_they_had(shop: Shop) -> None:
    twenty = coupon(shop, percent_off=20)
    spring = code(shop, twenty.id)
    session = shop.session(discounts=[{"coupon": twenty.id}])

    shop.client.v1.coupons.delete(twenty.id)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.session(discounts=[{"coupon": twenty.id}])
    assert (refusal.value.code, refusal.value.param) == ("resource_missing", "discounts[0][coupon]")
    with pytest.raises(stripe.InvalidRequestError, match="its coupon was deleted"):
        shop.session(discounts=[{"promotion_code": spring.id}])
    shop.sandbox.pay(session.id)
    assert shop.again(session, expand=["discounts.coupon"]).discounts[0].coupon.valid is False


@pytest.mark.parametrize(
    ("discounts", "param"),
    [
        ([{"coupon": "TEN"}, {"coupon": "TEN"}], "discounts"),
        ([{"coupon": "TEN", "promotion_code": "promo_x"}], "discounts[0]"),
        ([{"coupon": "none"}], "discounts[0][coupon]"),
        ([{"promotion_code": "none"}], "discounts[0][promotion_code]"),
        ([{"promotion_code": "TEN"}], "discounts[0][promotion_code]"),
        ([{"coupon": "DOLLARS"}], "discounts[0][coupon]"),
        ([{"percent_off": 10}], "discounts[0][percent_off]"),
    ],
)
def test_a_discount_that_cannot_be_is_refused(
    shop: Shop, discounts: list[dict[str, Any]], param: str
) -> None:
    coupon(shop, id="TEN", percent_off=10)
    coupon(shop, id="DOLLARS", amount_off=100, currency="usd")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.session(discounts=discounts)

    assert refusal.value.param == param


def test_a_shop_gives_a_discount_or_lets_its_customers_type_codes(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="only specify one of these parameters"):
        shop.session(allow_promotion_codes=True, discounts=[{"coupon": coupon(shop).id}])

    assert shop.session(allow_promotion_codes=True).allow_promotion_codes is True


def test_a_code_may_ask_for_a_least_purchase(shop: Shop) -> None:
    big = code(
        shop,
        coupon(shop).id,
        restrictions={"minimum_amount": 2000, "minimum_amount_currency": "eur"},
    )

    for amount, currency in ((1999, "eur"), (5000, "usd")):
        with pytest.raises(stripe.InvalidRequestError, match="minimum amount requirement"):
            shop.session(amount=amount, currency=currency, discounts=[{"promotion_code": big.id}])

    assert shop.session(amount=2000, discounts=[{"promotion_code": big.id}]).amount_total == 1600


def test_a_code_may_be_for_one_customer_and_for_the_first_purchase(shop: Shop) -> None:
    ada, grace = (shop.client.v1.customers.create({"name": name}) for name in ("Ada", "Grace"))
    welcome = code(shop, coupon(shop).id, customer=ada.id, restrictions={"first_time_transaction": True})
    discounts = [{"promotion_code": welcome.id}]

    for customer in ({}, {"customer": grace.id}):
        with pytest.raises(stripe.InvalidRequestError, match="for another customer"):
            shop.session(discounts=discounts, **customer)
    shop.sandbox.pay(shop.session(discounts=discounts, customer=ada.id).id)

    with pytest.raises(stripe.InvalidRequestError, match="the associated customer has prior transactions"):
        shop.session(discounts=discounts, customer=ada.id)


def test_an_inactive_code_is_refused(shop: Shop) -> None:
    spring = code(shop, coupon(shop).id)
    shop.client.v1.promotion_codes.update(spring.id, {"active": False})

    with pytest.raises(stripe.InvalidRequestError, match="because it is not active"):
        shop.session(discounts=[{"promotion_code": spring.id}])


def plain_total(lines: list[tuple[int, list[tuple[Decimal, bool]]]], percent: Decimal, step: int) -> int:
    """The README's rule for a percentage, written once more in Decimals and without sharing any code."""

    def nearest(value: Decimal) -> int:
        return int((value / step + Decimal("0.5")) // 1) * step

    subtotal = sum(amount for amount, _ in lines)
    discount = nearest(subtotal * percent / 100)
    cut = [(discount * amount, subtotal * step) for amount, _ in lines]
    steps = [over // under for over, under in cut]
    spare = discount // step - sum(steps)
    losers = sorted(range(len(lines)), key=lambda n: (-(cut[n][0] % cut[n][1]), n))[:spare]
    total = 0
    for n, (amount, rates) in enumerate(lines):
        left = amount - (steps[n] + (n in losers)) * step
        included = sum((rate for rate, is_inclusive in rates if is_inclusive), Decimal(0))
        added = sum(
            nearest(left * rate / (100 + included)) for rate, is_inclusive in rates if not is_inclusive
        )
        total += left + added
    return total


percentages = st.decimals(min_value="0.01", max_value=100, places=2)
priced_lines = st.lists(
    st.tuples(st.integers(100, 99_999), st.lists(st.integers(0, 3), max_size=2, unique=True)),
    min_size=1,
    max_size=5,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sold=priced_lines, percent=percentages, money=st.sampled_from([("jpy", 1), ("eur", 1), ("kwd", 10)]))
def test_whatever_is_sold_the_total_is_that_of_the_readme(
    shop: Shop, sold: list[tuple[int, list[int]]], percent: Decimal, money: tuple[str, int]
) -> None:
    kinds = [
        (Decimal("19"), False),
        (Decimal("7.7"), True),
        (Decimal("8.8755"), False),
        (Decimal("20"), True),
    ]
    rates = [
        shop.client.v1.tax_rates.create(
            {"display_name": "Tax", "percentage": str(rate), "inclusive": is_inclusive}
        )
        for rate, is_inclusive in kinds
    ]
    currency, step = money
    lines = [
        {**shop.line(amount * step, currency), "tax_rates": [rates[n].id for n in numbers]}
        for amount, numbers in sold
    ]
    off = coupon(shop, percent_off=str(percent))
    expected = plain_total(
        [(amount * step, [kinds[n] for n in numbers]) for amount, numbers in sold], percent, step
    )

    wishes: dict[str, Any] = {"line_items": lines, "discounts": [{"coupon": off.id}]}
    if 0 < expected < (50 if currency != "kwd" else 1):
        with pytest.raises(stripe.InvalidRequestError, match="must add up to at least"):
            shop.session(**wishes)
    else:
        assert shop.session(**wishes).amount_total == expected
