"""What the payment page says of discounts and taxes, and the promotion codes that are typed there."""

import re
from typing import Any

import requests

from commerce.sandbox.tests.shop import Shop


def page_of(session: Any) -> str:
    return requests.get(session.url, timeout=5).text


def sums_on(page: str) -> list[tuple[str, str]]:
    return re.findall(r"<div><dt>(.*?)</dt><dd>(.*?)</dd></div>", page)


def spring_code(shop: Shop, **wishes: Any) -> Any:
    coupon = shop.client.v1.coupons.create({"percent_off": 20})
    return shop.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING", **wishes}
    )


def type_code(shop: Shop, session: Any, code: str) -> requests.Response:
    return requests.post(
        session.url + "/promotion",
        data={"token": shop.token(session), "promotion_code": code},
        timeout=5,
    )


def test_the_page_adds_up_before_the_customers_eyes(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 25, "name": "Autumn"})
    added, included = (
        shop.client.v1.tax_rates.create({"display_name": name, "percentage": rate, "inclusive": inclusive})
        for name, rate, inclusive in (("VAT", 19, False), ("Levy", 7.5, True))
    )
    line_items = [
        {**shop.line(1000, quantity=2), "tax_rates": [added.id]},
        {**shop.line(2150), "tax_rates": [included.id]},
    ]

    session = shop.session(line_items=line_items, discounts=[{"coupon": coupon.id}])
    page = page_of(session)

    assert sums_on(page) == [
        ("Subtotal", "€41.50"),
        ("Discount: Autumn (25% off)", "−€10.38"),
        ("VAT (19%)", "€2.85"),
        ("Total due", "€33.97"),
    ]
    assert "Includes €1.12 Levy (7.5%)" in page
    assert "Pay €33.97" in page
    assert '<span class="sum">€20.00</span>' in page


def test_without_discount_and_tax_only_the_total_is_shown(shop: Shop) -> None:
    assert sums_on(page_of(shop.session())) == [("Total due", "€19.00")]


def test_a_customer_types_a_promotion_code(shop: Shop) -> None:
    spring = spring_code(shop)
    session = shop.session(allow_promotion_codes=True)

    page = type_code(shop, session, " spring ").text
    changed = shop.again(session, expand=["line_items"])
    shop.submit(session)

    assert sums_on(page)[1:] == [("Discount: SPRING (20% off)", "−€3.80"), ("Total due", "€15.20")]
    assert changed.discounts[0].promotion_code == spring.id
    assert (changed.amount_total, changed.line_items.data[0].amount_total) == (1520, 1520)
    assert shop.again(session, expand=["payment_intent"]).payment_intent.amount_received == 1520
    assert shop.client.v1.promotion_codes.retrieve(spring.id).times_redeemed == 1


def test_a_promotion_code_can_be_taken_back(shop: Shop) -> None:
    spring_code(shop)
    session = shop.session(allow_promotion_codes=True)
    type_code(shop, session, "SPRING")

    type_code(shop, session, "")

    assert (shop.again(session).amount_total, shop.again(session).discounts) == (1900, [])


def test_a_wrong_code_changes_nothing_and_says_why(shop: Shop) -> None:
    spring_code(shop, restrictions={"minimum_amount": 2000, "minimum_amount_currency": "eur"})
    session = shop.session(allow_promotion_codes=True)

    unknown, unfit = type_code(shop, session, "WINTER"), type_code(shop, session, "SPRING")

    assert (unknown.status_code, unfit.status_code) == (422, 422)
    assert 'id="promotion_code-error" role="alert">This code is invalid.' in unknown.text
    assert "Please check" not in unknown.text
    assert "does not meet the minimum amount requirement" in unfit.text
    assert shop.again(session).amount_total == 1900


def test_a_code_for_one_customer_is_unknown_to_others(shop: Shop) -> None:
    ada = shop.client.v1.customers.create({"email": "ada@example.com"})
    spring_code(shop, customer=ada.id)
    hers, anybodys = (shop.session(allow_promotion_codes=True, **of) for of in ({"customer": ada.id}, {}))

    for session in (hers, anybodys):
        type_code(shop, session, "SPRING")

    assert (shop.again(hers).amount_total, shop.again(anybodys).amount_total) == (1520, 1900)


def test_no_code_can_be_typed_where_the_shop_does_not_allow_it(shop: Shop) -> None:
    spring_code(shop)
    session = shop.session()

    page = type_code(shop, session, "SPRING").text

    assert "Promotion code" not in page
    assert shop.again(session).amount_total == 1900


def test_after_a_declined_card_the_intent_follows_the_discount(shop: Shop) -> None:
    spring_code(shop)
    session = shop.session(allow_promotion_codes=True)
    shop.submit(session, number="4000000000000002")

    type_code(shop, session, "SPRING")
    shop.submit(session)

    paid = shop.again(session, expand=["payment_intent.latest_charge"])
    assert (paid.status, paid.payment_intent.amount, paid.payment_intent.latest_charge.amount) == (
        "complete",
        1520,
        1520,
    )


def test_a_code_for_everything_leaves_nothing_to_pay(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 100})
    shop.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "GIFT"}
    )
    session = shop.session(allow_promotion_codes=True)
    shop.submit(session, number="4000000000000002")

    page = type_code(shop, session, "GIFT").text
    shop.submit(session)

    done = shop.again(session)
    assert "Complete order" in page
    assert (done.status, done.payment_status, done.payment_intent) == (
        "complete",
        "no_payment_required",
        None,
    )


def test_the_page_knows_the_address_of_a_known_customer(shop: Shop) -> None:
    customer = shop.client.v1.customers.create({"email": "ada@example.com"})

    assert 'value="ada@example.com"' in page_of(shop.session(customer=customer.id))
