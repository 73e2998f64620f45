"""The one way a payment becomes paid, expired or failed: ask the provider, compare, move once, commit.

The webhook, the return page and the sweep all end here, in any order and any number of times, whether the
money comes by a session or by an intent.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from commerce import fulfilment
from commerce.gateways import Event, IntentState, SessionState, SessionStatus, gateway_for, mark
from commerce.models import GatewayEvent, Order, Payment
from commerce.money import Money
from commerce.services import ordering, receipts, refunding, telling

logger = logging.getLogger(__name__)

CHECK_EVERY = timedelta(minutes=15)
SWEEP_AT_MOST = 200


class UnknownPayment(LookupError):
    """An event carries our mark, but we have no such payment (yet): the provider should tell us again."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the provider says of a payment, by a session or by an intent. is_ours: it is the one we know."""

    reference: str
    is_ours: bool
    intent_id: str
    is_paid: bool
    has_failed: bool
    is_over: bool
    amount: Money
    livemode: bool
    email: str = ""


def settle(*, payment: Payment, at: datetime, cause: str) -> Payment:
    """Bring a payment and its order in line with what the provider says; give the payment as it is then.

    Talks to the provider, so call it outside any transaction. A payment that has not reached the provider is
    left alone. Raises gateways.GatewayUnavailable and its siblings; nothing has changed then.
    """
    if not payment.is_at_provider:
        return payment
    return apply(payment=payment, state=ask(payment), at=at, cause=cause)


def ask(payment: Payment) -> SessionState | IntentState:
    """What the provider says is true of a payment now. Raises gateways.GatewayError."""
    gateway = gateway_for(payment.account)
    if payment.flow == Payment.Flow.INTENT:
        return gateway.intent(payment.intent_id)
    return gateway.session(payment.session_id)


def close(payment: Payment) -> SessionState | IntentState:
    """Let a payment take no money any more; what is true then: it may have been paid a moment before.

    Raises gateways.GatewayError.
    """
    gateway = gateway_for(payment.account)
    if payment.flow == Payment.Flow.INTENT:
        return gateway.cancel_intent(payment.intent_id)
    return gateway.expire_session(payment.session_id)


def receive(*, account: str, event: Event, at: datetime) -> Payment | None:
    """Act on a signed event of the provider; None when it is none of ours or was acted on before.

    Raises UnknownPayment when the event must come again, and what settle raises.
    """
    if not event.session_id and not event.intent_id:
        return None
    if GatewayEvent.objects.filter(account=account, event_id=event.id).exists():
        return None
    payment = _named(account=account, event=event)
    if payment is None:
        return None
    is_refund = event.kind.startswith(("charge.refund", "refund."))
    if payment.flow == Payment.Flow.INTENT and is_refund and not payment.is_captured:
        # What is given back has come before, and its own news may be late.
        payment.keep_intent(intent_id=event.intent_id)
        payment = settle(payment=payment, at=at, cause=f"{event.kind} {event.id}")
    if payment.flow == Payment.Flow.CHECKOUT and not event.session_id and not payment.is_captured:
        # The session's own events, or the sweep, tell more: whether the session is complete.
        payment = settle(payment=payment, at=at, cause=f"{event.kind} {event.id}")
        state: SessionState | IntentState | None = None
    elif payment.flow == Payment.Flow.INTENT:
        state = gateway_for(account).intent(event.intent_id) if event.intent_id else None
    else:
        state = gateway_for(account).session(event.session_id) if event.session_id else None
    if is_refund:
        refunding.learn(payment=payment, at=at, cause=f"{event.kind} {event.id}")
    try:
        with transaction.atomic(durable=True):
            # The row first: a second delivery of the same event waits here, and then fails to be the first.
            GatewayEvent.objects.create(
                account=account, event_id=event.id, kind=event.kind, payment=payment, received_at=at
            )
            if isinstance(state, SessionState):
                payment.keep_session(session_id=state.id, url=state.url, marks=state.metadata)
            elif isinstance(state, IntentState):
                payment.keep_intent(intent_id=state.id)
            if state is not None:
                return _apply(payment=payment, state=state, at=at, cause=f"{event.kind} {event.id}")
            return payment
    except IntegrityError:
        if GatewayEvent.objects.filter(account=account, event_id=event.id).exists():
            return None
        raise


def sweep(*, at: datetime) -> int:
    """Ask about open payments whose news may be lost; give the number of payments that moved.

    Each is asked about every CHECK_EVERY, and once it has run out. An intent has no end of its own: one that
    has run out is cancelled first.
    """
    moved = 0
    for payment in Payment.objects.to_check(at=at, every=CHECK_EVERY)[:SWEEP_AT_MOST]:
        before = payment.status
        Payment.objects.filter(pk=payment.pk).update(checked_at=at)
        try:
            if payment.flow == Payment.Flow.INTENT and not payment.is_open(at=at):
                payment = apply(payment=payment, state=close(payment), at=at, cause="sweep")
            else:
                payment = settle(payment=payment, at=at, cause="sweep")
            moved += payment.status != before
        except Exception:
            # One that cannot be asked about, whatever the reason, must not hide the others.
            logger.exception("Payment %s could not be checked; a later sweep tries again", payment.uuid)
    return moved


def apply(*, payment: Payment, state: SessionState | IntentState, at: datetime, cause: str) -> Payment:
    """Bring a payment in line with a state that the provider has just told. A transaction of its own."""
    with transaction.atomic(durable=True):
        return _apply(payment=payment, state=state, at=at, cause=cause)


def _named(*, account: str, event: Event) -> Payment | None:
    """The payment that an event is about, by our mark or by the intent we know; None for what is not ours."""
    uuid = mark(event.metadata, "payment")
    if uuid is not None:
        payment = Payment.objects.filter(account=account, uuid=uuid).first()
        if payment is None:
            raise UnknownPayment(f"Event {event.id} names payment {uuid}, which is not here.")
        return payment
    if not event.intent_id:
        return None
    known = Payment.objects.filter(account=account, intent_id=event.intent_id).first()
    if known is not None or not event.kind.startswith("refund."):
        return known
    # A refund has marks of its own; its intent has ours, if it is ours.
    uuid = mark(gateway_for(account).intent(event.intent_id).metadata, "payment")
    return None if uuid is None else Payment.objects.filter(account=account, uuid=uuid).first()


def _told(payment: Payment, state: SessionState | IntentState) -> Told:
    if isinstance(state, IntentState):
        return Told(
            reference=state.id,
            is_ours=state.id == payment.intent_id,
            intent_id=state.id,
            is_paid=state.is_paid,
            # An attempt that failed leaves the intent to be tried again.
            has_failed=False,
            is_over=state.is_over,
            amount=state.amount,
            livemode=state.livemode,
        )
    return Told(
        reference=state.id,
        is_ours=state.id == payment.session_id,
        intent_id=state.intent_id,
        is_paid=state.is_paid,
        has_failed=state.has_failed,
        is_over=state.status is SessionStatus.EXPIRED,
        amount=state.amount,
        livemode=state.livemode,
        email=state.email,
    )


def _apply(*, payment: Payment, state: SessionState | IntentState, at: datetime, cause: str) -> Payment:
    told = _told(payment, state)
    if told.is_paid:
        _take(payment=payment, told=told, at=at, cause=cause)
    elif not told.is_ours:
        logger.warning("%s says nothing about payment %s, which has another", told.reference, payment.uuid)
    elif told.has_failed:
        payment.transition(to=Payment.Status.FAILED, at=at, cause=cause)
    elif told.is_over:
        payment.transition(to=Payment.Status.EXPIRED, at=at, cause=cause)
    payment.refresh_from_db()
    return payment


def _take(*, payment: Payment, told: Told, at: datetime, cause: str) -> None:
    """The provider has the money: record it once, or hold it for a person when it does not fit."""
    mismatch = _mismatch(payment=payment, told=told)
    if mismatch is not None:
        reason, facts = mismatch
        if _hold(payment=payment, told=told, reason=reason, facts=facts):
            telling.payment_held(payment=payment, at=at)
        return
    try:
        with transaction.atomic():
            won = payment.transition(
                to=Payment.Status.PAID,
                from_=Payment.UNCAPTURED,
                at=at,
                cause=cause,
                paid_at=at,
                intent_id=told.intent_id,
                captured_minor=told.amount.minor,
                held_reason="",
            )
    except IntegrityError:
        # The database allows one captured payment per order; this is a second one.
        if _hold(payment=payment, told=told, reason=Payment.Held.PAID_TWICE):
            with telling.in_words_of_buyer(payment.order):
                words = _("The order was paid twice.")
            refunding.begin_soon(payment=payment, at=at, reason=words)
        return
    if won:
        _honour(payment=payment, email=told.email, at=at, cause=cause)


def _honour(*, payment: Payment, email: str, at: datetime, cause: str) -> None:
    """Hand the order over for its money; when that cannot be any more, give the money back.

    email is what the buyer gave the provider; a visitor's receipt goes there.
    """
    # Locked: an order that is being given up at this moment is asked about as one that was.
    order = Order.objects.select_for_update().get(pk=payment.order_id)
    refusal = ""
    if order.status == Order.Status.CANCELLED:
        with telling.in_words_of_buyer(order):
            refusal = _refusal(order)
            if not refusal:
                try:
                    ordering.hold_again(order=order, at=at)
                except fulfilment.NotAvailable as not_available:
                    refusal = str(not_available)
    if not refusal and order.transition(to=Order.Status.PAID, at=at, cause=cause, paid_at=at):
        receipts.keep_address(order=order, email=email)
        telling.order_paid(order=order, payment=payment, at=at)
        transaction.on_commit(lambda: async_task("commerce.tasks.deliver_order", order.pk), robust=True)
        return
    with telling.in_words_of_buyer(order):
        reason = refusal or _("The order could not be marked paid: it is %s.") % order.get_status_display()
    refunding.begin_soon(payment=payment, at=at, reason=reason)


def _mismatch(*, payment: Payment, told: Told) -> tuple[Payment.Held, dict[str, str]] | None:
    """What differs between the money taken and the frozen order, with the facts; None when it fits."""
    known = payment.intent_id if payment.flow == Payment.Flow.INTENT else payment.session_id
    if known and not told.is_ours:
        return Payment.Held.OTHER_SESSION, {"paid": told.reference, "ours": known}
    if told.amount != payment.order.total:
        return Payment.Held.OTHER_AMOUNT, {"paid": str(told.amount), "total": str(payment.order.total)}
    if told.livemode != gateway_for(payment.account).livemode:
        return Payment.Held.MODES_MIXED, {}
    return None


def _refusal(order: Order) -> str:
    """Why an order that was given up cannot be honoured after all; empty when all of it can."""
    if order.is_of_nobody:
        return _("The account of the buyer was deleted.")
    refusals = (fulfilment.seller_for(line.kind).refusal(line) for line in order.lines.all())
    return "; ".join(refusal for refusal in refusals if refusal)


def _hold(*, payment: Payment, told: Told, reason: Payment.Held, facts: dict[str, str] | None = None) -> bool:
    """Leave money to a person; say whether this call did. It can be given back from there."""
    payment.refresh_from_db()
    if payment.held_reason == reason or payment.captured_minor:
        return False
    logger.error(
        "Payment %s of order %s is held: %s %s", payment.uuid, payment.order.number, reason.name, facts or ""
    )
    fields = {}
    if told.amount.currency == payment.currency:
        fields = {"captured_minor": told.amount.minor}
        if not payment.intent_id and (told.is_ours or not payment.session_id):
            fields["intent_id"] = told.intent_id  # type: ignore[assignment]
    payment.hold(reason=reason, facts=facts, **fields)
    return True
