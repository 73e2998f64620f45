"""Orders and payments to look at. Money moves by services, so nothing here is edited by hand."""

from __future__ import annotations

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from commerce.models import (
    GatewayEvent,
    Order,
    OrderLine,
    OrderStatusChange,
    Payment,
    PaymentStatusChange,
)


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


class OrderLineInline(ReadOnly, admin.TabularInline):
    model = OrderLine


class OrderStatusChangeInline(ReadOnly, admin.TabularInline):
    model = OrderStatusChange


class PaymentInline(ReadOnly, admin.TabularInline):
    model = Payment
    fields = ["created_at", "method", "status", "amount_minor", "currency", "held_reason"]
    show_change_link = True


class PaymentStatusChangeInline(ReadOnly, admin.TabularInline):
    model = PaymentStatusChange


class HeldFilter(admin.SimpleListFilter):
    """Payments that wait for a person."""

    title = _("needs a person")
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("yes", str(_("Yes")))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Payment]) -> models.QuerySet[Payment]:
        return queryset.exclude(held_reason="") if self.value() == "yes" else queryset


@admin.register(Order)
class OrderAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["number", "buyer", "status", "total", "created_at", "paid_at"]
    list_filter = ["status", "currency"]
    list_select_related = ["buyer"]
    search_fields = ["number", "email", "lines__title"]
    date_hierarchy = "created_at"
    inlines = [OrderLineInline, PaymentInline, OrderStatusChangeInline]


@admin.register(Payment)
class PaymentAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["order", "status", "method", "amount", "account", "created_at", "paid_at", "held_reason"]
    list_filter = [HeldFilter, "status", "method", "account"]
    list_select_related = ["order"]
    search_fields = ["order__number", "session_id", "intent_id", "order__email"]
    date_hierarchy = "created_at"
    inlines = [PaymentStatusChangeInline]


@admin.register(GatewayEvent)
class GatewayEventAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["event_id", "kind", "account", "payment", "received_at"]
    list_filter = ["account", "kind"]
    list_select_related = ["payment__order"]
    search_fields = ["event_id", "payment__session_id"]
