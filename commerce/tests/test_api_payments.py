"""Payments by the API: the list and its filters, paying, asking, renewing, and what staff does."""

from datetime import timedelta
from decimal import Decimal

import hypothesis
import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.dateparse import parse_datetime
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from accounts.tests.factories import UserFactory
from commerce import fulfilment
from commerce.gateways import GatewayUnavailable
from commerce.models import Discount, Order, Payment
from commerce.money import Money
from commerce.services import checkout, receiving, settlement
from commerce.tests.api import PAYMENTS, client_of, now, open_payment
from commerce.tests.factories import KIND, fake, open_counter, place_order, voucher

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com")


@pytest.fixture
def staff():
    return UserFactory(is_staff=True)


def ids(answer):
    assert answer.status_code == 200, answer.json()
    return [payment["id"] for payment in answer.json()["results"]]


def no_answer(*args, **kwargs):
    raise GatewayUnavailable("The line was cut.")


def pay(payment):
    fake(payment.account).pay(payment.session_id)
    return checkout.complete(payment=payment, at=now())


# --- The list ---
def test_a_payment_has_exactly_the_fields_of_the_contract(counter, ada):
    payment = open_payment(ada)

    [told] = client_of(ada).get(PAYMENTS).json()["results"]

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
        "created_at": payment.created_at.isoformat(),
        "paid_at": None,
    }
    assert client_of(ada).get(f"{PAYMENTS}{payment.pk}/").json() == told
    assert client_of(ada).get("/api/v1/users/me/").json()["payments"] == [told]


def test_one_sees_ones_own_and_staff_and_shopkeepers_see_all(counter, ada, staff):
    mine, others = open_payment(ada), open_payment(UserFactory())
    shopkeeper = UserFactory()
    shopkeeper.groups.add(Group.objects.get(name="Shopkeepers"))

    assert ids(client_of(ada).get(PAYMENTS)) == [mine.pk]
    assert ids(client_of(staff).get(PAYMENTS)) == [others.pk, mine.pk]
    assert ids(client_of(shopkeeper).get(PAYMENTS)) == [others.pk, mine.pk]
    assert ids(client_of(staff).get(PAYMENTS, {"user_id": ada.pk})) == [mine.pk]


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
def test_the_list_is_narrowed_to_what_was_paid(counter, ada, kind, field):
    wanted, other = open_payment(ada), open_payment(ada)
    wanted.order.lines.update(kind=kind, reference="17")
    other.order.lines.update(kind=kind, reference="18")

    answer = client_of(ada).get(PAYMENTS, {field: 17})

    assert [(payment["id"], payment[field]) for payment in answer.json()["results"]] == [(wanted.pk, 17)]
    assert ids(client_of(ada).get(PAYMENTS, {field: 19})) == []


def test_the_list_is_narrowed_to_an_order_a_method_and_a_status(counter, ada):
    by_card = open_payment(ada)
    by_hand = receiving.expect(order=place_order(buyer=ada, at=now()), method="cash", at=now())
    paid = pay(open_payment(ada))
    client = client_of(ada)

    assert ids(client.get(PAYMENTS, {"order": by_card.order_id})) == [by_card.pk]
    assert ids(client.get(PAYMENTS, {"method": "cash"})) == [by_hand.pk]
    assert ids(client.get(PAYMENTS, {"status": "PAID"})) == [paid.pk]
    assert ids(client.get(PAYMENTS, {"status": "PAID", "method": "cash"})) == []


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("created_at", [0, 1, 2, 3]),
        ("-created_at", [3, 2, 1, 0]),
        ("paid_at", [2, 0, 1, 3]),
        ("-paid_at", [0, 2, 3, 1]),
        ("amount", [1, 0, 2, 3]),
        ("-amount", [3, 2, 0, 1]),
    ],
)
def test_the_list_is_ordered_both_ways_and_equal_ones_by_their_age(counter, ada, ordering, expected):
    rows = [open_payment(ada, voucher(f"v{n}")) for n in range(4)]
    noon = now()
    for row, minor, paid_at in zip(
        rows, (5000, 4900, 5000, 5100), (noon, None, noon - timedelta(hours=1), None), strict=True
    ):
        Payment.objects.filter(pk=row.pk).update(amount_minor=minor)
        if paid_at:
            Payment.objects.filter(pk=row.pk).update(status="PAID", paid_at=paid_at, captured_minor=minor)

    found = ids(client_of(ada).get(PAYMENTS, {"ordering": ordering}))

    assert [[row.pk for row in rows].index(pk) for pk in found] == expected


def test_amounts_are_ordered_as_they_are_written(counter, ada):
    dollars = open_payment(ada, voucher(amount="49.00"))
    yen = place_order(voucher(amount="500", currency="JPY"), buyer=ada, at=now())
    in_yen = Payment.objects.create(
        order=yen, method="cash", amount_minor=500, currency="JPY", created_at=now()
    )

    assert ids(client_of(ada).get(PAYMENTS, {"ordering": "-amount"})) == [in_yen.pk, dollars.pk]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"status": "paid"}, "status"),
        ({"status": ""}, "status"),
        ({"method": "gold"}, "method"),
        ({"course": "x"}, "course"),
        ({"course": "-1"}, "course"),
        ({"order": "9" * 30}, "order"),
        ({"ordering": "status"}, "ordering"),
        ({"user_id": "1"}, "user_id"),
        ({"page_size": "0"}, "page_size"),
    ],
)
def test_an_unknown_filter_or_value_is_refused(counter, ada, query, field):
    open_payment(ada)

    answer = client_of(ada).get(PAYMENTS, query)

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize("address", [PAYMENTS, "/api/v1/orders/", "/api/v1/items/"])
def test_a_filter_that_is_given_twice_is_refused(counter, ada, address):
    answer = client_of(ada).get(f"{address}?ordering=created_at&page=1&page=1")

    assert (answer.status_code, answer.json()["errors"]) == (400, {"page": ["Give it once."]})


def test_thirty_payments_take_as_many_queries_as_one(counter, ada, staff):
    def queries(client):
        client.get(PAYMENTS)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(PAYMENTS, {"page_size": 50}).status_code == 200
        return len(asked)

    open_payment(ada)
    with_one = queries(client_of(ada)), queries(client_of(staff))
    for n in range(29):
        open_payment(ada, voucher(f"v{n}"))

    assert (queries(client_of(ada)), queries(client_of(staff))) == with_one
    assert with_one[0] <= 6


# --- Paying ---
def test_an_order_is_paid_on_a_page_whose_ways_back_are_on_this_host(counter, ada):
    order = place_order(buyer=ada, at=now())

    answer = client_of(ada).post(PAYMENTS, {"order": order.pk})

    payment = Payment.objects.get()
    assert answer.status_code == 201
    assert answer["Location"] == f"http://testserver{PAYMENTS}{payment.pk}/"
    assert answer.json()["session_url"] == fake().session(payment.session_id).url
    assert (answer.json()["status"], answer.json()["method"]) == ("PENDING", "stripe")
    assert (payment.success_url, payment.cancel_url) == (
        "http://testserver/api/v1/payments/success/?session_id={CHECKOUT_SESSION_ID}",
        f"http://testserver/api/v1/payments/cancel/?order={order.number}",
    )


def test_asking_again_gives_the_open_payment(counter, ada):
    order = place_order(buyer=ada, at=now())

    first, second = [client_of(ada).post(PAYMENTS, {"order": order.pk}) for _ in range(2)]

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


@pytest.mark.parametrize("method", ["cash", "transfer"])
def test_cash_and_transfers_are_expected_without_a_page(counter, ada, method):
    order = place_order(buyer=ada, at=now())

    first, second = [client_of(ada).post(PAYMENTS, {"order": order.pk, "method": method}) for _ in range(2)]

    assert (first.status_code, second.status_code) == (201, 200)
    assert (first.json()["method"], first.json()["session_url"]) == (method, None)
    assert Payment.objects.get().status == "PENDING"


def test_another_method_closes_the_page_there_was(counter, ada):
    payment = open_payment(ada)

    by_hand = client_of(ada).post(PAYMENTS, {"order": payment.order_id, "method": "transfer"})
    by_card = client_of(ada).post(PAYMENTS, {"order": payment.order_id})

    assert (by_hand.status_code, by_card.status_code) == (201, 201)
    assert fake().session(payment.session_id).status == "expired"
    assert list(Payment.objects.order_by("pk").values_list("method", "status")) == [
        ("stripe", "EXPIRED"),
        ("transfer", "EXPIRED"),
        ("stripe", "PENDING"),
    ]


def test_a_page_that_was_paid_is_found_out_before_cash_is_expected(counter, ada):
    payment = open_payment(ada)
    fake().pay(payment.session_id)

    answer = client_of(ada).post(PAYMENTS, {"order": payment.order_id, "method": "cash"})

    assert answer.status_code == 409
    assert "is paid already" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"course": None},
        {"course": 1, "lesson": 2},
        {"order": "x"},
        {"order": 0},
        {"order": 1, "method": "gold"},
        [],
    ],
)
def test_exactly_one_thing_is_paid_in_a_known_way(ada, body):
    answer = client_of(ada).post(PAYMENTS, body)

    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_what_no_app_sells_is_not_paid_for(ada, monkeypatch):
    monkeypatch.delitem(fulfilment._payables, "borrowing")

    answer = client_of(ada).post(PAYMENTS, {"borrowing": 1})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["borrowing"]


@pytest.mark.parametrize("order", [4711, 2**62])
def test_an_order_that_is_not_there_is_not_found(ada, order):
    assert client_of(ada).post(PAYMENTS, {"order": order}).status_code == 404


def test_anothers_order_is_not_found_and_staff_may_take_cash_for_it(counter, ada, staff):
    order = place_order(buyer=ada, at=now())

    assert client_of(UserFactory()).post(PAYMENTS, {"order": order.pk}).status_code == 404
    answer = client_of(staff).post(PAYMENTS, {"order": order.pk, "method": "cash"})

    assert (answer.status_code, answer.json()["user"]) == (201, ada.pk)


def test_what_cannot_be_paid_says_why(counter, ada):
    client = client_of(ada)
    paid = pay(open_payment(ada)).order
    cancelled = place_order(buyer=ada, at=now())
    checkout.give_up(order=cancelled, at=now(), cause="test")
    held = open_payment(ada)
    held.hold(reason="Too much came.")
    under_way = open_payment(ada)
    fake().pay_slowly(under_way.session_id)
    over = place_order(buyer=ada, at=now() - timedelta(hours=25))

    for order, words in [
        (paid, "is paid already"),
        (cancelled, "can no longer be paid"),
        (held.order, "being checked by our staff"),
        (under_way.order, "on its way"),
        (over, "can no longer be paid"),
    ]:
        answer = client.post(PAYMENTS, {"order": order.pk})
        assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
        assert words in answer.json()["detail"]
    assert client.post(PAYMENTS, {"order": over.pk, "method": "cash"}).status_code == 409
    assert client.post(PAYMENTS, {"order": held.order_id, "method": "cash"}).status_code == 409


def test_too_little_for_a_card_is_refused_and_taken_in_cash(counter, ada):
    order = place_order(voucher(amount="0.49"), buyer=ada, at=now())

    answer = client_of(ada).post(PAYMENTS, {"order": order.pk})

    assert answer.status_code == 400
    assert "too little" in answer.json()["errors"]["non_field_errors"][0]
    assert client_of(ada).post(PAYMENTS, {"order": order.pk, "method": "cash"}).status_code == 201


def test_what_costs_nothing_needs_no_payment(counter, ada):
    Discount.objects.create(name="Everything", percent_off=Decimal(100))
    order = place_order(buyer=ada, at=now())

    answer = client_of(ada).post(PAYMENTS, {"order": order.pk})

    assert (answer.status_code, order.total_minor) == (204, 0)
    assert Order.objects.get().status == "PAID"
    assert not Payment.objects.exists()


def test_a_silent_provider_is_a_503_that_says_when_to_come_back(counter, ada, monkeypatch):
    order = place_order(buyer=ada, at=now())
    monkeypatch.setattr(fake(), "open_session", no_answer, raising=False)

    answer = client_of(ada).post(PAYMENTS, {"order": order.pk})

    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert answer["Content-Type"] == "application/problem+json"


def test_paying_has_a_limit_of_its_own_and_reading_has_not(counter, ada, monkeypatch):
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "payments", "2/min")
    cache.clear()
    order, client = place_order(buyer=ada, at=now()), client_of(ada)

    answers = [client.post(PAYMENTS, {"order": order.pk}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 200, 429]
    assert 0 < int(answers[2]["Retry-After"]) <= 61
    assert client.get(PAYMENTS).status_code == 200


# --- One payment ---
@pytest.mark.parametrize(
    ("method", "path"),
    [("get", ""), ("get", "status/"), ("post", "renew/")],
)
def test_anothers_payment_is_not_there(counter, ada, method, path):
    payment = open_payment(ada)

    answer = getattr(client_of(UserFactory()), method)(f"{PAYMENTS}{payment.pk}/{path}")

    assert answer.status_code == 404
    assert payment.session_id not in answer.content.decode()


@pytest.mark.parametrize("path", ["settle/", "refund/"])
def test_money_is_handled_by_staff_only(counter, ada, path):
    payment = pay(open_payment(ada))

    assert client_of(ada).post(f"{PAYMENTS}{payment.pk}/{path}").status_code == 403
    assert APIClient().post(f"{PAYMENTS}{payment.pk}/{path}").status_code == 401
    payment.refresh_from_db()
    assert payment.refunded_minor == 0


def test_asking_the_provider_writes_down_what_it_says_and_hands_over(counter, ada):
    payment = open_payment(ada)
    fake().pay(payment.session_id)
    assert client_of(ada).get(f"{PAYMENTS}{payment.pk}/").json()["status"] == "PENDING"

    told = client_of(ada).get(f"{PAYMENTS}{payment.pk}/status/").json()

    payment.refresh_from_db()
    assert told["status"] == payment.status == "PAID"
    assert told["paid_at"] == payment.paid_at.isoformat()
    assert counter.fulfilled == ["v1"]


def test_a_silent_provider_is_not_guessed_for(counter, ada, monkeypatch):
    payment = open_payment(ada)
    monkeypatch.setattr(fake(), "session", no_answer, raising=False)

    for path in (f"{PAYMENTS}{payment.pk}/status/", f"{PAYMENTS}success/?session_id={payment.session_id}"):
        answer = client_of(ada).get(path)
        assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert client_of(ada).get(f"{PAYMENTS}{payment.pk}/").json()["status"] == "PENDING"


def test_nobody_is_asked_about_cash(counter, ada):
    payment = receiving.expect(order=place_order(buyer=ada, at=now()), method="cash", at=now())

    assert client_of(ada).get(f"{PAYMENTS}{payment.pk}/status/").json()["status"] == "PENDING"


def test_an_expired_payment_is_renewed_on_the_same_row(counter, ada):
    payment = open_payment(ada)
    old = payment.session_id
    fake().expire_session(old)
    settlement.settle(payment=payment, at=now(), cause="test")

    answer = client_of(ada).post(f"{PAYMENTS}{payment.pk}/renew/")

    told = answer.json()
    assert (answer.status_code, told["id"], told["status"]) == (200, payment.pk, "PENDING")
    assert told["session_id"] != old
    assert told["session_url"] == fake().session(told["session_id"]).url
    assert fake().session(told["session_id"]).status == "open"


def test_what_has_not_expired_is_not_renewed(counter, ada):
    payment = open_payment(ada)

    answer = client_of(ada).post(f"{PAYMENTS}{payment.pk}/renew/")

    assert answer.status_code == 409
    assert "Only expired card payments" in answer.json()["detail"]


# --- Staff ---
@pytest.mark.parametrize("method", ["cash", "transfer"])
def test_staff_settles_what_came_by_hand_once(counter, ada, staff, method, run_queue_inline):
    payment = receiving.expect(order=place_order(buyer=ada, at=now()), method=method, at=now())

    answers = [client_of(staff).post(f"{PAYMENTS}{payment.pk}/settle/") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["status"] == "PAID"
    assert answers[0].json()["paid_at"]
    payment.refresh_from_db()
    assert (payment.order.status, payment.status_changes.get().actor) == ("PAID", staff)


def test_a_card_is_not_settled_by_hand(counter, ada, staff):
    answer = client_of(staff).post(f"{PAYMENTS}{open_payment(ada).pk}/settle/")

    assert answer.status_code == 409
    assert "by their provider" in answer.json()["detail"]


def test_money_is_given_back_in_parts_and_then_the_rest(counter, ada, staff):
    payment = pay(open_payment(ada))
    path = f"{PAYMENTS}{payment.pk}/refund/"

    part = client_of(staff).post(path, {"amount": "9.00", "reason": "Scratched"})
    too_much = client_of(staff).post(path, {"amount": "40.01"})
    rest = client_of(staff).post(path)
    nothing_left = client_of(staff).post(path)

    assert (part.status_code, part.json()["status"]) == (200, "PARTIALLY_REFUNDED")
    assert (too_much.status_code, list(too_much.json()["errors"])) == (400, ["amount"])
    assert (rest.status_code, rest.json()["status"]) == (200, "REFUNDED")
    assert nothing_left.status_code == 400
    payment.refresh_from_db()
    assert (payment.refunded_minor, payment.order.status) == (4900, "REFUNDED")
    assert counter.revoked == ["v1"]
    assert [refund.requested_by for refund in payment.refunds.all()] == [staff, staff]


@pytest.mark.parametrize("amount", ["0", "-1", "x", "1.234", "1e9", "NaN", [1]])
def test_a_refund_is_of_an_amount(counter, ada, staff, amount):
    payment = pay(open_payment(ada))

    answer = client_of(staff).post(f"{PAYMENTS}{payment.pk}/refund/", {"amount": amount})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["amount"])


def test_what_was_not_paid_is_not_given_back(counter, ada, staff):
    answer = client_of(staff).post(f"{PAYMENTS}{open_payment(ada).pk}/refund/")

    assert answer.status_code == 409
    assert "Nothing was paid" in answer.json()["detail"]


def test_a_refund_without_an_answer_is_accepted_and_asked_for_again(counter, ada, staff, monkeypatch):
    payment = pay(open_payment(ada))
    monkeypatch.setattr(fake(), "refund", no_answer, raising=False)

    answer = client_of(staff).post(f"{PAYMENTS}{payment.pk}/refund/")

    assert (answer.status_code, answer.json()["status"]) == (202, "PAID")
    assert payment.refunds.get().status == "PENDING"


# --- The ways back ---
def test_back_from_paying_the_provider_is_asked_and_the_buyer_gets_the_payment(counter, ada):
    payment = open_payment(ada)
    fake().pay(payment.session_id)

    answer = client_of(ada).get(f"{PAYMENTS}success/", {"session_id": payment.session_id})

    told = answer.json()
    assert told.pop("detail") == "The payment has come. Thank you!"
    assert told == client_of(ada).get(f"{PAYMENTS}{payment.pk}/").json()
    assert (told["status"], counter.fulfilled) == ("PAID", ["v1"])


def test_whoever_comes_back_is_told_how_it_stands_and_nothing_of_the_buyer(counter, ada):
    payment = open_payment(ada)
    fake().pay(payment.session_id)

    for client in (client_of(), client_of(UserFactory())):
        told = client.get(f"{PAYMENTS}success/", {"session_id": payment.session_id}).json()
        assert told == {
            "status": "PAID",
            "session_id": payment.session_id,
            "detail": "The payment has come. Thank you!",
        }


def test_an_address_alone_pays_nothing(counter, ada):
    payment = open_payment(ada)

    told = client_of().get(f"{PAYMENTS}success/", {"session_id": payment.session_id}).json()

    assert (told["status"], told["detail"]) == ("PENDING", "The payment has not come yet.")


@pytest.mark.parametrize(
    ("query", "status"),
    [({}, 400), ({"session_id": ""}, 400), ({"session_id": "cs_nobody"}, 404), ({"session_id": "\x00"}, 400)],
)
@pytest.mark.parametrize("door", ["success", "cancel"])
def test_a_session_that_is_none_of_ours_is_not_found(counter, ada, door, query, status):
    receiving.expect(order=place_order(buyer=ada, at=now()), method="cash", at=now())

    assert client_of().get(f"{PAYMENTS}{door}/", query).status_code == status


def test_who_turned_back_may_pay_within_a_day(counter, ada):
    payment = open_payment(ada)

    by_session = client_of().get(f"{PAYMENTS}cancel/", {"session_id": payment.session_id}).json()
    by_order = client_of().get(f"{PAYMENTS}cancel/", {"order": payment.order.number}).json()
    told = client_of(ada).get(f"{PAYMENTS}cancel/", {"session_id": payment.session_id}).json()

    assert by_session == by_order
    assert set(by_session) == {"status", "session_id", "detail", "may_be_paid", "payable_until"}
    assert (by_session["status"], by_session["may_be_paid"]) == ("PENDING", True)
    assert "within 24 hours" in by_session["detail"]
    assert told["session_url"] == payment.session_url


@pytest.mark.parametrize("amount", ["", " ", "NaN", "-1", "0", "1e30", True])
def test_an_amount_that_is_none_gives_nothing_back(counter, ada, staff, amount):
    payment = pay(open_payment(ada))

    answer = client_of(staff).post(f"{PAYMENTS}{payment.pk}/refund/", {"amount": amount}, format="json")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["amount"])
    payment.refresh_from_db()
    assert (payment.status, payment.refunded_minor) == ("PAID", 0)


def test_who_chose_a_transfer_is_told_of_two_weeks(counter, ada):
    order = place_order(buyer=ada, at=now())

    client_of(ada).post(PAYMENTS, {"order": order.pk, "method": "transfer"})

    shown = client_of(ada).get(f"/api/v1/orders/{order.pk}/").json()
    told = client_of(ada).get(f"{PAYMENTS}cancel/", {"order": order.number}).json()
    order.refresh_from_db()
    assert order.payable_until == order.placed_at + timedelta(days=14)
    assert parse_datetime(shown["payable_until"]) == order.payable_until
    assert told["detail"].startswith("Nothing was charged. You can pay later: until ")


def test_who_turned_back_after_paying_is_not_told_the_opposite(counter, ada):
    payment = pay(open_payment(ada))

    told = client_of().get(f"{PAYMENTS}cancel/", {"session_id": payment.session_id}).json()

    assert (told["status"], told["may_be_paid"]) == ("PAID", False)
    assert told["detail"] == "The payment has come. Thank you!"


def test_a_held_payment_is_told_without_the_orders_number(counter, ada):
    payment = open_payment(ada)
    fake().pay(payment.session_id, amount=Money(Decimal(1), "USD"))

    told = client_of().get(f"{PAYMENTS}success/", {"session_id": payment.session_id}).json()

    assert "being checked by our staff" in told["detail"]
    assert payment.order.number not in str(told)


# --- Nothing of anybody else ---
class WhateverIsAskedFor(TestCase):
    """However a member narrows and orders the list, they get all of their own that fits, and no more."""

    @given(
        query=st.fixed_dictionaries(
            {},
            optional={
                "status": st.sampled_from(Payment.Status.values),
                "method": st.sampled_from(Payment.Method.values),
                "course": st.integers(1, 3),
                "lesson": st.integers(1, 3),
                "order": st.integers(0, 5),
                "ordering": st.sampled_from(
                    ["paid_at", "-paid_at", "created_at", "-created_at", "amount", "-amount"]
                ),
            },
        )
    )
    @hypothesis.settings(max_examples=60)
    def test_a_list_holds_only_the_askers_own(self, query):
        if "order" in query:
            query["order"] = self.orders[query["order"]].pk

        answer = client_of(self.ada).get(PAYMENTS, query)

        fitting = Payment.objects.by(self.ada)
        for kind in ("course", "lesson"):
            if kind in query:
                fitting = fitting.filter(order__lines__kind=kind, order__lines__reference=query[kind])
        for name in ("status", "method", "order"):
            if name in query:
                fitting = fitting.filter(**{name: query[name]})
        assert sorted(ids(answer)) == sorted(payment.pk for payment in fitting)
        assert {payment["user"] for payment in answer.json()["results"]} <= {self.ada.pk}

    @classmethod
    def setUpTestData(cls):
        open_counter()
        cls.addClassCleanup(fulfilment.unregister, KIND)
        cls.ada, bob = UserFactory(), UserFactory()
        cls.orders = []
        for person in (cls.ada, bob):
            for number, (kind, method) in enumerate(
                [("course", "cash"), ("lesson", "transfer"), ("course", "cash")], start=1
            ):
                order = place_order(buyer=person, at=now())
                payment = receiving.expect(order=order, method=method, at=now())
                order.lines.update(kind=kind, reference=str(number))
                if number == 3:
                    Payment.objects.filter(pk=payment.pk).update(
                        status="PAID", paid_at=now(), captured_minor=payment.amount_minor
                    )
                cls.orders.append(order)
