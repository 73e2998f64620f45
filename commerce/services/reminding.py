"""Remind buyers of orders that can soon be paid no more, and tell digests what waits to be paid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Message
from accounts.notifications import Line
from accounts.services import notifying
from accounts.services.notifying import Note
from commerce.models import Order, Payment
from commerce.notifications import PAYMENT_EXPIRING
from commerce.templatetags.money import money

if TYPE_CHECKING:
    from accounts.models import User

#: So long before its end; whoever ordered a moment ago has not forgotten it.
BEFORE = timedelta(hours=6)
NOT_WITHIN = timedelta(hours=1)
AT_A_TIME = 500


def remind_of_unpaid(*, at: datetime) -> int:
    """Remind buyers of orders whose time to pay is nearly over; how many orders were looked at.

    Once for each such time: run it as often as you like. Not of what is to be paid in cash or by transfer,
    which has no such end, and not of money that a person looks at.
    """
    soon = (
        Order.objects.awaiting_payment()
        .filter(payable_until__gt=at, payable_until__lte=at + BEFORE, placed_at__lte=at - NOT_WITHIN)
        .filter(buyer__isnull=False, buyer__is_active=True)
        .exclude(payments__method__in=[Payment.Method.CASH, Payment.Method.TRANSFER])
        .exclude(payments__held_reason__gt="")
        .select_related("buyer")
        .order_by("pk")
    )
    looked_at, after = 0, 0
    while batch := list(soon.filter(pk__gt=after)[:AT_A_TIME]):
        notifying.notify_many(notes=[_reminder(order) for order in batch], at=at)
        looked_at += len(batch)
        after = batch[-1].pk
    return looked_at


def unpaid_lines(*, reader: User, messages: Sequence[Message], at: datetime) -> list[Line]:
    """What a digest says of a reader's orders that wait for money. One query."""
    orders = Order.objects.awaiting_payment().filter(buyer=reader, payable_until__gt=at)
    return [
        Line(
            text=_("Order %(number)s: %(total)s") % {"number": order.number, "total": money(order.total)},
            link=reverse("commerce:order", args=[order.pk]),
        )
        for order in orders.order_by("payable_until", "pk")
    ]


def _reminder(order: Order) -> Note:
    assert order.payable_until is not None
    return Note(
        recipient=order.buyer,
        kind=PAYMENT_EXPIRING,
        subject_of=f"order:{order.pk}",
        context={"order": order.pk, "payable_until": order.payable_until.isoformat()},
        dedupe=f"payable until {order.payable_until.isoformat()}",
    )
