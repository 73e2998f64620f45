"""Give money back, and learn of money that was given back elsewhere. One row for each refund of the provider.

The row comes first, and what it promises is taken off what is left to give back; then the provider is asked,
with a key made from the row. An answer that is lost is asked for again by `sweep`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from commerce import fulfilment
from commerce.gateways import (
    GatewayError,
    GatewayRefused,
    RefundRequest,
    RefundState,
    RefundStatus,
    gateway_for,
    mark,
)
from commerce.models import Order, Payment, Refund
from commerce.money import Money
from commerce.services import telling

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

# How long a refund without an answer is left to the one who began it.
PATIENCE = timedelta(minutes=2)
LOOK_AGAIN_EVERY = timedelta(hours=6)
SWEEP_AT_MOST = 200

STATUSES = {
    RefundStatus.PENDING: Refund.Status.PENDING,
    RefundStatus.SUCCEEDED: Refund.Status.SUCCEEDED,
    RefundStatus.FAILED: Refund.Status.FAILED,
}


class RefundRefused(Exception):
    """The money cannot be given back; the message says why and what to do."""


class NothingTaken(RefundRefused):
    """No money has come by the payment."""

    def __init__(self, payment: Payment) -> None:
        super().__init__(_("Nothing was paid for order %s by this payment.") % payment.order)


class TooMuch(RefundRefused):
    """So much is not left to give back."""

    def __init__(self, left: Money) -> None:
        super().__init__(_("At most %s can be given back yet.") % left)


class NoAmount(RefundRefused):
    """Refunds are of something."""

    def __init__(self) -> None:
        super().__init__(_("Give back more than nothing, or leave the amount empty to give back the rest."))


class ProviderRefused(RefundRefused):
    """The provider said no; its refund is marked as failed."""

    def __init__(self, reason: str) -> None:
        super().__init__(_("The payment service refused: %s") % reason)


def give_back(
    *, payment: Payment, at: datetime, by: User | None, amount: Money | None = None, reason: str = ""
) -> Refund:
    """Give back amount of a payment, or without one all that is left. Talks to the provider.

    When the provider does not answer the refund stays PENDING, and the sweep goes on. Raises RefundRefused.
    """
    with transaction.atomic(durable=True):
        refund = begin(
            payment=payment, amount=amount, origin=Refund.Origin.STAFF, reason=reason, by=by, at=at
        )
    try:
        return send(refund=refund, at=at)
    except GatewayRefused as error:
        raise ProviderRefused(str(error)) from error
    except GatewayError:
        logger.exception("Refund %s has no answer yet; the sweep asks again", refund.uuid)
        return refund


def begin(
    *,
    payment: Payment,
    at: datetime,
    origin: str,
    amount: Money | None = None,
    reason: str = "",
    by: User | None = None,
) -> Refund:
    """Write a refund down, inside the caller's transaction; `send` it when that is committed.

    Raises NothingTaken, NoAmount and TooMuch.
    """
    payment = Payment.objects.select_for_update().get(pk=payment.pk)
    left = Money.from_minor(payment.captured_minor - payment.refunded_minor, payment.currency)
    if not payment.captured_minor:
        raise NothingTaken(payment)
    wanted = left if amount is None else amount
    if wanted.currency != left.currency or wanted > left or not left:
        raise TooMuch(left)
    if wanted.minor <= 0:
        raise NoAmount
    # By what the row says now, so that no two refunds take the same money, locked or not.
    taken = Payment.objects.filter(
        pk=payment.pk, captured_minor__gte=F("refunded_minor") + wanted.minor
    ).update(refunded_minor=F("refunded_minor") + wanted.minor)
    if not taken:
        raise TooMuch(left)
    return Refund.objects.create(
        payment=payment,
        account=payment.account,
        amount_minor=wanted.minor,
        origin=origin,
        reason=reason[:500],
        requested_by=by,
        created_at=at,
    )


def begin_soon(*, payment: Payment, at: datetime, reason: str) -> Refund:
    """Begin giving back all of a payment by ourselves, and ask the provider when the transaction is over."""
    refund = begin(payment=payment, at=at, origin=Refund.Origin.AUTOMATIC, reason=reason)
    logger.warning("Order %s: %s is given back: %s", payment.order.number, refund.amount, reason)
    transaction.on_commit(lambda: async_task("commerce.tasks.send_refund", refund.pk), robust=True)
    return refund


def send(*, refund: Refund, at: datetime) -> Refund:
    """Ask the provider for a refund that was begun; the refund as it is then. Safe at any number of times.

    Cash and transfers are given back by hand, so nobody is asked. Raises gateways.GatewayError.
    """
    refund.refresh_from_db()
    payment = refund.payment
    if refund.status != Refund.Status.PENDING or refund.provider_id:
        return refund
    if payment.method != Payment.Method.STRIPE:
        with transaction.atomic(durable=True):
            _settle(refund, to=Refund.Status.SUCCEEDED, at=at)
            _follow(payment, at=at, cause="given back by hand", actor=refund.requested_by)
        refund.refresh_from_db()
        return refund
    request = RefundRequest(
        key=f"refund-{refund.uuid}",
        intent_id=payment.intent_id,
        amount=refund.amount,
        metadata={"refund": str(refund.uuid), "payment": str(payment.uuid), "order": payment.order.number},
    )
    try:
        state = gateway_for(refund.account).refund(request)
    except GatewayRefused as error:
        with transaction.atomic(durable=True):
            Refund.objects.filter(pk=refund.pk).update(failure=str(error)[:500])
            _settle(refund, to=Refund.Status.FAILED, at=at)
            if refund.origin == Refund.Origin.AUTOMATIC:
                # Nobody waits for the answer who could see it, and the money must not stay in silence.
                payment.hold(reason=Payment.Held.REFUND_REFUSED, facts={"words": str(error)[:300]})
                telling.payment_held(payment=payment, at=at)
        raise
    apply(payment=payment, states=[state], at=at, cause="refund", actor=refund.requested_by)
    refund.refresh_from_db()
    return refund


def learn(*, payment: Payment, at: datetime, cause: str) -> None:
    """Look at all refunds that the provider has of a payment. Raises gateways.GatewayError."""
    if payment.method != Payment.Method.STRIPE or not payment.intent_id:
        return
    states = gateway_for(payment.account).refunds(payment.intent_id)
    apply(payment=payment, states=states, at=at, cause=cause)


def apply(
    *,
    payment: Payment,
    states: Iterable[RefundState],
    at: datetime,
    cause: str,
    actor: User | None = None,
) -> None:
    """Bring a payment's refunds in line with what the provider has told. A transaction of its own."""
    with transaction.atomic(durable=True):
        payment = Payment.objects.select_for_update().get(pk=payment.pk)
        for state in states:
            _take_in(payment, state, at=at)
        _follow(payment, at=at, cause=cause, actor=actor)


def sweep(*, at: datetime) -> int:
    """Go on with refunds whose answer was lost, look at those on their way; give the number that settled."""
    unsent = Q(provider_id="", created_at__lte=at - PATIENCE)
    on_their_way = ~Q(provider_id="") & Q(created_at__lte=at - LOOK_AGAIN_EVERY)
    pending = Refund.objects.filter(unsent | on_their_way, status=Refund.Status.PENDING)
    settled = 0
    for refund in pending.select_related("payment__order").order_by("created_at", "pk")[:SWEEP_AT_MOST]:
        try:
            if refund.provider_id:
                learn(payment=refund.payment, at=at, cause="sweep")
                refund.refresh_from_db()
            else:
                refund = send(refund=refund, at=at)
        except Exception:
            # One refund that cannot be made must not keep the others.
            logger.exception(
                "Refund %s could not be brought to its end; a later sweep tries again", refund.uuid
            )
        settled += refund.status != Refund.Status.PENDING
    return settled


def _take_in(payment: Payment, state: RefundState, *, at: datetime) -> None:
    """One refund of the provider: ours by its mark, known by its name, or news from the dashboard."""
    known = payment.refunds.filter(provider_id=state.id).first()
    if known is None:
        known = _begun_here(payment, state)
        if known is not None:
            Refund.objects.filter(pk=known.pk).update(provider_id=state.id)
            if state.status is not RefundStatus.FAILED:
                _revive(payment, known)
    if known is None:
        known = _write_down(payment, state, at=at)
    _settle(known, to=STATUSES[state.status], at=at)


def _write_down(payment: Payment, state: RefundState, *, at: datetime) -> Refund:
    """A refund that was begun at the provider. It may have taken what a refund of ours was promised.

    What should go back by itself still does, as far as it is left.
    """
    void_by_itself = None
    minor = state.amount.minor
    for ours in payment.refunds.unsent():
        payment.refresh_from_db()
        if payment.captured_minor - payment.refunded_minor >= minor:
            break
        logger.warning("Refund %s is void: its money was given back at the provider", ours.uuid)
        _settle(ours, to=Refund.Status.FAILED, at=state.created_at)
        if ours.origin == Refund.Origin.AUTOMATIC:
            void_by_itself = ours
    Payment.objects.filter(pk=payment.pk).update(refunded_minor=F("refunded_minor") + minor)
    made = Refund.objects.create(
        payment=payment,
        account=payment.account,
        provider_id=state.id,
        amount_minor=minor,
        origin=Refund.Origin.PROVIDER,
        created_at=state.created_at,
    )
    payment.refresh_from_db()
    if void_by_itself is not None and payment.captured_minor > payment.refunded_minor:
        begin_soon(payment=payment, at=at, reason=void_by_itself.reason)
    return made


def _revive(payment: Payment, refund: Refund) -> None:
    """A refund that was void here was made all the same: its request was on its way when we gave it up."""
    if Refund.objects.filter(pk=refund.pk, status=Refund.Status.FAILED).update(
        status=Refund.Status.PENDING, settled_at=None
    ):
        logger.warning("Refund %s was made at the provider after all", refund.uuid)
        Payment.objects.filter(pk=payment.pk).update(refunded_minor=F("refunded_minor") + refund.amount_minor)


def _settle(refund: Refund, *, to: str, at: datetime) -> None:
    """Move a refund to where it is at the provider; what a failed one promised can be given back again."""
    if to == Refund.Status.PENDING:
        return
    rows = Refund.objects.filter(pk=refund.pk)
    if to == Refund.Status.SUCCEEDED:
        if rows.filter(status=Refund.Status.PENDING).update(status=to, settled_at=at):
            telling.refund_made(refund=refund, at=at)
    elif rows.exclude(status=Refund.Status.FAILED).update(status=to, settled_at=at):
        Payment.objects.filter(pk=refund.payment_id).update(
            refunded_minor=F("refunded_minor") - refund.amount_minor
        )


def _follow(payment: Payment, *, at: datetime, cause: str, actor: User | None = None) -> None:
    """Bring the payment's status, and with it the order, in line with what has been given back."""
    payment.refresh_from_db()
    # A refund that nobody has confirmed yet moves nothing.
    given = payment.refunds.standing().exclude(status=Refund.Status.PENDING, provider_id="")
    minor = given.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    if minor >= payment.captured_minor > 0:
        _all_given_back(payment, at=at, cause=cause, actor=actor)
    elif payment.is_captured:
        was_all = payment.status == Payment.Status.REFUNDED
        to = Payment.Status.PARTIALLY_REFUNDED if minor else Payment.Status.PAID
        others = set(Payment.CAPTURED) - {to}
        if payment.transition(to=to, from_=others, at=at, cause=cause, actor=actor) and was_all:
            payment.hold(reason=Payment.Held.REFUND_RETURNED)
            telling.payment_held(payment=payment, at=at)
            logger.error("Payment %s is held: a refund of it failed at the bank", payment.uuid)


def _all_given_back(payment: Payment, *, at: datetime, cause: str, actor: User | None) -> None:
    if not payment.transition(
        to=Payment.Status.REFUNDED,
        from_={*Payment.UNCAPTURED, Payment.Status.PAID, Payment.Status.PARTIALLY_REFUNDED},
        at=at,
        cause=cause,
        actor=actor,
        paid_at=payment.paid_at or at,
        held_reason="",
    ):
        return
    order = Order.objects.select_for_update().get(pk=payment.order_id)
    if order.payments.filter(status__in=[Payment.Status.PAID, Payment.Status.PARTIALLY_REFUNDED]).exists():
        # Money that came twice went back once; the order stays paid by the other payment.
        return
    if order.transition(to=Order.Status.REFUNDED, at=at, cause=cause, actor=actor):
        for line in fulfilment.in_locking_order(order.lines.all()):
            fulfilment.seller_for(line.kind).revoke(line, at=at)


def _begun_here(payment: Payment, state: RefundState) -> Refund | None:
    """The refund of ours whose answer was lost; None for one that others began."""
    uuid = mark(state.metadata, "refund")
    return None if uuid is None else payment.refunds.filter(uuid=uuid, provider_id="").first()
