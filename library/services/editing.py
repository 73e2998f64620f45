"""Books as clients write them: what the catalogue says of one and how many are to be had, in one stroke."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from library.models import Book, Subject
from library.services import cataloguing

if TYPE_CHECKING:
    from accounts.models import User


class ChangedMeanwhile(Exception):
    """The book is not what its writer has read."""

    def __init__(self) -> None:
        super().__init__(_("It has been changed since you read it. Read it again, and repeat."))


def create(
    *,
    content: Mapping[str, Any],
    subjects: Sequence[Subject],
    inventory: int,
    on: date,
    at: datetime,
) -> Book:
    """Take a book into the catalogue with so many copies; content is by the names of the model.

    Raises ValidationError, by field, and cataloguing.CataloguingRefused; nothing is written then.
    """
    with transaction.atomic(durable=True):
        book = cataloguing.save_book(book=Book(created_at=at, **content), subjects=subjects)
        if inventory:
            cataloguing.add_copies(book=book, count=inventory, on=on, at=at)
    return book


def change(
    *,
    book: Book,
    content: Mapping[str, Any],
    subjects: Sequence[Subject] | None,
    inventory: int | None,
    is_current: Callable[[], bool],
    on: date,
    at: datetime,
    by: User,
) -> None:
    """Write what is new of a book: the fields in content, and subjects and inventory unless they are None.

    is_current is asked with the book locked: does it look as by has seen it? Copies are lent under the same
    lock, so that an inventory that was read before a loan does not bring the lent copy back as a new one.
    Raises ChangedMeanwhile, Book.DoesNotExist and what `create` raises; nothing is written then.
    """
    with transaction.atomic(durable=True):
        book = Book.objects.select_for_update().get(pk=book.pk)
        if not is_current():
            raise ChangedMeanwhile
        for name, value in content.items():
            setattr(book, name, value)
        cataloguing.save_book(book=book, subjects=subjects)
        if inventory is not None:
            cataloguing.set_inventory(book=book, available=inventory, on=on, at=at, by=by)


def delete(*, book: Book, is_current: Callable[[], bool]) -> None:
    """Take a book out of the catalogue. Raises as `change` does."""
    with transaction.atomic(durable=True):
        Book.objects.select_for_update().get(pk=book.pk)
        if not is_current():
            raise ChangedMeanwhile
        cataloguing.delete_book(book=book)
