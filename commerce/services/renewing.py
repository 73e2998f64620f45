"""Open a payment anew whose page has expired: the same payment, with another page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from commerce.models import Order, Payment
from commerce.services import checkout, ordering

if TYPE_CHECKING:
    from accounts.models import User

# How long after it was placed an order that was given up may be taken up again at its old prices.
RENEWABLE_FOR = timedelta(days=7)


class NotExpired(checkout.CheckoutRefused):
    """There is nothing to renew."""

    def __init__(self, payment: Payment) -> None:
        super().__init__(
            _("Only expired card payments are renewed; this one is: %s.") % payment.get_status_display()
        )


class AnotherIsOpen(checkout.CheckoutRefused):
    """The order can be paid by another payment already."""

    def __init__(self, order: Order) -> None:
        super().__init__(_("Order %s has another open payment. Pay that one.") % order)


def renew(*, payment: Payment, urls: checkout.ReturnUrls, at: datetime, by: User | None) -> Payment:
    """A new page for an expired payment; of two calls at once both give the same one.

    An order that was given up meanwhile is taken up again: its goods are set aside once more, it is payable
    for another PAYABLE_FOR, at the prices it was placed at. Not after RENEWABLE_FOR, and not when somebody
    else than its buyer gave it up. Talks to the network; call it outside transactions.
    Raises checkout.CheckoutRefused, fulfilment.NotAvailable and discounting.DiscountRefused.
    """
    payment.refresh_from_db()
    # A renewal whose page did not reach us is gone on with.
    is_half_done = payment.status == Payment.Status.PENDING and payment.attempt > 1 and not payment.session_id
    if payment.method != Payment.Method.STRIPE or not (
        is_half_done or payment.status == Payment.Status.EXPIRED
    ):
        raise NotExpired(payment)
    if not is_half_done:
        _reopen(payment=payment, urls=urls, at=at, by=by)
    return checkout.open_session(order=payment.order, urls=urls, at=at)


def _reopen(*, payment: Payment, urls: checkout.ReturnUrls, at: datetime, by: User | None) -> None:
    try:
        with transaction.atomic(durable=True):
            # Locked: whoever gives the order up, or pays it, takes the same locks; payments before orders.
            Payment.objects.select_for_update().get(pk=payment.pk)
            order = Order.objects.select_for_update().get(pk=payment.order_id)
            _require_renewable(order=order, payment=payment, at=at)
            is_late = not order.may_be_paid(at=at)
            won = payment.transition(
                to=Payment.Status.PENDING,
                from_={Payment.Status.EXPIRED},
                at=at,
                cause="renewed",
                actor=by,
                attempt=F("attempt") + 1,
                flow=Payment.Flow.CHECKOUT,
                session_id="",
                session_url="",
                intent_id="",
                success_url=urls.success,
                cancel_url=urls.cancel,
                expires_at=checkout.session_end(
                    order_until=at + ordering.PAYABLE_FOR if is_late else order.payable_until, at=at
                ),
                checked_at=None,
            )
            # The other half of a double click has renewed it; what is open is opened once.
            if won and is_late:
                ordering.take_up_again(order=order, at=at, actor=by)
    except IntegrityError as error:
        # The database allows one open payment per order.
        raise AnotherIsOpen(payment.order) from error


def _require_renewable(*, order: Order, payment: Payment, at: datetime) -> None:
    if order.is_of_nobody:
        raise checkout.OrderNotPayable(order)
    if order.payments.held().exists():
        raise checkout.PaymentHeld(order)
    if order.status in (Order.Status.PAID, Order.Status.REFUNDED):
        raise checkout.AlreadyPaid(order)
    if order.payments.pending().exclude(pk=payment.pk).exists():
        raise AnotherIsOpen(order)
    if order.may_be_paid(at=at):
        return
    if (order.placed_at or order.created_at) < at - RENEWABLE_FOR:
        raise checkout.OrderNotPayable(order)
    given_up = order.status_changes.filter(to_status=Order.Status.CANCELLED).last()
    if given_up is not None and given_up.actor_id not in (None, order.buyer_id):
        raise checkout.OrderNotPayable(order)
