"""Who waits for a book that is out, and who is next. No copy is available while somebody waits for it."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.models.batches import in_batches
from library import policies
from library.models import Book, Borrowing, Copy, Hold, LendingRules
from library.services import telling
from library.services.cards import lock_book, lock_card, must
from library.services.refusals import AlreadyBorrowed, CardBlocked, LendingRefused, NoCopies

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)


class NoNeedToHold(LendingRefused):
    """A copy is there to be borrowed."""

    code = "no_need_to_hold"

    def __init__(self, book: Book) -> None:
        super().__init__(_("A copy of “%s” is available. Borrow it instead of waiting.") % book)


class AlreadyHeld(LendingRefused):
    """The member waits for the book already."""

    code = "already_held"

    def __init__(self, hold: Hold) -> None:
        if hold.status == Hold.Status.READY:
            words = _("A copy of “%s” waits for you already. Borrow it.") % hold.book
        else:
            words = _("You are waiting for “%(book)s” already, at place %(position)s.") % {
                "book": hold.book,
                "position": position(hold),
            }
        super().__init__(words)


class TooManyHolds(LendingRefused):
    """The member waits for as many books as one may."""

    code = "too_many_holds"

    def __init__(self, most: int) -> None:
        words = ngettext(
            "One waits for %(most)s book at most. Cancel another hold first.",
            "One waits for %(most)s books at most. Cancel another hold first.",
            most,
        )
        super().__init__(words % {"most": most} if most else _("The library takes no holds."))


def place(*, book: Book, member: User, at: datetime, on: date) -> Hold:
    """Put member at the end of the queue for a book of which no copy is available.

    A transaction of its own. Raises LendingRefused.
    """
    with transaction.atomic(durable=True):
        card = lock_card(member, at=at)
        book = lock_book(book.pk)
        if card.blocked_reason:
            raise CardBlocked(card.blocked_reason)
        mine = Hold.objects.by(member).open()
        if (held := mine.of(book).select_related("book").first()) is not None:
            raise AlreadyHeld(held)
        if Borrowing.objects.by(member).of(book).open().exists():
            raise AlreadyBorrowed(book)
        if Copy.objects.of(book).available().exists():
            raise NoNeedToHold(book)
        if not Copy.objects.of(book).held().exists():
            raise NoCopies(book)
        most = LendingRules.current().max_holds
        if mine.count() >= most:
            raise TooManyHolds(most)
        return Hold.objects.create(book=book, member=member, placed_at=at)


def cancel(*, hold: Hold, at: datetime, on: date, by: User | None, cause: str = "cancelled") -> bool:
    """Wait no longer; say whether this call ended it. A copy that was set aside goes to the next."""
    with transaction.atomic():
        lock_book(hold.book_id)
        return _end(hold=hold, to=Hold.Status.CANCELLED, at=at, on=on, by=by, cause=cause)


def expire_due(*, on: date, at: datetime) -> int:
    """Give on what nobody has fetched in time; the number of holds that ended. A transaction for each."""
    ended = 0
    for hold in in_batches(Hold.objects.past_their_time(on=on)):
        try:
            ended += _expire(hold=hold, on=on, at=at)
        except Exception:
            # One that cannot be given on, whatever the reason, must not keep the others.
            logger.exception("Hold %s could not expire; the next run tries again", hold.pk)
    return ended


def pass_on(*, copy: Copy, on: date, at: datetime, cause: str, by: User | None = None) -> Hold | None:
    """Give a copy that is there again to the next who waits, or else put it on the open shelf.

    The one way for a copy to become available. The hold that is ready then, or None. Call it inside a
    transaction that has locked the book (cards.lock_book) and has ended what the copy was out for.
    """
    copy.refresh_from_db()
    upcoming = Hold.objects.of(copy.book).waiting().select_related("member").first()
    if upcoming is None:
        if copy.status != Copy.Status.AVAILABLE:
            won = copy.transition(to=Copy.Status.AVAILABLE, at=at, cause=cause, actor=by)
            must(won, row=copy, to=Copy.Status.AVAILABLE)
        return None
    if copy.status != Copy.Status.ON_HOLD_SHELF:
        won = copy.transition(to=Copy.Status.ON_HOLD_SHELF, at=at, cause=cause, actor=by)
        must(won, row=copy, to=Copy.Status.ON_HOLD_SHELF)
    won = upcoming.transition(
        to=Hold.Status.READY,
        at=at,
        cause=cause,
        copy=copy,
        shelf_until=_shelf_until(on),
    )
    must(won, row=upcoming, to=Hold.Status.READY)
    telling.hold_ready(hold=upcoming, at=at)
    return upcoming


def position(hold: Hold) -> int:
    """The place in the queue, from 1; 0 when a copy is ready, and when the hold has ended."""
    if hold.status != Hold.Status.WAITING:
        return 0
    earlier = Q(placed_at__lt=hold.placed_at) | Q(placed_at=hold.placed_at, pk__lt=hold.pk)
    return Hold.objects.filter(book=hold.book_id).waiting().filter(earlier).count() + 1


def estimate(*, book: Book, position: int, on: date) -> date | None:
    """When a copy may be there for this place in the queue; None when no copy is to come.

    Supposed: everybody brings books back when they are due, today if they are late, and keeps them for the
    usual time.
    """
    rules = LendingRules.current()
    usual = timedelta(days=rules.usual_loan_days)
    back = [
        max(due, on)
        for due in Borrowing.objects.of(book).open().values_list("expected_return_date", flat=True)
    ]
    on_shelf = Hold.objects.of(book).ready().values_list("shelf_until", flat=True)
    back += [until + usual for until in on_shelf if until is not None]
    if position < 1:
        return None
    calendar = rules.calendar(since=on)
    return policies.foreseen(returns=back, position=position, usual_loan=usual, calendar=calendar)


def _shelf_until(on: date) -> date:
    """The last day on which a copy set aside today can be fetched."""
    rules = LendingRules.current()
    try:
        return rules.calendar(since=on).after_open_days(on, rules.hold_shelf_days)
    except policies.NeverOpens:
        # While the library stays closed nobody can fetch anything, and nobody loses their place.
        return on + policies.LOOK_AHEAD


def _expire(*, hold: Hold, on: date, at: datetime) -> bool:
    with transaction.atomic(durable=True):
        lock_book(hold.book_id)
        # Looked at again: fetched, or given more time by a closure, since it was found.
        if not Hold.objects.past_their_time(on=on).filter(pk=hold.pk).exists():
            return False
        return _end(hold=hold, to=Hold.Status.EXPIRED, at=at, on=on, by=None, cause="not fetched in time")


def _end(*, hold: Hold, to: str, at: datetime, on: date, by: User | None, cause: str) -> bool:
    """End a hold; what was set aside for it goes to the next. The caller has locked the book."""
    hold.refresh_from_db()
    copy = hold.copy
    if not hold.transition(to=to, at=at, cause=cause, actor=by, copy=None, shelf_until=None):
        return False
    if copy is not None:
        pass_on(copy=copy, on=on, at=at, cause=f"hold {hold.pk} {cause}")
    return True
