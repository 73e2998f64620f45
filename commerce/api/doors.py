"""What the endpoints of the shop have in common: whose rows one sees, how they sort, words of refusals."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, F, FloatField, QuerySet, Value, When
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from commerce import permissions
from commerce.models import Order, Payment
from commerce.money import THREE_DECIMAL, ZERO_DECIMAL

INVALID = "A field is missing or wrong; `errors` says which."
BAD_FILTER = "A filter, or the value of one, is not known; `errors` says which."
NO_PAGE = "There is no such page of the list."
NO_PAYMENT = "There is no such payment, or it is somebody else's."
NO_ORDER = "There is no such order, or it is somebody else's."
NO_ITEM = "There is no such item."
STAFF_ONLY = "Only staff may do that."


class MayHandleMoney(BasePermission):
    """Staff, and those whose role lets them."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return permissions.may_handle_money(request.user)


class CostlyMixin:
    """POST here may ask the payment provider, or set goods aside: it has a limit of its own."""

    costly_scope = "payments"

    def get_throttles(self) -> list[Any]:
        if self.request.method == "POST":  # type: ignore[attr-defined]
            self.throttle_scope = self.costly_scope
        return super().get_throttles()  # type: ignore[misc]


def payments_seen_by(user: Any) -> QuerySet[Payment]:
    """With all that `describe_payment` tells."""
    payments = Payment.objects.select_related("order").prefetch_related("order__lines")
    return payments if permissions.sees_all_payments(user) else payments.by(user)


def orders_seen_by(user: Any) -> QuerySet[Order]:
    """With all that an answer tells."""
    orders = Order.objects.select_related("order_discount").prefetch_related("lines", "payments")
    return orders if permissions.sees_all_orders(user) else orders.by(user)


def require_own(order: Order, user: Any) -> None:
    """Raise PermissionDenied (403) for an order that one sees and that is not one's own."""
    if order.buyer_id != user.pk:
        raise PermissionDenied


def require_own_or_staff(order: Order, user: Any) -> None:
    """Raise PermissionDenied (403) to those who see everybody's orders, and may do nothing about them."""
    if order.buyer_id != user.pk and not permissions.may_handle_money(user):
        raise PermissionDenied


def sorted_by(rows: QuerySet[Any], ordering: str, **fields: Any) -> QuerySet[Any]:
    """Rows in an order that a client names; fields: what a name stands for. Equal ones by their age."""
    name, is_descending = ordering.removeprefix("-"), ordering.startswith("-")
    field = fields.get(name, F(name))
    first = field.desc(nulls_last=True) if is_descending else field.asc(nulls_last=True)
    return rows.order_by(first, "-pk" if is_descending else "pk")


def as_shown(minor: str) -> Any:
    """An amount as its answer writes it: 5000 of the smallest unit are 50.00 dollars and 5000 yen."""
    return Case(
        When(currency__in=ZERO_DECIMAL, then=F(minor) * Value(1.0)),
        When(currency__in=THREE_DECIMAL, then=F(minor) / Value(1000.0)),
        default=F(minor) / Value(100.0),
        output_field=FloatField(),
    )
