"""By which ways a message reaches a person: those they chose, each once, whichever of them fails."""

from datetime import UTC, datetime, timedelta
from smtplib import SMTPRecipientsRefused

import pytest
from anymail.exceptions import AnymailRecipientsRefused
from django.core import mail

from accounts.models import Channel, Delivery, Frequency, Message, NotificationChoice, TelegramChat
from accounts.services import choosing, notifying, telegram
from accounts.services.choosing import NotAChoice
from accounts.tests.factories import UserFactory
from accounts.tests.letters import NEWS, NOW, RECEIPT, send, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_kinds")]
EMAIL, INBOX, TELEGRAM = Channel.EMAIL, Channel.INBOX, Channel.TELEGRAM
INSTANT, DAILY, WEEKLY, OFF = Frequency.INSTANT, Frequency.DAILY, Frequency.WEEKLY, Frequency.OFF
Status = Message.Status


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com", first_name="Ada", time_zone="Europe/Madrid")


@pytest.fixture
def chat(ada):
    return TelegramChat.objects.create(user=ada, chat="77", linked_at=NOW)


def choose(user, channel, frequency, kind=NEWS):
    NotificationChoice.objects.update_or_create(
        user=user, kind=kind, channel=channel, defaults={"frequency": frequency}
    )


def went(message):
    return [(each.channel, each.status) for each in message.deliveries.order_by("channel")]


def break_mail(monkeypatch, error):
    def refuse(self, mails):
        raise error

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)


class Deaf:
    """Telegram on a bad day; `error` is what it does."""

    error: Exception = telegram.TelegramError("Telegram answered 500: ")

    def say(self, *, chat, html, at):
        raise self.error


@pytest.fixture
def deaf(settings, monkeypatch):
    settings.TELEGRAM_BACKEND = "accounts.tests.test_channels.Deaf"
    return lambda error: monkeypatch.setattr(Deaf, "error", error)


# --- Where it goes -----------------------------------------------------------------------------------------
def test_until_somebody_chooses_it_is_mailed_and_lies_in_the_inbox(ada, said):
    message = write(ada)

    assert send(message)

    assert [letter.to for letter in mail.outbox] == [["ada@example.com"]]
    assert (message.status, message.title, message.shown_at, message.read_at) == (
        Status.SENT,
        "News of Knots",
        NOW,
        None,
    )
    assert (said, went(message)) == ([], [("EMAIL", "SENT")])


def test_who_linked_a_chat_is_told_there_too(ada, chat, said):
    message = write(ada)

    send(message)

    assert said == [
        (
            "77",
            "<b>News of Knots</b>\n\nHello Ada,\n\nKnots has changed.\n\nLearning portal\n"
            "http://localhost:8000",
        )
    ]
    assert went(message) == [("EMAIL", "SENT"), ("TELEGRAM", "SENT")]


def test_a_hostile_name_is_text_in_a_chat(ada, chat, said):
    send(write(ada, title='</b><a href="https://evil.example/">Knots & "ropes"</a>'))

    ((_chat, text),) = said
    assert (
        '<b>News of &lt;/b&gt;&lt;a href="https://evil.example/"&gt;Knots &amp; "ropes"&lt;/a&gt;</b>' in text
    )
    assert "<a" not in text


@pytest.mark.parametrize(
    ("email", "inbox", "telegram_", "mails", "shown", "chats", "status"),
    [
        (INSTANT, INSTANT, INSTANT, 1, True, 1, Status.SENT),
        (OFF, INSTANT, OFF, 0, True, 0, Status.SENT),
        (OFF, OFF, INSTANT, 0, False, 1, Status.SENT),
        (INSTANT, OFF, OFF, 1, False, 0, Status.SENT),
        (DAILY, OFF, OFF, 0, False, 0, Status.HELD),
        (WEEKLY, INSTANT, INSTANT, 0, True, 1, Status.HELD),
        (OFF, OFF, OFF, 0, False, 0, Status.DROPPED),
    ],
)
def test_what_was_chosen_is_what_happens(
    ada, chat, said, email, inbox, telegram_, mails, shown, chats, status
):
    for channel, frequency in ((EMAIL, email), (INBOX, inbox), (TELEGRAM, telegram_)):
        choose(ada, channel, frequency)
    message = write(ada)

    send(message)

    assert (len(mail.outbox), message.shown_at is not None, len(said)) == (mails, shown, chats)
    assert message.status == status


@pytest.mark.parametrize(
    ("frequency", "due"),
    [
        (DAILY, datetime(2026, 3, 3, 7, 0, tzinfo=UTC)),  # 8 o'clock in Madrid, the next day
        (WEEKLY, datetime(2026, 3, 9, 7, 0, tzinfo=UTC)),  # the next Monday
    ],
)
def test_what_is_not_for_now_waits_for_the_persons_own_hour(ada, frequency, due):
    choose(ada, EMAIL, frequency)
    message = write(ada)

    send(message)

    held = message.deliveries.get()
    assert (held.status, held.due_at, held.digest) == (Delivery.Status.HELD, due, None)


def test_a_kind_that_must_not_disturb_waits_for_the_daily_digest(ada, chat, said, own_kinds):
    own_kinds(is_for_now=lambda message: False)
    message = write(ada)

    send(message)

    assert (mail.outbox, said) == ([], [])
    assert went(message) == [("EMAIL", "HELD"), ("TELEGRAM", "HELD")]
    assert message.shown_at == NOW


def test_receipts_cannot_be_switched_off_nor_left_to_a_digest(ada):
    choose(ada, EMAIL, OFF, kind=RECEIPT)

    send(write(ada, kind=RECEIPT))

    assert len(mail.outbox) == 1
    with pytest.raises(NotAChoice, match=r"OFF cannot be chosen for accounts.test_receipt by EMAIL"):
        choosing.choose(user=ada, choices={(RECEIPT, EMAIL): OFF}, at=NOW)


def test_what_is_confidential_goes_by_mail_alone(ada, chat, said, own_kinds):
    own_kinds(confidential=frozenset({"secret"}), link=lambda message: "/secret/")
    message = write(ada, secret="s3cret")

    send(message)

    assert (said, message.shown_at, message.link) == ([], None, "")
    assert len(mail.outbox) == 1


def test_the_blocked_are_written_to_by_mail_alone(ada, chat, said, own_kinds):
    own_kinds(to_the_blocked=True)
    ada.is_active = False
    ada.save()
    message = write(ada)

    send(message)

    assert (len(mail.outbox), said, message.shown_at) == (1, [], None)


# --- When one way fails ------------------------------------------------------------------------------------
def test_a_failure_of_telegram_mails_nobody_twice(ada, chat, deaf, said, settings):
    message = write(ada)

    assert not send(message)
    assert (message.status, len(mail.outbox), message.shown_at) == (Status.PENDING, 1, NOW)
    settings.TELEGRAM_BACKEND = "accounts.tests.chats.Remembering"
    assert send(message, at=NOW + notifying.FIRST_WAIT)

    assert (len(mail.outbox), len(said), message.shown_at) == (1, 1, NOW)


def test_a_dead_mail_server_keeps_nobody_from_being_told_in_the_chat(ada, chat, said, monkeypatch):
    break_mail(monkeypatch, ConnectionRefusedError("mail.example.com is not there"))
    message = write(ada)

    assert not send(message)
    assert not send(message, at=NOW + notifying.FIRST_WAIT)

    assert (len(said), went(message)) == (1, [("TELEGRAM", "SENT")])
    assert message.last_error == "ConnectionRefusedError: mail.example.com is not there"


def test_to_be_asked_to_wait_by_one_is_no_excuse_for_the_other(ada, chat, deaf, monkeypatch):
    deaf(telegram.TooManyRequests(retry_after=5))
    break_mail(monkeypatch, ConnectionRefusedError("mail.example.com is not there"))
    message = write(ada)

    send(message)

    assert (message.attempts, message.next_attempt_at) == (1, NOW + notifying.FIRST_WAIT)


def test_who_blocks_the_bot_is_told_there_no_more(ada, chat, deaf):
    deaf(telegram.ChatRefused("Telegram refused (403): bot was blocked by the user", is_gone=True))
    message = write(ada)

    assert send(message)

    assert not TelegramChat.objects.exists()
    assert went(message) == [("EMAIL", "SENT"), ("TELEGRAM", "FAILED")]
    assert message.last_error == "ChatRefused: Telegram refused (403): bot was blocked by the user"


def test_a_refused_text_does_not_unlink_the_chat(ada, chat, deaf):
    deaf(telegram.ChatRefused("Telegram refused (400): can't parse entities", is_gone=False))

    send(write(ada))

    assert TelegramChat.objects.get() == chat


@pytest.mark.parametrize(("code", "status"), [(550, Status.FAILED), (451, Status.PENDING)])
def test_an_address_that_does_not_exist_is_given_up_at_once(ada, monkeypatch, code, status):
    choose(ada, INBOX, OFF)
    break_mail(monkeypatch, SMTPRecipientsRefused({ada.email: (code, b"No such user")}))
    message = write(ada)

    assert not send(message)

    assert (message.status, message.attempts) == (status, 1)
    assert "No such user" in message.last_error


def test_an_address_that_the_mail_provider_refuses_is_given_up_at_once(ada, monkeypatch):
    choose(ada, INBOX, OFF)
    break_mail(monkeypatch, AnymailRecipientsRefused("All message recipients were rejected or invalid"))
    message = write(ada)

    assert not send(message)

    assert (message.status, message.attempts) == (Status.FAILED, 1)
    assert "were rejected or invalid" in message.last_error


def test_what_was_given_up_by_one_way_can_be_sent_again(ada, monkeypatch):
    choose(ada, INBOX, OFF)
    with monkeypatch.context() as broken:
        break_mail(broken, SMTPRecipientsRefused({ada.email: (550, b"No such user")}))
        send(message := write(ada))

    assert notifying.send_again(message=message, at=NOW + timedelta(days=1))
    assert send(message, at=NOW + timedelta(days=1))

    assert (message.status, len(mail.outbox)) == (Status.SENT, 1)


def test_many_letters_go_by_one_connection(ada, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "django.core.mail.backends.locmem.EmailBackend.open", lambda self: opened.append(id(self))
    )
    for number in range(3):
        write(ada, about=f"course:{number}")

    assert notifying.send_due(at=NOW) == 3

    assert len(set(opened)) == 1


# --- Choosing ----------------------------------------------------------------------------------------------
def test_the_grid_names_every_kind_that_can_be_chosen(ada):
    choose(ada, EMAIL, WEEKLY)

    rows = {row.kind.name: row.cells for row in choosing.grid(user=ada)}

    assert [(cell.channel, cell.frequency, cell.is_fixed) for cell in rows[NEWS]] == [
        (EMAIL, WEEKLY, False),
        (INBOX, INSTANT, False),
        (TELEGRAM, INSTANT, False),
    ]
    assert [(cell.frequency, cell.is_fixed) for cell in rows[RECEIPT]] == [
        (INSTANT, True),
        (INSTANT, False),
        (OFF, False),
    ]
    assert "accounts.reactivation_link" not in rows


def test_the_grid_costs_one_query(ada, django_assert_num_queries):
    with django_assert_num_queries(1):
        choosing.grid(user=ada)


@pytest.mark.parametrize(
    ("kind", "channel", "frequency"),
    [(NEWS, INBOX, DAILY), ("shop.sale", EMAIL, OFF), ("accounts.reactivation_link", EMAIL, OFF)],
)
def test_what_is_no_choice_changes_nothing(ada, kind, channel, frequency):
    with pytest.raises(NotAChoice):
        choosing.choose(user=ada, choices={(NEWS, EMAIL): OFF, (kind, channel): frequency}, at=NOW)

    assert not NotificationChoice.objects.exists()


def test_what_waits_goes_by_the_new_hour_zone_and_choice(ada):
    choose(ada, EMAIL, DAILY)
    send(message := write(ada))

    choosing.set_digest_time(user=ada, hour=20, weekday=4, at=NOW)
    assert message.deliveries.get().due_at == datetime(2026, 3, 2, 19, 0, tzinfo=UTC)

    choosing.choose(user=ada, choices={(NEWS, EMAIL): WEEKLY}, at=NOW)
    assert message.deliveries.get().due_at == datetime(2026, 3, 6, 19, 0, tzinfo=UTC)

    ada.time_zone = "Asia/Tokyo"
    ada.save()
    assert choosing.reschedule(user=ada, at=NOW) == 1
    assert message.deliveries.get().due_at == datetime(2026, 3, 6, 11, 0, tzinfo=UTC)


def test_a_zone_that_is_none_is_the_sites(ada):
    ada.time_zone = "Mars/Olympus"

    assert str(choosing.zone_of(ada)) == "UTC"


# --- The page ----------------------------------------------------------------------------------------------
def test_one_chooses_on_a_page(client, ada):
    client.force_login(ada)

    page = client.get("/accounts/messages/")
    answer = client.post(
        "/accounts/messages/", {f"choice:{NEWS}:EMAIL": "WEEKLY", f"choice:{NEWS}:INBOX": "OFF"}
    )

    assert f'name="choice:{NEWS}:TELEGRAM"' in page.content.decode()
    assert f'name="choice:{RECEIPT}:EMAIL"' not in page.content.decode()
    assert answer.headers["Location"] == "/accounts/messages/"
    assert set(ada.notification_choices.values_list("kind", "channel", "frequency")) == {
        (NEWS, "EMAIL", "WEEKLY"),
        (NEWS, "INBOX", "OFF"),
    }


@pytest.mark.parametrize(
    "posted",
    [{f"choice:{RECEIPT}:EMAIL": "OFF"}, {f"choice:{NEWS}:PIGEON": "OFF"}, {"choice:x:EMAIL": "OFF"}],
)
def test_what_the_page_does_not_offer_is_refused(client, ada, posted):
    client.force_login(ada)

    assert client.post("/accounts/messages/", posted).status_code == 422
    assert not NotificationChoice.objects.exists()


def test_the_hour_of_digests_is_chosen_on_the_page(client, ada):
    client.force_login(ada)

    assert client.post("/accounts/messages/digest/", {"hour": "19", "weekday": "6"}).status_code == 302
    assert client.post("/accounts/messages/digest/", {"hour": "24", "weekday": "6"}).status_code == 422

    ada.refresh_from_db()
    assert (ada.digest_hour, ada.digest_weekday) == (19, 6)


def test_a_new_zone_in_the_profile_moves_what_waits(client, ada):
    choose(ada, EMAIL, DAILY)
    send(message := write(ada))
    client.force_login(ada)

    client.post("/accounts/profile/", {"time_zone": "Asia/Tokyo"})

    due_at = message.deliveries.get().due_at
    assert (due_at.hour, due_at.minute) == (23, 0)  # 8 o'clock in Tokyo


def test_choosing_leaves_other_peoples_choices_alone(client, ada):
    other = UserFactory()
    choose(other, EMAIL, DAILY)
    client.force_login(ada)

    client.post("/accounts/messages/", {f"choice:{NEWS}:EMAIL": "OFF"})

    assert other.notification_choices.get().frequency == DAILY


def test_everything_is_exported_and_erased(ada, chat):
    from accounts.services import privacy

    choose(ada, EMAIL, DAILY)
    send(write(ada))

    kept = privacy.export(user=ada, at=NOW)
    assert kept["message_choices"] == {
        "choices": [{"kind": NEWS, "channel": "EMAIL", "frequency": "DAILY"}],
        "digest_hour": 8,
        "digest_weekday": 0,
        "telegram": [{"chat": "77", "since": NOW.isoformat()}],
        "addresses_without_mail": [],
    }
    assert [each["went_by"][0]["status"] for each in kept["messages"]] == ["HELD"]

    privacy.delete_account(user=ada, at=NOW)
    assert not any(model.objects.exists() for model in (NotificationChoice, TelegramChat, Message, Delivery))
