"""What commerce keeps of a person: told in full, and anonymous when they have gone."""

import json
from datetime import timedelta

import pytest

from accounts.api.serializers import OwnPaymentSerializer
from accounts.personal_data import keeper_of
from accounts.tests.factories import UserFactory
from commerce.models import Order, Payment
from commerce.services import checkout
from commerce.tests.factories import NOON, URLS, place_order, voucher

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com", first_name="Ada")


def test_a_payment_is_told_in_the_shape_of_the_api(counter, ada):
    payment = checkout.open_session(order=place_order(buyer=ada), urls=URLS, at=NOON)

    [told] = keeper_of("payments").export(ada)

    assert told == {
        "id": payment.pk,
        "user": ada.pk,
        "status": "PENDING",
        "method": "stripe",
        "amount": "49.00",
        "currency": "USD",
        "course": None,
        "lesson": None,
        "borrowing": None,
        "order": payment.order_id,
        "session_id": payment.session_id,
        "session_url": payment.session_url,
        "created_at": "2026-05-04T12:00:00+00:00",
        "paid_at": None,
    }


def test_the_documentation_names_the_same_fields(counter, ada):
    checkout.open_session(order=place_order(buyer=ada), urls=URLS, at=NOON)

    [told] = keeper_of("payments").export(ada)

    assert list(told) == list(OwnPaymentSerializer().fields)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("course", "course"),
        ("lesson", "lesson"),
        ("borrowing", "borrowing"),
        ("renewal", "borrowing"),
        ("fine", "borrowing"),
    ],
)
def test_a_payment_names_what_it_pays(counter, ada, kind, field):
    order = place_order(buyer=ada)
    checkout.open_session(order=order, urls=URLS, at=NOON)
    order.lines.update(kind=kind, reference="17")

    [told] = keeper_of("payments").export(ada)

    assert {name: told[name] for name in ("course", "lesson", "borrowing")} == {
        "course": None,
        "lesson": None,
        "borrowing": None,
        field: 17,
    }


def test_payments_of_others_are_not_told(counter, ada):
    checkout.open_session(order=place_order(), urls=URLS, at=NOON)

    assert keeper_of("payments").export(ada) == []
    assert keeper_of("orders").export(ada) == []


@pytest.mark.parametrize("rows", [1, 10])
def test_telling_ten_payments_takes_as_many_queries_as_telling_one(
    counter, ada, rows, django_assert_num_queries
):
    for n in range(rows):
        checkout.open_session(order=place_order(voucher(f"v{n}"), buyer=ada), urls=URLS, at=NOON)

    with django_assert_num_queries(2):
        assert len(keeper_of("payments").export(ada)) == rows
    with django_assert_num_queries(4):
        assert len(keeper_of("orders").export(ada)) == rows


def test_an_order_is_told_line_by_line(counter, ada):
    order = place_order(voucher("v1", amount="12.50", quantity=2), buyer=ada)

    [told] = keeper_of("orders").export(ada)

    assert told == {
        "id": order.pk,
        "number": order.number,
        "status": "AWAITING_PAYMENT",
        "email": "ada@example.com",
        "subtotal": "25.00",
        "discount": "0.00",
        "tax": "0.00",
        "total": "25.00",
        "currency": "USD",
        "created_at": "2026-05-04T12:00:00+00:00",
        "placed_at": "2026-05-04T12:00:00+00:00",
        "paid_at": None,
        "lines": [
            {
                "kind": "voucher",
                "reference": "v1",
                "title": "Voucher v1",
                "unit_price": "12.50",
                "quantity": 2,
                "total": "25.00",
                "fulfilled_at": None,
            }
        ],
        "refunds": [],
    }
    assert json.dumps(told)


def erase(user):
    for section in ("orders", "payments"):
        keeper_of(section).erase(user, at=LATER)


def test_the_rows_accounting_needs_stay_and_name_nobody(counter, ada):
    payment = checkout.open_session(order=place_order(buyer=ada), urls=URLS, at=NOON)

    erase(ada)
    erase(ada)

    kept = Payment.objects.select_related("order").get()
    assert kept.order.email == "deleted@deleted.invalid"
    assert kept.session_url == ""
    assert (kept.session_id, kept.amount, kept.order.total) == (
        payment.session_id,
        payment.amount,
        payment.order.total,
    )


def test_what_was_not_paid_is_given_up(counter, ada):
    place_order(buyer=ada)

    erase(ada)

    order = Order.objects.get()
    assert order.status == Order.Status.CANCELLED
    assert order.status_changes.last().cause == "account deleted"
    assert counter.released == ["v1"]


def test_orders_of_others_stay_as_they_are(counter, ada):
    other = place_order()

    erase(ada)

    other.refresh_from_db()
    assert (other.status, other.email) == (Order.Status.AWAITING_PAYMENT, other.buyer.email)
