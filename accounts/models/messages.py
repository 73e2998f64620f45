"""Letters to people: written in the transaction that is their reason, sent afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class MessageQuerySet(models.QuerySet["Message"]):
    def to(self, recipient: Any) -> Self:
        return self.filter(recipient=recipient.pk)

    def to_staff(self) -> Self:
        return self.filter(recipient__isnull=True)

    def waiting(self) -> Self:
        return self.filter(status=Message.Status.PENDING)

    def due(self, *, at: datetime) -> Self:
        """Messages to send now: new ones, and those whose last failed attempt is long enough ago."""
        return self.waiting().filter(next_attempt_at__lte=at)

    def in_inbox(self) -> Self:
        return self.filter(shown_at__isnull=False)

    def unread(self) -> Self:
        return self.in_inbox().filter(read_at__isnull=True)


class Message(models.Model):
    """A message of one kind to a person, or to the staff chat. The table is the outbox: PENDING is the queue.

    recipient: None for the staff chat, which is no person and has no preferences.
    kind: the name of a letter in `accounts.notifications`. subject_of: what it is about, such as "order:7".
    dedupe: the period or occasion; a person gets a kind about a subject once in it. context: JSON that the
    letter's templates are filled with. title, link: how lists name it, in its reader's language, and where it
    leads, known once the message was looked at for the first time. shown_at: since when it is in the inbox.
    """

    class Status(models.TextChoices):
        PENDING = "PENDING", _("waiting")
        SENT = "SENT", _("sent")
        FAILED = "FAILED", _("given up")
        DROPPED = "DROPPED", _("no longer wanted")
        HELD = "HELD", _("waits for a digest")

    TRANSITIONS = {
        Status.PENDING: frozenset({Status.SENT, Status.FAILED, Status.DROPPED, Status.HELD}),
        # Its digest went out, or had no reason to tell of it.
        Status.HELD: frozenset({Status.SENT, Status.DROPPED}),
        # A person may have it tried again.
        Status.FAILED: frozenset({Status.PENDING}),
        Status.SENT: frozenset(),
        Status.DROPPED: frozenset(),
    }

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="messages",
        verbose_name=_("recipient"),
        help_text=_("Empty: the staff chat."),
    )
    kind = models.CharField(_("kind"), max_length=60)
    subject_of = models.CharField(_("about"), max_length=200)
    context = models.JSONField(_("contents"), default=dict, blank=True)
    dedupe = models.CharField(_("occasion"), max_length=200)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)
    created_at = models.DateTimeField(_("written"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    title = models.CharField(_("title"), max_length=300, blank=True, default="", db_default="")
    link = models.CharField(_("link"), max_length=500, blank=True, default="", db_default="")
    shown_at = models.DateTimeField(_("in the inbox since"), null=True, blank=True)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "kind", "subject_of", "dedupe"], name="accounts_message_once"
            ),
            # Two rows without a recipient would be different for the constraint above.
            models.UniqueConstraint(
                fields=["kind", "subject_of", "dedupe"],
                condition=Q(recipient__isnull=True),
                name="accounts_message_to_staff_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["PENDING", "SENT", "FAILED", "DROPPED", "HELD"]),
                name="accounts_message_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status="SENT", sent_at__isnull=False)
                | Q(status__in=["PENDING", "FAILED", "DROPPED", "HELD"], sent_at__isnull=True),
                name="accounts_message_sent_at_iff_sent",
            ),
            models.CheckConstraint(
                condition=Q(status="PENDING", next_attempt_at__isnull=False)
                | Q(status__in=["SENT", "FAILED", "DROPPED", "HELD"], next_attempt_at__isnull=True),
                name="accounts_message_next_attempt_iff_waiting",
            ),
        ]
        indexes = [
            models.Index(F("next_attempt_at"), name="accounts_message_queue", condition=Q(status="PENDING")),
            models.Index(
                F("recipient"),
                F("shown_at").desc(),
                name="accounts_message_inbox",
                condition=Q(shown_at__isnull=False),
            ),
            models.Index(
                F("recipient"),
                name="accounts_message_unread",
                condition=Q(shown_at__isnull=False, read_at__isnull=True),
            ),
        ]

    @property
    def looked_at(self) -> datetime:
        """The moment for which its words are found: that of sending it, or else that of writing it."""
        return getattr(self, "_looked_at", self.created_at)

    @looked_at.setter
    def looked_at(self, at: datetime) -> None:
        self._looked_at = at

    def __str__(self) -> str:
        return f"{self.kind} · {self.recipient or _('staff chat')}"
