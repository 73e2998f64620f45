"""When the month is over: by the calendar of the site's zone, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accounts import policies

ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Madrid",
        "America/St_Johns",  # half an hour beside the others
        "Australia/Lord_Howe",  # clocks change by half an hour
        "America/Santiago",  # clocks leap over midnight
        "America/Havana",
        "Pacific/Apia",  # one day was left out
        "Asia/Kathmandu",
    )
]
zones = st.sampled_from(ZONES)
# Hypothesis wants the bounds without a zone, and adds it.
moments = st.datetimes(datetime(2005, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
days = st.dates(date(2005, 1, 1), date(2037, 12, 31))
MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize(
    ("day", "month_over"),
    [
        (date(2026, 5, 15), date(2026, 6, 15)),
        (date(2026, 12, 31), date(2027, 1, 31)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2026, 3, 31), date(2026, 4, 30)),
    ],
)
def test_a_month_is_a_calendar_month(day, month_over):
    assert policies.month_later(day) == month_over


def test_who_was_seen_on_the_15th_is_warned_on_the_9th_and_blocked_on_the_16th():
    seen = datetime(2026, 5, 15, 21, 30, tzinfo=UTC)

    assert policies.warning_day(last_seen=seen, zone=UTC) == date(2026, 6, 9)
    assert policies.blocking_day(last_seen=seen, warned_at=None, zone=UTC) == date(2026, 6, 16)


def test_the_day_is_the_one_of_the_sites_zone():
    seen = datetime(2026, 5, 15, 22, 30, tzinfo=UTC)  # half past midnight of the 16th in Madrid

    assert policies.blocking_day(last_seen=seen, warned_at=None, zone=MADRID) == date(2026, 6, 17)


def test_nobody_is_blocked_within_a_week_of_the_warning():
    seen = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    warned = datetime(2026, 5, 4, 4, 20, tzinfo=UTC)

    assert policies.blocking_day(last_seen=seen, warned_at=warned, zone=UTC) == date(2026, 5, 11)


def test_when_clocks_leap_over_midnight_the_day_begins_after_the_leap():
    santiago = ZoneInfo("America/Santiago")

    assert policies.start_of(date(2025, 9, 7), santiago) == datetime(2025, 9, 7, 4, 0, tzinfo=UTC)


@given(seen=moments, zone=zones)
def test_an_account_is_never_blocked_within_a_calendar_month_nor_later_than_32_days(seen, zone):
    blocked = policies.blocking_day(last_seen=seen, warned_at=None, zone=zone)
    seen_on = seen.astimezone(zone).date()

    assert blocked > policies.month_later(seen_on)
    assert timedelta(days=29) <= blocked - seen_on <= timedelta(days=32)


@given(first=moments, second=moments, zone=zones)
def test_being_seen_later_never_means_being_blocked_earlier(first, second, zone):
    earlier, later = sorted([first, second])

    assert policies.blocking_day(last_seen=earlier, warned_at=None, zone=zone) <= policies.blocking_day(
        last_seen=later, warned_at=None, zone=zone
    )


@given(seen=moments, on=days, zone=zones)
@example(seen=datetime(2026, 2, 28, 22, 59, tzinfo=UTC), on=date(2026, 3, 29), zone=MADRID)
@example(
    seen=datetime(2025, 9, 7, 3, 59, tzinfo=UTC), on=date(2025, 10, 7), zone=ZoneInfo("America/Santiago")
)
def test_the_database_is_asked_for_exactly_those_whose_day_has_come(seen, on, zone):
    is_due = policies.blocking_day(last_seen=seen, warned_at=None, zone=zone) <= on

    assert (seen < policies.month_is_over_for(on=on, zone=zone)) is is_due


@given(seen=moments, near=st.integers(-3, 3), zone=zones)
def test_so_it_is_around_the_day_itself(seen, near, zone):
    due = policies.blocking_day(last_seen=seen, warned_at=None, zone=zone)

    assert (seen < policies.month_is_over_for(on=due + timedelta(days=near), zone=zone)) is (near >= 0)


@given(warned=moments, near=st.integers(-3, 3), zone=zones)
def test_a_week_after_the_warning_is_seven_days_of_the_calendar(warned, near, zone):
    due = warned.astimezone(zone).date() + timedelta(days=7)

    assert (warned < policies.week_is_over_for(on=due + timedelta(days=near), zone=zone)) is (near >= 0)
