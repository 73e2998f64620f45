"""What the library costs: whole requests, of any size, whoever asks; and 20,000 books in time."""

import time

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from wagtail.images import get_image_model
from wagtail.images.tests.utils import get_test_image_file

from accounts.tests.factories import UserFactory
from library.models import Book
from library.services import browsing
from library.tests.factories import BookFactory
from library.tests.scale import grow_library
from library.tests.test_browsing import both_databases

pytestmark = pytest.mark.django_db

CATALOGUE_QUERIES = 8
ASKED = (
    "/library/",
    "/library/?page=2",
    "/library/?search=book",
    "/library/?search=garden&subject=chess&available=now&cover=HARD&language=eng&ordering=title",
    "/library/?author=Author+0+of+Garden",
    "/library/?author_like=guitar",
    "/library/?search=nothing+like+this",
)


def with_picture():
    """A book whose sizes of its picture have to be fetched too: the newest, so that it is shown."""
    picture = get_image_model().objects.create(title="Cover", file=get_test_image_file(size=(60, 90)))
    newest = Book.objects.order_by("-created_at").first()
    Book.objects.filter(pk=newest.pk).update(picture=picture)


def costs(*, askers=("visitor", "member")):
    found = {}
    for asker in askers:
        client = Client()
        if asker == "member":
            client.force_login(UserFactory())
        for address in ASKED:
            client.get(address)  # fills caches and makes the sizes of pictures
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            found[asker, address] = len(queries)
    return found


@both_databases
def test_many_books_cost_what_one_costs_and_that_is_within_the_budget(database):
    BookFactory(title="Book on Garden and Chess", copies=1)
    with_picture()
    one = costs()
    grow_library(books=60)
    with_picture()

    many = costs()

    assert max(many.values()) <= CATALOGUE_QUERIES, many
    assert all(many[asked] <= one[asked] + 2 for asked in many), (one, many)


def test_the_page_of_a_book_costs_the_same_however_many_copies_and_loans_it_has():
    one, many = BookFactory(copies=1), BookFactory(copies=20)
    client = Client()

    def queries_for(book):
        client.get(browsing.address_of(book))
        with CaptureQueriesContext(connection) as queries:
            client.get(browsing.address_of(book))
        return len(queries)

    assert queries_for(one) == queries_for(many) <= 12


@pytest.mark.slow
@both_databases
def test_twenty_thousand_books_are_within_the_budget_and_the_time(database):
    grow_library(books=20_000)
    with_picture()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as databases do by themselves after a while

    assert max(costs().values()) <= CATALOGUE_QUERIES
    client = Client()
    slow = {}
    for address in ASKED:
        began = time.process_time()
        client.get(address)
        slow[address] = time.process_time() - began
    # Time of this process: on SQLite the database's is in it. A second is far more than it takes, and far
    # less than looking into the index once for every book.
    assert max(slow.values()) < 1, slow


def test_the_words_are_looked_for_once_and_not_once_for_every_book():
    grow_library(books=300)
    book = Book.objects.order_by("pk").first()

    with CaptureQueriesContext(connection) as queries:
        assert browsing.survey(search=book.title).total >= 1

    assert len(queries) == 1
