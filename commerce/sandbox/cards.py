"""The test cards, and what becomes of a payment with each."""

import hashlib
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    code: str
    decline_code: str | None
    message: str
    field: str
    """The field of the form that the customer can mend it in."""
    type: str = "card_error"


_DECLINED = Decline("card_declined", "generic_decline", "Your card was declined.", "number")
DECLINES = {
    "4000000000000002": _DECLINED,
    "4000000000009995": Decline(
        "card_declined", "insufficient_funds", "Your card has insufficient funds.", "number"
    ),
    "4000000000000069": Decline("expired_card", "expired_card", "Your card has expired.", "expiry"),
    "4000000000000127": Decline(
        "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "cvc"
    ),
    "4000000000000119": Decline(
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
        "number",
    ),
    "4000008400001629": _DECLINED,
}
SUCCEED = ("4242424242424242", "5555555555554444")
ASK_FIRST = ("4000002500003155", "4000008400001629")
"""Cards that ask for 3-D Secure before anything else happens."""

NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and "
    "try again.",
    "number",
    type="invalid_request_error",
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "number",
)


@dataclass(frozen=True)
class Card:
    number: str
    exp_month: int
    exp_year: int

    @property
    def brand(self) -> str:
        return "mastercard" if self.number.startswith("5") else "visa"

    @property
    def decline(self) -> Decline | None:
        """Why the bank refuses it, or None if it pays."""
        return DECLINES.get(self.number)

    @property
    def asks_first(self) -> bool:
        return self.number in ASK_FIRST


class IncorrectNumber(ValueError):
    """The number is none that the sandbox knows."""


def digits_of(text: str) -> str:
    """A typed number without spaces and hyphens; raises IncorrectNumber for one that is unknown."""
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"\d{12,19}", digits, re.ASCII):
        raise IncorrectNumber("Your card number is incomplete.")
    if not _passes_luhn(digits):
        raise IncorrectNumber("Your card number is incorrect.")
    if digits not in (*SUCCEED, *DECLINES, *ASK_FIRST):
        raise IncorrectNumber(
            "Your card number is incorrect. The sandbox takes test cards only, never a real one."
        )
    return digits


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def fingerprint(number: str) -> str:
    """The same for the same card or account, and not its number."""
    return hashlib.sha256(number.encode()).hexdigest()[:16]
