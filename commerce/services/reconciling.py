"""Compare a day of the provider's ledger with ours, and mend what one of the two did not hear of.

What the provider has is looked for among all of ours, whatever day we heard of it; what we have of a day and
the provider's day does not show is asked about one by one, as a charge at midnight is of two days.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from commerce.gateways import (
    ChargeState,
    Gateway,
    GatewayError,
    NotAtProvider,
    RefundState,
    RefundStatus,
    gateway_for,
    mark,
)
from commerce.models import Finding, Payment, Reconciliation, Refund
from commerce.services import refunding, settlement, telling

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

BATCH = 100
# A refund that was begun so long ago should have its answer.
ANSWERS_WITHIN = timedelta(hours=1)

Kind, Cause, Repair = Finding.Kind, Finding.Cause, Finding.Repair
KINDS = {
    Cause.FOREIGN: Kind.MISSING_HERE,
    Cause.UNKNOWN: Kind.MISSING_HERE,
    Cause.NOT_RECORDED: Kind.MISSING_HERE,
    Cause.SECOND_CHARGE: Kind.MISSING_HERE,
    Cause.NOT_CHARGED: Kind.MISSING_THERE,
    Cause.OTHER_AMOUNT: Kind.DIFFERENT,
    Cause.REFUND_NOT_RECORDED: Kind.MISSING_HERE,
    Cause.REFUND_NOT_THERE: Kind.MISSING_THERE,
    Cause.REFUND_NOT_SENT: Kind.MISSING_THERE,
    Cause.REFUND_OTHER_STATUS: Kind.DIFFERENT,
}
# What mends it; everything else is for a person to look into and to say so.
REPAIRS = {
    Cause.FOREIGN: Repair.FOREIGN,
    Cause.NOT_RECORDED: Repair.ASK,
    Cause.NOT_CHARGED: Repair.ASK,
    Cause.OTHER_AMOUNT: Repair.HOLD,
    Cause.REFUND_NOT_RECORDED: Repair.LEARN,
    Cause.REFUND_NOT_THERE: Repair.LEARN,
    Cause.REFUND_NOT_SENT: Repair.SEND,
    Cause.REFUND_OTHER_STATUS: Repair.LEARN,
}

Row = TypeVar("Row")


class RepairRefused(Exception):
    """The finding stays; the message says why and what to do."""


class NotSoRepaired(RepairRefused):
    """Another finding is mended like this."""

    def __init__(self) -> None:
        super().__init__(_("This is not repaired in that way. Choose one of the buttons beside it."))


class ResolvedAlready(RepairRefused):
    """Somebody else was faster."""

    def __init__(self) -> None:
        super().__init__(_("This was resolved already."))


class NoNote(RepairRefused):
    """To look into something and say nothing helps nobody later."""

    def __init__(self) -> None:
        super().__init__(_("Write what you found, for those who ask later."))


class StillSo(RepairRefused):
    """The provider was asked, and nothing has changed."""

    def __init__(self) -> None:
        super().__init__(
            _("The payment service was asked, and says the same still. Look into it there, and write a note.")
        )


class NoAnswer(RepairRefused):
    """The provider does not answer."""

    def __init__(self) -> None:
        super().__init__(_("The payment service does not answer. Nothing was changed; try again later."))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A finding before it is written down."""

    cause: Finding.Cause
    currency: str
    provider_id: str = ""
    payment: Payment | None = None
    refund: Refund | None = None
    ours_minor: int | None = None
    theirs_minor: int | None = None

    def key(self) -> tuple[object, ...]:
        return (
            self.cause,
            self.provider_id,
            self.payment and self.payment.pk,
            self.refund and self.refund.pk,
            self.ours_minor,
            self.theirs_minor,
        )


def reconcile(*, account: str, day: date, at: datetime) -> Reconciliation:
    """Compare one account's day (UTC) with the provider's; what was found earlier and is resolved stays.

    Talks to the network; call it outside transactions. Raises gateways.GatewayError; nothing is written then.
    """
    since = datetime.combine(day, time.min, UTC)
    until = since + timedelta(days=1)
    gateway = gateway_for(account)
    matched, differences, seen = 0, [], set()
    for charges in _in_lots(gateway.charges(since=since, until=until)):
        seen |= {charge.intent_id for charge in charges}
        for difference in _compare_charges(gateway, charges):
            matched += difference is None
            if difference is not None:
                differences.append(difference)
    paid = Payment.objects.filter(account=account, paid_at__gte=since, paid_at__lt=until)
    for payment in paid.exclude(intent_id__in=seen).order_by("pk"):
        difference = _compare_payment(gateway, payment)
        matched += difference is None
        if difference is not None:
            differences.append(difference)
    told = set()
    for states in _in_lots(gateway.refunds_made(since=since, until=until)):
        told |= {state.id for state in states}
        for state in states:
            difference = _compare_told_refund(gateway, state)
            matched += difference is None
            if difference is not None:
                differences.append(difference)
    begun = Refund.objects.standing().filter(account=account, created_at__gte=since, created_at__lt=until)
    for refund in begun.exclude(provider_id__in=told - {""}).select_related("payment").order_by("pk"):
        if not refund.provider_id and refund.created_at > at - ANSWERS_WITHIN:
            continue
        difference = _compare_refund(gateway, refund)
        matched += difference is None
        if difference is not None:
            differences.append(difference)
    return _write_down(account=account, day=day, at=at, matched=matched, differences=differences)


def repair(
    *, finding: Finding, how: Finding.Repair, by: User | None, at: datetime, note: str = ""
) -> Finding:
    """Mend a finding, or write down what a person found; the finding as it is then.

    Talks to the provider, but for notes. Raises RepairRefused; the finding stays as it was then.
    """
    finding.refresh_from_db()
    if finding.resolved_at is not None:
        raise ResolvedAlready
    if how not in repairs_of(finding):
        raise NotSoRepaired
    if how is Repair.NOTE and not note.strip():
        raise NoNote
    try:
        _mend(finding, how=how, by=by, at=at)
    except GatewayError as error:
        logger.exception("Finding %s could not be repaired", finding.pk)
        raise NoAnswer from error
    said = note.strip()[:500] if how is Repair.NOTE else how.value
    rows = Finding.objects.unresolved().filter(pk=finding.pk)
    if not rows.update(resolved_at=at, resolved_by=by, resolution=said):
        raise ResolvedAlready
    logger.info("Finding %s (%s) was resolved by %s: %s", finding.pk, finding, by, said)
    finding.refresh_from_db()
    return finding


def repairs_of(finding: Finding) -> list[Finding.Repair]:
    """What can be done about a finding: the one that mends it first, if there is one, and a note."""
    if finding.resolved_at is not None:
        return []
    mending = REPAIRS.get(Cause(finding.detail)) if finding.detail in Cause.values else None
    return [*([mending] if mending else []), Repair.NOTE]


def _mend(finding: Finding, *, how: Finding.Repair, by: User | None, at: datetime) -> None:
    cause = f"reconciliation of {finding.reconciliation.day}"
    payment = finding.payment
    if how is Repair.ASK and payment is not None:
        settlement.settle(payment=payment, at=at, cause=cause)
        payment.refresh_from_db()
        if _is_still_so(finding, payment):
            raise StillSo
    elif how is Repair.LEARN and payment is not None:
        if not payment.captured_minor:
            # Nothing can be given back of what we have not heard of.
            payment = settlement.settle(payment=payment, at=at, cause=cause)
            if not payment.captured_minor:
                raise StillSo
        refunding.learn(payment=payment, at=at, cause=cause)
        if _is_still_unlike(finding, payment):
            raise StillSo
    elif how is Repair.SEND and finding.refund is not None:
        if refunding.send(refund=finding.refund, at=at).status == Refund.Status.PENDING:
            raise StillSo
    elif how is Repair.HOLD and payment is not None:
        facts = {"ours": str(finding.ours), "theirs": str(finding.theirs)}
        with transaction.atomic(durable=True):
            payment.hold(reason=Payment.Held.LEDGERS_DIFFER, facts=facts)
            telling.payment_held(payment=payment, at=at)


def _is_still_so(finding: Finding, payment: Payment) -> bool:
    """Whether a payment and the provider's charge differ after the provider was asked."""
    if finding.detail == Cause.NOT_RECORDED:
        return payment.captured_minor != finding.theirs_minor
    return _compare_payment(gateway_for(payment.account), payment) is not None


def _is_still_unlike(finding: Finding, payment: Payment) -> bool:
    """Whether a refund differs after all of the payment's refunds were looked at."""
    states = gateway_for(payment.account).refunds(payment.intent_id)
    for state in states:
        if state.id == finding.provider_id:
            return _compare_told_refund(gateway_for(payment.account), state) is not None
    if finding.refund is None:
        return True
    finding.refund.refresh_from_db()
    return finding.refund.status != Refund.Status.FAILED


# --- Comparing ---------------------------------------------------------------------------------------------
def _compare_charges(gateway: Gateway, charges: Sequence[ChargeState]) -> Iterator[Difference | None]:
    ours = Payment.objects.filter(account=gateway.account)
    by_intent = {payment.intent_id: payment for payment in ours.filter(intent_id__in=_intents(charges))}
    marks = {charge.id: mark(charge.metadata, "payment") for charge in charges}
    by_uuid: dict[UUID, Payment] = {
        payment.uuid: payment for payment in ours.filter(uuid__in=[each for each in marks.values() if each])
    }
    for charge in charges:
        uuid = marks[charge.id]
        payment = by_intent.get(charge.intent_id) or (by_uuid.get(uuid) if uuid else None)
        yield _compare_charge(charge, payment, is_marked=uuid is not None)


def _compare_charge(charge: ChargeState, payment: Payment | None, *, is_marked: bool) -> Difference | None:
    if payment is None:
        cause = Cause.UNKNOWN if is_marked else Cause.FOREIGN
    elif payment.intent_id not in ("", charge.intent_id) and payment.captured_minor:
        cause = Cause.SECOND_CHARGE
    elif not payment.captured_minor:
        cause = Cause.NOT_RECORDED
    elif payment.captured != charge.amount:
        cause = Cause.OTHER_AMOUNT
    else:
        return None
    is_known = payment is not None and payment.currency == charge.amount.currency
    return Difference(
        cause=cause,
        currency=charge.amount.currency,
        provider_id=charge.id,
        payment=payment,
        ours_minor=payment.captured_minor if payment is not None and is_known else None,
        theirs_minor=charge.amount.minor,
    )


def _compare_payment(gateway: Gateway, payment: Payment) -> Difference | None:
    """Ask about a payment that the day's charges do not show; it may be of the day before."""
    theirs: int | None = None
    try:
        state = gateway.intent(payment.intent_id) if payment.intent_id else None
    except NotAtProvider:
        state = None
    if state is not None and state.is_paid:
        if state.amount == payment.captured:
            return None
        theirs = state.amount.minor if state.amount.currency == payment.currency else None
    return Difference(
        cause=Cause.NOT_CHARGED if state is None or not state.is_paid else Cause.OTHER_AMOUNT,
        currency=payment.currency,
        provider_id=payment.intent_id,
        payment=payment,
        ours_minor=payment.captured_minor,
        theirs_minor=theirs,
    )


def _compare_told_refund(gateway: Gateway, state: RefundState) -> Difference | None:
    known = Refund.objects.filter(account=gateway.account, provider_id=state.id).first()
    if known is None and state.status is RefundStatus.FAILED:
        # No money moved, for neither.
        return None
    payment = known.payment if known else _payment_of(gateway, state)
    if known is None:
        cause = Cause.REFUND_NOT_RECORDED if payment is not None else Cause.FOREIGN
    elif known.amount != state.amount:
        cause = Cause.OTHER_AMOUNT
    elif (known.status == Refund.Status.FAILED) != (state.status is RefundStatus.FAILED) or (
        known.status == Refund.Status.PENDING and state.status is RefundStatus.SUCCEEDED
    ):
        cause = Cause.REFUND_OTHER_STATUS
    else:
        return None
    return Difference(
        cause=cause,
        currency=state.amount.currency,
        provider_id=state.id,
        payment=payment,
        refund=known,
        ours_minor=known.amount_minor if known else None,
        theirs_minor=state.amount.minor,
    )


def _payment_of(gateway: Gateway, state: RefundState) -> Payment | None:
    """The payment that money was given back of; its intent has our mark also while we do not know it."""
    ours = Payment.objects.filter(account=gateway.account)
    known = ours.filter(intent_id=state.intent_id).exclude(intent_id="").first()
    if known is not None or not state.intent_id:
        return known
    try:
        uuid = mark(gateway.intent(state.intent_id).metadata, "payment")
    except NotAtProvider:
        return None
    return ours.filter(uuid=uuid).first() if uuid else None


def _compare_refund(gateway: Gateway, refund: Refund) -> Difference | None:
    """Ask about a refund that the provider's day does not show."""
    if refund.provider_id:
        there = {state.id: state for state in gateway.refunds(refund.payment.intent_id)}
        if refund.provider_id in there:
            return _compare_told_refund(gateway, there[refund.provider_id])
    return Difference(
        cause=Cause.REFUND_NOT_THERE if refund.provider_id else Cause.REFUND_NOT_SENT,
        currency=refund.payment.currency,
        provider_id=refund.provider_id,
        payment=refund.payment,
        refund=refund,
        ours_minor=refund.amount_minor,
    )


def _intents(charges: Iterable[ChargeState]) -> list[str]:
    return [charge.intent_id for charge in charges if charge.intent_id]


def _in_lots(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while lot := list(islice(rows, BATCH)):
        yield lot


# --- Writing down ------------------------------------------------------------------------------------------
def _write_down(
    *, account: str, day: date, at: datetime, matched: int, differences: Sequence[Difference]
) -> Reconciliation:
    with transaction.atomic(durable=True):
        made, _is_new = Reconciliation.objects.get_or_create(
            account=account, day=day, defaults={"run_at": at, "matched": matched}
        )
        # Two that compare at once write one after the other, and the later one counts.
        made = Reconciliation.objects.select_for_update().get(pk=made.pk)
        made.run_at, made.matched = at, matched
        made.save(update_fields=["run_at", "matched"])
        made.findings.unresolved().delete()
        resolved = {
            (row.detail, row.provider_id, row.payment_id, row.refund_id, row.ours_minor, row.theirs_minor)
            for row in made.findings.all()
        }
        Finding.objects.bulk_create(
            Finding(
                reconciliation=made,
                kind=KINDS[difference.cause],
                detail=difference.cause,
                provider_id=difference.provider_id,
                payment=difference.payment,
                refund=difference.refund,
                currency=difference.currency,
                ours_minor=difference.ours_minor,
                theirs_minor=difference.theirs_minor,
            )
            for difference in differences
            if difference.key() not in resolved
        )
    return Reconciliation.objects.counted().get(pk=made.pk)
