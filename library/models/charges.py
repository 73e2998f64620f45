"""What loans cost: the fee, renewals, and fines. Each is paid as a line of an order of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Order, OrderLine, OrderStatusChange
from commerce.money import Money
from library import words
from library.models.loans import Borrowing, Renewal


class ChargeQuerySet(models.QuerySet["Charge"]):
    def of_member(self, member: Any) -> Self:
        return self.filter(borrowing__member=member.pk)

    def unpaid(self) -> Self:
        """Neither paid nor forgiven, but for loans that were given up or never fetched."""
        never_fetched = Q(borrowing__status=Borrowing.Status.RETURNED, borrowing__handed_out_at__isnull=True)
        return self.filter(waived_at__isnull=True, order_line__isnull=False).exclude(
            Q(order_line__order__status__in=[Order.Status.PAID, Order.Status.REFUNDED])
            | Q(borrowing__status=Borrowing.Status.CANCELLED)
            | never_fetched
        )

    def outstanding(self, *, at: datetime) -> Self:
        """Unpaid, and the time to pay is over: what keeps a member from borrowing.

        Of what was had it is over once and for all: that its order is taken up again brings no money yet.
        """
        given_up = OrderStatusChange.objects.filter(
            order=OuterRef("order_line__order"), to_status=Order.Status.CANCELLED
        )
        waits = Q(order_line__order__status=Order.Status.AWAITING_PAYMENT)
        waits &= Q(order_line__order__payable_until__gt=at)
        return self.unpaid().exclude(waits & (Q(borrowing__handed_out_at__isnull=True) | ~Exists(given_up)))


class Charge(models.Model):
    """One sum that a loan costs. Never changed once written: it is what its order asks for.

    days: those paid for. inputs: for a fine, what it was reckoned from (`policies.frozen`); later edits of
    rules and calendar do not reach it. lines: the explanation, as JSON of `policies.FineLine`. What staff
    forgave has waived_at.
    """

    class Kind(models.TextChoices):
        FEE = "FEE", _("fee")
        RENEWAL = "RENEWAL", _("renewal")
        FINE = "FINE", _("fine")

    borrowing = models.ForeignKey(
        Borrowing, on_delete=models.PROTECT, related_name="charges", verbose_name=_("borrowing")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    renewal = models.OneToOneField(
        Renewal,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="charge",
        verbose_name=_("renewal"),
    )
    days = models.PositiveSmallIntegerField(_("days"))
    amount_minor = models.PositiveBigIntegerField(_("amount in the smallest unit"))
    currency = models.CharField(_("currency"), max_length=3)
    inputs = models.JSONField(_("reckoned from"), default=dict, blank=True)
    lines = models.JSONField(_("explanation"), default=list, blank=True)
    order_line = models.OneToOneField(
        OrderLine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="library_charge",
        verbose_name=_("order line"),
    )
    created_at = models.DateTimeField(_("made"))
    waived_at = models.DateTimeField(_("forgiven"), null=True, blank=True)
    waived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("forgiven by"),
    )
    waived_reason = models.CharField(_("forgiven because"), max_length=255, blank=True)

    objects = ChargeQuerySet.as_manager()

    class Meta:
        verbose_name = _("charge")
        verbose_name_plural = _("charges")
        ordering = ["created_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["FEE", "RENEWAL", "FINE"]), name="library_charge_kind_known"
            ),
            models.UniqueConstraint(
                fields=["borrowing"], condition=Q(kind="FEE"), name="library_charge_one_fee_per_borrowing"
            ),
            models.UniqueConstraint(
                fields=["borrowing"], condition=Q(kind="FINE"), name="library_charge_one_fine_per_borrowing"
            ),
            models.CheckConstraint(
                condition=Q(kind="RENEWAL", renewal__isnull=False)
                | Q(kind__in=["FEE", "FINE"], renewal__isnull=True),
                name="library_charge_renewal_iff_for_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.borrowing}"

    @property
    def amount(self) -> Money:
        return Money.from_minor(self.amount_minor, self.currency)

    @property
    def explanation(self) -> list[str]:
        """How a fine was reckoned, a sentence for each line, in the reader's language; empty for a fee."""
        return words.explanation(lines=self.lines, inputs=self.inputs, currency=self.currency)
