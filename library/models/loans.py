"""Who has which copy, and until when."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from commerce.models.statuses import HasStatus, StatusChange
from commerce.money import Money
from library.models.catalogue import Book
from library.models.copies import Copy
from library.policies import FineRule


class LibraryCard(models.Model):
    """A member of the library, by the number on the card. Who changes the member's loans locks it first."""

    member = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="library_card",
        verbose_name=_("member"),
    )
    number = models.CharField(
        _("number"), max_length=40, unique=True, help_text=_("What stands on the card and is scanned.")
    )
    blocked_reason = models.CharField(
        _("blocked because"),
        max_length=255,
        blank=True,
        help_text=_("While something stands here nothing is lent; the member reads it."),
    )
    created_at = models.DateTimeField(_("made"))

    class Meta:
        verbose_name = _("library card")
        verbose_name_plural = _("library cards")
        ordering = ["number"]

    def __str__(self) -> str:
        return self.number


class BorrowingQuerySet(models.QuerySet["Borrowing"]):
    def by(self, member: Any) -> Self:
        return self.filter(member=member.pk)

    def open(self) -> Self:
        """Not returned yet."""
        return self.filter(status=Borrowing.Status.OPEN)

    def fetched(self) -> Self:
        """Those whose book its member has, or had."""
        return self.filter(handed_out_at__isnull=False)

    def overdue(self, *, on: date) -> Self:
        """Books that should be back. What waits at the desk is not late."""
        return self.open().fetched().filter(expected_return_date__lt=on)

    def due(self, *, on: date) -> Self:
        return self.open().filter(expected_return_date=on)

    def waiting_at_desk(self) -> Self:
        """Borrowed on the site and not handed out yet."""
        return self.open().filter(handed_out_at__isnull=True)

    def of(self, book: Any) -> Self:
        return self.filter(book=book.pk)


class Borrowing(HasStatus):
    """A loan of one copy to one member: OPEN from the moment its copy is taken until it is back.

    book is the copy's, kept beside it for the database to see that a member has a book once. The fee and the
    rule about fines are those of the day it was made. handed_out_at: None while what was borrowed on the site
    waits at the desk. Days are those of the portal's time zone.
    """

    class Status(models.TextChoices):
        OPEN = "OPEN", _("on loan")
        RETURNED = "RETURNED", pgettext_lazy("loan", "returned")
        CANCELLED = "CANCELLED", pgettext_lazy("loan", "given up")

    TRANSITIONS = {
        Status.OPEN: frozenset({Status.RETURNED, Status.CANCELLED}),
        # Its money came after it was given up, or its payment was renewed, and a copy is there.
        Status.CANCELLED: frozenset({Status.OPEN}),
        Status.RETURNED: frozenset(),
    }

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="borrowings",
        verbose_name=_("member"),
    )
    book = models.ForeignKey(
        Book, on_delete=models.PROTECT, related_name="borrowings", verbose_name=_("book")
    )
    copy = models.ForeignKey(
        Copy, on_delete=models.PROTECT, related_name="borrowings", verbose_name=_("copy")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.OPEN)
    borrow_date = models.DateField(_("borrowed"))
    expected_return_date = models.DateField(pgettext_lazy("loan", "due"))
    actual_return_date = models.DateField(pgettext_lazy("loan", "returned"), null=True, blank=True)
    handed_out_at = models.DateTimeField(_("handed out"), null=True, blank=True)
    handed_out_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("handed out by"),
    )
    daily_fee = models.DecimalField(_("fee per day"), max_digits=12, decimal_places=3)
    currency = models.CharField(_("currency"), max_length=3)
    fine_multiplier = models.DecimalField(_("fine, as a multiple of the fee"), max_digits=5, decimal_places=2)
    fine_max_days = models.PositiveSmallIntegerField(_("days fined at most"))
    fine_grace_days = models.PositiveSmallIntegerField(_("days of grace"), default=0)
    are_closed_days_fined = models.BooleanField(_("closed days are fined"), default=False)
    created_at = models.DateTimeField(_("made"))

    objects = BorrowingQuerySet.as_manager()

    class Meta:
        verbose_name = _("borrowing")
        verbose_name_plural = _("borrowings")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["OPEN", "RETURNED", "CANCELLED"]),
                name="library_borrowing_status_known",
            ),
            # Dates are whole days: later than the day it was borrowed is one day later at least.
            models.CheckConstraint(
                condition=Q(expected_return_date__gt=F("borrow_date")),
                name="library_borrowing_due_a_day_after_it_was_borrowed",
            ),
            models.CheckConstraint(
                condition=Q(actual_return_date__isnull=True) | Q(actual_return_date__gte=F("borrow_date")),
                name="library_borrowing_returned_after_it_was_borrowed",
            ),
            models.CheckConstraint(
                condition=Q(status="RETURNED", actual_return_date__isnull=False)
                | Q(status__in=["OPEN", "CANCELLED"], actual_return_date__isnull=True),
                name="library_borrowing_return_date_iff_returned",
            ),
            models.UniqueConstraint(
                fields=["copy"], condition=Q(status="OPEN"), name="library_borrowing_copy_lent_once"
            ),
            models.UniqueConstraint(
                fields=["member", "book"],
                condition=Q(status="OPEN"),
                name="library_borrowing_one_open_loan_of_a_book_per_member",
            ),
        ]
        indexes = [
            models.Index(F("expected_return_date"), name="library_borrowing_due", condition=Q(status="OPEN")),
        ]

    def __str__(self) -> str:
        return f"{self.book} · {self.member}"

    @property
    def is_active(self) -> bool:
        """Whether the copy is still out."""
        return self.status == self.Status.OPEN

    @property
    def daily_fee_money(self) -> Money:
        return Money(Decimal(self.daily_fee), self.currency)

    @property
    def fine_rule(self) -> FineRule:
        """How a delay of this loan is fined: the rule of the day it was made."""
        return FineRule(
            multiplier=self.fine_multiplier,
            max_days=self.fine_max_days,
            grace_days=self.fine_grace_days,
            are_closed_days_fined=self.are_closed_days_fined,
        )

    def days_late(self, *, on: date) -> int:
        """Days since it was due, or between that and its return; 0 in time."""
        return max(((self.actual_return_date or on) - self.expected_return_date).days, 0)

    def is_overdue(self, *, on: date) -> bool:
        return self.is_active and self.handed_out_at is not None and self.days_late(on=on) > 0


class BorrowingStatusChange(StatusChange):
    borrowing = models.ForeignKey(Borrowing, on_delete=models.CASCADE, related_name="status_changes")

    class Meta(StatusChange.Meta):
        verbose_name = _("change of a borrowing")
        verbose_name_plural = _("changes of borrowings")


class Renewal(models.Model):
    """A loan made longer once: from which day to which, when, and by whom."""

    borrowing = models.ForeignKey(
        Borrowing, on_delete=models.CASCADE, related_name="renewals", verbose_name=_("borrowing")
    )
    # The number of the renewal, from 1: two at once cannot both be the second.
    number = models.PositiveSmallIntegerField(_("number"))
    due_before = models.DateField(_("due before"))
    due_after = models.DateField(_("due after"))
    renewed_at = models.DateTimeField(_("renewed"))
    renewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )

    class Meta:
        verbose_name = _("renewal")
        verbose_name_plural = _("renewals")
        ordering = ["borrowing", "number"]
        constraints = [
            models.UniqueConstraint(fields=["borrowing", "number"], name="library_renewal_each_number_once"),
            models.CheckConstraint(
                condition=Q(due_after__gt=F("due_before")), name="library_renewal_makes_it_longer"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.borrowing}: {self.due_before} → {self.due_after}"
