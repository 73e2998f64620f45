"""Payments: what one has paid and is to pay, a page to pay on, and what staff does with money."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_yasg import openapi
from drf_yasg.utils import swagger_auto_schema
from rest_framework import generics, status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from commerce import fulfilment, permissions
from commerce.api.doors import (
    BAD_FILTER,
    INVALID,
    NO_PAGE,
    NO_PAYMENT,
    STAFF_ONLY,
    CostlyMixin,
    MayHandleMoney,
    as_shown,
    orders_seen_by,
    payments_seen_by,
    require_own,
    require_own_or_staff,
    sorted_by,
)
from commerce.api.refusals import REPEAT, refusals
from commerce.api.serializers import (
    CancelQuerySerializer,
    PaymentQuerySerializer,
    PaymentRequestSerializer,
    PaymentSerializer,
    RefundRequestSerializer,
    ReturnQuerySerializer,
    ReturnSerializer,
    TurnedBackSerializer,
    asked_of,
)
from commerce.models import Order, Payment, Refund
from commerce.personal_data import NAMED_KINDS
from commerce.services import checkout, ordering, paying, receiving, refunding, renewing, settlement

NOTHING_TO_PAY = "The order comes to nothing, by a discount, and is PAID: there is no payment."
NOT_PAYABLE = (
    "It is paid already, not for sale, or cannot be paid any more; or money for it is on its way, or being "
    "looked at by staff; `detail` says which."
)
WORDS = {
    Payment.Status.PENDING: gettext_lazy("The payment has not come yet."),
    Payment.Status.PAID: gettext_lazy("The payment has come. Thank you!"),
    Payment.Status.EXPIRED: gettext_lazy(
        "The payment page has expired and nothing was charged. Renew it to pay."
    ),
    Payment.Status.FAILED: gettext_lazy("The payment failed and nothing was charged. Pay in another way."),
    Payment.Status.CANCELLED: gettext_lazy("The payment was cancelled and nothing was charged."),
    Payment.Status.REFUNDED: gettext_lazy("The money was given back."),
    Payment.Status.PARTIALLY_REFUNDED: gettext_lazy("Part of the money was given back."),
}


def return_urls(request: Request, order: Order) -> checkout.ReturnUrls:
    """Absolute addresses on the host that the client is using."""
    success = request.build_absolute_uri(reverse("api:payment_success"))
    cancel = request.build_absolute_uri(reverse("api:payment_cancel"))
    return checkout.ReturnUrls(
        # The provider fills the braces in, so they must not be percent-encoded. In `cancel` it fills none.
        success=f"{success}?session_id={{CHECKOUT_SESSION_ID}}",
        cancel=f"{cancel}?order={order.number}",
    )


def begin_payment(request: Request, order: Order, *, method: str, at: datetime) -> Payment | None:
    """An open payment of an order, placed first if it is a cart; None: nothing to pay."""
    require_own_or_staff(order, request.user)
    if order.status == Order.Status.OPEN:
        require_own(order, request.user)
        order = paying.place(order=order, at=at)
    if order.status == Order.Status.PAID and not order.total:
        return None
    return paying.begin(order=order, method=method, urls=return_urls(request, order), at=at, by=request.user)


def opened(request: Request, payment: Payment | None, *, at: datetime, **more: str) -> Response:
    """201 with a new payment, 200 with one that there was, 204 when there is nothing to pay."""
    if payment is None:
        return Response(status=status.HTTP_204_NO_CONTENT)
    code = status.HTTP_201_CREATED if payment.created_at == at else status.HTTP_200_OK
    address = request.build_absolute_uri(reverse("api:payment", args=[payment.pk]))
    return Response({**PaymentSerializer(payment).data, **more}, status=code, headers={"Location": address})


class PaymentsView(CostlyMixin, generics.ListAPIView):
    """One's own payments; to staff, everybody's."""

    permission_classes = [IsAuthenticated]
    serializer_class = PaymentSerializer
    queryset = Payment.objects.none()
    filter_backends: list[type] = []

    @swagger_auto_schema(
        operation_id="payments_list",
        operation_summary="Your payments",
        operation_description="Newest first. Staff see everybody's, and choose whose by `user_id`.",
        query_serializer=PaymentQuerySerializer,
        responses={400: BAD_FILTER, 404: NO_PAGE},
        tags=["payments"],
    )
    def get(self, request: Request) -> Response:
        context = {"sees_all": permissions.sees_all_payments(request.user)}
        query = PaymentQuerySerializer(data=asked_of(request.query_params), context=context)
        query.is_valid(raise_exception=True)
        asked = dict(query.validated_data)
        ordering = asked.pop("ordering")
        found = payments_seen_by(request.user)
        for field, kinds in NAMED_KINDS.items():
            if field in asked:
                reference = str(asked.pop(field))
                found = found.filter(order__lines__kind__in=kinds, order__lines__reference=reference)
        if "user_id" in asked:
            found = found.filter(order__buyer=asked.pop("user_id"))
        found = sorted_by(found.filter(**asked), ordering, amount=as_shown("amount_minor"))
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(found), many=True).data)

    @swagger_auto_schema(
        operation_id="payments_create",
        operation_summary="Pay something",
        operation_description=(
            "A course, a lesson or a borrowing is ordered by this, or its unpaid order found again; an order "
            "that is OPEN is placed. Send the buyer's browser to `session_url`; the provider sends it to "
            "`payments/success/`, or back to `payments/cancel/`. Asking again gives the open payment, with "
            "200. Another `method` closes it and gives a new one. `cash` and `transfer` wait for staff, "
            "longer than cards: the order's `payable_until` says until when."
        ),
        request_body=PaymentRequestSerializer,
        responses={
            201: PaymentSerializer,
            200: openapi.Response("There was an open payment for it.", PaymentSerializer),
            204: NOTHING_TO_PAY,
            400: f"{INVALID} Or the amount is too small to be paid by card.",
            403: "It is another's cart, which only they can order; or you may only look at it.",
            404: "There is no such thing, it is not published, or it is somebody else's order.",
            409: NOT_PAYABLE,
            503: REPEAT,
        },
        tags=["payments"],
    )
    def post(self, request: Request) -> Response:
        wish = PaymentRequestSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        at = timezone.now()
        with refusals():
            order = self.find_order(**wish.validated_data, at=at)
            payment = begin_payment(request, order, method=wish.validated_data["method"], at=at)
        return opened(request, payment, at=at)

    def find_order(self, *, kind: str, reference: int, at: datetime, **_others: Any) -> Order:
        if kind == "order":
            return get_object_or_404(orders_seen_by(self.request.user), pk=reference)
        try:
            return fulfilment.order_for(kind=kind, reference=reference, buyer=self.request.user, at=at)
        except fulfilment.UnknownKind as error:
            raise ValidationError({kind: [_("Nothing of this kind is paid for here.")]}) from error


class PaymentView(APIView):
    """One payment."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="payments_read",
        operation_summary="A payment",
        operation_description="As it is written down here; `status/` asks the provider first.",
        responses={200: PaymentSerializer, 404: NO_PAYMENT},
        tags=["payments"],
    )
    def get(self, request: Request, pk: int) -> Response:
        return Response(PaymentSerializer(find(request, pk)).data)


class PaymentStatusView(APIView):
    """What the provider says of a payment."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="payments_status",
        operation_summary="Ask the provider about a payment",
        operation_description=(
            "What it says is written down, and what was paid for is handed over. Of cash and transfers "
            "nobody is asked. When it does not answer, `payments/{id}/` has what is known."
        ),
        responses={200: PaymentSerializer, 404: NO_PAYMENT, 503: REPEAT},
        tags=["payments"],
    )
    def get(self, request: Request, pk: int) -> Response:
        with refusals():
            payment = ask_provider(find(request, pk), at=timezone.now(), cause="status asked for")
        return Response(PaymentSerializer(payment).data)


class PaymentRenewalView(CostlyMixin, APIView):
    """A new page for an expired payment."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="payments_renew",
        operation_summary="Renew an expired payment",
        operation_description=(
            "The same payment, PENDING again, with another session. If its order was given up meanwhile, "
            "it is taken up again at its old prices, within a week and while its goods are there. "
            "Two calls at once get the same session."
        ),
        request_body=None,
        responses={
            200: PaymentSerializer,
            403: "It is another's, which you may only look at.",
            404: NO_PAYMENT,
            409: "It has not expired; or what it is for is paid, sold out, or ordered again; see `detail`.",
            503: REPEAT,
        },
        tags=["payments"],
    )
    def post(self, request: Request, pk: int) -> Response:
        payment = find(request, pk)
        require_own_or_staff(payment.order, request.user)
        with refusals():
            payment = renewing.renew(
                payment=payment,
                urls=return_urls(request, payment.order),
                at=timezone.now(),
                by=request.user,
            )
        return Response(PaymentSerializer(payment).data)


class PaymentSettlementView(APIView):
    """The money of a cash or transfer payment is here."""

    permission_classes = [IsAuthenticated, MayHandleMoney]

    @swagger_auto_schema(
        operation_id="payments_settle",
        operation_summary="Record that cash or a transfer has come",
        operation_description="The order is paid by it, and handed over. Asking again changes nothing.",
        request_body=None,
        responses={
            200: PaymentSerializer,
            403: STAFF_ONLY,
            404: "There is no such payment.",
            409: "It is paid by card, or its order does not wait for money; `detail` says more.",
        },
        tags=["payments"],
    )
    def post(self, request: Request, pk: int) -> Response:
        payment = get_object_or_404(Payment, pk=pk)
        with refusals():
            receiving.settle_by_hand(payment=payment, at=timezone.now(), by=request.user)
        payment.refresh_from_db()
        return Response(PaymentSerializer(payment).data)


class PaymentRefundView(CostlyMixin, APIView):
    """Giving money back."""

    permission_classes = [IsAuthenticated, MayHandleMoney]

    @swagger_auto_schema(
        operation_id="payments_refund",
        operation_summary="Give money back",
        operation_description=(
            "All that is left, or `amount`. When all is given back the order is REFUNDED, and what it was "
            "for is taken back. Cash and transfers are given back by hand, and written down here."
        ),
        request_body=RefundRequestSerializer,
        responses={
            200: PaymentSerializer,
            202: openapi.Response(
                "The provider has not answered. The refund is written down, and will be asked for again.",
                PaymentSerializer,
            ),
            400: f"{INVALID} So, too, more than is left.",
            403: STAFF_ONLY,
            404: "There is no such payment.",
            409: "Nothing was paid by it, or the provider refuses; `detail` says more.",
        },
        tags=["payments"],
    )
    def post(self, request: Request, pk: int) -> Response:
        payment = get_object_or_404(Payment, pk=pk)
        asked = RefundRequestSerializer(data=request.data, context={"payment": payment})
        asked.is_valid(raise_exception=True)
        with refusals(fields={refunding.TooMuch: "amount", refunding.NoAmount: "amount"}):
            refund = refunding.give_back(
                payment=payment,
                at=timezone.now(),
                by=request.user,
                amount=asked.validated_data.get("amount"),
                reason=asked.validated_data["reason"],
            )
        payment.refresh_from_db()
        is_unsent = refund.status == Refund.Status.PENDING and not refund.provider_id
        code = status.HTTP_202_ACCEPTED if is_unsent else status.HTTP_200_OK
        return Response(PaymentSerializer(payment).data, status=code)


class PaymentSuccessView(APIView):
    """Where the provider sends the buyer after paying."""

    permission_classes = [AllowAny]

    @swagger_auto_schema(
        operation_id="payments_success",
        operation_summary="Back from paying",
        operation_description=(
            "Open to everyone who has the address, which is not believed: the provider is asked, and what it "
            "says is written down. The buyer and staff, with their token, get the whole payment."
        ),
        query_serializer=ReturnQuerySerializer,
        responses={
            200: ReturnSerializer,
            400: INVALID,
            404: "There is no such session here.",
            503: REPEAT,
        },
        security=[],
        tags=["payments"],
    )
    def get(self, request: Request) -> Response:
        query = ReturnQuerySerializer(data=asked_of(request.query_params))
        query.is_valid(raise_exception=True)
        payments = Payment.objects.select_related("order").prefetch_related("order__lines")
        payment = payments.filter(session_id=query.validated_data["session_id"]).first()
        if payment is None:
            raise Http404
        with refusals():
            payment = ask_provider(payment, at=timezone.now(), cause="return page")
        return Response({**told_to(request, payment), "detail": in_words(payment)})


class PaymentCancelView(APIView):
    """Where the provider sends a buyer who turned back."""

    permission_classes = [AllowAny]

    @swagger_auto_schema(
        operation_id="payments_cancel",
        operation_summary="Back without paying",
        operation_description=(
            "Says until when it can be paid later: within 24 hours of ordering, or as long as a way of "
            "paying by hand that was chosen takes. Nothing is changed by it. "
            "Open to everyone who has the address; the buyer and staff get the whole payment."
        ),
        query_serializer=CancelQuerySerializer,
        responses={200: TurnedBackSerializer, 400: INVALID, 404: "There is no such session or order here."},
        security=[],
        tags=["payments"],
    )
    def get(self, request: Request) -> Response:
        query = CancelQuerySerializer(data=asked_of(request.query_params))
        query.is_valid(raise_exception=True)
        asked, payments = query.validated_data, Payment.objects.select_related("order")
        if "session_id" in asked:
            payment = payments.filter(session_id=asked["session_id"]).first()
        else:
            payment = payments.filter(order__number=asked["order"]).first()
        if payment is None:
            raise Http404
        order = payment.order
        may_be_paid = order.may_be_paid(at=timezone.now())
        words = in_words(payment)
        if may_be_paid and order.payable_until is not None:
            until = date_format(timezone.localtime(order.payable_until), "DATETIME_FORMAT")
            words = _("Nothing was charged. You can pay later: until %s.") % until
            if order.payable_until <= (order.placed_at or order.created_at) + ordering.PAYABLE_FOR:
                words = (
                    _("Nothing was charged. You can pay later, within 24 hours of ordering: until %s.")
                    % until
                )
        return Response(
            {
                **told_to(request, payment),
                "detail": words,
                "may_be_paid": may_be_paid,
                "payable_until": order.payable_until,
            }
        )


def find(request: Request, pk: int) -> Payment:
    """A payment that the asker sees. Raises Http404."""
    return get_object_or_404(payments_seen_by(request.user), pk=pk)


def ask_provider(payment: Payment, *, at: datetime, cause: str) -> Payment:
    """What the provider says of a payment, written down; what is paid for is handed over."""
    if not payment.is_captured:
        payment = settlement.settle(payment=payment, at=at, cause=cause)
    return checkout.complete(payment=payment, at=at) if payment.is_captured else payment


def told_to(request: Request, payment: Payment) -> dict[str, Any]:
    """What the asker may know of a payment whose session they can name."""
    shown = PaymentSerializer(payment).data
    user = request.user
    if user.is_authenticated and (payment.order.buyer_id == user.pk or permissions.sees_all_payments(user)):
        return shown
    return {"status": shown["status"], "session_id": shown["session_id"]}


def in_words(payment: Payment) -> str:
    """How it stands, for whoever has the address: nothing of the buyer or the order."""
    if payment.held_reason:
        return _("The payment is being checked by our staff. Please do not pay again.")
    if not payment.is_captured and payment.order.status == Order.Status.PAID:
        return _("It is paid already, by another payment.")
    return str(WORDS[Payment.Status(payment.status)])
