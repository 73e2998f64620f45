"""Money for an order: asked for, and then paid, expired, failed or given back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models.histories import status_words
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
        """Open sessions and intents that have run out, or were not asked about for a while; longest first.

        Not those that a person decides about: what the provider says of them is known.
        """
        return (
            self.pending()
            .exclude(session_id="", intent_id="")
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
    """One attempt to take the money of an order; for Stripe, one Checkout Session or one Payment Intent.

    `captured_minor` is what has come and `refunded_minor` what of it was given back or is on its way back.
    `held_reason` is empty but for money that a person must decide about; `held_because` says it in words.
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

    class Flow(models.TextChoices):
        CHECKOUT = "checkout", _("on the provider's page")
        INTENT = "intent", _("on our page")

    class Held(models.TextChoices):
        """Why a person must decide; the labels are filled in with `held_facts`."""

        OTHER_SESSION = "OTHER_SESSION", _("Paid in session %(paid)s instead of %(ours)s.")
        OTHER_AMOUNT = "OTHER_AMOUNT", _("%(paid)s was paid for an order of %(total)s.")
        MODES_MIXED = "MODES_MIXED", _("Test money and real money were mixed up.")
        PAID_TWICE = "PAID_TWICE", _("The order was paid already by another payment.")
        REFUND_RETURNED = (
            "REFUND_RETURNED",
            _("The bank could not give the money back; the order was taken back already."),
        )
        REFUND_REFUSED = (
            "REFUND_REFUSED",
            _("The money should go back by itself, and the payment service refused: %(words)s"),
        )
        LEDGERS_DIFFER = (
            "LEDGERS_DIFFER",
            _("The payment service says %(theirs)s, and the portal says %(ours)s."),
        )

    CAPTURED = (Status.PAID, Status.PARTIALLY_REFUNDED, Status.REFUNDED)
    UNCAPTURED = (Status.PENDING, Status.EXPIRED, Status.FAILED, Status.CANCELLED)
    TRANSITIONS = {
        # Money held for a person who gave it back goes to REFUNDED without being PAID.
        Status.PENDING: frozenset(
            {Status.PAID, Status.EXPIRED, Status.FAILED, Status.CANCELLED, Status.REFUNDED}
        ),
        # Late money: what the provider has taken is paid, whatever we believed. Expired ones are renewed.
        Status.EXPIRED: frozenset({Status.PAID, Status.PENDING, Status.REFUNDED}),
        Status.FAILED: frozenset({Status.PAID, Status.REFUNDED}),
        Status.CANCELLED: frozenset({Status.PAID, Status.REFUNDED}),
        Status.PAID: frozenset({Status.PARTIALLY_REFUNDED, Status.REFUNDED}),
        # Back again when the bank could not give the money back: `from_` says so, else late news would do it.
        Status.PARTIALLY_REFUNDED: frozenset({Status.REFUNDED, Status.PAID}),
        Status.REFUNDED: frozenset({Status.PAID, Status.PARTIALLY_REFUNDED}),
    }

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # The provider gives one page to one key: a payment that is renewed asks with another.
    attempt = models.PositiveSmallIntegerField(default=1, editable=False)
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="payments", verbose_name=_("order")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PENDING)
    method = models.CharField(_("method"), max_length=10, choices=Method)
    flow = models.CharField(_("where it is paid"), max_length=10, choices=Flow, default=Flow.CHECKOUT)
    account = models.CharField(_("provider account"), max_length=20, blank=True)
    amount_minor = models.PositiveBigIntegerField(_("amount in the smallest unit"))
    currency = models.CharField(_("currency"), max_length=3)
    captured_minor = models.PositiveBigIntegerField(_("taken, in the smallest unit"), default=0)
    refunded_minor = models.PositiveBigIntegerField(_("given back, in the smallest unit"), default=0)
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
    # One of Held; before there were any, words.
    held_reason = models.CharField(_("held for a person because"), max_length=500, blank=True)
    held_facts = models.JSONField(default=dict, blank=True, editable=False)

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
                condition=Q(status__in=["PAID", "PARTIALLY_REFUNDED"]),
                name="commerce_payment_one_captured_per_order",
            ),
            models.UniqueConstraint(
                fields=["account", "intent_id"],
                condition=~Q(intent_id=""),
                name="commerce_payment_intent_once_per_account",
            ),
            models.CheckConstraint(
                condition=Q(refunded_minor__lte=F("captured_minor")),
                name="commerce_payment_refunded_within_captured",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["PAID", "PARTIALLY_REFUNDED", "REFUNDED"]) | Q(captured_minor__gt=0),
                name="commerce_payment_paid_is_captured",
            ),
        ]
        indexes = [models.Index(fields=["status", "expires_at"], name="commerce_payment_to_settle")]

    def __str__(self) -> str:
        return f"{self.order} · {self.amount}"

    @property
    def amount(self) -> Money:
        return Money.from_minor(self.amount_minor, self.currency)

    @property
    def captured(self) -> Money:
        return Money.from_minor(self.captured_minor, self.currency)

    @property
    def refunded(self) -> Money:
        """Given back, or on its way back."""
        return Money.from_minor(self.refunded_minor, self.currency)

    @property
    def is_captured(self) -> bool:
        return self.status in self.CAPTURED

    def hold(self, *, reason: Held, facts: Mapping[str, str] | None = None, **fields: Any) -> None:
        """Leave the payment to a person; facts fill the reason's words in, and fields are set with it."""
        Payment.objects.filter(pk=self.pk).update(held_reason=reason, held_facts=facts or {}, **fields)
        self.refresh_from_db()

    @property
    def held_because(self) -> str:
        """Why a person must decide, in the reader's language; empty when nobody must."""
        if self.held_reason not in Payment.Held.values:
            return self.held_reason
        return str(Payment.Held(self.held_reason).label) % self.held_facts

    @property
    def key(self) -> str:
        """What names the request for its page, or for its intent, to the provider."""
        return f"payment-{self.uuid}" if self.attempt == 1 else f"payment-{self.uuid}-{self.attempt}"

    @property
    def marks(self) -> dict[str, str]:
        """What the provider keeps with its session and intent, and tells with its events."""
        marks = {"payment": str(self.uuid), "order": self.order.number}
        return marks if self.attempt == 1 else {**marks, "attempt": str(self.attempt)}

    def keep_session(self, *, session_id: str, url: str, marks: Mapping[str, str]) -> None:
        """Write down the provider's session, unless one is written down already.

        marks are the session's; those of an earlier attempt say that it is not the session waited for.
        """
        named = marks.get("attempt", "1")
        rows = Payment.objects.filter(
            pk=self.pk, session_id="", attempt=int(named) if named.isdecimal() else 0
        )
        rows.update(session_id=session_id, session_url=url)
        self.refresh_from_db()

    def keep_intent(self, *, intent_id: str) -> None:
        """Write down the provider's intent, unless one is written down already."""
        Payment.objects.filter(pk=self.pk, intent_id="").update(intent_id=intent_id)
        self.refresh_from_db()

    @property
    def is_at_provider(self) -> bool:
        """Whether the provider's name for it has reached us: its session, or its intent."""
        return bool(self.intent_id if self.flow == self.Flow.INTENT else self.session_id)

    def is_open(self, *, at: datetime) -> bool:
        """Whether its page can still take money, as far as we know without asking the provider."""
        return self.status == self.Status.PENDING and self.expires_at is not None and self.expires_at > at


class PaymentStatusChange(StatusChange):
    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="status_changes")

    class Meta(StatusChange.Meta):
        verbose_name = _("change of a payment")
        verbose_name_plural = _("changes of payments")

    def __str__(self) -> str:
        left, reached = (
            status_words(Payment.Status, status) for status in (self.from_status, self.to_status)
        )
        return f"{left} → {reached}"
