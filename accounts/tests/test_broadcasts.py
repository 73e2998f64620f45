"""A message to many: one row in the transaction that is the reason, then batch by batch, to each once."""

import pytest
from django.db import transaction
from django_q.models import OrmQ

from accounts import notifications, tasks
from accounts.models import Broadcast, Message, User
from accounts.notifications import UnknownAudience, UnknownKind
from accounts.services import notifying
from accounts.services.notifying import WrongReader
from accounts.tests import letters
from accounts.tests.factories import UserFactory
from accounts.tests.letters import NEWS, NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_kinds")]


@pytest.fixture(autouse=True)
def everybody(monkeypatch):
    """An audience of everybody whose last name is the one asked for."""
    monkeypatch.setattr(notifications, "_audiences", {})

    def named(of, *, after, at_most, since):
        people = User.objects.filter(last_name=of, pk__gt=after).order_by("pk")
        return list(people.values_list("pk", flat=True)[:at_most])

    notifications.register_audience("test.named", named)


def tell(**changes):
    said = {
        "kind": NEWS,
        "subject_of": "course:1",
        "context": {"title": "Knots"},
        "dedupe": "change:1",
        "audience": "test.named",
        "of": "Lovelace",
        "at": NOW,
    }
    return notifying.broadcast(**{**said, **changes})


def test_everybody_of_the_audience_gets_it_once(monkeypatch):
    monkeypatch.setattr(notifying, "SPREAD_AT_A_TIME", 2)
    people = UserFactory.create_batch(5, last_name="Lovelace")
    UserFactory(last_name="Byron")
    row = tell()

    assert [notifying.spread(broadcast_id=row.pk, at=NOW) for _run in range(2)] == [5, 0]

    told = Message.objects.values_list("recipient", "kind", "subject_of", "dedupe")
    assert sorted(told) == [(user.pk, NEWS, "course:1", "change:1") for user in people]
    row.refresh_from_db()
    assert (row.written, row.after, row.finished_at) == (5, people[-1].pk, NOW)


def test_it_is_written_once_and_nudges_the_queue(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        first, again = tell(), tell()

    assert again is None
    assert [(task.task["func"], task.task["args"]) for task in OrmQ.objects.all()] == [
        ("accounts.tasks.spread", (first.pk,))
    ]


def test_it_goes_with_its_transaction():
    def fail_afterwards():
        with transaction.atomic():
            tell()
            raise LookupError

    with pytest.raises(LookupError):
        fail_afterwards()

    assert not Broadcast.objects.exists()


def test_after_a_crash_it_goes_on_behind_the_last_who_has_it(monkeypatch):
    monkeypatch.setattr(notifying, "SPREAD_AT_A_TIME", 2)
    UserFactory.create_batch(5, last_name="Lovelace")
    row = tell()
    plain = notifying.notify_many
    batches = []

    def die_in_the_second(**arguments):
        batches.append(1)
        plain(**arguments)
        if len(batches) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(notifying, "notify_many", die_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            notifying.spread(broadcast_id=row.pk, at=NOW)
    assert Message.objects.count() == 2

    assert tasks.spread_messages() == 3
    assert Message.objects.count() == 5


def test_one_that_cannot_be_written_does_not_stop_the_others():
    UserFactory(last_name="Lovelace")
    bad, good = tell(), tell(dedupe="change:2")
    Broadcast.objects.filter(pk=bad.pk).update(audience="gone.audience")

    with pytest.raises(UnknownAudience):
        notifying.spread_unfinished(at=NOW)

    assert list(Message.objects.values_list("dedupe", flat=True)) == ["change:2"]
    good.refresh_from_db()
    assert good.finished_at == NOW


def test_what_is_written_is_sent_by_a_worker(django_capture_on_commit_callbacks):
    UserFactory.create_batch(2, last_name="Lovelace")
    row = tell()

    with django_capture_on_commit_callbacks(execute=True):
        tasks.spread(row.pk)

    task = OrmQ.objects.get().task
    assert task["func"] == "accounts.tasks.send_messages"
    assert tasks.send_messages(*task["args"]) == 2


def test_no_task_is_given_more_than_it_can_send_in_time(monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(notifying, "SENT_BY_A_TASK", 2)

    with django_capture_on_commit_callbacks(execute=True):
        notifying.send_soon([1, 2, 3, 4, 5])

    assert [task.task["args"] for task in OrmQ.objects.order_by("pk")] == [([1, 2],), ([3, 4],), ([5],)]


def test_what_is_unknown_is_refused_when_it_is_written():
    letters.register("accounts.test_staff", to_staff=True)

    with pytest.raises(UnknownAudience, match="register"):
        tell(audience="test.nobody")
    with pytest.raises(UnknownKind):
        tell(kind="shop.sale")
    with pytest.raises(WrongReader):
        tell(kind="accounts.test_staff")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_sixteen_who_spread_at_once_write_to_each_once(monkeypatch):
    from accounts.tests.crowd import all_at_once

    monkeypatch.setattr(notifying, "SPREAD_AT_A_TIME", 3)
    UserFactory.create_batch(20, last_name="Lovelace")
    row = tell()

    written = all_at_once(lambda: notifying.spread(broadcast_id=row.pk, at=NOW))

    assert sum(written) == 20
    assert Message.objects.count() == 20
