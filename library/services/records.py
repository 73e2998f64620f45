"""What a file says of a book and its copies, whatever its format; and how its words are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Protocol

from django.utils.translation import gettext as _

from library import barcodes, isbn

#: What Code 128 prints, every scanner types, and no list of barcodes uses as a separator.
BARCODE = re.compile(r"[0-9A-Za-z.$/+%_-]{1,40}")
#: Characters that no text has: some database or format cannot hold each of them.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LANGUAGE = re.compile(r"[a-z]{3}")
#: ISO 639-1 for the languages that people write in two letters, as bibliographic ISO 639-2.
_IN_TWO_LETTERS = {
    "ar": "ara", "be": "bel", "bg": "bul", "cs": "cze", "da": "dan", "de": "ger", "el": "gre", "en": "eng",
    "es": "spa", "et": "est", "fi": "fin", "fr": "fre", "he": "heb", "hu": "hun", "hy": "arm", "it": "ita",
    "ja": "jpn", "ka": "geo", "kk": "kaz", "ko": "kor", "la": "lat", "lt": "lit", "lv": "lav", "nl": "dut",
    "no": "nor", "pl": "pol", "pt": "por", "ro": "rum", "ru": "rus", "sk": "slo", "sr": "srp", "sv": "swe",
    "tr": "tur", "uk": "ukr", "zh": "chi",
}  # fmt: skip
#: More copies than this in one record are a slip of the finger.
MOST_COPIES = 1000


class RecordRefused(ValueError):
    """One record cannot be taken in; the message says why. The others can."""


class FileUnreadable(ValueError):
    """The file cannot be read to its end; the message says where. Nothing of it is taken in."""


@dataclass(frozen=True, kw_only=True)
class CopyRecord:
    """What is said of a copy; None: nothing. condition: a status of Copy that new ones begin with."""

    barcode: str
    location: str | None = None
    note: str | None = None
    acquired_on: date | None = None
    condition: str | None = None


@dataclass(frozen=True, kw_only=True)
class BookRecord:
    """What is said of a book; None: nothing, so that what the catalogue says of it stays.

    isbn: 13 digits. subjects: names. copies: those with barcodes. count: how many copies there are at least;
    barcodes are made for those that have none.
    """

    title: str | None = None
    author: str | None = None
    cover: str | None = None
    isbn: str | None = None
    publisher: str | None = None
    year: int | None = None
    language: str | None = None
    subjects: tuple[str, ...] | None = None
    description: str | None = None
    daily_fee: Decimal | None = None
    currency: str | None = None
    copies: tuple[CopyRecord, ...] = ()
    count: int | None = None
    new_location: str | None = None


@dataclass(frozen=True, kw_only=True)
class Read:
    """One record of a file: what it says, or why that is of no use. title and isbn: to find it again by."""

    number: int
    line: int | None = None
    record: BookRecord | None = None
    reason: str = ""
    title: str = ""
    isbn: str = ""


class Source(Protocol):
    """A file that is read record by record. notes: what of it is left aside, known when reading has begun."""

    notes: list[str]

    def __iter__(self) -> Iterator[Read]: ...


# --- Words -------------------------------------------------------------------------------------------------
def as_text(written: str) -> str:
    """A text as the catalogue keeps it: lines end in one way, no space around. Raises RecordRefused."""
    text = written.replace("\r\n", "\n").replace("\r", "\n").strip()
    if found := _NO_TEXT.search(text):
        message = _("“%(text)s…” holds a character that no text has (U+%(code)s). Take it out of the file.")
        shown = _NO_TEXT.sub("", text)[:30]
        raise RecordRefused(message % {"text": shown, "code": f"{ord(found.group()):04X}"})
    return text


def without_control_characters(text: str) -> str:
    """A text as every format can hold it."""
    return _NO_TEXT.sub("", text)


def fee_text(fee: Decimal) -> str:
    """An amount without zeros behind it that say nothing."""
    return f"{fee.normalize():f}"


def as_isbn(written: str) -> str:
    """13 digits. Raises RecordRefused."""
    try:
        return isbn.parse(written)
    except isbn.InvalidIsbn as error:
        message = _("“%(isbn)s” is no valid ISBN: 10 or 13 digits, the last of which fits the others.")
        raise RecordRefused(message % {"isbn": written[:40]}) from error


def as_language(written: str) -> str:
    """Three letters of ISO 639-2; two of ISO 639-1 are understood. Raises RecordRefused."""
    language = written.strip().lower()
    language = _IN_TWO_LETTERS.get(language, language)
    if not _LANGUAGE.fullmatch(language):
        message = _("“%(language)s” is no language in three letters of ISO 639-2, such as eng or rus.")
        raise RecordRefused(message % {"language": written[:40]})
    return language


def as_year(written: str) -> int:
    """Raises RecordRefused."""
    if not re.fullmatch(r"[0-9]{1,4}", written.strip()) or not int(written):
        message = _("“%(year)s” is no year.")
        raise RecordRefused(message % {"year": written[:40]})
    return int(written)


def as_fee(written: str) -> Decimal:
    """An amount with a point or a comma before the small change. Raises RecordRefused."""
    message = _("“%(fee)s” is no fee: write it like 1.50.") % {"fee": written[:40]}
    try:
        fee = Decimal(written.strip().replace(",", "."))
    except InvalidOperation as error:
        raise RecordRefused(message) from error
    if not fee.is_finite() or fee < 0 or fee >= 10**9:
        raise RecordRefused(message)
    return fee


def as_count(written: str) -> int:
    """A number of copies. Raises RecordRefused."""
    if not re.fullmatch(r"[0-9]{1,4}", written.strip()) or int(written) > MOST_COPIES:
        message = _("“%(count)s” is no number of copies between 0 and %(most)s.")
        raise RecordRefused(message % {"count": written[:40], "most": MOST_COPIES})
    return int(written)


def as_day(written: str) -> date:
    """A day like 2026-11-20, 20261120 or 20.11.2026. Raises RecordRefused."""
    parts = re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", written.strip())
    try:
        if parts:
            return date(int(parts[3]), int(parts[2]), int(parts[1]))
        return date.fromisoformat(written.strip())
    except ValueError as error:
        message = _("“%(day)s” is no day: write it like 2026-11-20.")
        raise RecordRefused(message % {"day": written[:40]}) from error


def as_barcode(written: str) -> str:
    """Raises RecordRefused."""
    barcode = written.strip()
    if not BARCODE.fullmatch(barcode):
        message = _("“%(barcode)s” is no barcode: 40 letters, digits and . $ / + %% _ - at most.")
        raise RecordRefused(message % {"barcode": barcode[:60]})
    if barcodes.is_mistyped(barcode):
        message = _("Barcode %(barcode)s is mistyped: its last digit does not fit the others.")
        raise RecordRefused(message % {"barcode": barcode})
    return barcode


# --- Lists in one text -------------------------------------------------------------------------------------
def joined(names: Iterable[str], *, separator: str = ";") -> str:
    """Names in one text, for `split`; a separator within a name has a backslash before it."""
    escaped = (name.replace("\\", "\\\\").replace(separator, f"\\{separator}") for name in names)
    return f"{separator} ".join(escaped)


def split(text: str, *, separator: str = ";") -> tuple[str, ...]:
    """The names in a text, each once, in its order."""
    parts = re.findall(rf"(?:\\.|[^{separator}\\]|\\$)+", text, re.DOTALL)
    names = (re.sub(r"\\(.)", r"\1", part.strip(), flags=re.DOTALL).strip() for part in parts)
    return tuple(dict.fromkeys(name for name in names if name))


def unique(copies: Sequence[CopyRecord]) -> tuple[CopyRecord, ...]:
    """The copies of a record. Raises RecordRefused when a barcode is on two of them."""
    seen: set[str] = set()
    for copy in copies:
        if copy.barcode in seen:
            message = _("Barcode %(barcode)s stands twice in this record.")
            raise RecordRefused(message % {"barcode": copy.barcode})
        seen.add(copy.barcode)
    if len(copies) > MOST_COPIES:
        message = _("More than %(most)s copies in one record.")
        raise RecordRefused(message % {"most": MOST_COPIES})
    return tuple(copies)
