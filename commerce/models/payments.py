"""Money for an order: asked for, and then paid, expired, failed or given back."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models.orders import Order
from commerce.models.statuses import HasStatus, StatusChange
from commerce.money import Money


class PaymentQuerySet(models.QuerySet["Payment"]):
    def pending(self) -> Self:
        return self.filter(status=Payment.Status.PENDING)

    def captured(self) -> Self:
        return self.filter(status__in=Payment.CAPTURED)

    def held(self) -> Self:
        """Payments that wait for a person's decision."""
        return self.exclude(held_reason="")

    def to_check(self, *, at: datetime, every: timedelta) -> Self:
        """Open sessions that have run out, or have not been asked about for a while; longest first.

        Not those that a person decides about: what the provider says of them is known.
        """
        return (
            self.pending()
            .exclude(session_id="")
            .filter(
                Q(held_reason=""),
                Q(checked_at__lte=at - every)
                | Q(checked_at__isnull=True, created_at__lte=at - every)
                | Q(expires_at__lte=at, checked_at__lt=F("expires_at")),
            )
            .select_related("order")
            .order_by(F("checked_at").asc(nulls_first=True), "pk")
        )

    def by(self, buyer: object) -> Self:
        return self.filter(order__buyer=buyer)


class Payment(HasStatus):
    """One attempt to take the money of an order; for Stripe, one Checkout Session.

    `held_reason` is empty but for money that came and does not fit the order: a person decides.
    """

    class Status(models.TextChoices):
        PENDING = "PENDING", _("pending")
        PAID = "PAID", _("paid")
        EXPIRED = "EXPIRED", _("expired")
        FAILED = "FAILED", _("failed")
        REFUNDED = "REFUNDED", _("refunded")
        PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED", _("partially refunded")
        CANCELLED = "CANCELLED", _("cancelled")

    class Method(models.TextChoices):
        STRIPE = "stripe", _("card")
        CASH = "cash", _("cash")
        TRANSFER = "transfer", _("bank transfer")

    CAPTURED = (Status.PAID, Status.PARTIALLY_REFUNDED, Status.REFUNDED)
    TRANSITIONS = {
        Status.PENDING: frozenset({Status.PAID, Status.EXPIRED, Status.FAILED, Status.CANCELLED}),
        # Late money: what the provider has taken is paid, whatever we believed before.
        Status.EXPIRED: frozenset({Status.PAID}),
        Status.FAILED: frozenset({Status.PAID}),
        Status.CANCELLED: frozenset({Status.PAID}),
        Status.PAID: frozenset({Status.PARTIALLY_REFUNDED, Status.REFUNDED}),
        Status.PARTIALLY_REFUNDED: frozenset({Status.REFUNDED}),
        Status.REFUNDED: frozenset(),
    }

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="payments", verbose_name=_("order")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PENDING)
    method = models.CharField(_("method"), max_length=10, choices=Method)
    account = models.CharField(_("provider account"), max_length=20, blank=True)
    amount_minor = models.PositiveBigIntegerField(_("amount in the smallest unit"))
    currency = models.CharField(_("currency"), max_length=3)
    session_id = models.CharField(_("session"), max_length=255, blank=True)
    session_url = models.URLField(_("payment page"), max_length=2000, blank=True)
    intent_id = models.CharField(_("payment intent"), max_length=255, blank=True)
    # The body of the request for a session, frozen with the row so that a retry is the same request.
    success_url = models.URLField(max_length=500, blank=True)
    cancel_url = models.URLField(max_length=500, blank=True)
    expires_at = models.DateTimeField(_("session expires"), null=True, blank=True)
    checked_at = models.DateTimeField(_("last asked about"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"))
    paid_at = models.DateTimeField(_("paid"), null=True, blank=True)
    held_reason = models.CharField(_("held for a person because"), max_length=500, blank=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "PENDING",
                        "PAID",
                        "EXPIRED",
                        "FAILED",
                        "REFUNDED",
                        "PARTIALLY_REFUNDED",
                        "CANCELLED",
                    ]
                ),
                name="commerce_payment_status_known",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="commerce_payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(status__in=["PAID", "PARTIALLY_REFUNDED", "REFUNDED"], paid_at__isnull=False)
                | Q(status__in=["PENDING", "EXPIRED", "FAILED", "CANCELLED"], paid_at__isnull=True),
                name="commerce_payment_paid_at_iff_captured",
            ),
            models.UniqueConstraint(
                fields=["account", "session_id"],
                condition=~Q(session_id=""),
                name="commerce_payment_session_once_per_account",
            ),
            models.UniqueConstraint(
                fields=["order"], condition=Q(status="PENDING"), name="commerce_payment_one_open_per_order"
            ),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(status__in=["PAID", "PARTIALLY_REFUNDED", "REFUNDED"]),
                name="commerce_payment_one_captured_per_order",
            ),
        ]
        indexes = [models.Index(fields=["status", "expires_at"], name="commerce_payment_to_settle")]

    def __str__(self) -> str:
        return f"{self.order} · {self.amount}"

    @property
    def amount(self) -> Money:
        return Money.from_minor(self.amount_minor, self.currency)

    @property
    def is_captured(self) -> bool:
        return self.status in self.CAPTURED

    def hold(self, *, reason: str) -> None:
        """Leave the payment to a person, with the reason in words."""
        self.held_reason = reason[:500]
        self.save(update_fields=["held_reason"])

    def keep_session(self, *, session_id: str, url: str) -> None:
        """Write down the provider's session, unless one is written down already."""
        Payment.objects.filter(pk=self.pk, session_id="").update(session_id=session_id, session_url=url)
        self.refresh_from_db()

    def is_open(self, *, at: datetime) -> bool:
        """Whether its page can still take money, as far as we know without asking the provider."""
        return self.status == self.Status.PENDING and self.expires_at is not None and self.expires_at > at


class PaymentStatusChange(StatusChange):
    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="status_changes")

    class Meta(StatusChange.Meta):
        verbose_name = _("change of a payment")
        verbose_name_plural = _("changes of payments")
