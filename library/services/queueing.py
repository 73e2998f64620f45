"""The outlook of many who wait, at the price of one: place in the queue, and the day to expect a copy on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from library import policies
from library.models import Borrowing, Hold, LendingRules


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """position: from 1, None for who does not wait any more. estimate: None when no copy is to come back."""

    position: int | None = None
    estimate: date | None = None


def outlook(*, holds: Sequence[Hold], on: date) -> dict[int, Outlook]:
    """What `holding.position` and `holding.estimate` say of each of holds, by their ids.

    As many queries for any number of holds; none when nobody of them waits.
    """
    books = {hold.book_id for hold in holds if hold.status == Hold.Status.WAITING}
    if not books:
        return {hold.pk: Outlook() for hold in holds}
    rules = LendingRules.current()
    calendar, usual_loan = rules.calendar(since=on), timedelta(days=rules.usual_loan_days)
    places, returns = _places(books), _returns(books, on=on, usual_loan=usual_loan)
    return {
        hold.pk: Outlook(
            position=places[hold.pk],
            estimate=policies.foreseen(
                returns=returns[hold.book_id],
                position=places[hold.pk],
                usual_loan=usual_loan,
                calendar=calendar,
            ),
        )
        if hold.pk in places
        else Outlook()
        for hold in holds
    }


def _places(books: set[int]) -> dict[int, int]:
    """Places in the queues for books, by the ids of the holds that wait."""
    queues: dict[int, int] = defaultdict(int)
    places = {}
    for pk, book in Hold.objects.filter(book__in=books).waiting().values_list("pk", "book"):
        queues[book] += 1
        places[pk] = queues[book]
    return places


def _returns(books: set[int], *, on: date, usual_loan: timedelta) -> dict[int, list[date]]:
    """When copies of books are to come back: today, if they are late."""
    returns: dict[int, list[date]] = defaultdict(list)
    lent = Borrowing.objects.filter(book__in=books).open()
    for book, due in lent.values_list("book", "expected_return_date"):
        returns[book].append(max(due, on))
    for book, until in Hold.objects.filter(book__in=books).ready().values_list("book", "shelf_until"):
        if until is not None:
            returns[book].append(until + usual_loan)
    return returns
