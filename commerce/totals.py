"""What an order comes to: subtotal, discount, taxes and total, of every line and of all. Plain Python.

The roundings are those of the payment provider, to the smallest unit, so that the total frozen here is the
one its page shows (source: Stripe, "Coupons" and "Tax rates", and for the rest the sandbox's README):

* A discount is reckoned once for all lines that it is for, rounded half up, and spread over them in
  proportion to their subtotals: rounded down, and the units left over to the lines that lost most, of equals
  the earlier.
* A tax is reckoned for each line by itself, of what the discount left of it and without the taxes that the
  price contains, and rounded half up.
* Currencies of three decimals are charged in steps of ten of their smallest unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from commerce.money import CurrencyMismatch, Money, smallest_step


@dataclass(frozen=True, kw_only=True)
class PricedLine:
    """So many of one thing. Fees and fines are neither discounted nor taxed."""

    unit_price: Money
    quantity: int = 1
    is_merchandise: bool = True


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """What a discount takes off: 0 to 100 percent, or an amount. Exactly one of the two."""

    percent_off: Decimal | None = None
    amount_off: Money | None = None

    def __post_init__(self) -> None:
        if (self.percent_off is None) == (self.amount_off is None):
            raise ValueError("A reduction is a percentage or an amount.")


@dataclass(frozen=True, kw_only=True)
class TaxRate:
    """19 percent is Decimal(19). is_inclusive: prices contain it."""

    percentage: Decimal
    is_inclusive: bool


@dataclass(frozen=True, kw_only=True)
class LineTotals:
    """taxes has one amount for each rate asked for, in their order."""

    subtotal: Money
    discount: Money
    taxes: tuple[Money, ...]
    tax: Money
    included_tax: Money
    total: Money


@dataclass(frozen=True, kw_only=True)
class Totals:
    """total = subtotal - discount + tax - included_tax. taxes has one amount for each rate asked for."""

    subtotal: Money
    discount: Money
    taxes: tuple[Money, ...]
    tax: Money
    included_tax: Money
    total: Money
    lines: tuple[LineTotals, ...]


def totals(
    lines: Sequence[PricedLine],
    *,
    currency: str,
    reduction: Reduction | None = None,
    tax_rates: Sequence[TaxRate] = (),
) -> Totals:
    """Add up lines. Of no lines everything is zero. Raises CurrencyMismatch."""
    subtotals = [_subtotal(line, currency) for line in lines]
    weights = [
        subtotal.minor if line.is_merchandise else 0 for line, subtotal in zip(lines, subtotals, strict=True)
    ]
    step = smallest_step(currency)
    discounts = _discounts(weights, reduction, currency=currency, step=step)
    added_up = tuple(
        _line_totals(
            subtotal,
            Money.from_minor(discount, currency),
            rates=tax_rates,
            is_taxed=line.is_merchandise,
            step=step,
        )
        for line, subtotal, discount in zip(lines, subtotals, discounts, strict=True)
    )
    zero = Money.zero(currency)
    return Totals(
        subtotal=sum((line.subtotal for line in added_up), start=zero),
        discount=sum((line.discount for line in added_up), start=zero),
        taxes=tuple(
            sum((line.taxes[position] for line in added_up), start=zero) for position in range(len(tax_rates))
        ),
        tax=sum((line.tax for line in added_up), start=zero),
        included_tax=sum((line.included_tax for line in added_up), start=zero),
        total=sum((line.total for line in added_up), start=zero),
        lines=added_up,
    )


def _subtotal(line: PricedLine, currency: str) -> Money:
    if line.unit_price.currency != currency:
        raise CurrencyMismatch(currency, line.unit_price.currency)
    return line.unit_price * line.quantity


def _discounts(weights: Sequence[int], reduction: Reduction | None, *, currency: str, step: int) -> list[int]:
    whole = sum(weights)
    if reduction is None or whole == 0:
        return [0] * len(weights)
    if reduction.amount_off is None:
        wanted = _half_up(Fraction(whole) * Fraction(reduction.percent_off or 0) / 100, step)
    elif reduction.amount_off.currency != currency:
        raise CurrencyMismatch(currency, reduction.amount_off.currency)
    else:
        wanted = reduction.amount_off.minor
    return _spread(min(wanted, whole), weights, step)


def _spread(amount: int, weights: Sequence[int], step: int) -> list[int]:
    """Shares of amount in proportion to weights, in whole steps, that add up to it."""
    exact = [Fraction(amount * weight, sum(weights) * step) for weight in weights]
    steps = [int(share) for share in exact]
    left_over = amount // step - sum(steps)
    # Sorting is stable: of lines that lost equally the earlier comes first.
    losers = sorted(range(len(weights)), key=lambda position: steps[position] - exact[position])
    for position in losers[:left_over]:
        steps[position] += 1
    return [count * step for count in steps]


def _line_totals(
    subtotal: Money, discount: Money, *, rates: Sequence[TaxRate], is_taxed: bool, step: int
) -> LineTotals:
    currency = subtotal.currency
    left = subtotal - discount
    contained = sum((Fraction(rate.percentage) for rate in rates if rate.is_inclusive), Fraction(0))
    net = Fraction(left.minor) / (1 + contained / 100)
    taxes = tuple(
        Money.from_minor(_half_up(net * Fraction(rate.percentage) / 100, step) if is_taxed else 0, currency)
        for rate in rates
    )
    zero = Money.zero(currency)
    tax = sum(taxes, start=zero)
    included = sum((tax for tax, rate in zip(taxes, rates, strict=True) if rate.is_inclusive), start=zero)
    return LineTotals(
        subtotal=subtotal,
        discount=discount,
        taxes=taxes,
        tax=tax,
        included_tax=included,
        total=left + tax - included,
    )


def _half_up(amount: Fraction, step: int) -> int:
    """The nearest multiple of step; of two equally near the greater. amount is not negative."""
    return int(amount / step + Fraction(1, 2)) * step
