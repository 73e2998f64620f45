"""What members and staff do in the library, in the short form that tests want."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.models import User
from accounts.tests.factories import UserFactory
from commerce.services import integrity
from library.models import Book, Borrowing, Hold, LendingRules
from library.services import holding, lending
from library.tests.factories import NOW, TODAY, BookFactory


def lend(
    book: Book | None = None,
    *,
    to: User | None = None,
    days: int = 14,
    on: date = TODAY,
    at: datetime = NOW,
    at_desk: bool = True,
    **kwargs: Any,
) -> Borrowing:
    """A loan of one of the book's copies, handed out over the desk."""
    return lending.lend(
        book=book or BookFactory(copies=1),
        to=to or UserFactory(),
        until=on + timedelta(days=days),
        on=on,
        at=at,
        at_desk=at_desk,
        **kwargs,
    )


def give_back(borrowing: Borrowing, *, on: date = TODAY, **kwargs: Any) -> lending.Return:
    return lending.give_back(borrowing=borrowing, on=on, at=morning_of(on), by=None, **kwargs)


def hold(book: Book, *, by: User | None = None, at: datetime = NOW, on: date = TODAY) -> Hold:
    return holding.place(book=book, member=by or UserFactory(), at=at, on=on)


def morning_of(day: date) -> datetime:
    """Ten o'clock in the library."""
    return datetime.combine(day, time(10), tzinfo=ZoneInfo(settings.TIME_ZONE))


def write_rules(**fields: Any) -> LendingRules:
    """The library's rules from now on, where they differ from those of a fresh portal."""
    rules = LendingRules.objects.first() or LendingRules()
    for name, value in fields.items():
        setattr(rules, name, value)
    rules.full_clean()
    rules.save()
    return rules


def findings() -> list[str]:
    """What check_integrity finds now, without warnings."""
    return [
        f"{breach.rule}: {breach.row}: {breach.words}"
        for breach in integrity.breaches(at=NOW)
        if not breach.is_warning
    ]
