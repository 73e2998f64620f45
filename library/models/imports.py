"""Files of books taken into the catalogue: what each was, how far it got, what became of each record."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from commerce.models.statuses import HasStatus, StatusChange
from library.models.catalogue import Book, currency_choices, default_currency


class Format(models.TextChoices):
    """How books are written in a file."""

    CSV = "CSV", _("spreadsheet (CSV)")
    MARC21 = "MARC21", _("MARC 21, binary")
    MARCXML = "MARCXML", _("MARCXML")


class Encoding(models.TextChoices):
    """How the characters of a spreadsheet are written. MARC says it by itself."""

    UTF_8 = "utf-8", _("UTF-8, or what the file says by itself")
    WINDOWS_1251 = "cp1251", _("Windows, Cyrillic (1251)")
    WINDOWS_1252 = "cp1252", _("Windows, Western European (1252)")


def private_storage() -> Storage:
    return storages["private"]


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def running(self) -> Self:
        """Those that the worker has to go on with."""
        return self.filter(status__in=ImportRun.RUNNING)

    def silent_since(self, moment: datetime) -> Self:
        """Those of which nothing has been heard since then."""
        return self.filter(touched_at__lt=moment)


class ImportRun(HasStatus):
    """One file of books, from its upload to its end. The file itself is kept until then, and no longer.

    position: how many records are done in the stage at hand; it is written together with what they changed,
    so a run that was cut off goes on behind them. language: in which the reasons of refusals are written.
    """

    class Status(models.TextChoices):
        CHECKING = "CHECKING", _("being checked")
        CHECKED = "CHECKED", _("checked, waits for a yes")
        IMPORTING = "IMPORTING", _("being imported")
        DONE = "DONE", _("imported")
        UNREADABLE = "UNREADABLE", _("cannot be read")
        FAILED = "FAILED", _("broken off")
        CANCELLED = "CANCELLED", pgettext_lazy("import", "given up")

    RUNNING = (Status.CHECKING, Status.IMPORTING)
    ENDED = (Status.DONE, Status.UNREADABLE, Status.FAILED, Status.CANCELLED)
    TRANSITIONS = {
        Status.CHECKING: frozenset({Status.CHECKED, Status.UNREADABLE, Status.FAILED, Status.CANCELLED}),
        Status.CHECKED: frozenset({Status.IMPORTING, Status.CANCELLED}),
        Status.IMPORTING: frozenset({Status.DONE, Status.FAILED}),
        Status.DONE: frozenset(),
        Status.UNREADABLE: frozenset(),
        Status.FAILED: frozenset(),
        Status.CANCELLED: frozenset(),
    }

    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.CHECKING)
    file = models.FileField(_("file"), upload_to="imports", storage=private_storage, blank=True)
    filename = models.CharField(_("file name"), max_length=255)
    format = models.CharField(_("format"), max_length=10, choices=Format)
    encoding = models.CharField(_("characters"), max_length=10, choices=Encoding, default=Encoding.UTF_8)
    daily_fee = models.DecimalField(
        _("fee per day"),
        max_digits=12,
        decimal_places=3,
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("Of new books for which the file names none; 0 lends them free of charge."),
    )
    currency = models.CharField(
        _("currency"), max_length=3, choices=currency_choices, default=default_currency
    )
    location = models.CharField(
        _("place on the shelf"),
        max_length=60,
        blank=True,
        help_text=_("Of new copies for which the file names none."),
    )
    language = models.CharField(_("language"), max_length=10, default="en")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    position = models.PositiveIntegerField(_("records done"), default=0)
    total = models.PositiveIntegerField(_("records"), null=True, blank=True)
    added = models.PositiveIntegerField(_("added"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)
    copies = models.PositiveIntegerField(_("new copies"), default=0)
    notes = models.TextField(_("notes"), blank=True)
    error = models.TextField(_("what went wrong"), blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("uploaded"))
    touched_at = models.DateTimeField(_("last heard of"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "CHECKING",
                        "CHECKED",
                        "IMPORTING",
                        "DONE",
                        "UNREADABLE",
                        "FAILED",
                        "CANCELLED",
                    ]
                ),
                name="library_importrun_status_known",
            ),
            models.CheckConstraint(
                condition=Q(position=F("added") + F("updated") + F("unchanged") + F("refused")),
                name="library_importrun_every_record_is_counted",
            ),
            models.CheckConstraint(
                condition=Q(daily_fee__gte=0), name="library_importrun_daily_fee_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def is_running(self) -> bool:
        return self.status in self.RUNNING

    @property
    def percent(self) -> int | None:
        """How much of the stage at hand is done; None while nobody knows how much there is."""
        if not self.total:
            return None
        return min(100 * self.position // self.total, 100)


class ImportRunStatusChange(StatusChange):
    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="status_changes")

    class Meta(StatusChange.Meta):
        verbose_name = _("change of an import")
        verbose_name_plural = _("changes of imports")


class ImportRowQuerySet(models.QuerySet["ImportRow"]):
    def refused(self) -> Self:
        return self.filter(outcome=ImportRow.Outcome.REFUSED)


class ImportRow(models.Model):
    """What became of one record of a file, or would become while the run is only checked.

    number: of the record, from 1. line: of the file where it begins, for spreadsheets. words: why it was
    refused, or what changed. copies: how many were new; barcodes: theirs, with spaces between.
    """

    class Outcome(models.TextChoices):
        ADDED = "ADDED", _("added")
        UPDATED = "UPDATED", _("updated")
        UNCHANGED = "UNCHANGED", _("unchanged")
        REFUSED = "REFUSED", _("refused")

    run = models.ForeignKey(
        ImportRun, on_delete=models.CASCADE, related_name="rows", verbose_name=_("import")
    )
    number = models.PositiveIntegerField(_("record"))
    line = models.PositiveIntegerField(_("line"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    title = models.CharField(_("title"), max_length=255, blank=True)
    isbn = models.CharField(_("ISBN"), max_length=40, blank=True)
    words = models.TextField(_("what happened"), blank=True)
    copies = models.PositiveIntegerField(_("new copies"), default=0)
    barcodes = models.TextField(_("barcodes"), blank=True)
    book = models.ForeignKey(
        Book, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("book")
    )

    objects = ImportRowQuerySet.as_manager()

    class Meta:
        verbose_name = _("record of an import")
        verbose_name_plural = _("records of imports")
        ordering = ["run", "number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="library_importrow_each_record_once"),
            models.CheckConstraint(
                condition=Q(outcome__in=["ADDED", "UPDATED", "UNCHANGED", "REFUSED"]),
                name="library_importrow_outcome_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.title}"
