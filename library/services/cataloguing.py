"""What the library has: books taken into the catalogue, copies put on the shelf and taken from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, cast

from anyascii import anyascii
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from modelsearch.backends import get_search_backends

from library import barcodes
from library.models import Author, Book, Borrowing, Copy, Hold, LendingRules, Subject
from library.services import holding
from library.services.cards import lock_book

if TYPE_CHECKING:
    from accounts.models import User

BARCODE_ATTEMPTS = 5
#: What one stroke adds; a larger number is a slip of the finger.
MOST_COPIES = 1000
LONGEST_AUTHOR = 200
BULK_FIELDS = (
    "title", "author", "cover", "isbn", "publisher", "year", "language", "description", "daily_fee",
    "currency",
)  # fmt: skip
#: Where staff put a copy by hand. Loans and holds move it everywhere else.
PLACES_BY_HAND = frozenset(
    {Copy.Status.AVAILABLE, Copy.Status.REPAIR, Copy.Status.MISSING, Copy.Status.WITHDRAWN}
)


class CataloguingRefused(Exception):
    """It cannot be done to this book or copy; the message says why and what to do. code is for programs."""

    code = "refused"


class InventoryBelowOut(CataloguingRefused):
    """So many copies cannot be there to be had: fewer than none, or some while people wait for them."""

    code = "inventory_out_of_reach"


class TooManyCopies(CataloguingRefused):
    """More than MOST_COPIES at once, or not one."""

    code = "too_many_copies"

    def __init__(self) -> None:
        super().__init__(_("Add between 1 and %(most)s copies at once.") % {"most": MOST_COPIES})


class CopyNotMovable(CataloguingRefused):
    """The copy is not where staff could put it elsewhere by hand."""

    code = "copy_not_movable"


class BookInUse(CataloguingRefused):
    """The book was lent, or somebody waits for it: its history stays."""

    code = "book_in_use"


def save_book(*, book: Book, subjects: Iterable[Subject] | None = None) -> Book:
    """Take a book into the catalogue, or write what was changed of it; its authors follow `Book.author`.

    subjects: what it is about from now on; None leaves that as it is.
    Raises ValidationError, by field.
    """
    with transaction.atomic():
        book.full_clean()
        names = book.author_names
        if any(len(name) > LONGEST_AUTHOR for name in names):
            message = _("The name of an author has %(most)s characters at most.")
            raise ValidationError({"author": message % {"most": LONGEST_AUTHOR}})
        try:
            with transaction.atomic():
                book.save()
        except IntegrityError as error:
            # Somebody took the same book into the catalogue since `full_clean` looked.
            if not Book.objects.exclude(pk=book.pk).filter(isbn=book.isbn).exists():
                raise
            raise ValidationError({"isbn": book.unique_error_message(Book, ("isbn",))}) from error
        book.authors.set(_authors(names))
        if subjects is not None:
            book.subjects.set(subjects)
    return book


def add_copies(*, book: Book, count: int, on: date, at: datetime, location: str = "") -> list[Copy]:
    """Put so many new copies of book into the library, with barcodes; those who wait get theirs first.

    Raises TooManyCopies and barcodes.NumbersUsedUp.
    """
    if not 0 < count <= MOST_COPIES:
        raise TooManyCopies
    with transaction.atomic():
        lock_book(book.pk)
        copies = _with_free_barcodes(
            [Copy(book=book, location=location, acquired_on=on) for _n in range(count)]
        )
        for copy in copies:
            holding.pass_on(copy=copy, on=on, at=at, cause="acquired")
            copy.refresh_from_db()
    return copies


def save_books(*, books: Sequence[tuple[Book, Sequence[str]]]) -> None:
    """As `save_book` for many at once, in few statements: each book with the names of its subjects.

    Subjects that there are not are made. Of a book that has a key, all fields but its picture and the day it
    was added are written, and have to be there. Call it inside a transaction, with the books locked.
    Raises ValidationError for a field that is none, and IntegrityError when an ISBN is taken.
    """
    for book, _names in books:
        book.clean_fields(exclude=["picture", "created_at"])
        book.clean()
    new = [book for book, _names in books if book.pk is None]
    changed = [book for book, _names in books if book.pk is not None]
    Book.objects.bulk_create(new)
    Book.objects.bulk_update(changed, BULK_FIELDS, batch_size=50)
    authors = {
        author.name: author.pk for author in _authors(_each_once(book.author_names for book, _n in books))
    }
    subjects = _subjects(_each_once(names for _book, names in books))
    for through, links in (
        (
            Book.authors.through,
            {(book.pk, authors[name]) for book, _n in books for name in book.author_names},
        ),
        (Book.subjects.through, {(book.pk, subjects[name]) for book, names in books for name in names}),
    ):
        _link(through, links, of=[book.pk for book in changed])
    for backend in get_search_backends(with_auto_update=True):
        backend.add_bulk(Book, [book for book, _names in books])


def take_copies(*, copies: Sequence[Copy], on: date, at: datetime) -> None:
    """Put new copies that have their barcodes into the library; those who wait get the available ones first.

    Call it inside a transaction, with the books locked. Raises IntegrityError when a barcode is taken.
    """
    Copy.objects.bulk_create(copies)
    awaited = set(
        Hold.objects.waiting()
        .filter(book__in={copy.book_id for copy in copies})
        .values_list("book", flat=True)
    )
    for copy in copies:
        if copy.book_id in awaited and copy.status == Copy.Status.AVAILABLE:
            holding.pass_on(copy=copy, on=on, at=at, cause="acquired")


def set_inventory(*, book: Book, available: int, on: date, at: datetime, by: User | None) -> None:
    """Make so many copies of book available: add what is missing, or withdraw what is too many.

    Copies that are out are not touched. Raises InventoryBelowOut and TooManyCopies; nothing is changed then.
    """
    if available < 0:
        message = _("“%(book)s” cannot have fewer than 0 available copies: those that are out come back.")
        raise InventoryBelowOut(message % {"book": book})
    with transaction.atomic():
        lock_book(book.pk)
        on_shelf = list(Copy.objects.of(book).available().order_by("-pk"))
        waiting = Hold.objects.of(book).waiting().count()
        if available and waiting:
            message = ngettext(
                "%(count)s person waits for “%(book)s” and gets the next copy, so that none is available. "
                "Add copies instead.",
                "%(count)s people wait for “%(book)s” and get the next copies, so that none is available. "
                "Add copies instead.",
                waiting,
            )
            raise InventoryBelowOut(message % {"count": waiting, "book": book})
        if available > len(on_shelf):
            add_copies(book=book, count=available - len(on_shelf), on=on, at=at)
        for copy in on_shelf[: max(len(on_shelf) - available, 0)]:
            copy.transition(
                to=Copy.Status.WITHDRAWN,
                from_={Copy.Status.AVAILABLE},
                at=at,
                cause="inventory set",
                actor=by,
            )


def change_copy(*, copy: Copy, to: Copy.Status, on: date, at: datetime, by: User | None) -> Copy:
    """Put a copy elsewhere by hand: to repair, among the missing, out of the library, or back on the shelf.

    Back on the shelf it goes to whoever waits. Whose copy is taken from the hold shelf waits again, in their
    old place, and gets another one at once if there is one. It is no error that the copy is there already.
    Raises CopyNotMovable.
    """
    with transaction.atomic():
        book = lock_book(copy.book_id)
        copy = Copy.objects.select_for_update().get(pk=copy.pk)
        if copy.status == to:
            return copy
        _require_movable(copy, to)
        if to == Copy.Status.AVAILABLE:
            holding.pass_on(copy=copy, on=on, at=at, cause="put back on the shelf", by=by)
            copy.refresh_from_db()
            return copy
        for hold in Hold.objects.select_for_update().ready().filter(copy=copy):
            hold.transition(
                to=Hold.Status.WAITING,
                from_={Hold.Status.READY},
                at=at,
                cause=f"copy {copy} not to be had",
                actor=by,
                copy=None,
                shelf_until=None,
            )
        copy.transition(to=to, at=at, cause="changed by hand", actor=by)
        other = Copy.objects.of(book).available().first()
        if other is not None and Hold.objects.of(book).waiting().exists():
            holding.pass_on(copy=other, on=on, at=at, cause=f"instead of copy {copy}", by=by)
    return copy


def delete_book(*, book: Book) -> None:
    """Take a book out of the catalogue with its copies, as if it had never been there. Raises BookInUse."""
    with transaction.atomic():
        lock_book(book.pk)
        if Borrowing.objects.of(book).exists():
            message = _("“%(book)s” has been lent, and that is kept. Withdraw its copies instead.")
            raise BookInUse(message % {"book": book})
        if Hold.objects.of(book).open().exists():
            message = _("Somebody waits for “%(book)s”. Cancel the holds first.")
            raise BookInUse(message % {"book": book})
        try:
            Hold.objects.of(book).delete()
            Copy.objects.of(book).delete()
            book.delete()
        except ProtectedError as error:
            message = _("Something refers to “%(book)s”. Withdraw its copies instead.")
            raise BookInUse(message % {"book": book}) from error


def move_due_dates(*, since: date) -> int:
    """After opening days or closures changed: what falls due on a closed day falls due on the next open one.

    Looked at is what falls due on since or later. Books set aside wait until then as well. Nothing becomes
    due earlier, and no fee grows. Returns how many loans have a new day. Raises policies.NeverOpens.
    """
    calendar = LendingRules.current().calendar(since=since)
    moved = 0
    with transaction.atomic():
        coming = Borrowing.objects.open().filter(expected_return_date__gte=since)
        # The latest first: what moves on to a day is not found there again.
        for due in sorted(set(coming.values_list("expected_return_date", flat=True)), reverse=True):
            opens = calendar.next_open(due)
            if opens > due:
                # As one statement: what is renewed or returned meanwhile has another day already.
                moved += coming.filter(expected_return_date=due).update(expected_return_date=opens)
        ready = Hold.objects.ready().filter(shelf_until__gte=since)
        days_on_shelf = {cast(date, until) for until in ready.values_list("shelf_until", flat=True)}
        for until in sorted(days_on_shelf, reverse=True):
            opens = calendar.next_open(until)
            if opens > until:
                ready.filter(shelf_until=until).update(shelf_until=opens)
    return moved


def _each_once(many: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in many for name in names))


def _link(through: Any, links: Collection[tuple[int, int]], *, of: Collection[int]) -> None:
    """Make the rows between books and something else say what links do; of: books that may have some."""
    other = next(f.attname for f in through._meta.fields if f.is_relation and f.attname != "book_id")
    had = set(through.objects.filter(book__in=of).values_list("book_id", other)) if of else set()
    for book_id, gone in had - set(links):
        through.objects.filter(book_id=book_id, **{other: gone}).delete()
    through.objects.bulk_create(
        through(book_id=book_id, **{other: new}) for book_id, new in sorted(set(links) - had)
    )


def _subjects(names: list[str]) -> Mapping[str, int]:
    """The keys of the subjects of such names, made where there are none, with an address each."""
    known = {row.name: row.pk for row in Subject.objects.filter(name__in=names)}
    missing = [name for name in names if name not in known]
    slugs: dict[str, str] = {}
    for name in missing:
        slugs[name] = _free_slug(name, set(slugs.values()))
    Subject.objects.bulk_create(
        [Subject(name=name, slug=slugs[name]) for name in missing], ignore_conflicts=True
    )
    if missing:
        known |= {row.name: row.pk for row in Subject.objects.filter(name__in=missing)}
    return known


def _free_slug(name: str, taken: Collection[str]) -> str:
    wished = slugify(anyascii(name))[:90].strip("-") or "subject"
    slug, number = wished, 1
    while slug in taken or Subject.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{wished}-{number}"
    return slug


def _authors(names: list[str]) -> list[Author]:
    """The authors of such names, made where there are none."""
    known = Author.objects.in_bulk(names, field_name="name")
    # Two who take in books of one new author at once both find none; the database keeps one.
    Author.objects.bulk_create(
        [Author(name=name) for name in names if name not in known], ignore_conflicts=True
    )
    if len(known) < len(names):
        known = Author.objects.in_bulk(names, field_name="name")
    return [known[name] for name in names]


def _with_free_barcodes(copies: list[Copy]) -> list[Copy]:
    """Write new copies with the barcodes after the last one made; again when somebody else took those."""
    for attempt in range(1, BARCODE_ATTEMPTS + 1):
        first = _last_number() + 1
        for number, copy in enumerate(copies, start=first):
            copy.barcode = barcodes.made(barcodes.COPY, number)
        try:
            with transaction.atomic():
                return Copy.objects.bulk_create(copies)
        except IntegrityError:
            if attempt == BARCODE_ATTEMPTS:
                raise
            for copy in copies:
                copy.pk = None
    raise AssertionError("The last attempt returns or raises.")


def _last_number() -> int:
    pattern = rf"^{barcodes.COPY}[0-9]{{{barcodes.DIGITS + 1}}}$"
    last = Copy.objects.filter(barcode__regex=pattern).order_by("-barcode").first()
    return barcodes.number_in(last.barcode) if last else 0


def _require_movable(copy: Copy, to: Copy.Status) -> None:
    if copy.status == Copy.Status.ON_LOAN:
        message = _("Copy %(copy)s is on loan. Take it back first, and say then what became of it.")
        raise CopyNotMovable(message % {"copy": copy})
    if copy.status == Copy.Status.ON_HOLD_SHELF and to == Copy.Status.AVAILABLE:
        message = _("Copy %(copy)s waits for somebody. Cancel the hold to put it back on the shelf.")
        raise CopyNotMovable(message % {"copy": copy})
    if to not in PLACES_BY_HAND or to not in Copy.TRANSITIONS[Copy.Status(copy.status)]:
        message = _("Copy %(copy)s is “%(status)s” and cannot become “%(to)s” by hand.")
        raise CopyNotMovable(
            message % {"copy": copy, "status": copy.get_status_display(), "to": Copy.Status(to).label}
        )
