"""What must hold between copies, loans, holds, charges and the orders by which they are paid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Cast

from commerce.models import Order
from commerce.services.integrity import CHUNK, Broken, history_rule, register
from library import policies
from library.models import Borrowing, Charge, Copy, Hold, Renewal
from library.services.charging import KINDS


def copy_unlike_loans(at: datetime) -> Broken:
    """A copy is on loan exactly while a loan of it is open."""
    lent = Exists(Borrowing.objects.open().filter(copy=OuterRef("pk")))
    out = Q(status=Copy.Status.ON_LOAN)
    for copy in _each(Copy.objects.filter((out & ~Q(lent)) | (~out & Q(lent)))):
        loans = Borrowing.objects.open().filter(copy=copy).count()
        yield copy, f"copy {copy} is {copy.status}, and {loans} loans of it are open"


def copy_unlike_holds(at: datetime) -> Broken:
    """A copy is on the hold shelf exactly while it is set aside for somebody."""
    ready = Exists(Hold.objects.ready().filter(copy=OuterRef("pk")))
    aside = Q(status=Copy.Status.ON_HOLD_SHELF)
    for copy in _each(Copy.objects.filter((aside & ~Q(ready)) | (~aside & Q(ready)))):
        holds = Hold.objects.ready().filter(copy=copy).count()
        yield copy, f"copy {copy} is {copy.status}, and set aside for {holds} holds"


def available_while_waited_for(at: datetime) -> Broken:
    """No copy stands on the open shelf while somebody waits for its book."""
    waiting = Exists(Hold.objects.waiting().filter(book=OuterRef("book")))
    for copy in _each(Copy.objects.available().filter(waiting).select_related("book")):
        yield copy, f"copy {copy} is available, and somebody waits for {copy.book}"


def book_unlike_copy(at: datetime) -> Broken:
    """A loan, and a hold that is ready, is of the book that its copy is of."""
    for borrowing in _each(Borrowing.objects.exclude(book=F("copy__book"))):
        yield borrowing, f"a loan of book {borrowing.book_id} by a copy of another one"
    for hold in _each(Hold.objects.filter(copy__isnull=False).exclude(book=F("copy__book"))):
        yield hold, f"a hold of book {hold.book_id} with a copy of another one"


def charge_unlike_order(at: datetime) -> Broken:
    """What a loan costs is what its order asks of its member, for this loan, by one line."""
    line, order = "order_line", "order_line__order"
    right = Q(
        Q(
            *(Q(kind=kind, **{f"{line}__kind": name}) for kind, name in KINDS.items()),
            _connector=Q.OR,
        ),
        **{
            f"{line}__reference": Cast("borrowing", CharField()),
            f"{line}__quantity": 1,
            f"{line}__unit_price_minor": F("amount_minor"),
            f"{order}__total_minor": F("amount_minor"),
            f"{order}__currency": F("currency"),
            f"{order}__buyer": F("borrowing__member"),
        },
    )
    asked = Charge.objects.filter(right).values("pk")
    for charge in _each(Charge.objects.exclude(pk__in=asked).select_related("order_line__order")):
        order_of = charge.order_line.order if charge.order_line else "none"
        yield charge, f"{charge.amount} is charged, and its order ({order_of}) asks for something else"


def charge_unlike_days(at: datetime) -> Broken:
    """A fee is its days at the loan's daily fee, and a fine what its frozen inputs come to: reckoned anew."""
    for charge in _each(Charge.objects.select_related("borrowing")):
        if charge.kind == Charge.Kind.FINE:
            due, returned, rule, calendar = policies.thawed(charge.inputs)
            right = policies.fine(
                due=due,
                returned=returned,
                daily_fee_minor=charge.inputs["daily_fee_minor"],
                rule=rule,
                calendar=calendar,
                step_minor=charge.inputs["step_minor"],
            ).amount_minor
        else:
            right = (charge.borrowing.daily_fee_money * charge.days).minor
        if charge.amount_minor != right:
            yield charge, f"{charge.amount_minor} for {charge.days} days, and it should be {right}"


def charge_of_given_up_loan_paid(at: datetime) -> Broken:
    """Money for a loan that was given up is not kept in silence: it opens the loan again, or goes back."""
    paid = Charge.objects.filter(
        borrowing__status=Borrowing.Status.CANCELLED,
        order_line__order__status=Order.Status.PAID,
        order_line__refused_at__isnull=True,
    )
    for charge in _each(paid.select_related("order_line__order")):
        yield charge, f"order {charge.order_line.order} is paid, and its loan is given up"


def renewals_unlike_numbers(at: datetime) -> Broken:
    """The renewals of a loan are numbered from 1 on, without gaps."""
    earlier = Renewal.objects.filter(borrowing=OuterRef("borrowing"), number=OuterRef("number") - 1)
    for renewal in _each(Renewal.objects.exclude(number=1).exclude(Exists(earlier))):
        yield renewal, f"renewal {renewal.number} has none before it"


def _each(rows: QuerySet[Any]) -> Iterator[Any]:
    return rows.order_by("pk").iterator(chunk_size=CHUNK)


def register_own() -> None:
    """Make the rules of the library known; called when the app starts."""
    for check in (
        copy_unlike_loans,
        copy_unlike_holds,
        available_while_waited_for,
        book_unlike_copy,
        charge_unlike_order,
        charge_unlike_days,
        charge_of_given_up_loan_paid,
        renewals_unlike_numbers,
    ):
        register(f"library_{check.__name__}", check)
    # A copy may be written down as it is found; on loan and on the hold shelf it comes only from here.
    out = {Copy.Status.ON_LOAN, Copy.Status.ON_HOLD_SHELF}
    register("library_copy_history", history_rule(Copy, initial=set(Copy.Status) - out))
    register("library_borrowing_history", history_rule(Borrowing, initial=[Borrowing.Status.OPEN]))
    register("library_hold_history", history_rule(Hold, initial=[Hold.Status.WAITING]))
