"""Cards of members, and the locks that everybody takes who changes loans: the card first, then the book.

From commerce's side payment and order come before them; copies, holds and loans after.
"""

from __future__ import annotations

import logging
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from library import barcodes
from library.models import Book, LibraryCard
from library.services.refusals import CardBlocked

if TYPE_CHECKING:
    from django.db.models import Model

logger = logging.getLogger(__name__)

NUMBER_ATTEMPTS = 5


class MovedMeanwhile(RuntimeError):
    """A row that was locked and looked at has another status all the same: a lock was forgotten."""

    def __init__(self, row: Model, to: str) -> None:
        super().__init__(f"{type(row).__name__} {row.pk} did not become {to}: somebody moved it meanwhile.")


def card_of(member: User, at: datetime) -> LibraryCard:
    """The card of a member; made when they first need one."""
    for _attempt in range(NUMBER_ATTEMPTS):
        card = LibraryCard.objects.filter(member=member.pk).first()
        if card is not None:
            return card
        number = barcodes.made(barcodes.CARD, 1 + secrets.randbelow(barcodes.GREATEST))
        try:
            with transaction.atomic():
                return LibraryCard.objects.create(member=member, number=number, created_at=at)
        except IntegrityError:
            # Of two at once the other has made it; or somebody has this number, and another is drawn.
            logger.info("Card %s of member %s is taken; looking again", number, member.pk)
    raise RuntimeError(f"No free card number in {NUMBER_ATTEMPTS} draws; barcodes.DIGITS must be more.")


def lock_card(member: User, *, at: datetime) -> LibraryCard:
    """The card of a member, locked: nobody else changes the member's loans and holds until the commit.

    Raises CardBlocked for an account that is blocked or deleted.
    """
    card = card_of(member, at)
    locked = LibraryCard.objects.select_for_update(no_key=True).filter(pk=card.pk).first()
    if locked is None or not User.objects.filter(pk=member.pk, is_active=True).exists():
        raise CardBlocked(_("the account of its owner is closed."))
    return locked


def lock_card_of(member_id: int) -> LibraryCard | None:
    """The card that a member has, locked; None when its owner has left, and nobody borrows by it."""
    return LibraryCard.objects.select_for_update(no_key=True).filter(member=member_id).first()


def lock_book(book_id: int) -> Book:
    """A book, locked: nobody else moves its copies and its queue until the commit."""
    return Book.objects.select_for_update(no_key=True).get(pk=book_id)


def must(won: bool, *, row: Model, to: str) -> None:
    """Raise MovedMeanwhile when a transition behind a lock was not won."""
    if not won:
        raise MovedMeanwhile(row, to)
