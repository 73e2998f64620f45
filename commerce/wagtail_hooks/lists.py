"""The lists of the shop in the CMS, in the order of the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter, display
from django.contrib.admin.utils import lookup_field
from django.db.models import Exists, OuterRef, Q, QuerySet, TextChoices
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from wagtail_modeladmin.helpers import ButtonHelper, PermissionHelper
from wagtail_modeladmin.options import ModelAdmin, ModelAdminGroup, modeladmin_register
from wagtail_modeladmin.views import IndexView, InspectView

from commerce.models import Discount, Item, Order, OrderLine, Payment, Refund, Tax
from commerce.models.histories import status_words, words_of
from commerce.templatetags.money import money
from commerce.wagtail_hooks.actions import (
    ORDER_DEEDS,
    PAYMENT_DEEDS,
    REFUND_DEEDS,
    Deed,
    HandOverAgain,
    inspect_url,
)

# What a spreadsheet would take for a formula, also as full-width letters and behind a line's end.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# By this spreadsheets see that the letters are UTF-8; without it they guess.
BYTE_ORDER_MARK = "\ufeff"


class SeenOnly(PermissionHelper):
    """Rows that services make: they are looked at, and changed by what staff do to them, never by a form."""

    def user_can_list(self, user: Any) -> bool:
        return user.has_perm(f"{self.opts.app_label}.view_{self.opts.model_name}")

    def user_can_inspect_obj(self, user: Any, obj: Any) -> bool:
        return self.user_can_list(user)

    def user_can_create(self, user: Any) -> bool:
        return False

    def user_can_edit_obj(self, user: Any, obj: Any) -> bool:
        return False

    def user_can_delete_obj(self, user: Any, obj: Any) -> bool:
        return False


class ButtonsOfDeeds(ButtonHelper):
    """Beside the usual buttons those of what can be done to the row."""

    deeds: ClassVar[Sequence[type[Deed]]] = ()

    def get_buttons_for_obj(
        self,
        obj: Any,
        exclude: list[str] | None = None,
        classnames_add: list[str] | None = None,
        classnames_exclude: list[str] | None = None,
    ) -> list[dict[str, Any]]:
        usual = super().get_buttons_for_obj(obj, exclude, classnames_add, classnames_exclude)
        done = [
            {
                "url": deed.url(obj),
                "label": deed.button,
                "title": deed.title,
                "classname": self.finalise_classname(
                    [*(classnames_add or []), "no" if deed.is_serious else "button-secondary"],
                    classnames_exclude,
                ),
            }
            for deed in self.deeds
            if self.request.user.has_perm(deed.permission) and deed.is_possible(obj)
        ]
        return [*usual, *done]


def buttons_of(*deeds: type[Deed]) -> type[ButtonsOfDeeds]:
    return type("Buttons", (ButtonsOfDeeds,), {"deeds": deeds})


class ListView(IndexView):
    """A list whose spreadsheets hold what the rows hold: no formulas, and none of our words for "nothing"."""

    def to_row_dict(self, item: Any) -> dict[str, Any]:
        values = ((name, lookup_field(name, item, self.model_admin)[2]) for name in self.list_export)
        return {name: "" if value is None else value for name, value in values}

    def preprocess_field_value(self, field: str, value: Any, export_format: str) -> Any:
        written = super().preprocess_field_value(field, value, export_format)
        if not isinstance(written, str):
            return written
        if export_format == self.FORMAT_XLSX:
            # Its cells say that they are text; but some control characters it cannot hold at all.
            return ILLEGAL_CHARACTERS_RE.sub("\ufffd", written)
        return f"'{written}" if written.startswith(FORMULA) and len(written) > 1 else written

    def stream_csv(self, queryset: QuerySet[Any]) -> Iterator[str]:
        yield BYTE_ORDER_MARK
        yield from super().stream_csv(queryset)

    def write_csv_response(self, queryset: QuerySet[Any]) -> StreamingHttpResponse:
        response: StreamingHttpResponse = super().write_csv_response(queryset)
        response["Content-Type"] = "text/csv; charset=utf-8"
        return response


class ShopList(ModelAdmin):
    index_view_class = ListView
    inspect_view_enabled = True
    list_per_page = 50
    empty_value_display = "–"
    export_filename: ClassVar[str]
    index_view_extra_css = ["css/cms/shop.css"]
    inspect_view_extra_css = ["css/cms/shop.css"]

    def get_extra_attrs_for_row(self, obj: Any, context: Any) -> dict[str, str]:
        return {"class": "needs-a-person"} if self.needs_a_person(obj) else {}

    def needs_a_person(self, obj: Any) -> bool:
        return False


# --- Orders ------------------------------------------------------------------------------------------------
class NeedsAPerson(SimpleListFilter):
    """What does not go on by itself."""

    title = gettext_lazy("needs a person")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "yes":
            return queryset
        if queryset.model is Order:
            return queryset.filter(Q(is_held=True) | Q(is_refused=True))
        if queryset.model is Payment:
            return queryset.exclude(held_reason="")
        return queryset.filter(status=Refund.Status.FAILED)


class OrderStatusFilter(SimpleListFilter):
    """The statuses that the list has: carts are not in it."""

    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        placed = [status for status in Order.Status if status != Order.Status.OPEN]
        return [(status.value, str(status.label)) for status in placed]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=self.value()) if self.value() else queryset


def told(changes: QuerySet[Any], statuses: type[TextChoices]) -> list[dict[str, Any]]:
    """A history in words."""
    return [
        {
            "at": change.at,
            "left": status_words(statuses, change.from_status),
            "reached": status_words(statuses, change.to_status),
            "actor": change.actor,
            "cause": words_of(change.cause),
        }
        for change in changes.select_related("actor")
    ]


class OrderInspect(InspectView):
    """An order with all that happened to it."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        order = self.instance
        lines = list(order.lines.all())
        may_try = self.request.user.has_perm(HandOverAgain.permission)
        for line in lines:
            line.order = order
            line.try_again = HandOverAgain.url(line) if may_try and HandOverAgain.is_possible(line) else ""
        payments = list(order.payments.all())
        for payment in payments:
            payment.inspect_url = inspect_url(payment)
        taxes = list(order.taxes.all())
        for tax in taxes:
            tax.order = order
        return {
            **context,
            "order": order,
            "lines": lines,
            "payments": payments,
            "taxes": taxes,
            "discount": getattr(order, "order_discount", None),
            "history": told(order.status_changes.all(), Order.Status),
        }


class OrderList(ShopList):
    model = Order
    menu_label = gettext_lazy("Orders")
    menu_icon = "clipboard-list"
    permission_helper_class = SeenOnly
    button_helper_class = buttons_of(*ORDER_DEEDS)
    inspect_view_class = OrderInspect
    inspect_template_name = "commerce/cms/order.html"
    inspect_view_fields = ["number"]
    list_display = ["number", "who", "state", "total_shown", "created_at", "paid_at"]
    list_filter = [NeedsAPerson, OrderStatusFilter, "currency", "created_at"]
    list_select_related = ["buyer"]
    search_fields = ["number", "email", "buyer__email", "lines__title", "payments__intent_id"]
    list_export = [
        "number",
        "who",
        "status",
        "total_amount",
        "currency",
        "created_at",
        "placed_at",
        "paid_at",
    ]
    export_filename = "orders"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        lines = OrderLine.objects.filter(order=OuterRef("pk"), refused_at__isnull=False)
        held = Payment.objects.held().filter(order=OuterRef("pk"))
        orders = super().get_queryset(request).exclude(status=Order.Status.OPEN)
        return orders.annotate(
            is_refused=Exists(lines.filter(order__status=Order.Status.PAID)), is_held=Exists(held)
        )

    def needs_a_person(self, obj: Any) -> bool:
        return obj.is_held or obj.is_refused

    @display(description=gettext_lazy("buyer"), ordering="email")
    def who(self, order: Order) -> str:
        return order.email or (order.buyer.email if order.buyer else _("visitor"))

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, order: Any) -> str:
        said = [order.get_status_display()]
        if order.is_held:
            said.append(_("a payment is held"))
        if order.is_refused:
            said.append(_("not handed over"))
        return " · ".join(str(word) for word in said)

    @display(description=gettext_lazy("total"), ordering="total_minor")
    def total_shown(self, order: Order) -> str:
        return money(order.total)

    @display(description=gettext_lazy("total"))
    def total_amount(self, order: Order) -> str:
        return str(order.total.amount)


# --- Payments and refunds ----------------------------------------------------------------------------------
class PaymentInspect(InspectView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        payment = self.instance
        refunds = list(payment.refunds.select_related("requested_by"))
        for refund in refunds:
            refund.payment = payment
        return {
            **super().get_context_data(**kwargs),
            "payment": payment,
            "order_url": inspect_url(payment.order),
            "refunds": refunds,
            "history": told(payment.status_changes.all(), Payment.Status),
        }


class PaymentList(ShopList):
    model = Payment
    menu_label = gettext_lazy("Payments")
    menu_icon = "tick-inverse"
    permission_helper_class = SeenOnly
    button_helper_class = buttons_of(*PAYMENT_DEEDS)
    inspect_view_class = PaymentInspect
    inspect_template_name = "commerce/cms/payment.html"
    inspect_view_fields = ["order"]
    list_display = ["order", "state", "method", "amount_shown", "refunded_shown", "created_at", "paid_at"]
    list_filter = [NeedsAPerson, "status", "method", "account", "paid_at"]
    list_select_related = ["order"]
    search_fields = ["order__number", "order__email", "session_id", "intent_id", "uuid"]
    list_export = [
        "order_number",
        "email",
        "status",
        "method",
        "amount_amount",
        "refunded_amount",
        "currency",
        "account",
        "session_id",
        "intent_id",
        "created_at",
        "paid_at",
        "why_held",
    ]
    export_filename = "payments"

    def needs_a_person(self, obj: Payment) -> bool:
        return bool(obj.held_reason)

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, payment: Payment) -> str:
        if payment.held_reason:
            return _("held: %s") % payment.held_because
        return str(payment.get_status_display())

    @display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount_shown(self, payment: Payment) -> str:
        return money(payment.amount)

    @display(description=gettext_lazy("given back"), ordering="refunded_minor")
    def refunded_shown(self, payment: Payment) -> str:
        return money(payment.refunded) if payment.refunded_minor else ""

    @display(description=gettext_lazy("order"))
    def order_number(self, payment: Payment) -> str:
        return payment.order.number

    @display(description=gettext_lazy("e-mail"))
    def email(self, payment: Payment) -> str:
        return payment.order.email

    @display(description=gettext_lazy("amount"))
    def amount_amount(self, payment: Payment) -> str:
        return str(payment.amount.amount)

    @display(description=gettext_lazy("given back"))
    def refunded_amount(self, payment: Payment) -> str:
        return str(payment.refunded.amount)

    @display(description=gettext_lazy("held because"))
    def why_held(self, payment: Payment) -> str:
        return payment.held_because


class RefundList(ShopList):
    model = Refund
    menu_label = gettext_lazy("Refunds")
    menu_icon = "rotate"
    permission_helper_class = SeenOnly
    button_helper_class = buttons_of(*REFUND_DEEDS)
    list_display = ["order", "amount_shown", "state", "origin", "reason", "requested_by", "created_at"]
    list_filter = [NeedsAPerson, "status", "origin", "created_at"]
    list_select_related = ["payment__order", "requested_by"]
    search_fields = ["payment__order__number", "payment__order__email", "provider_id", "reason"]
    list_export = [
        "order",
        "amount_amount",
        "currency",
        "status",
        "origin",
        "reason",
        "provider_id",
        "created_at",
    ]
    inspect_view_fields = [
        "payment",
        "amount",
        "status",
        "failure",
        "origin",
        "reason",
        "requested_by",
        "account",
        "provider_id",
        "created_at",
        "settled_at",
    ]
    export_filename = "refunds"

    def needs_a_person(self, obj: Refund) -> bool:
        return obj.status == Refund.Status.FAILED

    @display(description=gettext_lazy("order"), ordering="payment__order__number")
    def order(self, refund: Refund) -> str:
        return refund.payment.order.number

    @display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount_shown(self, refund: Refund) -> str:
        return money(refund.amount)

    @display(description=gettext_lazy("status"), ordering="status")
    def state(self, refund: Refund) -> str:
        return " · ".join(str(word) for word in (refund.get_status_display(), refund.failure) if word)

    @display(description=gettext_lazy("amount"))
    def amount_amount(self, refund: Refund) -> str:
        return str(refund.amount.amount)

    @display(description=gettext_lazy("currency"))
    def currency(self, refund: Refund) -> str:
        return refund.payment.currency


# --- What is sold, and for how much ------------------------------------------------------------------------
def percent(share: Decimal) -> str:
    """`7.5 %` to an English reader, `7,5 %` to a Russian one."""
    return f"{number_format(f'{share.normalize():f}')}\u00a0%"


class ItemList(ShopList):
    model = Item
    menu_label = gettext_lazy("Items")
    menu_icon = "list-ul"
    list_display = ["name", "price_shown", "left", "is_for_sale"]
    list_filter = ["is_for_sale", "currency"]
    search_fields = ["name", "description"]
    list_export = ["name", "price_amount", "currency", "stock", "is_for_sale"]
    inspect_view_fields = ["name", "description", "picture", "price_money", "stock", "is_for_sale"]
    export_filename = "items"

    @display(description=gettext_lazy("price"), ordering="price")
    def price_shown(self, item: Item) -> str:
        return money(item.price_money)

    @display(description=gettext_lazy("price"))
    def price_amount(self, item: Item) -> str:
        return str(item.price_money.amount)

    @display(description=gettext_lazy("in stock"), ordering="stock")
    def left(self, item: Item) -> str:
        return _("never runs out") if item.stock is None else str(item.stock)


class DiscountList(ShopList):
    model = Discount
    menu_label = gettext_lazy("Discounts")
    menu_icon = "cut"
    list_display = ["name", "code", "off", "valid_from", "valid_until", "had", "is_active"]
    list_filter = ["is_active", "currency"]
    search_fields = ["name", "code"]
    list_export = [
        "name",
        "code",
        "percent_off",
        "amount_off_amount",
        "currency",
        "valid_from",
        "valid_until",
        "times_redeemed",
        "max_redemptions",
        "is_active",
    ]
    export_filename = "discounts"

    @display(description=gettext_lazy("takes off"))
    def off(self, discount: Discount) -> str:
        if discount.percent_off is not None:
            return percent(discount.percent_off)
        return money(discount.amount)

    @display(description=gettext_lazy("amount off"))
    def amount_off_amount(self, discount: Discount) -> str | None:
        return None if discount.amount_off is None else str(discount.amount.amount)

    @display(description=gettext_lazy("orders so far"), ordering="times_redeemed")
    def had(self, discount: Discount) -> str:
        if discount.max_redemptions is None:
            return str(discount.times_redeemed)
        return _("%(had)d of %(most)d") % {"had": discount.times_redeemed, "most": discount.max_redemptions}


class TaxList(ShopList):
    model = Tax
    menu_label = gettext_lazy("Taxes")
    menu_icon = "decimal"
    list_display = ["name", "rate", "is_inclusive", "country", "currency", "is_active"]
    list_filter = ["is_active", "is_inclusive", "currency"]
    search_fields = ["name", "country"]
    list_export = ["name", "percentage", "is_inclusive", "country", "currency", "is_active"]
    export_filename = "taxes"

    @display(description=gettext_lazy("percentage"), ordering="percentage")
    def rate(self, tax: Tax) -> str:
        return percent(tax.percentage)


class ShopGroup(ModelAdminGroup):
    menu_label = gettext_lazy("Shop")
    menu_item_name = "shop"
    menu_icon = "tag"
    menu_order = 250
    items = (OrderList, PaymentList, RefundList, ItemList, DiscountList, TaxList)


modeladmin_register(ShopGroup)
