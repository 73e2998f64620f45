"""What the library writes to its members: of books borrowed, ready, due and late, and of fines."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Message
from accounts.notifications import Kind, register
from commerce.models import Order, OrderLine
from library import policies
from library.models import Book, Borrowing, Charge, Copy, Hold
from library.policies import Calendar, FineRule

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


def path_to_loans() -> str:
    """The page on which members see their loans and what these cost; empty on a portal that has none."""
    try:
        return reverse("library:loans")
    except NoReverseMatch:
        return ""


def _to_loans(message: Message) -> str:
    return path_to_loans()


def _sample() -> dict[str, Any]:
    """A book and a member that do not exist: lent, set aside, late and fined."""
    due, returned = date(2030, 3, 9), date(2030, 3, 12)
    moment = datetime(2030, 3, 2, 12, 0, tzinfo=UTC)
    book = Book(
        title=gettext("The Example"), author="A. N. Author", daily_fee=Decimal("0.50"), currency="USD"
    )
    borrowing = Borrowing(
        book=book,
        copy=Copy(book=book, barcode="C00000018"),
        borrow_date=date(2030, 2, 23),
        expected_return_date=due,
        fine_multiplier=Decimal(2),
    )
    order = Order(status=Order.Status.AWAITING_PAYMENT, payable_until=moment, currency="USD")
    fee = Charge(
        borrowing=borrowing,
        kind=Charge.Kind.FEE,
        days=14,
        amount_minor=700,
        currency="USD",
        order_line=OrderLine(order=order),
    )
    rule = FineRule(multiplier=Decimal(2), max_days=60)
    fine = policies.fine(due=due, returned=returned, daily_fee_minor=50, rule=rule, calendar=Calendar())
    frozen = policies.frozen(due=due, returned=returned, rule=rule, calendar=Calendar())
    charge = Charge(
        borrowing=borrowing,
        kind=Charge.Kind.FINE,
        days=fine.days_charged,
        amount_minor=fine.amount_minor,
        currency="USD",
        inputs={**frozen, "daily_fee_minor": 50, "step_minor": 1},
        lines=[asdict(line) for line in fine.lines],
    )
    member = SimpleNamespace(email="ada@example.com", get_full_name="Ada Lovelace")
    late = SimpleNamespace(book=book, copy=borrowing.copy, member=member, expected_return_date=due)
    return {
        "book": book,
        "borrowing": borrowing,
        "fee": fee,
        "hold": Hold(book=book, shelf_until=returned),
        "charge": charge,
        "days_late": 3,
        "member": member,
        "loans": [(late, 3)],
        "on": returned,
    }


def register_own() -> None:
    """Make the letters of the library known; called when the app starts."""
    register(
        Kind(
            LENT,
            still_wanted=_is_open,
            words=_loan,
            sample=_sample,
            link=_to_loans,
            label=_("Books that I borrow"),
            about=_("When you have borrowed a book: until when, and what it costs."),
        )
    )
    register(
        Kind(
            HOLD_READY,
            still_wanted=_is_ready,
            words=_hold,
            sample=_sample,
            link=_to_loans,
            is_essential=False,
            label=_("Books that are ready for me"),
            about=_("When a book that you wait for is there, and how long it is kept."),
        )
    )
    register(
        Kind(
            DUE_SOON,
            still_wanted=_is_due_then,
            words=_loan,
            sample=_sample,
            link=_to_loans,
            is_essential=False,
            label=_("Books due soon"),
            about=_("Two days before a book is due."),
        )
    )
    register(
        Kind(
            OVERDUE,
            still_wanted=_is_due_then,
            words=_late_loan,
            sample=_sample,
            link=_to_loans,
            label=_("Overdue books"),
            about=_("When a book is one, three, seven and fourteen days late."),
        )
    )
    register(
        Kind(
            FINED,
            still_wanted=_is_owed,
            words=_fine,
            sample=_sample,
            link=_to_loans,
            label=_("Fines"),
            about=_("When a book came back late: what it costs, and why."),
        )
    )
    register(
        Kind(
            STAFF_OF_LOAN,
            to_staff=True,
            still_wanted=_has_happened,
            words=_loan_and_member,
            sample=_sample,
        )
    )
    register(
        Kind(
            STAFF_OF_OVERDUE,
            to_staff=True,
            still_wanted=_are_some_late,
            words=_late_loans,
            sample=_sample,
        )
    )
