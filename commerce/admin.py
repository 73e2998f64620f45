"""The shop in the Django admin: what is sold and for how much is made here, and the rest is looked at.

Money moves by services, so no order, payment or refund is edited by hand.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from commerce.models import (
    Discount,
    Finding,
    GatewayCoupon,
    GatewayEvent,
    GatewayPrice,
    GatewayTaxRate,
    Item,
    KeptLine,
    Order,
    OrderDiscount,
    OrderLine,
    OrderStatusChange,
    OrderTax,
    Payment,
    PaymentStatusChange,
    Reconciliation,
    Refund,
    StockHold,
    Tax,
)
from commerce.models.histories import status_words, words_of
from commerce.models.statuses import StatusChange
from commerce.templatetags.money import money


class ReadOnly:
    """Shows rows and changes none."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class ShowsAmounts:
    """Amounts with their currency, for rows that have `amount`."""

    @admin.display(description=_("amount"), ordering="amount_minor")
    def amount_shown(self, row: Any) -> str:
        return money(row.amount)


# --- What is sold, and for how much ------------------------------------------------------------------------
@admin.register(Item)
class ItemAdmin(admin.ModelAdmin):
    list_display = ["name", "price_shown", "stock", "is_for_sale"]
    list_filter = ["is_for_sale", "currency"]
    search_fields = ["name", "description"]

    @admin.display(description=_("price"), ordering="price")
    def price_shown(self, item: Item) -> str:
        return money(item.price_money)


@admin.register(Discount)
class DiscountAdmin(admin.ModelAdmin):
    list_display = [
        "name",
        "code",
        "percent_off",
        "amount_off",
        "currency",
        "valid_from",
        "valid_until",
        "times_redeemed",
        "max_redemptions",
        "is_active",
    ]
    list_filter = ["is_active", "currency"]
    search_fields = ["name", "code"]
    readonly_fields = ["times_redeemed"]


@admin.register(Tax)
class TaxAdmin(admin.ModelAdmin):
    list_display = ["name", "percentage", "is_inclusive", "country", "currency", "is_active"]
    list_filter = ["is_active", "is_inclusive", "currency"]
    search_fields = ["name", "country"]


# --- Orders ------------------------------------------------------------------------------------------------
class OrderLineInline(ReadOnly, admin.TabularInline):
    model = OrderLine
    fields = [
        "title",
        "kind",
        "quantity",
        "price_shown",
        "fulfilled_at",
        "refused_at",
        "delivery_attempts",
        "delivery_error",
    ]
    readonly_fields = ["price_shown"]

    @admin.display(description=_("price"))
    def price_shown(self, line: OrderLine) -> str:
        return money(line.total)


class OrderTaxInline(ReadOnly, admin.TabularInline):
    model = OrderTax
    fields = ["name", "percentage", "is_inclusive", "amount_shown"]
    readonly_fields = ["amount_shown"]

    @admin.display(description=_("amount"))
    def amount_shown(self, tax: OrderTax) -> str:
        return money(tax.amount)


class OrderDiscountInline(ReadOnly, admin.TabularInline):
    model = OrderDiscount
    fields = ["name", "percent_off", "amount_off_minor", "is_redeemed"]


class History(ReadOnly, admin.TabularInline):
    statuses: ClassVar[type[models.TextChoices]]
    fields = ["at", "left", "reached", "actor", "why"]
    readonly_fields = ["left", "reached", "why"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return super().get_queryset(request).select_related("actor")

    @admin.display(description=_("from"))
    def left(self, change: StatusChange) -> str:
        return status_words(self.statuses, change.from_status)

    @admin.display(description=_("to"))
    def reached(self, change: StatusChange) -> str:
        return status_words(self.statuses, change.to_status)

    @admin.display(description=_("cause"))
    def why(self, change: StatusChange) -> str:
        return words_of(change.cause)


class OrderStatusChangeInline(History):
    model = OrderStatusChange
    statuses = Order.Status


class PaymentInline(ReadOnly, ShowsAmounts, admin.TabularInline):
    model = Payment
    fields = ["created_at", "method", "status", "amount_shown", "held"]
    readonly_fields = ["amount_shown", "held"]
    show_change_link = True

    @admin.display(description=_("held for a person because"))
    def held(self, payment: Payment) -> str:
        return payment.held_because


@admin.register(Order)
class OrderAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["number", "buyer", "email", "status", "total_shown", "created_at", "paid_at"]
    list_filter = ["status", "currency"]
    list_select_related = ["buyer"]
    search_fields = ["number", "email", "lines__title", "payments__intent_id"]
    date_hierarchy = "created_at"
    # Without the key of a visitor: it opens their cart and orders.
    fields = [
        "number",
        "buyer",
        "email",
        "status",
        "subtotal_shown",
        "discount_shown",
        "tax_shown",
        "total_shown",
        "created_at",
        "placed_at",
        "payable_until",
        "paid_at",
    ]
    inlines = [OrderLineInline, OrderDiscountInline, OrderTaxInline, PaymentInline, OrderStatusChangeInline]

    @admin.display(description=_("subtotal"))
    def subtotal_shown(self, order: Order) -> str:
        return money(order.subtotal)

    @admin.display(description=_("discount"))
    def discount_shown(self, order: Order) -> str:
        return money(order.discount)

    @admin.display(description=_("tax"))
    def tax_shown(self, order: Order) -> str:
        return money(order.tax)

    @admin.display(description=_("total"), ordering="total_minor")
    def total_shown(self, order: Order) -> str:
        return money(order.total)


# --- Payments and refunds ----------------------------------------------------------------------------------
class HeldFilter(admin.SimpleListFilter):
    """Payments that wait for a person."""

    title = _("needs a person")
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("yes", str(_("Yes")))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Payment]) -> models.QuerySet[Payment]:
        return queryset.exclude(held_reason="") if self.value() == "yes" else queryset


class PaymentStatusChangeInline(History):
    model = PaymentStatusChange
    statuses = Payment.Status


class RefundInline(ReadOnly, ShowsAmounts, admin.TabularInline):
    model = Refund
    fields = ["created_at", "amount_shown", "status", "failure", "origin", "reason", "requested_by"]
    readonly_fields = ["amount_shown", "failure"]
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Refund]:
        return super().get_queryset(request).select_related("requested_by")


@admin.register(Payment)
class PaymentAdmin(ReadOnly, ShowsAmounts, admin.ModelAdmin):
    list_display = ["order", "status", "method", "amount_shown", "account", "created_at", "paid_at", "held"]
    list_filter = [HeldFilter, "status", "method", "account"]
    list_select_related = ["order"]
    search_fields = ["order__number", "session_id", "intent_id", "order__email"]
    date_hierarchy = "created_at"
    # Without the addresses: they are the buyer's way to the payment page and back.
    fields = [
        "uuid",
        "order",
        "status",
        "held",
        "method",
        "flow",
        "account",
        "amount_shown",
        "captured_shown",
        "refunded_shown",
        "session_id",
        "intent_id",
        "expires_at",
        "checked_at",
        "created_at",
        "paid_at",
    ]
    inlines = [RefundInline, PaymentStatusChangeInline]

    @admin.display(description=pgettext_lazy("money", "taken"))
    def captured_shown(self, payment: Payment) -> str:
        return money(payment.captured)

    @admin.display(description=_("given back"))
    def refunded_shown(self, payment: Payment) -> str:
        return money(payment.refunded)

    @admin.display(description=_("held for a person because"), ordering="held_reason")
    def held(self, payment: Payment) -> str:
        return payment.held_because


@admin.register(Refund)
class RefundAdmin(ReadOnly, ShowsAmounts, admin.ModelAdmin):
    list_display = ["payment", "amount_shown", "status", "origin", "requested_by", "created_at", "settled_at"]
    list_filter = ["status", "origin", "account"]
    list_select_related = ["payment__order", "requested_by"]
    search_fields = ["payment__order__number", "provider_id", "reason"]
    date_hierarchy = "created_at"


# --- Stock, the provider, the ledgers ----------------------------------------------------------------------
@admin.register(StockHold)
class StockHoldAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["item", "quantity", "order", "taken_at", "returned_at"]
    list_filter = [("returned_at", admin.EmptyFieldListFilter), "item"]
    list_select_related = ["item", "line__order"]
    search_fields = ["item__name", "line__order__number"]

    @admin.display(description=_("order"), ordering="line__order__number")
    def order(self, hold: StockHold) -> str:
        return hold.line.order.number


@admin.register(KeptLine)
class KeptLineAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["user", "item", "quantity", "kept_at"]
    search_fields = ["user__email", "item__name"]
    list_select_related = ["user", "item"]


@admin.register(GatewayEvent)
class GatewayEventAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["event_id", "kind", "account", "payment", "received_at"]
    list_filter = ["account", "kind"]
    list_select_related = ["payment__order"]
    search_fields = ["event_id", "payment__session_id", "payment__order__number"]
    date_hierarchy = "received_at"


@admin.register(GatewayPrice)
class GatewayPriceAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["title", "kind", "unit_minor", "currency", "account", "product_id", "price_id"]
    list_filter = ["account", "kind"]
    search_fields = ["title", "product_id", "price_id"]


@admin.register(GatewayCoupon)
class GatewayCouponAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["name", "percent_off", "amount_off_minor", "currency", "account", "coupon_id"]
    list_filter = ["account"]
    search_fields = ["name", "coupon_id"]


@admin.register(GatewayTaxRate)
class GatewayTaxRateAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["name", "percentage", "is_inclusive", "country", "account", "tax_rate_id"]
    list_filter = ["account"]
    search_fields = ["name", "tax_rate_id"]


class FindingInline(ReadOnly, admin.TabularInline):
    model = Finding
    fields = ["kind", "words", "provider_id", "payment", "ours_shown", "theirs_shown", "done"]
    readonly_fields = ["words", "ours_shown", "theirs_shown", "done"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Finding]:
        return super().get_queryset(request).select_related("payment__order", "resolved_by")

    @admin.display(description=_("here"))
    def ours_shown(self, finding: Finding) -> str:
        return money(finding.ours) if finding.ours is not None else ""

    @admin.display(description=_("at the provider"))
    def theirs_shown(self, finding: Finding) -> str:
        return money(finding.theirs) if finding.theirs is not None else ""

    @admin.display(description=_("resolution"))
    def done(self, finding: Finding) -> str:
        return finding.resolution_words


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["day", "account", "matched", "unresolved", "run_at"]
    list_filter = ["account"]
    date_hierarchy = "day"
    inlines = [FindingInline]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Reconciliation]:
        return Reconciliation.objects.counted()

    @admin.display(description=_("unresolved"))
    def unresolved(self, compared: Any) -> int:
        return compared.unresolved
