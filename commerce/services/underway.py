"""Whether the money of an unpaid order is on its way: its buyer has done their part, and pays no more."""

from __future__ import annotations

import logging

from commerce.gateways import GatewayError, IntentState, SessionState, SessionStatus
from commerce.models import Order, Payment
from commerce.services import settlement

logger = logging.getLogger(__name__)

#: The provider's notices of a buyer who chose a slow method, or of one who has paid.
NOTICES = ("checkout.session.completed", "payment_intent.processing")


def is_on_its_way(order: Order) -> bool:
    """Whether what was begun to be paid needs nothing but time.

    The provider is asked, and only when it gave notice before; when it does not answer, the notice counts.
    Talks to the network then; call it outside transactions.
    """
    if order.status != Order.Status.AWAITING_PAYMENT:
        return False
    payment: Payment | None = order.payments.pending().filter(events__kind__in=NOTICES).first()
    if payment is None or not payment.is_at_provider:
        return False
    try:
        state = settlement.ask(payment)
    except GatewayError:
        logger.exception("Whether the money of payment %s is on its way is not known", payment.uuid)
        return True
    return _is_under_way(state)


def _is_under_way(state: SessionState | IntentState) -> bool:
    if isinstance(state, IntentState):
        return state.is_paid or state.is_under_way
    return state.status is SessionStatus.COMPLETE and not state.has_failed
