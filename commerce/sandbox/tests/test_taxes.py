from typing import Any

import pytest
import stripe

from commerce.sandbox.tests.shop import Shop


def test_a_tax_rate_keeps_up_to_four_decimals(shop: Shop) -> None:
    made = shop.client.v1.tax_rates.create(
        {
            "display_name": "Sales tax",
            "percentage": 8.8755,
            "inclusive": False,
            "country": "US",
            "state": "NY",
            "jurisdiction": "New York City",
            "description": "City and state",
            "tax_type": "sales_tax",
        }
    )

    found = shop.client.v1.tax_rates.retrieve(made.id)

    assert (found.display_name, found.percentage, found.inclusive) == ("Sales tax", 8.8755, False)
    assert (found.country, found.state, found.jurisdiction) == ("US", "NY", "New York City")
    assert (found.description, found.tax_type, found.active) == ("City and state", "sales_tax", True)


@pytest.mark.parametrize(
    ("wishes", "param"),
    [
        ({"percentage": 8.87551}, "percentage"),
        ({"percentage": 101}, "percentage"),
        ({"percentage": -1}, "percentage"),
        ({"country": "Germany"}, "country"),
        ({"inclusive": "perhaps"}, "inclusive"),
        ({"tax_type": "window_tax"}, "tax_type"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_tax_rate_that_cannot_be_is_refused(shop: Shop, wishes: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.tax_rates.create(
            {"display_name": "VAT", "percentage": 19, "inclusive": False, **wishes}
        )

    assert refusal.value.param == param


def test_the_percentage_of_a_tax_rate_cannot_be_changed(shop: Shop) -> None:
    rate = shop.client.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.tax_rates.update(rate.id, {"percentage": 7})
    changed = shop.client.v1.tax_rates.update(rate.id, {"description": "Normal", "metadata": {"a": "1"}})

    assert refusal.value.code == "parameter_unknown"
    assert (changed.description, changed.metadata.to_dict(), changed.percentage) == ("Normal", {"a": "1"}, 19)
    assert shop.event_types() == ["tax_rate.created", "tax_rate.updated"]


def test_tax_rates_are_listed_by_kind_and_by_whether_they_are_active(shop: Shop) -> None:
    included, added, retired = (
        shop.client.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": inclusive})
        for inclusive in (True, False, False)
    )
    shop.client.v1.tax_rates.update(retired.id, {"active": False})

    active = shop.client.v1.tax_rates.list({"active": True})
    inclusive = shop.client.v1.tax_rates.list({"inclusive": True})

    assert [rate.id for rate in active.data] == [added.id, included.id]
    assert [rate.id for rate in inclusive.data] == [included.id]


def test_the_global_functions_of_the_library_do_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "api_base", shop.sandbox.url)

    rate = stripe.TaxRate.create(api_key=shop.key, display_name="VAT", percentage=19, inclusive=True)
    changed = stripe.TaxRate.modify(rate.id, api_key=shop.key, active=False)

    assert changed.active is False
    assert stripe.TaxRate.list(api_key=shop.key, active=True).data == []


def rate(shop: Shop, percentage: float, *, inclusive: bool = False, **wishes: Any) -> Any:
    return shop.client.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": percentage, "inclusive": inclusive, **wishes}
    )


def test_exclusive_tax_is_added_to_the_total(shop: Shop) -> None:
    vat = rate(shop, 19)

    session = shop.session(
        line_items=[{**shop.line(1999), "tax_rates": [vat.id]}, shop.line(1000)], expand=["line_items"]
    )
    taxed, free = session.line_items.data

    assert (session.amount_subtotal, session.total_details.amount_tax, session.amount_total) == (
        2999,
        380,
        3379,
    )
    assert (taxed.amount_subtotal, taxed.amount_tax, taxed.amount_total) == (1999, 380, 2379)
    assert (free.amount_tax, free.amount_total) == (0, 1000)


def test_inclusive_tax_changes_no_total(shop: Shop) -> None:
    vat = rate(shop, 19, inclusive=True)

    session = shop.session(line_items=[{**shop.line(1999), "tax_rates": [vat.id]}])

    assert (session.amount_subtotal, session.total_details.amount_tax, session.amount_total) == (
        1999,
        319,
        1999,
    )


def test_tax_is_on_what_the_discount_leaves(shop: Shop) -> None:
    vat = rate(shop, 19)
    half = shop.client.v1.coupons.create({"percent_off": 50})

    session = shop.session(
        line_items=[{**shop.line(1000), "tax_rates": [vat.id]}], discounts=[{"coupon": half.id}]
    )

    assert (session.total_details.amount_discount, session.total_details.amount_tax) == (500, 95)
    assert session.amount_total == 595


def test_who_asks_is_told_which_rate_took_what(shop: Shop) -> None:
    included, city = rate(shop, 10, inclusive=True), rate(shop, 2.5)
    line_items = [
        {**shop.line(1100), "tax_rates": [included.id, city.id]},
        {**shop.line(2000), "tax_rates": [city.id]},
    ]

    session = shop.session(line_items=line_items, expand=["line_items.data.taxes", "total_details.breakdown"])

    assert [
        [(tax.rate.id, tax.amount, tax.taxable_amount) for tax in line.taxes]
        for line in session.line_items.data
    ] == [[(included.id, 100, 1000), (city.id, 25, 1000)], [(city.id, 50, 2000)]]
    assert [(tax.rate.id, tax.amount) for tax in session.total_details.breakdown.taxes] == [
        (included.id, 100),
        (city.id, 75),
    ]
    assert (session.total_details.amount_tax, session.amount_total) == (175, 3175)


@pytest.mark.parametrize(
    ("currency", "amount", "tax"), [("jpy", 999, 190), ("eur", 999, 190), ("kwd", 9990, 1900)]
)
def test_tax_is_rounded_to_what_can_be_charged(shop: Shop, currency: str, amount: int, tax: int) -> None:
    line = {**shop.line(amount, currency), "tax_rates": [rate(shop, 19).id]}

    assert shop.session(line_items=[line]).total_details.amount_tax == tax


def test_a_session_keeps_the_rate_that_it_was_made_with(shop: Shop) -> None:
    vat = rate(shop, 19)
    session = shop.session(line_items=[{**shop.line(1000), "tax_rates": [vat.id]}])

    shop.client.v1.tax_rates.update(vat.id, {"active": False, "display_name": "Old VAT"})
    shop.sandbox.pay(session.id)

    paid = shop.again(session, expand=["line_items.data.taxes", "payment_intent"])
    assert paid.line_items.data[0].taxes[0].rate.display_name == "VAT"
    assert paid.payment_intent.amount_received == 1190


def test_tax_rates_that_cannot_be_used_are_refused(shop: Shop) -> None:
    vat, retired = rate(shop, 19), rate(shop, 7, active=False)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"tax_rates": [retired.id]}, "line_items[0][tax_rates][0]"),
        ({"tax_rates": ["txr_none"]}, "line_items[0][tax_rates][0]"),
        ({"tax_rates": [vat.id, vat.id]}, "line_items[0][tax_rates][1]"),
        ({"tax_rates": [rate(shop, n).id for n in range(6)]}, "line_items[0][tax_rates]"),
    ]

    for wishes, param in cases:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            shop.session(line_items=[{**shop.line(1000), **wishes}])
        assert refusal.value.param == param


def test_tax_rates_and_automatic_tax_exclude_each_other(shop: Shop) -> None:
    line = {**shop.line(1000), "tax_rates": [rate(shop, 19).id]}

    with pytest.raises(stripe.InvalidRequestError) as both:
        shop.session(line_items=[line], automatic_tax={"enabled": True})
    with pytest.raises(stripe.InvalidRequestError) as automatic:
        shop.session(automatic_tax={"enabled": True})

    assert both.value.param == "line_items[0][tax_rates]"
    assert automatic.value.code == "sandbox_not_served"
