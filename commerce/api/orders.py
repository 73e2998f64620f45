"""Orders: the cart, what is in it, and paying it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_yasg import openapi
from drf_yasg.utils import swagger_auto_schema
from rest_framework import generics, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from commerce import permissions
from commerce.api.doors import (
    BAD_FILTER,
    INVALID,
    NO_ORDER,
    NO_PAGE,
    CostlyMixin,
    as_shown,
    orders_seen_by,
    require_own,
    require_own_or_staff,
    sorted_by,
)
from commerce.api.payments import NOT_PAYABLE, NOTHING_TO_PAY, begin_payment, opened
from commerce.api.refusals import REPEAT, Conflict, refusals
from commerce.api.serializers import (
    ChangedOrderSerializer,
    DiscountCodeSerializer,
    LineNameSerializer,
    LineWishSerializer,
    OpenedPaymentSerializer,
    OrderQuerySerializer,
    OrderRequestSerializer,
    OrderSerializer,
    PayRequestSerializer,
    asked_of,
)
from commerce.models import Item, Order, Payment
from commerce.models.customers import Customer
from commerce.services import cart, checkout, discounting, paying

OTHERS_CART = "It is another's; only its owner changes it."
PLACED = "It is placed, and cannot be changed any more."
NOT_TO_BE_HAD = (
    "The item is not for sale, there are not so many left, or it is sold in another currency than what is in "
    "the cart; `detail` says which."
)
ITEM_PARAMETER = openapi.Parameter(
    "item",
    openapi.IN_QUERY,
    type=openapi.TYPE_INTEGER,
    required=True,
    description='Id of the item. The body may have it instead: `{"item": 3}`.',
)


def find(request: Request, pk: int) -> Order:
    """An order that the asker sees, as it is now. Raises Http404."""
    return get_object_or_404(orders_seen_by(request.user), pk=pk)


def find_cart(request: Request, pk: int) -> Order:
    """The asker's own cart. Raises Http404, PermissionDenied, and Conflict when it is placed."""
    order = find(request, pk)
    require_own(order, request.user)
    if order.status != Order.Status.OPEN:
        raise Conflict(_("Order %s is placed and cannot be changed. Begin another one.") % order)
    return order


def answer(
    request: Request, pk: int, *, code: int = status.HTTP_200_OK, notes: list[str] | None = None
) -> Response:
    """The order as it is now."""
    shown = ChangedOrderSerializer(find(request, pk), context={"notes": notes or []}).data
    headers = {}
    if code == status.HTTP_201_CREATED:
        headers["Location"] = request.build_absolute_uri(reverse("api:order", args=[pk]))
    return Response(shown, status=code, headers=headers)


def items_named(wishes: list[dict[str, Any]]) -> list[tuple[Item, int]]:
    """Items and how many of each. Raises ValidationError for what the shop does not have."""
    found = Item.objects.for_sale().in_bulk([wish["item"] for wish in wishes])
    missing = [
        {"item": [_("There is no such item, or it is not for sale.")]} if wish["item"] not in found else {}
        for wish in wishes
    ]
    if any(missing):
        raise ValidationError({"lines": missing})
    return [(found[wish["item"]], wish["quantity"]) for wish in wishes]


class OrdersView(generics.ListAPIView):
    """One's own orders, the cart among them; to staff, everybody's."""

    permission_classes = [IsAuthenticated]
    serializer_class = OrderSerializer
    queryset = Order.objects.none()
    filter_backends: list[type] = []

    @swagger_auto_schema(
        operation_id="orders_list",
        operation_summary="Your orders",
        operation_description="Newest first; OPEN is the cart. Staff see everybody's.",
        query_serializer=OrderQuerySerializer,
        responses={400: BAD_FILTER, 404: NO_PAGE},
        tags=["orders"],
    )
    def get(self, request: Request) -> Response:
        context = {"sees_all": permissions.sees_all_orders(request.user)}
        query = OrderQuerySerializer(data=asked_of(request.query_params), context=context)
        query.is_valid(raise_exception=True)
        asked = dict(query.validated_data)
        ordering = asked.pop("ordering")
        if "user_id" in asked:
            asked["buyer"] = asked.pop("user_id")
        found = sorted_by(
            orders_seen_by(request.user).filter(**asked), ordering, total=as_shown("total_minor")
        )
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(found), many=True).data)

    @swagger_auto_schema(
        operation_id="orders_create",
        operation_summary="Begin an order",
        operation_description=(
            "The cart: there is one of each person. Asking again gives the one there is, with 200. `lines` "
            "are put into it, all of them or none."
        ),
        request_body=OrderRequestSerializer,
        responses={
            201: ChangedOrderSerializer,
            200: openapi.Response("There was a cart.", ChangedOrderSerializer),
            400: INVALID,
            409: NOT_TO_BE_HAD,
        },
        tags=["orders"],
    )
    def post(self, request: Request) -> Response:
        wish = OrderRequestSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        wishes = items_named(wish.validated_data["lines"])
        customer, at = Customer(user=request.user), timezone.now()
        currency = wishes[0][0].currency if wishes else settings.DEFAULT_CURRENCY
        with refusals(), transaction.atomic():
            order, is_new = cart.begin(customer=customer, currency=currency, at=at)
            cart.add_all(customer=customer, wishes=wishes, at=at)
        return answer(request, order.pk, code=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


class OrderView(CostlyMixin, APIView):
    """One order."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="orders_read",
        operation_summary="An order",
        operation_description=(
            "Your own cart is brought up to today's prices first; `notes` say what has changed. A placed "
            "order stays as it is."
        ),
        responses={200: ChangedOrderSerializer, 404: NO_ORDER},
        tags=["orders"],
    )
    def get(self, request: Request, pk: int) -> Response:
        order = find(request, pk)
        notes: list[str] = []
        if order.status == Order.Status.OPEN and order.buyer_id == request.user.pk:
            notes = cart.refresh(cart=order, at=timezone.now())
        return answer(request, pk, notes=notes)

    @swagger_auto_schema(
        operation_id="orders_delete",
        operation_summary="Give an unpaid order up",
        operation_description=(
            "A cart is gone; a placed order is CANCELLED and can be read still, its payment page is closed, "
            "and what was set aside is free. Staff may do it for others."
        ),
        responses={
            204: "It is given up.",
            403: OTHERS_CART,
            404: NO_ORDER,
            409: "It is paid, or its money is on the way.",
            503: REPEAT,
        },
        tags=["orders"],
    )
    def delete(self, request: Request, pk: int) -> Response:
        order = find(request, pk)
        require_own_or_staff(order, request.user)
        if order.status == Order.Status.OPEN:
            require_own(order, request.user)
            cart.throw_away(customer=Customer(user=request.user), at=timezone.now())
        elif order.status != Order.Status.CANCELLED:
            self.give_up(order, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def give_up(self, order: Order, *, at: datetime) -> None:
        if order.status == Order.Status.AWAITING_PAYMENT:
            with refusals():
                given_up = checkout.give_up(
                    order=order, at=at, cause="given up by the API", actor=self.request.user
                )
            if given_up:
                return
            order.refresh_from_db()
        if order.status == Order.Status.AWAITING_PAYMENT:
            raise Conflict(str(checkout.PaymentUnderWay(order)))
        if order.status != Order.Status.CANCELLED:
            raise Conflict(str(checkout.AlreadyPaid(order)))


class OrderLinesView(APIView):
    """What is in the cart."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="orders_lines_create",
        operation_summary="Put something into the cart",
        operation_description="So many more of an item.",
        request_body=LineWishSerializer,
        responses={
            201: ChangedOrderSerializer,
            400: INVALID,
            403: OTHERS_CART,
            404: NO_ORDER,
            409: f"{PLACED} Or: {NOT_TO_BE_HAD}",
        },
        tags=["orders"],
    )
    def post(self, request: Request, pk: int) -> Response:
        find_cart(request, pk)
        wish = LineWishSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        item = Item.objects.for_sale().filter(pk=wish.validated_data["item"]).first()
        if item is None:
            raise ValidationError({"item": [_("There is no such item, or it is not for sale.")]})
        with refusals(fields={cart.TooMany: "quantity"}), transaction.atomic():
            changed = cart.add(
                customer=Customer(user=request.user),
                item=item,
                quantity=wish.validated_data["quantity"],
                at=timezone.now(),
            )
            self.require_same(changed, pk)
        return answer(request, pk, code=status.HTTP_201_CREATED)

    @swagger_auto_schema(
        operation_id="orders_lines_delete",
        operation_summary="Take something out of the cart",
        operation_description="All of an item.",
        manual_parameters=[ITEM_PARAMETER],
        responses={
            200: ChangedOrderSerializer,
            400: INVALID,
            403: OTHERS_CART,
            404: f"{NO_ORDER} Or the item is not in it.",
            409: PLACED,
        },
        tags=["orders"],
    )
    def delete(self, request: Request, pk: int) -> Response:
        find_cart(request, pk)
        named = LineNameSerializer(data=request.query_params.dict() or request.data)
        named.is_valid(raise_exception=True)
        if not cart.remove(
            customer=Customer(user=request.user), item_id=named.validated_data["item"], at=timezone.now()
        ):
            raise NotFound(_("That is not in the cart."))
        return answer(request, pk)

    def require_same(self, changed: Order, pk: int) -> None:
        """The cart was placed at this moment, and what was put in would be in the next one."""
        if changed.pk != pk:
            raise Conflict(_("Order %s is placed and cannot be changed. Begin another one.") % pk)


class OrderDiscountView(CostlyMixin, APIView):
    """The discount of the cart. Codes are short: guessing them is slowed as paying is."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="orders_discount_create",
        operation_summary="Use a discount's code",
        operation_description="It takes the place of the one there was.",
        request_body=DiscountCodeSerializer,
        responses={
            200: ChangedOrderSerializer,
            400: f"{INVALID} So, too, a code that does not hold.",
            403: OTHERS_CART,
            404: NO_ORDER,
            409: f"{PLACED} Or it is empty.",
        },
        tags=["orders"],
    )
    def post(self, request: Request, pk: int) -> Response:
        find_cart(request, pk)
        asked = DiscountCodeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with refusals(fields={discounting.UnknownCode: "code", discounting.OtherCurrency: "code"}):
            cart.ask_for_discount(
                customer=Customer(user=request.user), at=timezone.now(), **asked.validated_data
            )
        return answer(request, pk)

    @swagger_auto_schema(
        operation_id="orders_discount_delete",
        operation_summary="Take the discount off the cart",
        responses={
            200: ChangedOrderSerializer,
            403: OTHERS_CART,
            404: f"{NO_ORDER} Or it has no discount.",
            409: PLACED,
        },
        tags=["orders"],
    )
    def delete(self, request: Request, pk: int) -> Response:
        find_cart(request, pk)
        if not cart.drop_discount(customer=Customer(user=request.user), at=timezone.now()):
            raise NotFound(_("The cart has no discount."))
        return answer(request, pk)


class OrderPaymentView(CostlyMixin, APIView):
    """Paying an order."""

    permission_classes = [IsAuthenticated]

    @swagger_auto_schema(
        operation_id="orders_pay",
        operation_summary="Order what is in the cart, and pay it",
        operation_description=(
            "An OPEN order is placed, which freezes its prices and sets the goods aside for 24 hours, and "
            "longer for cash and transfers (`payable_until`); one that is placed is paid. As `POST "
            "payments/` with `{order}`: send the buyer's browser to "
            "`session_url`. With `flow: intent` there is no session: mount Stripe's Payment Element with "
            "`client_secret` and `publishable_key`, and ask `payments/{id}/status/` afterwards."
        ),
        request_body=PayRequestSerializer,
        responses={
            201: OpenedPaymentSerializer,
            200: openapi.Response("There was an open payment of it.", OpenedPaymentSerializer),
            204: NOTHING_TO_PAY,
            400: f"{INVALID} Or the total is too small to be paid by card.",
            403: "It is another's cart, which only they can order; or you may only look at it.",
            404: NO_ORDER,
            409: f"The cart is empty, has changed since, or holds what is sold out. {NOT_PAYABLE}",
            503: REPEAT,
        },
        tags=["orders"],
    )
    def post(self, request: Request, pk: int) -> Response:
        order = find(request, pk)
        asked = PayRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        at = timezone.now()
        with refusals():
            if asked.validated_data["flow"] == Payment.Flow.INTENT:
                return self.begin_intent(request, order, at=at)
            payment = begin_payment(request, order, method=asked.validated_data["method"], at=at)
        return opened(request, payment, at=at)

    def begin_intent(self, request: Request, order: Order, *, at: datetime) -> Response:
        require_own_or_staff(order, request.user)
        if order.status == Order.Status.OPEN:
            require_own(order, request.user)
            order = paying.place(order=order, at=at)
        if order.status == Order.Status.PAID and not order.total:
            return opened(request, None, at=at)
        payment, state = checkout.open_intent(order=order, at=at)
        keys = settings.STRIPE_ACCOUNTS[payment.account]
        return opened(
            request,
            payment,
            at=at,
            client_secret=state.client_secret,
            publishable_key=keys["publishable_key"],
        )
