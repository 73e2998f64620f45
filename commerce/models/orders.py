"""What somebody wants to have, frozen when the order is placed."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models.customers import Customer
from commerce.models.histories import status_words
from commerce.models.statuses import HasStatus, StatusChange
from commerce.money import Money

# Letters and digits that nobody confuses when reading aloud: no I, L, O, U, 0, 1.
NUMBER_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


#: In the place of an address that was taken out. The domain leads nowhere (RFC 2606).
NOBODY = "deleted@deleted.invalid"


def new_number() -> str:
    """A number for people: two groups of four, such as 7KQ4-M2XD. 30^8 of them."""
    letters = "".join(secrets.choice(NUMBER_ALPHABET) for _position in range(8))
    return f"{letters[:4]}-{letters[4:]}"


class OrderQuerySet(models.QuerySet["Order"]):
    def by(self, buyer: object) -> Self:
        return self.filter(buyer=buyer)

    def of(self, customer: Customer) -> Self:
        """Orders and cart of a member, or of a visitor who has not signed in since."""
        if customer.user is not None:
            return self.filter(buyer=customer.user)
        return self.filter(buyer__isnull=True, guest_key=customer.guest_key)

    def carts(self) -> Self:
        return self.filter(status=Order.Status.OPEN)

    def awaiting_payment(self) -> Self:
        return self.filter(status=Order.Status.AWAITING_PAYMENT)

    def payable_no_more(self, *, at: datetime) -> Self:
        """Orders still waiting for money after their time, but for those that a person decides about."""
        late = self.awaiting_payment().filter(payable_until__lte=at)
        return late.exclude(payments__held_reason__gt="")

    def cancelled_with_open_page(self) -> Self:
        """Cancelled orders that could be paid still."""
        left_open = self.filter(status=Order.Status.CANCELLED, payments__status="PENDING")
        return left_open.exclude(payments__held_reason__gt="")


class Order(HasStatus):
    """Lines that one buyer pays together, in one currency and so through one provider account.

    An OPEN order is a cart: its lines and amounts change. A buyer without an account has a `guest_key`, which
    their session knows. total = subtotal - discount + the part of the tax that prices do not contain.
    """

    class Status(models.TextChoices):
        OPEN = "OPEN", _("open")
        AWAITING_PAYMENT = "AWAITING_PAYMENT", _("awaiting payment")
        PAID = "PAID", _("paid")
        CANCELLED = "CANCELLED", _("cancelled")
        REFUNDED = "REFUNDED", _("refunded")

    TRANSITIONS = {
        Status.OPEN: frozenset({Status.AWAITING_PAYMENT, Status.CANCELLED}),
        Status.AWAITING_PAYMENT: frozenset({Status.PAID, Status.CANCELLED}),
        Status.PAID: frozenset({Status.REFUNDED}),
        # Money that comes after the order was given up is honoured while the goods are there; and its buyer
        # may take it up again (ordering.take_up_again), which `from_` says.
        Status.CANCELLED: frozenset({Status.PAID, Status.AWAITING_PAYMENT}),
        Status.REFUNDED: frozenset(),
    }

    number = models.CharField(_("number"), max_length=9, unique=True, default=new_number, editable=False)
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
        verbose_name=_("buyer"),
    )
    guest_key = models.CharField(max_length=32, blank=True, editable=False, db_index=True)
    email = models.EmailField(
        _("e-mail"), blank=True, help_text=_("Where the receipt goes; frozen with the order.")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.OPEN)
    currency = models.CharField(_("currency"), max_length=3)
    subtotal_minor = models.PositiveBigIntegerField(_("subtotal in the smallest unit"), default=0)
    discount_minor = models.PositiveBigIntegerField(_("discount in the smallest unit"), default=0)
    tax_minor = models.PositiveBigIntegerField(_("tax in the smallest unit"), default=0)
    included_tax_minor = models.PositiveBigIntegerField(
        _("tax contained in prices, in the smallest unit"), default=0
    )
    total_minor = models.PositiveBigIntegerField(_("total in the smallest unit"))
    created_at = models.DateTimeField(_("created"))
    placed_at = models.DateTimeField(_("placed"), null=True, blank=True)
    payable_until = models.DateTimeField(_("payable until"), null=True, blank=True)
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    # The queue of letters to visitors, see services.receipts; members' letters are in the outbox of accounts.
    receipt_due_at = models.DateTimeField(_("receipt to be sent"), null=True, blank=True, editable=False)
    receipt_attempts = models.PositiveSmallIntegerField(default=0, editable=False)

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["OPEN", "AWAITING_PAYMENT", "PAID", "CANCELLED", "REFUNDED"]),
                name="commerce_order_status_known",
            ),
            models.CheckConstraint(condition=Q(total_minor__gte=0), name="commerce_order_total_not_negative"),
            models.CheckConstraint(
                condition=Q(buyer__isnull=False) | ~Q(guest_key=""), name="commerce_order_has_owner"
            ),
            models.CheckConstraint(
                condition=Q(
                    total_minor=F("subtotal_minor")
                    - F("discount_minor")
                    + F("tax_minor")
                    - F("included_tax_minor")
                ),
                name="commerce_order_total_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(discount_minor__lte=F("subtotal_minor")), name="commerce_order_discount_within"
            ),
            models.CheckConstraint(
                condition=Q(included_tax_minor__lte=F("tax_minor")), name="commerce_order_included_tax_within"
            ),
            models.UniqueConstraint(
                fields=["buyer"], condition=Q(status="OPEN"), name="commerce_order_one_cart_per_buyer"
            ),
            models.UniqueConstraint(
                fields=["guest_key"],
                condition=Q(status="OPEN", buyer__isnull=True),
                name="commerce_order_one_cart_per_guest",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["PAID", "REFUNDED"], paid_at__isnull=False)
                | Q(status__in=["OPEN", "AWAITING_PAYMENT", "CANCELLED"], paid_at__isnull=True),
                name="commerce_order_paid_at_iff_paid",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "payable_until"], name="commerce_order_to_give_up"),
            models.Index(
                F("receipt_due_at"),
                name="commerce_order_receipts",
                condition=Q(receipt_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def subtotal(self) -> Money:
        return Money.from_minor(self.subtotal_minor, self.currency)

    @property
    def discount(self) -> Money:
        return Money.from_minor(self.discount_minor, self.currency)

    @property
    def tax(self) -> Money:
        """All of it, contained in prices or added to them."""
        return Money.from_minor(self.tax_minor, self.currency)

    @property
    def included_tax(self) -> Money:
        """The part of the tax that prices contain."""
        return Money.from_minor(self.included_tax_minor, self.currency)

    @property
    def total(self) -> Money:
        return Money.from_minor(self.total_minor, self.currency)

    @property
    def is_of_nobody(self) -> bool:
        """Whether its buyer has deleted their account."""
        return self.email == NOBODY

    def may_be_paid(self, *, at: datetime) -> bool:
        """Whether it waits for money and its time is not over."""
        return (
            self.status == self.Status.AWAITING_PAYMENT
            and self.payable_until is not None
            and self.payable_until > at
        )

    def delete_cart(self) -> None:
        """Throw an open order away. Call it inside a transaction that has locked it."""
        if self.status != self.Status.OPEN:
            raise ValueError(f"Order {self} is placed; placed orders are kept.")
        self.lines.all().delete()
        self.delete()

    @property
    def account(self) -> str:
        """Name of the provider account that takes this order's money: one account per currency."""
        return self.currency.lower()


class OrderLineQuerySet(models.QuerySet["OrderLine"]):
    def paid_and_undelivered(self) -> Self:
        """The delivery queue: what has been paid for, not been handed over, and not been refused."""
        return self.filter(
            order__status=Order.Status.PAID, fulfilled_at__isnull=True, refused_at__isnull=True
        )

    def paid_and_refused(self) -> Self:
        """What was paid for and cannot be handed over: a person decides, by trying again or a refund."""
        return self.filter(order__status=Order.Status.PAID, refused_at__isnull=False)

    def due(self, *, at: datetime) -> Self:
        """Lines whose last failed attempt is long enough ago to try again."""
        return self.filter(Q(deliver_after__isnull=True) | Q(deliver_after__lte=at))


class OrderLine(models.Model):
    """One thing of an order. What it is, its seller knows by `kind` and `reference`."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines", verbose_name=_("order"))
    kind = models.CharField(_("kind"), max_length=30)
    reference = models.CharField(_("reference"), max_length=100)
    title = models.CharField(_("title"), max_length=255)
    unit_price_minor = models.PositiveBigIntegerField(_("unit price in the smallest unit"))
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    discount_minor = models.PositiveBigIntegerField(_("discount in the smallest unit"), default=0)
    tax_minor = models.PositiveBigIntegerField(_("tax in the smallest unit"), default=0)
    fulfilled_at = models.DateTimeField(_("fulfilled"), null=True, blank=True)
    delivery_attempts = models.PositiveIntegerField(_("delivery attempts"), default=0)
    deliver_after = models.DateTimeField(_("next delivery attempt"), null=True, blank=True)
    delivery_error = models.TextField(_("last delivery error"), blank=True)
    refused_at = models.DateTimeField(_("refused by its seller"), null=True, blank=True)

    objects = OrderLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "kind", "reference"], name="commerce_orderline_thing_once_per_order"
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="commerce_orderline_quantity_positive"),
            models.CheckConstraint(
                condition=Q(unit_price_minor__gte=0), name="commerce_orderline_price_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(refused_at__isnull=True) | Q(fulfilled_at__isnull=True),
                name="commerce_orderline_refused_or_fulfilled",
            ),
        ]
        indexes = [
            models.Index(
                F("order"), name="commerce_orderline_undelivered", condition=Q(fulfilled_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def unit_price(self) -> Money:
        return Money.from_minor(self.unit_price_minor, self.order.currency)

    @property
    def total(self) -> Money:
        return self.unit_price * self.quantity


class OrderStatusChange(StatusChange):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="status_changes")

    class Meta(StatusChange.Meta):
        verbose_name = _("change of an order")
        verbose_name_plural = _("changes of orders")

    def __str__(self) -> str:
        moved = (self.from_status, self.to_status)
        return " → ".join(status_words(Order.Status, status) for status in moved)
