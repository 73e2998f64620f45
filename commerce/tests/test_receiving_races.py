"""Sixteen clerks at one counter, on a real PostgreSQL."""

import pytest

from accounts.tests.crowd import CROWD, all_at_once
from commerce.models import Payment
from commerce.services import receiving
from commerce.tests.factories import NOON, place_order

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
