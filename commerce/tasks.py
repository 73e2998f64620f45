"""Background work of commerce, named in settings.SCHEDULES and by settlement."""

from __future__ import annotations

import logging
from datetime import UTC, timedelta

from django.conf import settings
from django.utils import timezone

from commerce.gateways import GatewayError
from commerce.models import Order, Refund
from commerce.services import checkout, delivery, integrity, reconciling, refunding, reminding, settlement

logger = logging.getLogger(__name__)


def deliver_order(order_id: int) -> bool:
    """Hand over a paid order; whether everything of it is handed over."""
    return delivery.deliver_order(order=Order.objects.get(pk=order_id), at=timezone.now())


def send_refund(refund_id: int) -> str:
    """Ask the provider for a refund that was begun; its status then."""
    return refunding.send(refund=Refund.objects.get(pk=refund_id), at=timezone.now()).status


def remind_of_unpaid() -> int:
    """Remind buyers of orders that can soon be paid no more; the number of orders looked at."""
    return reminding.remind_of_unpaid(at=timezone.now())


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


def reconcile_yesterday() -> int:
    """Compare yesterday, in UTC, of every account with the provider's ledger; how much is unresolved."""
    at = timezone.now()
    day = at.astimezone(UTC).date() - timedelta(days=1)
    unresolved = 0
    for account in settings.STRIPE_ACCOUNTS:
        try:
            compared = reconciling.reconcile(account=account, day=day, at=at)
        except GatewayError:
            # One account that cannot be asked must not keep the others.
            logger.exception("Account %s could not be reconciled for %s", account, day)
            continue
        if compared.unresolved:
            logger.error(
                "Account %s of %s: %s unresolved (CMS: Reports, Reconciliation)",
                account,
                day,
                compared.unresolved,
            )
        unresolved += compared.unresolved
    return unresolved


def check_integrity() -> int:
    """Look whether what must hold does hold, and log what does not; the number of broken rows."""
    broken = 0
    for breach in integrity.breaches(at=timezone.now()):
        level = logging.WARNING if breach.is_warning else logging.ERROR
        logger.log(level, "%s: %s: %s", breach.rule, breach.row, breach.words)
        broken += not breach.is_warning
    return broken
