"""Copies of books: each a thing with a barcode that is somewhere."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models.statuses import HasStatus, StatusChange
from library.models.catalogue import Book


class CopyQuerySet(models.QuerySet["Copy"]):
    def of(self, book: Any) -> Self:
        return self.filter(book=book.pk)

    def available(self) -> Self:
        return self.filter(status=Copy.Status.AVAILABLE)

    def out(self) -> Self:
        """Copies that somebody has, or that stand on the shelf for somebody."""
        return self.filter(status__in=[Copy.Status.ON_LOAN, Copy.Status.ON_HOLD_SHELF])

    def held(self) -> Self:
        """All that the library still has."""
        return self.exclude(status=Copy.Status.WITHDRAWN)


class Copy(HasStatus):
    """One copy of a book. ON_LOAN while a borrowing of it is open, ON_HOLD_SHELF while a hold is READY."""

    class Status(models.TextChoices):
        AVAILABLE = "AVAILABLE", _("available")
        ON_LOAN = "ON_LOAN", _("on loan")
        ON_HOLD_SHELF = "ON_HOLD_SHELF", _("on the hold shelf")
        REPAIR = "REPAIR", _("in repair")
        MISSING = "MISSING", _("missing")
        WITHDRAWN = "WITHDRAWN", _("withdrawn")

    TRANSITIONS = {
        Status.AVAILABLE: frozenset(
            {Status.ON_LOAN, Status.ON_HOLD_SHELF, Status.REPAIR, Status.MISSING, Status.WITHDRAWN}
        ),
        # Back from a loan it may be broken, or never have come back at all.
        Status.ON_LOAN: frozenset({Status.AVAILABLE, Status.ON_HOLD_SHELF, Status.REPAIR, Status.MISSING}),
        Status.ON_HOLD_SHELF: frozenset(
            {Status.ON_LOAN, Status.AVAILABLE, Status.REPAIR, Status.MISSING, Status.WITHDRAWN}
        ),
        Status.REPAIR: frozenset({Status.AVAILABLE, Status.ON_HOLD_SHELF, Status.MISSING, Status.WITHDRAWN}),
        Status.MISSING: frozenset({Status.AVAILABLE, Status.ON_HOLD_SHELF, Status.REPAIR, Status.WITHDRAWN}),
        Status.WITHDRAWN: frozenset({Status.AVAILABLE, Status.ON_HOLD_SHELF}),
    }

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="copies", verbose_name=_("book"))
    barcode = models.CharField(
        _("barcode"), max_length=40, unique=True, help_text=_("What stands on its label and is scanned.")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.AVAILABLE)
    location = models.CharField(_("place on the shelf"), max_length=60, blank=True)
    note = models.CharField(_("note"), max_length=255, blank=True, help_text=_("For staff."))
    acquired_on = models.DateField(_("acquired"), null=True, blank=True)

    objects = CopyQuerySet.as_manager()

    class Meta:
        verbose_name = _("copy")
        verbose_name_plural = _("copies")
        ordering = ["book", "barcode"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=["AVAILABLE", "ON_LOAN", "ON_HOLD_SHELF", "REPAIR", "MISSING", "WITHDRAWN"]
                ),
                name="library_copy_status_known",
            ),
        ]
        indexes = [models.Index(fields=["book", "status"], name="library_copy_of_book_by_status")]

    def __str__(self) -> str:
        return self.barcode


class CopyStatusChange(StatusChange):
    copy = models.ForeignKey(Copy, on_delete=models.CASCADE, related_name="status_changes")

    class Meta(StatusChange.Meta):
        verbose_name = _("change of a copy")
        verbose_name_plural = _("changes of copies")
