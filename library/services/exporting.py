"""The catalogue as a file that `importing` reads: book by book, in the memory of a few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Length

from commerce.models.batches import in_batches
from library.models import Book, Copy, Format, ImportRow, ImportRun
from library.services import marc, spreadsheets
from library.services.records import fee_text, joined

if TYPE_CHECKING:
    from pymarc import Record

SUFFIXES = {Format.CSV: "csv", Format.MARC21: "mrc", Format.MARCXML: "xml"}
CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.MARC21: "application/marc",
    Format.MARCXML: "application/marcxml+xml",
}
#: No shorter description keeps a book from fitting into a binary record.
LONG = 20_000
REPORT = ("record", "line", "outcome", "title", "isbn", "what happened", "new copies", "barcodes")


def export(*, books: QuerySet[Book], format: Format, on: date) -> Iterator[bytes]:
    """Books with the copies that the library still has, in pieces. on: the day, for MARC.

    Raises marc.RecordTooLong, before the first piece, for what a binary record cannot hold.
    """
    if format == Format.MARC21:
        for book in books.annotate(length=Length("description")).filter(length__gt=LONG):
            list(marc.records(book, [], [], on=on))
    if format == Format.CSV:
        return spreadsheets.lines(_rows(books))
    written = _records(books, on)
    return marc.binary(written) if format == Format.MARC21 else marc.xml(written)


def report(*, run: ImportRun) -> Iterator[bytes]:
    """What became of each record of an import, as a spreadsheet."""
    return spreadsheets.lines(
        (
            [
                str(row.number),
                str(row.line or ""),
                row.get_outcome_display(),
                row.title,
                row.isbn,
                row.words,
                str(row.copies),
                row.barcodes,
            ]
            for row in in_batches(ImportRow.objects.filter(run=run))
        ),
        header=REPORT,
    )


def _records(books: QuerySet[Book], on: date) -> Iterator[Record]:
    for book in _whole(books):
        subjects = sorted(subject.name for subject in book.subjects.all())
        yield from marc.records(book, subjects, list(book.copies.all()), on=on)


def _rows(books: QuerySet[Book]) -> Iterator[Sequence[str]]:
    for book in _whole(books):
        about = [
            book.title,
            book.author,
            book.isbn or "",
            book.publisher,
            str(book.year or ""),
            book.language,
            joined(sorted(subject.name for subject in book.subjects.all())),
            book.description,
            book.cover,
            fee_text(book.daily_fee),
            book.currency,
        ]
        copies = list(book.copies.all())
        for copy in copies:
            yield [
                *about,
                copy.barcode,
                copy.location,
                copy.note,
                copy.acquired_on.isoformat() if copy.acquired_on else "",
                copy.status if copy.status in spreadsheets.CONDITIONS[1:] else "",
            ]
        if not copies:
            yield [*about, "", "", "", "", ""]


def _whole(books: QuerySet[Book]) -> Iterator[Book]:
    held = Copy.objects.held().order_by("pk")
    return in_batches(books.prefetch_related("subjects", Prefetch("copies", queryset=held)))
