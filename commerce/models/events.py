"""What we keep of the payment provider: events that were acted on, and products and prices made there."""

from __future__ import annotations

from django.db import models
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
