"""One's orders: the list, one of them, giving it up, and its receipt."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from commerce.gateways import GatewayError
from commerce.models import Order, OrderDiscount, Payment, Refund
from commerce.services import checkout
from commerce.views.answers import SeeOther
from commerce.views.customers import own_orders
from commerce.views.paying import nobodys, shown_lines, ways_to_pay

logger = logging.getLogger(__name__)

ORDERS_ON_A_PAGE = 20


@never_cache
@require_safe
def order_list(request: HttpRequest) -> HttpResponse:
    """One's orders, the newest first. A visitor sees those of this browser."""
    placed = own_orders(request).exclude(status=Order.Status.OPEN).prefetch_related("lines")
    placed = placed.annotate(is_held=Exists(Payment.objects.held().filter(order=OuterRef("pk"))))
    page = Paginator(placed, ORDERS_ON_A_PAGE).get_page(request.GET.get("page"))
    now = timezone.now()
    shown = [
        {
            "order": order,
            "lines": list(order.lines.all()),
            "may_pay": order.may_be_paid(at=now) and not order.is_held,
        }
        for order in page
    ]
    return TemplateResponse(
        request,
        "commerce/orders.html",
        {"orders": shown, "page_obj": page},
    )


@never_cache
@require_safe
def order(request: HttpRequest, pk: int) -> HttpResponse:
    """One's own order; anybody else's is not there. The one that is open still is the cart."""
    found = own_orders(request).filter(pk=pk).first()
    if found is None:
        return nobodys(request, pk)
    if found.status == Order.Status.OPEN:
        return SeeOther(reverse("commerce:cart"))
    payments = list(found.payments.all())
    ways = ways_to_pay(found)
    return TemplateResponse(
        request,
        "commerce/order.html",
        {
            **_amounts(found),
            "lines": shown_lines(found),
            "payment": payments[0] if payments else None,
            "history": list(found.status_changes.all()),
            "may_cancel": found.status == Order.Status.AWAITING_PAYMENT and not ways["is_on_its_way"],
            **ways,
        },
    )


@never_cache
@require_POST
def cancel_order(request: HttpRequest, pk: int) -> HttpResponse:
    """Give one's own unpaid order up; what was set aside for it is free again."""
    found = own_orders(request).filter(pk=pk).first()
    if found is None:
        return nobodys(request, pk)
    actor = request.user if request.user.is_authenticated else None
    try:
        if found.status == Order.Status.AWAITING_PAYMENT and checkout.give_up(
            order=found, at=timezone.now(), cause="cancelled by the buyer", actor=actor
        ):
            messages.success(request, _("Order %s is cancelled. Nothing was charged.") % found)
        else:
            messages.error(request, _not_cancelled(found))
    except GatewayError:
        logger.exception("Order %s could not be cancelled by its buyer", found)
        messages.error(request, str(checkout.ProviderUnavailable()))
    return SeeOther(reverse("commerce:order", args=[pk]))


def _not_cancelled(found: Order) -> str:
    found.refresh_from_db()
    if found.status == Order.Status.PAID:
        return _("Order %s is paid already, so it was not cancelled.") % found
    if found.status == Order.Status.AWAITING_PAYMENT:
        return _("A payment for order %s is on its way, so it was not cancelled.") % found
    return _("Order %(order)s is %(status)s already.") % {
        "order": found,
        "status": found.get_status_display(),
    }


@never_cache
@require_safe
def receipt(request: HttpRequest, pk: int) -> HttpResponse:
    """What was paid and given back, to print. There is none before anything was paid."""
    found = own_orders(request).filter(pk=pk).first()
    if found is None:
        return nobodys(request, pk)
    if found.paid_at is None:
        raise Http404
    payments = found.payments.filter(status__in=Payment.CAPTURED)
    refunds = Refund.objects.standing().filter(payment__order=found).select_related("payment")
    return TemplateResponse(
        request,
        "commerce/receipt.html",
        {
            **_amounts(found),
            "lines": shown_lines(found),
            "payments": list(payments),
            "refunds": list(refunds.order_by("created_at", "pk")),
            "seller_name": settings.SELLER_NAME,
            "seller_address": settings.SELLER_ADDRESS,
        },
    )


def _amounts(found: Order) -> dict[str, Any]:
    """What a placed order comes to, as it was frozen."""
    taxes = list(found.taxes.all())
    for tax in taxes:
        tax.order = found
    return {
        "order": found,
        "discount": OrderDiscount.objects.filter(order=found).first(),
        "taxes": [{"tax": tax, "amount": tax.amount} for tax in taxes],
    }
