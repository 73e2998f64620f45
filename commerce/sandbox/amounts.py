"""What a session comes to: subtotal, discount, tax and total of every line, and of all of them.

The rule, with its roundings, is written out in the README under "How amounts are computed". Pure arithmetic
in minor units: it knows neither requests nor storage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True)
class Rate:
    """A tax rate; `percentage` is 19 for 19 %."""

    percentage: Decimal
    is_inclusive: bool


@dataclass(frozen=True)
class Line:
    subtotal: int
    rates: tuple[Rate, ...] = ()
    is_discounted: bool = True
    """Whether the discount is for this line's product."""


@dataclass(frozen=True)
class Reduction:
    """What a coupon takes off: a percentage, or an amount in minor units."""

    percent_off: Decimal | None = None
    amount_off: int | None = None


@dataclass(frozen=True)
class LineAmounts:
    subtotal: int
    discount: int
    taxes: tuple[int, ...]
    """One amount for each of the line's rates, in their order."""
    taxable: int
    """What is left of the line without its discount and the taxes it includes."""
    total: int

    @property
    def tax(self) -> int:
        return sum(self.taxes)


def line_amounts(
    lines: Sequence[Line], reduction: Reduction | None = None, *, step: int = 1
) -> list[LineAmounts]:
    """The amounts of each line. `step` is the least difference between two amounts of the currency."""
    discounts = _discounts(lines, reduction, step)
    return [_amounts_of(line, discount, step) for line, discount in zip(lines, discounts, strict=True)]


def rounded(amount: Fraction | Decimal, step: int) -> int:
    """The nearest multiple of the step; of two that are equally near the greater."""
    halves = Fraction(amount) / step + Fraction(1, 2)
    return (halves.numerator // halves.denominator) * step


def _discounts(lines: Sequence[Line], reduction: Reduction | None, step: int) -> list[int]:
    weights = [line.subtotal if line.is_discounted else 0 for line in lines]
    if reduction is None:
        return [0] * len(lines)
    whole = sum(weights)
    if reduction.percent_off is not None:
        wanted = rounded(whole * Fraction(reduction.percent_off) / 100, step)
    else:
        wanted = reduction.amount_off or 0
    return shares(min(wanted, whole), weights, step=step)


def shares(amount: int, weights: Sequence[int], *, step: int) -> list[int]:
    """Spread an amount in proportion to the weights, in whole steps, so that the shares add up to it.

    Each share is rounded down first; the steps that are left go, one each, to the shares that lost most by
    it, and of equal ones to the earlier. The amount is at most the sum of the weights.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    exact = [Fraction(amount * weight, whole * step) for weight in weights]
    steps = [share.numerator // share.denominator for share in exact]
    by_loss = sorted(range(len(weights)), key=lambda n: steps[n] - exact[n])
    for n in by_loss[: amount // step - sum(steps)]:
        steps[n] += 1
    return [count * step for count in steps]


def _amounts_of(line: Line, discount: int, step: int) -> LineAmounts:
    left = line.subtotal - discount
    included = sum((Fraction(rate.percentage) for rate in line.rates if rate.is_inclusive), Fraction(0))
    net = Fraction(left) / (1 + included / 100)
    taxes = tuple(rounded(net * Fraction(rate.percentage) / 100, step) for rate in line.rates)
    added = sum(tax for tax, rate in zip(taxes, line.rates, strict=True) if not rate.is_inclusive)
    return LineAmounts(
        subtotal=line.subtotal,
        discount=discount,
        taxes=taxes,
        taxable=rounded(net, step),
        total=left + added,
    )
