"""Import, export and labels from a terminal."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from library.models import Book, Copy, ImportRun
from library.tests.factories import BookFactory, CopyFactory, LibraryCardFactory
from library.tests.test_importing import csv

pytestmark = pytest.mark.django_db
DUNE = "9780441172719"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def books(tmp_path):
    file = tmp_path / "books.csv"
    file.write_bytes(csv(f"Dune,Frank Herbert,{DUNE},C-1", "Ubik,Philip K. Dick,,C-2"))
    return file


def test_a_file_is_imported_with_a_bar_of_progress_and_twice_without_harm(books):
    said, seen = io.StringIO(), Terminal()

    call_command("import_books", books, "--fee", "0.50", stdout=said, stderr=seen)
    call_command("import_books", books, stdout=said)

    assert said.getvalue().splitlines() == [
        "2 added, 0 updated, 0 unchanged, 0 refused; 2 new copies",
        "0 added, 0 updated, 2 unchanged, 0 refused; 0 new copies",
    ]
    assert "Importing ██████████████████████████████ 2/2" in seen.getvalue()
    assert sorted(Copy.objects.values_list("barcode", "book__daily_fee")) == [("C-1", 0.5), ("C-2", 0.5)]
    assert set(ImportRun.objects.values_list("status", "file")) == {("DONE", "")}


def test_a_dry_run_says_what_would_happen_and_leaves_no_trace(books):
    said = io.StringIO()

    call_command("import_books", books, "--dry-run", stdout=said)

    assert said.getvalue().splitlines() == [
        "record 1 (line 2): added: Dune",
        "record 2 (line 3): added: Ubik",
        "2 would be added, 0 would be updated, 0 would be unchanged, 0 would be refused; 2 new copies",
    ]
    assert (Book.objects.count(), ImportRun.objects.count()) == (0, 0)


def test_a_refused_record_is_named_and_ends_with_one(tmp_path):
    file, report, said = tmp_path / "books.csv", tmp_path / "report.csv", io.StringIO()
    file.write_bytes(csv("Dune,,,", "Ubik,Philip K. Dick,,"))

    with pytest.raises(SystemExit) as ended:
        call_command("import_books", file, "--report", report, stdout=said, no_color=True)

    assert ended.value.code == 1
    assert said.getvalue().splitlines()[0] == (
        "record 1 (line 2): refused: Dune: author: This field cannot be blank."
    )
    assert report.read_text("utf-8-sig").splitlines()[1:] == [
        "1,2,refused,Dune,,author: This field cannot be blank.,0,",
        "2,3,added,Ubik,,,0,",
    ]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", csv("A,B,,", 'C,"D')])
def test_a_file_that_cannot_be_read_is_an_error_and_changes_nothing(tmp_path, content):
    file = tmp_path / "books.csv"
    file.write_bytes(content)

    with pytest.raises(CommandError):
        call_command("import_books", file)

    assert Book.objects.count() == 0


def test_there_is_no_such_file(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_books", tmp_path / "none.csv")


@pytest.mark.parametrize("format", ["csv", "marc21", "marcxml"])
def test_what_is_exported_is_imported_unchanged(tmp_path, format):
    CopyFactory(book=BookFactory(title="Война и мир", isbn=DUNE))
    file, said = tmp_path / "books", io.StringIO()

    call_command("export_books", file, "--format", format, stdout=said)
    call_command("import_books", file, stdout=said)

    assert said.getvalue().splitlines() == [
        f"1 books in {file}",
        "0 added, 0 updated, 1 unchanged, 0 refused; 0 new copies",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["books"]


def test_labels_are_printed_from_the_terminal(tmp_path):
    copy, card = CopyFactory(), LibraryCardFactory()
    file = tmp_path / "labels.pdf"

    for chosen in (["--barcodes", copy.barcode], ["--all"], ["--cards"], ["--cards", card.number]):
        call_command("print_labels", file, *chosen, "--sheet", "5160", "--start", "2", stdout=io.StringIO())
        assert file.read_bytes().startswith(b"%PDF")
    with pytest.raises(CommandError, match="no copies with these barcodes"):
        call_command("print_labels", file, "--barcodes", "C-404")
    with pytest.raises(CommandError, match="There is no import 404"):
        call_command("print_labels", file, "--run", "404")
