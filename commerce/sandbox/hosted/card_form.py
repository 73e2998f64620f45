"""What a customer types into the payment page, and what is wrong with it."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from commerce.sandbox.cards import Card, IncorrectNumber, digits_of
from commerce.sandbox.paying import Payer

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_EXPIRY = re.compile(r"(\d{1,2})\s*[/-]?\s*(\d{4}|\d{2})\Z", re.ASCII)


@dataclass
class CardForm:
    """The fields as typed. `errors` maps a field's name to what is to be mended, in the order of the page."""

    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    promotion_problem: str | None = None
    """What is wrong with the promotion code, which stands apart from what is needed to pay."""

    def text(self, name: str) -> str:
        return self.typed.get(name, "").strip()

    def payer(self, *, needs_name: bool) -> Payer:
        """Who pays; notes an error for an e-mail address or a name that is missing."""
        if not _EMAIL.match(self.text("email")):
            self.errors["email"] = "Enter an e-mail address, such as you@example.com."
        if needs_name and not self.text("name"):
            self.errors["name"] = "Enter the name on the card."
        return Payer(email=self.text("email"), name=self.text("name"))

    def card(self, *, now: int) -> Card | None:
        """The card, or None with the errors noted. `now` is in Unix seconds."""
        digits = None
        try:
            digits = digits_of(self.text("number"))
        except IncorrectNumber as problem:
            self.errors["number"] = str(problem)
        expiry = self._expiry(now)
        if not re.fullmatch(r"\d{3,4}", self.text("cvc"), re.ASCII):
            self.errors["cvc"] = "Your card's security code is incomplete."
        if digits is None or expiry is None or "cvc" in self.errors:
            return None
        return Card(number=digits, exp_month=expiry[0], exp_year=expiry[1])

    def _expiry(self, now: int) -> tuple[int, int] | None:
        matched = _EXPIRY.match(self.text("expiry"))
        if not matched or not 1 <= int(matched[1]) <= 12:
            self.errors["expiry"] = "Enter the expiry date as month and year, such as 12/34."
            return None
        month, year = int(matched[1]), int(matched[2])
        year += 2000 if year < 100 else 0
        today = datetime.fromtimestamp(now, UTC)
        if (year, month) < (today.year, today.month):
            self.errors["expiry"] = "Your card's expiry date is in the past."
            return None
        if year > today.year + 50:
            self.errors["expiry"] = "Your card's expiry year is too far in the future."
            return None
        return month, year
