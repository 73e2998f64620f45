"""What makes an order cheaper or dearer than its lines: discounts and taxes, and what orders kept of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from commerce.models.orders import Order
from commerce.money import AmountNotPayable, Money


class DiscountQuerySet(models.QuerySet["Discount"]):
    def valid(self, *, at: datetime) -> Self:
        """Discounts that may be taken now; the limit is looked at again when an order is placed."""
        return self.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=at),
            Q(valid_until__isnull=True) | Q(valid_until__gt=at),
            Q(max_redemptions__isnull=True) | Q(times_redeemed__lt=F("max_redemptions")),
            is_active=True,
        )

    def automatic(self) -> Self:
        """Discounts that every order gets without asking."""
        return self.filter(code="")

    def with_code(self, code: str) -> Self:
        return self.filter(code__iexact=code.strip()).exclude(code="")


class Discount(models.Model):
    """So many percent, or so much, off the goods of an order."""

    name = models.CharField(
        _("name"), max_length=40, help_text=_("Stands on the order and on the payment page.")
    )
    code = models.CharField(
        _("code"),
        max_length=40,
        blank=True,
        help_text=_("What buyers type, in any case; empty: every order gets it by itself."),
    )
    percent_off = models.DecimalField(
        _("percent off"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(Decimal(100))],
    )
    amount_off = models.DecimalField(_("amount off"), max_digits=12, decimal_places=3, null=True, blank=True)
    currency = models.CharField(
        _("currency"), max_length=3, blank=True, help_text=_("Of the amount; empty with a percentage.")
    )
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    max_redemptions = models.PositiveIntegerField(
        _("at most so many orders"), null=True, blank=True, help_text=_("Empty: any number.")
    )
    times_redeemed = models.PositiveIntegerField(_("orders so far"), default=0, editable=False)
    is_active = models.BooleanField(_("active"), default=True)

    objects = DiscountQuerySet.as_manager()

    class Meta:
        verbose_name = _("discount")
        verbose_name_plural = _("discounts")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(Upper("code"), condition=~Q(code=""), name="commerce_discount_code_once"),
            models.CheckConstraint(
                condition=Q(percent_off__isnull=False, amount_off__isnull=True, currency="")
                | (Q(percent_off__isnull=True, amount_off__isnull=False) & ~Q(currency="")),
                name="commerce_discount_percent_or_amount",
            ),
            models.CheckConstraint(
                condition=Q(percent_off__isnull=True) | Q(percent_off__gt=0, percent_off__lte=100),
                name="commerce_discount_percent_in_range",
            ),
            models.CheckConstraint(
                condition=Q(amount_off__isnull=True) | Q(amount_off__gt=0),
                name="commerce_discount_amount_positive",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_until__isnull=True)
                | Q(valid_until__gt=F("valid_from")),
                name="commerce_discount_until_after_from",
            ),
            models.CheckConstraint(
                condition=Q(max_redemptions__isnull=True) | Q(times_redeemed__lte=F("max_redemptions")),
                name="commerce_discount_within_limit",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def amount(self) -> Money:
        """What it takes off when it is no percentage."""
        return Money(Decimal(self.amount_off or 0), self.currency)

    def clean(self) -> None:
        super().clean()
        if (self.percent_off is None) == (self.amount_off is None):
            raise ValidationError(gettext("Give a percentage or an amount, and not both."))
        if self.amount_off is None:
            self.currency = ""
            return
        if not self.currency:
            raise ValidationError({"currency": gettext("An amount needs its currency.")})
        try:
            Money(Decimal(self.amount_off), self.currency)
        except AmountNotPayable as error:
            message = gettext("%(currency)s has no such small change. Write a whole amount.")
            raise ValidationError({"amount_off": message % {"currency": self.currency}}) from error


class TaxQuerySet(models.QuerySet["Tax"]):
    def on(self, currency: str) -> Self:
        """Taxes that goods in a currency bear now."""
        return self.filter(Q(currency="") | Q(currency=currency), is_active=True)


class Tax(models.Model):
    """A percentage of the price: contained in it, or added to it."""

    name = models.CharField(_("name"), max_length=50, help_text=_("Such as VAT; stands on the order."))
    percentage = models.DecimalField(
        _("percentage"),
        max_digits=7,
        decimal_places=4,
        validators=[MinValueValidator(Decimal("0.0001")), MaxValueValidator(Decimal(100))],
    )
    is_inclusive = models.BooleanField(
        _("contained in prices"), help_text=_("Ticked: prices contain it. Not ticked: it is added to them.")
    )
    country = models.CharField(
        _("country"), max_length=2, blank=True, help_text=_("Two letters, such as DE.")
    )
    currency = models.CharField(
        _("currency"), max_length=3, blank=True, help_text=_("Only for orders in it; empty: for all.")
    )
    is_active = models.BooleanField(_("active"), default=True)

    objects = TaxQuerySet.as_manager()

    class Meta:
        verbose_name = _("tax")
        verbose_name_plural = _("taxes")
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(percentage__gt=0, percentage__lte=100), name="commerce_tax_percentage_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.percentage.normalize():f} %"


class OrderDiscount(models.Model):
    """The discount of an order: of a cart the one asked for, of a placed order what it was then."""

    order = models.OneToOneField(
        Order, on_delete=models.CASCADE, related_name="order_discount", verbose_name=_("order")
    )
    discount = models.ForeignKey(
        Discount, on_delete=models.PROTECT, related_name="order_discounts", verbose_name=_("discount")
    )
    name = models.CharField(_("name"), max_length=40)
    percent_off = models.DecimalField(_("percent off"), max_digits=5, decimal_places=2, null=True, blank=True)
    amount_off_minor = models.PositiveBigIntegerField(
        _("amount off in the smallest unit"), null=True, blank=True
    )
    is_redeemed = models.BooleanField(
        _("counted"), default=False, help_text=_("Whether the order counts against the discount's limit.")
    )

    class Meta:
        verbose_name = _("discount of an order")
        verbose_name_plural = _("discounts of orders")
        constraints = [
            models.CheckConstraint(
                condition=Q(percent_off__isnull=False, amount_off_minor__isnull=True)
                | Q(percent_off__isnull=True, amount_off_minor__isnull=False),
                name="commerce_orderdiscount_percent_or_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OrderTax(models.Model):
    """A tax of a placed order, as it was then, and what it comes to."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="taxes", verbose_name=_("order"))
    tax = models.ForeignKey(Tax, on_delete=models.PROTECT, related_name="order_taxes", verbose_name=_("tax"))
    name = models.CharField(_("name"), max_length=50)
    percentage = models.DecimalField(_("percentage"), max_digits=7, decimal_places=4)
    is_inclusive = models.BooleanField(_("contained in prices"))
    country = models.CharField(_("country"), max_length=2, blank=True)
    amount_minor = models.PositiveBigIntegerField(_("amount in the smallest unit"))

    class Meta:
        verbose_name = _("tax of an order")
        verbose_name_plural = _("taxes of orders")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["order", "tax"], name="commerce_ordertax_once_per_order"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.percentage.normalize():f} %"

    @property
    def amount(self) -> Money:
        return Money.from_minor(self.amount_minor, self.order.currency)
