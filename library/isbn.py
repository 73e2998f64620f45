"""International Standard Book Numbers. Plain Python.

A number is kept as its 13 digits; people write it with hyphens, and books from before 2007 carry 10
characters.
Source: International ISBN Agency, "ISBN Users' Manual", 7th edition: check digits in sections 4.5 and 5.
"""

from __future__ import annotations

# 978 is where all numbers of 10 characters went; 979 never had any.
CONVERTIBLE_PREFIX = "978"
PREFIXES = (CONVERTIBLE_PREFIX, "979")


class InvalidIsbn(ValueError):
    """It is no ISBN; the message says what is wrong and what to do."""


def parse(written: str) -> str:
    """The 13 digits of an ISBN as people write it, of 10 or 13 characters, with or without hyphens.

    Raises InvalidIsbn.
    """
    characters = "".join(written.upper().removeprefix("ISBN").split()).replace("-", "").lstrip(":")
    if not characters.isascii():
        raise InvalidIsbn(f"“{written}” is no ISBN: it has other characters than digits, X and hyphens.")
    if len(characters) == 10 and characters[:9].isdigit() and characters[9] in "0123456789X":
        if _check_10(characters[:9]) != characters[9]:
            raise InvalidIsbn(_mistyped(written))
        return to_13(characters)
    if len(characters) == 13 and characters.isdigit():
        if not characters.startswith(PREFIXES):
            raise InvalidIsbn(f"“{written}” is no ISBN: one of 13 digits begins with 978 or 979.")
        if _check_13(characters[:12]) != characters[12]:
            raise InvalidIsbn(_mistyped(written))
        return characters
    raise InvalidIsbn(
        f"“{written}” is no ISBN: it has 10 or 13 digits, and in the short form perhaps an X at the end."
    )


def to_13(isbn_10: str) -> str:
    """The 13 digits of a valid ISBN of 10 characters without hyphens."""
    body = CONVERTIBLE_PREFIX + isbn_10[:9]
    return body + _check_13(body)


def to_10(isbn_13: str) -> str | None:
    """The 10 characters of a valid ISBN of 13 digits; None for one that never had them."""
    if not isbn_13.startswith(CONVERTIBLE_PREFIX):
        return None
    body = isbn_13[3:12]
    return body + _check_10(body)


def _check_13(body: str) -> str:
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return str(-total % 10)


def _check_10(body: str) -> str:
    total = sum(int(digit) * (10 - place) for place, digit in enumerate(body))
    check = -total % 11
    return "X" if check == 10 else str(check)


def _mistyped(written: str) -> str:
    return f"“{written}” is no ISBN: its last digit does not fit the others. Compare it with the book."
