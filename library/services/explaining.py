"""What a charge was reckoned from, line by line and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import ngettext

from commerce.models import Order
from commerce.money import Money
from commerce.templatetags.money import money
from library import words
from library.models import Borrowing, Charge
from library.policies import FineStep

#: How it stands with a charge, for programs.
UNPAID, PAID, REFUNDED, WAIVED, DROPPED = "UNPAID", "PAID", "REFUNDED", "WAIVED", "DROPPED"
STANDINGS = (UNPAID, PAID, REFUNDED, WAIVED, DROPPED)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line: its step, how many days it is about, what they come to (None: nothing yet), and its words."""

    step: str
    days: int
    amount: Money | None
    words: str


def explain(charge: Charge) -> list[Line]:
    """The lines of a charge, whose borrowing is fetched: those kept with a fine, or days × fee."""
    if charge.kind != Charge.Kind.FINE:
        return [_of_fee(charge)]
    sentences = words.explanation(lines=charge.lines, inputs=charge.inputs, currency=charge.currency)
    return [
        Line(step=line["step"], days=line["days"], amount=_amount(charge, line), words=sentence)
        for line, sentence in zip(charge.lines, sentences, strict=True)
    ]


def standing(charge: Charge) -> str:
    """How it stands with a charge, whose borrowing and order are fetched: one of STANDINGS.

    DROPPED: its loan was given up, or never fetched, so that nobody owes it.
    """
    if charge.waived_at is not None:
        return WAIVED
    status = charge.order_line.order.status if charge.order_line else ""
    if status in (Order.Status.PAID, Order.Status.REFUNDED):
        return PAID if status == Order.Status.PAID else REFUNDED
    borrowing = charge.borrowing
    is_over = borrowing.status != Borrowing.Status.OPEN
    if borrowing.status == Borrowing.Status.CANCELLED or (is_over and borrowing.handed_out_at is None):
        return DROPPED
    return UNPAID


def _of_fee(charge: Charge) -> Line:
    sentence = ngettext(
        "%(days)s day at %(fee)s: %(amount)s", "%(days)s days at %(fee)s: %(amount)s", charge.days
    )
    facts = {
        "days": charge.days,
        "fee": money(charge.borrowing.daily_fee_money),
        "amount": money(charge.amount),
    }
    return Line(step=charge.kind.lower(), days=charge.days, amount=charge.amount, words=sentence % facts)


def _amount(charge: Charge, line: dict[str, Any]) -> Money | None:
    if line["step"] != FineStep.AMOUNT:
        return None
    return Money.from_minor(line["amount_minor"], charge.currency)
