"""Tell members and staff what happens in the library: rows in the caller's transaction, letters after it.

Whatever comes again, each is written once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import translation

from accounts.models import Message
from accounts.services import notifying
from library.models import Borrowing, Charge, Hold
from library.notifications import FINED, HOLD_READY, LENT, STAFF_OF_LOAN, STAFF_OF_OVERDUE

if TYPE_CHECKING:
    from accounts.models import User


def lent(*, borrowing: Borrowing, at: datetime) -> Message | None:
    """What was borrowed, until when, and what it costs."""
    return notifying.notify(
        recipient=borrowing.member,
        kind=LENT,
        subject_of=f"borrowing:{borrowing.pk}",
        context={"borrowing": borrowing.pk},
        dedupe="lent",
        at=at,
    )


def hold_ready(*, hold: Hold, at: datetime) -> Message | None:
    """A copy waits on the shelf. Told again when it was lost and another one is there."""
    return notifying.notify(
        recipient=hold.member,
        kind=HOLD_READY,
        subject_of=f"hold:{hold.pk}",
        context={"hold": hold.pk, "copy": hold.copy_id},
        dedupe=f"ready {hold.copy_id} {hold.shelf_until}",
        at=at,
    )


def fined(*, charge: Charge, at: datetime) -> Message | None:
    """What a delay costs, line by line."""
    return notifying.notify(
        recipient=charge.borrowing.member,
        kind=FINED,
        subject_of=f"borrowing:{charge.borrowing_id}",
        context={"charge": charge.pk},
        dedupe="fine",
        at=at,
    )


def staff_of_loan(*, borrowing: Borrowing, at: datetime) -> Message | None:
    """Tell the staff chat who borrowed what, until when and for how much."""
    return notifying.notify_staff(
        kind=STAFF_OF_LOAN,
        subject_of=f"borrowing:{borrowing.pk}",
        context={"borrowing": borrowing.pk},
        dedupe="lent",
        at=at,
    )


def staff_of_overdue(*, borrowings: Sequence[int], number: int, on: date, at: datetime) -> Message | None:
    """Tell the staff chat what is late on a day; number: of the message, when there are too many for one."""
    return notifying.notify_staff(
        kind=STAFF_OF_OVERDUE,
        subject_of=f"overdue:{on.isoformat()}",
        context={"borrowings": list(borrowings), "on": on.isoformat()},
        dedupe=f"part {number}",
        at=at,
    )


@contextmanager
def in_words_of(member: User) -> Iterator[None]:
    """Speak the member's language, whoever asks: what is written down here, the member reads."""
    with translation.override(member.language or settings.LANGUAGE_CODE):
        yield
