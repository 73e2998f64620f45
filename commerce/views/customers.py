"""Whose cart and orders a request is about: the member's, or those of the visitor's session."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from allauth.core.internal import ratelimit
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from commerce.models import Order
from commerce.models.customers import Customer, new_guest_key
from commerce.services import cart as carts
from commerce.views.answers import refusal

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

GUEST_KEY = "guest_key"
#: How many things are in the cart, for the sign in the header: in the session, so that it costs no query.
CART_COUNT = "cart_count"
RETRY_AFTER = "60"


def customer_of(request: HttpRequest) -> Customer:
    """Who is about to put something in or to buy; a visitor gets a key now, and with it a session."""
    if GUEST_KEY not in request.session and request.user.is_anonymous:
        request.session[GUEST_KEY] = new_guest_key()
    customer = known_customer(request)
    assert customer is not None
    return customer


def known_customer(request: HttpRequest) -> Customer | None:
    """Who asks; None for a visitor who has put nothing in yet. Makes no session."""
    if request.user.is_authenticated:
        return Customer(user=request.user)
    key = request.session.get(GUEST_KEY)
    return Customer(guest_key=key) if key else None


def own_orders(request: HttpRequest) -> Any:
    """The orders and the cart of who asks, and nobody else's."""
    customer = known_customer(request)
    return Order.objects.none() if customer is None else Order.objects.of(customer)


def is_bought_by(request: HttpRequest, order: Order) -> bool:
    """Whether the order is that of who asks."""
    customer = known_customer(request)
    if customer is None:
        return False
    if customer.user is not None:
        return order.buyer_id == customer.user.pk
    return order.buyer_id is None and order.guest_key == customer.guest_key


def remember_cart(request: HttpRequest, cart: Order | None) -> None:
    """Keep the number in the header true."""
    pieces = sum(line.quantity for line in cart.lines.all()) if cart is not None else 0
    if request.session.get(CART_COUNT, 0) != pieces:
        request.session[CART_COUNT] = pieces


def slow_down(request: HttpRequest, *, as_json: bool = False) -> HttpResponse | None:
    """429 for visitors without an account who order too often: what is ordered is set aside for a day.

    None: go on. Members are known, and let be.
    """
    if request.user.is_authenticated:
        return None
    # allauth's own door counts no GET, and `GET /buy/<id>` is one that orders.
    if ratelimit.consume(request, app="allauth.account", action="order_as_guest", limit_get=True):
        return None
    if as_json:
        words = _("That were many orders in a short time. Wait a minute, or sign in.")
        response: HttpResponse = refusal(words, status=HTTPStatus.TOO_MANY_REQUESTS)
    else:
        response = ratelimit.respond_429(request)
    response["Retry-After"] = RETRY_AFTER
    return response


def may_try_code(request: HttpRequest) -> bool:
    """Whether a discount's code may be tried: not by who tries many, whoever they are."""
    return bool(ratelimit.consume(request, app="allauth.account", action="discount_code"))


def bring_cart_along(sender: object, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Somebody signs in: what they put in and ordered before is theirs now. Connected in `commerce.apps`.

    A cart must not keep anybody from signing in: what fails is kept in the session, for the next time.
    """
    session = getattr(request, "session", None)
    if session is None:
        return
    customer = Customer(user=user)
    key = session.get(GUEST_KEY)
    try:
        if key:
            for note in carts.take_over(guest_key=key, customer=customer, at=timezone.now()):
                messages.warning(request, note, fail_silently=True)
            del session[GUEST_KEY]
        remember_cart(request, carts.find(customer))
    except Exception:
        logger.exception("The cart of a visitor could not be given to user %s", user.pk)
