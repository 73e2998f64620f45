"""A person's own chat: linked by a code said to the bot alone, once, and by nobody else."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from accounts import tasks
from accounts.models import TelegramChat, TelegramCode
from accounts.services import linking, telegram
from accounts.tests.chats import Answer, FakeTelegram, refusal
from accounts.tests.factories import UserFactory
from accounts.tests.letters import NOW

pytestmark = pytest.mark.django_db
TOKEN = "123456:AAH-secret_token"


@pytest.fixture
def fake(settings):
    cache.clear()
    with FakeTelegram(token=TOKEN).running() as server:
        settings.TELEGRAM_BACKEND = "accounts.services.telegram.BotApi"
        settings.TELEGRAM_API_BASE = server.address
        settings.TELEGRAM_BOT_TOKEN = TOKEN
        settings.TELEGRAM_BOT_NAME = "example_bot"
        yield server


def update(number, text, *, chat=77, kind="private"):
    return {"update_id": number, "message": {"text": text, "chat": {"id": chat, "type": kind}}}


def news(*updates):
    return Answer(body={"ok": True, "result": list(updates)})


def linked():
    return list(TelegramChat.objects.order_by("chat").values_list("user__email", "chat"))


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com")


def test_who_opens_the_bot_from_the_portal_is_linked(ada, fake):
    opening = linking.begin(user=ada, at=NOW)
    fake.answers = [news(update(5, "Hello"), update(6, f"/start {opening.code}"))]

    assert linking.read_news(at=NOW + timedelta(minutes=1)) == 1

    assert opening.address == f"https://t.me/example_bot?start={opening.code}"
    assert linked() == [("ada@example.com", "77")]
    assert [(method, asked["offset"]) for method, asked in fake.requests] == [
        ("getUpdates", None),
        ("getUpdates", 7),  # and by this Telegram knows that they were read
    ]


def test_a_code_is_what_the_address_of_telegram_may_hold(ada):
    code = linking.begin(user=ada, at=NOW).code

    assert len(code) <= 64
    assert set(code) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
    assert code not in TelegramCode.objects.get().digest


def test_a_code_works_once_and_for_a_quarter_of_an_hour(ada):
    code = linking.begin(user=ada, at=NOW).code

    assert not linking.link(code=code, chat="66", at=NOW + linking.CODE_LIVES)
    assert linking.link(code=code, chat="77", at=NOW)
    assert not linking.link(code=code, chat="88", at=NOW)

    assert linked() == [("ada@example.com", "77")]


def test_a_newer_code_ends_the_earlier_one(ada):
    first, second = (linking.begin(user=ada, at=NOW).code for _time in range(2))

    assert not linking.link(code=first, chat="77", at=NOW)
    assert linking.link(code=second, chat="77", at=NOW)


def test_a_chat_opened_for_another_account_moves_there(ada):
    bob = UserFactory(email="bob@example.com")
    linking.link(code=linking.begin(user=ada, at=NOW).code, chat="77", at=NOW)

    linking.link(code=linking.begin(user=bob, at=NOW).code, chat="77", at=NOW)

    assert linked() == [("bob@example.com", "77")]


def test_who_opens_another_chat_is_told_in_that_one(ada):
    for chat in ("77", "88"):
        linking.link(code=linking.begin(user=ada, at=NOW).code, chat=chat, at=NOW)

    assert linked() == [("ada@example.com", "88")]


@pytest.mark.parametrize(
    "said",
    [
        {"update_id": 5},
        {"update_id": 5, "message": None},
        {"update_id": 5, "message": {"chat": {"id": 1, "type": "private"}}},
        {"update_id": 5, "message": {"text": 7, "chat": {"id": 1, "type": "private"}}},
        update(5, "/start"),
        update(5, "/start nonsense \ud800"),
        update(5, "/stop CODE"),
        update(5, "/start CODE", kind="group"),
    ],
)
def test_anything_else_that_is_said_links_nobody(ada, fake, said):
    code = linking.begin(user=ada, at=NOW).code
    if "text" in (said.get("message") or {}) and isinstance(said["message"]["text"], str):
        said["message"]["text"] = said["message"]["text"].replace("CODE", code)
    fake.answers = [news(said)]

    assert linking.read_news(at=NOW) == 0
    assert linked() == []


def test_telegram_is_asked_only_while_a_code_is_out(ada, fake):
    assert linking.read_news(at=NOW) == 0
    linking.begin(user=ada, at=NOW)
    assert linking.read_news(at=NOW + linking.CODE_LIVES) == 0

    assert fake.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        refusal(409, "Conflict: terminated by other getUpdates request"),
        refusal(500),
        Answer(kind="cut"),
        Answer(body={"ok": True, "result": [{"no": "number"}]}),
    ],
    ids=["409", "500", "cut", "nonsense"],
)
def test_what_could_not_be_read_is_read_the_next_time(ada, fake, answer):
    code = linking.begin(user=ada, at=NOW).code
    fake.answers = [answer, news(update(5, f"/start {code}"))]

    with pytest.raises(telegram.TelegramError):
        linking.read_news(at=NOW)
    assert linking.read_news(at=NOW) == 1


def test_more_than_one_answer_holds_is_read_to_the_end(ada, fake):
    code = linking.begin(user=ada, at=NOW).code
    fake.answers = [
        news(*(update(number, "Hello") for number in range(100))),
        news(update(100, f"/start {code}")),
    ]

    assert linking.read_news(at=NOW) == 1


# --- The pages ---------------------------------------------------------------------------------------------
def test_a_chat_is_linked_from_the_page_of_messages(client, ada, fake):
    client.force_login(ada)
    opening = client.post("/accounts/messages/telegram/").context["opening"]
    fake.answers = [news(update(5, f"/start {opening.code}"))]

    page = client.post("/accounts/messages/telegram/opened/", follow=True).content.decode()

    assert "Your chat is linked." in page
    assert linked() == [("ada@example.com", "77")]
    client.post("/accounts/messages/telegram/unlink/")
    assert linked() == []


def test_who_has_not_pressed_start_is_told_so(client, ada, fake):
    client.force_login(ada)
    client.post("/accounts/messages/telegram/")
    fake.answers = [refusal(500)]

    page = client.post("/accounts/messages/telegram/opened/", follow=True).content.decode()

    assert "Telegram has not told us yet." in page


def test_without_a_bot_there_is_nothing_to_link(client, ada, settings):
    settings.TELEGRAM_BOT_NAME = ""
    client.force_login(ada)

    assert "This portal has no bot on Telegram." in client.get("/accounts/messages/").content.decode()
    assert client.post("/accounts/messages/telegram/").status_code == 302
    assert not TelegramCode.objects.exists()


def test_the_worker_links_who_did_not_come_back(ada, fake):
    from django.utils import timezone

    code = linking.begin(user=ada, at=timezone.now()).code
    fake.answers = [news(update(5, f"/start {code}"))]

    assert tasks.read_telegram() == 1
    assert linked() == [("ada@example.com", "77")]


def test_the_stand_in_hears_what_is_put_into_its_folder(ada, settings, tmp_path):
    import json

    settings.TELEGRAM_BACKEND = "accounts.services.telegram.Folder"
    settings.TELEGRAM_FILE_PATH = tmp_path
    code = linking.begin(user=ada, at=NOW).code
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "5.json").write_text(json.dumps(update(5, f"/start {code}")))

    assert linking.read_news(at=NOW) == 1

    assert linked() == [("ada@example.com", "77")]
    assert list((tmp_path / "news").iterdir()) == []
