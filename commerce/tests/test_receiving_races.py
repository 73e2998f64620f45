"""Sixteen clerks at one counter, on a real PostgreSQL."""

from decimal import Decimal
from functools import partial

import pytest

from accounts.tests.crowd import CROWD, all_at_once
from accounts.tests.factories import UserFactory
from commerce.models import Item, Payment
from commerce.models.customers import Customer
from commerce.services import cart, integrity, ordering, receiving
from commerce.tests.factories import NOON, place_order
from commerce.tests.rounds import failures, race, rounds

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_sixteen_clerks_take_the_money_once(counter):
    order = place_order()
    payment = receiving.expect(order=order, method="cash", at=NOON)

    answers = all_at_once(
        lambda: receiving.settle_by_hand(payment=Payment.objects.get(pk=payment.pk), at=NOON, by=None)
    )

    assert sorted(answers) == [False] * (CROWD - 1) + [True]
    assert payment.status_changes.count() == 1


def test_sixteen_clerks_expect_one_payment(counter):
    order = place_order()

    payments = all_at_once(lambda: receiving.expect(order=order, method="cash", at=NOON).pk)

    assert set(payments) == {Payment.objects.get().pk}


def test_cash_that_is_taken_while_its_order_is_given_up_is_one_or_the_other():
    for _round in rounds(short=20, long=200):
        item = Item.objects.create(name="Mug", price=Decimal(10), currency="USD", stock=1)
        order = cart.buy_now(customer=Customer(user=UserFactory()), item=item, at=NOON)
        payment = receiving.expect(order=order, method="cash", at=NOON)

        answers = race(
            [
                partial(receiving.settle_by_hand, payment=payment, at=NOON, by=None),
                partial(ordering.cancel, order=order, at=NOON, cause="test"),
            ]
        )

        assert failures(answers, but=(receiving.NotWaiting,)) == []
        for row in (order, payment, item):
            row.refresh_from_db()
        assert (order.status, payment.status, item.stock) in {
            ("PAID", "PAID", 0),
            ("CANCELLED", "PENDING", 1),
        }
        assert [breach for breach in integrity.breaches(at=NOON) if not breach.is_warning] == []
