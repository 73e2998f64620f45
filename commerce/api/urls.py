"""The shop's part of /api/v1/."""

from django.urls import path

from commerce.api import items, orders, payments

urlpatterns = [
    path("payments/", payments.PaymentsView.as_view(), name="payments"),
    path("payments/success/", payments.PaymentSuccessView.as_view(), name="payment_success"),
    path("payments/cancel/", payments.PaymentCancelView.as_view(), name="payment_cancel"),
    path("payments/<int:pk>/", payments.PaymentView.as_view(), name="payment"),
    path("payments/<int:pk>/status/", payments.PaymentStatusView.as_view(), name="payment_status"),
    path("payments/<int:pk>/renew/", payments.PaymentRenewalView.as_view(), name="payment_renewal"),
    path("payments/<int:pk>/settle/", payments.PaymentSettlementView.as_view(), name="payment_settlement"),
    path("payments/<int:pk>/refund/", payments.PaymentRefundView.as_view(), name="payment_refund"),
    path("items/", items.ItemsView.as_view(), name="items"),
    path("items/<int:pk>/", items.ItemView.as_view(), name="item"),
    path("orders/", orders.OrdersView.as_view(), name="orders"),
    path("orders/<int:pk>/", orders.OrderView.as_view(), name="order"),
    path("orders/<int:pk>/lines/", orders.OrderLinesView.as_view(), name="order_lines"),
    path("orders/<int:pk>/discount/", orders.OrderDiscountView.as_view(), name="order_discount"),
    path("orders/<int:pk>/pay/", orders.OrderPaymentView.as_view(), name="order_payment"),
]
