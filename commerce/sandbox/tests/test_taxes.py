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
