"""Buyers are reminded once of what can soon be paid no more, and not of what was paid meanwhile."""

from datetime import timedelta

import pytest
from django.core import mail

from accounts.models import Channel, Frequency, Message, NotificationChoice
from accounts.services import digesting, notifying
from accounts.tests.factories import UserFactory
from commerce import tasks
from commerce.models import Order
from commerce.notifications import PAYMENT_EXPIRING
from commerce.services import checkout, receiving, reminding, settlement
from commerce.tests.factories import NOON, URLS, fake, place_order, voucher

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com", first_name="Ada")


@pytest.fixture
def payment(counter, ada):
    return checkout.open_session(order=place_order(voucher("a"), buyer=ada), urls=URLS, at=NOON)


def end_of(payment):
    return Order.objects.get(pk=payment.order_id).payable_until


def letters(at):
    mail.outbox.clear()
    notifying.send_due(at=at)
    return mail.outbox


def test_six_hours_before_the_end_a_buyer_is_reminded_once(payment):
    end = end_of(payment)

    assert reminding.remind_of_unpaid(at=end - 6 * HOUR - timedelta(seconds=1)) == 0
    assert [reminding.remind_of_unpaid(at=end - hours * HOUR) for hours in (6, 5, 1)] == [1, 1, 1]

    assert Message.objects.filter(kind=PAYMENT_EXPIRING).count() == 1
    (letter,) = letters(end - 5 * HOUR)
    assert letter.to == ["ada@example.com"]
    assert payment.order.number in letter.subject
    assert f"/orders/{payment.order_id}/" in letter.body


def test_what_was_paid_meanwhile_is_reminded_of_no_more(payment):
    end = end_of(payment)
    reminding.remind_of_unpaid(at=end - 6 * HOUR)
    fake().pay(payment.session_id)
    settlement.settle(payment=payment, at=end - 5 * HOUR, cause="test")
    Message.objects.exclude(kind=PAYMENT_EXPIRING).delete()

    assert letters(end - 5 * HOUR) == []


def test_more_time_is_another_date_with_a_reminder_of_its_own(payment):
    end = end_of(payment)
    reminding.remind_of_unpaid(at=end - 6 * HOUR)
    Order.objects.update(payable_until=end + 24 * HOUR)

    assert letters(end - 5 * HOUR) == []
    reminding.remind_of_unpaid(at=end + 20 * HOUR)
    assert len(letters(end + 20 * HOUR)) == 1


def test_after_its_end_nobody_is_reminded(payment):
    end = end_of(payment)
    reminding.remind_of_unpaid(at=end - 6 * HOUR)

    assert letters(end) == []


def test_who_ordered_a_moment_ago_has_not_forgotten_it(payment):
    Order.objects.update(payable_until=NOON + 2 * HOUR)

    assert reminding.remind_of_unpaid(at=NOON + HOUR - timedelta(seconds=1)) == 0
    assert reminding.remind_of_unpaid(at=NOON + HOUR) == 1


def test_visitors_and_who_pays_in_cash_are_not_reminded(counter, ada):
    visitors = place_order(voucher("a"))
    cash = place_order(voucher("b"), buyer=ada)
    receiving.expect(order=cash, method="cash", at=NOON)
    Order.objects.filter(pk__in=[visitors.pk, cash.pk]).update(payable_until=NOON + 6 * HOUR)
    Order.objects.filter(pk=visitors.pk).update(buyer=None, guest_key="k" * 32)

    assert reminding.remind_of_unpaid(at=NOON + 2 * HOUR) == 0


def test_a_digest_says_what_waits_to_be_paid(payment, ada):
    NotificationChoice.objects.create(
        user=ada, kind=PAYMENT_EXPIRING, channel=Channel.EMAIL, frequency=Frequency.DAILY
    )
    at = end_of(payment) - 6 * HOUR
    reminding.remind_of_unpaid(at=at)
    notifying.send_due(at=at)
    Order.objects.update(payable_until=at + 30 * HOUR)
    Message.objects.filter(kind=PAYMENT_EXPIRING).update(
        context={"order": payment.order_id, "payable_until": (at + 30 * HOUR).isoformat()}
    )

    digesting.write_due(at=at + 24 * HOUR)
    (letter,) = letters(at + 24 * HOUR)

    assert f"Waits to be paid\n- Order {payment.order.number}: " in letter.body


@pytest.mark.parametrize("how_many", [1, 3])
def test_reminding_costs_the_same_for_any_number(counter, how_many, django_assert_num_queries):
    for number in range(how_many):
        place_order(voucher(str(number)), buyer=UserFactory())
    Order.objects.update(payable_until=NOON + 6 * HOUR)

    with django_assert_num_queries(3):  # a batch, its messages, and that there is no other batch
        assert reminding.remind_of_unpaid(at=NOON + 2 * HOUR) == how_many


def test_the_task_reminds_of_what_is_due_now(payment):
    from django.utils import timezone

    now = timezone.now()
    Order.objects.update(placed_at=now - 20 * HOUR, payable_until=now + 4 * HOUR)

    assert tasks.remind_of_unpaid() == 1
