from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from accounts.tests.factories import UserFactory
from commerce.fulfilment import KindTaken, UnknownKind, register
from commerce.models import Order, OrderLine
from commerce.models.orders import NUMBER_ALPHABET
from commerce.money import CurrencyMismatch, Money
from commerce.services import ordering
from commerce.tests.factories import KIND, NOON, place_order, voucher

pytestmark = pytest.mark.django_db


def test_a_placed_order_has_its_lines_its_total_and_a_day_to_be_paid(counter):
    buyer = UserFactory(email="ada@example.com")

    order = place_order(voucher("a", amount="10.00", quantity=3), voucher("b", amount="5.50"), buyer=buyer)

    assert order.status == Order.Status.AWAITING_PAYMENT
    assert order.total == Money(Decimal("35.50"), "USD")
    assert order.account == "usd"
    assert order.email == "ada@example.com"
    assert order.payable_until == NOON + timedelta(hours=24)
    assert [(line.title, line.quantity, line.total) for line in order.lines.select_related("order")] == [
        ("Voucher a", 3, Money(Decimal("30.00"), "USD")),
        ("Voucher b", 1, Money(Decimal("5.50"), "USD")),
    ]


def test_an_order_number_can_be_read_out(counter):
    number = place_order().number

    assert len(number) == 9
    assert number[4] == "-"
    assert set(number) - {"-"} <= set(NUMBER_ALPHABET)
    assert not set("01ILOU") & set(NUMBER_ALPHABET)


def test_a_number_that_is_taken_is_drawn_again(counter, monkeypatch):
    taken = place_order().number
    numbers = iter([taken, "2222-2222"])
    monkeypatch.setattr(ordering, "new_number", lambda: next(numbers))

    assert place_order().number == "2222-2222"


def test_an_order_holds_one_currency(counter):
    with pytest.raises(CurrencyMismatch):
        place_order(voucher("a", currency="USD"), voucher("b", currency="EUR"))
    assert not Order.objects.exists()


def test_an_order_needs_a_line(counter):
    with pytest.raises(ordering.EmptyOrder):
        ordering.place(buyer=UserFactory(), lines=[], at=NOON)


def test_what_nobody_sells_cannot_be_ordered():
    with pytest.raises(UnknownKind, match='Nobody sells "voucher"'):
        place_order()


def test_two_sellers_cannot_have_one_kind(counter):
    class Other:
        pass

    with pytest.raises(KindTaken):
        register(KIND, Other())


def test_cancelling_frees_what_was_held_once(counter):
    order = place_order(voucher("a"), voucher("b"))

    assert ordering.cancel(order=order, at=NOON, cause="test")
    assert not ordering.cancel(order=order, at=NOON, cause="test")

    assert counter.released == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"status": "LOST"}, "commerce_order_(status_known|paid_at_iff_paid)"),
        ({"status": "PAID"}, "commerce_order_paid_at_iff_paid"),
        ({"paid_at": NOON}, "commerce_order_paid_at_iff_paid"),
    ],
)
def test_the_database_refuses_an_impossible_order(counter, change, constraint):
    order = place_order()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Order.objects.filter(pk=order.pk).update(**change)


def test_the_database_refuses_a_line_of_nothing(counter):
    order = place_order()

    with pytest.raises(IntegrityError, match="commerce_orderline_quantity_positive"), transaction.atomic():
        OrderLine.objects.filter(order=order).update(quantity=0)


def test_a_thing_stands_on_an_order_once(counter):
    with (
        pytest.raises(IntegrityError, match=r"thing_once_per_order|orderline\.reference"),
        transaction.atomic(),
    ):
        place_order(voucher("a"), voucher("a"))
