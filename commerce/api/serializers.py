"""What the endpoints of the shop read and answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as Refusal
from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.api.serializers import PAGE_PARAMETERS, OwnPaymentSerializer
from commerce.models import Item, Order, OrderLine, Payment
from commerce.money import Money
from commerce.personal_data import NAMED_KINDS, describe_payment
from commerce.services.cart import MOST_OF_ONE_ITEM
from commerce.services.stocking import ITEM

GREATEST_ID = 2**63 - 1
LONGEST_SEARCH = 200


def id_field(help_text: str, **options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=GREATEST_ID, help_text=help_text, **options)


class MoneyField(serializers.CharField):
    """An amount as text, such as “12.50”; its currency stands beside it."""

    def to_representation(self, value: Money) -> str:
        return str(value.amount)


def asked_of(query: QueryDict) -> dict[str, str]:
    """The parameters of an address. Raises ValidationError for one that is given twice: which would count?"""
    repeated = {name: [_("Give it once.")] for name, values in query.lists() if len(values) > 1}
    if repeated:
        raise serializers.ValidationError(repeated)
    return query.dict()


class QuerySerializer(serializers.Serializer):
    """Filters of a list. A parameter or a value that is not known is an error, never a full list."""

    def to_internal_value(self, asked: Any) -> Any:
        unknown = sorted(set(asked) - set(self.fields) - PAGE_PARAMETERS)
        if unknown:
            message = _("There is no such filter; there are: %(known)s.") % {"known": ", ".join(self.fields)}
            raise serializers.ValidationError({name: [message] for name in unknown})
        return super().to_internal_value(asked)


class OwnedQuerySerializer(QuerySerializer):
    """Filters of a list of which most people see their own rows only. context: `sees_all`."""

    user_id = id_field("Of this person. Only for staff.", required=False)

    def validate_user_id(self, user_id: int) -> int:
        if not self.context["sees_all"]:
            raise serializers.ValidationError(_("Only staff may choose whose; you get your own without it."))
        return user_id


# --- Payments ---
class PaymentQuerySerializer(OwnedQuerySerializer):
    course = id_field("Payments for this course.", required=False)
    lesson = id_field("Payments for this single lesson.", required=False)
    borrowing = id_field("Payments for this borrowing: its fee, renewals and fine.", required=False)
    order = id_field("Payments for this order.", required=False)
    method = serializers.ChoiceField(required=False, choices=Payment.Method.choices)
    status = serializers.ChoiceField(required=False, choices=Payment.Status.choices)
    ordering = serializers.ChoiceField(
        required=False,
        default="-created_at",
        choices=["paid_at", "-paid_at", "created_at", "-created_at", "amount", "-amount"],
        help_text="What is not paid comes last by `paid_at`, both ways.",
    )


class PaymentRequestSerializer(serializers.Serializer):
    """What is to be paid: exactly one of course, lesson, borrowing and order; and how."""

    course = id_field("Id of a published course.", required=False, allow_null=True)
    lesson = id_field("Id of a published lesson that is sold alone.", required=False, allow_null=True)
    borrowing = id_field("Id of a borrowing.", required=False, allow_null=True)
    order = id_field("Id of an order; one that is OPEN is placed.", required=False, allow_null=True)
    method = serializers.ChoiceField(
        required=False,
        default=Payment.Method.STRIPE,
        choices=Payment.Method.choices,
        help_text="`cash` and `transfer` wait for staff to settle them.",
    )

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        named = [kind for kind in ("order", *NAMED_KINDS) if asked.get(kind) is not None]
        if len(named) != 1:
            raise serializers.ValidationError(
                _("Say what to pay: exactly one of “course”, “lesson”, “borrowing” and “order”.")
            )
        return {"kind": named[0], "reference": asked[named[0]], "method": asked["method"]}


class PaymentSerializer(OwnPaymentSerializer):
    """A payment: an attempt to take the money of an order."""

    status = serializers.ChoiceField(choices=Payment.Status.choices)
    method = serializers.ChoiceField(choices=Payment.Method.choices)
    order = serializers.IntegerField(help_text="Id of the order that it pays.")
    session_url = serializers.CharField(
        allow_null=True, help_text="The provider's payment page: send the buyer's browser there."
    )

    def to_representation(self, payment: Payment) -> dict[str, Any]:
        return describe_payment(payment)


class OpenedPaymentSerializer(PaymentSerializer):
    """A payment, and what the page that takes the card needs when that is the client's own."""

    client_secret = serializers.CharField(
        required=False, help_text="With `flow: intent`: for Stripe.js, and for nobody else."
    )
    publishable_key = serializers.CharField(required=False, help_text="With `flow: intent`: for Stripe.js.")


class ReturnQuerySerializer(serializers.Serializer):
    session_id = serializers.CharField(
        max_length=255, help_text="The provider's name for the session, as the return address has it."
    )


class CancelQuerySerializer(serializers.Serializer):
    session_id = serializers.CharField(required=False, max_length=255, help_text="Of the session left.")
    order = serializers.CharField(
        required=False, max_length=9, help_text="Or the order's number, as the provider's way back has it."
    )

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        if len(asked) != 1:
            raise serializers.ValidationError({"session_id": [_("Name the session, or the order.")]})
        return asked


class ReturnSerializer(PaymentSerializer):
    """How it stands. To others than the buyer and staff: `status`, `session_id` and `detail` only."""

    detail = serializers.CharField(help_text="The same in words.")


class TurnedBackSerializer(ReturnSerializer):
    may_be_paid = serializers.BooleanField(help_text="Whether it can be paid later.")
    payable_until = serializers.DateTimeField(allow_null=True, help_text="Until when.")


class AmountField(serializers.DecimalField):
    """An amount that may be left out. Empty text is none, and not the same as leaving it out."""

    def validate_empty_values(self, asked: Any) -> tuple[bool, Any]:
        return serializers.Field.validate_empty_values(self, asked)


class RefundRequestSerializer(serializers.Serializer):
    """How much to give back. context: the `payment`."""

    amount = AmountField(
        required=False,
        allow_null=True,
        max_digits=15,
        decimal_places=3,
        min_value=Decimal("0.001"),
        help_text="In the payment's currency; without it, all that is left.",
    )
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=400)

    def validate_amount(self, amount: Decimal | None) -> Money | None:
        if amount is None:
            return None
        try:
            return Money(amount, self.context["payment"].currency)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


# --- Items ---
class ItemQuerySerializer(QuerySerializer):
    search = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=LONGEST_SEARCH,
        help_text="Items with all of these words in name or description.",
    )
    currency = serializers.ChoiceField(required=False, choices=settings.CURRENCIES)
    ordering = serializers.ChoiceField(
        required=False, default="name", choices=["name", "-name", "price", "-price"]
    )


class PublicItemSerializer(serializers.ModelSerializer):
    """A thing of the shop."""

    price = MoneyField(source="price_money", help_text="As text, such as “12.50”.")

    class Meta:
        model = Item
        fields = ["id", "name", "description", "price", "currency"]


class ItemSerializer(serializers.ModelSerializer):
    """A thing of the shop, for those who may write it; others do not see `stock` and `is_for_sale`."""

    class Meta:
        model = Item
        fields = ["id", "name", "description", "price", "currency", "stock", "is_for_sale"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        facts = {
            name: attrs.get(name, getattr(self.instance, name, Item._meta.get_field(name).get_default()))
            for name in ("price", "currency")
        }
        try:
            Item(**facts).clean()
        except Refusal as refusal:
            raise serializers.ValidationError(refusal.message_dict) from refusal
        return attrs

    def to_representation(self, item: Item) -> dict[str, Any]:
        shown = super().to_representation(item)
        # With the decimals of its currency, and not of the column.
        return {**shown, "price": str(item.price_money.amount)}


# --- Orders ---
class LineWishSerializer(serializers.Serializer):
    item = id_field("Id of an item.")
    quantity = serializers.IntegerField(
        required=False, default=1, min_value=1, max_value=MOST_OF_ONE_ITEM, help_text="So many more."
    )


class OrderRequestSerializer(serializers.Serializer):
    lines = LineWishSerializer(many=True, required=False, default=list, help_text="To put in at once.")

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(lines) > MOST_OF_ONE_ITEM:
            raise serializers.ValidationError(_("At most %d lines at once.") % MOST_OF_ONE_ITEM)
        return lines


class LineNameSerializer(serializers.Serializer):
    item = id_field("Id of the item.")


class DiscountCodeSerializer(serializers.Serializer):
    code = serializers.CharField(max_length=40, help_text="In any case.")


class PayRequestSerializer(serializers.Serializer):
    method = serializers.ChoiceField(
        required=False, default=Payment.Method.STRIPE, choices=Payment.Method.choices
    )
    flow = serializers.ChoiceField(
        required=False,
        default=Payment.Flow.CHECKOUT,
        choices=Payment.Flow.choices,
        help_text="`checkout`: on the provider's page; `intent`: on a page of your own, with Stripe.js.",
    )

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["method"] != Payment.Method.STRIPE and asked["flow"] != Payment.Flow.CHECKOUT:
            raise serializers.ValidationError({"flow": [_("Only cards are paid on a page.")]})
        return asked


class OrderQuerySerializer(OwnedQuerySerializer):
    status = serializers.ChoiceField(required=False, choices=Order.Status.choices)
    ordering = serializers.ChoiceField(
        required=False, default="-created_at", choices=["created_at", "-created_at", "total", "-total"]
    )


class OrderLineSerializer(serializers.Serializer):
    """One thing of an order, and how many of it."""

    kind = serializers.CharField(help_text="item, course, lesson, …")
    reference = serializers.CharField(help_text="Its id among its kind.")
    item = serializers.SerializerMethodField(help_text="The id of an item of the shop; else null.")
    title = serializers.CharField()
    unit_price = MoneyField()
    quantity = serializers.IntegerField()
    total = MoneyField(help_text="Before discount and tax.")
    is_delivered = serializers.SerializerMethodField()

    def get_item(self, line: OrderLine) -> int | None:
        return int(line.reference) if line.kind == ITEM else None

    def get_is_delivered(self, line: OrderLine) -> bool:
        return line.fulfilled_at is not None


class OrderSerializer(serializers.Serializer):
    """An order; OPEN, it is the cart, at today's prices."""

    id = serializers.IntegerField(source="pk")
    number = serializers.CharField(help_text="To read out.")
    user = serializers.IntegerField(
        source="buyer_id", allow_null=True, help_text="Id of the buyer; null: a visitor."
    )
    status = serializers.ChoiceField(choices=Order.Status.choices)
    lines = OrderLineSerializer(many=True, source="lines.all")
    subtotal = MoneyField()
    discount = MoneyField()
    discount_name = serializers.CharField(
        source="order_discount.name", default=None, allow_null=True, help_text="Null without a discount."
    )
    tax = MoneyField(help_text="All of it.")
    included_tax = MoneyField(help_text="The part of the tax that prices contain.")
    total = MoneyField(help_text="subtotal − discount + tax − included_tax.")
    currency = serializers.CharField()
    payments = PaymentSerializer(many=True, source="payments.all", help_text="Newest first.")
    created_at = serializers.DateTimeField()
    placed_at = serializers.DateTimeField(allow_null=True)
    payable_until = serializers.DateTimeField(allow_null=True)
    paid_at = serializers.DateTimeField(allow_null=True)


class ChangedOrderSerializer(OrderSerializer):
    """An order, and what of it has changed since it was looked at."""

    notes = serializers.SerializerMethodField(
        help_text="What the shop has changed in the cart, in words; mostly empty."
    )

    def get_notes(self, order: Order) -> list[str]:
        return self.context.get("notes", [])
