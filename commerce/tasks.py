"""Background work of commerce, named in settings.SCHEDULES and by settlement."""

from __future__ import annotations

from django.utils import timezone

from commerce.models import Order, Refund
from commerce.services import checkout, delivery, refunding, settlement


def deliver_order(order_id: int) -> bool:
    """Hand over a paid order; whether everything of it is handed over."""
    return delivery.deliver_order(order=Order.objects.get(pk=order_id), at=timezone.now())


def send_refund(refund_id: int) -> str:
    """Ask the provider for a refund that was begun; its status then."""
    return refunding.send(refund=Refund.objects.get(pk=refund_id), at=timezone.now()).status


def sweep_refunds() -> int:
    """Go on with refunds whose answer was lost, and look at those on their way."""
    return refunding.sweep(at=timezone.now())


def sweep_undelivered() -> int:
    """Deliver what was paid for and not delivered: a lost nudge, a failed attempt, a crash."""
    return delivery.sweep(at=timezone.now())


def sweep_open_sessions() -> str:
    """Settle sessions whose news was lost, and give up orders whose time to pay is over."""
    at = timezone.now()
    moved = settlement.sweep(at=at)
    given_up = checkout.sweep_unpaid(at=at)
    return f"{moved} settled, {given_up} given up"
