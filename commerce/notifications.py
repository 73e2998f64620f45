"""What the shop writes to its buyers: receipts, and news of their money."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.models import Message
from accounts.notifications import Kind, register
from commerce.models import Order, Payment, Refund

ORDER_PAID = "commerce.order_paid"
PAYMENT_REFUNDED = "commerce.payment_refunded"
PAYMENT_HELD = "commerce.payment_held"


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


def _receipt(message: Message) -> dict[str, Any]:
    words = receipt_words(order=message.context["order"])
    return {**words, "payment": Payment.objects.filter(pk=message.context["payment"]).first()}


def receipt_words(*, order: int) -> dict[str, Any]:
    """What a receipt says. A paid order never changes, so its words are looked up when they are needed."""
    return _words_of(Order.objects.prefetch_related("lines", "taxes").get(pk=order))


def _words_of(order: Order) -> dict[str, Any]:
    for each in (*order.lines.all(), *order.taxes.all()):
        each.order = order
    discount = getattr(order, "order_discount", None)
    return {
        "order": order,
        "lines": order.lines.all(),
        "discount": discount,
        "taxes": order.taxes.all(),
        "payment": order.payments.filter(status__in=Payment.CAPTURED).first(),
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


def register_own() -> None:
    """Make the letters of the shop known; called when the app starts."""
    register(Kind(ORDER_PAID, still_wanted=_is_paid, words=_receipt))
    register(Kind(PAYMENT_REFUNDED, still_wanted=_went_back, words=_refund))
    register(Kind(PAYMENT_HELD, still_wanted=_is_held, words=_held))
