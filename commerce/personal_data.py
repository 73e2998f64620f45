"""What commerce keeps of a person: orders and payments. Accounting keeps the rows; the person leaves them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet

from commerce.models import KeptLine, Order, OrderLine, Payment
from commerce.models.orders import NOBODY
from commerce.money import Money
from commerce.services import ordering

if TYPE_CHECKING:
    from accounts.models import User
    from accounts.personal_data import Json

#: What a payment names in a field of its own, and the kinds of lines that are about it.
NAMED_KINDS = {
    "course": ("course",),
    "lesson": ("lesson",),
    "borrowing": ("borrowing", "renewal", "fine"),
}
_FIELDS = {kind: field for field, kinds in NAMED_KINDS.items() for kind in kinds}


class PaymentKeeper:
    """The history of payments, in the shape that the API gives a payment."""

    section = "payments"
    covers = frozenset(
        {
            "commerce.PaymentStatusChange.actor",
            "commerce.Refund.requested_by",
            "commerce.Finding.resolved_by",
        }
    )

    def export(self, user: User) -> Json:
        payments = Payment.objects.by(user).select_related("order").prefetch_related("order__lines")
        return [describe_payment(payment) for payment in payments]

    def erase(self, user: User, *, at: datetime) -> None:
        """Keep amounts, moments and the provider's ids; forget the pages that show who is paying."""
        Payment.objects.by(user).exclude(session_url="").update(session_url="")


class KeptLineKeeper:
    """What waits for its turn in the cart."""

    section = "kept_for_later"
    covers = frozenset({"commerce.KeptLine.user"})

    def export(self, user: User) -> Json:
        return [
            {"item": line.item.name, "quantity": line.quantity, "kept_at": line.kept_at.isoformat()}
            for line in KeptLine.objects.of(user)
        ]

    def erase(self, user: User, *, at: datetime) -> None:
        KeptLine.objects.of(user).delete()


class OrderKeeper:
    """What was ordered, line by line."""

    section = "orders"
    covers = frozenset({"commerce.Order.buyer", "commerce.OrderStatusChange.actor"})

    def export(self, user: User) -> Json:
        return [describe_order(order) for order in _with_all(Order.objects.by(user))]

    def erase(self, user: User, *, at: datetime) -> None:
        """Keep what was sold, when and for how much; forget to whom. What is not paid is given up.

        A payment page that is open still is closed by the sweep of cancelled orders (commerce.tasks).
        """
        with transaction.atomic():
            # Locked as everybody locks them: payments, then orders, then what the orders are for.
            list(Payment.objects.by(user).order_by("pk").select_for_update(of=("self",)))
            orders = list(Order.objects.by(user).order_by("pk").select_for_update())
            for cart in (order for order in orders if order.status == Order.Status.OPEN):
                cart.delete_cart()
            waiting = [order for order in orders if order.status == Order.Status.AWAITING_PAYMENT]
            ordering.cancel_all(orders=waiting, at=at, cause="account deleted")
            Order.objects.by(user).update(email=NOBODY, receipt_due_at=None)


def describe_payment(payment: Payment) -> dict[str, Any]:
    """A payment as the API answers it, with its order and the order's lines, which are fetched already."""
    references = {
        line.kind: int(line.reference) for line in payment.order.lines.all() if line.kind in _FIELDS
    }
    named = {_FIELDS[kind]: reference for kind, reference in references.items()}
    return {
        "id": payment.pk,
        "user": payment.order.buyer_id,
        "status": payment.status,
        "method": payment.method,
        "amount": str(payment.amount.amount),
        "currency": payment.currency,
        **{field: named.get(field) for field in NAMED_KINDS},
        "order": payment.order_id,
        "session_id": payment.session_id or None,
        "session_url": payment.session_url or None,
        "created_at": payment.created_at.isoformat(),
        "paid_at": moment(payment.paid_at),
    }


def describe_order(order: Order) -> dict[str, Any]:
    """An order with its lines and refunds, which are fetched already."""
    return {
        "id": order.pk,
        "number": order.number,
        "status": order.status,
        "email": order.email,
        "subtotal": str(order.subtotal.amount),
        "discount": str(order.discount.amount),
        "tax": str(order.tax.amount),
        "total": str(order.total.amount),
        "currency": order.currency,
        "created_at": order.created_at.isoformat(),
        "placed_at": moment(order.placed_at),
        "paid_at": moment(order.paid_at),
        "lines": [describe_line(line, currency=order.currency) for line in order.lines.all()],
        "refunds": [
            {
                "amount": str(Money.from_minor(refund.amount_minor, order.currency).amount),
                "status": refund.status,
                "reason": refund.reason,
                "created_at": refund.created_at.isoformat(),
            }
            for payment in order.payments.all()
            for refund in payment.refunds.all()
        ],
    }


def _with_all(orders: QuerySet[Order]) -> QuerySet[Order]:
    return orders.prefetch_related("lines", "payments__refunds")


def describe_line(line: OrderLine, *, currency: str) -> dict[str, Any]:
    unit_price = Money.from_minor(line.unit_price_minor, currency)
    return {
        "kind": line.kind,
        "reference": line.reference,
        "title": line.title,
        "unit_price": str(unit_price.amount),
        "quantity": line.quantity,
        "total": str((unit_price * line.quantity).amount),
        "fulfilled_at": moment(line.fulfilled_at),
    }


def moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
