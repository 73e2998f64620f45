"""A day of the provider's ledger beside ours."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models.payments import Payment
from commerce.models.refunds import Refund


class Reconciliation(models.Model):
    """One comparison of one account's day. The latest one of a day counts."""

    account = models.CharField(_("provider account"), max_length=20)
    day = models.DateField(_("day"), help_text=_("In UTC, as the provider counts."))
    run_at = models.DateTimeField(_("compared"))
    matched = models.PositiveIntegerField(_("matched"), default=0)

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        ordering = ["-day", "account", "-run_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="commerce_reconciliation_once_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.account} · {self.day}"


class FindingQuerySet(models.QuerySet["Finding"]):
    def unresolved(self) -> Self:
        return self.filter(resolved_at__isnull=True)


class Finding(models.Model):
    """A charge or refund on which the provider and the portal do not agree."""

    class Kind(models.TextChoices):
        MISSING_HERE = "MISSING_HERE", _("missing here")
        MISSING_THERE = "MISSING_THERE", _("missing there")
        DIFFERENT = "DIFFERENT", _("different")

    reconciliation = models.ForeignKey(
        Reconciliation, on_delete=models.CASCADE, related_name="findings", verbose_name=_("reconciliation")
    )
    kind = models.CharField(_("kind"), max_length=15, choices=Kind)
    provider_id = models.CharField(
        _("name at the provider"), max_length=255, blank=True, help_text=_("Of the charge or the refund.")
    )
    payment = models.ForeignKey(
        Payment,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="findings",
        verbose_name=_("payment"),
    )
    refund = models.ForeignKey(
        Refund,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="findings",
        verbose_name=_("refund"),
    )
    currency = models.CharField(_("currency"), max_length=3)
    ours_minor = models.PositiveBigIntegerField(_("here"), null=True, blank=True)
    theirs_minor = models.PositiveBigIntegerField(_("at the provider"), null=True, blank=True)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("resolved by"),
    )
    resolution = models.CharField(_("resolution"), max_length=500, blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        verbose_name = _("finding of a reconciliation")
        verbose_name_plural = _("findings of reconciliations")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["MISSING_HERE", "MISSING_THERE", "DIFFERENT"]),
                name="commerce_finding_kind_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.provider_id or self.payment}"
