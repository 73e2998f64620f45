import pytest

from commerce.models import Order, Payment
from commerce.models.statuses import IllegalTransition
from commerce.tests.factories import NOON, place_order

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", [Order, Payment])
def test_every_status_is_in_the_table_of_transitions(model):
    assert set(model.TRANSITIONS) == set(model.Status)
    assert all(targets <= set(model.Status) for targets in model.TRANSITIONS.values())


@pytest.mark.parametrize("model", [Order, Payment])
def test_nothing_that_was_paid_becomes_unpaid(model):
    unpaid = set(model.Status) - {"PAID", "REFUNDED", "PARTIALLY_REFUNDED"}

    reachable, frontier = set(), {"PAID"}
    while frontier:
        frontier = {target for status in frontier for target in model.TRANSITIONS[status]} - reachable
        reachable |= frontier

    assert not reachable & unpaid


def test_a_move_leaves_a_row_of_history(counter):
    order = place_order()

    assert order.transition(to="CANCELLED", at=NOON, cause="changed my mind", actor=order.buyer)

    history = order.status_changes.values_list("from_status", "to_status", "cause", "actor")
    assert list(history) == [
        ("OPEN", "AWAITING_PAYMENT", "placed", order.buyer.pk),
        ("AWAITING_PAYMENT", "CANCELLED", "changed my mind", order.buyer.pk),
    ]


def test_a_move_the_table_does_not_have_changes_nothing(counter):
    order = place_order()
    order.transition(to="PAID", at=NOON, cause="test", paid_at=NOON)

    assert not order.transition(to="CANCELLED", at=NOON, cause="too late")
    assert order.status == "PAID"
    assert order.status_changes.count() == 2


def test_a_copy_read_earlier_does_not_move_what_has_moved_since(counter):
    order = place_order()
    stale = Order.objects.get(pk=order.pk)
    order.transition(to="CANCELLED", at=NOON, cause="first")

    assert not stale.transition(to="CANCELLED", at=NOON, cause="second")
    assert stale.status == "CANCELLED"


def test_a_status_that_nothing_leads_to_is_a_mistake_of_the_caller(counter):
    with pytest.raises(IllegalTransition, match="Order never becomes OPEN"):
        place_order().transition(to="OPEN", at=NOON, cause="test")
