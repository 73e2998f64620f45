"""An amount of money: how much, and of what. Plain Python; never a float.

Amounts have the decimals that the payment provider charges in, which for a few currencies are not those of
ISO 4217 (source: Stripe, "Supported currencies"). The smallest unit is what is stored and sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import total_ordering

ZERO_DECIMAL = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "JPY",
        "KMF",
        "KRW",
        "MGA",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))

# The smallest charge the provider accepts, in minor units; below it the fees would eat the money.
MINIMUM_CHARGE = {"USD": 50, "EUR": 50, "GBP": 30, "JPY": 50}
DEFAULT_MINIMUM_CHARGE = 50
# The greatest, in minor units of any currency: eight digits.
MAXIMUM_CHARGE = 99_999_999


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies cannot be added, subtracted or compared."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"{left} and {right} cannot be mixed; convert one of them first.")


class AmountNotPayable(ValueError):
    """An amount is finer than the smallest unit of its currency."""

    def __init__(self, amount: Decimal, currency: str) -> None:
        super().__init__(
            f"{amount} {currency} cannot be paid: {currency} has {exponent(currency)} decimal places."
        )


def exponent(currency: str) -> int:
    """How many decimal places a currency (ISO 4217 letters, upper case) is charged with: 0, 2 or 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def smallest_step(currency: str) -> int:
    """In how many smallest units at a time a currency is charged: mostly 1.

    10 where it has three decimals, of which the last is 0; 100 for the Icelandic króna, whose two decimals
    are 00.
    """
    if currency == "ISK":
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def minimum_charge(currency: str) -> Money:
    """The smallest amount of a currency that the provider takes in one payment."""
    return Money.from_minor(MINIMUM_CHARGE.get(currency, DEFAULT_MINIMUM_CHARGE), currency)


def maximum_charge(currency: str) -> Money:
    """The greatest amount of a currency that the provider takes in one payment."""
    return Money.from_minor(MAXIMUM_CHARGE, currency)


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount of one currency; falsy when zero.

    amount is a Decimal in whole currency units (12.50), currency its three upper-case letters.
    Raises AmountNotPayable when the amount is finer than the currency's smallest unit.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"Money takes a Decimal, not {type(self.amount).__name__}.")
        if len(self.currency) != 3 or not self.currency.isascii() or not self.currency.isupper():
            raise ValueError(f"{self.currency!r} is not a currency; use three capital letters, such as USD.")
        if not self.amount.is_finite() or self.amount != round(self.amount, exponent(self.currency)):
            raise AmountNotPayable(self.amount, self.currency)
        object.__setattr__(self, "amount", round(self.amount, exponent(self.currency)))

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> Money:
        """1250 of USD is 12.50 dollars; 1250 of JPY is 1250 yen."""
        return cls(Decimal(minor).scaleb(-exponent(currency)), currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(Decimal(0), currency)

    @property
    def minor(self) -> int:
        """The amount in the smallest unit, as the provider counts it."""
        return int(self.amount.scaleb(exponent(self.currency)))

    def __bool__(self) -> bool:
        return self.amount != 0

    def __add__(self, other: Money) -> Money:
        self._must_match(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._must_match(other)
        return Money(self.amount - other.amount, self.currency)

    def __mul__(self, quantity: int) -> Money:
        if not isinstance(quantity, int):
            return NotImplemented
        return Money(self.amount * quantity, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._must_match(other)
        return self.amount < other.amount

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _must_match(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
