"""A person's own chat with the bot: linked by a code that the bot is told when they open it from the portal.

The portal asks Telegram for news (getUpdates), and is never called: it needs no address that Telegram can
reach and no second secret, and works the same on one's own machine. It asks when somebody says that they have
opened the chat, and every minute while a code is out.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import TelegramChat, TelegramCode, User
from accounts.services import telegram

CODE_LIVES = timedelta(minutes=15)
#: What one question brings at most, and how many are asked at once.
AT_A_TIME = 100
QUESTIONS = 20


@dataclass(frozen=True)
class Opening:
    """The way to the bot. code: for who types it, instead of following the address."""

    address: str
    code: str
    valid_until: datetime


def is_possible() -> bool:
    """Whether people can link a chat: there is a bot, and its name is known."""
    return bool(settings.TELEGRAM_BOT_NAME)


def begin(*, user: User, at: datetime) -> Opening:
    """A new way to the bot for a person; earlier ones lead nowhere any more."""
    code = secrets.token_urlsafe(24)
    valid_until = at + CODE_LIVES
    TelegramCode.objects.update_or_create(
        user=user, defaults={"digest": _digest(code), "valid_until": valid_until}
    )
    return Opening(
        address=f"https://t.me/{settings.TELEGRAM_BOT_NAME}?start={code}", code=code, valid_until=valid_until
    )


def unlink(*, user: User) -> bool:
    """Say nothing more in a person's chat; whether there was one."""
    TelegramCode.objects.filter(user=user).delete()
    deleted, _by_model = TelegramChat.objects.filter(user=user).delete()
    return bool(deleted)


def read_news(*, at: datetime) -> int:
    """Ask Telegram who has opened the bot, and link them; how many. Asks nothing while no code is out.

    What was read is given back to Telegram as read only once it is kept here, so that a crash loses nothing;
    what is read twice links once. Talks to the network: never in a transaction. Raises what Messenger raises.
    """
    TelegramCode.objects.filter(valid_until__lte=at).delete()
    if not TelegramCode.objects.exists():
        return 0
    messenger = telegram.messenger()
    linked, after = 0, 0
    for _question in range(QUESTIONS):
        news = messenger.news(after=after, at_most=AT_A_TIME)
        if not news:
            break
        linked += _link(news, at=at)
        after = max(each["update_id"] for each in news) + 1
    return linked


def link(*, code: str, chat: str, at: datetime) -> bool:
    """Link a chat to the person whose code was said in it; False for what is no code, or none any more."""
    with transaction.atomic():
        codes = TelegramCode.objects.filter(digest=_digest(code), valid_until__gt=at)
        owner = codes.values_list("user", flat=True).first()
        # Whoever deletes it uses it: a code that two say at once works for one.
        if owner is None or not codes.delete()[0]:
            return False
        TelegramChat.objects.filter(chat=chat).exclude(user=owner).delete()
        TelegramChat.objects.update_or_create(user_id=owner, defaults={"chat": chat, "linked_at": at})
        return True


def _link(news: Iterable[Mapping[str, Any]], *, at: datetime) -> int:
    return sum(link(code=code, chat=chat, at=at) for code, chat in _openings(news))


def _openings(news: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    """Code and chat of each “/start <code>” that somebody said to the bot alone: in a group all read it."""
    for each in news:
        said = each.get("message") or {}
        chat, text = said.get("chat") or {}, said.get("text")
        command, _space, code = text.partition(" ") if isinstance(text, str) else ("", "", "")
        if command == "/start" and code and chat.get("type") == "private":
            yield code.strip(), str(chat["id"])


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
