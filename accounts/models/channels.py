"""How messages reach people: the ways, what each person chose, and what went which way."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Channel(models.TextChoices):
    """A way to people. The inbox is a page of the portal: what is there cannot fail to arrive."""

    EMAIL = "EMAIL", _("E-mail")
    INBOX = "INBOX", pgettext_lazy("of messages, on the site", "Inbox")
    TELEGRAM = "TELEGRAM", "Telegram"


class Frequency(models.TextChoices):
    INSTANT = "INSTANT", _("At once")
    DAILY = "DAILY", _("Once a day")
    WEEKLY = "WEEKLY", _("Once a week")
    OFF = "OFF", _("Never")


class NotificationChoice(models.Model):
    """What a person chose for a kind of message and a channel. Without a row the kind's usual holds."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notification_choices",
        verbose_name=_("person"),
    )
    kind = models.CharField(_("kind"), max_length=60)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    frequency = models.CharField(_("how often"), max_length=10, choices=Frequency)

    class Meta:
        verbose_name = _("choice of messages")
        verbose_name_plural = _("choices of messages")
        ordering = ["user", "kind", "channel"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "channel"], name="accounts_notificationchoice_once"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=["EMAIL", "INBOX", "TELEGRAM"])
                & Q(frequency__in=["INSTANT", "DAILY", "WEEKLY", "OFF"]),
                name="accounts_notificationchoice_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.kind} · {self.channel} · {self.frequency}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def held(self) -> Self:
        """What waits for a digest that has not been written."""
        return self.filter(status=Delivery.Status.HELD, digest__isnull=True)

    def due(self, *, at: datetime) -> Self:
        return self.held().filter(due_at__lte=at)

    def to(self, person: Any) -> Self:
        return self.filter(message__recipient=person.pk)


class Delivery(models.Model):
    """That a message is through by one channel: gone out, refused for good, or left to a digest.

    due_at: of what is held, when the digest is due. digest: the message that tells of it.
    """

    class Status(models.TextChoices):
        SENT = "SENT", _("sent")
        HELD = "HELD", _("waits for a digest")
        FAILED = "FAILED", _("given up")
        DROPPED = "DROPPED", _("no longer wanted")

    message = models.ForeignKey(
        "accounts.Message",
        on_delete=models.CASCADE,
        related_name="deliveries",
        verbose_name=_("message"),
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    status = models.CharField(_("status"), max_length=10, choices=Status)
    at = models.DateTimeField(_("when"))
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    digest = models.ForeignKey(
        "accounts.Message",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="told",
        verbose_name=_("digest"),
    )
    error = models.TextField(_("error"), blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["message", "channel"], name="accounts_delivery_once"),
            models.CheckConstraint(
                condition=Q(channel__in=["EMAIL", "TELEGRAM"])
                & Q(status__in=["SENT", "HELD", "FAILED", "DROPPED"]),
                name="accounts_delivery_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="HELD") | Q(due_at__isnull=False), name="accounts_delivery_held_until"
            ),
        ]
        indexes = [
            models.Index(
                F("due_at"),
                name="accounts_delivery_due",
                condition=Q(status="HELD", digest__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message} · {self.channel} · {self.status}"


class TelegramChat(models.Model):
    """The chat in which a person wants to be told things. Whoever opens it with another account moves it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="telegram_chat",
        verbose_name=_("person"),
    )
    chat = models.CharField(_("chat"), max_length=40, unique=True)
    linked_at = models.DateTimeField(_("linked"))

    class Meta:
        verbose_name = _("chat of Telegram")
        verbose_name_plural = _("chats of Telegram")

    def __str__(self) -> str:
        return str(self.user)


class TelegramCode(models.Model):
    """What the link to the bot carries, so that the bot knows who opened it. Kept as a hash; works once."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="telegram_code",
        verbose_name=_("person"),
    )
    digest = models.CharField(max_length=64, unique=True)
    valid_until = models.DateTimeField(_("valid until"))

    class Meta:
        verbose_name = _("code for Telegram")
        verbose_name_plural = _("codes for Telegram")

    def __str__(self) -> str:
        return str(self.user)
