"""A buyer is back from paying on our own page, with the secret of the intent in the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.crypto import constant_time_compare

from commerce.gateways import IntentState
from commerce.models import Order, Payment
from commerce.services import delivery, settlement

SEPARATOR = "_secret_"


class UnknownSecret(LookupError):
    """No payment of ours has an intent with this secret."""


@dataclass(frozen=True, kw_only=True)
class Returned:
    """A payment as it is now, and what the provider said of its intent."""

    payment: Payment
    state: IntentState


def by_secret(*, secret: str, at: datetime) -> Returned:
    """Ask the provider about the intent that a secret opens, and hand over what is paid. Safe at any time.

    Nothing in the address is believed: the provider's own secret must be the same, and what counts is what it
    says. Raises UnknownSecret and gateways.GatewayError.
    """
    intent_id, separator, _rest = secret.partition(SEPARATOR)
    payment = None
    if separator and intent_id:
        known = Payment.objects.filter(intent_id=intent_id, flow=Payment.Flow.INTENT)
        payment = known.select_related("order").first()
    if payment is None:
        raise UnknownSecret
    state = settlement.ask(payment)
    if not isinstance(state, IntentState) or not constant_time_compare(state.client_secret, secret):
        raise UnknownSecret
    payment = settlement.apply(payment=payment, state=state, at=at, cause="return page")
    payment.order.refresh_from_db()
    if payment.order.status == Order.Status.PAID:
        delivery.deliver_order(order=payment.order, at=at)
    return Returned(payment=payment, state=state)
