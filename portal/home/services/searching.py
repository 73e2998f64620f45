"""Search over courses, lessons and books.

It never tells what stands in a lesson that the asker may not open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import reduce
from operator import and_
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.utils.translation import gettext as _
from wagtail.models import Page
from wagtail.query import PageQuerySet

from accounts.models import User
from courses.models import CoursePage, LessonPage
from library.models import Book, LibraryPage
from library.services import browsing

#: A question longer than this is cut: nobody types it, and every word costs the database a comparison.
MAX_QUERY_LENGTH = 200
MAX_WORDS = 10
#: So many of the best matches of a kind can be paged through.
MAX_MATCHES = 500


#: What was found: its kind and its number.
Key = tuple[type[CoursePage] | type[LessonPage] | type[Book], int]


class Rank(IntEnum):
    """Where the words were found; the lower, the higher in the list."""

    TITLE = 0
    INTRODUCTION = 1
    MATERIAL = 2


@dataclass(frozen=True)
class Result:
    """One line of the answer."""

    title: str
    url: str
    introduction: str
    kind: str


class Found(Sequence[Result]):
    """The answer, best first. Only the slice that is looked at is read from the database."""

    def __init__(self, keys: list[Key]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, wanted):  # type: ignore[no-untyped-def]
        if isinstance(wanted, int):
            return self._read(self._keys[wanted : wanted + 1])[0]
        return self._read(self._keys[wanted])

    def _read(self, keys: list[Key]) -> list[Result]:
        kinds: dict[Any, str] = {CoursePage: _("Course"), LessonPage: _("Lesson")}
        pages = {
            model: model.objects.defer_streamfields().in_bulk([pk for each, pk in keys if each is model])
            for model in kinds
        }
        results: dict[Key, Result] = {
            (model, pk): Result(
                title=page.title,
                url=page.get_url() or "",
                introduction=page.introduction,
                kind=kinds[model],
            )
            for model, found in pages.items()
            for pk, page in found.items()
        }
        for pk, book in Book.objects.in_bulk([pk for each, pk in keys if each is Book]).items():
            results[Book, pk] = Result(
                title=book.title,
                url=browsing.address_of(book),
                introduction=book.author,
                kind=_("Book"),
            )
        return [results[key] for key in keys if key in results]


def find(query: str, *, user: User | AnonymousUser) -> Found:
    """Live courses and lessons, and books, that have all words of query; an empty query finds nothing.

    Titles and introductions are public and searched for everyone. The material of a lesson is searched only
    when user may open the lesson, so that nobody learns by asking which words it has.
    """
    query = " ".join(query[:MAX_QUERY_LENGTH].split()[:MAX_WORDS])
    if not query:
        return Found([])

    courses = CoursePage.objects.live().public()
    # As subqueries: the search backends refuse conditions on what is not in their index.
    shown = LessonPage.objects.order_by().shown().public()
    lessons = LessonPage.objects.filter(pk__in=shown.values("pk"))
    open_lessons = lessons.filter(pk__in=LessonPage.objects.order_by().open_to(user).values("pk"))
    ranked: dict[tuple[type, int], Rank] = {}
    for model, pages, readable in ((CoursePage, courses, courses), (LessonPage, lessons, open_lessons)):
        for rank, found in (
            (Rank.TITLE, _with_words(pages, "title", query)),
            (Rank.TITLE, _full_text(pages, query, fields=["title"])),
            (Rank.INTRODUCTION, _with_words(pages, "introduction", query)),
            (Rank.MATERIAL, _full_text(readable, query)),
        ):
            for pk in found:
                ranked.setdefault((model, pk), rank)

    if LibraryPage.objects.live().exists():
        for rank, books in (
            (Rank.TITLE, Book.objects.filter(_has_words("title", query))),
            (Rank.INTRODUCTION, browsing.catalogue(search=query)),
        ):
            for pk in books.order_by("title", "pk").values_list("pk", flat=True)[:MAX_MATCHES]:
                ranked.setdefault((Book, pk), rank)

    # Sorting is stable: within a rank courses stand before lessons, these before books, each as it was found.
    return Found(sorted(ranked, key=lambda key: ranked[key]))


def _with_words(pages: PageQuerySet, field: str, query: str) -> list[int]:
    """Pages whose field has every word of query, also inside a longer one: “photo” in “photography”."""
    return list(
        pages.filter(_has_words(field, query)).order_by("path").values_list("pk", flat=True)[:MAX_MATCHES]
    )


def _has_words(field: str, query: str) -> Q:
    return reduce(and_, (Q(**{f"{field}__icontains": word}) for word in query.split()))


def _full_text(pages: PageQuerySet, query: str, *, fields: list[str] | None = None) -> list[int]:
    words = " ".join(re.findall(r"\w+", query))  # an odd quotation mark would be a syntax error to SQLite
    if not words:
        return []
    # As pages of a type: SQLite, asked for one model, would look into its index once for every row of it.
    kind = ContentType.objects.get_for_model(pages.model)
    of_kind = Page.objects.filter(content_type=kind)
    found = of_kind.search(words, fields=fields, operator="and", order_by_relevance=False).get_queryset()
    readable = found.filter(pk__in=pages.order_by().values("pk"))
    return list(readable.order_by("path").values_list("pk", flat=True)[:MAX_MATCHES])
