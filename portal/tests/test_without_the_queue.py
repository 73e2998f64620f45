"""Nothing that matters depends on the queue: it is emptied again and again, and sweeps do what it held."""

from datetime import timedelta

import pytest
import redis
from django.core import mail
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ

from accounts.tests.factories import UserFactory
from commerce import gateways
from commerce.models import Order, Payment, Refund
from commerce.services import checkout, refunding, settlement
from commerce.tests.factories import URLS, fake
from courses.models import Enrolment
from courses.services import enrolling
from courses.tests.factories import CourseFactory
from portal.home import tasks

pytestmark = pytest.mark.django_db(transaction=True)
SWEEPS = ("settle-open-sessions", "deliver-undelivered", "refund", "send-due-messages")


@pytest.fixture(autouse=True)
def fresh_gateways():
    gateways._gateway.cache_clear()
    yield
    gateways._gateway.cache_clear()


class OrmQueue:
    def flush(self) -> int:
        return OrmQ.objects.all().delete()[0]


class RedisQueue:
    def __init__(self, url):
        self.redis = redis.from_url(url)
        self.flush()

    def flush(self) -> int:
        key = get_broker().list_key
        lost = self.redis.llen(key)
        self.redis.delete(key)
        return lost


@pytest.fixture(params=["orm", "redis"])
def queue(request, monkeypatch):
    """The queue of a broker, and how to lose all that it holds."""
    if request.param == "orm":
        return OrmQueue()
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(Conf, "REDIS", request.getfixturevalue("redis_url"))
    return RedisQueue(Conf.REDIS)


def buy(*, at) -> tuple[Enrolment, Payment]:
    """A place in a course that its member has paid for at the provider; nobody has told us."""
    enrolment = enrolling.hold_place(member=UserFactory(verified=True), course=CourseFactory(), at=at)
    payment = checkout.open_session(order=enrolment.order_line.order, urls=URLS, at=at)
    fake().pay(payment.session_id)
    return enrolment, payment


def sweep(queue) -> None:
    """Every sweep once, as the schedules run it; whatever it enqueues is lost."""
    for name in SWEEPS:
        tasks.run_scheduled(name)
        queue.flush()


def test_what_the_queue_held_is_done_by_the_sweeps(queue):
    long_ago = timezone.now() - timedelta(hours=1)
    unheard, _payment = buy(at=long_ago)
    heard, payment = buy(at=long_ago)
    returned, repaid = buy(at=long_ago)
    for known in (payment, repaid):
        settlement.settle(payment=known, at=long_ago, cause="test")
    refund = refunding.begin(payment=repaid, at=long_ago, origin=Refund.Origin.STAFF)
    lost = queue.flush()

    sweep(queue)

    assert lost >= 4  # two orders to hand over, two receipts to send
    for enrolment in (unheard, heard):
        enrolment.refresh_from_db()
        assert enrolment.status == Enrolment.Status.ACTIVE
        assert enrolment.order_line.order.status == Order.Status.PAID
        assert enrolment.order_line.fulfilled_at is not None
    refund.refresh_from_db()
    assert refund.status == Refund.Status.SUCCEEDED
    assert queue.flush() == 0

    receipts = [letter.to for letter in mail.outbox if "receipt" in letter.subject.lower()]
    assert sorted(receipts) == sorted([each.member.email] for each in (unheard, heard, returned))


def test_what_was_done_is_not_done_again_by_the_next_sweeps(queue):
    enrolment, _payment = buy(at=timezone.now() - timedelta(hours=1))
    sweep(queue)
    letters = len(mail.outbox)
    changes = enrolment.order_line.order.status_changes.count()

    sweep(queue)

    assert len(mail.outbox) == letters > 0
    assert enrolment.order_line.order.status_changes.count() == changes
