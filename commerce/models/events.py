"""What we keep of the payment provider: events that were acted on, and what was made there."""

from __future__ import annotations

from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from commerce.models.payments import Payment


class GatewayEvent(models.Model):
    """An event of the provider that has had its effect. Its row and its effect are one transaction."""

    account = models.CharField(_("provider account"), max_length=20)
    event_id = models.CharField(_("event"), max_length=255)
    kind = models.CharField(_("kind"), max_length=100)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="events", verbose_name=_("payment")
    )
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name = _("provider event")
        verbose_name_plural = _("provider events")
        ordering = ["-received_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "event_id"], name="commerce_gatewayevent_once_per_account"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class GatewayPrice(models.Model):
    """A product and a price that exist at the provider, so that selling a thing again makes no new ones."""

    account = models.CharField(_("provider account"), max_length=20)
    kind = models.CharField(_("kind"), max_length=30)
    reference = models.CharField(_("reference"), max_length=100)
    title = models.CharField(_("title"), max_length=255)
    currency = models.CharField(_("currency"), max_length=3)
    unit_minor = models.PositiveBigIntegerField(_("price in the smallest unit"))
    product_id = models.CharField(_("product"), max_length=255)
    price_id = models.CharField(_("price"), max_length=255)
    is_void = models.BooleanField(_("to be made anew"), default=False)

    class Meta:
        verbose_name = _("provider price")
        verbose_name_plural = _("provider prices")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "reference", "title", "currency", "unit_minor"],
                name="commerce_gatewayprice_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} · {self.price_id}"


class GatewayCoupon(models.Model):
    """A coupon that exists at the provider for a discount as orders keep it."""

    account = models.CharField(_("provider account"), max_length=20)
    name = models.CharField(_("name"), max_length=40)
    percent_off = models.DecimalField(_("percent off"), max_digits=5, decimal_places=2, null=True)
    amount_off_minor = models.PositiveBigIntegerField(_("amount off in the smallest unit"), null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    coupon_id = models.CharField(_("coupon"), max_length=255)
    is_void = models.BooleanField(_("to be made anew"), default=False)

    class Meta:
        verbose_name = _("provider coupon")
        verbose_name_plural = _("provider coupons")
        constraints = [
            # Two rows with NULL in a column are never the same to every database.
            models.UniqueConstraint(
                "account",
                "name",
                Coalesce("percent_off", Value(0, models.DecimalField())),
                Coalesce("amount_off_minor", Value(0, models.PositiveBigIntegerField())),
                "currency",
                name="commerce_gatewaycoupon_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} · {self.coupon_id}"


class GatewayTaxRate(models.Model):
    """A tax rate that exists at the provider for a tax as orders keep it."""

    account = models.CharField(_("provider account"), max_length=20)
    name = models.CharField(_("name"), max_length=50)
    percentage = models.DecimalField(_("percentage"), max_digits=7, decimal_places=4)
    is_inclusive = models.BooleanField(_("contained in prices"))
    country = models.CharField(_("country"), max_length=2, blank=True)
    tax_rate_id = models.CharField(_("tax rate"), max_length=255)
    is_void = models.BooleanField(_("to be made anew"), default=False)

    class Meta:
        verbose_name = _("provider tax rate")
        verbose_name_plural = _("provider tax rates")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "name", "percentage", "is_inclusive", "country"],
                name="commerce_gatewaytaxrate_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} · {self.tax_rate_id}"
