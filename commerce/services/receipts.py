"""Receipts to visitors, by the address they gave here or at the provider. They have no account and no inbox.

`Order.receipt_due_at` is the queue: set in the transaction that made the order paid, pushed away before each
attempt, and emptied when the letter has gone out or is given up. A letter may go out twice only when the
process dies between the mail server's "accepted" and our note of it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import translation
from django_q.tasks import async_task

from commerce.models import Order
from commerce.notifications import receipt_words

logger = logging.getLogger(__name__)

FIRST_WAIT = timedelta(minutes=10)
LONGEST_WAIT = timedelta(hours=6)
MAX_ATTEMPTS = 10
SWEEP_AT_MOST = 500
FOLDER = "commerce/email/order_paid"


def keep_address(*, order: Order, email: str) -> None:
    """Write down where a visitor's receipt goes, unless that is known; what is no address is passed over."""
    if order.buyer_id is not None or not email:
        return
    try:
        validate_email(email)
    except ValidationError:
        logger.warning("The provider tells an address for order %s that is none", order)
        return
    Order.objects.filter(pk=order.pk, email="").update(email=email)
    order.refresh_from_db()


def ask_for(*, order: Order, at: datetime) -> bool:
    """Have the receipt of a visitor's paid order sent when the transaction is over; say whether it will be.

    Not when nobody knows where to, and not a second time.
    """
    rows = Order.objects.filter(pk=order.pk, receipt_due_at__isnull=True, receipt_attempts=0)
    if not rows.exclude(email="").update(receipt_due_at=at):
        return False
    transaction.on_commit(lambda: async_task("commerce.tasks.send_receipt", order.pk), robust=True)
    return True


def send(*, order_id: int, at: datetime) -> bool:
    """Send the receipt of an order if it is due; say whether it went out by this call.

    Talks to the mail server, so call it outside any transaction. A failure is tried again by the sweep.
    """
    # Claimed before the attempt, so that one that takes its process down counts as well.
    order = Order.objects.filter(pk=order_id, receipt_due_at__lte=at).first()
    if order is None:
        return False
    wait = min(FIRST_WAIT * 2 ** min(order.receipt_attempts, 20), LONGEST_WAIT)
    claimed = Order.objects.filter(pk=order_id, receipt_due_at__lte=at).update(
        receipt_attempts=F("receipt_attempts") + 1, receipt_due_at=at + wait
    )
    if not claimed:
        return False
    try:
        letter(order=order).send()
    except Exception:
        # Whatever templates or mail providers raise must not lose the letter.
        logger.exception("The receipt of order %s could not be sent", order)
        if order.receipt_attempts + 1 >= MAX_ATTEMPTS:
            logger.error("The receipt of order %s is given up", order)
            Order.objects.filter(pk=order_id).update(receipt_due_at=None)
        return False
    Order.objects.filter(pk=order_id).update(receipt_due_at=None)
    return True


def sweep(*, at: datetime) -> int:
    """Send what is due, the oldest first, at most SWEEP_AT_MOST; give the number sent."""
    due = Order.objects.filter(receipt_due_at__lte=at).order_by("receipt_due_at", "pk")
    return sum(send(order_id=pk, at=at) for pk in list(due.values_list("pk", flat=True)[:SWEEP_AT_MOST]))


def letter(*, order: Order) -> EmailMultiAlternatives:
    """The letter with the receipt, in the portal's language: nothing tells a visitor's later."""
    words = {
        **receipt_words(order=order.pk),
        "recipient": None,
        "portal_name": settings.PORTAL_NAME,
        "portal_url": settings.PORTAL_BASE_URL,
    }
    with translation.override(settings.LANGUAGE_CODE):
        subject = " ".join(render_to_string(f"{FOLDER}/subject.txt", words).split())
        text = render_to_string(f"{FOLDER}/body.txt", words)
        html = render_to_string(f"{FOLDER}/body.html", words)
    mail = EmailMultiAlternatives(
        subject, text, settings.DEFAULT_FROM_EMAIL, [order.email], connection=get_connection()
    )
    mail.attach_alternative(html, "text/html")
    return mail
