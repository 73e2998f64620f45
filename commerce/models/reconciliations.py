"""A day of the provider's ledger beside ours."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from commerce.models.payments import Payment
from commerce.models.refunds import Refund
from commerce.money import Money


class ReconciliationQuerySet(models.QuerySet["Reconciliation"]):
    def counted(self) -> Self:
        """With the number of findings of each kind, and of those that nobody has resolved."""
        kinds = {
            kind.lower(): Count("findings", filter=Q(findings__kind=kind)) for kind in Finding.Kind.values
        }
        unresolved = Count("findings", filter=Q(findings__resolved_at__isnull=True, findings__isnull=False))
        return self.annotate(**kinds, unresolved=unresolved)


class Reconciliation(models.Model):
    """One comparison of one account's day. The latest one of a day counts."""

    account = models.CharField(_("provider account"), max_length=20)
    day = models.DateField(_("day"), help_text=_("In UTC, as the provider counts."))
    run_at = models.DateTimeField(_("compared"))
    matched = models.PositiveIntegerField(_("matched"), default=0)

    objects = ReconciliationQuerySet.as_manager()

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

    class Cause(models.TextChoices):
        """What exactly does not agree; kept in `detail`."""

        FOREIGN = "FOREIGN", _("It is not of the portal: it carries no mark of ours.")
        UNKNOWN = "UNKNOWN", _("It names a payment that the portal does not have.")
        NOT_RECORDED = "NOT_RECORDED", _("The money was taken, and the portal has not heard of it.")
        SECOND_CHARGE = "SECOND_CHARGE", _("The payment has another charge: this is a second one.")
        NOT_CHARGED = "NOT_CHARGED", _("The portal has it as paid, and the payment service took nothing.")
        OTHER_AMOUNT = "OTHER_AMOUNT", _("The amounts differ.")
        REFUND_NOT_RECORDED = "REFUND_NOT_RECORDED", _("Given back at the payment service, and not heard of.")
        REFUND_NOT_THERE = "REFUND_NOT_THERE", _("Given back here, and the payment service has no refund.")
        REFUND_NOT_SENT = "REFUND_NOT_SENT", _("The refund was begun here, and has no answer.")
        REFUND_OTHER_STATUS = "REFUND_OTHER_STATUS", _("The refund succeeded for one and not for the other.")

    class Repair(models.TextChoices):
        """What a person can do about it; kept in `resolution`, where a note has words instead."""

        ASK = "ASK", _("Ask the payment service again")
        LEARN = "LEARN", _("Take over its refunds")
        SEND = "SEND", _("Send the refund again")
        HOLD = "HOLD", _("Hold the payment for a decision")
        FOREIGN = "FOREIGN", _("Not ours")
        NOTE = "NOTE", _("Looked into")

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

    @property
    def words(self) -> str:
        """What does not agree, in the reader's language."""
        return str(Finding.Cause(self.detail).label) if self.detail in Finding.Cause.values else self.detail

    @property
    def resolution_words(self) -> str:
        """What was done about it, in the reader's language; a person's note as it was written."""
        known = self.resolution in Finding.Repair.values
        return str(Finding.Repair(self.resolution).label) if known else self.resolution

    @property
    def ours(self) -> Money | None:
        return None if self.ours_minor is None else Money.from_minor(self.ours_minor, self.currency)

    @property
    def theirs(self) -> Money | None:
        return None if self.theirs_minor is None else Money.from_minor(self.theirs_minor, self.currency)
