"""When an account that nobody uses is warned and blocked, and when a digest is due: plain dates, no database.

The month is counted in days of the site's time zone. Who was last seen on 15 May is blocked from 16 June on,
when the month is over whatever the hour; a month that lacks the day (31 January) is over with its last day.
Days, and not hours, so that a change of clocks never blocks a minute too early, and being seen later never
means being blocked earlier.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo

WARNING_BEFORE = timedelta(days=7)


def month_later(day: date) -> date:
    """The same day of the next month, or that month's last day when it has no such day."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def blocking_day(*, last_seen: datetime, warned_at: datetime | None, zone: tzinfo) -> date:
    """The first day on which an account may be blocked: a month after, and a week after the warning.

    warned_at: when the warning of this period was written; None when it has not been.
    """
    day = month_later(_day(last_seen, zone)) + timedelta(days=1)
    return day if warned_at is None else max(day, _day(warned_at, zone) + WARNING_BEFORE)


def warning_day(*, last_seen: datetime, zone: tzinfo) -> date:
    """The day from which on an account is warned."""
    return blocking_day(last_seen=last_seen, warned_at=None, zone=zone) - WARNING_BEFORE


def month_is_over_for(*, on: date, zone: tzinfo) -> datetime:
    """The moment before which one must have been last seen for the month to be over on a day.

    The other way round of `blocking_day`, for a database that has moments and no calendar.
    """
    last = on - timedelta(days=28)
    while month_later(last) >= on:
        last -= timedelta(days=1)
    return start_of(last + timedelta(days=1), zone)


def week_is_over_for(*, on: date, zone: tzinfo) -> datetime:
    """The moment before which a warning must have been written for its week to be over on a day."""
    return start_of(on - WARNING_BEFORE + timedelta(days=1), zone)


def start_of(day: date, zone: tzinfo) -> datetime:
    """The first moment of a day in a zone, in UTC: that of the leap when clocks leap over midnight."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


# --- Digests -----------------------------------------------------------------------------------------------
def moment_of(*, day: date, hour: int, zone: tzinfo) -> datetime:
    """When the clocks of a zone show an hour of a day, in UTC.

    The first time, when clocks are put back and show it twice; when they leap over it, as much later as they
    leap. So every day has one such moment, also one that a zone left out of its calendar.
    """
    return datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)


def next_digest(*, after: datetime, hour: int, zone: tzinfo, weekday: int | None = None) -> datetime:
    """The first moment of a digest that is later than a moment. weekday: of weekly ones; 0 is Monday."""
    day = _day(after, zone) - timedelta(days=1)
    while weekday not in (None, day.weekday()) or (due := moment_of(day=day, hour=hour, zone=zone)) <= after:
        day += timedelta(days=1)
    return due


def digest_day(*, at: datetime, hour: int, zone: tzinfo) -> date:
    """The day whose digest is the latest one due at a moment: there is one digest for each such day."""
    day = _day(at, zone) + timedelta(days=1)
    while moment_of(day=day, hour=hour, zone=zone) > at:
        day -= timedelta(days=1)
    return day


def _day(moment: datetime, zone: tzinfo) -> date:
    return moment.astimezone(zone).date()
