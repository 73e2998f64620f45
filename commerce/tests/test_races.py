"""Many at once, on a real PostgreSQL with real threads, paying through the real library over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.tests.crowd import CROWD, all_at_once
from commerce.gateways import GatewayRefused, SessionStatus, gateway_for
from commerce.models import GatewayEvent, Order, Payment
from commerce.services import checkout, delivery, ordering, settlement
from commerce.tests.factories import URLS, fake, place_order
from commerce.tests.paying import signed_event, submit_card

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def paid_session(counter, sandbox) -> Payment:
    """A payment whose buyer has paid, and of which the portal has heard nothing."""
    payment = checkout.open_session(order=place_order(at=now()), urls=URLS, at=now())
    submit_card(payment.session_url, card="4242424242424242")
    return payment


def now() -> datetime:
    return datetime.now(UTC)


def test_sixteen_settling_one_session_make_one_transition_and_one_fulfilment(counter, paid_session):
    def settle_and_deliver() -> str:
        payment = Payment.objects.get(pk=paid_session.pk)
        return checkout.complete(payment=payment, at=now()).status

    assert all_at_once(settle_and_deliver) == ["PAID"] * CROWD

    assert list(paid_session.status_changes.values_list("from_status", "to_status")) == [("PENDING", "PAID")]
    order = paid_session.order
    assert [change.to_status for change in order.status_changes.all()] == ["AWAITING_PAYMENT", "PAID"]
    assert counter.fulfilled == ["v1"]


def test_one_event_delivered_sixteen_times_at_once_acts_once(paid_session):
    gateway = gateway_for("usd")
    body, signature = signed_event(gateway, gateway.session(paid_session.session_id))
    event = gateway.read_event(body=body, signature=signature, at=now())

    answers = all_at_once(lambda: settlement.receive(account="usd", event=event, at=now()))

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert len([answer for answer in answers if answer is not None]) == 1
    assert GatewayEvent.objects.count() == 1
    assert paid_session.status_changes.count() == 1


def test_a_click_repeated_sixteen_times_at_once_opens_one_page(counter, sandbox):
    order = place_order(at=now())

    def pay() -> str:
        fresh = Order.objects.get(pk=order.pk)
        while True:
            try:
                return checkout.open_session(order=fresh, urls=URLS, at=now()).session_url
            except checkout.ProviderUnavailable:
                # The provider answers 409 while the first of two same requests runs; the buyer clicks again.
                continue

    pages = all_at_once(pay)

    assert len(set(pages)) == 1
    assert Payment.objects.count() == 1


def test_sixteen_deliverers_of_one_line_hand_it_over_once(counter, paid_session):
    settlement.settle(payment=paid_session, at=now(), cause="test")
    line = paid_session.order.lines.get()

    assert all_at_once(lambda: delivery.deliver(line=line, at=now())) == [True] * CROWD

    assert counter.fulfilled == ["v1"]


def test_giving_up_and_paying_at_once_ends_paid_or_cancelled_and_never_both(counter, sandbox):
    for _round in range(10):
        order = place_order(at=now())
        payment = checkout.open_session(order=order, urls=URLS, at=now())
        start = threading.Barrier(2)

        def buy(page: str = payment.session_url, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                submit_card(page, card="4242424242424242")
            except GatewayRefused:
                return False
            return True

        def give_up(order: Order = order, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                return checkout.give_up(order=Order.objects.get(pk=order.pk), at=now(), cause="test")
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            was_bought, was_given_up = [f.result() for f in [pool.submit(buy), pool.submit(give_up)]]

        order.refresh_from_db()
        payment.refresh_from_db()
        assert was_bought is not was_given_up
        expected = ("PAID", "PAID") if was_bought else ("CANCELLED", "EXPIRED")
        assert (order.status, payment.status) == expected


def test_giving_up_and_going_to_pay_at_once_leaves_no_page_of_a_cancelled_order(counter):
    for _round in range(60):
        order = place_order(at=now())
        start = threading.Barrier(2)

        def act(do: Callable[[Order], Any], order: Order = order, start: threading.Barrier = start) -> None:
            start.wait()
            try:
                do(Order.objects.get(pk=order.pk))
            except checkout.CheckoutRefused:
                pass
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            going_to_pay = pool.submit(act, lambda o: checkout.open_session(order=o, urls=URLS, at=now()))
            giving_up = pool.submit(act, lambda o: checkout.give_up(order=o, at=now(), cause="test"))
            going_to_pay.result()
            giving_up.result()

        order.refresh_from_db()
        sessions = [fake().session(payment.session_id) for payment in order.payments.exclude(session_id="")]
        is_open = any(session.status is SessionStatus.OPEN for session in sessions)
        assert order.status == ("AWAITING_PAYMENT" if is_open else "CANCELLED")


def test_money_for_an_order_that_is_being_given_up_is_given_back_when_the_goods_are_gone(counter):
    payment = checkout.open_session(order=place_order(at=now()), urls=URLS, at=now())
    counter.out_of = "There are no vouchers left."
    fake().pay(payment.session_id)
    is_cancelled = threading.Event()

    def cancel_slowly() -> None:
        try:
            with transaction.atomic():
                ordering.cancel(order=payment.order, at=now(), cause="test")
                is_cancelled.set()
                time.sleep(0.5)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        cancelling = pool.submit(cancel_slowly)
        is_cancelled.wait(10)
        settled = settlement.settle(payment=Payment.objects.get(), at=now(), cause="test")
        cancelling.result()

    assert (settled.order.status, settled.refunds.get().reason) == (
        "CANCELLED",
        "There are no vouchers left.",
    )
