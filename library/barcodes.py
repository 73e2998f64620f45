"""Numbers for barcodes, with a digit that tells a mistyped one from one that is unknown. Plain Python.

A letter says what it is on, then seven digits and their check digit by ISO/IEC 7812-1, annex B (Luhn).
"""

from __future__ import annotations

import re

COPY = "C"
CARD = "M"
DIGITS = 7
GREATEST = 10**DIGITS - 1
_MADE = re.compile(rf"[{COPY}{CARD}][0-9]{{{DIGITS + 1}}}")


class NumbersUsedUp(ValueError):
    """There are no more numbers of so many digits."""


def made(prefix: str, number: int) -> str:
    """The barcode of a number: COPY and 1 make “C00000018”. Raises NumbersUsedUp."""
    if not 0 < number <= GREATEST:
        raise NumbersUsedUp(f"No barcode of {DIGITS} digits has the number {number}.")
    digits = f"{number:0{DIGITS}}"
    return f"{prefix}{digits}{_check(digits)}"


def number_in(barcode: str) -> int:
    """The number that `made` made this barcode of."""
    return int(barcode[1:-1])


def is_mistyped(written: str) -> bool:
    """Whether it looks like one of ours, and its last digit does not fit the others."""
    return bool(_MADE.fullmatch(written)) and _check(written[1:-1]) != written[-1]


def _check(digits: str) -> str:
    doubled = (int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-sum(n - 9 if n > 9 else n for n in doubled) % 10)
