"""Waiting for a book: who may, at which place, who gets the copy, and when it goes to the next."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from accounts import notifications
from accounts.tests.factories import UserFactory
from library.models import Closure, Hold, LibraryCard
from library.notifications import HOLD_READY
from library.services import holding, lending
from library.services.refusals import AlreadyBorrowed, CardBlocked, NoCopies
from library.tests.factories import NOW, TODAY, BookFactory, CopyFactory
from library.tests.lending import findings, give_back, hold, lend, morning_of, write_rules

pytestmark = pytest.mark.django_db


@pytest.fixture
def book():
    """A book whose only copy is on loan until 15 June."""
    return lend(BookFactory(title="Dune", copies=1)).book


def expire(on):
    return holding.expire_due(on=on, at=morning_of(on))


# --- Placing -----------------------------------------------------------------------------------------------
def test_who_comes_first_is_first_in_the_queue(book):
    holds = [hold(book, at=NOW + timedelta(minutes=n)) for n in range(3)]

    assert [holding.position(each) for each in holds] == [1, 2, 3]
    assert [each.status for each in holds] == ["WAITING"] * 3


def test_of_holds_of_one_moment_each_has_a_place_of_its_own(book):
    holds = [hold(book, at=NOW) for _n in range(3)]

    assert [holding.position(each) for each in holds] == [1, 2, 3]


def test_a_copy_that_is_there_is_borrowed_and_not_waited_for():
    book = BookFactory(title="Dune", copies=1)

    with pytest.raises(holding.NoNeedToHold) as refused:
        hold(book)

    assert str(refused.value) == "A copy of “Dune” is available. Borrow it instead of waiting."


def test_one_waits_once_for_a_book(book):
    member = UserFactory()
    hold(book)
    hold(book, by=member)

    with pytest.raises(holding.AlreadyHeld) as refused:
        hold(book, by=member)

    assert str(refused.value) == "You are waiting for “Dune” already, at place 2."


def test_who_has_the_book_does_not_wait_for_it():
    borrowing = lend()

    with pytest.raises(AlreadyBorrowed):
        hold(borrowing.book, by=borrowing.member)


@pytest.mark.parametrize("copies", [0, 1])
def test_nobody_waits_for_a_book_of_which_the_library_has_no_copy(copies):
    book = BookFactory()
    for _copy in range(copies):
        CopyFactory(book=book, status="WITHDRAWN")

    with pytest.raises(NoCopies):
        hold(book)


def test_one_waits_for_so_many_books_at_a_time():
    write_rules(max_holds=1)
    member = UserFactory()
    hold(lend().book, by=member)

    with pytest.raises(holding.TooManyHolds) as refused:
        hold(lend().book, by=member)

    assert str(refused.value) == "One waits for 1 book at most. Cancel another hold first."


def test_a_blocked_card_waits_for_nothing(book):
    card = lending.card_of(UserFactory(), NOW)
    LibraryCard.objects.update(blocked_reason="Lost.")

    with pytest.raises(CardBlocked):
        hold(book, by=card.member)


def test_the_offer_of_a_book_that_is_out_says_at_which_place_one_would_wait(book):
    member = UserFactory()
    hold(book)

    offered = lending.offer(book=book, to=member, until=date(2026, 6, 15), on=TODAY, at=NOW)
    hold(book, by=member)
    hold(book, at=NOW + timedelta(minutes=1))
    waiting = lending.offer(book=book, to=member, until=date(2026, 6, 15), on=TODAY, at=NOW)

    assert [block.code for block in offered.blocks] == ["no_copy"]
    assert (offered.hold_position, waiting.hold_position) == (2, 2)


# --- Ending ------------------------------------------------------------------------------------------------
def test_who_cancels_leaves_the_queue_and_the_others_move_up(book):
    first, second = hold(book), hold(book, at=NOW + timedelta(minutes=1))

    answers = [holding.cancel(hold=first, at=NOW, on=TODAY, by=first.member) for _time in range(2)]

    assert answers == [True, False]
    assert (first.status, holding.position(first), holding.position(second)) == ("CANCELLED", 0, 1)


def test_a_copy_set_aside_for_who_cancels_goes_to_the_next_and_then_to_the_shelf(book):
    first, second = hold(book), hold(book, at=NOW + timedelta(minutes=1))
    give_back(book.borrowings.get())

    holding.cancel(hold=first, at=NOW, on=TODAY, by=first.member)
    second.refresh_from_db()
    went_on = (second.status, second.copy)
    holding.cancel(hold=second, at=NOW, on=TODAY, by=None)

    assert went_on == ("READY", book.copies.get())
    assert book.copies.get().status == "AVAILABLE"
    assert findings() == []


def test_what_is_not_fetched_in_time_goes_to_the_next(book):
    first, second = hold(book), hold(book, at=NOW + timedelta(minutes=1))
    give_back(book.borrowings.get(), on=date(2026, 6, 2))

    answers = [expire(on) for on in (date(2026, 6, 5), date(2026, 6, 6), date(2026, 6, 6))]

    for each in (first, second):
        each.refresh_from_db()
    assert answers == [0, 1, 0]
    assert (first.status, first.copy) == ("EXPIRED", None)
    assert (second.status, second.shelf_until) == ("READY", date(2026, 6, 9))
    assert findings() == []


def test_the_days_on_the_hold_shelf_are_opening_days(book):
    write_rules(opens_saturday=False, opens_sunday=False, hold_shelf_days=3)
    Closure.objects.create(since=date(2026, 6, 8), until=date(2026, 6, 8), reason="Inventory")
    held = hold(book)

    # A Thursday: Friday, then Tuesday and Wednesday.
    give_back(book.borrowings.get(), on=date(2026, 6, 4))

    held.refresh_from_db()
    assert held.shelf_until == date(2026, 6, 10)


def test_one_hold_that_cannot_expire_does_not_keep_the_others(book, caplog, monkeypatch):
    other = lend(BookFactory(copies=1)).book
    for each in (book, other):
        hold(each)
        give_back(each.borrowings.get())
    hold(book, at=NOW + timedelta(minutes=1))
    # The next for the first cannot be told.
    monkeypatch.delitem(notifications._kinds, HOLD_READY)

    assert expire(date(2026, 6, 8)) == 1
    assert sorted(Hold.objects.values_list("status", flat=True)) == ["EXPIRED", "READY", "WAITING"]
    assert "could not expire" in caplog.text
    assert findings() == []


def test_while_the_library_is_closed_for_long_nobody_loses_a_copy_set_aside(book):
    held = hold(book)
    for year in range(2026, 2033):
        Closure.objects.create(since=date(year, 6, 2), until=date(year + 1, 6, 2), reason="Rebuilding")

    give_back(book.borrowings.get())

    held.refresh_from_db()
    assert (held.status, held.shelf_until) == ("READY", date(2028, 8, 9))
    assert holding.estimate(book=book, position=1, on=TODAY) is None


# --- When --------------------------------------------------------------------------------------------------
def test_the_estimate_is_the_day_a_copy_is_due_back_round_after_round():
    book = BookFactory(copies=2)
    lend(book, days=14)
    lend(book, days=7)

    days = [holding.estimate(book=book, position=position, on=TODAY) for position in (1, 2, 3, 4)]

    assert days == [date(2026, 6, 8), date(2026, 6, 15), date(2026, 6, 22), date(2026, 6, 29)]


def test_the_estimate_falls_on_an_opening_day_and_not_into_the_past(book):
    write_rules(opens_wednesday=False)

    assert holding.estimate(book=book, position=1, on=date(2026, 7, 1)) == date(2026, 7, 2)


def test_nothing_is_estimated_of_a_book_that_does_not_come_back():
    book = CopyFactory(status="MISSING").book

    assert holding.estimate(book=book, position=1, on=TODAY) is None
