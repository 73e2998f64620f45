"""The cart: its page and its parts, and the plain JSON that scripts change it by."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from commerce.forms import DiscountCodeForm, GuestForm, ItemIdForm, QuantityForm, posted
from commerce.fulfilment import NotAvailable
from commerce.models import Item, Order, OrderDiscount, Tax
from commerce.models.customers import Customer
from commerce.money import Money
from commerce.services import cart as carts
from commerce.services import ordering
from commerce.services.discounting import DiscountRefused
from commerce.views.answers import SeeOther, fragments, refusal
from commerce.views.customers import (
    customer_of,
    known_customer,
    may_try_code,
    remember_cart,
    slow_down,
)


@never_cache
@ensure_csrf_cookie
@require_safe
def cart(request: HttpRequest) -> HttpResponse:
    """What is in the cart, at today's prices, and what has changed since it was put in."""
    found = _find(request)
    notes = carts.refresh(cart=found, at=timezone.now()) if found is not None else []
    if notes:
        found = _find(request)
    remember_cart(request, found)
    return TemplateResponse(request, "commerce/cart.html", _shown(found, notes=notes))


@never_cache
@require_POST
def set_quantity(request: HttpRequest, pk: int) -> HttpResponse:
    """So many of an item; none takes it out."""
    found = get_object_or_404(Item, pk=pk)
    form = QuantityForm(request.POST)
    if not form.is_valid():
        return _changed(request, notes=[_("Write a whole number, such as 2.")])
    try:
        if form.wanted:
            carts.set_quantity(
                customer=customer_of(request), item=found, quantity=form.wanted, at=timezone.now()
            )
        elif customer := known_customer(request):
            carts.remove(customer=customer, item_id=found.pk, at=timezone.now())
    except (carts.CartRefused, NotAvailable) as refused:
        return _changed(request, notes=[str(refused)])
    if not form.wanted:
        return _changed(request, told=_("“%s” is no longer in your cart.") % found)
    return _changed(
        request, told=_("“%(item)s”: %(quantity)d in your cart.") % {"item": found, "quantity": form.wanted}
    )


@never_cache
@require_POST
def set_discount(request: HttpRequest) -> HttpResponse:
    """Take a code, or with none take the discount off."""
    customer = known_customer(request)
    if customer is not None and "drop" in request.POST:
        carts.drop_discount(customer=customer, at=timezone.now())
        return _changed(request, told=_("The discount is taken off."))
    form = DiscountCodeForm(request.POST)
    if form.is_valid() and not may_try_code(request):
        form.add_error("code", _("That were many codes in a short time. Wait a minute, and try again."))
    if form.is_valid():
        try:
            if customer is None:
                raise carts.EmptyCart
            carts.ask_for_discount(customer=customer, code=form.cleaned_data["code"], at=timezone.now())
        except (carts.CartRefused, DiscountRefused) as refused:
            form.add_error("code", str(refused))
        else:
            return _changed(request, told=_("The discount is taken into account."))
    return _changed(request, code_form=form)


@never_cache
@require_POST
def place(request: HttpRequest) -> HttpResponse:
    """Order what is in the cart, and go on to its page, where it is paid."""
    if too_often := slow_down(request):
        return too_often
    customer = known_customer(request)
    if customer is None:
        return SeeOther(reverse("commerce:cart"))
    form = GuestForm(request.POST)
    if not form.is_valid():
        # The address stays in the field, with what is wrong about it.
        shown = _shown(_find(request), guest_form=form)
        return TemplateResponse(request, "commerce/cart.html", shown, status=422)
    try:
        placed = carts.place(customer=customer, email=form.cleaned_data["email"], at=timezone.now())
    except carts.EmptyCart:
        # The other half of a double click has placed it.
        remember_cart(request, None)
        return SeeOther(reverse("commerce:orders"))
    except (carts.CartRefused, NotAvailable, DiscountRefused) as refused:
        messages.error(request, str(refused))
        return SeeOther(reverse("commerce:cart"))
    # What was kept for later may have come into the next cart.
    remember_cart(request, carts.find(customer))
    return SeeOther(reverse("commerce:order", args=[placed.pk]))


# --- Plain JSON --------------------------------------------------------------------------------------------
@never_cache
@require_POST
def add_by_id(request: HttpRequest) -> JsonResponse:
    form = ItemIdForm.read(request)
    if not form.is_valid():
        return _not_added(None, _('Name the item: {"itemId": 1}'), status=400)
    item_id = form.cleaned_data["itemId"]
    found = Item.objects.for_sale().filter(pk=item_id).first()
    if found is None:
        return _not_added(item_id, _("There is no such item for sale."), status=404)
    try:
        changed = carts.add(customer=customer_of(request), item=found, at=timezone.now())
    except (carts.CartRefused, NotAvailable) as refused:
        return _not_added(item_id, refused)
    remember_cart(request, changed)
    # "addedd" is what existing clients read.
    return JsonResponse({"itemId": item_id, "added": True, "addedd": True})


@never_cache
@require_POST
def remove_by_id(request: HttpRequest) -> JsonResponse:
    form = ItemIdForm.read(request)
    if not form.is_valid():
        return refusal(_('Name the item: {"itemId": 1}'), status=400, itemId=None, removed=False)
    item_id = form.cleaned_data["itemId"]
    customer = known_customer(request)
    removed = customer is not None and carts.remove(customer=customer, item_id=item_id, at=timezone.now())
    remember_cart(request, _find(request))
    return JsonResponse({"itemId": item_id, "removed": removed})


@never_cache
@require_POST
def order_all(request: HttpRequest) -> HttpResponse:
    if too_often := slow_down(request, as_json=True):
        return too_often
    customer = known_customer(request)
    form = GuestForm(posted(request))
    if not form.is_valid():
        words = _("That is no e-mail address: the receipt would not arrive.")
        return refusal(words, status=400, orderCreated=False)
    try:
        if customer is None:
            raise carts.EmptyCart
        placed = carts.place(customer=customer, email=form.cleaned_data["email"], at=timezone.now())
    except carts.EmptyCart:
        return JsonResponse({"orderCreated": False}, status=400)
    except (carts.CartRefused, NotAvailable, DiscountRefused) as refused:
        return refusal(refused, orderCreated=False)
    remember_cart(request, carts.find(customer))
    return JsonResponse({"orderId": placed.pk, "orderCreated": True}, status=201)


def _not_added(item_id: int | None, words: object, *, status: int = 409) -> JsonResponse:
    return refusal(words, status=status, itemId=item_id, added=False, addedd=False)


# --- What the page shows -----------------------------------------------------------------------------------
def _find(request: HttpRequest) -> Order | None:
    customer = known_customer(request)
    return carts.find(customer) if customer is not None else None


def _changed(
    request: HttpRequest,
    *,
    told: str = "",
    notes: list[str] | None = None,
    code_form: DiscountCodeForm | None = None,
) -> HttpResponse:
    """The cart as it is now: its part of the page for HTMX, else the page by way of its address."""
    found = _find(request)
    remember_cart(request, found)
    if request.htmx:
        context = {**_shown(found, notes=notes, code_form=code_form), "told": told}
        return fragments(request, "commerce/components/cart_exchanged.html", context)
    if code_form is not None:
        # The words stay in the field, with what is wrong about them.
        context = _shown(found, notes=notes, code_form=code_form)
        return TemplateResponse(request, "commerce/cart.html", context, status=422)
    for note in notes or []:
        messages.error(request, note)
    if told:
        messages.success(request, told)
    return SeeOther(reverse("commerce:cart"))


def _shown(
    found: Order | None,
    *,
    notes: list[str] | None = None,
    code_form: DiscountCodeForm | None = None,
    guest_form: GuestForm | None = None,
) -> dict[str, Any]:
    """Lines with their items, and what they come to with the discount that ordering would give."""
    context: dict[str, Any] = {"cart": None, "lines": [], "kept": [], "notes": notes or []}
    if found is None:
        return context
    if found.buyer is not None:
        context["kept"] = carts.kept(Customer(user=found.buyer))
    lines = list(found.lines.all())
    if not lines:
        return context
    items = {str(item.pk): item for item in Item.objects.filter(pk__in=[line.reference for line in lines])}
    attached = OrderDiscount.objects.filter(order=found).select_related("discount").first()
    taxes = list(Tax.objects.on(found.currency).order_by("pk"))
    reckoned = ordering.reckon(order=found, lines=_with_order(lines, found), taxes=taxes)
    return {
        **context,
        "cart": found,
        "lines": [
            {
                "item": items.get(line.reference),
                "title": line.title,
                "quantity": line.quantity,
                "unit_price": Money.from_minor(line.unit_price_minor, found.currency),
                "total": Money.from_minor(line.unit_price_minor, found.currency) * line.quantity,
            }
            for line in lines
        ],
        "discount": attached,
        # What comes by itself cannot be taken off; a code may still take its place.
        "may_drop_discount": attached is not None and bool(attached.discount.code),
        "taxes": [
            {"tax": tax, "amount": amount}
            for tax, amount in zip(taxes, reckoned.taxes, strict=True)
            if amount
        ],
        "code_form": code_form or DiscountCodeForm(),
        # Members have an address; visitors may give one.
        "guest_form": (guest_form or GuestForm()) if found.buyer is None else None,
    }


def _with_order(lines: list[Any], found: Order) -> list[Any]:
    for line in lines:
        line.order = found
    return lines
