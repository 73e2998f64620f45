"""The way from a loan to its payment."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from commerce.fulfilment import NotAvailable
from commerce.models import Payment
from commerce.services.checkout import CheckoutRefused
from commerce.services.receiving import ReceivingRefused
from commerce.templatetags.money import money
from commerce.views import SeeOther, return_urls
from library.models import Borrowing, Charge
from library.services import charging

LOANS = "library:loans"


def address_of_loan(borrowing: Borrowing) -> str:
    """Where a member sees a loan."""
    return f"{reverse(LOANS)}#loan-{borrowing.pk}"


def to_payment(request: HttpRequest, borrowing: Borrowing) -> HttpResponse:
    """Send a member to pay the oldest unpaid charge of a loan; to the loan when there is none."""
    charge = charging.payable_of(borrowing=borrowing)
    if charge is None:
        return SeeOther(address_of_loan(borrowing))
    return pay(request, charge)


def pay(request: HttpRequest, charge: Charge) -> HttpResponse:
    """Send a member to the page to pay a charge; to the loan, with the reason, when that cannot be."""
    at = timezone.now()
    try:
        order = charging.order_to_pay(charge=charge, at=at)
        urls = return_urls(request, order)
        payment = charging.begin_payment(order=order, urls=urls, at=at, by=request.user)
    except charging.ChargeSettled as refusal:
        messages.info(request, str(refusal))
    except (NotAvailable, CheckoutRefused, ReceivingRefused) as refusal:
        messages.error(request, str(refusal))
    else:
        if payment.method == Payment.Method.STRIPE:
            return SeeOther(payment.session_url)
        words = _("%s is too little for a card: pay it at the desk.")
        messages.info(request, words % money(order.total))
    return SeeOther(address_of_loan(charge.borrowing))
