"""What the shop writes to its buyers: receipts, and news of their money."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Message
from accounts.notifications import Kind, register
from commerce.models import Order, Payment, Refund
from commerce.money import Money

ORDER_PAID = "commerce.order_paid"
PAYMENT_REFUNDED = "commerce.payment_refunded"
PAYMENT_HELD = "commerce.payment_held"
PAYMENT_EXPIRING = "commerce.payment_expiring"


def _is_paid(message: Message, *, at: datetime) -> bool:
    """A receipt is of use also when the money went back since."""
    paid = [Order.Status.PAID, Order.Status.REFUNDED]
    return Order.objects.filter(pk=message.context["order"], status__in=paid).exists()


def _is_held(message: Message, *, at: datetime) -> bool:
    held = Payment.objects.filter(pk=message.context["payment"], held_reason=message.context["reason"])
    return held.exists()


def _went_back(message: Message, *, at: datetime) -> bool:
    """The bank may have returned it before the letter was sent."""
    return Refund.objects.filter(pk=message.context["refund"], status=Refund.Status.SUCCEEDED).exists()


def _can_be_paid(message: Message, *, at: datetime) -> bool:
    """It waits for money still, and has not been given more time since."""
    until = datetime.fromisoformat(message.context["payable_until"])
    waiting = Order.objects.awaiting_payment().filter(pk=message.context["order"], payable_until=until)
    return until > at and waiting.exclude(payments__held_reason__gt="").exists()


def _unpaid(message: Message) -> dict[str, Any]:
    order = Order.objects.prefetch_related("lines").get(pk=message.context["order"])
    for line in order.lines.all():
        line.order = order
    return {"order": order, "lines": order.lines.all()}


def _receipt(message: Message) -> dict[str, Any]:
    """A paid order never changes, so its words are looked up when they are needed."""
    order = Order.objects.prefetch_related("lines", "taxes").get(pk=message.context["order"])
    for each in (*order.lines.all(), *order.taxes.all()):
        each.order = order
    discount = getattr(order, "order_discount", None)
    payment = Payment.objects.filter(pk=message.context["payment"]).first()
    return {
        "order": order,
        "lines": order.lines.all(),
        "discount": discount,
        "taxes": order.taxes.all(),
        "payment": payment,
    }


def _refund(message: Message) -> dict[str, Any]:
    refund = Refund.objects.select_related("payment__order").get(pk=message.context["refund"])
    return {
        "refund": refund,
        "payment": refund.payment,
        "order": refund.payment.order,
        "is_whole": refund.amount_minor == refund.payment.captured_minor,
        "is_order_over": refund.payment.order.status != Order.Status.PAID,
    }


def _held(message: Message) -> dict[str, Any]:
    payment = Payment.objects.select_related("order").get(pk=message.context["payment"])
    return {"payment": payment, "order": payment.order}


def _to_order(message: Message) -> str:
    return reverse("commerce:order", args=[message.context["order"]])


def _to_order_of_refund(message: Message) -> str:
    refund = Refund.objects.select_related("payment").get(pk=message.context["refund"])
    return reverse("commerce:order", args=[refund.payment.order_id])


def _to_order_of_payment(message: Message) -> str:
    payment = Payment.objects.get(pk=message.context["payment"])
    return reverse("commerce:order", args=[payment.order_id])


def _sample() -> dict[str, Any]:
    """A paid order of a course that does not exist, part of which goes back."""
    total, part = Money.from_minor(4900, "USD"), Money.from_minor(900, "USD")
    moment = datetime(2030, 3, 9, 12, 0, tzinfo=UTC)
    order = SimpleNamespace(
        pk=1,
        number="1234-5678",
        paid_at=moment,
        payable_until=moment,
        total=total,
        subtotal=total,
        discount=part,
    )
    payment = SimpleNamespace(
        get_method_display=Payment.Method.STRIPE.label, amount=total, captured=total, method="stripe"
    )
    return {
        "order": order,
        "lines": [SimpleNamespace(quantity=1, title=gettext("Gardening"), total=total)],
        "discount": None,
        "taxes": [],
        "payment": payment,
        "refund": SimpleNamespace(amount=part),
        "is_whole": False,
        "is_order_over": False,
    }


def register_own() -> None:
    """Make the letters of the shop known; called when the app starts."""
    register(
        Kind(
            ORDER_PAID,
            still_wanted=_is_paid,
            sample=_sample,
            words=_receipt,
            link=_to_order,
            label=_("Receipts"),
            about=_("When an order of yours is paid."),
        )
    )
    register(
        Kind(
            PAYMENT_REFUNDED,
            still_wanted=_went_back,
            sample=_sample,
            words=_refund,
            link=_to_order_of_refund,
            label=_("Refunds"),
            about=_("When money goes back to you."),
        )
    )
    register(
        Kind(
            PAYMENT_EXPIRING,
            still_wanted=_can_be_paid,
            sample=_sample,
            words=_unpaid,
            link=_to_order,
            is_essential=False,
            label=_("An order waits to be paid"),
            about=_("Six hours before it can be paid no more."),
        )
    )
    register(
        Kind(
            PAYMENT_HELD,
            still_wanted=_is_held,
            sample=_sample,
            words=_held,
            link=_to_order_of_payment,
            label=_("Payments that are checked"),
            about=_("When a payment of yours does not fit its order, and somebody looks at it."),
        )
    )
