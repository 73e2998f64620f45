"""One message to many: who is told is asked batch by batch, after the transaction that is the reason."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _


class BroadcastQuerySet(models.QuerySet["Broadcast"]):
    def unfinished(self) -> Self:
        return self.filter(finished_at__isnull=True)


class Broadcast(models.Model):
    """A message to all of an audience. after: the last reader it was written to; it goes on behind them.

    audience: a name registered in `accounts.notifications`; of: which one, such as the key of a course.
    """

    kind = models.CharField(_("kind"), max_length=60)
    subject_of = models.CharField(_("about"), max_length=200)
    dedupe = models.CharField(_("occasion"), max_length=200)
    context = models.JSONField(_("contents"), default=dict, blank=True)
    audience = models.CharField(_("audience"), max_length=60)
    of = models.CharField(_("audience of"), max_length=60)
    after = models.BigIntegerField(_("written up to"), default=0)
    written = models.PositiveIntegerField(_("written to"), default=0)
    created_at = models.DateTimeField(_("written"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = BroadcastQuerySet.as_manager()

    class Meta:
        verbose_name = _("message to many")
        verbose_name_plural = _("messages to many")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_of", "dedupe"], name="accounts_broadcast_once"),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                name="accounts_broadcast_to_do",
                condition=models.Q(finished_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} · {self.subject_of}"
