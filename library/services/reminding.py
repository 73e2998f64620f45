"""Remind members of books that are due soon or late, and tell staff what is late. Each occasion once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Message
from accounts.notifications import Line
from accounts.services import notifying
from commerce.models.batches import in_batches
from library.models import Borrowing, Hold
from library.notifications import DUE_SOON, OVERDUE, path_to_loans
from library.services import telling
from library.services.days import day_of

if TYPE_CHECKING:
    from accounts.models import User

#: So long before a book is due its member is reminded of it.
AHEAD = timedelta(days=2)
#: On which days of a delay its member is written to. A day that was missed is made up for by the next run.
DAYS_LATE = (1, 3, 7, 14)
#: Who is late for longer is written to no more, however long ago their letters were tidied away.
IN_PEACE_AFTER = timedelta(days=60)
#: So many loans in one message to the staff chat, which takes some 4,000 characters.
IN_ONE_MESSAGE = 20


def remind(*, on: date, at: datetime) -> int:
    """Write to members whose books are due within AHEAD, or late; the number of loans written about.

    Loans that were written about on the same occasion before are counted, and nobody hears of them twice.
    """
    fetched = Borrowing.objects.open().fetched().filter(member__is_active=True).select_related("member")
    soon = fetched.filter(expected_return_date__range=(on, on + AHEAD))
    late = fetched.overdue(on=on).filter(expected_return_date__gte=on - IN_PEACE_AFTER)
    count = 0
    for borrowing in in_batches(soon):
        due = borrowing.expected_return_date.isoformat()
        _write(borrowing, kind=DUE_SOON, dedupe=f"due {due}", on=on, at=at)
        count += 1
    for borrowing in in_batches(late):
        due = borrowing.expected_return_date.isoformat()
        days = max(days for days in DAYS_LATE if days <= borrowing.days_late(on=on))
        _write(borrowing, kind=OVERDUE, dedupe=f"due {due}, {days} days ago", on=on, at=at)
        count += 1
    return count


@transaction.atomic
def tell_staff_of_overdue(*, on: date, at: datetime) -> int:
    """Tell the staff chat of every book that is late today, some in one message; the number of books.

    All messages or none: a run after a crash might find other books in each, and leave some out.
    """
    late = Borrowing.objects.overdue(on=on).order_by("expected_return_date", "pk")
    keys = list(late.values_list("pk", flat=True))
    for first in range(0, len(keys), IN_ONE_MESSAGE):
        part = keys[first : first + IN_ONE_MESSAGE]
        telling.staff_of_overdue(borrowings=part, number=first // IN_ONE_MESSAGE + 1, on=on, at=at)
    return len(keys)


def due_lines(*, reader: User, messages: Sequence[Message], at: datetime) -> list[Line]:
    """What a digest says of a reader's books that are due soon, or were due. One query."""
    soon = Borrowing.objects.open().fetched().filter(expected_return_date__lte=day_of(at) + AHEAD)
    loans = soon.filter(member=reader).select_related("book").order_by("expected_return_date", "pk")
    return [
        Line(
            text=_("“%(title)s”: due on %(day)s")
            % {"title": loan.book.title, "day": _in_words(loan.expected_return_date)},
            link=path_to_loans(),
        )
        for loan in loans
    ]


def ready_lines(*, reader: User, messages: Sequence[Message], at: datetime) -> list[Line]:
    """What a digest says of the books that wait for a reader on the shelf. One query."""
    holds = Hold.objects.ready().filter(member=reader).select_related("book").order_by("shelf_until", "pk")
    return [
        Line(
            text=_("“%(title)s”: kept until %(day)s")
            % {"title": hold.book.title, "day": _in_words(hold.shelf_until)},
            link=path_to_loans(),
        )
        for hold in holds
    ]


def _in_words(day: date | None) -> str:
    assert day is not None, "what is ready is kept until a day"
    return date_format(day, "DATE_FORMAT")


def _write(borrowing: Borrowing, *, kind: str, dedupe: str, on: date, at: datetime) -> None:
    notifying.notify(
        recipient=borrowing.member,
        kind=kind,
        subject_of=f"borrowing:{borrowing.pk}",
        context={
            "borrowing": borrowing.pk,
            "due": borrowing.expected_return_date.isoformat(),
            "on": on.isoformat(),
        },
        dedupe=dedupe,
        at=at,
    )
