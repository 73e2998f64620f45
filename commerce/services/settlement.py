"""The one way a payment becomes paid, expired or failed: ask the provider, compare, move once, commit.

The webhook, the return page and the sweep all end here, in any order and any number of times.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from commerce import fulfilment
from commerce.gateways import Event, SessionState, SessionStatus, gateway_for
from commerce.models import GatewayEvent, Order, Payment

logger = logging.getLogger(__name__)

CHECK_EVERY = timedelta(minutes=15)
SWEEP_AT_MOST = 200


class UnknownPayment(LookupError):
    """An event carries our mark, but we have no such payment (yet): the provider should tell us again."""


def settle(*, payment: Payment, at: datetime, cause: str) -> Payment:
    """Bring a payment and its order in line with what the provider says; give the payment as it is then.

    Talks to the provider, so call it outside any transaction. A payment without a session is left alone.
    Raises gateways.GatewayUnavailable and its siblings; nothing has changed then.
    """
    if not payment.session_id:
        return payment
    state = gateway_for(payment.account).session(payment.session_id)
    return apply(payment=payment, state=state, at=at, cause=cause)


def receive(*, account: str, event: Event, at: datetime) -> Payment | None:
    """Act on a signed event of the provider; None when it is none of ours or was acted on before.

    Raises UnknownPayment when the event must come again, and what settle raises.
    """
    mark = event.metadata.get("payment", "")
    if not event.session_id or not _is_uuid(mark):
        return None
    if GatewayEvent.objects.filter(account=account, event_id=event.id).exists():
        return None
    payment = Payment.objects.filter(account=account, uuid=mark).first()
    if payment is None:
        raise UnknownPayment(f"Event {event.id} names payment {mark}, which is not here.")
    state = gateway_for(account).session(event.session_id)
    try:
        with transaction.atomic(durable=True):
            # The row first: a second delivery of the same event waits here, and then fails to be the first.
            GatewayEvent.objects.create(
                account=account, event_id=event.id, kind=event.kind, payment=payment, received_at=at
            )
            payment.keep_session(session_id=state.id, url=state.url)
            return _apply(payment=payment, state=state, at=at, cause=f"{event.kind} {event.id}")
    except IntegrityError:
        if GatewayEvent.objects.filter(account=account, event_id=event.id).exists():
            return None
        raise


def sweep(*, at: datetime) -> int:
    """Ask about open sessions whose news may be lost; give the number of payments that moved.

    Each is asked about once it has run out, and every CHECK_EVERY before.
    """
    moved = 0
    for payment in Payment.objects.to_check(at=at, every=CHECK_EVERY)[:SWEEP_AT_MOST]:
        before = payment.status
        Payment.objects.filter(pk=payment.pk).update(checked_at=at)
        try:
            moved += settle(payment=payment, at=at, cause="sweep").status != before
        except Exception:
            # One that cannot be asked about, whatever the reason, must not hide the others.
            logger.exception("Payment %s could not be checked; a later sweep tries again", payment.uuid)
    return moved


def apply(*, payment: Payment, state: SessionState, at: datetime, cause: str) -> Payment:
    """Bring a payment in line with a state that the provider has just told. A transaction of its own."""
    with transaction.atomic(durable=True):
        return _apply(payment=payment, state=state, at=at, cause=cause)


def _apply(*, payment: Payment, state: SessionState, at: datetime, cause: str) -> Payment:
    if state.is_paid:
        _take(payment=payment, state=state, at=at, cause=cause)
    elif state.id != payment.session_id:
        logger.warning("Session %s says nothing about payment %s, which has another", state.id, payment.uuid)
    elif state.has_failed:
        payment.transition(to=Payment.Status.FAILED, at=at, cause=cause)
    elif state.status is SessionStatus.EXPIRED:
        payment.transition(to=Payment.Status.EXPIRED, at=at, cause=cause)
    payment.refresh_from_db()
    return payment


def _take(*, payment: Payment, state: SessionState, at: datetime, cause: str) -> None:
    """The provider has the money: record it once, or hold it for a person when it does not fit."""
    mismatch = _mismatch(payment=payment, state=state)
    if mismatch:
        _hold(payment=payment, reason=mismatch)
        return
    try:
        with transaction.atomic():
            won = payment.transition(
                to=Payment.Status.PAID,
                from_=Payment.UNCAPTURED,
                at=at,
                cause=cause,
                paid_at=at,
                intent_id=state.intent_id,
                captured_minor=state.amount.minor,
            )
    except IntegrityError:
        # The database allows one captured payment per order; this is a second one.
        _hold(payment=payment, reason=_("The order was paid already; this money must be given back."))
        return
    if not won:
        return
    # Locked: an order that is being given up at this moment is asked about as one that was.
    order = Order.objects.select_for_update().get(pk=payment.order_id)
    refusal = _refusal(order) if order.status == Order.Status.CANCELLED else ""
    if refusal:
        _hold(payment=payment, reason=refusal)
    elif order.transition(to=Order.Status.PAID, at=at, cause=cause, paid_at=at):
        transaction.on_commit(lambda: async_task("commerce.tasks.deliver_order", order.pk), robust=True)
    else:
        _hold(payment=payment, reason=_("The order could not be marked paid: it is %s.") % order.status)


def _mismatch(*, payment: Payment, state: SessionState) -> str:
    """What differs between the money taken and the frozen order, in words; empty when it fits."""
    if state.id != payment.session_id and payment.session_id:
        return _("Paid in session %(paid)s instead of %(ours)s.") % {
            "paid": state.id,
            "ours": payment.session_id,
        }
    if state.amount != payment.order.total:
        return _("%(paid)s was paid for an order of %(total)s.") % {
            "paid": state.amount,
            "total": payment.order.total,
        }
    if state.livemode != gateway_for(payment.account).livemode:
        return _("Test money and real money were mixed up.")
    return ""


def _refusal(order: Order) -> str:
    """Why an order that was given up cannot be honoured after all; empty when all of it can."""
    refusals = (fulfilment.seller_for(line.kind).refusal(line) for line in order.lines.all())
    return "; ".join(refusal for refusal in refusals if refusal)


def _is_uuid(mark: str) -> bool:
    """Whether mark may be one of ours: others who use the account write what they like."""
    try:
        uuid.UUID(mark)
    except ValueError:
        return False
    return True


def _hold(*, payment: Payment, reason: str) -> None:
    if payment.held_reason != reason:
        logger.error("Payment %s of order %s is held: %s", payment.uuid, payment.order.number, reason)
        payment.hold(reason=reason)
