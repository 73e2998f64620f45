"""End the hold of a payment that a person has looked into."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from commerce.models import Payment

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)


class StaysHeld(Exception):
    """The money of the payment fits nothing: it can only be given back."""

    def __init__(self) -> None:
        super().__init__(_("The money does not fit the order. Give it back; the buyer can pay again then."))


def may_release(payment: Payment) -> bool:
    """Whether a hold can end without a refund: the payment is recorded, and its order knows of it."""
    return bool(payment.held_reason) and payment.is_captured


def release(*, payment: Payment, by: User | None) -> bool:
    """Hold a payment no longer; say whether this call ended it. Raises StaysHeld."""
    held = Payment.objects.held().filter(pk=payment.pk)
    ended = held.filter(status__in=Payment.CAPTURED).update(held_reason="", held_facts={})
    if not ended and held.exists():
        raise StaysHeld
    if ended:
        logger.info("Payment %s is held no longer: %s has looked into it", payment.uuid, by)
    payment.refresh_from_db()
    return bool(ended)
