"""What pages show of the library: how a book stands, and what a member has, owes and waits for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from wagtail.images import get_image_model

from commerce.models import Order
from commerce.money import Money, minimum_charge
from library.models import Book, Borrowing, Charge, Copy, Hold, LendingRules
from library.policies import Calendar, NeverOpens
from library.services import charging, holding, lending
from library.services.days import day_of

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True, kw_only=True)
class Availability:
    """How many copies of a book are to be had, of how many; when the next is due back; how many wait."""

    available: int
    holdings: int
    next_back: date | None
    waiting: int

    @property
    def is_available(self) -> bool:
        return self.available > 0


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a member stands to a book: has it, has a hold on it, may borrow it or wait for it.

    place: in the queue, theirs or the next free one; estimate: when their turn may come.
    """

    loan: Borrowing | None
    hold: Hold | None
    may_borrow: bool
    may_hold: bool
    place: int
    estimate: date | None

    @property
    def is_ready(self) -> bool:
        return self.hold is not None and self.hold.status == Hold.Status.READY


@dataclass(frozen=True, kw_only=True)
class ChargeLine:
    """What a loan costs, and what has become of it. is_for_desk: too little for a card."""

    charge: Charge
    order: Order | None
    state: str
    is_unpaid: bool
    is_for_desk: bool


@dataclass(frozen=True, kw_only=True)
class RenewalChoice:
    """What renewing would mean; why_not is empty when nothing about the loan is in the way."""

    due: date
    price: Money
    why_not: str


@dataclass(frozen=True, kw_only=True)
class LoanLine:
    """A loan of a member, with what it costs and what can be done with it. renewal: None when it is over."""

    borrowing: Borrowing
    days_late: int
    days_left: int
    charges: list[ChargeLine]
    renewal: RenewalChoice | None
    may_return: bool

    @property
    def book(self) -> Book:
        return self.borrowing.book

    @property
    def is_overdue(self) -> bool:
        return self.days_late > 0

    @property
    def waits_at_desk(self) -> bool:
        return self.borrowing.is_active and self.borrowing.handed_out_at is None


@dataclass(frozen=True, kw_only=True)
class HoldLine:
    """A hold of a member; place in the queue is 0 when a copy is ready."""

    hold: Hold
    place: int


def availability(*, book: Book, on: date) -> Availability:
    """How a book stands: three queries."""
    counted = Copy.objects.of(book).aggregate(
        available=Count("pk", filter=Q(status=Copy.Status.AVAILABLE)),
        holdings=Count("pk", filter=~Q(status=Copy.Status.WITHDRAWN)),
    )
    due = (
        Borrowing.objects.of(book)
        .open()
        .order_by("expected_return_date")
        .values_list("expected_return_date", flat=True)
        .first()
    )
    return Availability(
        **counted,
        next_back=max(due, on) if due else None,
        waiting=Hold.objects.of(book).waiting().count(),
    )


def standing(*, book: Book, stock: Availability, member: User, on: date) -> Standing:
    """How member stands to a book of which so much is there."""
    loan = Borrowing.objects.by(member).of(book).open().first()
    hold = Hold.objects.by(member).of(book).open().first()
    is_ready = hold is not None and hold.status == Hold.Status.READY
    is_waiting = hold is not None and not is_ready
    may_borrow = loan is None and (is_ready or (stock.is_available and not is_waiting))
    place = holding.position(hold) if hold is not None else stock.waiting + 1
    return Standing(
        loan=loan,
        hold=hold,
        may_borrow=may_borrow,
        may_hold=loan is None and hold is None and not stock.is_available and stock.holdings > 0,
        place=place,
        estimate=None
        if stock.is_available or is_ready
        else holding.estimate(book=book, position=place, on=on),
    )


def open_loans(*, member: User, on: date) -> list[LoanLine]:
    """What member has, the day it is due first: the same number of queries for any number of loans."""
    loans = list(_for_lines(Borrowing.objects.by(member).open()).order_by("expected_return_date", "pk"))
    rules = LendingRules.current()
    calendar = rules.calendar(since=on)
    wanted = set(
        Hold.objects.filter(book__in=[loan.book_id for loan in loans])
        .waiting()
        .values_list("book", flat=True)
    )
    return [
        _line(
            loan,
            on=on,
            charges=loan.charges.all(),
            may_return=rules.may_members_return or loan.handed_out_at is None,
            renewal=_renewal(loan, rules=rules, calendar=calendar, is_wanted=loan.book_id in wanted),
        )
        for loan in loans
    ]


def past_loans(*, member: User) -> QuerySet[Borrowing]:
    """What member has had, the latest first. `lines` makes lines of them."""
    past = Borrowing.objects.by(member).exclude(status=Borrowing.Status.OPEN)
    return _for_lines(past).order_by("-created_at", "-pk")


def lines(loans: Iterable[Borrowing], *, on: date) -> list[LoanLine]:
    """Lines of loans that are over."""
    return [_line(loan, on=on, may_return=False, renewal=None, charges=loan.charges.all()) for loan in loans]


def holds(*, member: User) -> list[HoldLine]:
    """What member waits for: what is ready first, then as it was asked for. One query."""
    earlier = Hold.objects.waiting().filter(
        Q(placed_at__lt=OuterRef("placed_at")) | Q(placed_at=OuterRef("placed_at"), pk__lt=OuterRef("pk")),
        book=OuterRef("book"),
    )
    before = Subquery(
        earlier.order_by().values("book").annotate(only=Count("pk")).values("only"),
        output_field=IntegerField(),
    )
    found = (
        Hold.objects.by(member)
        .open()
        .select_related("book__picture")
        .annotate(before=Coalesce(before, 0))
        .order_by(F("shelf_until").asc(nulls_last=True), "placed_at", "pk")
    )
    return [
        HoldLine(hold=hold, place=0 if hold.status == Hold.Status.READY else hold.before + 1)
        for hold in found
    ]


def charge_line(charge: Charge) -> ChargeLine:
    """What has become of a charge that came with its order."""
    order = charge.order_line.order if charge.order_line is not None else None
    is_unpaid = False
    if charge.waived_at is not None:
        state = _("forgiven")
    elif order is None or order.status == Order.Status.PAID:
        state = _("paid")
    elif order.status == Order.Status.REFUNDED:
        state = _("refunded")
    elif _is_not_owed(charge.borrowing):
        state = _("not owed")
    else:
        state, is_unpaid = _("unpaid"), True
    return ChargeLine(
        charge=charge,
        order=order,
        state=state,
        is_unpaid=is_unpaid,
        is_for_desk=charge.amount < minimum_charge(charge.currency),
    )


def owed(*, member: User, at: datetime) -> tuple[list[ChargeLine], tuple[Money, ...]]:
    """What member has to pay for loans, and what it comes to by currency."""
    debt = charging.owed(member, at)
    return [charge_line(charge) for charge in debt.charges], debt.total


class LoansSection:
    """What stands on a member's first page of the library: what is due, and what is to be paid."""

    name = "library"
    template = "library/components/my_section.html"

    def facts(self, *, member: User, at: datetime) -> dict[str, Any] | None:
        on = day_of(at)
        loans = (
            Borrowing.objects.by(member).open().select_related("book").order_by("expected_return_date", "pk")
        )
        due = [_line(loan, on=on, may_return=False, renewal=None, charges=[]) for loan in loans]
        ready = list(Hold.objects.by(member).ready().select_related("book").order_by("shelf_until", "pk"))
        debt = charging.owed(member, at)
        if not due and not ready and not debt:
            return None
        return {"loans": due, "ready": ready, "unpaid": debt.total}


def _is_not_owed(borrowing: Borrowing) -> bool:
    """Given up, or never fetched: nobody pays for it."""
    if borrowing.status == Borrowing.Status.CANCELLED:
        return True
    return borrowing.status == Borrowing.Status.RETURNED and borrowing.handed_out_at is None


def _for_lines(loans: Any) -> QuerySet[Borrowing]:
    charges = Charge.objects.select_related("order_line__order").order_by("created_at", "pk")
    renditions = get_image_model().get_rendition_model().objects.all()
    return loans.select_related("book__picture", "copy").prefetch_related(
        Prefetch("charges", queryset=charges),
        Prefetch("book__picture__renditions", queryset=renditions),
        "renewals",
    )


def _line(
    loan: Borrowing,
    *,
    on: date,
    may_return: bool,
    renewal: RenewalChoice | None,
    charges: Iterable[Charge],
) -> LoanLine:
    charges = list(charges)
    for charge in charges:
        charge.borrowing = loan
    is_late = loan.is_overdue(on=on) or not loan.is_active
    return LoanLine(
        borrowing=loan,
        days_late=loan.days_late(on=on) if is_late and loan.status != Borrowing.Status.CANCELLED else 0,
        days_left=max((loan.expected_return_date - on).days, 0),
        charges=[charge_line(charge) for charge in charges],
        renewal=renewal,
        may_return=may_return,
    )


def _renewal(
    loan: Borrowing, *, rules: LendingRules, calendar: Calendar, is_wanted: bool
) -> RenewalChoice | None:
    """What renewing a loan would mean, as `lending.renewal_offer` says it; what is in the way of every loan
    of its member, such as an overdue one, is said when they try."""
    wanted = loan.expected_return_date + timedelta(days=rules.renewal_days)
    why_not = ""
    try:
        due = calendar.next_open(wanted)
    except NeverOpens:
        return None
    if loan.handed_out_at is None:
        why_not = str(lending.NotHandedOut(loan))
    elif len(loan.renewals.all()) >= rules.max_renewals:
        why_not = str(lending.RenewalsUsedUp(loan))
    elif is_wanted:
        why_not = str(lending.WantedByAnother(loan))
    return RenewalChoice(due=due, price=loan.daily_fee_money * rules.renewal_days, why_not=why_not)
