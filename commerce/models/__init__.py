from commerce.models.adjustments import Discount, OrderDiscount, OrderTax, Tax
from commerce.models.events import GatewayCoupon, GatewayEvent, GatewayPrice, GatewayTaxRate
from commerce.models.items import Item, StockHold
from commerce.models.kept import KeptLine
from commerce.models.orders import Order, OrderLine, OrderStatusChange
from commerce.models.payments import Payment, PaymentStatusChange
from commerce.models.reconciliations import Finding, Reconciliation
from commerce.models.refunds import Refund

__all__ = [
    "Discount",
    "Finding",
    "GatewayCoupon",
    "GatewayEvent",
    "GatewayPrice",
    "GatewayTaxRate",
    "Item",
    "KeptLine",
    "Order",
    "OrderDiscount",
    "OrderLine",
    "OrderStatusChange",
    "OrderTax",
    "Payment",
    "PaymentStatusChange",
    "Reconciliation",
    "Refund",
    "StockHold",
    "Tax",
]
