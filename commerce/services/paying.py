"""From the wish to pay to an open payment, in whichever way it is to be made."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from commerce.gateways import GatewayError
from commerce.models import Order, Payment
from commerce.models.customers import Customer
from commerce.services import cart as carts
from commerce.services import checkout, receiving

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)


class CartChanged(carts.CartRefused):
    """The cart is not what its buyer has seen."""

    def __init__(self, notes: Sequence[str]) -> None:
        super().__init__(
            _("Your cart has changed: %s Look at it again, and repeat.") % " ".join(map(str, notes))
        )


def place(*, order: Order, at: datetime) -> Order:
    """The order, placed: its buyer's cart now, at the prices they have seen; another one as it is.

    Raises CartChanged and what cart.place raises; the cart is not placed then.
    """
    order.refresh_from_db()
    if order.status == Order.Status.OPEN:
        if notes := carts.refresh(cart=order, at=at):
            raise CartChanged(notes)
        try:
            carts.place(customer=Customer(user=order.buyer, guest_key=order.guest_key), at=at)
        except carts.EmptyCart:
            order.refresh_from_db()
            if order.status == Order.Status.OPEN:
                raise
            # The other half of a double click has placed it.
        order.refresh_from_db()
    return order


def begin(*, order: Order, method: str, urls: checkout.ReturnUrls, at: datetime, by: User | None) -> Payment:
    """An open payment of a placed order: the one there is, if it is of this method, or a new one.

    One of another method is closed first. Talks to the network; call it outside transactions.
    Raises checkout.CheckoutRefused and receiving.ReceivingRefused.
    """
    if method == Payment.Method.STRIPE:
        return checkout.open_session(order=order, urls=urls, at=at)
    order.refresh_from_db()
    if order.payments.held().exists():
        raise checkout.PaymentHeld(order)
    if order.payments.pending().exclude(method=method).exists():
        _make_way(order=order, at=at)
    if order.status == Order.Status.AWAITING_PAYMENT and not order.may_be_paid(at=at):
        raise checkout.OrderNotPayable(order)
    return receiving.expect(order=order, method=method, at=at, actor=by)


def _make_way(*, order: Order, at: datetime) -> None:
    """Close the open payment of an order. Raises checkout.CheckoutRefused; it stays open then."""
    try:
        is_closed = checkout.close_payments(order=order, at=at, cause="paid in another way")
    except GatewayError as error:
        logger.exception("The open payment of order %s could not be closed", order)
        raise checkout.ProviderUnavailable from error
    order.refresh_from_db()
    if order.status in (Order.Status.PAID, Order.Status.REFUNDED):
        raise checkout.AlreadyPaid(order)
    if order.payments.held().exists():
        raise checkout.PaymentHeld(order)
    if not is_closed:
        raise checkout.PaymentUnderWay(order)
