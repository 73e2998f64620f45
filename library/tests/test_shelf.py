"""Books in lessons: chosen in the CMS, shown with their availability, gone without a trace."""

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from wagtail.models import ReferenceIndex

from accounts.tests.factories import UserFactory
from library.services import cataloguing
from library.services.shelf import BookShelf
from library.tests.factories import BookFactory, CopyFactory
from portal.content import shelves
from portal.content.blocks import LessonBody

pytestmark = pytest.mark.django_db
BODY = LessonBody()


def body_of(*blocks):
    """A body as it comes from the database: blocks of books by their numbers."""
    return BODY.to_python(
        [
            {"type": "books", "value": {"title": title, "books": [book.pk for book in books]}}
            for title, books in blocks
        ]
    )


def html_of(body):
    return "".join(block.render() for block in body)


def test_a_page_shows_the_books_it_names_and_whether_they_are_there():
    here, out = BookFactory(title="Dune", copies=1), BookFactory(title="Emma")
    CopyFactory(book=out, status="ON_LOAN")

    html = html_of(body_of(("", [here, out])))

    assert "Books for this lesson" in html
    assert f'href="/library/{here.pk}-dune/"' in html
    assert html.index("Dune") < html.index("Available") < html.index("Emma") < html.index("All out")


def test_all_books_of_a_page_come_in_one_query():
    books = [BookFactory(copies=1) for _n in range(5)]
    body = body_of(("One", books[:1]), ("Two", books[1:3]), ("Three", books[2:]))

    with CaptureQueriesContext(connection) as queries:
        html = html_of(body)

    assert len(queries) == 1
    assert html.count("book-card") >= 6


def test_a_book_that_is_gone_leaves_the_others():
    stays, goes = BookFactory(title="Dune"), BookFactory(title="Emma")
    body = [{"type": "books", "value": {"title": "", "books": [goes.pk, stays.pk]}}]
    alone = [{"type": "books", "value": {"title": "Only one", "books": [goes.pk]}}]
    cataloguing.delete_book(book=goes)

    html = html_of(BODY.to_python(body))

    assert "Dune" in html
    assert "Emma" not in html
    assert html_of(BODY.to_python(alone)).strip() == ""


def test_clients_of_the_api_get_books_with_addresses(rf):
    book = BookFactory(title="Dune", copies=1)
    body = body_of(("Read on", [book]))

    [described] = BODY.get_api_representation(body, context={"request": rf.get("/")})

    assert described["value"] == {
        "title": "Read on",
        "books": [
            {
                "id": book.pk,
                "title": "Dune",
                "author": "Frank Herbert",
                "url": f"http://testserver/library/{book.pk}-dune/",
                "daily_fee": "1.00",
                "currency": "USD",
                "inventory": 1,
            }
        ],
    }


def test_a_block_needs_a_book():
    block = BODY.child_blocks["books"]

    with pytest.raises(ValidationError):
        block.clean(block.to_python({"title": "", "books": []}))


def test_the_preview_of_the_block_shows_books_when_there_are_any():
    block = BODY.child_blocks["books"]
    assert block.is_previewable is False
    BookFactory(title="Dune")

    html = block.render(block.get_preview_value())

    assert block.is_previewable is True
    assert "Dune" in html


def test_a_book_knows_the_blocks_that_name_it():
    book = BookFactory()

    references = list(BODY.extract_references(body_of(("", [book]))))

    assert [(model, pk) for model, pk, *_where in references] == [(type(book), str(book.pk))]
    assert ReferenceIndex.model_is_indexable(type(book))


def test_two_apps_do_not_share_a_shelf():
    class Other(BookShelf):
        pass

    with pytest.raises(shelves.ShelfTaken, match="BookShelf"):
        shelves.put_up(shelves.BOOKS, Other())


def test_what_nobody_has_is_said_with_the_remedy():
    with pytest.raises(shelves.NoShelf, match="put up a Shelf"):
        shelves.shelf_of("stuffed animals")


# --- Choosing one in the CMS -------------------------------------------------------------------------------
@pytest.mark.parametrize("address", ["", "results/"])
def test_editors_look_for_a_book(client, address):
    author = UserFactory(verified=True)
    author.groups.add(Group.objects.get(name="Authors"))
    client.force_login(author)
    cataloguing.save_book(book=BookFactory.build(title="Dune", isbn="9780441013593"))
    cataloguing.save_book(book=BookFactory.build(title="Emma", author="Jane Austen"))

    answer = client.get(f"/cms/library/book-chooser/{address}?q=978-0-441-01359-3")

    assert answer.status_code == 200
    assert "Dune" in answer.content.decode()
    assert "Emma" not in answer.content.decode()


def test_members_do_not_choose(client):
    client.force_login(UserFactory())

    assert client.get("/cms/library/book-chooser/").status_code in (302, 403)
