"""Lend, hand out, take back, renew. A loan is open from the moment its copy is taken until it is back.

Everybody locks in one order (services.cards) and looks again behind the lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.models import Order
from commerce.models.batches import in_batches
from commerce.money import Money, smallest_step
from commerce.services import ordering
from library import policies
from library.models import Book, Borrowing, Charge, Copy, Hold, LendingRules, LibraryCard, Renewal
from library.services import charging, holding, telling
from library.services.cards import card_of, lock_book, lock_card, lock_card_of, must
from library.services.refusals import AlreadyBorrowed, CardBlocked, LendingRefused

if TYPE_CHECKING:
    from accounts.models import User

__all__ = [
    "AlreadyBorrowed",
    "AlreadyReturned",
    "BadDates",
    "CardBlocked",
    "CopyNotLendable",
    "HeldForAnother",
    "LendingRefused",
    "NoCopyAvailable",
    "NotHandedOut",
    "NotOpen",
    "Offer",
    "RenewalOffer",
    "RenewalsUsedUp",
    "RenewedMeanwhile",
    "Return",
    "ReturnAtDesk",
    "SomethingOverdue",
    "SomethingUnpaid",
    "TooManyLoans",
    "WantedByAnother",
    "card_of",
    "close_unfetched",
    "end_unfetched",
    "give_back",
    "give_up",
    "hand_out",
    "lend",
    "offer",
    "renew",
    "renewal_offer",
    "take_up",
]

#: In what state a copy can come back.
CONDITIONS = (Copy.Status.AVAILABLE, Copy.Status.REPAIR, Copy.Status.MISSING)


class NoCopyAvailable(LendingRefused):
    """All copies are out, or set aside for others."""

    code = "no_copy"

    def __init__(self, book: Book, *, back: date | None) -> None:
        if back is None:
            words = _("No copy of “%(book)s” is to be had; you can place a hold.")
        else:
            words = _("“%(book)s” is out until %(day)s; you can place a hold.")
        super().__init__(words % {"book": book, "day": _day(back) if back else ""})


class TooManyLoans(LendingRefused):
    """The member has as many books as one may have."""

    code = "too_many_loans"

    def __init__(self, most: int) -> None:
        super().__init__(
            ngettext(
                "One has %(most)s book at a time at most. Bring one back first.",
                "One has %(most)s books at a time at most. Bring one back first.",
                most,
            )
            % {"most": most}
        )


class SomethingOverdue(LendingRefused):
    """The member has a book whose time is over."""

    code = "overdue"

    def __init__(self, borrowing: Borrowing) -> None:
        super().__init__(
            _("“%(book)s” was due on %(day)s. Bring it back first.")
            % {"book": borrowing.book, "day": _day(borrowing.expected_return_date)}
        )


class SomethingUnpaid(LendingRefused):
    """The member owes more than the rules allow."""

    code = "unpaid"

    def __init__(self, amounts: tuple[Money, ...]) -> None:
        super().__init__(
            _("%s is unpaid for loans, and the time to pay is over. Pay it first, here or at the desk.")
            % " + ".join(map(str, amounts))
        )


class BadDates(LendingRefused):
    """The day of return is not one to choose."""

    code = "bad_dates"


class CopyNotLendable(LendingRefused):
    """The copy at hand is on loan, in repair, missing, withdrawn, or one of another book."""

    code = "copy_not_lendable"

    def __init__(self, copy: Copy, book: Book) -> None:
        if copy.book_id != book.pk:
            words = _("Copy %(copy)s is none of “%(book)s”. Scan it again.")
        elif copy.status == Copy.Status.ON_LOAN:
            words = _("Copy %(copy)s of “%(book)s” is on loan. Take it back first.")
        else:
            words = _("Copy %(copy)s of “%(book)s” is: %(status)s. Put it back on the shelf first.")
        super().__init__(words % {"copy": copy, "book": book, "status": copy.get_status_display()})


class HeldForAnother(LendingRefused):
    """The copy at hand waits on the hold shelf for somebody else."""

    code = "held_for_another"

    def __init__(self, copy: Copy, book: Book) -> None:
        super().__init__(
            _("Copy %(copy)s of “%(book)s” is set aside for somebody else. Put it back on the hold shelf.")
            % {"copy": copy, "book": book}
        )


class NotOpen(LendingRefused):
    """The loan was returned or given up."""

    code = "not_open"

    def __init__(self, borrowing: Borrowing) -> None:
        super().__init__(
            _("The loan of “%(book)s” is over: %(status)s. Borrow the book again.")
            % {"book": borrowing.book, "status": borrowing.get_status_display()}
        )


class NotHandedOut(LendingRefused):
    """The book waits at the desk still."""

    code = "not_handed_out"

    def __init__(self, borrowing: Borrowing) -> None:
        super().__init__(_("“%s” waits at the desk. Fetch it, and renew it then.") % borrowing.book)


class RenewalsUsedUp(LendingRefused):
    """The loan was renewed as often as a loan may be."""

    code = "renewals_used_up"

    def __init__(self, borrowing: Borrowing) -> None:
        super().__init__(
            _("“%(book)s” cannot be renewed again. Bring it back by %(day)s.")
            % {"book": borrowing.book, "day": _day(borrowing.expected_return_date)}
        )


class RenewedMeanwhile(LendingRefused):
    """The loan is due on another day than the one that is to be put off: the other half of a double click."""

    code = "renewed_meanwhile"

    def __init__(self, borrowing: Borrowing) -> None:
        super().__init__(
            _("“%(book)s” is due on %(day)s now. Look at it again, and renew then.")
            % {"book": borrowing.book, "day": _day(borrowing.expected_return_date)}
        )


class WantedByAnother(LendingRefused):
    """Somebody waits for the book."""

    code = "wanted_by_another"

    def __init__(self, borrowing: Borrowing) -> None:
        super().__init__(
            _("Somebody waits for “%(book)s”. Bring it back by %(day)s.")
            % {"book": borrowing.book, "day": _day(borrowing.expected_return_date)}
        )


class AlreadyReturned(LendingRefused):
    """It is back."""

    code = "already_returned"

    def __init__(self, borrowing: Borrowing) -> None:
        if borrowing.actual_return_date is None:
            words = _("The loan of “%(book)s” was given up; there is nothing to bring back.")
        else:
            words = _("“%(book)s” was brought back on %(day)s already.")
        day = _day(borrowing.actual_return_date) if borrowing.actual_return_date else ""
        super().__init__(words % {"book": borrowing.book, "day": day})


class ReturnAtDesk(LendingRefused):
    """Members do not take books back themselves here."""

    code = "return_at_desk"

    def __init__(self, borrowing: Borrowing) -> None:
        super().__init__(_("Bring “%s” to the desk; it is taken back there.") % borrowing.book)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What borrowing a book until a day would mean.

    days: those paid for. due: the day asked for, or the next on which the library opens. blocks: why it would
    be refused, the first of them by `lend`. hold_position: the member's place in the queue, or the one that a
    new hold would get; None while a copy is to be had.
    """

    book: Book
    days: int
    due: date
    price: Money
    blocks: tuple[LendingRefused, ...]
    hold_position: int | None

    @property
    def is_possible(self) -> bool:
        return not self.blocks


@dataclass(frozen=True, kw_only=True)
class RenewalOffer:
    """What renewing a loan would mean; its fields are those of Offer. number: the how manieth it would be."""

    borrowing: Borrowing
    number: int
    days: int
    due: date
    price: Money
    blocks: tuple[LendingRefused, ...]

    @property
    def is_possible(self) -> bool:
        return not self.blocks


@dataclass(frozen=True, kw_only=True)
class Return:
    """What came of a return: the fine, if it was late, and whose the copy is now, if somebody waited."""

    borrowing: Borrowing
    fine: Charge | None
    next_hold: Hold | None


def offer(*, book: Book, to: User, until: date, on: date, at: datetime) -> Offer:
    """What lending book to a member until a day would mean. Writes nothing."""
    rules = LendingRules.current()
    days = (until - on).days
    blocks = list(_date_blocks(rules=rules, until=until, on=on))
    due = until if blocks else rules.calendar(since=on).next_open(until)
    card = LibraryCard.objects.filter(member=to.pk).first()
    blocks += _blocks(book=book, to=to, card=card, rules=rules, on=on, at=at)
    hold = Hold.objects.by(to).of(book).open().first()
    position = None
    if hold is not None:
        position = holding.position(hold) or None
    elif not Copy.objects.of(book).available().exists():
        position = Hold.objects.of(book).waiting().count() + 1
    try:
        _choose(book=book, hold=hold, copy=None, on=on)
    except LendingRefused as refusal:
        blocks.append(refusal)
    return Offer(
        book=book,
        days=days,
        due=due,
        price=book.daily_fee_money * max(days, 0),
        blocks=tuple(blocks),
        hold_position=position,
    )


def lend(
    *,
    book: Book,
    to: User,
    until: date,
    on: date,
    at: datetime,
    copy: Copy | None = None,
    by: User | None = None,
    at_desk: bool = False,
) -> Borrowing:
    """Lend a copy of book to a member until a day, in a transaction of its own.

    copy: the one in the hands of staff; else the one set aside for the member, or any that is available.
    at_desk: it is handed out at once. The fee is an order of its own (`borrowing.charges`), which waits for
    its money; open its payment after this (charging.begin_payment). Raises LendingRefused; nothing is lent
    then.
    """
    with transaction.atomic(durable=True):
        card = lock_card(to, at=at)
        book = lock_book(book.pk)
        rules = LendingRules.current()
        for refusal in _date_blocks(rules=rules, until=until, on=on):
            raise refusal
        for refusal in _blocks(book=book, to=to, card=card, rules=rules, on=on, at=at):
            raise refusal
        hold = Hold.objects.by(to).of(book).open().first()
        chosen = _choose(book=book, hold=hold, copy=copy, on=on)
        borrowing = Borrowing.objects.create(
            member=to,
            book=book,
            copy=chosen,
            borrow_date=on,
            expected_return_date=rules.calendar(since=on).next_open(until),
            handed_out_at=at if at_desk or not rules.is_handed_out_at_desk else None,
            daily_fee=book.daily_fee,
            currency=book.currency,
            fine_multiplier=rules.fine_multiplier,
            fine_max_days=rules.fine_max_days,
            fine_grace_days=rules.fine_grace_days,
            are_closed_days_fined=rules.are_closed_days_fined,
            created_at=at,
        )
        _take(chosen, hold=hold, borrowing=borrowing, on=on, at=at, by=by)
        days = (until - on).days
        charging.charge(
            borrowing=borrowing,
            kind=Charge.Kind.FEE,
            days=days,
            amount=borrowing.daily_fee_money * days,
            at=at,
        )
        telling.lent(borrowing=borrowing, at=at)
        telling.staff_of_loan(borrowing=borrowing, at=at)
    return borrowing


def hand_out(*, borrowing: Borrowing, by: User | None, at: datetime) -> bool:
    """Note that its member has fetched the book; say whether this call did.

    From now on the loan goes on whatever becomes of its fee.
    """
    with transaction.atomic():
        # Who gives the loan up because its time to pay is over takes the same lock.
        lock_card_of(borrowing.member_id)
        waiting = Borrowing.objects.waiting_at_desk().filter(pk=borrowing.pk)
        handed_out = waiting.update(handed_out_at=at, handed_out_by=by)
        borrowing.refresh_from_db()
    return bool(handed_out)


def give_back(
    *,
    borrowing: Borrowing,
    on: date,
    at: datetime,
    by: User | None,
    condition: Copy.Status = Copy.Status.AVAILABLE,
) -> Return:
    """Take a book back, in a transaction of its own; its copy goes to the next who waits, or on the shelf.

    condition: REPAIR or MISSING when the copy cannot be lent as it is. A delay is fined by the rule of the
    day the loan was made, and by today's calendar. What was never handed out is not fined, and its fee, if
    it is not paid, is not owed. Raises AlreadyReturned and ReturnAtDesk.
    """
    if condition not in CONDITIONS:
        raise ValueError(f"A copy comes back {', '.join(CONDITIONS)}, not {condition}.")
    with transaction.atomic(durable=True):
        fee_order = _lock_order_of_unfetched(borrowing)
        _lock(borrowing)
        if borrowing.status != Borrowing.Status.OPEN:
            raise AlreadyReturned(borrowing)
        was_fetched = borrowing.handed_out_at is not None
        if was_fetched and _is_only_member(by, borrowing) and not LendingRules.current().may_members_return:
            raise ReturnAtDesk(borrowing)
        won = borrowing.transition(
            to=Borrowing.Status.RETURNED, at=at, cause="brought back", actor=by, actual_return_date=on
        )
        must(won, row=borrowing, to=Borrowing.Status.RETURNED)
        next_hold = None
        if condition == Copy.Status.AVAILABLE:
            cause = f"borrowing {borrowing.pk} returned"
            next_hold = holding.pass_on(copy=borrowing.copy, on=on, at=at, cause=cause, by=by)
        else:
            won = borrowing.copy.transition(to=condition, at=at, cause="returned so", actor=by)
            must(won, row=borrowing.copy, to=condition)
        fine = None
        if was_fetched:
            fine = _fine(borrowing=borrowing, on=on, at=at)
        elif fee_order is not None:
            ordering.cancel(order=fee_order, at=at, cause="not fetched", actor=by)
    return Return(borrowing=borrowing, fine=fine, next_hold=next_hold)


def standing_blocks(*, member: User, on: date, at: datetime) -> tuple[LendingRefused, ...]:
    """What keeps a member from borrowing anything at all, the gravest first. Writes nothing."""
    rules = LendingRules.current()
    card = LibraryCard.objects.filter(member=member.pk).first()
    blocks = list(_member_blocks(member=member, card=card, rules=rules, on=on, at=at))
    if Borrowing.objects.by(member).open().count() >= rules.max_loans:
        blocks.append(TooManyLoans(rules.max_loans))
    return tuple(blocks)


def renewal_offer(*, borrowing: Borrowing, on: date, at: datetime) -> RenewalOffer:
    """What renewing a loan would mean. Writes nothing."""
    rules = LendingRules.current()
    due = borrowing.expected_return_date + timedelta(days=rules.renewal_days)
    # That it never opens after that day is among the blocks.
    with suppress(policies.NeverOpens):
        due = rules.calendar(since=on).next_open(due)
    card = LibraryCard.objects.filter(member=borrowing.member_id).first()
    return RenewalOffer(
        borrowing=borrowing,
        number=borrowing.renewals.count() + 1,
        days=rules.renewal_days,
        due=due,
        price=borrowing.daily_fee_money * rules.renewal_days,
        blocks=tuple(_renewal_blocks(borrowing=borrowing, card=card, rules=rules, on=on, at=at)),
    )


def renew(
    *, borrowing: Borrowing, on: date, at: datetime, by: User | None, due: date | None = None
) -> Renewal:
    """Make a loan longer, from the day it is due, in a transaction of its own.

    due: the day on which the asker has seen it due; of two who have seen the same day one renews. Its fee is
    an order of its own, at the loan's daily fee. Raises LendingRefused.
    """
    with transaction.atomic(durable=True):
        card = _lock(borrowing)
        if due is not None and due != borrowing.expected_return_date:
            raise RenewedMeanwhile(borrowing)
        rules = LendingRules.current()
        for refusal in _renewal_blocks(borrowing=borrowing, card=card, rules=rules, on=on, at=at):
            raise refusal
        offered = renewal_offer(borrowing=borrowing, on=on, at=at)
        renewal = Renewal.objects.create(
            borrowing=borrowing,
            number=offered.number,
            due_before=borrowing.expected_return_date,
            due_after=offered.due,
            renewed_at=at,
            renewed_by=by,
        )
        borrowing.expected_return_date = offered.due
        borrowing.save(update_fields=["expected_return_date"])
        charging.charge(
            borrowing=borrowing,
            kind=Charge.Kind.RENEWAL,
            days=offered.days,
            amount=offered.price,
            at=at,
            renewal=renewal,
        )
    return renewal


def give_up(*, borrowing: Borrowing, on: date, at: datetime, cause: str, by: User | None = None) -> bool:
    """End a loan that was not handed out and will not be paid; say whether this call did.

    Call it inside a transaction. What was handed out goes on.
    """
    _lock(borrowing)
    if not _waits_at_desk(borrowing):
        return False
    won = borrowing.transition(to=Borrowing.Status.CANCELLED, at=at, cause=cause, actor=by)
    must(won, row=borrowing, to=Borrowing.Status.CANCELLED)
    holding.pass_on(copy=borrowing.copy, on=on, at=at, cause=f"borrowing {borrowing.pk}: {cause}", by=by)
    return True


def close_unfetched(*, on: date, at: datetime) -> int:
    """End loans that were paid, or free, and never fetched until they were due; the number that ended.

    A transaction for each. Nobody is fined for what they never had.
    """
    ended = 0
    for borrowing in in_batches(Borrowing.objects.waiting_at_desk().filter(expected_return_date__lt=on)):
        with transaction.atomic(durable=True):
            fee_order = _lock_order_of_unfetched(borrowing)
            if end_unfetched(borrowing=borrowing, on=on, at=at, cause="not fetched in time"):
                ended += 1
                if fee_order is not None:
                    ordering.cancel(order=fee_order, at=at, cause="not fetched")
    return ended


def end_unfetched(
    *, borrowing: Borrowing, on: date, at: datetime, cause: str, by: User | None = None
) -> bool:
    """End a loan that waits at the desk and is not owed for; say whether this call did.

    Call it inside a transaction; if its fee is unpaid, one that has locked the order and cancels it then.
    """
    _lock(borrowing)
    if not _waits_at_desk(borrowing):
        return False
    won = borrowing.transition(
        to=Borrowing.Status.RETURNED, at=at, cause=cause, actor=by, actual_return_date=on
    )
    must(won, row=borrowing, to=Borrowing.Status.RETURNED)
    holding.pass_on(copy=borrowing.copy, on=on, at=at, cause=f"borrowing {borrowing.pk}: {cause}", by=by)
    return True


def take_up(*, borrowing: Borrowing, on: date, at: datetime, cause: str) -> bool:
    """Open a loan again that was given up: its money has come, or is to come, after all.

    Say whether this call did. Call it inside a transaction. Raises LendingRefused when no copy is there, its
    days are over, or its member has the book or too many.
    """
    _lock(borrowing)
    if borrowing.status != Borrowing.Status.CANCELLED:
        return False
    refusal = why_not_taken_up(borrowing=borrowing, on=on)
    if refusal is not None:
        raise refusal
    hold = Hold.objects.by(borrowing.member).of(borrowing.book).open().first()
    chosen = _choose(book=borrowing.book, hold=hold, copy=None, on=on, preferred=borrowing.copy_id)
    won = borrowing.transition(to=Borrowing.Status.OPEN, at=at, cause=cause, copy=chosen)
    must(won, row=borrowing, to=Borrowing.Status.OPEN)
    _take(chosen, hold=hold, borrowing=borrowing, on=on, at=at, by=None)
    return True


def why_not_taken_up(*, borrowing: Borrowing, on: date) -> LendingRefused | None:
    """Why a loan that was given up cannot be had again; None when it can."""
    mine = Borrowing.objects.by(borrowing.member).open()
    if not borrowing.member.is_active:
        return CardBlocked(_("the account of its owner is closed."))
    most = LendingRules.current().max_loans
    if borrowing.expected_return_date <= on:
        return BadDates(
            _("The loan of “%(book)s” was until %(day)s, and that is over. Borrow the book again.")
            % {"book": borrowing.book, "day": _day(borrowing.expected_return_date)}
        )
    if mine.of(borrowing.book).exists():
        return AlreadyBorrowed(borrowing.book)
    if mine.count() >= most:
        return TooManyLoans(most)
    hold = Hold.objects.by(borrowing.member).of(borrowing.book).open().first()
    try:
        _choose(book=borrowing.book, hold=hold, copy=None, on=on)
    except LendingRefused as refusal:
        return refusal
    return None


def _lock(borrowing: Borrowing) -> LibraryCard | None:
    """Lock what everybody locks who changes a loan; its member's card, if there is one."""
    card = lock_card_of(borrowing.member_id)
    lock_book(borrowing.book_id)
    borrowing.refresh_from_db()
    return card


def _waits_at_desk(borrowing: Borrowing) -> bool:
    return borrowing.status == Borrowing.Status.OPEN and borrowing.handed_out_at is None


def _lock_order_of_unfetched(borrowing: Borrowing) -> Order | None:
    """The unpaid order of a loan that waits at the desk, locked: orders are locked before everything here."""
    orders = Order.objects.awaiting_payment().filter(
        lines__library_charge__borrowing=borrowing.pk,
        lines__library_charge__kind=Charge.Kind.FEE,
        lines__library_charge__borrowing__handed_out_at__isnull=True,
    )
    return orders.select_for_update(of=("self",)).first()


def _date_blocks(*, rules: LendingRules, until: date, on: date) -> Iterator[LendingRefused]:
    days = (until - on).days
    if days < 1:
        yield BadDates(_("A book is lent for one day at least: choose a day after %s.") % _day(on))
    elif days > rules.max_loan_days:
        last = on + timedelta(days=rules.max_loan_days)
        yield BadDates(
            ngettext(
                "A book is lent for %(days)s day at most: choose %(last)s or earlier.",
                "A book is lent for %(days)s days at most: choose %(last)s or earlier.",
                rules.max_loan_days,
            )
            % {"days": rules.max_loan_days, "last": _day(last)}
        )
    else:
        try:
            rules.calendar(since=on).next_open(until)
        except policies.NeverOpens:
            yield BadDates(_("The library does not open after %s. Choose an earlier day.") % _day(until))


def _blocks(
    *, book: Book, to: User, card: LibraryCard | None, rules: LendingRules, on: date, at: datetime
) -> Iterator[LendingRefused]:
    """What about the member is in the way of another loan, the gravest first."""
    yield from _member_blocks(member=to, card=card, rules=rules, on=on, at=at)
    mine = Borrowing.objects.by(to).open()
    if mine.of(book).exists():
        yield AlreadyBorrowed(book)
    elif mine.count() >= rules.max_loans:
        yield TooManyLoans(rules.max_loans)


def _member_blocks(
    *, member: User, card: LibraryCard | None, rules: LendingRules, on: date, at: datetime
) -> Iterator[LendingRefused]:
    if not member.is_active:
        yield CardBlocked(_("the account of its owner is closed."))
    elif card is not None and card.blocked_reason:
        yield CardBlocked(card.blocked_reason)
    overdue = Borrowing.objects.by(member).overdue(on=on).select_related("book")
    late = overdue.order_by("expected_return_date", "pk").first()
    if late is not None:
        yield SomethingOverdue(late)
    debt = charging.owed(member, at)
    if debt.is_beyond(rules):
        yield SomethingUnpaid(debt.outstanding)


def _renewal_blocks(
    *, borrowing: Borrowing, card: LibraryCard | None, rules: LendingRules, on: date, at: datetime
) -> Iterator[LendingRefused]:
    if borrowing.status != Borrowing.Status.OPEN:
        yield NotOpen(borrowing)
        return
    if borrowing.handed_out_at is None:
        yield NotHandedOut(borrowing)
    yield from _member_blocks(member=borrowing.member, card=card, rules=rules, on=on, at=at)
    if borrowing.renewals.count() >= rules.max_renewals:
        yield RenewalsUsedUp(borrowing)
    if Hold.objects.of(borrowing.book).waiting().exists():
        yield WantedByAnother(borrowing)
    wanted = borrowing.expected_return_date + timedelta(days=rules.renewal_days)
    try:
        rules.calendar(since=on).next_open(wanted)
    except policies.NeverOpens:
        yield BadDates(_("The library does not open after %s. Bring the book back.") % _day(wanted))


def _choose(
    *, book: Book, hold: Hold | None, copy: Copy | None, on: date, preferred: int | None = None
) -> Copy:
    """The copy to lend: the one at hand, the one set aside for the member, or one that is available."""
    set_aside = hold.copy_id if hold is not None else None
    if copy is not None:
        copy.refresh_from_db()
        if copy.book_id == book.pk:
            if copy.status == Copy.Status.AVAILABLE or copy.pk == set_aside:
                return copy
            if copy.status == Copy.Status.ON_HOLD_SHELF:
                raise HeldForAnother(copy, book)
        raise CopyNotLendable(copy, book)
    if set_aside is not None:
        return Copy.objects.get(pk=set_aside)
    available = Copy.objects.of(book).available().order_by("pk")
    chosen = (available.filter(pk=preferred).first() if preferred else None) or available.first()
    if chosen is None:
        back = Borrowing.objects.of(book).open().filter(expected_return_date__gte=on)
        first = back.order_by("expected_return_date").values_list("expected_return_date", flat=True).first()
        raise NoCopyAvailable(book, back=first)
    return chosen


def _take(
    copy: Copy, *, hold: Hold | None, borrowing: Borrowing, on: date, at: datetime, by: User | None
) -> None:
    """Take a copy for a loan, and end the hold by which its member waited for it."""
    set_aside = hold.copy if hold is not None else None
    cause = f"borrowing {borrowing.pk}"
    if hold is not None:
        # A loan that is taken up again may have come of an earlier hold already: a loan is the last one's.
        Hold.objects.filter(borrowing=borrowing).update(borrowing=None)
        won = hold.transition(
            to=Hold.Status.FULFILLED,
            at=at,
            cause=cause,
            actor=by,
            copy=None,
            shelf_until=None,
            borrowing=borrowing,
        )
        must(won, row=hold, to=Hold.Status.FULFILLED)
    won = copy.transition(to=Copy.Status.ON_LOAN, at=at, cause=cause, actor=by)
    must(won, row=copy, to=Copy.Status.ON_LOAN)
    if set_aside is not None and set_aside.pk != copy.pk:
        # Another copy than the one set aside was lent over the desk.
        holding.pass_on(copy=set_aside, on=on, at=at, cause=f"{cause} took copy {copy}", by=by)


def _fine(*, borrowing: Borrowing, on: date, at: datetime) -> Charge | None:
    due, rule = borrowing.expected_return_date, borrowing.fine_rule
    calendar = LendingRules.current().calendar(since=due)
    fee_minor, step_minor = borrowing.daily_fee_money.minor, smallest_step(borrowing.currency)
    reckoned = policies.fine(
        due=due,
        returned=on,
        daily_fee_minor=fee_minor,
        rule=rule,
        calendar=calendar,
        step_minor=step_minor,
    )
    charge = charging.charge(
        borrowing=borrowing,
        kind=Charge.Kind.FINE,
        days=reckoned.days_charged,
        amount=Money.from_minor(reckoned.amount_minor, borrowing.currency),
        at=at,
        inputs={
            **policies.frozen(due=due, returned=on, rule=rule, calendar=calendar),
            "daily_fee_minor": fee_minor,
            "step_minor": step_minor,
        },
        lines=[asdict(line) for line in reckoned.lines],
    )
    if charge is not None:
        telling.fined(charge=charge, at=at)
    return charge


def _is_only_member(by: User | None, borrowing: Borrowing) -> bool:
    if by is None or by.pk != borrowing.member_id:
        return False
    return not (by.is_staff or by.has_perm("library.change_borrowing"))


def _day(day: date) -> str:
    return date_format(day, "DATE_FORMAT")
