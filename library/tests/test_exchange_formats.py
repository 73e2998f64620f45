"""Books to files and back: CSV, MARC 21 and MARCXML, with texts of every kind."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from library import isbn
from library.models import Book, Copy, Format, Subject
from library.services import cataloguing, exporting, importing
from library.services.importing import Defaults
from library.tests.factories import NOW, TODAY

pytestmark = pytest.mark.django_db
FORMATS = [pytest.param(each, id=each.value) for each in Format]
DEFAULTS = Defaults(daily_fee=Decimal("0.50"), currency="USD")


def written(format) -> bytes:
    return b"".join(exporting.export(books=Book.objects.all(), format=format, on=TODAY))


def imported(content: bytes, format=None):
    """The run that takes the file in, whole."""
    file = io.BytesIO(content)
    run = importing.begin(
        file=file, filename="books", format=format, encoding="utf-8", defaults=DEFAULTS, by=None,
        language="en", at=NOW, is_kept=False,
    )  # fmt: skip
    run = importing.check(run=run, file=file, at=NOW)
    if run.status != run.Status.CHECKED:
        return run
    foreseen = [(row.outcome, row.words, row.copies) for row in run.rows.all()]
    assert importing.confirm(run=run, by=None, at=NOW, is_queued=False)
    run = importing.carry_out(run=run, file=file, on=TODAY, at=NOW)
    assert foreseen == [(row.outcome, row.words, row.copies) for row in run.rows.all()]
    return run


def everything():
    """The catalogue, field by field, whatever its keys."""
    return sorted(
        (
            {
                **{name: getattr(book, name) for name in importing.FIELDS},
                "authors": sorted(author.name for author in book.authors.all()),
                "subjects": sorted(subject.name for subject in book.subjects.all()),
                "copies": sorted(
                    (copy.barcode, copy.location, copy.note, copy.acquired_on, copy.status)
                    for copy in book.copies.all()
                ),
            }
            for book in Book.objects.prefetch_related("authors", "subjects", "copies")
        ),
        key=repr,
    )


def empty_the_catalogue():
    Copy.objects.all().delete()
    Book.objects.all().delete()
    Subject.objects.all().delete()


# --- Round trip --------------------------------------------------------------------------------------------
odd = st.text(
    st.one_of(
        st.sampled_from("$|;,:/=+-@'\"\\\n\t. ‡ "),
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"),
        st.sampled_from("абвЁЖчъ éüñ ǆ 日本 שלום e\u0301 𝔘"),
    ),
    min_size=1,
    max_size=40,
).map(str.strip)
texts = odd.filter(bool)
maybe = st.one_of(st.just(""), odd)
names = texts.map(lambda text: " ".join(text.replace(";", ",").split())).filter(bool)
isbns = st.integers(0, 10**9 - 1).map(lambda n: isbn.to_13(f"{n:09}0"))
copies = st.lists(
    st.builds(
        Copy,
        location=maybe,
        note=maybe,
        acquired_on=st.one_of(st.none(), st.dates(date(1900, 1, 1), date(2100, 1, 1))),
        status=st.sampled_from(["AVAILABLE", "REPAIR", "MISSING"]),
    ),
    max_size=3,
)
books = st.lists(
    st.tuples(
        st.builds(
            Book,
            title=texts,
            author=st.lists(names, min_size=1, max_size=3).map("; ".join),
            cover=st.sampled_from(Book.Cover.values),
            isbn=st.one_of(st.none(), isbns),
            publisher=maybe,
            year=st.one_of(st.none(), st.integers(1, 9999)),
            language=st.sampled_from(["", "eng", "rus"]),
            description=st.one_of(maybe, texts.map(lambda text: (text + "\n$a ") * 300 + "end")),
            daily_fee=st.decimals(0, 1000, places=2),
            currency=st.sampled_from(["USD", "EUR"]),
            created_at=st.just(NOW),
        ),
        st.lists(texts, max_size=3, unique=True),
        copies,
    ),
    min_size=1,
    max_size=4,
    unique_by=(
        lambda each: each[0].isbn or object(),
        lambda each: (each[0].title, each[0].author, each[0].year, each[0].publisher),
    ),
)


@pytest.mark.parametrize("format", FORMATS)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(library=books)
def test_what_is_exported_and_imported_is_equal_field_by_field(format, library):
    empty_the_catalogue()
    cataloguing.save_books(books=[(book, subjects) for book, subjects, _copies in library])
    numbered = [(book, copy) for book, _subjects, its in library for copy in its]
    for number, (book, copy) in enumerate(numbered):
        copy.pk, copy.book, copy.barcode = None, book, f"X-{number}"
        copy.save()
    before, file = everything(), written(format)
    empty_the_catalogue()

    run = imported(file, format)

    assert (run.status, run.refused, run.error) == ("DONE", 0, "")
    assert everything() == before
    again = imported(file, format)
    assert (again.unchanged, again.copies) == (again.total, 0)
    assert everything() == before
