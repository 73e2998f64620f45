"""The outbox: a row in the transaction that is its reason, a letter once, and never without its reason."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django_q.models import OrmQ

from accounts import notifications, tasks
from accounts.models import Message
from accounts.notifications import Kind, UnknownKind
from accounts.services import notifying
from accounts.services.notifying import Note
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LETTER = "accounts.inactivity_warning"
BLOCKED_ON = {"blocked_on": "2026-03-09"}
Status = Message.Status


class Broken(Exception):
    pass


@pytest.fixture
def letters(monkeypatch):
    """Kinds for these tests only: they use the templates of a real letter."""
    known = dict(notifications._kinds)
    monkeypatch.setattr(notifications, "_kinds", known)

    def make(**answers):
        kind = notifications.kind_of(LETTER)
        notifications.register(Kind(LETTER, words=kind.words, **answers))

    make()
    return make


@pytest.fixture
def dead_server(monkeypatch):
    def refuse(self, mails):
        raise ConnectionRefusedError("mail.example.com is not there")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)


def write(recipient=None, *, occasion="2026-03", context=BLOCKED_ON):
    return notifying.notify(
        recipient=recipient or UserFactory(last_login=datetime(2026, 1, 1, tzinfo=UTC)),
        kind=LETTER,
        subject_of="user:1",
        context=context,
        dedupe=occasion,
        at=NOW,
    )


def send(message, at=NOW):
    sent = notifying.send(message_id=message.pk, at=at)
    message.refresh_from_db()
    return sent


# --- Written -----------------------------------------------------------------------------------------------
def test_a_message_waits_in_the_outbox_until_it_is_sent(letters):
    message = write()

    assert (message.status, message.attempts, message.next_attempt_at) == (Status.PENDING, 0, NOW)
    assert mail.outbox == []


def test_what_was_told_on_an_occasion_is_not_told_again(letters):
    ada = UserFactory()

    first, again = write(ada), write(ada)

    assert again is None
    assert Message.objects.get() == first


def test_another_occasion_or_another_person_is_another_message(letters):
    ada = UserFactory()

    messages = [write(ada), write(ada, occasion="2026-04"), write(UserFactory())]

    assert None not in messages


def test_many_are_written_in_one_statement_and_still_once_each(letters, django_assert_num_queries):
    people = UserFactory.create_batch(3)
    write(people[0], occasion="2026-03")
    notes = [
        Note(recipient=user, kind=LETTER, subject_of="user:1", dedupe="2026-03", context=BLOCKED_ON)
        for user in people
    ]

    with django_assert_num_queries(1):
        notifying.notify_many(notes=notes, at=NOW)

    assert Message.objects.count() == 3


def test_the_database_itself_refuses_a_repetition(letters):
    message = write()
    message.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        message.save(force_insert=True)


def test_a_kind_that_nobody_registered_is_refused_when_it_is_written():
    with pytest.raises(UnknownKind, match="register it in"):
        notifying.notify(
            recipient=UserFactory(), kind="shop.sale", subject_of="", context={}, dedupe="", at=NOW
        )


def test_a_message_goes_with_its_transaction(letters):
    ada = UserFactory()

    def fail_afterwards():
        with transaction.atomic():
            write(ada)
            raise Broken

    with pytest.raises(Broken):
        fail_afterwards()

    assert not Message.objects.exists()


def test_the_queue_is_nudged_when_the_transaction_has_committed(letters, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        message = write()
        assert not OrmQ.objects.exists()

    assert OrmQ.objects.get().task["func"] == "accounts.tasks.send_message"
    assert OrmQ.objects.get().task["args"] == (message.pk,)


# --- Sent --------------------------------------------------------------------------------------------------
def test_a_letter_goes_out_as_text_and_html_in_the_language_of_its_reader(letters):
    message = write(UserFactory(language="ru", first_name="Ада", email="ada@example.com"))

    assert send(message)

    letter = mail.outbox[0]
    assert letter.to == ["ada@example.com"]
    assert letter.subject.endswith("9 марта 2026\xa0г.") or "9 марта 2026" in letter.subject
    assert "Ада" in letter.body
    assert [(part.mimetype, "Ада" in part.content) for part in letter.alternatives] == [("text/html", True)]
    assert (message.status, message.sent_at, message.next_attempt_at) == (Status.SENT, NOW, None)


def test_names_are_no_html(letters):
    send(write(UserFactory(first_name="<b>Ada</b>", last_login=datetime(2026, 1, 1, tzinfo=UTC))))

    assert "<b>Ada</b>" in mail.outbox[0].body
    assert "<b>" not in mail.outbox[0].alternatives[0].content


def test_a_message_is_sent_once_however_often_the_task_runs(letters):
    message = write()

    sent = [send(message), send(message), send(message, at=NOW + timedelta(days=1))]

    assert sent == [True, False, False]
    assert len(mail.outbox) == 1


def test_a_message_that_somebody_else_is_sending_is_left_to_them(letters):
    message = write()
    notifying._claim(message_id=message.pk, at=NOW)  # and the process dies here

    assert not send(message)
    assert send(message, at=NOW + notifying.FIRST_WAIT)
    assert message.attempts == 2


def test_the_sweep_sends_what_the_queue_has_lost(letters):
    write()
    write(occasion="2026-04")

    assert notifying.send_due(at=NOW) == 2
    assert notifying.send_due(at=NOW) == 0


def test_the_tasks_send_what_is_due_now(letters):
    first, second = write(), write()

    assert tasks.send_message(first.pk) is True
    assert tasks.send_due_messages() == 1
    assert {mail.to[0] for mail in mail.outbox} == {first.recipient.email, second.recipient.email}


# --- The reason is looked at again -------------------------------------------------------------------------
def test_a_message_whose_reason_is_gone_is_dropped(letters):
    letters(still_wanted=lambda message, *, at: False)
    message = write()

    assert not send(message)

    assert (message.status, mail.outbox) == (Status.DROPPED, [])


def test_a_blocked_person_gets_no_letters_but_those_about_it(letters):
    ada = UserFactory(is_active=False)

    assert not send(write(ada))
    letters(to_the_blocked=True)
    assert send(write(ada, occasion="2026-04"))


def test_what_is_confidential_is_forgotten_once_sent(letters):
    letters(confidential=frozenset({"link"}))
    message = write(context={**BLOCKED_ON, "link": "https://portal.example/secret"})

    send(message)

    assert message.context == BLOCKED_ON


# --- It fails ----------------------------------------------------------------------------------------------
def test_a_failure_is_kept_and_tried_again_later_and_later(letters, dead_server):
    message = write()

    assert not send(message)
    assert message.last_error == "ConnectionRefusedError: mail.example.com is not there"
    assert message.next_attempt_at == NOW + timedelta(minutes=10)
    assert not send(message, at=NOW + timedelta(minutes=10))
    assert message.next_attempt_at == NOW + timedelta(minutes=30)
    assert (message.status, message.attempts) == (Status.PENDING, 2)


def test_after_ten_attempts_it_waits_for_a_person(letters, dead_server):
    message = write()
    Message.objects.update(attempts=notifying.MAX_ATTEMPTS - 1)

    send(message)

    assert (message.status, message.next_attempt_at) == (Status.FAILED, None)


def test_attempts_that_killed_their_process_count(letters):
    message = write()
    Message.objects.update(attempts=notifying.MAX_ATTEMPTS)

    assert not send(message)

    assert (message.status, mail.outbox) == (Status.FAILED, [])


def test_a_person_may_have_it_tried_again(letters):
    message = write()
    Message.objects.update(status=Status.FAILED, next_attempt_at=None, attempts=10)

    assert notifying.send_again(message=message, at=NOW)

    assert send(message)


def test_what_is_being_sent_is_not_sent_beside_it(letters, monkeypatch):
    message = write()
    asked = []

    def ask_meanwhile(self, mails):
        if not asked:
            asked.append(notifying.send_again(message=message, at=NOW))
            notifying.send(message_id=message.pk, at=NOW)
        mail.outbox.extend(mails)
        return len(mails)

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", ask_meanwhile)

    assert send(message)

    assert asked == [False]
    assert len(mail.outbox) == 1


def test_what_waits_for_its_next_attempt_need_not_wait(letters, dead_server):
    message = write()
    send(message)

    assert notifying.send_again(message=message, at=NOW + timedelta(minutes=1))

    message.refresh_from_db()
    assert (message.attempts, message.next_attempt_at) == (0, NOW + timedelta(minutes=1))


@pytest.mark.parametrize("status", [Status.SENT, Status.DROPPED])
def test_what_was_sent_or_dropped_is_not_sent_again(letters, status):
    message = write()
    Message.objects.update(
        status=status, next_attempt_at=None, sent_at=NOW if status == Status.SENT else None
    )

    assert not notifying.send_again(message=message, at=NOW)


def test_one_bad_message_does_not_stop_the_others(letters):
    bad, good = write(context={}), write()

    assert notifying.send_due(at=NOW) == 1

    bad.refresh_from_db()
    assert bad.last_error == "KeyError: 'blocked_on'"
    assert mail.outbox[0].to == [good.recipient.email]


def test_every_kind_has_its_templates():
    from django.template.loader import get_template

    for kind in notifications.kinds():
        for part in ("telegram.html",) if kind.to_staff else ("subject.txt", "body.txt", "body.html"):
            name = f"{kind.folder}/{part}"
            assert get_template(name).template.name == name


def test_every_status_is_in_the_table_of_transitions():
    assert set(Message.TRANSITIONS) == set(Status)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_sixteen_senders_at_once_send_one_letter(letters):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    message = write()
    start = Barrier(16)

    def go(_number):
        try:
            start.wait()
            return notifying.send(message_id=message.pk, at=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        sent = list(pool.map(go, range(16)))

    assert sent.count(True) == 1
    assert len(mail.outbox) == 1
