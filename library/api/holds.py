"""Holds: waiting for a book of which no copy is to be had."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import QuerySet, prefetch_related_objects
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_yasg import openapi
from drf_yasg.utils import swagger_auto_schema
from rest_framework import generics, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from commerce.api.doors import sorted_by
from commerce.api.serializers import asked_of
from library import permissions
from library.api import books
from library.api.doors import BAD_FILTER, INVALID, NO_BOOK, NO_HOLD, NO_PAGE, ScarceMixin
from library.api.refusals import Conflict, refusals
from library.api.serializers import HoldQuerySerializer, HoldRequestSerializer, HoldSerializer
from library.models import Book, Hold
from library.services import holding, queueing
from library.services.days import day_of

REFUSED = (
    "It cannot be held; `code` says why: no_need_to_hold (a copy is there: borrow it), already_held, "
    "already_borrowed, too_many_holds, card_blocked or no_copies."
)
EXAMPLE = {
    "application/json": {
        "id": 5,
        "book": {**books.EXAMPLE["application/json"], "inventory": 0},
        "user": 4,
        "status": "WAITING",
        "position": 2,
        "estimate": "2026-06-29",
        "ready_until": None,
        "borrowing": None,
        "placed_at": "2026-06-01T09:00:00Z",
    }
}
SHOWN = openapi.Response("The hold.", HoldSerializer, examples=EXAMPLE)


class HoldsView(ScarceMixin, generics.ListAPIView):
    """One's own holds; to staff, everybody's."""

    permission_classes = [IsAuthenticated]
    serializer_class = HoldSerializer
    queryset = Hold.objects.none()
    filter_backends: list[type] = []

    @swagger_auto_schema(
        operation_id="holds_list",
        operation_summary="What you wait for",
        operation_description=(
            "Newest first, also those that are over. Staff see everybody's, and choose whose by `user_id`."
        ),
        query_serializer=HoldQuerySerializer,
        responses={400: BAD_FILTER, 404: NO_PAGE},
        tags=["holds"],
    )
    def get(self, request: Request) -> Response:
        context = {"sees_all": permissions.sees_all_holds(request.user)}
        query = HoldQuerySerializer(data=asked_of(request.query_params), context=context)
        query.is_valid(raise_exception=True)
        found = narrowed(holds_seen_by(request.user), query.validated_data)
        page = self.paginate_queryset(sorted_by(found, query.validated_data["ordering"]))
        return self.get_paginated_response(describe(page, on=day_of(timezone.now())))

    @swagger_auto_schema(
        operation_id="holds_create",
        operation_summary="Wait for a book",
        operation_description=(
            "Puts you at the end of its queue. When a copy comes back for you, you get a letter, and the "
            "copy waits until `ready_until`: `POST borrowings/` takes it."
        ),
        request_body=HoldRequestSerializer,
        responses={201: SHOWN, 400: INVALID, 404: NO_BOOK, 409: REFUSED},
        tags=["holds"],
    )
    def post(self, request: Request) -> Response:
        wish = HoldRequestSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        book = get_object_or_404(Book, pk=wish.validated_data["book"])
        at = timezone.now()
        with refusals():
            hold = holding.place(book=book, member=request.user, at=at, on=day_of(at))
        address = request.build_absolute_uri(reverse("api:hold", args=[hold.pk]))
        shown = describe([hold], on=day_of(at))[0]
        return Response(shown, status=status.HTTP_201_CREATED, headers={"Location": address})


class HoldView(APIView):
    """One hold."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="holds_read",
        operation_summary="A hold",
        responses={200: SHOWN, 404: NO_HOLD},
        tags=["holds"],
    )
    def get(self, request: Request, pk: int) -> Response:
        hold = get_object_or_404(holds_seen_by(request.user), pk=pk)
        return Response(describe([hold], on=day_of(timezone.now()))[0])

    @swagger_auto_schema(
        operation_id="holds_delete",
        operation_summary="Wait no longer",
        operation_description=(
            "The hold is CANCELLED, and can be read still. A copy that was set aside goes to the next. "
            "Asking again changes nothing. Staff may do it for others."
        ),
        responses={
            204: "It is cancelled.",
            403: "It is another's, which you may only look at.",
            404: NO_HOLD,
            409: "It has come to its end: borrowed, or not fetched in time (`code`: not_waiting).",
        },
        tags=["holds"],
    )
    def delete(self, request: Request, pk: int) -> Response:
        hold = get_object_or_404(holds_seen_by(request.user), pk=pk)
        if hold.member_id != request.user.pk and not permissions.may_change_holds(request.user):
            raise PermissionDenied
        at = timezone.now()
        ended = holding.cancel(hold=hold, at=at, on=day_of(at), by=request.user)
        hold.refresh_from_db()
        if not ended and hold.status != Hold.Status.CANCELLED:
            words = _("The hold is over: %s.") % hold.get_status_display()
            raise Conflict(words, code="not_waiting")
        return Response(status=status.HTTP_204_NO_CONTENT)


def holds_seen_by(user: Any) -> QuerySet[Hold]:
    holds = Hold.objects.select_related("book")
    return holds if permissions.sees_all_holds(user) else holds.by(user)


def narrowed(holds: QuerySet[Hold], asked: dict[str, Any]) -> QuerySet[Hold]:
    """Holds that fit all filters."""
    if "is_active" in asked:
        holds = holds.open() if asked["is_active"] else holds.exclude(status__in=Hold.OPEN)
    if "user_id" in asked:
        holds = holds.filter(member=asked["user_id"])
    return holds.filter(**{name: asked[name] for name in ("book", "status") if name in asked})


def describe(holds: Sequence[Hold], *, on: date) -> list[dict[str, Any]]:
    """Holds as the API answers them, with as many queries for thirty as for one."""
    prefetch_related_objects(holds, "book__subjects")
    context = {
        "inventory": books.inventories([hold.book for hold in holds]),
        "outlook": queueing.outlook(holds=holds, on=on),
    }
    return HoldSerializer(holds, many=True, context=context).data
