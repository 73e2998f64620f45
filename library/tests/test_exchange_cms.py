"""Import, export and labels in the CMS, and who may."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.tests.factories import UserFactory
from library.models import Book, Copy, ImportRow, ImportRun
from library.services import importing
from library.tests.factories import NOW, BookFactory, CopyFactory, LibraryCardFactory
from library.tests.test_importing import begun, csv

pytestmark = pytest.mark.django_db
DUNE = "9780441172719"


@pytest.fixture
def librarian(client):
    user = UserFactory(first_name="Lib", last_name="Rarian")
    user.groups.add(Group.objects.get(name="Librarians"))
    client.force_login(user)
    return user


def upload(client, content: bytes, name: str = "books.csv", **fields):
    given = {
        "file": SimpleUploadedFile(name, content), "format": "", "encoding": "utf-8", "daily_fee": "0.50",
        "currency": "USD", "location": "", **fields,
    }  # fmt: skip
    return client.post(reverse("library_exchange"), given)


def at(name: str, run: ImportRun) -> str:
    return reverse(name, args=[run.pk])


def body(response) -> bytes:
    return b"".join(response.streaming_content)


# --- The whole way -----------------------------------------------------------------------------------------
def test_a_file_is_checked_confirmed_and_imported(
    client, librarian, run_queue_inline, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        sent = upload(client, csv(f"Dune,Frank Herbert,{DUNE},C-1", "Nothing,,,"))
    run = ImportRun.objects.get()
    checked = client.get(sent.url).content.decode()
    assert (sent.url, run.status, run.by) == (at("library_import", run), "CHECKED", librarian)
    assert "Nothing has been changed yet" in checked
    assert "author: This field cannot be blank." in checked
    assert Book.objects.count() == 0

    with django_capture_on_commit_callbacks(execute=True):
        client.post(at("library_import_confirm", run))

    run.refresh_from_db()
    done = client.get(sent.url).content.decode()
    assert (run.status, run.added, run.refused, run.file.name) == ("DONE", 1, 1, "")
    assert f"{reverse('library_labels')}?run={run.pk}" in done
    assert list(Copy.objects.values_list("barcode", flat=True)) == ["C-1"]


def test_what_became_of_each_record_is_a_spreadsheet_without_formulas(client, librarian):
    run = begun(csv("=1+1,Somebody,,"))
    with run.file.open("rb") as file:
        importing.check(run=run, file=file, at=NOW)

    answer = client.get(at("library_import_report", run))

    assert answer["Content-Disposition"] == f'attachment; filename="import-{run.pk}.csv"'
    assert body(answer).decode("utf-8-sig").splitlines() == [
        "record,line,outcome,title,isbn,what happened,new copies,barcodes",
        "1,2,added,'=1+1,,,0,",
    ]


def test_a_running_import_says_how_far_it_is_and_the_end_loads_the_page_anew(client, librarian):
    run = begun(csv("Dune,Frank Herbert,,"))
    ImportRun.objects.filter(pk=run.pk).update(position=30, added=30, total=120)
    running = client.get(at("library_import", run), headers={"HX-Request": "true"})
    assert "30 of 120 records" in running.content.decode()
    assert 'hx-trigger="every 2s"' in running.content.decode()
    assert "HX-Refresh" not in running

    importing.cancel(run=run, by=None, at=NOW)

    assert client.get(at("library_import", run), headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_a_file_that_is_thrown_away_is_not_imported(client, librarian):
    run = begun(csv("Dune,Frank Herbert,,"))

    client.post(at("library_import_cancel", run))
    client.post(at("library_import_confirm", run))

    run.refresh_from_db()
    assert (run.status, Book.objects.count()) == ("CANCELLED", 0)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x1f\x8b"])
def test_what_is_no_file_of_books_is_refused_at_the_door(client, librarian, content):
    answer = upload(client, content)

    assert answer.status_code == 200
    assert answer.context["form"].errors["file"]
    assert ImportRun.objects.count() == 0


def test_a_file_beyond_the_limit_is_refused_at_the_door(client, librarian, settings):
    settings.IMPORT_MAX_MEGABYTES = 0

    answer = upload(client, csv("A,B,,"))

    assert answer.context["form"].errors["file"] == ["The file is larger than 0 MB. Cut it into several."]


def test_the_name_of_a_file_is_only_shown(client, librarian):
    upload(client, csv("A,B,,"), name="../<script>.csv")

    run = ImportRun.objects.get()
    assert run.file.name.startswith("imports/")
    assert "<script>.csv" not in client.get(at("library_import", run)).content.decode()


def test_the_list_of_imports_costs_the_same_with_one_and_with_three(
    client, librarian, django_assert_num_queries, django_assert_max_num_queries
):
    begun(csv("A,B,,"))
    client.get(reverse("library_exchange"))
    with django_assert_max_num_queries(20) as first:
        client.get(reverse("library_exchange"))
    begun(csv("A,B,,"))
    begun(csv("A,B,,"))

    with django_assert_num_queries(len(first.captured_queries)):
        client.get(reverse("library_exchange"))


# --- Export and labels -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "begins", "suffix"),
    [
        ("library_export_csv", b"\xef\xbb\xbftitle,author", "csv"),
        ("library_export_marc21", b"00", "mrc"),
        ("library_export_marcxml", b"<?xml", "xml"),
    ],
)
def test_the_catalogue_is_a_file(client, librarian, name, begins, suffix):
    CopyFactory(book__title="Dune")

    answer = client.get(reverse(name))

    assert body(answer).startswith(begins)
    assert answer["Content-Disposition"].endswith(f'.{suffix}"')


def choice(**fields) -> dict[str, str]:
    return {"search": "", "barcodes": "", "run": "", "sheet": "L7160", "start": "1", **fields}


def test_labels_of_copies_are_chosen_by_word_barcode_or_import(client, librarian):
    copy = CopyFactory(book=BookFactory(title="Dune"))
    run = ImportRun.objects.create(
        filename="b.csv",
        format="CSV",
        currency="USD",
        created_at=NOW,
        touched_at=NOW,
        status="DONE",
        copies=1,
    )
    ImportRow.objects.create(run=run, number=1, outcome="ADDED", copies=1, barcodes=copy.barcode)

    for chosen in ({"search": "dun"}, {"barcodes": copy.barcode}, {"run": run.pk}):
        answer = client.post(reverse("library_labels"), choice(**chosen))

        assert answer["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF")


def test_what_cannot_be_printed_is_said_on_the_page(client, librarian):
    for chosen, said in (
        ({}, "Say which copies"),
        ({"barcodes": "C-404"}, "There are no copies with these barcodes: C-404."),
        ({"search": "nothing"}, "There is nothing to print a label for."),
    ):
        assert said in client.post(reverse("library_labels"), choice(**chosen)).content.decode()


def test_cards_are_printed_by_number_or_by_member(client, librarian):
    card = LibraryCardFactory(member__email="ada@example.com")
    page = reverse("library_card_labels")

    for numbers in (card.number, "Ada@example.com"):
        answer = client.post(page, {"numbers": numbers, "sheet": "5160", "start": "4"})
        assert answer.content.startswith(b"%PDF")
    refused = client.post(page, {"numbers": "M-404", "sheet": "5160", "start": "4"})
    assert "There are no cards of these numbers or members: M-404." in refused.content.decode()


# --- Who may -----------------------------------------------------------------------------------------------
def doors(run: ImportRun) -> list[tuple[str, str]]:
    return [
        ("get", reverse("library_exchange")),
        ("post", reverse("library_exchange")),
        ("get", at("library_import", run)),
        ("post", at("library_import_confirm", run)),
        ("post", at("library_import_cancel", run)),
        ("get", at("library_import_report", run)),
        ("get", reverse("library_export_csv")),
        ("get", reverse("library_labels")),
        ("get", reverse("library_card_labels")),
    ]


@pytest.mark.parametrize("group", ["Authors", "Moderators", "Shopkeepers"])
def test_others_in_the_cms_neither_import_nor_export_nor_print(client, group):
    user = UserFactory()
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    run = begun(csv("A,B,,"))

    for method, url in doors(run):
        # Wagtail sends those it refuses back to its first page.
        assert (getattr(client, method)(url).status_code, url) == (302, url)
    run.refresh_from_db()
    assert run.status == "CHECKING"
    assert reverse("library_exchange") not in client.get(reverse("wagtailadmin_home")).content.decode()


def test_who_reads_the_catalogue_exports_and_does_not_import(client):
    user = UserFactory()
    user.user_permissions.add(
        Permission.objects.get(codename="access_admin"),
        Permission.objects.get(codename="view_book", content_type__app_label="library"),
        Permission.objects.get(codename="view_copy", content_type__app_label="library"),
    )
    client.force_login(user)

    assert client.get(reverse("library_export_csv")).status_code == 200
    assert upload(client, csv("A,B,,")).status_code == 302
    assert ImportRun.objects.count() == 0


def test_the_menu_leads_a_librarian_there(client, librarian):
    page = client.get(reverse("wagtailadmin_home")).content.decode()

    assert reverse("library_exchange") in page
    assert reverse("library_labels") in page
