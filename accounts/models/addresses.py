"""Addresses to which no mail goes, because of what the mail provider reported."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class StoppedAddress(models.Model):
    class Reason(models.TextChoices):
        BOUNCED = "BOUNCED", _("mail to it comes back")
        COMPLAINED = "COMPLAINED", _("its owner called our mail spam")
        UNSUBSCRIBED = "UNSUBSCRIBED", _("its owner unsubscribed at the mail provider")

    email = models.EmailField(_("e-mail address"), unique=True)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    details = models.CharField(_("what the provider said"), max_length=500, blank=True)
    stopped_at = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("address without mail")
        verbose_name_plural = _("addresses without mail")
        ordering = ["-stopped_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(reason__in=["BOUNCED", "COMPLAINED", "UNSUBSCRIBED"]),
                name="accounts_stoppedaddress_reason_known",
            ),
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="accounts_stoppedaddress_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.lower()
        super().save(*args, **kwargs)
