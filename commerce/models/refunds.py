"""Money given back: one row for each refund, whoever began it."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models.payments import Payment
from commerce.money import Money


class RefundQuerySet(models.QuerySet["Refund"]):
    def standing(self) -> Self:
        """Refunds that count: given back already, or on the way."""
        return self.exclude(status=Refund.Status.FAILED)

    def unsent(self) -> Self:
        """Refunds of which the provider has not told us its name: asked for, and the answer was lost."""
        return self.filter(status=Refund.Status.PENDING, provider_id="").exclude(payment__account="")


class Refund(models.Model):
    """Part or all of a payment, given back. The row is there before the provider is asked."""

    class Status(models.TextChoices):
        PENDING = "PENDING", _("on its way")
        SUCCEEDED = "SUCCEEDED", _("given back")
        FAILED = "FAILED", _("failed")

    class Origin(models.TextChoices):
        STAFF = "STAFF", _("by staff")
        PROVIDER = "PROVIDER", _("at the provider")
        AUTOMATIC = "AUTOMATIC", _("by itself")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="refunds", verbose_name=_("payment")
    )
    account = models.CharField(_("provider account"), max_length=20, blank=True)
    provider_id = models.CharField(_("name at the provider"), max_length=255, blank=True)
    amount_minor = models.PositiveBigIntegerField(_("amount in the smallest unit"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PENDING)
    origin = models.CharField(_("begun"), max_length=10, choices=Origin)
    reason = models.CharField(
        _("reason"), max_length=500, blank=True, help_text=_("The buyer reads it, in the letter about it.")
    )
    failure = models.CharField(_("why it failed"), max_length=500, blank=True, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("asked for by"),
    )
    created_at = models.DateTimeField(_("created"))
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="commerce_refund_amount_positive"),
            models.CheckConstraint(
                condition=Q(status__in=["PENDING", "SUCCEEDED", "FAILED"]),
                name="commerce_refund_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status="PENDING", settled_at__isnull=True)
                | (~Q(status="PENDING") & Q(settled_at__isnull=False)),
                name="commerce_refund_settled_at_iff_settled",
            ),
            models.UniqueConstraint(
                fields=["account", "provider_id"],
                condition=~Q(provider_id=""),
                name="commerce_refund_once_per_account",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payment} · {self.amount}"

    @property
    def amount(self) -> Money:
        return Money.from_minor(self.amount_minor, self.payment.currency)
