"""The staff chat: told once, in the transaction that is the reason, whatever Telegram does."""

import html as markup
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.template import Context, Template
from hypothesis import example, given
from hypothesis import strategies as st

from accounts import notifications
from accounts.models import Message
from accounts.notifications import Kind
from accounts.services import notifying, telegram, wording
from accounts.services.notifying import Note, WrongReader
from accounts.services.telegram import BotApi, ChatRefused, TelegramError, TooManyRequests
from accounts.tests.chats import Answer, FakeTelegram, refusal
from accounts.tests.factories import UserFactory

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOKEN = "123456:AAH-secret_token"
KIND = "accounts.test_borrowing"
TEMPLATE = """{% load i18n %}
  <b>New borrowing</b>
  {{ title }}, until {{ until }}



  <a href="{{ url }}">Look at it</a>
"""
HOSTILE = """</b><a href="https://evil.example/">"Dune" & <script>alert('1')</script> *_[x](y)_* `code`"""
Status = Message.Status


@pytest.fixture
def kinds(monkeypatch, settings):
    """A kind for the staff chat, for these tests only, with its template."""
    monkeypatch.setattr(notifications, "_kinds", dict(notifications._kinds))
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {"accounts/email/test_borrowing/telegram.html": TEMPLATE},
                    )
                ]
            },
        }
    ]

    def make(**answers):
        notifications.register(Kind(KIND, to_staff=True, **answers))

    make()
    return make


@pytest.fixture
def fake(settings):
    """A real server on this machine that the real client talks to."""
    cache.clear()
    with FakeTelegram(token=TOKEN).running() as server:
        settings.TELEGRAM_BACKEND = "accounts.services.telegram.BotApi"
        settings.TELEGRAM_API_BASE = server.address
        settings.TELEGRAM_BOT_TOKEN = TOKEN
        settings.TELEGRAM_STAFF_CHAT_ID = "-1001"
        settings.TELEGRAM_TIMEOUT = 0.4
        yield server
    cache.clear()


def tell(*, title="Dune", occasion="lent"):
    return notifying.notify_staff(
        kind=KIND,
        subject_of="borrowing:7",
        context={"title": title, "until": "2026-03-09", "url": "https://portal.example/b/7"},
        dedupe=occasion,
        at=NOW,
    )


def send(message, at=NOW):
    sent = notifying.send(message_id=message.pk, at=at)
    message.refresh_from_db()
    return sent


# --- Written -----------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_staff_chat_is_told_once_on_an_occasion(kinds):
    first, again, another = tell(), tell(), tell(occasion="overdue 2026-03-10")

    assert (first.recipient, again) == (None, None)
    assert set(Message.objects.to_staff()) == {first, another}


@pytest.mark.django_db
def test_the_database_itself_refuses_a_second_message_to_the_staff(kinds):
    message = tell()
    message.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        message.save(force_insert=True)


@pytest.mark.django_db
def test_many_are_told_in_one_statement_and_once_each(kinds):
    tell(occasion="2026-03-10")
    notes = [
        Note(recipient=None, kind=KIND, subject_of="borrowing:7", dedupe=day)
        for day in ("2026-03-10", "2026-03-11")
    ]

    notifying.notify_many(notes=notes, at=NOW)

    assert Message.objects.to_staff().count() == 2


@pytest.mark.django_db
def test_a_message_to_the_staff_goes_with_its_transaction(kinds):
    def fail_afterwards():
        with transaction.atomic():
            tell()
            raise LookupError

    with pytest.raises(LookupError):
        fail_afterwards()

    assert not Message.objects.exists()


@pytest.mark.django_db
def test_a_kind_for_the_staff_goes_to_no_person_and_a_persons_not_to_the_staff(kinds):
    with pytest.raises(WrongReader, match="to_staff"):
        notifying.notify(recipient=UserFactory(), kind=KIND, subject_of="", context={}, dedupe="", at=NOW)
    with pytest.raises(WrongReader):
        notifying.notify_staff(
            kind=notifications.INACTIVITY_WARNING, subject_of="", context={}, dedupe="", at=NOW
        )


# --- Said --------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_it_is_said_in_the_staff_chat_and_nowhere_else(kinds, said):
    message = tell()

    assert send(message)
    assert not send(message)

    assert said == [
        (
            "-1001",
            "<b>New borrowing</b>\nDune, until 2026-03-09\n\n"
            '<a href="https://portal.example/b/7">Look at it</a>',
        )
    ]
    assert (message.status, message.sent_at, mail.outbox) == (Status.SENT, NOW, [])


@pytest.mark.django_db
def test_a_message_whose_reason_is_gone_is_not_said(kinds, said):
    kinds(still_wanted=lambda message, *, at: False)
    message = tell()

    assert not send(message)

    assert (message.status, said) == (Status.DROPPED, [])


@pytest.mark.django_db
def test_the_bot_api_is_asked_as_telegram_describes_it(kinds, fake):
    assert send(tell())

    assert fake.strangers == []
    assert fake.requests == [
        (
            "sendMessage",
            {
                "chat_id": "-1001",
                "text": "<b>New borrowing</b>\nDune, until 2026-03-09\n\n"
                '<a href="https://portal.example/b/7">Look at it</a>',
                "parse_mode": "HTML",
                "link_preview_options": {"is_disabled": True},
            },
        )
    ]


@pytest.mark.django_db
def test_a_hostile_title_is_a_title(kinds, fake):
    send(tell(title=HOSTILE))

    _chat, text = fake.said[0]
    assert text == (
        "<b>New borrowing</b>\n"
        '&lt;/b&gt;&lt;a href="https://evil.example/"&gt;"Dune" &amp; '
        "&lt;script&gt;alert('1')&lt;/script&gt; *_[x](y)_* `code`, until 2026-03-09\n\n"
        '<a href="https://portal.example/b/7">Look at it</a>'
    )


# --- Telegram has its days ---------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            refusal(500, "Internal Server Error"),
            "TelegramError: Telegram answered 500: Internal Server Error",
        ),
        (
            refusal(401, "Unauthorized"),
            "TelegramError: Telegram does not know the bot (401); look at TELEGRAM_BOT_TOKEN",
        ),
        (Answer(kind="slow"), "TelegramError: Telegram did not answer within 0.4 s"),
        (Answer(kind="cut"), "TelegramError: Telegram could not be reached, or broke off (IncompleteRead)"),
        (
            Answer(kind="hang up"),
            "TelegramError: Telegram could not be reached, or broke off (RemoteDisconnected)",
        ),
        (Answer(200, {"ok": False}), "TelegramError: Telegram answered 200: "),
    ],
    ids=["500", "401", "slow", "cut", "hung up", "no yes"],
)
def test_what_may_succeed_later_is_tried_again_later(kinds, fake, answer, error):
    fake.answers = [answer]
    message = tell()

    assert not send(message)
    assert (message.status, message.attempts, message.last_error) == (Status.PENDING, 1, error)
    assert message.next_attempt_at == NOW + timedelta(minutes=10)

    assert send(message, at=NOW + timedelta(minutes=10))
    assert len(fake.said) == 2


@pytest.mark.django_db
def test_an_answer_that_comes_byte_by_byte_holds_nobody_up(kinds, fake):
    fake.answers = [Answer(kind="drip", body={"ok": True, "result": "x" * 200})]

    assert not send(message := tell())

    assert message.last_error == "TelegramError: Telegram did not answer within 0.4 s"


@pytest.mark.django_db
def test_nobody_at_the_address_is_a_failure_like_others(kinds, fake, settings):
    settings.TELEGRAM_API_BASE = "http://127.0.0.1:9"

    assert not send(message := tell())

    assert message.last_error == (
        "TelegramError: Telegram could not be reached, or broke off (ConnectionRefusedError)"
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, "Bad Request: chat not found"),
        refusal(403, "Forbidden: bot was kicked from the group chat"),
    ],
    ids=["400", "403"],
)
def test_what_will_never_succeed_is_given_up_at_once_and_can_be_sent_again(kinds, fake, answer):
    fake.answers = [answer]
    message = tell()

    assert not send(message)
    assert (message.status, message.attempts) == (Status.FAILED, 1)
    assert message.last_error == (
        f"ChatRefused: Telegram refused ({answer.status}): {answer.body['description']}"
    )

    assert notifying.send_again(message=message, at=NOW)
    assert send(message)
    assert len(fake.said) == 2


@pytest.mark.django_db
def test_who_asks_to_wait_is_waited_for_and_not_asked_meanwhile(kinds, fake):
    fake.answers = [refusal(429, "Too Many Requests: retry after 35", retry_after=35)]
    message, another = tell(), tell(occasion="overdue")

    assert not send(message)
    assert not send(another, at=NOW + timedelta(seconds=5))

    assert len(fake.said) == 1
    assert (message.next_attempt_at, message.attempts) == (NOW + timedelta(seconds=35), 0)
    assert (another.next_attempt_at, another.attempts) == (NOW + timedelta(seconds=35), 0)
    assert send(message, at=NOW + timedelta(seconds=35))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said_to_wait", "waited"), [("soon", 30), (-5, 1), (2.5, 3), (True, 30), (None, 30), (1e30, 86400)]
)
def test_a_wait_that_makes_no_sense_is_brought_within_reason(kinds, fake, said_to_wait, waited):
    fake.answers = [refusal(429, "Too Many Requests", retry_after=said_to_wait)]

    send(message := tell())

    assert message.next_attempt_at == NOW + timedelta(seconds=waited)


@pytest.mark.django_db
def test_a_chat_that_moved_is_followed(kinds, fake, caplog):
    fake.answers = [refusal(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-100777)]

    assert send(tell())

    assert [chat for chat, _text in fake.said] == ["-1001", "-100777"]
    assert "Telegram has moved the chat to -100777: put that in the place of -1001" in caplog.text


@pytest.mark.django_db
@pytest.mark.parametrize("missing", ["TELEGRAM_BOT_TOKEN", "TELEGRAM_STAFF_CHAT_ID"])
def test_without_a_bot_or_a_chat_nothing_is_said_later_either(kinds, fake, settings, missing):
    setattr(settings, missing, "")
    message = tell()

    assert not send(message)

    assert (message.status, message.last_error) == (Status.DROPPED, f"NotSetUp: {missing} is not set")
    assert fake.requests == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, f"Not Found: /bot{TOKEN}/sendMessage"),
        refusal(500, f"cannot read /bot{TOKEN}/sendMessage"),
        refusal(401, f"Unauthorized {TOKEN}"),
        Answer(kind="cut"),
        Answer(kind="slow"),
        Answer(302, {"ok": False, "description": f"https://elsewhere.example/bot{TOKEN}/"}),
    ],
    ids=["400", "500", "401", "cut", "slow", "302"],
)
def test_the_token_stands_in_no_log_and_on_no_row(kinds, fake, caplog, answer):
    caplog.set_level(logging.DEBUG)
    fake.answers = [answer]

    send(message := tell())

    assert message.last_error
    assert TOKEN not in message.last_error
    assert TOKEN not in caplog.text
    assert TOKEN not in "".join(str(record.exc_info) for record in caplog.records)


def test_a_client_does_not_show_its_token():
    assert TOKEN not in repr(BotApi(address="https://api.telegram.org", token=TOKEN, within=1))


def test_what_is_refused_says_whether_the_chat_is_gone(fake):
    fake.answers = [
        refusal(403, "Forbidden: bot was blocked by the user"),
        refusal(400, "Bad Request: chat not found"),
        refusal(400, "Bad Request: can't parse entities"),
        refusal(429, "Too Many Requests", retry_after=3),
    ]
    caught = []

    for _answer in range(4):
        with pytest.raises((ChatRefused, TelegramError)) as refused:
            BotApi().call("sendMessage", {"chat_id": "7", "text": "Hello"})
        caught.append(refused.value)

    assert [error.is_gone for error in caught[:3]] == [True, True, False]
    assert (type(caught[3]), caught[3].retry_after) == (TooManyRequests, 3)


# --- What fits ---------------------------------------------------------------------------------------------
@given(title=st.text())
@example(title=HOSTILE)
@example(title="\ud800 \x00 &#x27;&amp;<")
def test_any_title_is_read_as_it_was_written(title):
    html = Template("<b>{{ title }}</b>").render(Context({"title": title}))

    said = wording.fit(html)

    assert said.startswith("<b>")
    assert "<" not in said.removeprefix("<b>").removesuffix("</b>")
    assert markup.unescape(said[3:-4]) == wording._readable(title)


@given(
    html=st.lists(
        st.sampled_from(
            ["<b>", "</b>", "<i>", "</i>", "<a href='https://x.example/'>", "</a>", "<u", "&amp", "<!--"]
        )
        | st.text(max_size=30)
    ).map("".join),
    room=st.integers(min_value=1, max_value=40),
)
@example(html="<b>" + "😀" * 30 + "</b>", room=7)
def test_whatever_is_cut_fits_and_closes_what_it_opened(html, room):
    said = wording.fit(html, at_most=room)

    again = wording.fit(said, at_most=room)
    assert again == said
    assert said.count("<b>") == said.count("</b>")
    assert said.count("<a ") == said.count("</a>")


def test_a_long_message_ends_with_an_ellipsis_within_its_tags():
    said = wording.fit(f"<b>{'&lt;' * 5000}</b> never seen")

    assert said == f"<b>{'&lt;' * 4095}…</b>"


def test_what_just_fits_is_left_as_it_is():
    assert wording.fit("x" * 4096) == "x" * 4096
    assert wording.fit("😀" * 2048) == "😀" * 2048
    assert wording.fit("😀" * 2049) == "😀" * 2047 + "…"


def test_tags_and_links_that_telegram_does_not_know_are_left_out():
    assert wording.fit('<p>One<br>two <a href="javascript:alert(1)">three</a> <i class="x">four</i></p>') == (
        "One\ntwo three <i>four</i>"
    )


# --- The stand-in ------------------------------------------------------------------------------------------
def test_the_stand_in_keeps_what_was_said_newest_first(settings, tmp_path):
    settings.TELEGRAM_FILE_PATH = tmp_path / "telegram"

    telegram.Folder().say(chat="staff", html="<b>First</b>", at=NOW)
    telegram.Folder().say(chat="staff", html="Second", at=NOW + timedelta(seconds=1))

    kept = telegram.kept(tmp_path / "telegram")
    assert [(each.chat, each.html) for each in kept] == [("staff", "Second"), ("staff", "<b>First</b>")]
    assert kept[0].said_at == NOW + timedelta(seconds=1)
    assert telegram.kept(tmp_path / "nowhere") == []
    assert json.loads(sorted((tmp_path / "telegram").iterdir())[0].read_text())["chat"] == "staff"
