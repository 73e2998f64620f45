"""Borrowings: borrow, pay, give back, renew; and the desk's handing out."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_yasg import openapi
from drf_yasg.utils import swagger_auto_schema
from rest_framework import generics, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from commerce.api.doors import sorted_by
from commerce.api.payments import return_urls
from commerce.api.serializers import asked_of
from commerce.models import Payment
from commerce.services import checkout, receiving
from library import permissions
from library.api import books
from library.api.doors import (
    BAD_FILTER,
    INVALID,
    NO_BOOK,
    NO_BORROWING,
    NO_PAGE,
    STAFF_ONLY,
    MayLend,
    ScarceMixin,
)
from library.api.refusals import refusals
from library.api.serializers import (
    BorrowingQuerySerializer,
    BorrowingRequestSerializer,
    BorrowingSerializer,
    DryRunSerializer,
    OfferSerializer,
    RenewalOfferSerializer,
    ReturnRequestSerializer,
)
from library.models import Book, Borrowing, Charge
from library.services import charging, lending
from library.services.days import day_of

logger = logging.getLogger(__name__)

NOT_YOURS = "It is another's, which you may only look at."
PAYMENT_EXAMPLE = {
    "id": 31,
    "user": 4,
    "status": "PENDING",
    "method": "stripe",
    "amount": "7.00",
    "currency": "USD",
    "course": None,
    "lesson": None,
    "borrowing": 12,
    "order": 29,
    "session_id": "cs_test_a1b2",
    "session_url": "https://checkout.stripe.com/c/pay/cs_test_a1b2",
    "created_at": "2026-06-01T09:00:00Z",
    "paid_at": None,
}
EXAMPLE = {
    "application/json": {
        "id": 12,
        "book": books.EXAMPLE["application/json"],
        "user": 4,
        "copy": "C00000018",
        "status": "OPEN",
        "borrow_date": "2026-06-01",
        "expected_return_date": "2026-06-15",
        "actual_return_date": None,
        "handed_out_at": None,
        "is_active": True,
        "is_overdue": False,
        "renewals": 0,
        "charges": [
            {
                "id": 17,
                "kind": "FEE",
                "days": 14,
                "amount": "7.00",
                "currency": "USD",
                "status": "UNPAID",
                "order": 29,
                "explanation": [
                    {"step": "fee", "days": 14, "amount": "7.00", "words": "14 days at $0.50: $7.00"}
                ],
                "created_at": "2026-06-01T09:00:00Z",
            }
        ],
        "payments": [PAYMENT_EXAMPLE],
    }
}
OFFER_EXAMPLE = {
    "application/json": {
        "is_possible": False,
        "days": 14,
        "expected_return_date": "2026-06-15",
        "amount": "7.00",
        "currency": "USD",
        "blocks": [
            {"code": "no_copy", "detail": "“Dune” is out until 3 June 2026; you can place a hold."},
        ],
        "book": 7,
        "hold_position": 2,
    }
}
SHOWN = openapi.Response("The borrowing.", BorrowingSerializer, examples=EXAMPLE)
REFUSED = (
    "The library does not lend it; `code` says why to programs, `detail` to people: no_copy, card_blocked, "
    "too_many_loans, overdue, unpaid or already_borrowed."
)
NOT_RENEWED = (
    "It cannot be renewed; `code` says why: not_open, not_handed_out, renewals_used_up, wanted_by_another, "
    "card_blocked, overdue or unpaid."
)


class BorrowingsView(ScarceMixin, generics.ListAPIView):
    """One's own borrowings; to staff, everybody's."""

    permission_classes = [IsAuthenticated]
    serializer_class = BorrowingSerializer
    queryset = Borrowing.objects.none()
    filter_backends: list[type] = []

    @swagger_auto_schema(
        operation_id="borrowings_list",
        operation_summary="What you have borrowed",
        operation_description="Newest first. Staff see everybody's, and choose whose by `user_id`.",
        query_serializer=BorrowingQuerySerializer,
        responses={400: BAD_FILTER, 404: NO_PAGE},
        tags=["borrowings"],
    )
    def get(self, request: Request) -> Response:
        context = {"sees_all": permissions.sees_all_loans(request.user)}
        query = BorrowingQuerySerializer(data=asked_of(request.query_params), context=context)
        query.is_valid(raise_exception=True)
        on = day_of(timezone.now())
        found = narrowed(borrowings_seen_by(request.user), query.validated_data, on=on)
        page = self.paginate_queryset(sorted_by(found, query.validated_data["ordering"]))
        return self.get_paginated_response(describe(page, on=on))

    @swagger_auto_schema(
        operation_id="borrowings_create",
        operation_summary="Borrow a book",
        operation_description=(
            "Takes a copy for you, the one set aside if you held the book, and orders the fee: days × "
            "`daily_fee`. Send the browser to `payments[0].session_url` to pay it within 24 hours, or pay "
            "at the desk; a free book has no payment, and so little that cards do not take it is paid in "
            "cash. If the payment service does not answer, the borrowing stands all the same: `POST "
            "payments/` with `{borrowing}` then. With `?dry_run=true` nothing is written: the answer is 200 "
            "with the price, the day on which it would be due, and all that would refuse it."
        ),
        query_serializer=DryRunSerializer,
        request_body=BorrowingRequestSerializer,
        responses={
            201: SHOWN,
            200: openapi.Response(
                "With `dry_run`: what it would mean.", OfferSerializer, examples=OFFER_EXAMPLE
            ),
            400: f"{INVALID} So, too, a day on which the book cannot be due.",
            404: NO_BOOK,
            409: REFUSED,
        },
        tags=["borrowings"],
    )
    def post(self, request: Request) -> Response:
        is_dry = is_dry_run(request)
        wish = BorrowingRequestSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        book = get_object_or_404(Book, pk=wish.validated_data["book"])
        until, at = wish.validated_data["expected_return_date"], timezone.now()
        if is_dry:
            offer = lending.offer(book=book, to=request.user, until=until, on=day_of(at), at=at)
            return Response(OfferSerializer(offer).data)
        with refusals(fields={lending.BadDates: "expected_return_date"}):
            borrowing = lending.lend(
                book=book, to=request.user, until=until, on=day_of(at), at=at, by=request.user
            )
        begin_payments(request, borrowing, at=at)
        address = request.build_absolute_uri(reverse("api:borrowing", args=[borrowing.pk]))
        return answer(request, borrowing.pk, at=at, code=status.HTTP_201_CREATED, Location=address)


class BorrowingView(APIView):
    """One borrowing."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="borrowings_read",
        operation_summary="A borrowing",
        operation_description="With all it costs, line by line, and all payments.",
        responses={200: SHOWN, 404: NO_BORROWING},
        tags=["borrowings"],
    )
    def get(self, request: Request, pk: int) -> Response:
        return answer(request, pk, at=timezone.now())


class BorrowingReturnView(ScarceMixin, APIView):
    """The book is back."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="borrowings_return",
        operation_summary="Give a book back",
        operation_description=(
            "The copy goes to the next who waits, or on the shelf. A delay is fined: `charges` explain how "
            "much line by line, `payments` has where to pay. What waited at the desk and was not fetched "
            "costs nothing, unless it is paid already. Where members do not take books back by themselves, "
            "only staff may do it."
        ),
        request_body=ReturnRequestSerializer,
        responses={
            200: SHOWN,
            400: INVALID,
            403: f"{NOT_YOURS} Or books are taken back at the desk only.",
            404: NO_BORROWING,
            409: "It is back already, or was given up (`code`: already_returned).",
        },
        tags=["borrowings"],
    )
    def post(self, request: Request, pk: int) -> Response:
        borrowing = find_to_change(request, pk)
        context = {"is_staff": permissions.may_lend(request.user)}
        asked = ReturnRequestSerializer(data=request.data, context=context)
        asked.is_valid(raise_exception=True)
        at = timezone.now()
        with refusals():
            lending.give_back(
                borrowing=borrowing,
                on=day_of(at),
                at=at,
                by=request.user,
                condition=asked.validated_data["condition"],
            )
        begin_payments(request, borrowing, at=at)
        return answer(request, pk, at=at)


class BorrowingRenewalView(ScarceMixin, APIView):
    """More time."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="borrowings_renew",
        operation_summary="Renew a borrowing",
        operation_description=(
            "It is due so many days later as the library's rules say, and these days cost the fee of the "
            "borrowing: pay it as that. With `?dry_run=true` nothing is written: the answer is what it would "
            "mean, and all that would refuse it."
        ),
        query_serializer=DryRunSerializer,
        request_body=None,
        responses={
            200: openapi.Response(
                "The borrowing; with `dry_run` `is_possible, days, expected_return_date, amount, currency, "
                "blocks`.",
                BorrowingSerializer,
                examples=EXAMPLE,
            ),
            400: BAD_FILTER,
            403: NOT_YOURS,
            404: NO_BORROWING,
            409: NOT_RENEWED,
        },
        tags=["borrowings"],
    )
    def post(self, request: Request, pk: int) -> Response:
        is_dry = is_dry_run(request)
        borrowing = find_to_change(request, pk)
        at = timezone.now()
        if is_dry:
            offer = lending.renewal_offer(borrowing=borrowing, on=day_of(at), at=at)
            return Response(RenewalOfferSerializer(offer).data)
        with refusals():
            lending.renew(borrowing=borrowing, on=day_of(at), at=at, by=request.user)
        begin_payments(request, borrowing, at=at)
        return answer(request, pk, at=at)


class BorrowingHandOutView(APIView):
    """The desk gives the book to its borrower."""

    permission_classes = [IsAuthenticated, MayLend]

    @swagger_auto_schema(
        operation_id="borrowings_hand_out",
        operation_summary="Hand a borrowed book out",
        operation_description=(
            "It was borrowed by the API or on the site, and waits at the desk. From now on it is not given "
            "up when its fee is not paid; the fee is owed. Asking again changes nothing."
        ),
        request_body=None,
        responses={
            200: SHOWN,
            403: STAFF_ONLY,
            404: NO_BORROWING,
            409: "It is over: returned or given up (`code`: not_open).",
        },
        tags=["borrowings"],
    )
    def post(self, request: Request, pk: int) -> Response:
        borrowing = get_object_or_404(Borrowing, pk=pk)
        at = timezone.now()
        with refusals():
            if not lending.hand_out(borrowing=borrowing, by=request.user, at=at) and not borrowing.is_active:
                raise lending.NotOpen(borrowing)
        return answer(request, pk, at=at)


# --- What is asked for ---
def is_dry_run(request: Request) -> bool:
    """Whether nothing is to be written. Raises ValidationError for what the address should not say."""
    query = DryRunSerializer(data=asked_of(request.query_params))
    query.is_valid(raise_exception=True)
    return query.validated_data["dry_run"]


def borrowings_seen_by(user: Any) -> QuerySet[Borrowing]:
    borrowings = Borrowing.objects.select_related("book", "copy")
    return borrowings if permissions.sees_all_loans(user) else borrowings.by(user)


def find_to_change(request: Request, pk: int) -> Borrowing:
    """A borrowing that the asker sees and may change. Raises Http404 and PermissionDenied."""
    borrowing = get_object_or_404(borrowings_seen_by(request.user), pk=pk)
    if borrowing.member_id != request.user.pk and not permissions.may_lend(request.user):
        raise PermissionDenied
    return borrowing


def narrowed(borrowings: QuerySet[Borrowing], asked: dict[str, Any], *, on: date) -> QuerySet[Borrowing]:
    """Borrowings that fit all filters."""
    for name, wanted in (
        ("is_active", Borrowing.objects.open()),
        ("overdue", Borrowing.objects.overdue(on=on)),
    ):
        if name in asked:
            chosen = wanted.values("pk")
            borrowings = (
                borrowings.filter(pk__in=chosen) if asked[name] else borrowings.exclude(pk__in=chosen)
            )
    if "user_id" in asked:
        borrowings = borrowings.filter(member=asked["user_id"])
    return borrowings.filter(book=asked["book"]) if "book" in asked else borrowings


# --- What is answered ---
def answer(
    request: Request, pk: int, *, at: datetime, code: int = status.HTTP_200_OK, **headers: str
) -> Response:
    """The borrowing as it is now. Raises Http404."""
    borrowing = get_object_or_404(borrowings_seen_by(request.user), pk=pk)
    return Response(describe([borrowing], on=day_of(at))[0], status=code, headers=headers)


def describe(borrowings: Sequence[Borrowing], *, on: date) -> list[dict[str, Any]]:
    """Borrowings as the API answers them, with as many queries for thirty as for one."""
    charges = Charge.objects.select_related("order_line__order")
    prefetch_related_objects(borrowings, "book__subjects", "renewals", Prefetch("charges", queryset=charges))
    context = {
        "inventory": books.inventories([borrowing.book for borrowing in borrowings]),
        "payments": payments_for(borrowings),
        "on": on,
    }
    return BorrowingSerializer(borrowings, many=True, context=context).data


def payments_for(borrowings: Sequence[Borrowing]) -> dict[int, list[Payment]]:
    """All payments of what borrowings cost, newest first, by the ids of the borrowings."""
    by_order = {
        charge.order_line.order_id: borrowing.pk
        for borrowing in borrowings
        for charge in borrowing.charges.all()
        if charge.order_line is not None
    }
    found = defaultdict(list)
    payments = Payment.objects.filter(order__in=list(by_order)).select_related("order")
    for payment in payments.prefetch_related("order__lines").order_by("-created_at", "-pk"):
        found[by_order[payment.order_id]].append(payment)
    return found


def begin_payments(request: Request, borrowing: Borrowing, *, at: datetime) -> None:
    """Open a payment of whatever of a borrowing has none yet. Where that fails, the client tries again."""
    for charge in borrowing.charges.unpaid().select_related("order_line__order"):
        order = charge.order_line.order
        if order.payments.exists():
            continue
        try:
            charging.begin_payment(order=order, urls=return_urls(request, order), at=at, by=request.user)
        except (checkout.CheckoutRefused, receiving.ReceivingRefused) as refusal:
            logger.warning("No payment of order %s was begun: %s", order, refusal)
