"""The way to the provider and back: payment pages, the page that one pays on here, and what became of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from commerce import fulfilment
from commerce.gateways import GatewayError, IntentState
from commerce.models import Order, Payment
from commerce.services import checkout, returning, underway
from commerce.views.answers import SeeOther, named, refusal, wants_json
from commerce.views.customers import is_bought_by, own_orders

# Where the real Stripe.js has its frames, and where it asks; a stand-in has all of it at its own address.
STRIPE_FRAMES = ("https://*.js.stripe.com", "https://hooks.stripe.com")
STRIPE_HOST = "js.stripe.com"


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
    if order.status == Order.Status.PAID:
        # A discount has left nothing to pay.
        return SeeOther(reverse("commerce:order", args=[order.pk]))
    try:
        payment = checkout.open_session(order=order, urls=return_urls(request, order), at=timezone.now())
    except checkout.CheckoutRefused as refused:
        messages.error(request, str(refused))
        return redirect("commerce:order", pk=order.pk)
    return SeeOther(payment.session_url)


def payment_page_as_json(request: HttpRequest, order: Order) -> JsonResponse:
    """Session and address of the payment page of an order, for a script that sends the browser there."""
    if order.status == Order.Status.PAID:
        address = request.build_absolute_uri(reverse("commerce:order", args=[order.pk]))
        return JsonResponse({"sessionId": None, "url": address})
    try:
        payment = checkout.open_session(order=order, urls=return_urls(request, order), at=timezone.now())
    except checkout.ProviderUnavailable as refused:
        return refusal(refused, status=503)
    except checkout.CheckoutRefused as refused:
        return refusal(refused)
    return JsonResponse({"sessionId": payment.session_id, "url": payment.session_url})


def ways_to_pay(order: Order) -> dict[str, bool]:
    """Whether an order may be paid now, and on our own page too; or whether its money has been sent."""
    is_held = order.payments.held().exists()
    is_on_its_way = not is_held and underway.is_on_its_way(order)
    may_pay = order.may_be_paid(at=timezone.now()) and not is_held and not is_on_its_way
    return {
        "is_held": is_held,
        "is_on_its_way": is_on_its_way,
        "may_pay": may_pay,
        "may_pay_here": may_pay and bool(publishable_key(order)),
    }


def publishable_key(order: Order) -> str:
    return settings.STRIPE_ACCOUNTS.get(order.account, {}).get("publishable_key", "")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def buy_order(request: HttpRequest, pk: int) -> HttpResponse:
    """Pay one's own order: 303 to the provider's page, or its address as JSON for who asks for that.

    A browser that comes by GET, as after signing in, is led to the order.
    """
    order = own_orders(request).filter(pk=pk).first()
    if order is None:
        return nobodys(request, pk)
    if wants_json(request) and request.method != "HEAD":
        return payment_page_as_json(request, order)
    if request.method != "POST":
        return SeeOther(reverse("commerce:order", args=[pk]))
    return to_payment_page(request, order)


def nobodys(request: HttpRequest, pk: int) -> HttpResponse:
    """Not there for who asks. A visitor may sign in: it may be theirs."""
    if wants_json(request):
        return refusal(_("You have no such order."), status=404)
    if request.user.is_anonymous:
        return redirect_to_login(reverse("commerce:order", args=[pk]))
    return get_object_or_404(Order.objects.none())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pay_here(request: HttpRequest, pk: int) -> HttpResponse:
    """The page that takes the card; its script asks for the intent by POST, and nothing is opened before."""
    order = own_orders(request).filter(pk=pk).first()
    if order is None:
        return nobodys(request, pk)
    if request.method == "POST":
        return _intent(order)
    if not ways_to_pay(order)["may_pay_here"]:
        return SeeOther(reverse("commerce:order", args=[pk]))
    origin = urlsplit(settings.STRIPE_JS_URL)
    provider = f"{origin.scheme}://{origin.netloc}"
    is_real = origin.hostname == STRIPE_HOST
    show = csp_update(
        {
            "script-src": [provider, *STRIPE_FRAMES[: int(is_real)]],
            "frame-src": [provider, *(STRIPE_FRAMES if is_real else ())],
            "connect-src": [settings.STRIPE_API_BASE if is_real else provider],
            "form-action": [provider],
        }
    )(TemplateResponse)
    return show(
        request,
        "commerce/pay_here.html",
        {
            "order": order,
            "lines": shown_lines(order),
            "stripe_js_url": settings.STRIPE_JS_URL,
            "publishable_key": publishable_key(order),
            "return_url": request.build_absolute_uri(reverse("commerce:intent_status")),
        },
    )


def _intent(order: Order) -> JsonResponse:
    try:
        _payment, state = checkout.open_intent(order=order, at=timezone.now())
    except checkout.ProviderUnavailable as refused:
        return refusal(refused, status=503)
    except checkout.CheckoutRefused as refused:
        return refusal(refused)
    return JsonResponse({"clientSecret": state.client_secret, "status": state.status})


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
    found.order.refresh_from_db()
    return _outcome_page(request, found.order, outcome(found))


@never_cache
@require_safe
def checkout_cancel(request: HttpRequest) -> HttpResponse:
    """The buyer turned back at the provider's page; the order waits, if it was not paid by another."""
    found = get_object_or_404(Order, number=named(request, "order"))
    ways = ways_to_pay(found)
    # Paid in another window meanwhile, by a slow method perhaps, or in a way that a person looks at.
    if ways["is_held"]:
        return _outcome_page(request, found, "held")
    if found.status == Order.Status.PAID:
        return _outcome_page(request, found, "paid")
    if ways["is_on_its_way"]:
        return _outcome_page(request, found, "pending")
    return TemplateResponse(
        request,
        "commerce/checkout_cancel.html",
        {
            **ways,
            "may_pay_later": ways["may_pay"],
            "pay_later_until": found.payable_until,
            "has_account": found.buyer_id is not None,
            **for_buyer(request, found),
        },
    )


@never_cache
@require_safe
def intent_status(request: HttpRequest) -> HttpResponse:
    """Back from paying on our own page; as `checkout_return`. Without a secret there is nothing to tell."""
    secret = named(request, "payment_intent_client_secret") or named(request, "pi_secret")
    if not secret:
        return TemplateResponse(request, "commerce/checkout_return.html", {"outcome": "unnamed"})
    try:
        returned = returning.by_secret(secret=secret, at=timezone.now())
    except returning.UnknownSecret:
        return TemplateResponse(request, "commerce/checkout_return.html", {"outcome": "unknown"}, status=404)
    except GatewayError:
        return TemplateResponse(request, "commerce/checkout_return.html", {"outcome": "pending"})
    told = outcome_of_intent(returned.payment, returned.state)
    returned.payment.order.refresh_from_db()
    page = _outcome_page(request, returned.payment.order, told)
    page.context_data.update({"intent_status": returned.state.status, "intent_secret": secret})
    return page


@never_cache
@require_safe
def intent_check(request: HttpRequest) -> JsonResponse:
    """What the provider says of an intent now, after bringing the order in line with it."""
    secret = named(request, "pi_secret")
    if not secret:
        return refusal(_("Name the intent: ?pi_secret=…"), status=400, intentSecret="")
    try:
        returned = returning.by_secret(secret=secret, at=timezone.now())
    except returning.UnknownSecret:
        return refusal(_("No payment has this secret."), status=404, intentSecret=secret)
    except GatewayError:
        return refusal(checkout.ProviderUnavailable(), status=503, intentSecret=secret)
    return JsonResponse({"intentSecret": secret, "status": returned.state.status})


def _outcome_page(request: HttpRequest, order: Order, told: str) -> TemplateResponse:
    ways = ways_to_pay(order) if told in ("expired", "failed") else {}
    return TemplateResponse(
        request,
        "commerce/checkout_return.html",
        {
            "outcome": told,
            "has_account": order.buyer_id is not None,
            **ways,
            **for_buyer(request, order),
        },
    )


def outcome(payment: Payment) -> str:
    """What the return page says: paid, pending, expired, failed, held or refunded."""
    if payment.held_reason:
        return "held"
    if payment.order.status == Order.Status.PAID:
        return "paid"
    if payment.is_captured:
        # Of an order given up meanwhile the money goes back when the goods are gone.
        return "paid" if payment.order.status == Order.Status.AWAITING_PAYMENT else "refunded"
    return {
        Payment.Status.EXPIRED: "expired",
        Payment.Status.CANCELLED: "expired",
        Payment.Status.FAILED: "failed",
    }.get(Payment.Status(payment.status), "pending")


def outcome_of_intent(payment: Payment, state: IntentState) -> str:
    """As `outcome`; an intent that waits for another card has failed so far."""
    told = outcome(payment)
    if told == "pending" and not state.is_under_way and not state.is_paid:
        return "failed"
    return told


def for_buyer(request: HttpRequest, found: Order) -> dict[str, Any]:
    """The order and its lines when the one who asks bought them; nothing about them otherwise."""
    if not is_bought_by(request, found):
        return {"is_buyer": False, "order": None, "lines": []}
    return {"is_buyer": True, "order": found, "lines": shown_lines(found)}


def shown_lines(found: Order) -> list[dict[str, Any]]:
    """Kind, title, price, address and state of delivery of each line."""
    return [
        {
            "kind": line.kind,
            "title": line.title,
            "unit_price": line.unit_price,
            "total": line.total,
            "quantity": line.quantity,
            "url": fulfilment.seller_for(line.kind).url(line),
            "is_delivered": line.fulfilled_at is not None,
        }
        for line in found.lines.select_related("order")
    ]
