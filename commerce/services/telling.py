"""Tell buyers what became of their money: rows in the caller's transaction, letters when it is over.

Whatever event comes again, each is written once. Who has no account gets the receipt (services.receipts), and
is told of the rest by the pages of the shop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.utils import translation

from accounts.models import Message
from accounts.services import notifying
from commerce.models import Order, Payment, Refund
from commerce.notifications import ORDER_PAID, PAYMENT_HELD, PAYMENT_REFUNDED
from commerce.services import receipts


def order_paid(*, order: Order, payment: Payment | None, at: datetime) -> Message | None:
    """The receipt; None when it was written before. An order of nothing has no payment.

    A visitor has no inbox, so None as well; the receipt goes to the order's address, if it has one.
    """
    if order.buyer is None:
        receipts.ask_for(order=order, at=at)
        return None
    return notifying.notify(
        recipient=order.buyer,
        kind=ORDER_PAID,
        subject_of=f"order:{order.pk}",
        context={"order": order.pk, "payment": payment.pk if payment else None},
        dedupe="paid",
        at=at,
    )


def refund_made(*, refund: Refund, at: datetime) -> Message | None:
    """Money is on its way back; None for visitors, and when it was written before."""
    buyer = refund.payment.order.buyer
    if buyer is None:
        return None
    return notifying.notify(
        recipient=buyer,
        kind=PAYMENT_REFUNDED,
        subject_of=f"payment:{refund.payment_id}",
        context={"refund": refund.pk},
        dedupe=f"refund {refund.uuid}",
        at=at,
    )


def payment_held(*, payment: Payment, at: datetime) -> Message | None:
    """Somebody looks at the payment first; None for visitors, and when it was written before."""
    buyer = payment.order.buyer
    if buyer is None:
        return None
    return notifying.notify(
        recipient=buyer,
        kind=PAYMENT_HELD,
        subject_of=f"payment:{payment.pk}",
        context={"payment": payment.pk, "reason": payment.held_reason},
        dedupe=f"held {payment.held_reason}",
        at=at,
    )


@contextmanager
def in_words_of_buyer(order: Order) -> Iterator[None]:
    """Speak the buyer's language, whoever asks: what is written down here, the buyer reads."""
    language = order.buyer.language if order.buyer else ""
    with translation.override(language or settings.LANGUAGE_CODE):
        yield
