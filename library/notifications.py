"""What the library writes to its members: of books borrowed, ready, due and late, and of fines."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import Message
from accounts.notifications import Kind, register
from library.models import Borrowing, Charge, Hold

LENT = "library.lent"
HOLD_READY = "library.hold_ready"
DUE_SOON = "library.due_soon"
OVERDUE = "library.overdue"
FINED = "library.fined"
STAFF_OF_LOAN = "library.staff_of_loan"
STAFF_OF_OVERDUE = "library.staff_of_overdue"


def _is_open(message: Message, *, at: datetime) -> bool:
    return Borrowing.objects.open().filter(pk=message.context["borrowing"]).exists()


def _is_due_then(message: Message, *, at: datetime) -> bool:
    """Not returned, and not renewed since."""
    open_loans = Borrowing.objects.open().fetched()
    return open_loans.filter(
        pk=message.context["borrowing"], expected_return_date=message.context["due"]
    ).exists()


def _is_ready(message: Message, *, at: datetime) -> bool:
    """Neither fetched nor cancelled, and the same copy waits."""
    ready = Hold.objects.ready().filter(pk=message.context["hold"])
    return ready.filter(copy=message.context["copy"]).exists()


def _is_owed(message: Message, *, at: datetime) -> bool:
    return Charge.objects.unpaid().filter(pk=message.context["charge"]).exists()


def _loan(message: Message) -> dict[str, Any]:
    borrowing = Borrowing.objects.select_related("book", "copy", "member").get(
        pk=message.context["borrowing"]
    )
    fee = borrowing.charges.filter(kind=Charge.Kind.FEE).select_related("order_line__order").first()
    return {"borrowing": borrowing, "book": borrowing.book, "fee": fee}


def _late_loan(message: Message) -> dict[str, Any]:
    due, written = (date.fromisoformat(message.context[name]) for name in ("due", "on"))
    return {**_loan(message), "days_late": (written - due).days}


def _hold(message: Message) -> dict[str, Any]:
    hold = Hold.objects.select_related("book").get(pk=message.context["hold"])
    return {"hold": hold, "book": hold.book}


def _fine(message: Message) -> dict[str, Any]:
    charge = Charge.objects.select_related("borrowing__book", "order_line__order").get(
        pk=message.context["charge"]
    )
    return {"charge": charge, "borrowing": charge.borrowing, "book": charge.borrowing.book}


def _has_happened(message: Message, *, at: datetime) -> bool:
    """It was lent, whatever became of it since; gone is only what an erased account had read for free."""
    return Borrowing.objects.filter(pk=message.context["borrowing"]).exists()


def _loan_and_member(message: Message) -> dict[str, Any]:
    words = _loan(message)
    return {**words, "member": words["borrowing"].member}


def _are_some_late(message: Message, *, at: datetime) -> bool:
    return _late(message).exists()


def _late_loans(message: Message) -> dict[str, Any]:
    """With those that came back since left out."""
    on = date.fromisoformat(message.context["on"])
    late = _late(message).select_related("book", "copy", "member").order_by("expected_return_date", "pk")
    return {"loans": [(borrowing, borrowing.days_late(on=on)) for borrowing in late], "on": on}


def _late(message: Message) -> QuerySet[Borrowing]:
    on = date.fromisoformat(message.context["on"])
    return Borrowing.objects.overdue(on=on).filter(pk__in=message.context["borrowings"])


def register_own() -> None:
    """Make the letters of the library known; called when the app starts."""
    register(Kind(LENT, still_wanted=_is_open, words=_loan))
    register(Kind(HOLD_READY, still_wanted=_is_ready, words=_hold))
    register(Kind(DUE_SOON, still_wanted=_is_due_then, words=_loan))
    register(Kind(OVERDUE, still_wanted=_is_due_then, words=_late_loan))
    register(Kind(FINED, still_wanted=_is_owed, words=_fine))
    register(Kind(STAFF_OF_LOAN, to_staff=True, still_wanted=_has_happened, words=_loan_and_member))
    register(Kind(STAFF_OF_OVERDUE, to_staff=True, still_wanted=_are_some_late, words=_late_loans))
