"""Books of the catalogue: read by everyone, written by the library's staff."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import reduce
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import parse_etags
from drf_yasg import openapi
from drf_yasg.utils import swagger_auto_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from commerce.api.doors import sorted_by
from commerce.api.serializers import asked_of
from library.api.doors import BAD_FILTER, INVALID, NO_BOOK, NO_PAGE, OUTDATED, STAFF_ONLY, ReadOrStaff
from library.api.refusals import refusals
from library.api.serializers import BookQuerySerializer, BookSerializer
from library.models import Book, Copy
from library.services import browsing, editing

LENT = "It has been lent, or somebody waits for it: its history is kept. Withdraw its copies instead."
IF_MATCH = openapi.Parameter(
    "If-Match",
    openapi.IN_HEADER,
    type=openapi.TYPE_STRING,
    description=(
        "The `ETag` of the answer that you have read: then nobody else's changes are lost, and an "
        "`inventory` that is out of date adds no copies."
    ),
)
EXAMPLE = {
    "application/json": {
        "id": 7,
        "title": "Dune",
        "author": "Frank Herbert",
        "cover": "SOFT",
        "inventory": 3,
        "daily_fee": "0.50",
        "currency": "USD",
        "isbn": "9780441172719",
        "publisher": "Ace",
        "year": 1990,
        "language": "eng",
        "subjects": ["Science fiction"],
        "description": "A desert planet, and what everybody wants of it.",
    }
}
SHOWN = openapi.Response("The book.", BookSerializer, examples=EXAMPLE)


class BooksView(generics.ListAPIView):
    permission_classes = [ReadOrStaff]
    serializer_class = BookSerializer
    queryset = Book.objects.none()
    filter_backends: list[type] = []

    @swagger_auto_schema(
        operation_id="books_list",
        operation_summary="The catalogue of the library",
        operation_description="Open to everyone. `inventory` is how many copies are to be had now.",
        query_serializer=BookQuerySerializer,
        responses={400: BAD_FILTER, 404: NO_PAGE},
        security=[],
        tags=["books"],
    )
    def get(self, request: Request) -> Response:
        query = BookQuerySerializer(data=asked_of(request.query_params))
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        found = sorted_by(narrowed(asked), asked["ordering"], inventory=copies_to_be_had())
        page = self.paginate_queryset(found.prefetch_related("subjects"))
        return self.get_paginated_response(describe(page))

    @swagger_auto_schema(
        operation_id="books_create",
        operation_summary="Take a book into the catalogue",
        operation_description="With `inventory` copies, whose barcodes are made.",
        request_body=BookSerializer,
        responses={201: SHOWN, 400: INVALID, 403: STAFF_ONLY},
        tags=["books"],
    )
    def post(self, request: Request) -> Response:
        written = BookSerializer(data=request.data)
        written.is_valid(raise_exception=True)
        content = dict(written.validated_data)
        at = timezone.now()
        with refusals():
            book = editing.create(
                subjects=content.pop("subjects", []),
                inventory=content.pop("inventory", 0),
                content=content,
                on=timezone.localdate(at),
                at=at,
            )
        address = request.build_absolute_uri(reverse("api:book", args=[book.pk]))
        return answer(book.pk, code=status.HTTP_201_CREATED, Location=address)


class BookView(APIView):
    """One book."""

    permission_classes = [ReadOrStaff]

    @swagger_auto_schema(
        operation_id="books_read",
        operation_summary="A book",
        operation_description="Open to everyone. The `ETag` goes into `If-Match`.",
        responses={200: SHOWN, 404: NO_BOOK},
        security=[],
        tags=["books"],
    )
    def get(self, request: Request, pk: int) -> Response:
        return answer(pk)

    @swagger_auto_schema(
        operation_id="books_update",
        operation_summary="Change a book",
        operation_description=(
            "What is lent keeps its fee. `inventory` sets how many copies are to be had: missing ones are "
            "added, those too many are withdrawn from the shelf; copies that are out stay out. What is not "
            "sent stays."
        ),
        manual_parameters=[IF_MATCH],
        request_body=BookSerializer,
        responses={200: SHOWN, 400: INVALID, 403: STAFF_ONLY, 404: NO_BOOK, 412: OUTDATED},
        tags=["books"],
    )
    def put(self, request: Request, pk: int) -> Response:
        return self.change(request, pk, is_partial=False)

    @swagger_auto_schema(
        operation_id="books_partial_update",
        operation_summary="Change parts of a book",
        operation_description="As PUT, without the fields that a new book needs.",
        manual_parameters=[IF_MATCH],
        request_body=BookSerializer,
        responses={200: SHOWN, 400: INVALID, 403: STAFF_ONLY, 404: NO_BOOK, 412: OUTDATED},
        tags=["books"],
    )
    def patch(self, request: Request, pk: int) -> Response:
        return self.change(request, pk, is_partial=True)

    @swagger_auto_schema(
        operation_id="books_delete",
        operation_summary="Delete a book",
        operation_description="With its copies, as if it had never been there.",
        manual_parameters=[IF_MATCH],
        responses={204: "It is deleted.", 403: STAFF_ONLY, 404: NO_BOOK, 409: LENT, 412: OUTDATED},
        tags=["books"],
    )
    def delete(self, request: Request, pk: int) -> Response:
        book = get_object_or_404(Book, pk=pk)
        with refusals():
            editing.delete(book=book, is_current=self.is_current)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def change(self, request: Request, pk: int, *, is_partial: bool) -> Response:
        book = get_object_or_404(Book, pk=pk)
        written = BookSerializer(book, data=request.data, partial=is_partial)
        written.is_valid(raise_exception=True)
        content = dict(written.validated_data)
        at = timezone.now()
        with refusals():
            editing.change(
                book=book,
                subjects=content.pop("subjects", None),
                inventory=content.pop("inventory", None),
                content=content,
                is_current=self.is_current,
                on=timezone.localdate(at),
                at=at,
                by=request.user,
            )
        return answer(pk)

    def is_current(self) -> bool:
        """Whether the book is still what the request's `If-Match` names; true without one."""
        asked = self.request.headers.get("If-Match")
        if asked is None:
            return True
        tags = parse_etags(asked)
        # Weak tags never match: they do not say that nothing has changed.
        return tags == ["*"] or entity_tag(shown(self.kwargs["pk"])) in tags


def answer(pk: int, *, code: int = status.HTTP_200_OK, **headers: str) -> Response:
    """The book as it is now. Raises Http404."""
    told = shown(pk)
    return Response(told, status=code, headers={"ETag": entity_tag(told), **headers})


def shown(pk: int) -> dict[str, Any]:
    return describe([get_object_or_404(Book, pk=pk)])[0]


def describe(books: list[Book]) -> list[dict[str, Any]]:
    """Books as the API answers them."""
    return BookSerializer(books, many=True, context={"inventory": inventories(books)}).data


def inventories(books: Iterable[Book]) -> dict[int, int]:
    """How many copies of books are to be had now, by the ids of those that have any."""
    counted = Copy.objects.available().filter(book__in=[book.pk for book in books]).order_by()
    return dict(counted.values_list("book").annotate(Count("pk")))


def entity_tag(told: dict[str, Any]) -> str:
    """A strong tag: another answer has another one."""
    return f'"{hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()[:32]}"'


def copies_to_be_had() -> Coalesce:
    """The inventory of a book, for the database to sort by."""
    there = Copy.objects.available().filter(book=OuterRef("pk")).order_by().values("book")
    return Coalesce(Subquery(there.annotate(count=Count("pk")).values("count")), 0)


def narrowed(asked: dict[str, Any]) -> QuerySet[Book]:
    """Books that fit all filters."""
    books = browsing.catalogue(search=asked["search"])
    if "author" in asked:
        for word in asked["author"].split():
            books = books.filter(_written_by(word))
    if "subject" in asked:
        books = books.filter(subjects=asked["subject"])
    if "available" in asked:
        is_there = Exists(Copy.objects.available().filter(book=OuterRef("pk")))
        books = books.filter(is_there if asked["available"] else ~is_there)
    return books.filter(**{name: asked[name] for name in ("cover", "language") if name in asked})


def _written_by(word: str) -> Q:
    """The word somewhere in the authors. SQLite ignores the case of Latin letters only."""
    spellings = {word, word.lower(), word.capitalize()}
    return reduce(Q.__or__, (Q(author__icontains=each) for each in spellings))
