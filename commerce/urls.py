"""Addresses of the shop and of paying, and of the providers' notifications.

Clients spell the shop's addresses with a slash at the end and without: both are there. Ours have it.
"""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from commerce import webhooks
from commerce.views import cart, orders, paying, pictures, shop

app_name = "commerce"


def both(route: str, view: Callable[..., Any], name: str = "") -> list[URLPattern]:
    """A route, and the same without its last slash, which no link of ours uses."""
    return [path(route, view, name=name or None), path(route.removesuffix("/"), view)]


urlpatterns = [
    # The shop
    *both("shop/", shop.item_list, "shop"),
    *both("v2/item/list/", shop.item_list, "item_list"),
    *both("item/<int:pk>/", shop.item, "item"),
    *both("v1/item/<int:pk>/", shop.item),
    path(
        "item/<int:pk>/picture/<slug:key>/<slug:shape>-<int:width>.webp",
        pictures.item_picture,
        name="item_picture",
    ),
    *both("buy/<int:pk>/", shop.buy_item, "buy_item"),
    *both("v1/buy/<int:pk>/", shop.buy_item),
    *both("item/<int:pk>/buy/", shop.buy_item),
    *both("item/<int:pk>/add-to-order/", shop.add_to_order, "add_to_order"),
    # The cart
    *both("cart/", cart.cart, "cart"),
    *both("cart/items/<int:pk>/", cart.set_quantity, "cart_item"),
    *both("cart/discount/", cart.set_discount, "cart_discount"),
    *both("cart/order/", cart.place, "cart_order"),
    *both("v2/cart/add/", cart.add_by_id, "cart_add"),
    *both("v2/cart/remove/", cart.remove_by_id, "cart_remove"),
    *both("v2/cart/order/", cart.order_all, "cart_order_all"),
    # Orders
    *both("orders/", orders.order_list, "orders"),
    *both("orders/<int:pk>/", orders.order, "order"),
    *both("orders/<int:pk>/buy/", paying.buy_order, "buy_order"),
    *both("orders/<int:pk>/pay/", paying.pay_here, "pay_here"),
    *both("orders/<int:pk>/cancel/", orders.cancel_order, "cancel_order"),
    *both("orders/<int:pk>/receipt/", orders.receipt, "receipt"),
    # Back from paying
    *both("v2/order/status/", paying.intent_status, "intent_status"),
    *both("v2/order/status/check/", paying.intent_check, "intent_check"),
    path("checkout/return/", paying.checkout_return, name="checkout_return"),
    path("checkout/cancel/", paying.checkout_cancel, name="checkout_cancel"),
    path("webhooks/stripe/<slug:account>/", webhooks.stripe, name="stripe_webhook"),
]
