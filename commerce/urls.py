"""Addresses of commerce's pages and of the providers' notifications."""

from django.urls import path

from commerce import views, webhooks

app_name = "commerce"
urlpatterns = [
    path("orders/<int:pk>/", views.order, name="order"),
    path("orders/<int:pk>/buy/", views.buy_order, name="buy_order"),
    path("checkout/return/", views.checkout_return, name="checkout_return"),
    path("checkout/cancel/", views.checkout_cancel, name="checkout_cancel"),
    path("webhooks/stripe/<slug:account>/", webhooks.stripe, name="stripe_webhook"),
]
