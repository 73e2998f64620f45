"""What a charge was reckoned from, line by line and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import ngettext

from commerce.models import Order
from commerce.money import Money
from commerce.templatetags.money import money
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
    return [_of_fine(charge, line) for line in charge.lines]


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
    words = ngettext(
        "%(days)s day at %(fee)s: %(amount)s", "%(days)s days at %(fee)s: %(amount)s", charge.days
    )
    facts = {
        "days": charge.days,
        "fee": money(charge.borrowing.daily_fee_money),
        "amount": money(charge.amount),
    }
    return Line(step=charge.kind.lower(), days=charge.days, amount=charge.amount, words=words % facts)


def _of_fine(charge: Charge, line: dict[str, Any]) -> Line:
    step, days = FineStep(line["step"]), line["days"]
    amount = Money.from_minor(line["amount_minor"], charge.currency) if step is FineStep.AMOUNT else None
    return Line(step=step, days=days, amount=amount, words=_words(charge, step, days, amount))


def _words(charge: Charge, step: FineStep, days: int, amount: Money | None) -> str:
    if step is FineStep.DELAY:
        words = ngettext("Brought back %(days)s day late.", "Brought back %(days)s days late.", days)
    elif step is FineStep.CLOSED:
        words = ngettext(
            "On %(days)s of them the library was closed.", "On %(days)s of them the library was closed.", days
        )
    elif step is FineStep.GRACE:
        words = ngettext("%(days)s day of grace is free.", "%(days)s days of grace are free.", days)
    elif step is FineStep.CAPPED:
        words = ngettext(
            "No more than %(days)s day is charged.", "No more than %(days)s days are charged.", days
        )
    elif step is FineStep.CHARGED:
        words = ngettext("%(days)s day is charged.", "%(days)s days are charged.", days)
    else:
        words = ngettext(
            "%(days)s day × %(fee)s × %(multiplier)s = %(amount)s",
            "%(days)s days × %(fee)s × %(multiplier)s = %(amount)s",
            days,
        )
    return words % {
        "days": days,
        "fee": money(charge.borrowing.daily_fee_money),
        "multiplier": f"{charge.borrowing.fine_multiplier.normalize():f}",
        "amount": money(amount) if amount is not None else "",
    }
