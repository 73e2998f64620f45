"""What the shop sells, and how much of it is there."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from commerce.models.orders import OrderLine
from commerce.money import AmountNotPayable, Money, maximum_charge, minimum_charge, smallest_step


def currency_choices() -> list[tuple[str, str]]:
    return [(currency, currency) for currency in settings.CURRENCIES]


def default_currency() -> str:
    return settings.DEFAULT_CURRENCY


class ItemQuerySet(models.QuerySet["Item"]):
    def for_sale(self) -> Self:
        """Items that are offered, whether or not any is left."""
        return self.filter(is_for_sale=True)


class Item(models.Model):
    """A thing of the shop. `stock` is what is left to sell; None where it never runs out."""

    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    picture = models.ImageField(_("picture"), upload_to="items/", blank=True)
    price = models.DecimalField(
        _("price"), max_digits=12, decimal_places=3, validators=[MinValueValidator(Decimal("0.001"))]
    )
    currency = models.CharField(
        _("currency"), max_length=3, choices=currency_choices, default=default_currency
    )
    stock = models.PositiveIntegerField(
        _("in stock"),
        null=True,
        blank=True,
        help_text=_("How many are left to sell; empty: it never runs out."),
    )
    is_for_sale = models.BooleanField(_("for sale"), default=True)

    objects = ItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(price__gt=0), name="commerce_item_price_positive"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        if self.price is None or not self.currency:
            return
        try:
            price = self.price_money
        except AmountNotPayable as error:
            message = gettext("%(currency)s has no such small change. Write a whole amount.")
            raise ValidationError({"price": message % {"currency": self.currency}}) from error
        if price.minor % smallest_step(self.currency):
            message = gettext("%(currency)s is paid in steps of %(step)s.")
            step = Money.from_minor(smallest_step(self.currency), self.currency)
            raise ValidationError({"price": message % {"currency": self.currency, "step": step}})
        if price < minimum_charge(self.currency):
            message = gettext("The least that can be paid by card is %(minimum)s.")
            raise ValidationError({"price": message % {"minimum": minimum_charge(self.currency)}})
        if price > maximum_charge(self.currency):
            message = gettext("The most that can be paid by card is %(maximum)s.")
            raise ValidationError({"price": message % {"maximum": maximum_charge(self.currency)}})

    @property
    def price_money(self) -> Money:
        return Money(Decimal(self.price), self.currency)

    @property
    def is_in_stock(self) -> bool:
        return self.stock is None or self.stock > 0


class StockHold(models.Model):
    """Pieces taken out of the stock for a line of a placed order, and put back when it is given up."""

    line = models.OneToOneField(
        OrderLine, on_delete=models.PROTECT, related_name="stock_hold", verbose_name=_("order line")
    )
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="holds", verbose_name=_("item"))
    quantity = models.PositiveIntegerField(_("quantity"))
    taken_at = models.DateTimeField(_("taken"))
    returned_at = models.DateTimeField(_("put back"), null=True, blank=True)

    class Meta:
        verbose_name = _("stock held")
        verbose_name_plural = _("stock held")
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="commerce_stockhold_quantity_positive"),
            models.CheckConstraint(
                condition=Q(returned_at__isnull=True) | Q(returned_at__gte=F("taken_at")),
                name="commerce_stockhold_returned_after_taken",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.item}"
