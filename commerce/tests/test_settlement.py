from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django_q.models import OrmQ

from accounts.services import privacy
from commerce.gateways import Event, GatewayUnavailable, SessionStatus
from commerce.models import GatewayEvent, Order, Payment
from commerce.money import Money
from commerce.services import checkout, ordering, refunding, settlement
from commerce.tests.factories import NOON, URLS, fake, place_order, voucher

pytestmark = pytest.mark.django_db


@pytest.fixture
def payment(counter) -> Payment:
    return checkout.open_session(order=place_order(), urls=URLS, at=NOON)


def event_about(
    payment: Payment, *, event_id: str = "evt_1", kind: str = "checkout.session.completed"
) -> Event:
    state = fake(payment.account).session(payment.session_id)
    return Event(id=event_id, kind=kind, session_id=state.id, livemode=False, metadata=state.metadata)


def settle(payment: Payment, *, at=NOON) -> Payment:
    return settlement.settle(payment=payment, at=at, cause="test")


def moves(payment: Payment) -> list[tuple[str, str]]:
    return list(payment.status_changes.values_list("from_status", "to_status"))


def test_money_that_came_makes_payment_and_order_paid(payment, django_capture_on_commit_callbacks):
    fake().pay(payment.session_id)

    with django_capture_on_commit_callbacks(execute=True):
        settled = settle(payment)

    assert (settled.status, settled.order.status) == ("PAID", "PAID")
    assert (settled.paid_at, settled.order.paid_at) == (NOON, NOON)
    assert settled.intent_id.startswith("pi_")
    tasks = sorted(task.func() for task in OrmQ.objects.all())
    assert tasks == ["accounts.tasks.send_message", "commerce.tasks.deliver_order"]


def test_an_open_session_changes_nothing(payment):
    assert settle(payment).status == "PENDING"
    assert moves(payment) == []


def test_settling_again_changes_nothing_more(payment):
    fake().pay(payment.session_id)

    for _time in range(3):
        assert settle(payment).status == "PAID"

    assert moves(payment) == [("PENDING", "PAID")]
    assert [change.to_status for change in payment.order.status_changes.all()] == ["AWAITING_PAYMENT", "PAID"]


def test_a_session_that_ran_out_makes_the_payment_expired_and_leaves_the_order_payable(payment):
    fake().expire_session(payment.session_id)

    settled = settle(payment)

    assert (settled.status, settled.order.status) == ("EXPIRED", "AWAITING_PAYMENT")


def test_a_slow_method_is_paid_only_when_its_money_comes(payment):
    fake().pay_slowly(payment.session_id)
    assert settle(payment).status == "PENDING"

    fake().settle_slowly(payment.session_id, succeeds=True)
    assert settle(payment).status == "PAID"


def test_a_slow_method_that_fails_leaves_the_order_payable(payment):
    fake().pay_slowly(payment.session_id)
    fake().settle_slowly(payment.session_id, succeeds=False)

    settled = settle(payment)

    assert (settled.status, settled.order.status) == ("FAILED", "AWAITING_PAYMENT")
    assert checkout.open_session(order=settled.order, urls=URLS, at=NOON).pk != settled.pk


def test_a_late_event_does_not_pull_a_paid_order_back(payment):
    fake().pay(payment.session_id)
    settle(payment)

    settlement.receive(account="usd", event=event_about(payment, kind="checkout.session.expired"), at=NOON)

    payment.refresh_from_db()
    assert (payment.status, payment.order.status) == ("PAID", "PAID")


def test_an_event_acts_once(payment):
    fake().pay(payment.session_id)
    event = event_about(payment)

    assert settlement.receive(account="usd", event=event, at=NOON).status == "PAID"
    assert settlement.receive(account="usd", event=event, at=NOON) is None

    assert GatewayEvent.objects.count() == 1
    assert moves(payment) == [("PENDING", "PAID")]


def test_an_event_that_says_paid_is_not_believed(payment):
    settlement.receive(account="usd", event=event_about(payment), at=NOON)

    payment.refresh_from_db()
    assert payment.status == "PENDING"


def test_an_event_of_somebody_elses_session_is_ignored(payment):
    event = Event(
        id="evt_9", kind="checkout.session.completed", session_id="cs_1", livemode=False, metadata={}
    )

    assert settlement.receive(account="usd", event=event, at=NOON) is None
    assert not GatewayEvent.objects.exists()


def test_an_event_with_a_mark_of_somebody_else_is_ignored(payment):
    event = Event(
        id="evt_9",
        kind="checkout.session.completed",
        session_id="cs_1",
        livemode=False,
        metadata={"payment": "42"},
    )

    assert settlement.receive(account="usd", event=event, at=NOON) is None


def test_what_another_session_says_does_not_close_the_payment(payment):
    other = checkout.open_session(order=place_order(), urls=URLS, at=NOON)
    fake().expire_session(other.session_id)
    event = Event(
        id="evt_9",
        kind="checkout.session.expired",
        session_id=other.session_id,
        livemode=False,
        metadata={"payment": str(payment.uuid)},
    )

    settlement.receive(account="usd", event=event, at=NOON)

    payment.refresh_from_db()
    assert payment.status == "PENDING"


def test_an_event_that_is_ours_but_whose_payment_is_not_here_must_come_again(payment):
    event = event_about(payment)
    settlement_of_another_database = Event(
        id="evt_2",
        kind=event.kind,
        session_id=event.session_id,
        livemode=False,
        metadata={"payment": "8d9b2d1e-9f53-4a8e-9a55-0d7a5b7f1a11"},
    )

    with pytest.raises(settlement.UnknownPayment):
        settlement.receive(account="usd", event=settlement_of_another_database, at=NOON)


def test_an_event_whose_session_cannot_be_asked_about_leaves_no_trace(payment, monkeypatch):
    event = event_about(payment)

    def no_answer(session_id):
        raise GatewayUnavailable("The line is dead.")

    with monkeypatch.context() as broken:
        broken.setattr(fake(), "session", no_answer, raising=False)
        with pytest.raises(GatewayUnavailable):
            settlement.receive(account="usd", event=event, at=NOON)

    assert not GatewayEvent.objects.exists()


def test_an_event_before_the_session_was_written_down_finds_its_payment(payment):
    fake().pay(payment.session_id)
    event = event_about(payment)
    Payment.objects.update(session_id="", session_url="")

    settlement.receive(account="usd", event=event, at=NOON)

    payment.refresh_from_db()
    assert (payment.status, payment.session_id) == ("PAID", event.session_id)


def test_another_sum_than_asked_is_held_for_a_person_and_delivers_nothing(counter, payment):
    fake().pay(payment.session_id, amount=Money(Decimal("4.90"), "USD"))

    held = settle(payment)
    checkout.complete(payment=held, at=NOON)

    assert held.held_because == "4.90 USD was paid for an order of 49.00 USD."
    assert (held.status, held.order.status) == ("PENDING", "AWAITING_PAYMENT")
    assert counter.fulfilled == []
    with pytest.raises(checkout.PaymentHeld, match="do not pay again"):
        checkout.open_session(order=held.order, urls=URLS, at=NOON)


def test_an_order_is_not_paid_again_while_late_money_for_it_is_held(payment):
    state = fake().expire_session(payment.session_id)
    settle(payment)
    fake()._change(state, is_paid=True, amount=Money(Decimal("4.90"), "USD"))
    held = settle(payment)

    with pytest.raises(checkout.PaymentHeld):
        checkout.open_session(order=held.order, urls=URLS, at=NOON)
    assert Payment.objects.get().status == "EXPIRED"


def test_another_currency_than_asked_is_held(payment):
    fake().pay(payment.session_id, amount=Money(Decimal("49.00"), "EUR"))

    assert settle(payment).held_because == "49.00 EUR was paid for an order of 49.00 USD."


def test_test_money_for_a_real_order_is_held(payment):
    fake()._change(fake().pay(payment.session_id), livemode=True)

    held = settle(payment)

    assert held.held_because == "Test money and real money were mixed up."
    assert held.order.status == "AWAITING_PAYMENT"


def test_money_in_another_session_than_ours_is_held(payment):
    other = checkout.open_session(order=place_order(), urls=URLS, at=NOON)
    fake().pay(other.session_id)
    state = fake().session(other.session_id)

    held = settlement.apply(payment=payment, state=state, at=NOON, cause="test")

    assert held.held_because == f"Paid in session {other.session_id} instead of {payment.session_id}."
    assert held.order.status == "AWAITING_PAYMENT"


def test_money_for_an_order_given_up_is_honoured_while_the_goods_are_there(counter, payment):
    fake().pay(payment.session_id)
    ordering.cancel(order=payment.order, at=NOON, cause="test")

    settled = settle(payment)

    assert (settled.status, settled.order.status, settled.held_reason) == ("PAID", "PAID", "")


def test_money_for_an_order_given_up_is_given_back_when_the_goods_are_gone(counter, payment):
    fake().pay(payment.session_id)
    ordering.cancel(order=payment.order, at=NOON, cause="test")
    counter.out_of = "There are no vouchers left."

    settled = settle(payment)

    assert (settled.status, settled.order.status) == ("PAID", "CANCELLED")
    refund = settled.refunds.get()
    assert (refund.status, refund.origin) == ("PENDING", "AUTOMATIC")
    assert (refund.amount, refund.reason) == (settled.amount, "There are no vouchers left.")

    refunding.send(refund=refund, at=NOON)

    settled.refresh_from_db()
    assert (settled.status, settled.order.status) == ("REFUNDED", "CANCELLED")
    assert fake().refunds(settled.intent_id)[0].amount == settled.amount


def test_money_of_somebody_who_has_left_is_given_back(counter, payment):
    privacy.delete_account(user=payment.order.buyer, at=NOON)
    fake().pay(payment.session_id)

    settled = settle(payment)

    assert (settled.status, settled.order.status) == ("PAID", "CANCELLED")
    refund = settled.refunds.get()
    assert (refund.origin, refund.amount) == ("AUTOMATIC", settled.amount)
    assert refund.reason == "The account of the buyer was deleted."


def test_money_for_an_order_given_up_is_given_back_when_the_buyer_has_the_goods_already(counter, payment):
    fake().pay(payment.session_id)
    ordering.cancel(order=payment.order, at=NOON, cause="test")
    counter.had_already = "The buyer has this already."

    settled = settle(payment)

    assert (settled.status, settled.order.status) == ("PAID", "CANCELLED")
    refund = settled.refunds.get()
    assert (refund.origin, refund.reason) == ("AUTOMATIC", "The buyer has this already.")


def test_a_second_capture_for_one_order_is_given_back_and_never_silent(payment):
    first = payment
    fake().expire_session(first.session_id)
    settle(first)
    second = checkout.open_session(order=first.order, urls=URLS, at=NOON)
    fake().pay(second.session_id)
    settle(second)
    fake()._change(fake().session(first.session_id), status=SessionStatus.OPEN)
    fake().pay(first.session_id)

    held = settle(first)
    settle(first)

    assert held.held_because == "The order was paid already by another payment."
    assert held.status == "EXPIRED"
    assert Payment.objects.captured().get() == second

    refunding.send(refund=held.refunds.get(), at=NOON)

    first.refresh_from_db()
    assert (first.status, first.held_reason, first.order.status) == ("REFUNDED", "", "PAID")


def test_the_database_allows_one_captured_payment_per_order(payment):
    fake().expire_session(payment.session_id)
    settle(payment)
    second = checkout.open_session(order=payment.order, urls=URLS, at=NOON)
    Payment.objects.filter(pk=second.pk).update(status="PAID", paid_at=NOON, captured_minor=4900)

    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(status="PAID", paid_at=NOON, captured_minor=4900)


def test_the_sweep_finds_money_whose_news_was_lost(payment):
    fake().pay(payment.session_id)

    assert settlement.sweep(at=NOON + timedelta(minutes=14)) == 0
    assert settlement.sweep(at=NOON + timedelta(minutes=15)) == 1

    payment.refresh_from_db()
    assert payment.status == "PAID"


def test_the_sweep_asks_about_one_session_every_quarter_of_an_hour(payment):
    asked = NOON + timedelta(minutes=15)
    settlement.sweep(at=asked)
    fake().pay(payment.session_id)

    assert settlement.sweep(at=asked + timedelta(minutes=14)) == 0
    assert settlement.sweep(at=asked + timedelta(minutes=15)) == 1


def test_the_sweep_asks_about_a_session_as_soon_as_it_has_run_out(payment):
    settlement.sweep(at=payment.expires_at - timedelta(minutes=1))
    fake().expire_session(payment.session_id)

    assert settlement.sweep(at=payment.expires_at) == 1
    assert settlement.sweep(at=payment.expires_at) == 0


def test_one_payment_that_cannot_be_asked_about_does_not_hide_the_others(counter, payment, settings):
    checkout.open_session(order=place_order(voucher(currency="EUR")), urls=URLS, at=NOON - timedelta(hours=1))
    settings.STRIPE_ACCOUNTS = {"usd": settings.STRIPE_ACCOUNTS["usd"]}
    fake().pay(payment.session_id)

    assert settlement.sweep(at=NOON + timedelta(minutes=15)) == 1


def test_the_buyer_who_is_back_gets_the_goods_at_once_and_once(counter, payment):
    fake().pay(payment.session_id)

    for _visit in range(3):
        settled = checkout.complete(payment=payment, at=NOON)

    assert (settled.status, settled.order.status) == ("PAID", Order.Status.PAID)
    assert counter.fulfilled == ["v1"]


def test_the_buyer_who_is_back_sees_what_we_know_when_the_provider_is_silent(payment, monkeypatch):
    def no_answer(session_id):
        raise GatewayUnavailable("The line is dead.")

    monkeypatch.setattr(fake(), "session", no_answer, raising=False)

    assert checkout.complete(payment=payment, at=NOON).status == "PENDING"
