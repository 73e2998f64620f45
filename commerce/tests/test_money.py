from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from commerce.money import AmountNotPayable, CurrencyMismatch, Money, exponent, minimum_charge
from commerce.templatetags.money import money


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.50", "USD", 1250),
        ("1250", "JPY", 1250),
        ("1.250", "KWD", 1250),
        ("7", "ISK", 700),
        ("0", "EUR", 0),
    ],
)
def test_minor_units_follow_the_decimals_of_the_currency(amount, currency, minor):
    assert Money(Decimal(amount), currency).minor == minor
    assert Money.from_minor(minor, currency) == Money(Decimal(amount), currency)


@given(minor=st.integers(-(10**12), 10**12), currency=st.sampled_from(["USD", "EUR", "JPY", "KWD"]))
def test_minor_units_survive_the_way_there_and_back(minor, currency):
    assert Money.from_minor(minor, currency).minor == minor


def test_an_amount_finer_than_its_currency_is_refused():
    with pytest.raises(AmountNotPayable, match=r"12\.505 USD cannot be paid: USD has 2 decimal places"):
        Money(Decimal("12.505"), "USD")
    with pytest.raises(AmountNotPayable):
        Money(Decimal("0.5"), "JPY")


@pytest.mark.parametrize("not_a_number", ["NaN", "Infinity", "-Infinity"])
def test_money_is_a_finite_number(not_a_number):
    with pytest.raises(AmountNotPayable):
        Money(Decimal(not_a_number), "USD")


def test_money_is_never_a_float():
    with pytest.raises(TypeError, match="takes a Decimal, not float"):
        Money(12.5, "USD")
    with pytest.raises(TypeError):
        Money(Decimal("1.00"), "USD") * 1.5


def test_currencies_are_not_mixed():
    dollars, euros = Money(Decimal(1), "USD"), Money(Decimal(1), "EUR")

    for mix in (lambda: dollars + euros, lambda: dollars - euros, lambda: dollars < euros):
        with pytest.raises(CurrencyMismatch, match="USD and EUR cannot be mixed"):
            mix()
    assert dollars != euros


@pytest.mark.parametrize("currency", ["usd", "US", "DOLLAR", "", "ЕВР"])
def test_a_currency_is_three_capital_letters(currency):
    with pytest.raises(ValueError, match="three capital letters"):
        Money(Decimal(1), currency)


def test_only_nothing_is_falsy():
    assert not Money.zero("USD")
    assert Money(Decimal("0.01"), "USD")


def test_equal_amounts_written_differently_are_equal():
    assert Money(Decimal("5"), "USD") == Money(Decimal("5.00"), "USD")
    assert hash(Money(Decimal("5"), "USD")) == hash(Money(Decimal("5.00"), "USD"))
    assert str(Money(Decimal("5"), "USD")) == "5.00 USD"


def test_the_least_charge_is_told_in_money():
    assert minimum_charge("USD") == Money(Decimal("0.50"), "USD")
    assert minimum_charge("GBP") == Money(Decimal("0.30"), "GBP")
    assert (exponent("JPY"), exponent("USD"), exponent("OMR")) == (0, 2, 3)


def test_money_is_written_as_the_reader_writes_it():
    price = Money(Decimal("1249.00"), "USD")

    with translation.override("en"):
        assert money(price) == "$1,249.00"
    with translation.override("ru"):
        assert money(price) == "1\u00a0249,00\u00a0$"
