"""Books as CSV: a row for each copy, or one for a book without copies. See docs/library-exchange.md."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

from django.utils.translation import gettext as _

from library.models import Book, Copy
from library.services.records import (
    BookRecord,
    CopyRecord,
    FileUnreadable,
    Read,
    RecordRefused,
    as_barcode,
    as_count,
    as_day,
    as_fee,
    as_isbn,
    as_language,
    as_text,
    as_year,
    split,
    unique,
)

COLUMNS = (
    "title", "author", "isbn", "publisher", "year", "language", "subjects", "description", "cover",
    "daily_fee", "currency", "barcode", "location", "note", "acquired", "condition",
)  # fmt: skip
#: Other words for the columns, as spreadsheets of libraries have them; compared in small letters.
ALIASES: Mapping[str, str] = {
    **{column: column for column in (*COLUMNS, "copies")},
    "authors": "author", "name": "title", "subject": "subjects",
    "language code": "language", "fee": "daily_fee", "daily fee": "daily_fee",
    "fee per day": "daily_fee", "barcodes": "barcode", "shelf": "location", "shelf mark": "location",
    "isbn13": "isbn", "isbn-13": "isbn", "isbn10": "isbn", "isbn-10": "isbn", "annotation": "description",
    "number of copies": "copies", "inventory": "copies", "publication year": "year",
    "название": "title", "заглавие": "title", "автор": "author", "авторы": "author",
    "издательство": "publisher",
    "год": "year", "год издания": "year", "язык": "language", "темы": "subjects", "рубрики": "subjects",
    "описание": "description", "аннотация": "description", "обложка": "cover", "переплёт": "cover",
    "плата за день": "daily_fee", "плата в день": "daily_fee", "валюта": "currency", "штрихкод": "barcode",
    "штрих-код": "barcode", "штрихкоды": "barcode", "место": "location", "место на полке": "location",
    "шифр": "location", "примечание": "note", "приобретено": "acquired", "состояние": "condition",
    "экземпляры": "copies", "экземпляров": "copies", "количество": "copies",
}  # fmt: skip
COVERS: Mapping[str, str] = {
    "hard": Book.Cover.HARD, "hardcover": Book.Cover.HARD, "hardback": Book.Cover.HARD,
    "hbk": Book.Cover.HARD,
    "твёрдая": Book.Cover.HARD, "твердая": Book.Cover.HARD, "переплёт": Book.Cover.HARD,
    "в пер": Book.Cover.HARD,
    "soft": Book.Cover.SOFT, "softcover": Book.Cover.SOFT, "paperback": Book.Cover.SOFT,
    "pbk": Book.Cover.SOFT,
    "мягкая": Book.Cover.SOFT, "обложка": Book.Cover.SOFT, "обл": Book.Cover.SOFT,
}  # fmt: skip
#: How a new copy may begin. What is lent or set aside is so by a loan or a hold, never by a file.
CONDITIONS = (Copy.Status.AVAILABLE, Copy.Status.REPAIR, Copy.Status.MISSING)
DELIMITERS = (",", ";", "\t")
#: A longer field is a quotation mark that nobody closed.
LONGEST_FIELD = 131_072
LONGEST_LINE = 10 * LONGEST_FIELD
# A spreadsheet takes a cell that begins so for a formula. The apostrophe before it is taken away again on the
# way back, and one more is put before a text that begins like this by itself.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


class CsvSource:
    """A spreadsheet, row by row. Each row is a record; its line is where it begins."""

    def __init__(self, file: BinaryIO, *, encoding: str = "utf-8") -> None:
        self.notes: list[str] = []
        self._file = file
        self._encoding = encoding

    def __iter__(self) -> Iterator[Read]:
        self._file.seek(0)
        lines = _Lines(self._file, _encoding_of(self._file, self._encoding))
        header = _header(lines)
        delimiter = max(DELIMITERS, key=header.count)
        rows = csv.reader(_first_then(header, lines), delimiter=delimiter, strict=True)
        begins = 1
        try:
            names = next(rows)
            columns = self._columns(names)
            number = 0
            while True:
                begins = lines.read + 1
                row = next(rows, None)
                if row is None:
                    return
                if any(cell.strip() for cell in row):
                    number += 1
                    yield _read(row, columns, width=len(names), number=number, line=begins)
        except csv.Error as error:
            message = _(
                "From line %(line)s on the file cannot be read (%(error)s): a field is longer than 128 kB, "
                "or a quotation mark is missing or too many."
            )
            raise FileUnreadable(message % {"line": begins, "error": error}) from error

    def _columns(self, names: Sequence[str]) -> dict[str, int]:
        """Where each column stands. Raises FileUnreadable without a title or a number, or with one twice."""
        columns: dict[str, int] = {}
        left_aside = []
        for place, name in enumerate(names):
            column = ALIASES.get(" ".join(name.lower().split()))
            if column is None:
                if name.strip():
                    left_aside.append(name.strip()[:40])
            elif column in columns:
                message = _("Two columns of the first line mean “%(column)s”. Leave one out.")
                raise FileUnreadable(message % {"column": column})
            else:
                columns[column] = place
        if "title" not in columns and "isbn" not in columns:
            message = _(
                "The first line has to name the columns: “title” or “isbn” at least; it has: %(names)s."
            )
            raise FileUnreadable(message % {"names": ", ".join(names)[:200] or "–"})
        self.notes = [_("Columns left aside: %s.") % ", ".join(left_aside)] if left_aside else []
        return columns


class _Lines:
    """Lines of a file, decoded and counted, of bounded length. Raises FileUnreadable."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self.read = 0
        self._encoding = encoding
        self._text = io.TextIOWrapper(io.BufferedReader(_Kept(file)), encoding=encoding, newline="")

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(LONGEST_LINE)
        except UnicodeError as error:
            message = _(
                "Near line %(line)s stands what is not written in %(encoding)s. Save the file as “CSV "
                "UTF-8”, or say how its characters are written."
            )
            raise FileUnreadable(
                message % {"line": self.read + 1, "encoding": self._encoding.removesuffix("-sig")}
            ) from error
        if not line:
            raise StopIteration
        self.read += 1
        if len(line) >= LONGEST_LINE:
            raise FileUnreadable(_("Line %(line)s is too long for a spreadsheet.") % {"line": self.read})
        return line


class _Kept(io.RawIOBase):
    """A file that stays open when what reads it is thrown away."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._file.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def _encoding_of(file: BinaryIO, wished: str) -> str:
    """What the first bytes say, else what was wished for."""
    first = file.read(4)
    file.seek(0)
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if first.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return wished


def _header(lines: _Lines) -> str:
    """The line with the names of the columns; what Excel writes before it (`sep=;`) it shows by itself."""
    for line in lines:
        if line.strip() and not line.lower().startswith("sep="):
            return line
    raise FileUnreadable(_("The file is empty."))


def _first_then(first: str, others: Iterable[str]) -> Iterator[str]:
    yield first
    yield from others


def _read(row: Sequence[str], columns: Mapping[str, int], *, width: int, number: int, line: int) -> Read:
    def cell(column: str) -> str:
        place = columns.get(column)
        return _plain(row[place]) if place is not None and place < len(row) else ""

    title, isbn = cell("title").strip()[:255], cell("isbn").strip()[:40]
    try:
        if any(extra.strip() for extra in row[width:]):
            raise RecordRefused(_("This row has more cells than the first line has columns."))
        record = _record({column: as_text(cell(column)) for column in columns})
    except RecordRefused as refusal:
        return Read(number=number, line=line, reason=str(refusal), title=_shown(title), isbn=_shown(isbn))
    return Read(number=number, line=line, record=record, title=_shown(title), isbn=_shown(isbn))


def _shown(text: str) -> str:
    """A text for the report, whatever it holds."""
    return re.sub("[\x00-\x1f\ud800-\udfff]", " ", text)


def _record(cells: Mapping[str, str]) -> BookRecord:
    said = {column: text for column, text in cells.items() if text}
    get = said.get
    location = get("location")
    condition = get("condition", "").upper() or None
    if condition is not None and condition not in CONDITIONS:
        message = _("“%(condition)s” is no condition of a copy: write %(known)s, or leave the cell empty.")
        raise RecordRefused(
            message % {"condition": get("condition", "")[:40], "known": ", ".join(CONDITIONS)}
        )
    acquired = as_day(said["acquired"]) if "acquired" in said else None
    copies = [
        CopyRecord(
            barcode=as_barcode(barcode),
            location=location,
            note=get("note"),
            acquired_on=acquired,
            condition=condition,
        )
        for barcode in re.split(r"[\s;,|]+", get("barcode", ""))
        if barcode
    ]
    return BookRecord(
        title=get("title"),
        author=get("author"),
        cover=_cover(said["cover"]) if "cover" in said else None,
        isbn=as_isbn(said["isbn"]) if "isbn" in said else None,
        publisher=get("publisher"),
        year=as_year(said["year"]) if "year" in said else None,
        language=as_language(said["language"]) if "language" in said else None,
        subjects=split(said["subjects"]) if "subjects" in said else None,
        description=get("description"),
        daily_fee=as_fee(said["daily_fee"]) if "daily_fee" in said else None,
        currency=said["currency"].upper() if "currency" in said else None,
        copies=unique(copies),
        count=as_count(said["copies"]) if "copies" in said else None,
        new_location=location,
    )


def _cover(written: str) -> str:
    cover = COVERS.get(written.lower().strip(" ."))
    if cover is None:
        message = _("“%(cover)s” is no cover: write HARD or SOFT.")
        raise RecordRefused(message % {"cover": written[:40]})
    return cover


# --- Formulas ----------------------------------------------------------------------------------------------
def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; `_plain` takes the guard away."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _plain(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell


# --- Writing -----------------------------------------------------------------------------------------------
def lines(rows: Iterable[Sequence[str]], *, header: Sequence[str] = COLUMNS) -> Iterator[bytes]:
    """A spreadsheet with its columns' names, in UTF-8 with the mark by which Excel knows it."""
    yield codecs.BOM_UTF8 + _line(header)
    for row in rows:
        yield _line([guarded(cell) for cell in row])


def _line(cells: Sequence[str]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerow(cells)
    return written.getvalue().encode()
