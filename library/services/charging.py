"""What loans cost: charges and their orders, what a member owes, and what the desk does about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce import fulfilment
from commerce.models import Order, Payment
from commerce.money import Money, minimum_charge
from commerce.services import checkout, delivery, ordering, paying, receiving
from library.models import Borrowing, Charge, LendingRules, Renewal
from library.services import telling

if TYPE_CHECKING:
    from accounts.models import User

#: Kinds of order lines, by what they are for; the reference of each is the number of the borrowing.
BORROWING = "borrowing"
RENEWAL = "renewal"
FINE = "fine"
KINDS = {Charge.Kind.FEE: BORROWING, Charge.Kind.RENEWAL: RENEWAL, Charge.Kind.FINE: FINE}


class ChargingRefused(Exception):
    """It cannot be done to this charge; the message says why and what to do."""

    code = "refused"


class ChargeSettled(ChargingRefused):
    """It was paid, or forgiven."""

    code = "settled"

    def __init__(self, charge: Charge) -> None:
        words = (
            _("This was forgiven.") if charge.waived_at else _("This is paid. Refund the payment instead.")
        )
        super().__init__(words)


@dataclass(frozen=True, kw_only=True)
class Debt:
    """What a member has not paid: all of it, by currency, and the part whose time to pay is over."""

    charges: tuple[Charge, ...]
    total: tuple[Money, ...]
    outstanding: tuple[Money, ...]

    def __bool__(self) -> bool:
        return bool(self.charges)

    def is_beyond(self, rules: LendingRules) -> bool:
        """Whether nothing is lent until it is paid."""
        return any(amount.amount > rules.unpaid_limit for amount in self.outstanding)


def charge(
    *,
    borrowing: Borrowing,
    kind: Charge.Kind,
    days: int,
    amount: Money,
    at: datetime,
    renewal: Renewal | None = None,
    inputs: Mapping[str, Any] | None = None,
    lines: Iterable[Mapping[str, Any]] = (),
) -> Charge | None:
    """Charge a member for a loan, by an order of its own; None when there is nothing to pay.

    Call it inside the transaction that makes the loan, its renewal or its return.
    """
    if not amount:
        return None
    with telling.in_words_of(borrowing.member):
        title = _title(borrowing=borrowing, kind=kind, days=days)
    request = ordering.LineRequest(
        kind=KINDS[kind], reference=str(borrowing.pk), title=title, unit_price=amount
    )
    order = ordering.place(buyer=borrowing.member, lines=[request], at=at)
    return Charge.objects.create(
        borrowing=borrowing,
        kind=kind,
        renewal=renewal,
        days=days,
        amount_minor=amount.minor,
        currency=amount.currency,
        inputs=dict(inputs or {}),
        lines=[dict(line) for line in lines],
        order_line=order.lines.get(),
        created_at=at,
    )


def owed(member: User, at: datetime) -> Debt:
    """What member has not paid for loans."""
    charges = tuple(
        Charge.objects.of_member(member)
        .unpaid()
        .select_related("borrowing__book", "order_line__order")
        .order_by("created_at", "pk")
    )
    late = set(Charge.objects.of_member(member).outstanding(at=at).values_list("pk", flat=True))
    return Debt(
        charges=charges,
        total=_by_currency(charges),
        outstanding=_by_currency(charge for charge in charges if charge.pk in late),
    )


def order_to_pay(*, charge: Charge, at: datetime) -> Order:
    """The order of a charge, waiting for its money: taken up again if it was given up or its time is over.

    Raises ChargeSettled, fulfilment.NotAvailable when its loan was given up and cannot be had again, and
    checkout.PaymentHeld.
    """
    with transaction.atomic():
        order = _locked_order(charge)
        charge.refresh_from_db()
        if charge.waived_at or order.status in (Order.Status.PAID, Order.Status.REFUNDED):
            raise ChargeSettled(charge)
        if order.payments.held().exists():
            raise checkout.PaymentHeld(order)
        if not order.may_be_paid(at=at):
            ordering.take_up_again(order=order, at=at, actor=charge.borrowing.member)
        return order


def begin_payment(*, order: Order, urls: checkout.ReturnUrls, at: datetime, by: User | None) -> Payment:
    """An open payment of a loan's order: by card, or at the desk when it is too little for cards.

    Talks to the provider; call it outside transactions. Raises checkout.CheckoutRefused and
    receiving.ReceivingRefused; the loan stands, and the payment can be begun again.
    """
    if order.total < minimum_charge(order.currency):
        return paying.begin(order=order, method=Payment.Method.CASH, urls=urls, at=at, by=by)
    return checkout.open_session(order=order, urls=urls, at=at)


def take_cash(*, charge: Charge, by: User | None, at: datetime) -> Payment:
    """Record that the money for a charge was paid at the desk; the payment, which is PAID.

    A payment page that is open is closed first, which asks the provider: call it outside transactions.
    Raises ChargeSettled, fulfilment.NotAvailable, checkout.CheckoutRefused and receiving.ReceivingRefused.
    """
    order = order_to_pay(charge=charge, at=at)
    nowhere = checkout.ReturnUrls(success="", cancel="")
    payment = paying.begin(order=order, method=Payment.Method.CASH, urls=nowhere, at=at, by=by)
    receiving.settle_by_hand(payment=payment, at=at, by=by, cause="cash at the desk")
    delivery.deliver_order(order=order, at=at)
    payment.refresh_from_db()
    return payment


def waive(*, charge: Charge, by: User | None, reason: str, at: datetime) -> bool:
    """Forgive a charge, and give its order up; say whether this call did. The loan goes on.

    A payment page that is open is closed by the sweep of cancelled orders; money that comes by it after all
    goes back. Raises ChargeSettled for what was paid.
    """
    with transaction.atomic(durable=True):
        order = _locked_order(charge)
        if order.status in (Order.Status.PAID, Order.Status.REFUNDED):
            charge.refresh_from_db()
            raise ChargeSettled(charge)
        waived = Charge.objects.filter(pk=charge.pk, waived_at__isnull=True).update(
            waived_at=at, waived_by=by, waived_reason=reason[:255]
        )
        charge.refresh_from_db()
        if waived:
            ordering.cancel(order=order, at=at, cause="forgiven", actor=by)
    return bool(waived)


def payable_of(*, borrowing: Borrowing) -> Charge | None:
    """The oldest charge of a loan that is not paid, also of one that was given up; None when all are."""
    charges = Charge.objects.filter(borrowing=borrowing, waived_at__isnull=True, order_line__isnull=False)
    settled = [Order.Status.PAID, Order.Status.REFUNDED]
    unpaid = charges.exclude(order_line__order__status__in=settled)
    return (
        unpaid.select_related("order_line__order", "borrowing__member").order_by("created_at", "pk").first()
    )


def _locked_order(charge: Charge) -> Order:
    if charge.order_line is None:
        raise fulfilment.NothingThere(f"Charge {charge.pk} has no order.")
    return Order.objects.select_for_update().get(pk=charge.order_line.order_id)


def _by_currency(charges: Iterable[Charge]) -> tuple[Money, ...]:
    sums: dict[str, Money] = {}
    for each in charges:
        sums[each.currency] = sums.get(each.currency, Money.zero(each.currency)) + each.amount
    return tuple(sums[currency] for currency in sorted(sums))


def _title(*, borrowing: Borrowing, kind: Charge.Kind, days: int) -> str:
    if kind == Charge.Kind.FINE:
        words = ngettext(
            "“%(book)s”: fine for %(days)s day of delay", "“%(book)s”: fine for %(days)s days of delay", days
        )
    elif kind == Charge.Kind.RENEWAL:
        words = ngettext(
            "“%(book)s”: renewed for %(days)s day", "“%(book)s”: renewed for %(days)s days", days
        )
    else:
        words = ngettext(
            "“%(book)s”: borrowed for %(days)s day", "“%(book)s”: borrowed for %(days)s days", days
        )
    # What is cut off a long title is not the reason.
    return words % {"book": borrowing.book.title[:200], "days": days}
