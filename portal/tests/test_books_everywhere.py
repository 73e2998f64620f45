"""Books where other apps' pages are: lessons, search, the first page, one's own page, the map of the site."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.tests.factories import UserFactory
from courses.tests.factories import CourseFactory, LessonFactory
from library.models import LibraryPage
from library.services import cataloguing, lending
from library.services.days import day_of
from library.tests.factories import BookFactory

pytestmark = pytest.mark.django_db


def test_a_lesson_shows_books_of_the_library(client):
    book = BookFactory(title="Dune", copies=1)
    lesson = LessonFactory(
        parent=CourseFactory(), is_preview=True, body=[("books", {"title": "Read on", "books": [book]})]
    )

    html = client.get(lesson.url).content.decode()

    assert "Read on" in html
    assert f'href="/library/{book.pk}-dune/"' in html


def test_a_lesson_outlives_its_books(client):
    book = BookFactory(title="Dune")
    lesson = LessonFactory(
        parent=CourseFactory(), is_preview=True, body=[("books", {"title": "Read on", "books": [book]})]
    )
    cataloguing.delete_book(book=book)

    answer = client.get(lesson.url)

    assert answer.status_code == 200
    assert "Read on" not in answer.content.decode()


def test_addresses_outside_the_portal_do_not_come_in_by_the_title_of_a_book():
    book = BookFactory(title="Read https://evil.example/now")
    lesson = LessonFactory(parent=CourseFactory())
    lesson.body = [("books", {"title": "", "books": [book]})]

    with pytest.raises(ValidationError, match=r"evil\.example"):
        lesson.full_clean()


def test_the_search_of_the_site_finds_books(client):
    cataloguing.save_book(book=BookFactory.build(title="Dune", author="Frank Herbert", description="Sand."))

    for words in ("dune", "herbert", "sand"):
        results = client.get(f"/search/?q={words}").context["results"]
        assert [(result.title, result.kind, result.introduction) for result in results] == [
            ("Dune", "Book", "Frank Herbert")
        ]


def test_a_closed_library_is_found_nowhere(client):
    book = cataloguing.save_book(book=BookFactory.build(title="Dune"))
    LibraryPage.objects.get().unpublish()

    assert list(client.get("/search/?q=dune").context["results"]) == []
    assert "Dune" not in client.get("/").content.decode()
    assert f"/library/{book.pk}" not in client.get("/sitemap.xml").content.decode()


def test_the_first_page_shows_the_newest_books(client):
    now = timezone.now()
    for number in range(7):
        BookFactory(title=f"Book {number}", created_at=now + timedelta(minutes=number))

    answer = client.get("/")

    assert [card.title for card in answer.context["books"]] == [f"Book {n}" for n in (6, 5, 4, 3, 2, 1)]
    assert "From the library" in answer.content.decode()


def test_without_books_the_first_page_says_nothing_of_them(client):
    assert "From the library" not in client.get("/").content.decode()


def test_the_map_of_the_site_has_every_book_and_the_library(client):
    book = BookFactory(title="Dune")

    words = client.get("/sitemap.xml").content.decode()

    assert f"/library/{book.pk}-dune/</loc>" in words
    assert "/library/</loc>" in words


def test_ones_own_page_says_what_is_due_and_unpaid(client, django_assert_num_queries):
    member = UserFactory()
    client.force_login(member)
    assert "From the library" not in client.get("/my/").content.decode()

    def borrow(title):
        at = timezone.now()
        book = BookFactory(title=title, copies=1)
        until = day_of(at) + timedelta(days=3)
        lending.lend(book=book, to=member, until=until, on=day_of(at), at=at, at_desk=True)

    borrow("Dune")
    html = client.get("/my/").content.decode()
    assert "From the library" in html
    assert "Dune" in html
    assert "$3.00" in html
    with django_assert_num_queries(13) as one:
        client.get("/my/")
    borrow("Emma")
    borrow("Persuasion")
    with django_assert_num_queries(len(one)):
        client.get("/my/")


def test_the_menu_leads_to_the_library(client):
    titles = [item["title"] for item in client.get("/").context["navigation"]]

    assert titles == ["Courses", "Library", "Shop"]


def test_crawlers_leave_peoples_loans_alone(client):
    lines = client.get("/robots.txt").content.decode().splitlines()

    assert "Disallow: /library/loans/" in lines
    assert "Disallow: /library/" not in lines
