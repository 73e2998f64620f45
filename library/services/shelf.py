"""The library's books where editors set them into pages: see portal.content.shelves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.forms import Widget
from django.utils.module_loading import import_string

from library.models import Book
from library.services import browsing
from library.services.browsing import BookCard

SAMPLES = 3


class BookShelf:
    """Books as blocks show them."""

    model = "library.Book"
    template = "library/components/book_cards.html"
    # A dotted path, as in settings: the chooser is a door, above the services.
    chooser = "library.choosers.book_chooser"

    @property
    def widget(self) -> Widget:
        return import_string(self.chooser).widget_class()

    def fetch(self, pks: Iterable[int]) -> Mapping[int, Book]:
        wanted = set(pks)
        if not wanted:
            return {}
        return {book.pk: book for book in browsing.for_cards(Book.objects.filter(pk__in=wanted))}

    def cards(self, things: Sequence[Book]) -> list[BookCard]:
        if any(not hasattr(book, "available") for book in things):
            # Chosen in the CMS a moment ago, and shown before it was saved.
            found = self.fetch(book.pk for book in things)
            things = [found[book.pk] for book in things if book.pk in found]
        return browsing.cards(things)

    def described(self, thing: Book) -> dict[str, Any]:
        [card] = self.cards([thing])
        return {
            "id": card.pk,
            "title": card.title,
            "author": card.author,
            "url": card.url,
            "daily_fee": str(card.fee.amount),
            "currency": card.fee.currency,
            "inventory": card.available,
        }

    def samples(self) -> Sequence[Book]:
        return list(Book.objects.order_by("-created_at", "-pk")[:SAMPLES])
