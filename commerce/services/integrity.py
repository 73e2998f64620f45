"""Look whether what must hold does hold, by SQL: in the tests, nightly, and whenever somebody asks.

Commerce has the rules about money and stock; an app that sells registers its own in its `apps.py`.
A rule is a query for the rows that break it, so a sound portal costs little more than the queries.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    BigIntegerField,
    Count,
    Exists,
    F,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Window,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Lag, Lower

from commerce.models import (
    Discount,
    Item,
    Order,
    OrderDiscount,
    OrderLine,
    OrderTax,
    Payment,
    Refund,
    StockHold,
)
from commerce.models.statuses import HasStatus
from commerce.services.stocking import ITEM

CHUNK = 500
# So long after its payment a line that was not handed over is worth a person's look.
DELIVERY_TAKES = timedelta(hours=1)

# Rows that break a rule, and in which way, in plain English for operators.
Broken = Iterator[tuple[Model, str]]
Check = Callable[[datetime], Broken]


@dataclass(frozen=True, kw_only=True)
class Breach:
    """One row that breaks a rule. A warning is no fault yet, and may become one."""

    rule: str
    row: str
    words: str
    is_warning: bool = False


@dataclass(frozen=True, kw_only=True)
class Rule:
    name: str
    check: Check
    is_warning: bool = False


class UnknownRule(LookupError):
    """No app has a rule of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f'There is no rule "{name}"; the rules are: {", ".join(sorted(_rules))}.')


_rules: dict[str, Rule] = {}


def register(name: str, check: Check, *, is_warning: bool = False) -> None:
    """Make a rule known; again under the same name replaces it.

    check gives the rows that break it as (row, words); it reads by `.iterator()`, so that any number fits.
    """
    _rules[name] = Rule(name=name, check=check, is_warning=is_warning)


def rules() -> list[str]:
    """The names of all rules."""
    return sorted(_rules)


def breaches(*, at: datetime, only: str = "") -> Iterator[Breach]:
    """All rows that break a rule, rule by rule, or those of one rule. Raises UnknownRule."""
    if only and only not in _rules:
        raise UnknownRule(only)
    for name in [only] if only else rules():
        rule = _rules[name]
        for row, words in rule.check(at):
            yield Breach(
                rule=name,
                row=f"{type(row).__name__} {row.pk}",
                words=words,
                is_warning=rule.is_warning,
            )


# --- Stock -------------------------------------------------------------------------------------------------
def stock_below_zero(at: datetime) -> Broken:
    for item in _each(Item.objects.filter(stock__lt=0)):
        yield item, f"{item.name}: {item.stock} left to sell"


def stock_not_held(at: datetime) -> Broken:
    """Of every item of an order that waits or is paid, so many pieces are set aside."""
    held = StockHold.objects.filter(
        line=OuterRef("pk"), returned_at__isnull=True, quantity=OuterRef("quantity")
    )
    lines = OrderLine.objects.filter(
        ~Exists(held), kind=ITEM, order__status__in=[Order.Status.AWAITING_PAYMENT, Order.Status.PAID]
    )
    for line in _each(lines.select_related("order")):
        yield line, f"order {line.order} is {line.order.status}, but {line.quantity} × {line} are not held"


def stock_not_put_back(at: datetime) -> Broken:
    over = [Order.Status.OPEN, Order.Status.CANCELLED, Order.Status.REFUNDED]
    holds = StockHold.objects.filter(returned_at__isnull=True, line__order__status__in=over)
    for hold in _each(holds.select_related("item", "line__order")):
        yield hold, f"order {hold.line.order} is {hold.line.order.status}, but {hold} are held for it"


# --- Payments and their orders -----------------------------------------------------------------------------
def several_open_payments(at: datetime) -> Broken:
    pending = Count("payments", filter=Q(payments__status=Payment.Status.PENDING))
    for order in _each(Order.objects.annotate(open_payments=pending).filter(open_payments__gt=1)):
        yield order, f"order {order} has {order.open_payments} open payments"


def several_captured_payments(at: datetime) -> Broken:
    captured = Count("payments", filter=Q(payments__status__in=_TAKEN))
    for order in _each(Order.objects.annotate(captured=captured).filter(captured__gt=1)):
        yield order, f"order {order} was paid {order.captured} times"


def payment_unlike_order(at: datetime) -> Broken:
    """Amount, currency and account of a payment are the order's; what was taken is what was asked."""
    is_card = Q(method=Payment.Method.STRIPE)
    unlike = (
        ~Q(amount_minor=F("order__total_minor"))
        | ~Q(currency=F("order__currency"))
        | (is_card & ~Q(account=Lower("order__currency")))
        | (~is_card & ~Q(account=""))
        | (Q(status__in=_TAKEN) & ~Q(captured_minor=F("amount_minor")))
    )
    for payment in _each(Payment.objects.filter(unlike).select_related("order")):
        yield (
            payment,
            f"{payment.amount} by account {payment.account or 'none'}, {payment.captured_minor} taken, "
            f"for order {payment.order} of {payment.order.total}",
        )


def order_unlike_payments(at: datetime) -> Broken:
    """An order is paid exactly while a payment of it is, but for what was nothing to pay."""
    taken = Exists(Payment.objects.filter(order=OuterRef("pk"), status__in=_TAKEN))
    # The bank returned a refund: the order was taken back already, and a person looks at the payment.
    unheld = Payment.objects.filter(order=OuterRef("pk"), status__in=_TAKEN, held_reason="")
    refunded = Exists(Payment.objects.filter(order=OuterRef("pk"), status__in=Payment.CAPTURED))
    paid = Q(status=Order.Status.PAID)
    unpaid = Q(status__in=[Order.Status.OPEN, Order.Status.AWAITING_PAYMENT])
    wrong = (
        (paid & Q(total_minor__gt=0) & ~Q(taken))
        | (unpaid & Q(taken))
        | (Q(status=Order.Status.REFUNDED) & (Q(Exists(unheld)) | ~Q(refunded)))
    )
    for order in _each(Order.objects.filter(wrong)):
        yield order, f"order {order} is {order.status}, and its payments say otherwise"


def late_money_kept(at: datetime) -> Broken:
    """What was paid for an order that is given up goes back whole, unless a person looks at it."""
    kept = Payment.objects.filter(
        order__status=Order.Status.CANCELLED,
        status__in=_TAKEN,
        held_reason="",
        refunded_minor__lt=F("captured_minor"),
    )
    for payment in _each(kept.select_related("order")):
        yield payment, f"order {payment.order} is cancelled, its money neither held nor on its way back"


def money_in_silence(at: datetime) -> Broken:
    """Money that came by a payment that is not paid is held for a person, or goes back."""
    silent = Payment.objects.filter(
        status__in=Payment.UNCAPTURED, held_reason="", refunded_minor__lt=F("captured_minor")
    )
    for payment in _each(silent.select_related("order")):
        yield (
            payment,
            f"{payment.captured_minor} came for order {payment.order} by a payment {payment.status}",
        )


def refunds_unlike_payment(at: datetime) -> Broken:
    """What a payment says was given back is the sum of its refunds, and never more than came."""
    standing = Refund.objects.standing()
    payments = Payment.objects.annotate(standing_minor=_sum(standing, "payment", F("amount_minor")))
    wrong = ~Q(refunded_minor=F("standing_minor")) | Q(refunded_minor__gt=F("captured_minor"))
    for payment in _each(payments.filter(wrong).select_related("order")):
        yield (
            payment,
            f"order {payment.order}: {payment.captured_minor} taken, {payment.refunded_minor} given back, "
            f"refunds of {payment.standing_minor}",
        )


def refund_of_another_account(at: datetime) -> Broken:
    for refund in _each(Refund.objects.exclude(account=F("payment__account")).select_related("payment")):
        yield refund, f"account {refund.account or 'none'}, its payment {refund.payment.account or 'none'}"


# --- Amounts and discounts ---------------------------------------------------------------------------------
def amounts_not_adding_up(at: datetime) -> Broken:
    """Of a placed order: total, and the sums of its lines and of its taxes."""
    lines, taxes = OrderLine.objects.all(), OrderTax.objects.all()
    orders = Order.objects.exclude(status=Order.Status.OPEN).annotate(
        lines_subtotal=_sum(lines, "order", F("unit_price_minor") * F("quantity")),
        lines_discount=_sum(lines, "order", F("discount_minor")),
        lines_tax=_sum(lines, "order", F("tax_minor")),
        taxes_all=_sum(taxes, "order", F("amount_minor")),
        taxes_included=_sum(taxes.filter(is_inclusive=True), "order", F("amount_minor")),
    )
    right = Q(
        total_minor=F("subtotal_minor") - F("discount_minor") + F("tax_minor") - F("included_tax_minor"),
        lines_subtotal=F("subtotal_minor"),
        lines_discount=F("discount_minor"),
        lines_tax=F("tax_minor"),
        taxes_all=F("tax_minor"),
        taxes_included=F("included_tax_minor"),
    )
    for order in _each(orders.exclude(right)):
        yield (
            order,
            f"order {order}: total {order.total_minor}, subtotal {order.subtotal_minor} (lines "
            f"{order.lines_subtotal}), discount {order.discount_minor} (lines {order.lines_discount}), tax "
            f"{order.tax_minor} (lines {order.lines_tax}, taxes {order.taxes_all})",
        )


def discount_miscounted(at: datetime) -> Broken:
    redeemed = Count("order_discounts", filter=Q(order_discounts__is_redeemed=True))
    wrong = ~Q(times_redeemed=F("redeemed")) | Q(times_redeemed__gt=F("max_redemptions"))
    for discount in _each(Discount.objects.annotate(redeemed=redeemed).filter(wrong)):
        most = "any number" if discount.max_redemptions is None else discount.max_redemptions
        yield (
            discount,
            f"{discount}: counted {discount.times_redeemed}, had by {discount.redeemed}, at most {most}",
        )


def discount_of_no_order(at: datetime) -> Broken:
    """An order counts against a discount while it is placed, and no longer when it is given up."""
    over = [Order.Status.OPEN, Order.Status.CANCELLED]
    kept = OrderDiscount.objects.filter(is_redeemed=True, order__status__in=over)
    for attached in _each(kept.select_related("order")):
        yield attached, f"order {attached.order} is {attached.order.status}, and counts for “{attached}”"


# --- Delivery ----------------------------------------------------------------------------------------------
def handed_over_unpaid(at: datetime) -> Broken:
    paid = [Order.Status.PAID, Order.Status.REFUNDED]
    lines = OrderLine.objects.filter(fulfilled_at__isnull=False).exclude(order__status__in=paid)
    for line in _each(lines.select_related("order")):
        yield line, f"{line} was handed over, and order {line.order} is {line.order.status}"


def paid_and_not_handed_over(at: datetime) -> Broken:
    undelivered = OrderLine.objects.filter(order__status=Order.Status.PAID, fulfilled_at__isnull=True)
    waiting = undelivered.filter(order__paid_at__lte=at - DELIVERY_TAKES)
    for line in _each(waiting.select_related("order")):
        yield (
            line,
            f"{line} of order {line.order}, paid {line.order.paid_at:%Y-%m-%d %H:%M}, "
            f"{line.delivery_attempts} attempts: {line.delivery_error or 'no error'}",
        )


# --- Histories ---------------------------------------------------------------------------------------------
def history_rule(model: type[HasStatus], *, initial: Collection[str]) -> Check:
    """A rule for the statuses of a model: every move is in its table and begins where the one before ended,
    and the last ended where the row is. initial is what rows may be without a move."""
    relation: Any = next(each for each in model._meta.related_objects if each.name == "status_changes")
    changes, owner = relation.related_model, relation.field.name

    def check(at: datetime) -> Broken:
        # By number: whoever moves a row later has waited for the one who moved it before.
        last = changes.objects.filter(**{owner: OuterRef("pk")}).order_by("-pk").values("to_status")[:1]
        rows = model._default_manager.annotate(last_status=Subquery(last))
        elsewhere = ~Q(status=F("last_status")) & Q(last_status__isnull=False)
        unmoved = Q(last_status__isnull=True) & ~Q(status__in=initial)
        for row in _each(rows.filter(elsewhere | unmoved)):
            yield row, f"{row} is {row.status}, and by its history {row.last_status or 'never moved'}"
        allowed = Q(pk__in=[])
        for from_status, targets in model.TRANSITIONS.items():
            allowed |= Q(from_status=from_status, to_status__in=targets)
        for change in _each(changes.objects.exclude(allowed).select_related(owner)):
            yield change, f"{getattr(change, owner)} moved {change}, which no table allows"
        before = Window(Lag("to_status"), partition_by=[F(owner)], order_by=["pk"])
        moves = changes.objects.annotate(before=before).filter(before__isnull=False)
        for change in _each(moves.exclude(from_status=F("before")).select_related(owner)):
            yield change, f"{getattr(change, owner)} moved {change}, and was {change.before}"

    return check


_TAKEN = [Payment.Status.PAID, Payment.Status.PARTIALLY_REFUNDED]


def _each(rows: QuerySet[Any]) -> Iterator[Any]:
    return rows.order_by("pk").iterator(chunk_size=CHUNK)


def _sum(rows: QuerySet[Any], owner: str, amount: Combinable) -> Coalesce:
    """The sum of amount over the rows of an owner; a subquery, so that several do not multiply each other."""
    added = rows.filter(**{owner: OuterRef("pk")}).order_by().values(owner).annotate(added=Sum(amount))
    return Coalesce(Subquery(added.values("added"), output_field=BigIntegerField()), 0)


def register_own() -> None:
    """Make the rules of commerce known; called when the app starts."""
    for check in (
        stock_below_zero,
        stock_not_held,
        stock_not_put_back,
        several_open_payments,
        several_captured_payments,
        payment_unlike_order,
        order_unlike_payments,
        late_money_kept,
        money_in_silence,
        refunds_unlike_payment,
        refund_of_another_account,
        amounts_not_adding_up,
        discount_miscounted,
        discount_of_no_order,
        handed_over_unpaid,
    ):
        register(check.__name__, check)
    register(paid_and_not_handed_over.__name__, paid_and_not_handed_over, is_warning=True)
    # A placed order begins its life AWAITING_PAYMENT, with the move that says so.
    register("order_history", history_rule(Order, initial=[Order.Status.OPEN]))
    register("payment_history", history_rule(Payment, initial=[Payment.Status.PENDING]))
