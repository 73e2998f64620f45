"""The shop's front: the items, one item, and buying it at once."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_safe

from commerce.fulfilment import NotAvailable
from commerce.models import Item, OrderLine
from commerce.services import cart as carts
from commerce.services.stocking import ITEM
from commerce.views.answers import SeeOther, fragments, refusal
from commerce.views.customers import customer_of, own_orders, remember_cart, slow_down
from commerce.views.paying import payment_page_as_json, to_payment_page

ITEMS_ON_A_PAGE = 60


@ensure_csrf_cookie
@require_safe
def item_list(request: HttpRequest) -> HttpResponse:
    """Everything that is for sale."""
    page = Paginator(Item.objects.for_sale(), ITEMS_ON_A_PAGE).get_page(request.GET.get("page"))
    response = TemplateResponse(
        request,
        "commerce/shop.html",
        {"items": page.object_list, "page_obj": page, "total": page.paginator.count},
    )
    # The number in the cart and the forms' token are one visitor's.
    patch_cache_control(response, private=True)
    return response


@ensure_csrf_cookie
@require_safe
def item(request: HttpRequest, pk: int) -> HttpResponse:
    """One item. What is sold no longer is shown to those only who ordered it."""
    found = get_object_or_404(Item, pk=pk)
    if not found.is_for_sale:
        lines = OrderLine.objects.filter(kind=ITEM, reference=str(pk))
        if not own_orders(request).filter(pk__in=lines.values("order")).exists():
            raise Http404
    response = TemplateResponse(
        request,
        "commerce/item.html",
        {"item": found, "structured_data": _structured_data(request, found)},
    )
    patch_cache_control(response, private=True)
    return response


@never_cache
@require_http_methods(["GET", "POST"])
def buy_item(request: HttpRequest, pk: int) -> HttpResponse:
    """Order one of an item and pay it: as JSON for scripts, and by POST of a form straight to the provider.

    Asking again gives the same order and the same payment page.
    """
    by_form = request.method == "POST"
    found = Item.objects.for_sale().filter(pk=pk).first()
    if found is None:
        if by_form:
            raise Http404
        return refusal(_("There is no such item for sale."), status=404)
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and not by_form:
        return refusal(_("Buy it on its page here."), status=403)
    if too_often := slow_down(request, as_json=not by_form):
        return too_often
    try:
        order = carts.buy_now(customer=customer_of(request), item=found, at=timezone.now())
    except (carts.CartRefused, NotAvailable) as refused:
        if not by_form:
            return refusal(refused)
        messages.error(request, str(refused))
        return SeeOther(reverse("commerce:item", args=[pk]))
    return to_payment_page(request, order) if by_form else payment_page_as_json(request, order)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def add_to_order(request: HttpRequest, pk: int) -> HttpResponse:
    """Put one of an item into the cart, by POST. Following a link only shows the item."""
    found = get_object_or_404(Item.objects.for_sale(), pk=pk)
    if request.method != "POST":
        messages.info(request, _("Press “Add to cart” to put it into your cart."))
        return SeeOther(reverse("commerce:item", args=[pk]))
    try:
        cart = carts.add(customer=customer_of(request), item=found, at=timezone.now())
    except (carts.CartRefused, NotAvailable) as refused:
        if request.htmx:
            return fragments(request, "commerce/components/cart_changed.html", {"refusal": refused})
        messages.error(request, str(refused))
        return SeeOther(reverse("commerce:item", args=[pk]))
    remember_cart(request, cart)
    if request.htmx:
        return fragments(request, "commerce/components/cart_changed.html", {"added": found})
    messages.success(request, _("“%s” is in your cart.") % found)
    return SeeOther(reverse("commerce:cart"))


def _structured_data(request: HttpRequest, found: Item) -> dict[str, Any]:
    """The item for search engines (schema.org), with the price and the stock that the page shows."""
    address = request.build_absolute_uri(reverse("commerce:item", args=[found.pk]))
    described: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "@id": address,
        "url": address,
        "name": found.name,
        "description": found.description,
        "sku": str(found.pk),
        "offers": {
            "@type": "Offer",
            "url": address,
            "price": str(found.price_money.amount),
            "priceCurrency": found.currency,
            "availability": _availability(found),
        },
    }
    if found.picture:
        described["image"] = request.build_absolute_uri(found.picture.url)
    return described


def _availability(found: Item) -> str:
    if not found.is_for_sale:
        return "https://schema.org/Discontinued"
    return "https://schema.org/InStock" if found.is_in_stock else "https://schema.org/OutOfStock"
