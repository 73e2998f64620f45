"""The library's arithmetic: which days it opens, when a loan is due, what a delay costs. Plain Python.

Days are dates, not moments: neither the length of a day nor a change of the clocks enters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

DAY = timedelta(days=1)
# No calendar is closed for longer; whoever looks so far ahead for an opening day finds none.
LOOK_AHEAD = timedelta(days=800)


class NeverOpens(ValueError):
    """The library has no opening day in sight."""

    def __init__(self, day: date) -> None:
        super().__init__(f"The library has no opening day after {day}: see its opening days and closures.")


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """On which days the library opens: by the day of the week (0 is Monday), except in closures.

    closures: (first day, last day), both closed.
    """

    open_weekdays: frozenset[int] = frozenset(range(7))
    closures: Sequence[tuple[date, date]] = ()

    def is_open(self, day: date) -> bool:
        if day.weekday() not in self.open_weekdays:
            return False
        return not any(since <= day <= until for since, until in self.closures)

    def next_open(self, day: date) -> date:
        """day, or the first opening day after it. Raises NeverOpens."""
        candidate = day
        while not self.is_open(candidate):
            candidate += DAY
            if candidate - day > LOOK_AHEAD:
                raise NeverOpens(day)
        return candidate

    def after_open_days(self, day: date, count: int) -> date:
        """The last of so many opening days after day. Raises NeverOpens."""
        for _n in range(count):
            day = self.next_open(day + DAY)
        return day

    def closed_days(self, first: date, last: date) -> Iterator[date]:
        """Days from first to last, both included, on which it is closed."""
        for n in range((last - first).days + 1):
            day = first + n * DAY
            if not self.is_open(day):
                yield day


def foreseen(
    *, returns: Sequence[date], position: int, usual_loan: timedelta, calendar: Calendar
) -> date | None:
    """When a copy may be there for a place in the queue, from 1; None when no copy is to come back.

    returns: when the copies that are out come back for the first time. Supposed: everybody keeps a copy for
    the usual time, and brings it back when it is due.
    """
    if not returns:
        return None
    rounds, place = divmod(position - 1, len(returns))
    try:
        return calendar.next_open(sorted(returns)[place] + rounds * usual_loan)
    except NeverOpens:
        return None


@dataclass(frozen=True, kw_only=True)
class FineRule:
    """How a delay is fined: kept with each loan, so that later rules do not reach it.

    multiplier: of the daily fee, for each day. max_days: more are not charged. grace_days: so many of the
    first are not.
    """

    multiplier: Decimal
    max_days: int
    grace_days: int = 0
    are_closed_days_fined: bool = False


class FineStep(StrEnum):
    """What a line of the explanation of a fine says; `library.words` has it for people."""

    DELAY = "delay"
    GRACE = "grace"
    CLOSED = "closed"
    CAPPED = "capped"
    CHARGED = "charged"
    AMOUNT = "amount"


@dataclass(frozen=True, kw_only=True)
class FineLine:
    """One line of the explanation: a step, and how many days (or what amount, in minor units) it is about."""

    step: FineStep
    days: int = 0
    amount_minor: int = 0


@dataclass(frozen=True, kw_only=True)
class Fine:
    """What a late return costs, and why, line by line."""

    days_late: int
    days_charged: int
    amount_minor: int
    lines: tuple[FineLine, ...] = field(default=())

    def __bool__(self) -> bool:
        return self.amount_minor > 0


NO_FINE = Fine(days_late=0, days_charged=0, amount_minor=0)


def fine(
    *,
    due: date,
    returned: date,
    daily_fee_minor: int,
    rule: FineRule,
    calendar: Calendar,
    step_minor: int = 1,
) -> Fine:
    """What a return costs that comes after its day: days of delay × fee × multiplier, of max_days at most.

    The day on which it was due is no day of delay; where closed days are not fined, and it was one, the next
    opening day is none either. daily_fee_minor is in the currency's smallest unit; the
    amount is rounded half up to a multiple of step_minor, the least step in which the currency is paid.
    A longer delay never costs less, and none costs more than max_days do.
    """
    days_late = max((returned - due).days, 0)
    if not days_late:
        return NO_FINE
    lines = [FineLine(step=FineStep.DELAY, days=days_late)]
    charged = days_late
    if not rule.are_closed_days_fined:
        closed = min(sum(1 for _day in calendar.closed_days(due, returned)), days_late)
        if closed:
            lines.append(FineLine(step=FineStep.CLOSED, days=closed))
        charged -= closed
    forgiven = min(rule.grace_days, charged)
    if forgiven:
        lines.append(FineLine(step=FineStep.GRACE, days=forgiven))
        charged -= forgiven
    if charged > rule.max_days:
        lines.append(FineLine(step=FineStep.CAPPED, days=rule.max_days))
        charged = rule.max_days
    amount = _rounded(Decimal(charged) * daily_fee_minor * rule.multiplier, step_minor)
    lines.append(FineLine(step=FineStep.CHARGED, days=charged))
    lines.append(FineLine(step=FineStep.AMOUNT, days=charged, amount_minor=amount))
    return Fine(days_late=days_late, days_charged=charged, amount_minor=amount, lines=tuple(lines))


def frozen(*, due: date, returned: date, rule: FineRule, calendar: Calendar) -> dict[str, Any]:
    """The inputs of a fine as JSON, to be kept with it: only such closures as the delay touches."""
    return {
        "due": due.isoformat(),
        "returned": returned.isoformat(),
        "multiplier": str(rule.multiplier),
        "max_days": rule.max_days,
        "grace_days": rule.grace_days,
        "are_closed_days_fined": rule.are_closed_days_fined,
        "open_weekdays": sorted(calendar.open_weekdays),
        "closures": [
            [since.isoformat(), until.isoformat()]
            for since, until in calendar.closures
            if since <= returned and until >= due
        ],
    }


def thawed(inputs: Mapping[str, Any]) -> tuple[date, date, FineRule, Calendar]:
    """What `frozen` wrote: due, returned, rule and calendar."""
    rule = FineRule(
        multiplier=Decimal(inputs["multiplier"]),
        max_days=inputs["max_days"],
        grace_days=inputs["grace_days"],
        are_closed_days_fined=inputs["are_closed_days_fined"],
    )
    calendar = Calendar(
        open_weekdays=frozenset(inputs["open_weekdays"]),
        closures=tuple(
            (date.fromisoformat(since), date.fromisoformat(until)) for since, until in inputs["closures"]
        ),
    )
    return date.fromisoformat(inputs["due"]), date.fromisoformat(inputs["returned"]), rule, calendar


def _rounded(amount: Decimal, step_minor: int) -> int:
    steps = (amount / step_minor).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return int(steps) * step_minor
