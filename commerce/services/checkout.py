"""Send a buyer to the provider's payment page, and find out what came of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from commerce import fulfilment
from commerce.gateways import (
    GatewayError,
    GatewayRefused,
    IntentRequest,
    IntentState,
    NotAtProvider,
    SessionLine,
    SessionRequest,
    SessionState,
    SessionStatus,
    gateway_for,
)
from commerce.models import Order, OrderLine, Payment
from commerce.models.batches import in_batches
from commerce.money import maximum_charge, minimum_charge
from commerce.services import delivery, mirroring, ordering, settlement

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

# The provider takes sessions that live from 30 minutes to 24 hours; a minute inside both ends.
SHORTEST_SESSION = timedelta(minutes=31)
LONGEST_SESSION = timedelta(hours=23, minutes=59)
# A page about to close is not worth sending anybody to.
USEFUL_REST = timedelta(minutes=5)


class CheckoutRefused(Exception):
    """The order cannot be paid now; the message says why and what to do."""


class AlreadyPaid(CheckoutRefused):
    """The order is paid."""

    def __init__(self, order: Order) -> None:
        super().__init__(_("Order %s is paid already.") % order)


class OrderNotPayable(CheckoutRefused):
    """The order was given up, or its time is over."""

    def __init__(self, order: Order) -> None:
        super().__init__(_("Order %s can no longer be paid. Please order again.") % order)


class PaymentHeld(CheckoutRefused):
    """Money has come that does not fit; a person looks at it first."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("A payment for order %s is being checked by our staff. Please do not pay again.") % order
        )


class PaymentUnderWay(CheckoutRefused):
    """The buyer chose a slow method, and its money is on the way."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("The payment for order %s is on its way; that can take some days. Please do not pay again.")
            % order
        )


class AmountTooSmall(CheckoutRefused):
    """The provider does not take so little."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("%(total)s is too little to pay by card; the least is %(least)s.")
            % {"total": order.total, "least": minimum_charge(order.currency)}
        )


class AmountTooGreat(CheckoutRefused):
    """The provider does not take so much at once."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("%(total)s is too much to pay by card at once; the most is %(most)s. Order in parts.")
            % {"total": order.total, "most": maximum_charge(order.currency)}
        )


class BegunElsewhere(CheckoutRefused):
    """The same order is being paid in another way at this moment."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("Paying for order %s was begun in another window just now. Go on there, or try again here.")
            % order
        )


class ProviderUnavailable(CheckoutRefused):
    """The payment service does not answer or does not work; nothing was taken."""

    def __init__(self) -> None:
        super().__init__(
            _("The payment service does not answer. Nothing was charged; please try again in a minute.")
        )


@dataclass(frozen=True, kw_only=True)
class ReturnUrls:
    """Absolute addresses the provider sends the buyer back to; success may hold {CHECKOUT_SESSION_ID}."""

    success: str
    cancel: str


def open_session(*, order: Order, urls: ReturnUrls, at: datetime) -> Payment:
    """A payment with an open page to send the buyer to: the one there is, or a new one.

    The row is committed before the provider hears of it, and all that is sent is kept on the row: a crash
    or a double click asks again with the same key and gets the same page. Talks to the network; call it
    outside transactions. Raises CheckoutRefused.
    """
    try:
        flow = Payment.Flow.CHECKOUT
        payment = _reusable(order=order, flow=flow, at=at) or _new_payment(
            order=order, flow=flow, urls=urls, at=at
        )
        if payment.session_url:
            return payment
        return _ask_for_page(payment=payment, at=at)
    except GatewayError as error:
        logger.exception("No payment page for order %s", order)
        raise ProviderUnavailable from error


def open_intent(*, order: Order, at: datetime) -> tuple[Payment, IntentState]:
    """A payment to be made on our own page, and the provider's intent for the browser to pay.

    The same rules as for a page: one open payment for an order, whichever way; the row first; asking again
    gives the intent there is. Talks to the network; call it outside transactions. Raises CheckoutRefused.
    """
    try:
        flow = Payment.Flow.INTENT
        payment = _reusable(order=order, flow=flow, at=at) or _new_payment(order=order, flow=flow, at=at)
        if payment.intent_id:
            return payment, gateway_for(payment.account).intent(payment.intent_id)
        return _ask_for_intent(payment=payment, at=at)
    except GatewayError as error:
        logger.exception("No payment intent for order %s", order)
        raise ProviderUnavailable from error


def complete(*, payment: Payment, at: datetime) -> Payment:
    """The buyer is back: ask the provider, and hand over at once what is paid. Safe at any number of visits.

    When the provider does not answer, the payment is returned as we know it.
    """
    if not payment.is_captured:
        try:
            payment = settlement.settle(payment=payment, at=at, cause="return page")
        except GatewayError:
            logger.exception("The return page of payment %s could not ask the provider", payment.uuid)
    if payment.order.status == Order.Status.PAID:
        delivery.deliver_order(order=payment.order, at=at)
    return payment


def give_up(
    *, order: Order, at: datetime, cause: str, actor: User | None = None, only_late: bool = False
) -> bool:
    """Close the payment page, look whether it was paid after all, and only then cancel the order.

    only_late: not one whose time to pay is not over, or was made longer meanwhile. Says whether the order
    was cancelled. Raises gateways.GatewayError; nothing is cancelled then.
    """
    late = Order.objects.payable_no_more(at=at).filter(pk=order.pk)
    if only_late and not late.exists():
        return False
    if not close_payments(order=order, at=at, cause=cause):
        return False
    with transaction.atomic(durable=True):
        Order.objects.select_for_update().get(pk=order.pk)
        if only_late and not late.exists():
            return False
        if order.payments.pending().exists():
            # A page was asked for meanwhile; whoever gives the order up next closes it.
            return False
        return ordering.cancel(order=order, at=at, cause=cause, actor=actor)


def close_payments(*, order: Order, at: datetime, cause: str) -> bool:
    """Let the open payment of an order take no money any more; say whether none is open then.

    One whose money is on its way stays open, and one found paid makes the order PAID.
    Raises gateways.GatewayError.
    """
    for payment in order.payments.pending():
        if not payment.is_at_provider:
            _close_without_page(payment=payment, to=Payment.Status.EXPIRED, at=at, cause=cause)
        if payment.is_at_provider:
            state = settlement.close(payment)
            payment = settlement.apply(payment=payment, state=state, at=at, cause=cause)
        if payment.status == Payment.Status.PENDING:
            return False
    return True


def session_end(*, order_until: datetime | None, at: datetime) -> datetime:
    """When a page opened now closes: with the order's time, as far as the provider lets pages live."""
    rest = (order_until or at) - at
    return (at + min(max(rest, SHORTEST_SESSION), LONGEST_SESSION)).replace(microsecond=0)


def sweep_unpaid(*, at: datetime) -> int:
    """Give up every order whose time to pay is over; give the number given up.

    Pages that cancelled orders have left open are closed as well. What fails stays for the next sweep.
    """
    given_up = 0
    late = ((order, True) for order in in_batches(Order.objects.payable_no_more(at=at)))
    left_open = ((order, False) for order in in_batches(Order.objects.cancelled_with_open_page()))
    for order, is_late in chain(late, left_open):
        try:
            given_up += give_up(order=order, at=at, cause="time to pay is over", only_late=is_late)
        except Exception:
            # One that cannot be given up, whatever the reason, must not keep the others.
            logger.exception("Order %s could not be given up; the next sweep tries again", order)
    return given_up


def _reusable(*, order: Order, flow: str, at: datetime) -> Payment | None:
    """The order's open payment, if there is one that can still be paid in this way; another one is closed."""
    order.refresh_from_db()
    if order.payments.held().exists():
        raise PaymentHeld(order)
    if order.status in (Order.Status.PAID, Order.Status.REFUNDED):
        raise AlreadyPaid(order)
    if order.status != Order.Status.AWAITING_PAYMENT:
        raise OrderNotPayable(order)
    if order.total < minimum_charge(order.currency):
        raise AmountTooSmall(order)
    if order.total > maximum_charge(order.currency):
        raise AmountTooGreat(order)
    payment = order.payments.pending().first()
    if payment is not None:
        # Before the order's time is looked at: its money may be on the way since before the end.
        payment = _still_open(payment=payment, order=order, flow=flow, at=at)
    if not order.may_be_paid(at=at):
        raise OrderNotPayable(order)
    return payment


def _still_open(*, payment: Payment, order: Order, flow: str, at: datetime) -> Payment | None:
    """A pending payment when it can still be paid in this way; None when it is closed now.

    Raises AlreadyPaid, PaymentHeld and PaymentUnderWay.
    """
    if not payment.is_at_provider:
        is_young = payment.is_open(at=at + SHORTEST_SESSION - timedelta(minutes=1))
        if payment.flow == flow and is_young:
            return payment
        # The request kept on the row is too old for the provider, or for the other way of paying.
        cause = "no page was opened in time" if payment.flow == flow else "paid in another way"
        _close_without_page(payment=payment, to=Payment.Status.EXPIRED, at=at, cause=cause)
        if not payment.is_at_provider:
            return None
    state = settlement.ask(payment)
    is_worth_it = payment.flow == flow and payment.is_open(at=at + USEFUL_REST)
    if _can_be_paid(state) and not is_worth_it:
        state = settlement.close(payment)
    if _can_be_paid(state):
        return payment
    payment = settlement.apply(payment=payment, state=state, at=at, cause="found when paying again")
    if payment.held_reason:
        raise PaymentHeld(order)
    if payment.is_captured:
        raise AlreadyPaid(order)
    if payment.status == Payment.Status.PENDING:
        # Complete and not paid: a slow method is under way, and a second page could be paid too.
        raise PaymentUnderWay(order)
    return None


def _can_be_paid(state: SessionState | IntentState) -> bool:
    if isinstance(state, SessionState):
        return state.status is SessionStatus.OPEN
    return not (state.is_paid or state.is_under_way or state.is_over)


def _new_payment(*, order: Order, flow: str, at: datetime, urls: ReturnUrls | None = None) -> Payment:
    """Commit the row of a new payment; when another call was faster, the row it made.

    Raises OrderNotPayable when that one has been settled already, or the order given up, and BegunElsewhere
    when it is for the other way of paying.
    """
    try:
        with transaction.atomic(durable=True):
            # Whoever gives the order up takes the same lock: no page is made for what was given up.
            if not Order.objects.select_for_update().get(pk=order.pk).may_be_paid(at=at):
                raise OrderNotPayable(order)
            return Payment.objects.create(
                order=order,
                method=Payment.Method.STRIPE,
                account=order.account,
                amount_minor=order.total_minor,
                currency=order.currency,
                flow=flow,
                success_url=urls.success if urls else "",
                cancel_url=urls.cancel if urls else "",
                expires_at=session_end(order_until=order.payable_until, at=at),
                created_at=at,
            )
    except IntegrityError:
        # The database allows one open payment per order: the other half of a double click has made it.
        payment = order.payments.pending().first()
        if payment is None:
            raise OrderNotPayable(order) from None
        if payment.flow != flow or payment.method != Payment.Method.STRIPE:
            raise BegunElsewhere(order) from None
        return payment


def _ask_for_page(*, payment: Payment, at: datetime) -> Payment:
    gateway = gateway_for(payment.account)
    order = payment.order
    try:
        tax_rate_ids = [mirroring.tax_rate_id(gateway=gateway, tax=tax) for tax in order.taxes.all()]
        state = gateway.open_session(
            SessionRequest(
                key=payment.key,
                lines=[
                    SessionLine(
                        price_id=mirroring.price_id(gateway=gateway, line=line),
                        quantity=line.quantity,
                        tax_rate_ids=tax_rate_ids if _is_merchandise(line) else (),
                    )
                    for line in order.lines.all()
                ],
                currency=order.currency,
                reference=order.number,
                email=order.email,
                success_url=payment.success_url,
                cancel_url=payment.cancel_url,
                expires_at=payment.expires_at,  # type: ignore[arg-type]
                metadata=payment.marks,
                coupon_id=mirroring.coupon_id(gateway=gateway, order=order),
            )
        )
    except (GatewayRefused, NotAtProvider):
        _ask_anew_next_time(payment=payment, at=at)
        raise
    payment.keep_session(session_id=state.id, url=state.url, marks=state.metadata)
    if payment.status != Payment.Status.PENDING:
        # Given up while the provider made the page. Nobody has been sent to it, and nobody may be.
        state = gateway.expire_session(state.id)
        payment = settlement.apply(payment=payment, state=state, at=at, cause="opened too late")
        raise AlreadyPaid(order) if payment.is_captured else OrderNotPayable(order)
    if state.amount != order.total:
        # Better no sale than a wrong one: nobody has been sent to the page.
        logger.critical(
            "The page of order %s asks for %s instead of %s", order.number, state.amount, order.total
        )
        state = gateway.expire_session(state.id)
        settlement.apply(payment=payment, state=state, at=at, cause="the page asks for another amount")
        raise ProviderUnavailable
    return payment


def _ask_for_intent(*, payment: Payment, at: datetime) -> tuple[Payment, IntentState]:
    gateway = gateway_for(payment.account)
    order = payment.order
    try:
        state = gateway.open_intent(
            IntentRequest(
                key=payment.key,
                amount=order.total,
                description=_("Order %s") % order.number,
                email=order.email,
                metadata=payment.marks,
            )
        )
    except (GatewayRefused, NotAtProvider):
        _ask_anew_next_time(payment=payment, at=at)
        raise
    payment.keep_intent(intent_id=state.id)
    if payment.status != Payment.Status.PENDING:
        # Given up while the provider made the intent. Nobody has its secret, and nobody may pay it.
        state = gateway.cancel_intent(state.id)
        payment = settlement.apply(payment=payment, state=state, at=at, cause="opened too late")
        raise AlreadyPaid(order) if payment.is_captured else OrderNotPayable(order)
    return payment, state


def _ask_anew_next_time(*, payment: Payment, at: datetime) -> None:
    """The provider said no, and would say it again to the same key; what was made there may be the reason."""
    mirroring.forget(payment=payment)
    _close_without_page(payment=payment, to=Payment.Status.FAILED, at=at, cause="refused by the provider")


def _close_without_page(*, payment: Payment, to: Payment.Status, at: datetime, cause: str) -> None:
    """Close a payment whose page has not reached us, so that nobody was sent to it; payment is as it is then.

    One whose page comes at this moment stays open.
    """
    with transaction.atomic(durable=True):
        unknown = Payment.objects.select_for_update().filter(pk=payment.pk, session_id="", intent_id="")
        if unknown.exists():
            payment.transition(to=to, at=at, cause=cause)
        else:
            payment.refresh_from_db()


def _is_merchandise(line: OrderLine) -> bool:
    return fulfilment.seller_for(line.kind).is_merchandise
