"""Background work of commerce, named in settings.SCHEDULES and by settlement."""

from __future__ import annotations

import logging
from datetime import UTC, timedelta

from django.conf import settings
from django.utils import timezone

from commerce.gateways import GatewayError
from commerce.models import Order, Refund
from commerce.services import checkout, delivery, integrity, reconciling, refunding, settlement

logger = logging.getLogger(__name__)


def deliver_order(order_id: int) -> bool:
    """Hand over a paid order; whether everything of it is handed over."""
    return delivery.deliver_order(order=Order.objects.get(pk=order_id), at=timezone.now())


def send_refund(refund_id: int) -> str:
    """Ask the provider for a refund that was begun; its status then."""
    return refunding.send(refund=Refund.objects.get(pk=refund_id), at=timezone.now()).status


def sweep_refunds() -> str:
    """Go on with refunds whose answer was lost, and look at those on their way."""
    return f"{refunding.sweep(at=timezone.now())} settled"


def sweep_undelivered() -> str:
    """Deliver what was paid for and not delivered: a lost nudge, a failed attempt, a crash."""
    return f"{delivery.sweep(at=timezone.now())} handed over"


def sweep_open_sessions() -> str:
    """Settle sessions whose news was lost, and give up orders whose time to pay is over."""
    at = timezone.now()
    moved = settlement.sweep(at=at)
    given_up = checkout.sweep_unpaid(at=at)
    return f"{moved} settled, {given_up} given up"


class NotCompared(Exception):
    """The ledgers of some accounts could not be asked for: the message says which. Others were compared."""


def reconcile_yesterday() -> str:
    """Compare yesterday, in UTC, of every account with the provider's ledger; how much is unresolved.

    Raises NotCompared at the end: the queue tries again later.
    """
    at = timezone.now()
    day = at.astimezone(UTC).date() - timedelta(days=1)
    unresolved, not_asked = 0, []
    for account in settings.STRIPE_ACCOUNTS:
        try:
            compared = reconciling.reconcile(account=account, day=day, at=at)
        except GatewayError:
            # One account that cannot be asked must not keep the others.
            logger.exception("Account %s could not be reconciled for %s", account, day)
            not_asked.append(account)
            continue
        if compared.unresolved:
            logger.error(
                "Account %s of %s: %s unresolved (CMS: Reports, Reconciliation)",
                account,
                day,
                compared.unresolved,
            )
        unresolved += compared.unresolved
    if not_asked:
        raise NotCompared(f"{', '.join(not_asked)} could not be asked; {unresolved} unresolved elsewhere")
    return f"{unresolved} unresolved"


def check_integrity() -> str:
    """Look whether what must hold does hold, and log what does not; the number of broken rows."""
    broken = 0
    for breach in integrity.breaches(at=timezone.now()):
        level = logging.WARNING if breach.is_warning else logging.ERROR
        logger.log(level, "%s: %s: %s", breach.rule, breach.row, breach.words)
        broken += not breach.is_warning
    return f"{broken} broken"
