"""Books by the API: everyone reads, the library's staff writes."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group

from accounts.tests.factories import UserFactory
from commerce.tests.api import client_of
from library.models import Book, Copy
from library.tests.factories import BookFactory, BorrowingFactory, CopyFactory, HoldFactory, SubjectFactory

pytestmark = pytest.mark.django_db
BOOKS = "/api/v1/books/"
DUNE = {
    "title": "Dune",
    "author": "Frank Herbert",
    "cover": "SOFT",
    "inventory": 2,
    "daily_fee": "0.50",
    "currency": "USD",
    "isbn": "9780441172719",
    "publisher": "Ace",
    "year": 1990,
    "language": "eng",
    "subjects": ["Science fiction"],
    "description": "A desert planet.",
}


@pytest.fixture
def staff():
    return UserFactory(is_staff=True)


@pytest.fixture
def fiction():
    return SubjectFactory(name="Science fiction", slug="science-fiction")


def titles(answer):
    assert answer.status_code == 200, answer.json()
    return [book["title"] for book in answer.json()["results"]]


# --- Reading ---
def test_everyone_reads_the_catalogue_signed_in_or_not(fiction):
    facts = {
        name: value for name, value in DUNE.items() if name not in ("inventory", "subjects", "daily_fee")
    }
    book = BookFactory(**facts, daily_fee=Decimal("0.50"), copies=2)
    book.subjects.add(fiction)
    CopyFactory(book=book, status=Copy.Status.ON_LOAN)

    for client in (client_of(), client_of(UserFactory()), client_of(UserFactory(is_staff=True))):
        told = {"id": book.pk, **DUNE}
        assert client.get(BOOKS).json() == {"count": 1, "next": None, "previous": None, "results": [told]}
        assert client.get(f"{BOOKS}{book.pk}/").json() == told
    assert client_of().get(f"{BOOKS}{book.pk + 1}/").status_code == 404


def test_a_fee_has_the_decimals_of_its_currency():
    BookFactory(title="Genji", daily_fee=Decimal(50), currency="JPY")
    BookFactory(title="Dune", daily_fee=Decimal("0.5"))

    told = client_of().get(BOOKS).json()["results"]

    assert [book["daily_fee"] for book in told] == ["0.50", "50"]


@pytest.fixture
def shelf(fiction):
    dune = BookFactory(title="Dune", author="Frank Herbert", isbn="9780441172719", language="eng", copies=2)
    dune.subjects.add(fiction)
    BookFactory(
        title="Good Omens",
        author="Terry Pratchett; Neil Gaiman",
        cover="HARD",
        daily_fee=Decimal(2),
        year=1990,
        description="An angel and a demon.",
        copies=1,
    )
    BookFactory(
        title="Война и мир", author="Лев Толстой", language="rus", daily_fee=Decimal("0.20"), year=1869
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"search": "angel"}, ["Good Omens"]),
        ({"search": "HERBERT dune"}, ["Dune"]),
        ({"search": "dune omens"}, []),
        ({"search": "толстой"}, ["Война и мир"]),
        ({"search": "0-441-17271-7"}, ["Dune"]),
        ({"search": "9780441172719"}, ["Dune"]),
        ({"search": "978044117"}, ["Dune"]),
        ({"search": ""}, ["Dune", "Good Omens", "Война и мир"]),
        ({"author": "gaiman"}, ["Good Omens"]),
        ({"author": "frank herbert"}, ["Dune"]),
        ({"author": "nobody"}, []),
        ({"subject": "science-fiction"}, ["Dune"]),
        ({"subject": "science Fiction"}, ["Dune"]),
        ({"cover": "HARD"}, ["Good Omens"]),
        ({"language": "rus"}, ["Война и мир"]),
        ({"available": "true"}, ["Dune", "Good Omens"]),
        ({"available": "false"}, ["Война и мир"]),
        ({"ordering": "-title"}, ["Война и мир", "Good Omens", "Dune"]),
        ({"ordering": "author"}, ["Dune", "Good Omens", "Война и мир"]),
        ({"ordering": "daily_fee"}, ["Война и мир", "Dune", "Good Omens"]),
        ({"ordering": "year"}, ["Война и мир", "Good Omens", "Dune"]),
        ({"ordering": "-inventory"}, ["Dune", "Good Omens", "Война и мир"]),
        ({"ordering": "inventory", "available": "true"}, ["Good Omens", "Dune"]),
    ],
)
def test_the_list_is_searched_narrowed_and_ordered(shelf, query, expected):
    assert titles(client_of().get(BOOKS, query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"cover": "PAPER"},
        {"subject": "gardening"},
        {"language": "english"},
        {"language": ""},
        {"available": "perhaps"},
        {"ordering": "isbn"},
        {"title": "Dune"},
        {"search": "x" * 201},
    ],
)
def test_what_a_filter_does_not_understand_is_refused(shelf, query):
    answer = client_of().get(BOOKS, query)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(query))


def test_equal_books_are_sorted_by_their_age():
    first, second = BookFactory(title="Dune"), BookFactory(title="Dune")

    for ordering, expected in (("title", [first.pk, second.pk]), ("-title", [second.pk, first.pk])):
        told = client_of().get(BOOKS, {"ordering": ordering}).json()["results"]
        assert [book["id"] for book in told] == expected


def test_thirty_books_take_as_many_queries_as_one(fiction, django_assert_num_queries):
    BookFactory(copies=1).subjects.add(fiction)
    with django_assert_num_queries(4):
        client_of().get(BOOKS)
    for _n in range(29):
        BookFactory(copies=2).subjects.add(fiction)

    with django_assert_num_queries(4):
        assert len(titles(client_of().get(BOOKS, {"page_size": 50}))) == 30


# --- Writing ---
def test_staff_takes_in_changes_and_deletes_a_book(staff, fiction):
    client = client_of(staff)

    made = client.post(BOOKS, DUNE)
    path = f"{BOOKS}{made.json()['id']}/"
    put = client.put(path, {**DUNE, "isbn": "0-441-17271-7", "inventory": 3})
    patched = client.patch(path, {"title": "Dune Messiah", "subjects": []})

    assert (made.status_code, made["Location"]) == (201, f"http://testserver{path}")
    assert made.json() == {"id": made.json()["id"], **DUNE}
    assert (put.status_code, put.json()) == (200, {**made.json(), "inventory": 3})
    assert (patched.status_code, patched.json()["title"]) == (200, "Dune Messiah")
    assert (patched.json()["inventory"], patched.json()["subjects"]) == (3, [])
    assert [author.name for author in Book.objects.get().authors.all()] == ["Frank Herbert"]
    assert client.delete(path).status_code == 204
    assert not Book.objects.exists()


def test_a_book_needs_a_title_an_author_and_a_fee_only(staff):
    made = client_of(staff).post(BOOKS, {"title": "Dune", "author": "Frank Herbert", "daily_fee": "0"})

    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "title": "Dune",
        "author": "Frank Herbert",
        "cover": "SOFT",
        "inventory": 0,
        "daily_fee": "0.00",
        "currency": "USD",
        "isbn": None,
        "publisher": "",
        "year": None,
        "language": "",
        "subjects": [],
        "description": "",
    }


def test_librarians_write_books_and_others_do_not():
    librarian = UserFactory()
    librarian.groups.add(Group.objects.get(name="Librarians"))
    body = {"title": "Dune", "author": "Frank Herbert", "daily_fee": "1"}
    path = f"{BOOKS}{BookFactory().pk}/"

    assert client_of(librarian).post(BOOKS, body).status_code == 201
    for client, status in ((client_of(), 401), (client_of(UserFactory()), 403)):
        assert client.post(BOOKS, body).status_code == status
        for method in ("put", "patch", "delete"):
            assert getattr(client, method)(path, body).status_code == status
    assert Book.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"author": " ; "}, "author"),
        ({"author": "x" * 201}, "author"),
        ({"cover": "PAPER"}, "cover"),
        ({"inventory": -1}, "inventory"),
        ({"inventory": 1001}, "inventory"),
        ({"daily_fee": "-1"}, "daily_fee"),
        ({"daily_fee": "0.505"}, "daily_fee"),
        ({"daily_fee": "NaN"}, "daily_fee"),
        ({"currency": "XXX"}, "currency"),
        ({"isbn": "9780441172718"}, "isbn"),
        ({"isbn": "Dune"}, "isbn"),
        ({"year": -5}, "year"),
        ({"year": 2**40}, "year"),
        ({"language": "english"}, "language"),
        ({"subjects": ["Gardening"]}, "subjects"),
        ({"subjects": "Science fiction"}, "subjects"),
        ({"title": "Du\x00ne"}, "title"),
    ],
)
def test_what_cannot_be_catalogued_is_refused(staff, fiction, change, field):
    answer = client_of(staff).post(BOOKS, {**DUNE, **change})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Book.objects.exists()


def test_a_book_is_in_the_catalogue_once_however_its_isbn_is_written(staff, fiction):
    BookFactory(isbn="9780441172719")

    answer = client_of(staff).post(BOOKS, {**DUNE, "isbn": "0441172717"})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["isbn"])
    assert Book.objects.count() == 1


# --- Inventory ---
def test_a_smaller_inventory_withdraws_copies_from_the_shelf_and_leaves_those_that_are_out(staff):
    book = BookFactory(copies=3)
    lent = BorrowingFactory(copy=CopyFactory(book=book, status=Copy.Status.ON_LOAN)).copy

    answer = client_of(staff).patch(f"{BOOKS}{book.pk}/", {"inventory": 1})

    assert answer.json()["inventory"] == 1
    statuses = Copy.objects.order_by("pk").values_list("status", flat=True)
    assert list(statuses) == ["AVAILABLE", "WITHDRAWN", "WITHDRAWN", "ON_LOAN"]
    assert Copy.objects.get(status="ON_LOAN") == lent


def test_an_inventory_is_refused_while_people_wait_for_the_book(staff):
    book = HoldFactory(book=BookFactory()).book

    answer = client_of(staff).patch(f"{BOOKS}{book.pk}/", {"inventory": 1, "title": "Other"})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["inventory"])
    assert Book.objects.exclude(title="Other").get() == book
    assert not Copy.objects.exists()


def test_a_stale_inventory_brings_no_lent_copy_back(staff):
    book = BookFactory(copies=2)
    read = client_of(staff).get(f"{BOOKS}{book.pk}/")
    BorrowingFactory(copy=book.copies.first())
    book.copies.filter(pk=book.copies.first().pk).update(status=Copy.Status.ON_LOAN)

    answer = client_of(staff).put(
        f"{BOOKS}{book.pk}/", {**read.json(), "title": "Other"}, headers={"If-Match": read["ETag"]}
    )

    assert answer.status_code == 412
    assert (Copy.objects.count(), Book.objects.filter(title="Other").exists()) == (2, False)


# --- If-Match ---
def test_what_is_as_it_was_read_is_changed_and_has_another_tag(staff):
    path = f"{BOOKS}{BookFactory(copies=1).pk}/"
    read = client_of(staff).get(path)

    answer = client_of(staff).put(
        path, {**read.json(), "title": "Dune"}, headers={"If-Match": f'W/"x", {read["ETag"]}'}
    )

    assert (answer.status_code, answer.json()) == (200, {**read.json(), "title": "Dune"})
    assert answer["ETag"] == client_of().get(path)["ETag"] != read["ETag"]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_what_has_been_changed_since_it_was_read_is_left(staff, method):
    book = BookFactory(title="Dune")
    path = f"{BOOKS}{book.pk}/"
    tag = client_of(staff).get(path)["ETag"]
    client_of(staff).patch(path, {"publisher": "Ace"})

    body = {"title": "Other", "author": "Nobody", "daily_fee": "1"}
    answer = getattr(client_of(staff), method)(path, body, headers={"If-Match": tag})

    assert answer.status_code == 412
    assert (Book.objects.get().title, Book.objects.get().publisher) == ("Dune", "Ace")


def test_a_star_names_whatever_there_is(staff):
    path = f"{BOOKS}{BookFactory().pk}/"

    assert client_of(staff).patch(path, {"title": "Dune"}, headers={"If-Match": "*"}).status_code == 200


# --- Deleting ---
def test_a_book_that_was_ever_lent_is_not_deleted(staff):
    book = BorrowingFactory().book

    answer = client_of(staff).delete(f"{BOOKS}{book.pk}/")

    assert (answer.status_code, answer.json()["code"]) == (409, "book_in_use")
    assert "Withdraw its copies" in answer.json()["detail"]
    assert Book.objects.get() == book


def test_a_book_that_was_never_lent_goes_with_its_copies(staff):
    book = BookFactory(copies=2)

    assert client_of(staff).delete(f"{BOOKS}{book.pk}/").status_code == 204

    assert not Copy.objects.exists()
