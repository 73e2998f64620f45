"""Books taken from files: first what would happen, then, in batches, what does.

A dry run and the import ask one function, `plan`, about each record; they differ in where the state of a book
comes from (`_Foreseen`, or the locked rows) and in whether anything is written. docs/decisions/0028 says why.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import IntegrityError, transaction
from django.db.models import F, Model
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_q.tasks import async_task

from library.models import Book, Copy, Encoding, Format, ImportRow, ImportRun
from library.services import cataloguing
from library.services.marc import Marc21Source, MarcXmlSource
from library.services.records import (
    BookRecord,
    CopyRecord,
    FileUnreadable,
    Read,
    RecordRefused,
    Source,
    fee_text,
    without_control_characters,
)
from library.services.spreadsheets import CsvSource

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

BATCH = 200
#: So often a batch is tried anew when somebody else wrote the same books or barcodes meanwhile.
BATCH_ATTEMPTS = 4
#: So often a stage is taken up again after its worker died, before a person has to look at it.
MOST_ATTEMPTS = 10
#: A stage of which nothing was heard for so long is taken up again; longer than a task may run.
SILENCE = timedelta(minutes=25)
#: So long the worker imports at a stretch.
PART = timedelta(minutes=3)
#: The same for one that a command does by itself, at a stretch.
SILENCE_OF_COMMANDS = timedelta(hours=12)
#: A file that was checked and not confirmed is given up after so long.
PATIENCE = timedelta(days=7)
Outcome = ImportRow.Outcome
Status = ImportRun.Status
FIELDS = (
    "title", "author", "cover", "isbn", "publisher", "year", "language", "description", "daily_fee",
    "currency",
)  # fmt: skip
#: After how many records done, of how many in all.
Progress = Callable[[int, int | None], None]


class ImportRefused(Exception):
    """The file is not taken; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What new books and copies get where the file says nothing."""

    daily_fee: Decimal = Decimal(0)
    currency: str = ""
    location: str = ""


@dataclass(kw_only=True)
class State:
    """What the catalogue has of a book, or will have: `fields` of FIELDS, subjects, copies by barcode.

    held: copies that are not withdrawn. The rest is what has to be written yet.
    """

    pk: int | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    subjects: list[str] = field(default_factory=list)
    copies: dict[str, dict[str, Any]] = field(default_factory=dict)
    held: int = 0
    changed: set[str] = field(default_factory=set)
    new_copies: list[CopyRecord] = field(default_factory=list)
    changed_copies: set[str] = field(default_factory=set)
    made: list[tuple[int, str]] = field(default_factory=list)  # how many, and where they stand


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What becomes of a record. key: of its book; barcodes: of new copies that have theirs already."""

    read: Read
    outcome: Outcome
    words: str = ""
    copies: int = 0
    barcodes: tuple[str, ...] = ()
    key: str = ""


# --- Files -------------------------------------------------------------------------------------------------
def recognised(file: BinaryIO) -> Format:
    """The format that the first bytes speak for. Raises FileUnreadable for what is none of ours."""
    file.seek(0)
    first = file.read(512)
    file.seek(0)
    if first.startswith(b"PK\x03\x04"):
        message = _(
            "This is a ZIP archive or an Excel workbook. Unpack it, or save the sheet as “CSV UTF-8”."
        )
        raise FileUnreadable(message)
    if first.startswith((b"\x1f\x8b", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\xff\xd8\xff")):
        raise FileUnreadable(_("This is no file of books: CSV, MARC 21 and MARCXML are read."))
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<") or first[:4] in (b"\xff\xfe<\x00", b"\xfe\xff\x00<"):
        return Format.MARCXML
    if (first[:5].isdigit() and first[20:24] == b"4500") or (b"\x1e" in first and first[:5].isdigit()):
        return Format.MARC21
    return Format.CSV


def source(file: BinaryIO, *, format: str, encoding: str = Encoding.UTF_8) -> Source:
    """The file as records. Raises FileUnreadable when it is plainly something else."""
    found = recognised(file)
    if found != format and Format.MARCXML in (found, format):
        message = _("The file looks like %(found)s, not like %(format)s.")
        raise FileUnreadable(message % {"found": Format(found).label, "format": Format(format).label})
    if format == Format.CSV:
        return CsvSource(file, encoding=encoding)
    return Marc21Source(file) if format == Format.MARC21 else MarcXmlSource(file)


# --- What becomes of a record ------------------------------------------------------------------------------
def plan(read: Read, *, states: dict[str, State], owners: Mapping[str, str], defaults: Defaults) -> Planned:
    """What becomes of a record; its book's state in `states` is changed accordingly.

    owners: titles by barcode, of copies of other books. Nothing is changed when it is refused.
    """
    if read.record is None:
        return Planned(read=read, outcome=Outcome.REFUSED, words=read.reason)
    key = key_of(read.record)
    try:
        after, words, new = _merged(read.record, states.get(key), owners, defaults)
    except RecordRefused as refusal:
        return Planned(read=read, outcome=Outcome.REFUSED, words=str(refusal))
    is_new = key not in states
    states[key] = after
    read = replace(read, title=after.fields["title"], isbn=after.fields["isbn"] or "")
    barcodes = tuple(copy.barcode for copy in new.copies)
    outcome = Outcome.ADDED if is_new else Outcome.UPDATED if words else Outcome.UNCHANGED
    return Planned(
        read=read,
        outcome=outcome,
        words="; ".join(words) if not is_new else "",
        copies=len(barcodes) + new.made,
        barcodes=barcodes,
        key=key,
    )


def key_of(record: BookRecord) -> str:
    """By what a book is known again: its ISBN; without one, title, author, year and publisher as written."""
    if record.isbn:
        return f"isbn:{record.isbn}"
    return _text_key(record.title or "", _author(record.author or ""), record.year, record.publisher or "")


def _text_key(title: str, author: str, year: int | None, publisher: str) -> str:
    return "text:" + json.dumps([title, author, year, publisher], ensure_ascii=False)


def _author(written: str) -> str:
    return "; ".join(Book(author=written).author_names)


@dataclass(frozen=True)
class _New:
    copies: list[CopyRecord]
    made: int


def _merged(
    record: BookRecord, before: State | None, owners: Mapping[str, str], defaults: Defaults
) -> tuple[State, list[str], _New]:
    """The state after a record, what changed in words, and the copies that are new. Raises RecordRefused."""
    after = _copied(before) if before else State(fields=_blank(defaults))
    said = {name: getattr(record, name) for name in FIELDS if getattr(record, name) is not None}
    if before is None:
        if not record.title:
            message = _("The catalogue has no such book, and the record gives it no title.")
            raise RecordRefused(message)
        if record.currency is None and record.daily_fee is not None:
            said["currency"] = defaults.currency
    after.fields.update(said)
    _check(after.fields)
    if record.subjects is not None:
        _check_subjects(record.subjects)
        after.subjects = sorted(record.subjects)
    words = []
    if before is not None:
        changed = [name for name in FIELDS if after.fields[name] != before.fields[name]]
        after.changed |= set(changed)
        words += [_change(name, before.fields[name], after.fields[name]) for name in changed]
        if after.subjects != before.subjects:
            after.changed.add("subjects")
            words.append(_change("subjects", ", ".join(before.subjects), ", ".join(after.subjects)))
    new = _merge_copies(record, after, owners, defaults, words)
    return after, words, new


def _blank(defaults: Defaults) -> dict[str, Any]:
    return {
        "title": "",
        "author": "",
        "cover": Book.Cover.SOFT.value,
        "isbn": None,
        "publisher": "",
        "year": None,
        "language": "",
        "description": "",
        "daily_fee": defaults.daily_fee,
        "currency": defaults.currency or settings.DEFAULT_CURRENCY,
    }


def _copied(state: State) -> State:
    return replace(
        state,
        fields=dict(state.fields),
        subjects=list(state.subjects),
        copies={barcode: dict(facts) for barcode, facts in state.copies.items()},
        changed=set(state.changed),
        new_copies=list(state.new_copies),
        changed_copies=set(state.changed_copies),
        made=list(state.made),
    )


def _check(fields: dict[str, Any]) -> None:
    """Hold the fields against what a book may be, as its form would. Raises RecordRefused."""
    book = Book(**{**fields, "cover": str(fields["cover"])})
    try:
        book.clean_fields(exclude=["created_at", "picture"])
        book.clean()
    except ValidationError as error:
        raise RecordRefused(_in_words(error)) from error
    if any(len(name) > cataloguing.LONGEST_AUTHOR for name in book.author_names):
        message = _("The name of an author has %(most)s characters at most.")
        raise RecordRefused(message % {"most": cataloguing.LONGEST_AUTHOR})
    fields.update({name: getattr(book, name) for name in FIELDS})
    fields["daily_fee"] = Decimal(fee_text(book.daily_fee))


def _check_subjects(names: Iterable[str]) -> None:
    for name in names:
        if len(name) > 100:
            message = _("A subject has 100 characters at most: “%(name)s…”.")
            raise RecordRefused(message % {"name": name[:40]})


def _in_words(error: ValidationError) -> str:
    named = error.error_dict if hasattr(error, "error_dict") else {"__all__": error.error_list}
    sentences = []
    for name, errors in named.items():
        label = "" if name == "__all__" else f"{_label(Book, name)}: "
        sentences += [f"{label}{message}" for each in errors for message in each.messages]
    return " ".join(sentences)


def _change(name: str, before: Any, after: Any) -> str:
    return f"{_label(Book, name)}: {_short(before)} → {_short(after)}"


def _label(model: type[Model], name: str) -> str:
    return str(getattr(model._meta.get_field(name), "verbose_name", name))


def _short(value: Any) -> str:
    text = fee_text(value) if isinstance(value, Decimal) else str(value if value is not None else "")
    text = " ".join(text.split())
    return (text if len(text) <= 60 else f"{text[:59]}…") or "–"


def _merge_copies(
    record: BookRecord, after: State, owners: Mapping[str, str], defaults: Defaults, words: list[str]
) -> _New:
    new = []
    for copy in record.copies:
        if copy.barcode in owners and copy.barcode not in after.copies:
            message = _("Barcode %(barcode)s is on a copy of “%(title)s”.")
            raise RecordRefused(message % {"barcode": copy.barcode, "title": owners[copy.barcode]})
        _check_copy(copy)
        facts = after.copies.get(copy.barcode)
        if facts is None:
            copy = replace(copy, location=copy.location if copy.location is not None else defaults.location)
            after.copies[copy.barcode] = _facts(copy)
            after.new_copies.append(copy)
            after.held += 1
            new.append(copy)
            continue
        told = {
            name: value
            for name, value in (
                ("location", copy.location),
                ("note", copy.note),
                ("acquired_on", copy.acquired_on and copy.acquired_on.isoformat()),
            )
            if value is not None and facts[name] != value
        }
        if told:
            facts.update(told)
            if all(copy.barcode != each.barcode for each in after.new_copies):
                after.changed_copies.add(copy.barcode)
            else:
                after.new_copies = [
                    _told(each, copy) if each.barcode == copy.barcode else each for each in after.new_copies
                ]
            words.append(_("copy %(barcode)s changed") % {"barcode": copy.barcode})
    made = max(record.count - after.held, 0) if record.count is not None else 0
    if made:
        after.made.append((made, record.new_location or defaults.location))
        after.held += made
    if number := len(new) + made:
        words.append(ngettext("%(n)s new copy", "%(n)s new copies", number) % {"n": number})
    return _New(copies=new, made=made)


def _told(copy: CopyRecord, later: CopyRecord) -> CopyRecord:
    return replace(
        copy,
        location=copy.location if later.location is None else later.location,
        note=copy.note if later.note is None else later.note,
        acquired_on=copy.acquired_on if later.acquired_on is None else later.acquired_on,
    )


def _check_copy(copy: CopyRecord) -> None:
    for name, most in (("location", 60), ("note", 255)):
        if len(getattr(copy, name) or "") > most:
            label = _label(Copy, name)
            message = _("%(label)s of copy %(barcode)s: %(most)s characters at most.")
            raise RecordRefused(message % {"label": label, "barcode": copy.barcode, "most": most})


def _facts(copy: CopyRecord) -> dict[str, Any]:
    return {
        "location": copy.location or "",
        "note": copy.note or "",
        "acquired_on": copy.acquired_on.isoformat() if copy.acquired_on else None,
    }


# --- What the catalogue has --------------------------------------------------------------------------------
def _known(keys: Iterable[str], *, is_locked: bool = False) -> dict[str, State]:
    """The books of these keys as they are; locked until the transaction ends when they are to be written."""
    isbns = {key.removeprefix("isbn:") for key in keys if key.startswith("isbn:")}
    texts = {key for key in keys if key.startswith("text:")}
    titles = {json.loads(key.removeprefix("text:"))[0] for key in texts}
    rows = Book.objects.order_by("pk").prefetch_related("subjects", "copies")
    if is_locked:
        rows = rows.select_for_update()
    found = {f"isbn:{book.isbn}": book for book in rows.filter(isbn__in=isbns)} if isbns else {}
    for book in rows.filter(isbn__isnull=True, title__in=titles) if titles else ():
        key = _text_key(book.title, book.author, book.year, book.publisher)
        if key in texts:
            found.setdefault(key, book)
    return {key: _state(book) for key, book in found.items()}


def _state(book: Book) -> State:
    fields = {name: getattr(book, name) for name in FIELDS}
    fields["daily_fee"] = Decimal(fee_text(book.daily_fee))
    copies = list(book.copies.all())
    return State(
        pk=book.pk,
        fields=fields,
        subjects=sorted(subject.name for subject in book.subjects.all()),
        copies={
            copy.barcode: {
                "location": copy.location,
                "note": copy.note,
                "acquired_on": copy.acquired_on.isoformat() if copy.acquired_on else None,
            }
            for copy in copies
        },
        held=sum(copy.status != Copy.Status.WITHDRAWN for copy in copies),
    )


def _owners(barcodes: Iterable[str]) -> dict[str, str]:
    rows = Copy.objects.filter(barcode__in=set(barcodes)).values_list("barcode", "book__title")
    return dict(rows)


class _Foreseen:
    """What an import would have changed by now, for a dry run: on disk, however many books there are.

    SQLite keeps a database without a name in a temporary file of its own, gone with the connection.
    """

    def __init__(self) -> None:
        self._rows = sqlite3.connect("")
        self._rows.execute("CREATE TABLE book (key TEXT PRIMARY KEY, state TEXT)")
        self._rows.execute("CREATE TABLE copy (barcode TEXT PRIMARY KEY, title TEXT)")

    def close(self) -> None:
        self._rows.close()

    def states(self, keys: Iterable[str]) -> dict[str, State]:
        found = {}
        for key in keys:
            row = self._rows.execute("SELECT state FROM book WHERE key = ?", [key]).fetchone()
            if row:
                found[key] = _thawed(row[0])
        return found

    def owners(self, barcodes: Iterable[str]) -> dict[str, str]:
        found = {}
        for barcode in barcodes:
            row = self._rows.execute("SELECT title FROM copy WHERE barcode = ?", [barcode]).fetchone()
            if row:
                found[barcode] = row[0]
        return found

    def remember(self, states: Mapping[str, State], barcodes: Mapping[str, str]) -> None:
        self._rows.executemany(
            "INSERT OR REPLACE INTO book VALUES (?, ?)",
            [(key, _frozen(state)) for key, state in states.items()],
        )
        self._rows.executemany("INSERT OR REPLACE INTO copy VALUES (?, ?)", barcodes.items())


def _frozen(state: State) -> str:
    fields = {**state.fields, "daily_fee": str(state.fields["daily_fee"])}
    return json.dumps([state.pk, fields, state.subjects, state.copies, state.held])


def _thawed(text: str) -> State:
    pk, fields, subjects, copies, held = json.loads(text)
    fields["daily_fee"] = Decimal(fields["daily_fee"])
    return State(pk=pk, fields=fields, subjects=subjects, copies=copies, held=held)


# --- The dry run -------------------------------------------------------------------------------------------
def examine(records: Iterable[Read], *, defaults: Defaults) -> Iterator[Planned]:
    """What would become of each record, one after the other. Writes nothing. Raises FileUnreadable."""
    foreseen = _Foreseen()
    try:
        for batch in _batches(records):
            keys, barcodes = _asked(batch)
            states = {**_known(keys), **foreseen.states(keys)}
            owners = {**_owners(barcodes), **foreseen.owners(barcodes)}
            touched: set[str] = set()
            for read in batch:
                planned = plan(read, states=states, owners=owners, defaults=defaults)
                _own(planned, owners)
                touched.add(planned.key)
                yield planned
            foreseen.remember({key: states[key] for key in touched if key}, owners)
    finally:
        foreseen.close()


def _batches(records: Iterable[Read]) -> Iterator[list[Read]]:
    rows = iter(records)
    while batch := list(islice(rows, BATCH)):
        yield batch


def _asked(batch: Sequence[Read]) -> tuple[set[str], set[str]]:
    """Keys of books and barcodes that a batch speaks of."""
    said = [read.record for read in batch if read.record is not None]
    return {key_of(record) for record in said}, {copy.barcode for record in said for copy in record.copies}


def _own(planned: Planned, owners: dict[str, str]) -> None:
    owners.update(dict.fromkeys(planned.barcodes, planned.read.title))


# --- The import --------------------------------------------------------------------------------------------
def _take_in(
    batch: Sequence[Read], *, defaults: Defaults, on: date, at: datetime
) -> list[tuple[Planned, int | None, list[str]]]:
    """Write a batch in the caller's transaction: each record with its book and the barcodes of new copies."""
    keys, barcodes = _asked(batch)
    states = _known(keys, is_locked=True)
    owners = _owners(barcodes)
    done = []
    for read in batch:
        planned = plan(read, states=states, owners=owners, defaults=defaults)
        _own(planned, owners)
        done.append(planned)
    new = {key: _book(state, at=at) for key, state in states.items() if state.pk is None}
    changed = {key: _book(state, at=at) for key, state in states.items() if state.pk and state.changed}
    cataloguing.save_books(books=[(book, states[key].subjects) for key, book in {**new, **changed}.items()])
    pks: dict[str, int] = {key: new[key].pk if key in new else state.pk or 0 for key, state in states.items()}
    cataloguing.take_copies(
        copies=[
            Copy(
                book_id=pks[key],
                barcode=copy.barcode,
                location=copy.location or "",
                note=copy.note or "",
                acquired_on=copy.acquired_on,
                status=copy.condition or Copy.Status.AVAILABLE,
            )
            for key, state in states.items()
            for copy in state.new_copies
        ],
        on=on,
        at=at,
    )
    for key, state in states.items():
        for barcode in state.changed_copies:
            facts = state.copies[barcode]
            if not Copy.objects.filter(book=pks[key], barcode=barcode).update(**facts):
                raise IntegrityError(f"Copy {barcode} went away.")
    made = {
        key: [
            copy.barcode
            for count, location in state.made
            for copy in cataloguing.add_copies(
                book=Book(pk=pks[key]), count=count, on=on, at=at, location=location
            )
        ]
        for key, state in states.items()
        if state.made
    }
    rows = []
    for planned in done:
        rest = planned.copies - len(planned.barcodes)
        given = [made[planned.key].pop(0) for _n in range(rest)]
        rows.append((planned, pks.get(planned.key), [*planned.barcodes, *given]))
    return rows


def _book(state: State, *, at: datetime) -> Book:
    book = Book(pk=state.pk, **state.fields)
    if state.pk is None:
        book.created_at = at
    return book


# --- Runs --------------------------------------------------------------------------------------------------
def begin(
    *,
    file: BinaryIO,
    filename: str,
    format: str | None,
    encoding: str,
    defaults: Defaults,
    by: User | None,
    language: str,
    at: datetime,
    is_kept: bool = True,
) -> ImportRun:
    """Take a file, to be checked by the worker. is_kept: whether it is laid aside until the run ends.

    Raises ImportRefused for a file that is empty, too big, or none of ours.
    """
    size = file.seek(0, 2)
    file.seek(0)
    most = settings.IMPORT_MAX_MEGABYTES
    if not size:
        raise ImportRefused(_("The file is empty."))
    if size > most * 1_000_000:
        raise ImportRefused(_("The file is larger than %(most)s MB. Cut it into several.") % {"most": most})
    try:
        found = format or recognised(file)
        source(file, format=found, encoding=encoding)
    except FileUnreadable as unreadable:
        raise ImportRefused(str(unreadable)) from unreadable
    run = ImportRun(
        filename=without_control_characters(filename)[-255:],
        format=found,
        encoding=encoding,
        daily_fee=defaults.daily_fee,
        currency=defaults.currency or settings.DEFAULT_CURRENCY,
        location=defaults.location,
        language=language,
        by=by,
        created_at=at,
        touched_at=at,
    )
    try:
        run.full_clean(exclude=["file"])
    except ValidationError as error:
        raise ImportRefused(" ".join(error.messages)) from error
    if is_kept:
        run.file.save(f"{at:%Y%m%d-%H%M%S}.{found.lower()}", File(file), save=False)
    try:
        with transaction.atomic(durable=True):
            run.save()
            if is_kept:
                _enqueue(run)
    except BaseException:
        _forget_file(run)
        raise
    return run


def check(*, run: ImportRun, file: BinaryIO, at: datetime, progress: Progress | None = None) -> ImportRun:
    """Say of each record of the file what would become of it, from the beginning. Writes no book.

    A file that cannot be read to its end ends the run: nothing of it will be imported.
    """
    with translation.override(run.language):
        if not _start_over(run, at=at):
            return run
        counts = _Counts()
        try:
            reading = source(file, format=run.format, encoding=run.encoding)
            planned = examine(_counted(reading, progress), defaults=_defaults(run))
            while some := list(islice(planned, BATCH)):
                rows = [_row(run, each, book=None, barcodes=list(each.barcodes)) for each in some]
                counts.add(some)
                with transaction.atomic(durable=True):
                    _locked(run, Status.CHECKING)
                    ImportRow.objects.bulk_create(rows)
                    counts.write(run, at=at)
        except FileUnreadable as unreadable:
            return _end(run, Status.UNREADABLE, at=at, error=str(unreadable))
        except _Overtaken:
            run.refresh_from_db()
            return run
        if not counts.position:
            return _end(run, Status.UNREADABLE, at=at, error=_("There is not one record in this file."))
    with transaction.atomic(durable=True):
        run.transition(
            to=Status.CHECKED,
            at=at,
            cause="checked",
            total=counts.position,
            notes=without_control_characters("\n".join(reading.notes)),
            touched_at=at,
            attempts=0,
        )
    return run


def confirm(*, run: ImportRun, by: User | None, at: datetime, is_queued: bool = True) -> bool:
    """Have a checked file imported; False when it is no longer waiting for that."""
    with transaction.atomic(durable=True):
        if not run.transition(
            to=Status.IMPORTING, at=at, cause="confirmed", actor=by, position=0, added=0, updated=0,
            unchanged=0, refused=0, copies=0, attempts=0, touched_at=at,
        ):  # fmt: skip
            return False
        _forget_rows(run)
        if is_queued:
            _enqueue(run)
    return True


def carry_out(
    *,
    run: ImportRun,
    file: BinaryIO,
    on: date,
    at: datetime,
    until: Callable[[], bool] | None = None,
    progress: Progress | None = None,
) -> ImportRun:
    """Import a confirmed file from where it got to, batch by batch; each with its rows in one transaction.

    until: asked after each batch whether to stop for now; the run stays IMPORTING, to be gone on with.
    Any number of callers at once do each batch once.
    """
    with translation.override(run.language):
        begun = run.position
        try:
            reading = source(file, format=run.format, encoding=run.encoding)
            ahead = (read for read in _counted(reading, progress, total=run.total) if read.number > begun)
            for batch in _batches(ahead):
                _import_batch(run, batch, on=on, at=at)
                if until is not None and until():
                    return run
        except FileUnreadable as unreadable:
            # It could be read when it was checked: the file is not what it was.
            return _end(run, Status.FAILED, at=at, error=str(unreadable))
        except _Overtaken:
            run.refresh_from_db()
            return run
        if run.position != run.total:
            message = _("The file has changed since it was checked: it had %(total)s records.")
            return _end(run, Status.FAILED, at=at, error=message % {"total": run.total})
        return _end(run, Status.DONE, at=at)


def go_on(*, run: ImportRun, on: date, at: datetime, clock: Callable[[], datetime]) -> ImportRun:
    """Do what a run waits for: check its file, or import a part of it and queue the rest.

    clock: what time it is by now; a part ends after PART. Raises what trying again may mend: the sweep does.
    """
    if not run.is_running:
        return run
    if run.attempts >= MOST_ATTEMPTS:
        return fail(run=run, at=at, error=_("It broke off %(n)s times.") % {"n": run.attempts})
    # Counted before the work, so that one that kills its worker is counted too; success takes it back.
    ImportRun.objects.filter(pk=run.pk).update(attempts=F("attempts") + 1, touched_at=at)
    try:
        file: Any = run.file.open("rb")
    except (OSError, ValueError):
        logger.exception("The file of import %s is gone", run.pk)
        return fail(run=run, at=at, error=_("The file is gone from the storage. Import it again."))
    with file:
        if run.status == Status.CHECKING:
            return check(run=run, file=file, at=at)
        carry_out(run=run, file=file, on=on, at=at, until=lambda: clock() - at > PART)
    if run.status == Status.IMPORTING:
        with transaction.atomic(durable=True):
            ImportRun.objects.filter(pk=run.pk).update(attempts=0)
            _enqueue(run)
    return run


def cancel(*, run: ImportRun, by: User | None, at: datetime) -> bool:
    """Give up a file that is not being imported; False when it is too late for that."""
    with transaction.atomic(durable=True):
        is_cancelled = run.transition(to=Status.CANCELLED, at=at, cause="given up", actor=by, ended_at=at)
    if is_cancelled:
        _forget_file(run)
    return is_cancelled


def fail(*, run: ImportRun, at: datetime, error: str) -> ImportRun:
    """End a run that broke off for a reason that trying again does not mend."""
    return _end(run, Status.FAILED, at=at, error=error)


def sweep(*, at: datetime) -> int:
    """Take up again what was cut off, and give up what nobody confirms; the number of runs touched."""
    touched = 0
    for run in ImportRun.objects.running().silent_since(at - SILENCE):
        if not run.file:
            if run.touched_at > at - SILENCE_OF_COMMANDS:
                continue
            fail(run=run, at=at, error=_("The command that imported it was stopped. Import the file again."))
        elif run.attempts >= MOST_ATTEMPTS:
            fail(run=run, at=at, error=_("It broke off %(n)s times.") % {"n": run.attempts})
        else:
            logger.warning("Import %s was cut off in %s; it is taken up again", run.pk, run.status)
            with transaction.atomic(durable=True):
                _enqueue(run)
        touched += 1
    for run in ImportRun.objects.filter(status=Status.CHECKED).silent_since(at - PATIENCE):
        touched += cancel(run=run, by=None, at=at)
    # A crash between the end of a run and the deletion of its file leaves the file.
    for run in ImportRun.objects.filter(status__in=ImportRun.ENDED).exclude(file=""):
        _forget_file(run)
        touched += 1
    return touched


class _Overtaken(Exception):
    """Somebody else does this run: they are further, or it has ended."""


def _import_batch(run: ImportRun, batch: Sequence[Read], *, on: date, at: datetime) -> None:
    for attempt in range(1, BATCH_ATTEMPTS + 1):
        try:
            with transaction.atomic(durable=True):
                _locked(run, Status.IMPORTING, position=batch[0].number - 1)
                done = _take_in(batch, defaults=_defaults(run), on=on, at=at)
                ImportRow.objects.bulk_create(
                    _row(run, planned, book=pk, barcodes=barcodes) for planned, pk, barcodes in done
                )
                counts = _Counts.of(run)
                counts.add([planned for planned, _pk, _barcodes in done])
                counts.write(run, at=at)
            return
        except (IntegrityError, ValidationError):
            # Somebody wrote one of these books or barcodes after it was looked for; it is found next time.
            run.refresh_from_db()
            if attempt == BATCH_ATTEMPTS:
                raise


def _locked(run: ImportRun, status: str, *, position: int | None = None) -> None:
    """Hold the run's row while a batch is written. Raises _Overtaken when it is not where the caller thinks.

    Imports at the same time write their batches one after the other: no constraint would keep two of them
    from adding the same book without an ISBN.
    """
    list(ImportRun.objects.select_for_update().filter(status=Status.IMPORTING).order_by("pk"))
    there = ImportRun.objects.select_for_update().get(pk=run.pk)
    expected = run.position if position is None else position
    if there.status != status or there.position != expected:
        raise _Overtaken


@dataclass
class _Counts:
    position: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    copies: int = 0

    @classmethod
    def of(cls, run: ImportRun) -> _Counts:
        return cls(run.position, run.added, run.updated, run.unchanged, run.refused, run.copies)

    def add(self, done: Iterable[Planned]) -> None:
        for planned in done:
            name = planned.outcome.value.lower()
            setattr(self, name, getattr(self, name) + 1)
            self.position += 1
            self.copies += planned.copies

    def write(self, run: ImportRun, *, at: datetime) -> None:
        run.touched_at = at
        names = ("position", "added", "updated", "unchanged", "refused", "copies")
        for name in names:
            setattr(run, name, getattr(self, name))
        run.save(update_fields=[*names, "touched_at"])


def _start_over(run: ImportRun, *, at: datetime) -> bool:
    """Forget what an earlier check wrote; False when the run is not to be checked."""
    with transaction.atomic(durable=True):
        there = ImportRun.objects.select_for_update().get(pk=run.pk)
        if there.status != Status.CHECKING:
            run.refresh_from_db()
            return False
        _forget_rows(run)
        _Counts().write(run, at=at)
    return True


def _counted(
    reading: Iterable[Read], progress: Progress | None, *, total: int | None = None
) -> Iterator[Read]:
    for read in reading:
        yield read
        if progress is not None:
            progress(read.number, total)


def _row(run: ImportRun, planned: Planned, *, book: int | None, barcodes: Sequence[str]) -> ImportRow:
    read = planned.read
    return ImportRow(
        run=run,
        number=read.number,
        line=read.line,
        outcome=planned.outcome,
        title=without_control_characters(read.title)[:255],
        isbn=without_control_characters(read.isbn)[:40],
        words=without_control_characters(planned.words),
        copies=planned.copies,
        barcodes=" ".join(barcodes),
        book_id=book,
    )


def _defaults(run: ImportRun) -> Defaults:
    return Defaults(daily_fee=run.daily_fee, currency=run.currency, location=run.location)


def _end(run: ImportRun, status: Status, *, at: datetime, error: str = "") -> ImportRun:
    # What the message quotes of the file may hold anything.
    error = without_control_characters(error)
    with transaction.atomic(durable=True):
        run.transition(to=status, at=at, cause=error or "done", error=error, ended_at=at, touched_at=at)
    _forget_file(run)
    return run


def _enqueue(run: ImportRun) -> None:
    """Wake the worker when the transaction is through. Lost, it is repaired by the sweep."""
    transaction.on_commit(
        lambda: async_task("library.tasks.go_on_with_import", run.pk, q_options={"timeout": 1_100}),
        robust=True,
    )


def _forget_rows(run: ImportRun) -> None:
    """In one statement: nothing refers to these rows, and `delete` would load each for whoever listens."""
    run.rows.all()._raw_delete(using=ImportRow.objects.db)


def _forget_file(run: ImportRun) -> None:
    if run.file:
        run.file.delete(save=False)
        ImportRun.objects.filter(pk=run.pk).update(file="")
