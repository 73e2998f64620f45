"""The arithmetic of the README's "How amounts are computed", by example and by what must always hold."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.sandbox.amounts import Line, LineAmounts, Rate, Reduction, line_amounts, rounded, shares

VAT = Rate(Decimal(19), is_inclusive=False)
INCLUDED_VAT = Rate(Decimal(19), is_inclusive=True)


def test_without_discount_and_tax_a_line_comes_to_its_subtotal() -> None:
    assert line_amounts([Line(1900)]) == [LineAmounts(1900, 0, (), 1900, 1900)]


def test_a_percentage_is_taken_off_the_sum_and_then_spread() -> None:
    thirds = [Line(333), Line(333), Line(333)]

    found = line_amounts(thirds, Reduction(percent_off=Decimal(10)))

    # 10 % of 9.99 is 1.00 (not three times 0.33); the odd cent goes to the first of equals.
    assert [line.discount for line in found] == [34, 33, 33]
    assert [line.total for line in found] == [299, 300, 300]


def test_an_amount_is_spread_by_what_the_lines_cost() -> None:
    found = line_amounts([Line(1000), Line(2000), Line(4000)], Reduction(amount_off=1000))

    # Exactly 142.86, 285.71 and 571.43: the two left over go to those that were cut most.
    assert [line.discount for line in found] == [143, 286, 571]


def test_the_readmes_example_is_what_the_sandbox_computes() -> None:
    lines = [Line(amount, (VAT,)) for amount in (1000, 2000, 4000)]

    found = line_amounts(lines, Reduction(amount_off=1000))

    assert [line.discount for line in found] == [143, 286, 571]
    assert [line.tax for line in found] == [163, 326, 652]
    assert sum(line.total for line in found) == 7141


def test_no_more_is_taken_off_than_there_is() -> None:
    found = line_amounts([Line(700), Line(300)], Reduction(amount_off=5000))

    assert [(line.discount, line.total) for line in found] == [(700, 0), (300, 0)]


def test_lines_that_a_coupon_is_not_for_keep_their_price() -> None:
    found = line_amounts([Line(1000), Line(1000, is_discounted=False)], Reduction(amount_off=1500))

    assert [line.discount for line in found] == [1000, 0]


def test_exclusive_tax_is_added_to_what_the_discount_leaves() -> None:
    (found,) = line_amounts([Line(1000, (VAT,))], Reduction(percent_off=Decimal(25)))

    # 19 % of 7.50 is 1.425, rounded half up.
    assert found == LineAmounts(1000, 250, (143,), 750, 893)


def test_inclusive_tax_is_what_the_price_contains() -> None:
    (found,) = line_amounts([Line(1190, (INCLUDED_VAT,))])

    assert found == LineAmounts(1190, 0, (190,), 1000, 1190)


def test_both_kinds_of_tax_on_a_line_are_taken_of_its_net_price() -> None:
    levy = Rate(Decimal(10), is_inclusive=False)

    (found,) = line_amounts([Line(1190, (INCLUDED_VAT, levy))])

    assert found == LineAmounts(1190, 0, (190, 100), 1000, 1290)


def test_several_rates_are_rounded_each_for_itself() -> None:
    halves = (Rate(Decimal("2.5"), is_inclusive=False), Rate(Decimal("2.5"), is_inclusive=False))

    (found,) = line_amounts([Line(100, halves)])

    assert (found.taxes, found.total) == ((3, 3), 106)


def test_amounts_of_three_decimals_end_in_nought() -> None:
    lines = [Line(1990, (VAT,)), Line(3330, (INCLUDED_VAT,))]

    found = line_amounts(lines, Reduction(percent_off=Decimal(33)), step=10)

    assert [line.discount for line in found] == [660, 1100]
    assert [line.taxes for line in found] == [(250,), (360,)]
    assert [line.total for line in found] == [1580, 2230]


@pytest.mark.parametrize(
    ("amount", "step", "expected"),
    [("2.5", 1, 3), ("2.49", 1, 2), ("15", 10, 20), ("14.999", 10, 10), ("150", 100, 200)],
)
def test_halves_are_rounded_up(amount: str, step: int, expected: int) -> None:
    assert rounded(Decimal(amount), step) == expected


steps = st.sampled_from([1, 10, 100])
percentages = st.decimals(0, 100, places=4)
rates = st.lists(st.builds(Rate, percentages, st.booleans()), max_size=3).map(tuple)
lines = st.lists(st.builds(Line, st.integers(0, 100_000), rates, st.booleans()), min_size=1, max_size=12)
reductions = (
    st.none() | st.builds(Reduction, percentages) | st.builds(Reduction, st.none(), st.integers(1, 200_000))
)


@given(lines, reductions, steps)
def test_whatever_is_sold_the_amounts_add_up(
    sold: list[Line], reduction: Reduction | None, step: int
) -> None:
    stepped = [Line(line.subtotal * step, line.rates, line.is_discounted) for line in sold]
    if reduction is not None and reduction.amount_off is not None:
        reduction = Reduction(amount_off=reduction.amount_off * step)

    found = line_amounts(stepped, reduction, step=step)

    for line, amounts in zip(stepped, found, strict=True):
        added = sum(tax for tax, rate in zip(amounts.taxes, line.rates, strict=True) if not rate.is_inclusive)
        assert 0 <= amounts.discount <= (line.subtotal if line.is_discounted else 0)
        assert amounts.total == line.subtotal - amounts.discount + added
        assert all(part % step == 0 for part in (amounts.discount, amounts.total, *amounts.taxes))
    discountable = sum(line.subtotal for line in stepped if line.is_discounted)
    wanted = 0
    if reduction is not None and reduction.amount_off is not None:
        wanted = min(reduction.amount_off, discountable)
    elif reduction is not None and reduction.percent_off is not None:
        wanted = rounded(discountable * reduction.percent_off / 100, step)
    assert sum(amounts.discount for amounts in found) == wanted


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20), st.integers(0, 10_000))
def test_shares_add_up_and_none_is_off_by_a_step(weights: list[int], amount: int) -> None:
    whole = sum(weights)
    amount = min(amount, whole)

    found = shares(amount, weights, step=1)

    assert sum(found) == amount
    assert all(
        abs(share * whole - amount * weight) < whole
        for share, weight in zip(found, weights, strict=True)
        if whole
    )
