"""How a fine was reckoned, for people: line by line, in the language of whoever reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import ngettext

from commerce.money import Money
from commerce.templatetags.money import money
from library.policies import FineStep


def explanation(*, lines: Iterable[Mapping[str, Any]], inputs: Mapping[str, Any], currency: str) -> list[str]:
    """A sentence for each line of a fine; lines and inputs as a charge keeps them (policies.fine, frozen)."""
    return [_SENTENCES[FineStep(line["step"])](line, inputs, currency) for line in lines]


def _delay(line: Mapping[str, Any], inputs: Mapping[str, Any], currency: str) -> str:
    words = ngettext(
        "Due on %(due)s, brought back on %(returned)s: %(days)s day late.",
        "Due on %(due)s, brought back on %(returned)s: %(days)s days late.",
        line["days"],
    )
    return words % {
        "due": date_format(date.fromisoformat(inputs["due"]), "DATE_FORMAT"),
        "returned": date_format(date.fromisoformat(inputs["returned"]), "DATE_FORMAT"),
        "days": line["days"],
    }


def _closed(line: Mapping[str, Any], inputs: Mapping[str, Any], currency: str) -> str:
    words = ngettext(
        "Not counted: %(days)s day on which the library was closed.",
        "Not counted: %(days)s days on which the library was closed.",
        line["days"],
    )
    return words % {"days": line["days"]}


def _grace(line: Mapping[str, Any], inputs: Mapping[str, Any], currency: str) -> str:
    words = ngettext(
        "Not counted: the first day of delay.",
        "Not counted: the first %(days)s days of delay.",
        line["days"],
    )
    return words % {"days": line["days"]}


def _capped(line: Mapping[str, Any], inputs: Mapping[str, Any], currency: str) -> str:
    words = ngettext(
        "Not more than %(days)s day is fined.", "Not more than %(days)s days are fined.", line["days"]
    )
    return words % {"days": line["days"]}


def _charged(line: Mapping[str, Any], inputs: Mapping[str, Any], currency: str) -> str:
    words = ngettext("Fined: %(days)s day.", "Fined: %(days)s days.", line["days"])
    return words % {"days": line["days"]}


def _amount(line: Mapping[str, Any], inputs: Mapping[str, Any], currency: str) -> str:
    multiplier = Decimal(inputs["multiplier"])
    is_exact = line["days"] * inputs["daily_fee_minor"] * multiplier == line["amount_minor"]
    exactly = ngettext(
        "%(days)s day × %(fee)s × %(multiplier)s = %(amount)s",
        "%(days)s days × %(fee)s × %(multiplier)s = %(amount)s",
        line["days"],
    )
    roughly = ngettext(
        "%(days)s day × %(fee)s × %(multiplier)s ≈ %(amount)s",
        "%(days)s days × %(fee)s × %(multiplier)s ≈ %(amount)s",
        line["days"],
    )
    return (exactly if is_exact else roughly) % {
        "days": line["days"],
        "fee": money(Money.from_minor(inputs["daily_fee_minor"], currency)),
        "multiplier": f"{multiplier.normalize():f}",
        "amount": money(Money.from_minor(line["amount_minor"], currency)),
    }


_SENTENCES: Mapping[FineStep, Callable[[Mapping[str, Any], Mapping[str, Any], str], str]] = {
    FineStep.DELAY: _delay,
    FineStep.CLOSED: _closed,
    FineStep.GRACE: _grace,
    FineStep.CAPPED: _capped,
    FineStep.CHARGED: _charged,
    FineStep.AMOUNT: _amount,
}
