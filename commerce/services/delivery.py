"""Hand over what was paid for, once each. Paid and not fulfilled is the queue; the sweep empties it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from commerce import fulfilment
from commerce.models import Order, OrderLine
from commerce.models.batches import in_batches

logger = logging.getLogger(__name__)

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


def deliver_order(*, order: Order, at: datetime) -> bool:
    """Hand over every line of a paid order that has not been; say whether all of them are now."""
    for line in OrderLine.objects.paid_and_undelivered().filter(order=order):
        deliver(line=line, at=at)
    return not order.lines.filter(fulfilled_at__isnull=True).exists()


def deliver(*, line: OrderLine, at: datetime) -> bool:
    """Hand over one line of a paid order; say whether it is handed over now, by this call or an earlier one.

    A failure is kept on the line, with the time of the next attempt; the money stays recorded. What its
    seller refuses is not tried again: a person decides (`try_again`, or a refund).
    """
    _count_attempt(line=line, at=at)
    try:
        with transaction.atomic(durable=True):
            claimed = _claim(line=line, at=at)
            if claimed:
                line.refresh_from_db()
                fulfilment.seller_for(line.kind).fulfil(line, at=at)
    except fulfilment.NotAvailable as refusal:
        logger.error("Line %s of order %s is refused by its seller: %s", line.pk, line.order_id, refusal)
        OrderLine.objects.filter(pk=line.pk, fulfilled_at__isnull=True).update(
            refused_at=at, delivery_error=str(refusal), deliver_after=None
        )
        return False
    except Exception as error:
        # Whatever a seller raises must not lose the line: it is written down, shown and tried again.
        logger.exception("Line %s of order %s could not be delivered", line.pk, line.order_id)
        OrderLine.objects.filter(pk=line.pk).update(delivery_error=f"{type(error).__name__}: {error}")
        return False
    return claimed or OrderLine.objects.filter(pk=line.pk, fulfilled_at__isnull=False).exists()


def try_again(*, line: OrderLine, at: datetime) -> bool:
    """Hand over what was refused, because a person has made it possible; say whether it is handed over."""
    OrderLine.objects.filter(pk=line.pk).update(refused_at=None)
    line.refresh_from_db()
    return deliver(line=line, at=at)


def sweep(*, at: datetime) -> int:
    """Deliver every line whose nudge was lost or whose last attempt failed; give the number delivered."""
    lines = OrderLine.objects.paid_and_undelivered().due(at=at)
    return sum(deliver(line=line, at=at) for line in in_batches(lines))


def _claim(*, line: OrderLine, at: datetime) -> bool:
    """Mark a line of a paid order fulfilled, and say whether it was this call that did."""
    if not Order.objects.select_for_update().filter(pk=line.order_id, status=Order.Status.PAID).exists():
        return False
    # Conditions on the row's own columns only: PostgreSQL looks at those again after waiting for another's
    # change of the row, but not at a join or a subquery.
    rows = OrderLine.objects.filter(pk=line.pk, fulfilled_at__isnull=True)
    return rows.update(fulfilled_at=at, delivery_error="", deliver_after=None) == 1


def _count_attempt(*, line: OrderLine, at: datetime) -> None:
    """Before the attempt, so that one that takes its process down counts as well."""
    wait = min(FIRST_WAIT * 2 ** min(line.delivery_attempts, 20), LONGEST_WAIT)
    OrderLine.objects.filter(pk=line.pk, fulfilled_at__isnull=True).update(
        delivery_attempts=F("delivery_attempts") + 1, deliver_after=at + wait
    )
