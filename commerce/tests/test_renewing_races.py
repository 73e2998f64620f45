"""Renewing at once, on a real PostgreSQL with real threads."""

from functools import partial

import pytest

from accounts.tests.crowd import CROWD
from commerce.models import Item, Payment, StockHold
from commerce.services import checkout, renewing
from commerce.tests.factories import NOON, URLS, fake, place_order
from commerce.tests.rounds import failures, race
from commerce.tests.test_renewing import TOMORROW, expired, given_up, item_order

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def renew_at_once(payment: Payment, *, at) -> set[str]:
    """The sessions that a crowd got; who comes when all is over is told that nothing has expired."""
    copies = [Payment.objects.get(pk=payment.pk) for _copy in range(CROWD)]
    by = payment.order.buyer
    answers = race([partial(renewing.renew, payment=copy, urls=URLS, at=at, by=by) for copy in copies])
    assert failures(answers, but=(renewing.NotExpired,)) == []
    return {answer.session_id for answer in answers if isinstance(answer, Payment)}


def test_a_payment_renewed_by_a_crowd_has_one_new_session(counter):
    payment = expired(place_order())

    sessions = renew_at_once(payment, at=NOON)

    payment.refresh_from_db()
    assert sessions == {payment.session_id}
    assert (payment.status, payment.attempt) == ("PENDING", 2)
    assert [state.status for state in fake()._ledger.sessions.values()] == ["expired", "open"]


def test_an_order_taken_up_again_by_a_crowd_takes_its_pieces_once(counter):
    item, order = item_order(stock=5)
    payment = given_up(order)

    renew_at_once(payment, at=TOMORROW)

    assert Item.objects.get(pk=item.pk).stock == 4
    assert StockHold.objects.filter(returned_at__isnull=True).count() == 1
    assert checkout.sweep_unpaid(at=TOMORROW) == 0
