"""Money that comes by hand: cash over the counter, a transfer on the bank's statement."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from commerce.models import Order, Payment
from commerce.services import telling

if TYPE_CHECKING:
    from accounts.models import User

BY_HAND = (Payment.Method.CASH, Payment.Method.TRANSFER)


class ReceivingRefused(Exception):
    """The money cannot be taken for this order; the message says why and what to do."""


class NotByHand(ReceivingRefused):
    """It is for the provider to say whether a card paid."""

    def __init__(self) -> None:
        super().__init__(_("Only cash and bank transfers are settled by hand, cards by their provider."))


class NotWaiting(ReceivingRefused):
    """The order was paid, refunded or given up, or it is a cart still."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("Order %(order)s does not wait for money: it is %(status)s. Order again, then take the money.")
            % {"order": order, "status": order.get_status_display()}
        )


class PaidElsewhere(ReceivingRefused):
    """Another payment of the order is open or has been made."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("Order %s has another payment, open or made. Close that one, or give this money back.") % order
        )


def expect(
    *, order: Order, method: str, at: datetime, mark: uuid.UUID | None = None, actor: User | None = None
) -> Payment:
    """A payment of the whole order that will come by hand: the one that waits, or a new one.

    Its order waits as long as the method takes (settings.PAYABLE_FOR), counted from when it was placed, and
    never shorter than before; what it is for stays set aside as long.

    mark is the payment's `uuid`, for who brings it from books that have a name for it. An open payment page
    of the order is to be closed first (checkout.give_up). Raises ReceivingRefused.
    """
    if method not in BY_HAND:
        raise NotByHand
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        if order.status != Order.Status.AWAITING_PAYMENT:
            raise NotWaiting(order)
        pending = order.payments.pending().first()
        if pending is None:
            _wait_for(order, method=method)
            return Payment.objects.create(
                uuid=mark or uuid.uuid4(),
                order=order,
                method=method,
                amount_minor=order.total_minor,
                currency=order.currency,
                created_at=at,
            )
    if pending.method != method:
        raise PaidElsewhere(order)
    return pending


def payable_until(order: Order, *, method: str) -> datetime:
    """Until when an order would wait for its money by a method."""
    placed_at = order.placed_at or order.created_at
    until = placed_at + settings.PAYABLE_FOR[method]
    return max(until, order.payable_until or until)


def _wait_for(order: Order, *, method: str) -> None:
    """Freeze on a locked order until when it waits; a setting that changes later changes it no more."""
    order.payable_until = payable_until(order, method=method)
    order.save(update_fields=["payable_until"])


def settle_by_hand(*, payment: Payment, at: datetime, by: User | None, cause: str = "by hand") -> bool:
    """Record that the money of a cash or transfer payment is here; say whether this call did.

    by is who took it. The order is paid with it, and handed over soon after the commit. Asking again changes
    nothing. Raises ReceivingRefused; nothing is recorded then.
    """
    if payment.method not in BY_HAND:
        raise NotByHand
    with transaction.atomic():
        # Locked, the payment first as everywhere: whoever gives the order up takes its lock too.
        Payment.objects.select_for_update().get(pk=payment.pk)
        order = Order.objects.select_for_update().get(pk=payment.order_id)
        payment.refresh_from_db()
        if payment.is_captured:
            return False
        if order.status != Order.Status.AWAITING_PAYMENT:
            raise NotWaiting(order)
        if order.payments.pending().exclude(pk=payment.pk).exists():
            raise PaidElsewhere(order)
        try:
            with transaction.atomic():
                payment.transition(
                    to=Payment.Status.PAID,
                    from_=Payment.UNCAPTURED,
                    at=at,
                    cause=cause,
                    actor=by,
                    paid_at=at,
                    captured_minor=payment.amount_minor,
                )
        except IntegrityError as error:
            # The database allows one captured payment per order.
            raise PaidElsewhere(order) from error
        if order.transition(to=Order.Status.PAID, at=at, cause=cause, actor=by, paid_at=at):
            telling.order_paid(order=order, payment=payment, at=at)
        transaction.on_commit(lambda: async_task("commerce.tasks.deliver_order", order.pk), robust=True)
    return True
