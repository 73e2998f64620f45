"""Pages around paying: an order, the way to the provider, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from commerce import fulfilment
from commerce.models import Order, Payment
from commerce.services import checkout

if TYPE_CHECKING:
    from accounts.models import User


class SeeOther(HttpResponseRedirect):
    """303: whatever was posted, go on with GET."""

    status_code = 303


def return_urls(request: HttpRequest, order: Order) -> checkout.ReturnUrls:
    """Absolute addresses on the host that the buyer is using."""
    success = request.build_absolute_uri(reverse("commerce:checkout_return"))
    cancel = request.build_absolute_uri(reverse("commerce:checkout_cancel"))
    return checkout.ReturnUrls(
        # The provider fills the braces in, so they must not be percent-encoded.
        success=f"{success}?session_id={{CHECKOUT_SESSION_ID}}",
        cancel=f"{cancel}?order={order.number}",
    )


def to_payment_page(request: HttpRequest, order: Order) -> HttpResponse:
    """Send the buyer of an order to the provider; when that cannot be, to the order, with the reason."""
    try:
        payment = checkout.open_session(order=order, urls=return_urls(request, order), at=timezone.now())
    except checkout.CheckoutRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("commerce:order", pk=order.pk)
    return SeeOther(payment.session_url)


@never_cache
@login_required
@require_safe
def order(request: HttpRequest, pk: int) -> HttpResponse:
    """One's own order; anybody else's is not there."""
    found = get_object_or_404(Order.objects.by(request.user), pk=pk)
    return TemplateResponse(
        request,
        "commerce/order.html",
        {
            "order": found,
            "lines": shown_lines(found),
            "payment": found.payments.first(),
            "may_pay": found.may_be_paid(at=timezone.now()),
        },
    )


def buy_order(request: HttpRequest, pk: int) -> HttpResponse:
    """Pay one's own order: 303 to the provider's page. By GET, or after signing in: to the order."""
    address = reverse("commerce:order", args=[pk])
    if request.user.is_anonymous:
        return redirect_to_login(address)
    if request.method != "POST":
        return SeeOther(address)
    return to_payment_page(request, get_object_or_404(Order.objects.by(request.user), pk=pk))


@never_cache
@require_safe
def checkout_return(request: HttpRequest) -> HttpResponse:
    """Back from the provider. The address is not trusted: the provider is asked what happened.

    Works for anyone who has the address, in any browser; what was bought is shown to its buyer only.
    """
    session_id = named(request, "session_id")
    payment = Payment.objects.filter(session_id=session_id).exclude(session_id="").select_related("order")
    found = payment.first()
    if found is None:
        return TemplateResponse(request, "commerce/checkout_return.html", {"outcome": "unknown"}, status=404)
    found = checkout.complete(payment=found, at=timezone.now())
    return TemplateResponse(
        request,
        "commerce/checkout_return.html",
        {
            "outcome": outcome(found),
            "may_pay": found.order.may_be_paid(at=timezone.now()),
            **for_buyer(request, found.order),
        },
    )


@never_cache
@require_safe
def checkout_cancel(request: HttpRequest) -> HttpResponse:
    """The buyer turned back at the provider's page; the order waits, if it was not paid by another."""
    found = get_object_or_404(Order, number=named(request, "order"))
    if found.status == Order.Status.PAID:
        context = {"outcome": "paid", **for_buyer(request, found)}
        return TemplateResponse(request, "commerce/checkout_return.html", context)
    return TemplateResponse(
        request,
        "commerce/checkout_cancel.html",
        {
            "may_pay_later": found.may_be_paid(at=timezone.now()),
            "pay_later_until": found.payable_until,
            **for_buyer(request, found),
        },
    )


def named(request: HttpRequest, name: str) -> str:
    """A parameter of the address; empty when it is missing, or nothing that a database can look for."""
    value = request.GET.get(name, "")
    return "" if "\x00" in value else value


def outcome(payment: Payment) -> str:
    """What the return page says: paid, pending, expired, failed or held."""
    if payment.held_reason:
        return "held"
    if payment.is_captured or payment.order.status == Order.Status.PAID:
        return "paid"
    return {
        Payment.Status.EXPIRED: "expired",
        Payment.Status.CANCELLED: "expired",
        Payment.Status.FAILED: "failed",
    }.get(Payment.Status(payment.status), "pending")


def for_buyer(request: HttpRequest, found: Order) -> dict[str, Any]:
    """The order and its lines when the one who asks bought them; nothing about them otherwise."""
    buyer: User = found.buyer
    if request.user != buyer:
        return {"is_buyer": False, "order": None, "lines": []}
    return {"is_buyer": True, "order": found, "lines": shown_lines(found)}


def shown_lines(found: Order) -> list[dict[str, Any]]:
    """Title, price, address and state of delivery of each line."""
    return [
        {
            "title": line.title,
            "total": line.total,
            "quantity": line.quantity,
            "url": fulfilment.seller_for(line.kind).url(line),
            "is_delivered": line.fulfilled_at is not None,
        }
        for line in found.lines.select_related("order")
    ]
