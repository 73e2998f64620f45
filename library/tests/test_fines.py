"""Fines as arithmetic: whatever the days, the rule, the calendar and the currency."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from commerce.money import Money, exponent, smallest_step
from library import policies, words
from library.models import Borrowing, Closure
from library.policies import Calendar, FineRule
from library.services.days import day_of
from library.tests.factories import NOW, TODAY, BookFactory
from library.tests.lending import findings, give_back, lend, write_rules

CURRENCIES = ("JPY", "USD", "KWD", "ISK")
days = st.dates(date(2020, 1, 1), date(2032, 12, 31))
rules = st.builds(
    FineRule,
    multiplier=st.decimals(0, 20, places=2),
    max_days=st.integers(0, 90),
    grace_days=st.integers(0, 10),
    are_closed_days_fined=st.booleans(),
)
closures = st.tuples(days, st.integers(0, 60)).map(lambda pair: (pair[0], pair[0] + timedelta(pair[1])))
calendars = st.builds(
    Calendar,
    open_weekdays=st.sets(st.integers(0, 6), min_size=1).map(frozenset),
    closures=st.lists(closures, max_size=4),
)
fees = st.integers(0, 5000)


def minor(fine):
    return fine.amount_minor


# --- Whatever the inputs -----------------------------------------------------------------------------------
@given(due=days, late=st.integers(0, 400), fee=fees, rule=rules, calendar=calendars)
def test_a_longer_delay_never_costs_less(due, late, fee, rule, calendar):
    today, tomorrow = (
        policies.fine(
            due=due,
            returned=due + timedelta(late + n),
            daily_fee_minor=fee,
            rule=rule,
            calendar=calendar,
        )
        for n in (0, 1)
    )

    assert minor(tomorrow) >= minor(today)


@given(due=days, late=st.integers(0, 400), fee=fees, rule=rules, calendar=calendars)
def test_no_delay_costs_more_than_the_days_fined_at_most(due, late, fee, rule, calendar):
    fine = policies.fine(
        due=due, returned=due + timedelta(late), daily_fee_minor=fee, rule=rule, calendar=calendar
    )

    most = (rule.max_days * fee * rule.multiplier).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    assert minor(fine) <= most
    assert fine.days_charged <= min(rule.max_days, max(late, 0))


@given(due=days, early=st.integers(0, 60), fee=fees, rule=rules, calendar=calendars)
def test_what_comes_back_in_time_costs_nothing(due, early, fee, rule, calendar):
    fine = policies.fine(
        due=due, returned=due - timedelta(early), daily_fee_minor=fee, rule=rule, calendar=calendar
    )

    assert fine == policies.NO_FINE
    assert not fine


@given(due=days, late=st.integers(1, 60), fee=fees, multiplier=st.decimals(0, 20, places=2))
def test_in_a_library_that_opens_daily_it_is_overdue_days_by_fee_by_multiplier(due, late, fee, multiplier):
    fine = policies.fine(
        due=due,
        returned=due + timedelta(late),
        daily_fee_minor=fee,
        rule=FineRule(multiplier=multiplier, max_days=60),
        calendar=Calendar(),
    )

    assert minor(fine) == (late * fee * multiplier).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    assert (fine.days_late, fine.days_charged) == (late, late)


@given(due=days, late=st.integers(1, 400), fee=fees, rule=rules, calendar=calendars)
def test_the_frozen_inputs_give_the_same_fine_again(due, late, fee, rule, calendar):
    returned = due + timedelta(late)
    fine = policies.fine(due=due, returned=returned, daily_fee_minor=fee, rule=rule, calendar=calendar)

    frozen = policies.frozen(due=due, returned=returned, rule=rule, calendar=calendar)
    due, returned, rule, calendar = policies.thawed(frozen)

    again = policies.fine(due=due, returned=returned, daily_fee_minor=fee, rule=rule, calendar=calendar)
    assert again == fine


@given(
    late=st.integers(1, 60),
    fee=fees,
    multiplier=st.decimals(0, 20, places=2),
    currency=st.sampled_from(CURRENCIES),
)
def test_a_fine_can_be_paid_in_its_currency_and_is_off_by_half_a_step_at_most(
    late, fee, multiplier, currency
):
    step = smallest_step(currency)

    fine = policies.fine(
        due=TODAY,
        returned=TODAY + timedelta(late),
        daily_fee_minor=fee * step,
        rule=FineRule(multiplier=multiplier, max_days=60),
        calendar=Calendar(),
        step_minor=step,
    )

    assert minor(fine) % step == 0
    assert abs(minor(fine) - late * fee * step * multiplier) <= Decimal(step) / 2
    assert Money.from_minor(minor(fine), currency).minor == minor(fine)


@given(due=days, late=st.integers(1, 200), fee=fees, rule=rules, calendar=calendars)
def test_every_fine_is_explained_by_a_sentence_for_each_line(due, late, fee, rule, calendar):
    returned = due + timedelta(late)
    fine = policies.fine(due=due, returned=returned, daily_fee_minor=fee, rule=rule, calendar=calendar)
    inputs = {
        **policies.frozen(due=due, returned=returned, rule=rule, calendar=calendar),
        "daily_fee_minor": fee,
    }

    sentences = words.explanation(
        lines=[asdict(line) for line in fine.lines],
        inputs=inputs,
        currency="USD",
    )

    assert len(sentences) == len(fine.lines)
    assert all("%(" not in sentence and sentence for sentence in sentences)


# --- Days that are unlike others ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("due", "returned", "late"),
    [
        (date(2028, 2, 28), date(2028, 3, 1), 2),  # the year has a 29 February
        (date(2026, 2, 28), date(2026, 3, 1), 1),
        (date(2027, 12, 31), date(2028, 1, 1), 1),
        (date(2026, 3, 28), date(2026, 3, 30), 2),  # clocks go forward in Europe
        (date(2026, 10, 24), date(2026, 10, 26), 2),  # and back
    ],
)
def test_days_are_counted_by_the_calendar(due, returned, late):
    fine = policies.fine(
        due=due,
        returned=returned,
        daily_fee_minor=100,
        rule=FineRule(multiplier=Decimal(2), max_days=60),
        calendar=Calendar(),
    )

    assert minor(fine) == late * 200


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), date(2026, 3, 28)),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), date(2026, 3, 29)),
        (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), date(2026, 3, 29)),  # of 23 hours
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), date(2026, 3, 30)),
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25)),  # of 25 hours
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26)),
    ],
)
def test_the_day_of_a_moment_is_the_portals_also_when_clocks_change(settings, moment, day):
    settings.TIME_ZONE = "Europe/Berlin"

    assert day_of(moment) == day


def test_closed_days_and_days_of_grace_are_not_fined_and_said_so():
    rule = FineRule(multiplier=Decimal("1.5"), max_days=3, grace_days=1)
    calendar = Calendar(open_weekdays=frozenset(range(5)))
    due, returned = date(2026, 6, 5), date(2026, 6, 15)  # Friday to the second Monday after

    fine = policies.fine(due=due, returned=returned, daily_fee_minor=101, rule=rule, calendar=calendar)
    said = words.explanation(
        lines=[asdict(line) for line in fine.lines],
        inputs={
            **policies.frozen(due=due, returned=returned, rule=rule, calendar=calendar),
            "daily_fee_minor": 101,
        },
        currency="USD",
    )

    assert said == [
        "Due on 5 June 2026, brought back on 15 June 2026: 10 days late.",
        "Not counted: 4 days on which the library was closed.",
        "Not counted: the first day of delay.",
        "Not more than 3 days are fined.",
        "Fined: 3 days.",
        "3 days × $1.01 × 1.5 ≈ $4.55",
    ]


# --- As it is charged --------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("currency", "fee", "amount"), [("JPY", "3", "9"), ("USD", "0.33", "0.99"), ("KWD", "0.030", "0.090")]
)
def test_a_fine_is_charged_in_the_smallest_units_of_its_currency(currency, fee, amount):
    book = BookFactory(copies=1, currency=currency, daily_fee=Decimal(fee))
    write_rules(fine_multiplier=Decimal(1))
    borrowing = lend(book, days=14)

    charge = give_back(borrowing, on=date(2026, 6, 18)).fine

    assert charge.amount == Money(Decimal(amount), currency)
    assert charge.amount_minor == int(Decimal(amount).scaleb(exponent(currency)))
    assert findings() == []


@pytest.mark.django_db
def test_later_rules_and_closures_do_not_reach_a_fine():
    borrowing = lend(days=14)
    charge = give_back(borrowing, on=date(2026, 6, 18)).fine
    before = (charge.amount, charge.explanation)

    write_rules(fine_multiplier=Decimal(9), fine_max_days=1, opens_tuesday=False)
    Closure.objects.create(since=date(2026, 6, 15), until=date(2026, 6, 20), reason="Flood")
    Borrowing.objects.update(fine_multiplier=Decimal(7))

    charge.refresh_from_db()
    assert (charge.amount, charge.explanation) == before
    assert findings() == []


@pytest.mark.django_db
def test_a_closure_entered_before_the_return_is_not_fined():
    borrowing = lend(days=14)
    Closure.objects.create(since=date(2026, 6, 16), until=date(2026, 6, 17), reason="Flood")

    charge = give_back(borrowing, on=date(2026, 6, 18)).fine

    assert (charge.days, charge.amount) == (1, Money(Decimal(2), "USD"))


@pytest.mark.parametrize(
    ("returned", "days_charged"),
    [(date(2026, 6, 16), 0), (date(2026, 6, 17), 1), (date(2026, 6, 21), 5), (date(2026, 6, 22), 5)],
)
def test_what_was_due_on_a_weekday_that_is_closed_by_now_is_in_time_on_the_next(returned, days_charged):
    rule = FineRule(multiplier=Decimal(2), max_days=60)
    calendar = Calendar(open_weekdays=frozenset({1, 2, 3, 4, 5, 6}))

    fine = policies.fine(
        due=date(2026, 6, 15), returned=returned, daily_fee_minor=50, rule=rule, calendar=calendar
    )

    assert (fine.days_charged, fine.amount_minor) == (days_charged, days_charged * 100)


@pytest.mark.django_db
def test_a_fine_is_explained_in_the_language_of_the_reader():
    charge = give_back(lend(days=14, at=NOW), on=date(2026, 6, 18)).fine

    with translation.override("ru"):
        said = charge.explanation

    assert "15 июня 2026" in said[0]
    assert "6,00" in said[-1]
