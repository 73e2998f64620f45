"""Who waits for a book that is out."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from commerce.models.statuses import HasStatus, StatusChange
from library.models.catalogue import Book
from library.models.copies import Copy
from library.models.loans import Borrowing


class HoldQuerySet(models.QuerySet["Hold"]):
    def by(self, member: Any) -> Self:
        return self.filter(member=member.pk)

    def of(self, book: Any) -> Self:
        return self.filter(book=book.pk)

    def open(self) -> Self:
        return self.filter(status__in=Hold.OPEN)

    def waiting(self) -> Self:
        """Those in the queue, first come first."""
        return self.filter(status=Hold.Status.WAITING).order_by("placed_at", "pk")

    def ready(self) -> Self:
        return self.filter(status=Hold.Status.READY)

    def past_their_time(self, *, on: date) -> Self:
        """A copy waits for them on the shelf, and nobody came in time."""
        return self.ready().filter(shelf_until__lt=on)


class Hold(HasStatus):
    """A member's place in the queue for a book. READY while a copy of it waits for them on the shelf."""

    class Status(models.TextChoices):
        WAITING = "WAITING", pgettext_lazy("hold", "waiting")
        READY = "READY", _("ready to be fetched")
        FULFILLED = "FULFILLED", _("borrowed")
        CANCELLED = "CANCELLED", _("cancelled")
        EXPIRED = "EXPIRED", _("not fetched in time")

    OPEN = (Status.WAITING, Status.READY)
    TRANSITIONS = {
        Status.WAITING: frozenset({Status.READY, Status.FULFILLED, Status.CANCELLED}),
        # The copy set aside may turn out to be broken or lost: its member waits again, in their old place.
        Status.READY: frozenset({Status.FULFILLED, Status.CANCELLED, Status.EXPIRED, Status.WAITING}),
        Status.FULFILLED: frozenset(),
        Status.CANCELLED: frozenset(),
        Status.EXPIRED: frozenset(),
    }

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="holds", verbose_name=_("book"))
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="holds", verbose_name=_("member")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.WAITING)
    copy = models.ForeignKey(
        Copy, on_delete=models.PROTECT, null=True, blank=True, related_name="holds", verbose_name=_("copy")
    )
    shelf_until = models.DateField(_("on the shelf until"), null=True, blank=True)
    borrowing = models.OneToOneField(
        Borrowing,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="hold",
        verbose_name=_("borrowing"),
    )
    placed_at = models.DateTimeField(_("placed"))

    objects = HoldQuerySet.as_manager()

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        ordering = ["placed_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["WAITING", "READY", "FULFILLED", "CANCELLED", "EXPIRED"]),
                name="library_hold_status_known",
            ),
            models.UniqueConstraint(
                fields=["member", "book"],
                condition=Q(status__in=["WAITING", "READY"]),
                name="library_hold_one_open_per_member_and_book",
            ),
            models.UniqueConstraint(
                fields=["copy"], condition=Q(status="READY"), name="library_hold_copy_set_aside_once"
            ),
            models.CheckConstraint(
                condition=Q(status="READY", copy__isnull=False, shelf_until__isnull=False)
                | Q(status__in=["WAITING", "FULFILLED", "CANCELLED", "EXPIRED"], copy__isnull=True),
                name="library_hold_copy_iff_ready",
            ),
        ]
        indexes = [
            models.Index(
                fields=["book", "placed_at"], name="library_hold_queue", condition=Q(status="WAITING")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.book} · {self.member}"


class HoldStatusChange(StatusChange):
    hold = models.ForeignKey(Hold, on_delete=models.CASCADE, related_name="status_changes")

    class Meta(StatusChange.Meta):
        verbose_name = _("change of a hold")
        verbose_name_plural = _("changes of holds")
