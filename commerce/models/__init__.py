from commerce.models.events import GatewayEvent, GatewayPrice
from commerce.models.orders import Order, OrderLine, OrderStatusChange
from commerce.models.payments import Payment, PaymentStatusChange

__all__ = [
    "GatewayEvent",
    "GatewayPrice",
    "Order",
    "OrderLine",
    "OrderStatusChange",
    "Payment",
    "PaymentStatusChange",
]
