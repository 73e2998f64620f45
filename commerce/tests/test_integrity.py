"""Each rule finds the row that breaks it, and nothing in a sound shop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.tests.factories import UserFactory
from commerce import tasks
from commerce.models import Discount, Item, Order, OrderDiscount, OrderLine, Payment, Refund, StockHold, Tax
from commerce.money import Money
from commerce.services import checkout, delivery, integrity, ordering, refunding, settlement
from commerce.tests.breaking import unchecked, without_index
from commerce.tests.factories import NOON, URLS, fake

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=3)
QUERIES_OF_A_CHECK = 45


def found(at=LATER) -> list[tuple[str, str]]:
    return [(breach.rule, breach.row) for breach in integrity.breaches(at=at)]


def row(instance) -> str:
    return f"{type(instance).__name__} {instance.pk}"


def item_order(item: Item, quantity: int = 2, **fields) -> Order:
    line = ordering.LineRequest(
        kind="item",
        reference=str(item.pk),
        title=item.name,
        unit_price=item.price_money,
        quantity=quantity,
    )
    return ordering.place(buyer=UserFactory(), lines=[line], at=NOON, **fields)


@pytest.fixture
def mug() -> Item:
    return Item.objects.create(name="Mug", price=Decimal("12.50"), currency="USD", stock=9)


@pytest.fixture
def order(mug, counter) -> Order:
    """Two mugs, discounted and taxed, that wait for their money."""
    Tax.objects.create(name="VAT", percentage=Decimal(20), is_inclusive=True)
    Tax.objects.create(name="Levy", percentage=Decimal(3), is_inclusive=False)
    off = Discount.objects.create(name="Spring", code="SPRING", percent_off=Decimal(10), max_redemptions=5)
    return item_order(mug, discount=off)


@pytest.fixture
def opened(order) -> Payment:
    return checkout.open_session(order=order, urls=URLS, at=NOON)


@pytest.fixture
def paid(opened) -> Payment:
    fake().pay(opened.session_id)
    payment = settlement.settle(payment=opened, at=NOON, cause="test")
    assert delivery.deliver_order(order=payment.order, at=NOON)
    return payment


# --- A sound shop ------------------------------------------------------------------------------------------
def test_nothing_is_found_at_any_station_of_a_sound_order(mug, order):
    def stations() -> Iterator[str]:
        yield "placed"
        opened = checkout.open_session(order=order, urls=URLS, at=NOON)
        yield "opened"
        fake().pay(opened.session_id)
        paid = settlement.settle(payment=opened, at=NOON, cause="test")
        delivery.deliver_order(order=paid.order, at=NOON)
        yield "paid"
        refunding.give_back(payment=paid, amount=Money(Decimal(5), "USD"), at=NOON, by=None)
        yield "partly given back"
        refunding.give_back(payment=paid, at=NOON, by=None)
        yield "given back"
        given_up = item_order(mug)
        checkout.open_session(order=given_up, urls=URLS, at=NOON)
        checkout.give_up(order=given_up, at=NOON, cause="test")
        yield "given up"

    assert [(station, found()) for station in stations()] == [
        (station, [])
        for station in ("placed", "opened", "paid", "partly given back", "given back", "given up")
    ]


def test_late_money_that_was_honoured_or_given_back_is_sound(opened, mug):
    fake().pay(opened.session_id)
    ordering.cancel(order=opened.order, at=NOON, cause="test")
    Item.objects.update(stock=0)

    settled = settlement.settle(payment=opened, at=NOON, cause="test")
    assert found() == []
    refunding.send(refund=settled.refunds.get(), at=NOON)

    assert (settled.order.status, found()) == ("CANCELLED", [])


def test_what_a_whole_check_costs_does_not_grow_with_the_orders(order, mug, django_assert_num_queries):
    with django_assert_num_queries(QUERIES_OF_A_CHECK):
        assert found() == []
    for _more in range(3):
        checkout.open_session(order=item_order(mug, quantity=1), urls=URLS, at=NOON)
    with django_assert_num_queries(QUERIES_OF_A_CHECK):
        assert found() == []


# --- One rule after the other ------------------------------------------------------------------------------
def test_stock_below_zero_is_found(mug):
    with unchecked("commerce_item", "commerce_item_stock_check"):
        Item.objects.update(stock=-1)
        assert found() == [("stock_below_zero", row(mug))]
        Item.objects.update(stock=0)


@pytest.mark.parametrize("state", ["missing", "too few", "put back"])
def test_pieces_of_a_paid_order_that_nobody_holds_are_found(paid, state):
    holds = StockHold.objects.all()
    if state == "missing":
        holds.delete()
    elif state == "too few":
        holds.update(quantity=1)
    else:
        holds.update(returned_at=NOON)

    assert found() == [("stock_not_held", row(paid.order.lines.get()))]


@pytest.mark.parametrize("status", ["CANCELLED", "REFUNDED"])
def test_pieces_still_held_for_an_order_that_is_over_are_found(order, paid, status):
    if status == "REFUNDED":
        refunding.give_back(payment=paid, at=NOON, by=None)
        over = order
    else:
        over = item_order(Item.objects.get())
        ordering.cancel(order=over, at=NOON, cause="test")
    StockHold.objects.filter(line__order=over).update(returned_at=None)

    assert found() == [("stock_not_put_back", row(StockHold.objects.get(line__order=over)))]


def test_two_open_payments_of_an_order_are_found(opened):
    without_index("commerce_payment_one_open_per_order")
    twin(opened)

    assert found() == [("several_open_payments", row(opened.order))]


def test_two_captured_payments_of_an_order_are_found(paid):
    without_index("commerce_payment_one_captured_per_order")
    second = twin(paid, intent_id="pi_2")
    second.status_changes.create(from_status="PENDING", to_status="PAID", at=NOON, cause="test")

    assert found() == [("several_captured_payments", row(paid.order))]


@pytest.mark.parametrize(
    "changes", [{"amount_minor": 1}, {"currency": "EUR"}, {"account": "eur"}, {"account": ""}]
)
def test_a_payment_of_another_amount_currency_or_account_than_its_order_is_found(opened, changes):
    Payment.objects.update(**changes)

    assert found() == [("payment_unlike_order", row(opened))]


def test_less_money_taken_than_asked_is_found(paid):
    Payment.objects.update(captured_minor=5)

    assert found() == [("payment_unlike_order", row(paid))]


def test_a_paid_order_whose_payment_is_not_paid_is_found(paid):
    Payment.objects.update(status="EXPIRED", paid_at=None, captured_minor=0)
    paid.status_changes.update(to_status="EXPIRED")

    assert found() == [("order_unlike_payments", row(paid.order))]


def test_an_order_that_waits_for_money_which_has_come_is_found(paid):
    Order.objects.update(status="AWAITING_PAYMENT", paid_at=None)
    OrderLine.objects.update(fulfilled_at=None)
    paid.order.status_changes.filter(to_status="PAID").delete()

    assert found() == [("order_unlike_payments", row(paid.order))]


def test_a_refunded_order_whose_payment_keeps_the_money_is_found(paid):
    refunding.give_back(payment=paid, at=NOON, by=None)
    Payment.objects.update(status="PAID", refunded_minor=0)
    Refund.objects.update(status="FAILED")
    paid.status_changes.filter(to_status="REFUNDED").delete()

    assert found() == [("order_unlike_payments", row(paid.order))]


def test_an_order_that_came_to_nothing_needs_no_payment(mug):
    all_off = Discount.objects.create(name="Gift", code="GIFT", percent_off=Decimal(100))

    order = item_order(mug, discount=all_off)

    assert (order.status, found(at=NOON)) == ("PAID", [])


def test_late_money_that_is_kept_is_found_and_held_money_is_not(opened):
    fake().pay(opened.session_id)
    ordering.cancel(order=opened.order, at=NOON, cause="test")
    Item.objects.update(stock=0)
    payment = settlement.settle(payment=opened, at=NOON, cause="test")
    Refund.objects.all().delete()
    Payment.objects.update(refunded_minor=0)

    assert found() == [("late_money_kept", row(payment))]
    Payment.objects.update(held_reason="looked at")
    assert found() == []


def test_money_on_a_payment_that_never_became_paid_is_found(opened):
    Payment.objects.update(captured_minor=5)

    assert found() == [("money_in_silence", row(opened))]


def test_a_payment_that_says_more_was_given_back_than_its_refunds_is_found(paid):
    refunding.give_back(payment=paid, amount=Money(Decimal(5), "USD"), at=NOON, by=None)
    Payment.objects.update(refunded_minor=700)

    assert found() == [("refunds_unlike_payment", row(paid))]


def test_more_given_back_than_came_is_found(paid):
    refunding.give_back(payment=paid, amount=Money(Decimal(5), "USD"), at=NOON, by=None)
    with unchecked("commerce_payment", "commerce_payment_refunded_within_captured"):
        Refund.objects.update(amount_minor=999999)
        Payment.objects.update(refunded_minor=999999)
        assert found() == [("refunds_unlike_payment", row(paid))]
        Payment.objects.update(refunded_minor=0)


def test_a_refund_by_another_account_is_found(paid):
    refund = refunding.give_back(payment=paid, amount=Money(Decimal(5), "USD"), at=NOON, by=None)
    Refund.objects.update(account="eur")

    assert found() == [("refund_of_another_account", row(refund))]


@pytest.mark.parametrize(
    "changes",
    [
        {"total_minor": 1},
        {"subtotal_minor": 1},
        {"discount_minor": 1},
        {"tax_minor": 1000},
        {"included_tax_minor": 1},
    ],
)
def test_amounts_that_do_not_add_up_are_found(order, changes):
    with unchecked("commerce_order", "commerce_order_total_adds_up", "commerce_order_discount_within"):
        Order.objects.update(**changes)
        assert ("amounts_not_adding_up", row(order)) in found()
        Order.objects.update(
            subtotal_minor=order.subtotal_minor,
            discount_minor=order.discount_minor,
            tax_minor=order.tax_minor,
            included_tax_minor=order.included_tax_minor,
            total_minor=order.total_minor,
        )


@pytest.mark.parametrize("field", ["unit_price_minor", "quantity", "discount_minor", "tax_minor"])
def test_lines_that_do_not_make_the_order_are_found(order, field):
    OrderLine.objects.update(**{field: 77})

    assert ("amounts_not_adding_up", row(order)) in found()


def test_taxes_that_do_not_make_the_order_are_found(order):
    order.taxes.update(is_inclusive=False)

    assert found() == [("amounts_not_adding_up", row(order))]


@pytest.mark.parametrize("times", [0, 2])
def test_a_discount_counted_wrongly_is_found(order, times):
    Discount.objects.update(times_redeemed=times)

    assert found() == [("discount_miscounted", row(Discount.objects.get()))]


def test_a_discount_had_too_often_is_found(order):
    with unchecked("commerce_discount", "commerce_discount_within_limit"):
        Discount.objects.update(max_redemptions=0)
        assert found() == [("discount_miscounted", row(Discount.objects.get()))]
        Discount.objects.update(max_redemptions=1)


def test_an_order_given_up_that_still_counts_for_its_discount_is_found(order):
    ordering.cancel(order=order, at=NOON, cause="test")
    OrderDiscount.objects.update(is_redeemed=True)
    Discount.objects.update(times_redeemed=1)

    assert found() == [("discount_of_no_order", row(OrderDiscount.objects.get()))]


def test_goods_handed_over_without_money_are_found(order):
    OrderLine.objects.update(fulfilled_at=NOON)

    assert found() == [("handed_over_unpaid", row(order.lines.get()))]


def test_paid_goods_nobody_handed_over_are_a_warning_after_an_hour(paid):
    OrderLine.objects.update(fulfilled_at=None)

    assert found(at=NOON + timedelta(minutes=59)) == []
    [breach] = integrity.breaches(at=NOON + timedelta(minutes=60))
    assert (breach.rule, breach.is_warning) == ("paid_and_not_handed_over", True)


def test_a_status_that_its_history_does_not_end_with_is_found(order, opened):
    Order.objects.update(status="CANCELLED")
    Payment.objects.update(status="FAILED")
    StockHold.objects.update(returned_at=NOON)
    OrderDiscount.objects.update(is_redeemed=False)
    Discount.objects.update(times_redeemed=0)

    assert found() == [("order_history", row(order)), ("payment_history", row(opened))]


def test_a_move_that_no_table_allows_is_found(paid):
    moves = paid.order.status_changes
    backwards = moves.create(from_status="PAID", to_status="AWAITING_PAYMENT", at=NOON, cause="test")
    moves.create(from_status="AWAITING_PAYMENT", to_status="PAID", at=NOON, cause="test")

    assert found() == [("order_history", row(backwards))]


def test_a_move_from_where_nobody_was_is_found(paid):
    leap = paid.status_changes.create(from_status="EXPIRED", to_status="PAID", at=NOON, cause="test")

    assert found() == [("payment_history", row(leap))]


def twin(payment: Payment, **fields) -> Payment:
    values = {
        field.attname: getattr(payment, field.attname)
        for field in Payment._meta.fields
        if field.name not in ("id", "uuid", "session_id", "intent_id")
    }
    return Payment.objects.create(**values, **fields)


# --- The command and the nightly task ----------------------------------------------------------------------
def test_the_command_says_that_all_is_well(paid):
    said = StringIO()

    call_command("check_integrity", stdout=said)

    assert said.getvalue() == f"{len(integrity.rules())} rules, 0 broken rows, 0 warnings\n"


def test_the_command_prints_what_is_broken_and_ends_with_one(paid):
    Discount.objects.update(times_redeemed=0)
    said = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("check_integrity", stdout=said, no_color=True)

    assert ended.value.code == 1
    assert f"broken  discount_miscounted  {row(Discount.objects.get())}  Spring: counted 0, had by 1" in (
        said.getvalue()
    )


def test_one_rule_can_be_asked_for(paid):
    Discount.objects.update(times_redeemed=0)
    said = StringIO()

    call_command("check_integrity", rule="stock_below_zero", stdout=said)

    assert said.getvalue() == "1 rules, 0 broken rows, 0 warnings\n"
    with pytest.raises(CommandError, match='no rule "nonsense"'):
        call_command("check_integrity", rule="nonsense")


def test_the_nightly_task_logs_what_is_broken(paid, caplog):
    Discount.objects.update(times_redeemed=0)

    assert tasks.check_integrity() == "1 broken"

    assert ["discount_miscounted" in record.message for record in caplog.records] == [True]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
