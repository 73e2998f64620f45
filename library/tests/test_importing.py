"""Files of books: what becomes of each record, foreseen and done."""

from __future__ import annotations

import io
import sqlite3
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.files.storage import storages
from pymarc import Field, Indicators, Record, Subfield

from commerce.services import integrity
from library.models import Book, Copy, Hold, ImportRow, ImportRun
from library.services import exporting, importing
from library.services.importing import Defaults
from library.tests.factories import NOW, TODAY, BookFactory, CopyFactory, HoldFactory
from library.tests.test_exchange_formats import imported

pytestmark = pytest.mark.django_db
DUNE = "9780441172719"
REMEDY = "Unpack it, or save the sheet as “CSV UTF-8”."
NOT_OURS = "This is no file of books: CSV, MARC 21 and MARCXML are read."
HEADER = "Название;Автор;Плата за день"


def csv(*rows: str, header: str = "title,author,isbn,barcode", encoding: str = "utf-8") -> bytes:
    return "\n".join([header, *rows, ""]).encode(encoding)


def outcomes(run: ImportRun) -> list[tuple[int, str, str]]:
    return [(row.number, row.outcome, row.words) for row in run.rows.all()]


def field(tag: str, indicators: str, *subfields: str) -> Field:
    pairs = [Subfield(each[0], each[1:]) for each in subfields]
    return Field(tag=tag, indicators=Indicators(*indicators), subfields=pairs)


def marc(*fields: Field, leader: str = "00000nam a2200000 a 4500") -> bytes:
    record = Record(leader=leader)
    record.add_field(*fields)
    return record.as_marc()


def xml(inside: str, before: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{before}<collection xmlns="http://www.loc.gov/MARC21/slim">{inside}</collection>'
    ).encode()


def xml_record(title: str = "Dune", author: str = "Frank Herbert") -> str:
    return (
        "<record><leader>00000nam a2200000 c 4500</leader>"
        f'<datafield tag="100" ind1="0" ind2=" "><subfield code="a">{author}</subfield></datafield>'
        f'<datafield tag="245" ind1="1" ind2="0"><subfield code="a">{title}</subfield></datafield></record>'
    )


# --- What becomes of a record ------------------------------------------------------------------------------
class TestOutcomes:
    def test_a_new_book_is_added_with_its_copies(self):
        run = imported(csv(f"Dune,Frank Herbert,{DUNE},C-1 C-2"))

        book = Book.objects.get()
        assert (run.status, run.added, run.copies) == ("DONE", 1, 2)
        assert (book.title, book.author, book.isbn, book.daily_fee) == (
            "Dune", "Frank Herbert", DUNE, Decimal("0.500"),
        )  # fmt: skip
        assert [author.name for author in book.authors.all()] == ["Frank Herbert"]
        assert sorted(book.copies.values_list("barcode", "status")) == [
            ("C-1", "AVAILABLE"),
            ("C-2", "AVAILABLE"),
        ]

    def test_ten_and_thirteen_digits_are_one_number(self):
        BookFactory(title="Dune", author="Frank Herbert", isbn=DUNE)

        run = imported(csv("Dune,Frank Herbert,0-441-17271-7,"))

        assert outcomes(run) == [(1, "UNCHANGED", "")]
        assert Book.objects.count() == 1

    def test_what_differs_is_written_and_said_and_the_rest_stays(self):
        book = BookFactory(title="Dune", author="F. Herbert", isbn=DUNE, description="Sand.", year=1965)

        run = imported(csv(f"Dune,Frank Herbert,{DUNE},"))

        book.refresh_from_db()
        assert outcomes(run) == [(1, "UPDATED", "author: F. Herbert → Frank Herbert")]
        assert (book.author, book.description, book.year) == ("Frank Herbert", "Sand.", 1965)
        assert [author.name for author in book.authors.all()] == ["Frank Herbert"]

    def test_without_an_isbn_a_book_is_known_by_title_author_year_and_publisher(self):
        BookFactory(title="Poems", author="Anna Akhmatova", year=1940, publisher="Ex Libris")
        header = "title,author,year,publisher"

        run = imported(
            csv("Poems,Anna Akhmatova,1940,Ex Libris", "Poems,Anna Akhmatova,1961,Ex Libris", header=header)
        )

        assert [outcome for _n, outcome, _words in outcomes(run)] == ["UNCHANGED", "ADDED"]
        assert Book.objects.count() == 2

    def test_a_row_for_each_copy_makes_one_book(self):
        run = imported(csv(f"Dune,Frank Herbert,{DUNE},C-1", f"Dune,Frank Herbert,{DUNE},C-2"))

        assert outcomes(run) == [(1, "ADDED", ""), (2, "UPDATED", "1 new copy")]
        assert Book.objects.get().copies.count() == 2

    def test_a_number_of_copies_is_filled_up_once(self):
        header = "title,author,isbn,copies"
        file = csv(f"Dune,Frank Herbert,{DUNE},3", header=header)

        first, second = imported(file), imported(file)

        assert (first.copies, second.copies, second.unchanged) == (3, 0, 1)
        assert first.rows.get().barcodes.split() == sorted(Copy.objects.values_list("barcode", flat=True))

    def test_a_refused_record_says_why_and_keeps_nobody_else(self):
        other = CopyFactory(barcode="C-9", book__title="Emma")
        run = imported(
            csv(
                "Dune,,,",
                ",Nobody,,",
                "Dune,Frank Herbert,9780441172710,",
                f"Dune,Frank Herbert,{DUNE},{other.barcode}",
                "Dune,Frank Herbert,,ü",
                "Ubik,Philip K. Dick,,C-2",
                "Solaris,Stanisław Lem,,C-2",
            )
        )

        assert outcomes(run) == [
            (1, "REFUSED", "author: This field cannot be blank."),
            (2, "REFUSED", "The catalogue has no such book, and the record gives it no title."),
            (
                3,
                "REFUSED",
                "“9780441172710” is no valid ISBN: 10 or 13 digits, the last of which fits the others.",
            ),
            (4, "REFUSED", "Barcode C-9 is on a copy of “Emma”."),
            (5, "REFUSED", "“ü” is no barcode: 40 letters, digits and . $ / + % _ - at most."),
            (6, "ADDED", ""),
            (7, "REFUSED", "Barcode C-2 is on a copy of “Ubik”."),
        ]
        assert [row.line for row in run.rows.all()] == [2, 3, 4, 5, 6, 7, 8]

    def test_new_copies_go_to_those_who_wait(self):
        book = BookFactory(title="Dune", author="Frank Herbert", isbn=DUNE)
        hold = HoldFactory(book=book)

        imported(csv(f"Dune,Frank Herbert,{DUNE},C-1", f"Dune,Frank Herbert,{DUNE},C-2"))

        hold.refresh_from_db()
        assert (hold.status, hold.copy.barcode) == (Hold.Status.READY, "C-1")
        assert sorted(Copy.objects.values_list("status", flat=True)) == ["AVAILABLE", "ON_HOLD_SHELF"]

    def test_the_rows_hold_together_afterwards(self):
        HoldFactory(book=BookFactory(title="Dune", author="Frank Herbert", isbn=DUNE))
        header = "title,author,isbn,barcode,condition,copies"

        imported(
            csv(
                f"Dune,Frank Herbert,{DUNE},C-1,MISSING,",
                f"Dune,Frank Herbert,{DUNE},C-2,,4",
                "Ubik,Philip K. Dick,,C-3,REPAIR,2",
                header=header,
            )
        )

        assert Copy.objects.count() == 6
        assert [str(breach.words) for breach in integrity.breaches(at=NOW)] == []

    def test_a_withdrawn_copy_is_not_brought_back(self):
        CopyFactory(barcode="C-1", status="WITHDRAWN", book=BookFactory(title="A", author="B", isbn=DUNE))

        run = imported(csv(f"A,B,{DUNE},C-1"))

        assert outcomes(run) == [(1, "UNCHANGED", "")]
        assert Copy.objects.get().status == "WITHDRAWN"


# --- Runs --------------------------------------------------------------------------------------------------
def begun(content: bytes, **fields) -> ImportRun:
    return importing.begin(
        file=io.BytesIO(content), filename="b.csv", format=None, encoding="utf-8",
        defaults=Defaults(currency="USD"), by=None, language="en", at=NOW, **fields,
    )  # fmt: skip


class TestRuns:
    def test_a_dry_run_writes_no_book(self):
        run = begun(csv(f"Dune,Frank Herbert,{DUNE},C-1"))

        with run.file.open("rb") as file:
            run = importing.check(run=run, file=file, at=NOW)

        assert (run.status, run.added, run.copies, run.total) == ("CHECKED", 1, 1, 1)
        assert (Book.objects.count(), Copy.objects.count()) == (0, 0)

    def test_the_file_is_kept_in_private_until_the_run_ends(self):
        run = begun(csv("Dune,Frank Herbert,,"))
        name = run.file.name
        assert storages["private"].exists(name)

        assert importing.cancel(run=run, by=None, at=NOW)

        assert not storages["private"].exists(name)
        assert ImportRun.objects.get().file.name == ""

    def test_a_run_that_was_cut_off_goes_on_where_it_was(self, monkeypatch):
        monkeypatch.setattr(importing, "BATCH", 2)
        run = begun(csv(*(f"Book {n},Somebody,,C-{n}" for n in range(5))))
        with run.file.open("rb") as file:
            importing.check(run=run, file=file, at=NOW)
            importing.confirm(run=run, by=None, at=NOW)
            importing.carry_out(run=run, file=file, on=TODAY, at=NOW, until=lambda: True)
            assert (run.status, run.position, Book.objects.count()) == ("IMPORTING", 2, 2)

            again = ImportRun.objects.get()
            importing.carry_out(run=again, file=file, on=TODAY, at=NOW)

        assert (again.status, again.added, Book.objects.count(), Copy.objects.count()) == ("DONE", 5, 5, 5)

    def test_a_batch_that_breaks_leaves_nothing_of_itself(self, monkeypatch):
        monkeypatch.setattr(importing, "BATCH", 2)
        run = begun(csv(*(f"Book {n},Somebody,,C-{n}" for n in range(4))))
        with run.file.open("rb") as file:
            importing.check(run=run, file=file, at=NOW)
            importing.confirm(run=run, by=None, at=NOW)
            importing.carry_out(run=run, file=file, on=TODAY, at=NOW, until=lambda: True)
            whole = ImportRow.objects.bulk_create

            def full(rows):
                whole(rows)
                raise sqlite3.OperationalError("disk full")

            monkeypatch.setattr(ImportRow.objects, "bulk_create", full)
            with pytest.raises(sqlite3.OperationalError):
                importing.carry_out(run=run, file=file, on=TODAY, at=NOW)

        there = ImportRun.objects.get()
        assert (there.position, there.rows.count(), Book.objects.count(), Copy.objects.count()) == (
            2,
            2,
            2,
            2,
        )

    def test_two_workers_do_each_batch_once(self, monkeypatch):
        monkeypatch.setattr(importing, "BATCH", 2)
        run = begun(csv(*(f"Book {n},Somebody,,C-{n}" for n in range(4))))
        with run.file.open("rb") as file:
            importing.check(run=run, file=file, at=NOW)
            importing.confirm(run=run, by=None, at=NOW)
            late = ImportRun.objects.get()
            importing.carry_out(run=run, file=file, on=TODAY, at=NOW, until=lambda: True)

            importing.carry_out(run=late, file=file, on=TODAY, at=NOW)

        assert (late.status, late.position, Book.objects.count()) == ("IMPORTING", 2, 2)

    def test_a_run_is_confirmed_once(self):
        run = begun(csv("Dune,Frank Herbert,,"))
        with run.file.open("rb") as file:
            importing.check(run=run, file=file, at=NOW)

        assert [importing.confirm(run=run, by=None, at=NOW) for _n in range(2)] == [True, False]

    def test_the_sweep_takes_up_what_was_cut_off_and_gives_up_what_nobody_confirms(self):
        cut_off, waiting = begun(csv("A,B,,")), begun(csv("A,B,,"))
        with waiting.file.open("rb") as file:
            importing.check(run=waiting, file=file, at=NOW)

        assert importing.sweep(at=NOW + timedelta(minutes=20)) == 0
        assert importing.sweep(at=NOW + timedelta(days=8)) == 2

        assert {run.pk: run.status for run in ImportRun.objects.all()} == {
            cut_off.pk: "CHECKING",
            waiting.pk: "CANCELLED",
        }


# --- Hostile and broken files ------------------------------------------------------------------------------
class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "The file is empty."),
            (b"PK\x03\x04rest", f"This is a ZIP archive or an Excel workbook. {REMEDY}"),
            (b"\x1f\x8brest", NOT_OURS),
            (b"%PDF-1.7", NOT_OURS),
        ],
    )  # fmt: skip
    def test_what_is_no_file_of_books_is_not_taken(self, content, said):
        with pytest.raises(importing.ImportRefused) as refused:
            begun(content)

        assert str(refused.value) == said
        assert ImportRun.objects.count() == 0

    def test_a_file_beyond_the_limit_is_not_taken(self, settings):
        settings.IMPORT_MAX_MEGABYTES = 0

        with pytest.raises(importing.ImportRefused, match="larger than 0 MB"):
            begun(csv("A,B,,"))

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(csv("Война и мир,Лев Толстой,,", encoding="cp1251"), id="other encoding"),
            pytest.param(csv("A,B,,", "C,\"D,,", "E,F,,"), id="quotation mark not closed"),
            pytest.param(csv("A,B,,", "x" * 200_000 + ",F,,"), id="huge field"),
            pytest.param(csv("A,B,,", "x" * 2_000_000), id="huge line"),
            pytest.param(b"a,b\n1,2\n", id="no known column"),
            pytest.param(b"title,name\n1,2\n", id="a column twice"),
            pytest.param(b"title,author\n", id="no rows"),
            pytest.param(b"\n\n", id="blank"),
            pytest.param(b"\x00\x01\x02" * 500, id="binary"),
            pytest.param(marc(field("245", "10", "aDune"))[:-10], id="truncated MARC"),
            pytest.param(marc(field("245", "10", "aDune")) + b"00100nam", id="truncated behind a record"),
            pytest.param(b"00100nam a2200000 a 4500" + b"x" * 2_000_000, id="MARC without an end"),
            pytest.param(xml(xml_record())[:-20], id="truncated XML"),
            pytest.param(b"<html><body>No</body></html>", id="HTML"),
            pytest.param(b"<a>" * 100_000, id="deep XML"),
            pytest.param(b"<a " + b"x='1' " * 500_000, id="endless tag"),
            pytest.param(
                xml(
                    xml_record("&c;"),
                    "<!DOCTYPE c [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;'>]>",
                ),
                id="entity bomb",
            ),
            pytest.param(
                xml(xml_record("&x;"), "<!DOCTYPE c [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"),
                id="external entity",
            ),
            pytest.param(
                xml(xml_record(), "<!DOCTYPE c SYSTEM 'http://a.example/x.dtd'>"), id="external DTD"
            ),
        ],
    )  # fmt: skip
    def test_a_file_that_cannot_be_read_to_its_end_is_not_imported_at_all(self, content):
        run = begun(content)
        with run.file.open("rb") as file:
            run = importing.check(run=run, file=file, at=NOW)

        assert run.status == ImportRun.Status.UNREADABLE
        assert run.error
        assert "\0" not in run.error
        assert not importing.confirm(run=run, by=None, at=NOW)
        assert Book.objects.count() == 0
        assert run.file.name == ""

    def test_the_place_is_said_where_reading_ends(self):
        run = imported(csv("A,B,,", "Война и мир,Лев Толстой,,", encoding="cp1251"))

        assert run.error == (
            "Near line 1 stands what is not written in utf-8. Save the file as “CSV UTF-8”, or say how its "
            "characters are written."
        )

    def test_a_broken_record_leaves_the_others_readable(self):
        good = marc(field("100", "0 ", "aFrank Herbert"), field("245", "10", "aDune"))
        bad = good[:24] + b"x" * (len(good) - 25) + b"\x1d"

        run = imported(good + bad + b"\r\n" + good)

        assert [outcome for _n, outcome, _words in outcomes(run)] == ["ADDED", "REFUSED", "UNCHANGED"]

    def test_a_record_as_long_as_a_book_is_refused_in_xml(self):
        run = imported(xml(xml_record("x" * 2_000_000) + xml_record()))

        assert outcomes(run) == [(1, "REFUSED", "It is longer than a million characters."), (2, "ADDED", "")]

    def test_control_characters_are_refused_by_row(self):
        run = imported(csv("Du\0ne,Frank Herbert,,", "Ubik,Philip K. Dick,,"))

        assert [outcome for _n, outcome, _words in outcomes(run)] == ["REFUSED", "ADDED"]


# --- Spreadsheets ------------------------------------------------------------------------------------------
class TestSpreadsheets:
    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(f"\ufeff{HEADER}\r\nИдиот;Ф. Достоевский;1,50\r\n".encode(), id="BOM, semicolons"),
            pytest.param(
                f"{HEADER}\nИдиот;Ф. Достоевский;1,50\n".replace(";", "\t").encode("utf-16"),
                id="Unicode text of Excel",
            ),
            pytest.param("sep=;\ntitle;author;fee\nИдиот;Ф. Достоевский;1.50\n".encode(), id="sep="),
            pytest.param("title,author,daily_fee\rИдиот,Ф. Достоевский,1.50\r".encode(), id="old Macintosh"),
        ],
    )  # fmt: skip
    def test_spreadsheets_of_every_make_are_read(self, content):
        run = imported(content)

        book = Book.objects.get()
        assert (run.status, book.title, book.author, book.daily_fee) == (
            "DONE", "Идиот", "Ф. Достоевский", Decimal("1.500"),
        )  # fmt: skip

    def test_another_encoding_is_read_when_it_is_named(self):
        file = io.BytesIO(csv("Идиот,Ф. Достоевский,,", encoding="cp1251"))
        run = importing.begin(
            file=file, filename="b.csv", format=None, encoding="cp1251", defaults=Defaults(currency="USD"),
            by=None, language="en", at=NOW, is_kept=False,
        )  # fmt: skip

        run = importing.check(run=run, file=file, at=NOW)

        assert [row.title for row in run.rows.all()] == ["Идиот"]

    def test_columns_that_are_left_aside_are_named(self):
        run = imported(csv("Dune,Frank Herbert,red", header="title,author,colour"))

        assert run.notes == "Columns left aside: colour."

    def test_no_cell_is_a_formula_and_what_looks_like_one_comes_back(self):
        BookFactory(title="=1+1", author="-Dash", description="@home")
        BookFactory(title="'=quoted", author="+Plus")

        file = b"".join(exporting.export(books=Book.objects.all(), format="CSV", on=TODAY))

        lines = file.decode("utf-8-sig").splitlines()
        assert [line.split(",")[:2] for line in lines[1:]] == [["'=1+1", "'-Dash"], ["''=quoted", "'+Plus"]]
        assert imported(file).unchanged == 2


# --- MARC --------------------------------------------------------------------------------------------------
class TestMarc:
    def test_a_record_as_libraries_write_it(self):
        imported(
            marc(
                Field(tag="008", data="260601s1965    nyu           000 1 eng d"),
                field("020", "  ", "a0441172717 (pbk.) :", "c$9.99"),
                field("100", "1 ", "aHerbert, Frank,", "d1920-1986."),
                field("245", "10", "aDune :", "bthe first book /", "cFrank Herbert ; illustrated by X."),
                field("264", " 1", "aNew York :", "bAce Books,", "c[1965]"),
                field("264", " 4", "c©1990"),
                field("520", "  ", "aSand, worms, spice."),
                field("650", " 0", "aDeserts", "vFiction."),
                field("650", " 0", "aEcology."),
                field("700", "1 ", "aSmith, Jane,", "etranslator."),
                field("700", "1 ", "aAnderson, Kevin J.,", "eauthor."),
                field("852", "8 ", "hSF HER", "pC-1", "xgift"),
                field("852", "8 ", "hSF HER", "pC-2"),
                field("876", "  ", "pC-1", "d20200131"),
            )
        )

        book = Book.objects.get()
        assert (book.title, book.author, book.isbn, book.cover) == (
            "Dune: the first book", "Frank Herbert; Kevin J. Anderson", DUNE, "SOFT",
        )  # fmt: skip
        assert (book.publisher, book.year, book.language) == ("Ace Books", 1965, "eng")
        assert book.description == "Sand, worms, spice."
        assert sorted(subject.name for subject in book.subjects.all()) == ["Deserts -- Fiction", "Ecology"]
        assert list(book.copies.values_list("barcode", "location", "note", "acquired_on")) == [
            ("C-1", "SF HER", "gift", date(2020, 1, 31)),
            ("C-2", "SF HER", "", None),
        ]

    def test_marc_8_is_read(self):
        leader = b"00000nam  2200000 a 4500"
        fields = {b"100": b"0 \x1fa\xe2Emile Zola\x1e", b"245": b"10\x1fa\x1b(NiDIOT\x1b(B = Stra\xc7e\x1e"}
        directory, body = b"", b""
        for tag, text in fields.items():
            directory += tag + b"%04d%05d" % (len(text), len(body))
            body += text
        base = 24 + len(directory) + 1
        whole = leader + directory + b"\x1e" + body + b"\x1d"
        record = b"%05d" % len(whole) + whole[5:12] + b"%05d" % base + whole[17:]

        imported(record)

        assert Book.objects.values_list("title", "author").get() == ("Идиот = Straße", "Émile Zola")

    def test_utf_8_that_calls_itself_marc_8_is_read_as_what_it_is(self):
        record = marc(field("100", "0 ", "aЛев Толстой"), field("245", "10", "aВойна и мир"))

        imported(record[:9] + b" " + record[10:])

        assert Book.objects.values_list("title", "author").get() == ("Война и мир", "Лев Толстой")

    def test_a_character_that_neither_has_is_refused(self):
        record = marc(field("100", "0 ", "aFrank Herbert"), field("245", "10", "aDune")).replace(
            b"Dune", b"D\xffne"
        )

        run = imported(record[:9] + b" " + record[10:])

        assert outcomes(run) == [
            (
                1,
                "REFUSED",
                "Its characters are neither UTF-8 nor MARC-8: a character that MARC-8 does not have",
            )
        ]

    def test_more_copies_than_fit_into_a_record_go_on_in_the_next(self):
        book = BookFactory(title="Dune", author="Frank Herbert", isbn=DUNE)
        Copy.objects.bulk_create(
            Copy(book=book, barcode=f"C-{n}", location="S" * 60, note="n" * 200) for n in range(500)
        )
        file = b"".join(exporting.export(books=Book.objects.all(), format="MARC21", on=TODAY))
        Copy.objects.all().delete()

        run = imported(file)

        assert (run.total, run.copies, Copy.objects.count()) == (2, 500, 500)

    def test_a_description_that_no_record_holds_is_refused_before_the_first_byte(self):
        BookFactory(title="Dune", description="Я" * 60_000)

        with pytest.raises(exporting.marc.RecordTooLong, match="“Dune” does not fit"):
            exporting.export(books=Book.objects.all(), format="MARC21", on=TODAY)
