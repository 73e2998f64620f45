"""What orders come to. That the provider comes to the same is tested against the sandbox."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.money import CurrencyMismatch, Money, smallest_step
from commerce.totals import PricedLine, Reduction, TaxRate, totals


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def line(amount: str, quantity: int = 1, **options) -> PricedLine:
    return PricedLine(unit_price=usd(amount), quantity=quantity, **options)


def test_without_discount_and_tax_the_total_is_the_subtotal():
    order = totals([line("10.00", 2), line("0.99")], currency="USD")

    assert (order.subtotal, order.discount, order.tax, order.total) == (
        usd("20.99"),
        usd("0"),
        usd("0"),
        usd("20.99"),
    )


def test_no_lines_come_to_nothing():
    order = totals([], currency="USD", reduction=Reduction(amount_off=usd("5")))

    assert (order.total, order.lines) == (usd("0"), ())


def test_a_percentage_is_reckoned_of_the_whole_and_spread_over_the_lines():
    order = totals([line("0.33"), line("0.33"), line("0.34")], currency="USD", reduction=percent("50"))

    assert order.discount == usd("0.50")
    assert [each.discount.minor for each in order.lines] == [17, 16, 17]


def test_half_a_cent_is_rounded_up():
    order = totals([line("0.25")], currency="USD", reduction=percent("10"))

    assert order.discount == usd("0.03")


def test_an_amount_off_takes_no_more_than_there_is():
    order = totals([line("3.00")], currency="USD", reduction=Reduction(amount_off=usd("5.00")))

    assert (order.discount, order.total) == (usd("3.00"), usd("0"))


def test_a_tax_is_added_to_what_the_discount_left():
    order = totals([line("100.00")], currency="USD", reduction=percent("10"), tax_rates=[added("19")])

    assert (order.tax, order.included_tax, order.total) == (usd("17.10"), usd("0"), usd("107.10"))


def test_a_contained_tax_changes_no_total():
    order = totals([line("119.00")], currency="USD", tax_rates=[contained("19")])

    assert (order.tax, order.included_tax, order.total) == (usd("19.00"), usd("19.00"), usd("119.00"))


def test_an_added_tax_is_not_levied_on_a_contained_one():
    order = totals([line("110.00")], currency="USD", tax_rates=[contained("10"), added("5")])

    assert [tax.amount for tax in order.taxes] == [Decimal("10.00"), Decimal("5.00")]
    assert order.total == usd("115.00")


def test_fees_and_fines_are_neither_discounted_nor_taxed():
    fine = line("8.00", is_merchandise=False)

    order = totals([line("10.00"), fine], currency="USD", reduction=percent("50"), tax_rates=[added("20")])

    assert order.lines[1].total == usd("8.00")
    assert order.total == usd("14.00")


def test_three_decimals_are_charged_in_steps_of_ten():
    price = Money(Decimal("1.230"), "KWD")

    order = totals([PricedLine(unit_price=price)], currency="KWD", reduction=percent("33.33"))

    assert order.discount == Money(Decimal("0.410"), "KWD")


def test_currencies_are_not_mixed():
    euro = Money(Decimal("1.00"), "EUR")

    with pytest.raises(CurrencyMismatch):
        totals([line("1.00"), PricedLine(unit_price=euro)], currency="USD")
    with pytest.raises(CurrencyMismatch):
        totals([line("1.00")], currency="USD", reduction=Reduction(amount_off=euro))


@given(
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
    units=st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 20), st.booleans()), max_size=8),
    percent_off=st.none() | st.decimals(Decimal("0.01"), 100, places=2),
    rates=st.lists(st.tuples(st.decimals(Decimal("0.0001"), 100, places=4), st.booleans()), max_size=3),
)
def test_whatever_is_ordered_the_parts_add_up_and_nothing_is_below_zero(currency, units, percent_off, rates):
    step = smallest_step(currency)
    lines = [
        PricedLine(
            unit_price=Money.from_minor(unit * step, currency), quantity=quantity, is_merchandise=goods
        )
        for unit, quantity, goods in units
    ]

    order = totals(
        lines,
        currency=currency,
        reduction=None if percent_off is None else Reduction(percent_off=percent_off),
        tax_rates=[TaxRate(percentage=rate, is_inclusive=inclusive) for rate, inclusive in rates],
    )

    assert order.total == order.subtotal - order.discount + order.tax - order.included_tax
    assert order.discount <= order.subtotal
    assert sum(tax.minor for tax in order.taxes) == order.tax.minor
    for each in order.lines:
        amounts = [each.subtotal, each.discount, each.tax, each.included_tax, each.total]
        assert all(amount.minor >= 0 and amount.minor % step == 0 for amount in amounts)


def percent(off: str) -> Reduction:
    return Reduction(percent_off=Decimal(off))


def added(percentage: str) -> TaxRate:
    return TaxRate(percentage=Decimal(percentage), is_inclusive=False)


def contained(percentage: str) -> TaxRate:
    return TaxRate(percentage=Decimal(percentage), is_inclusive=True)
