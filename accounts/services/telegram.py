"""Telegram: say something in a chat by the Bot API, and know what became of it.

The token is part of every address of the Bot API, so no address is ever said, logged or kept; what Telegram
answers has the token taken out before anybody reads it.
"""

from __future__ import annotations

import json
import logging
import math
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.core.cache import cache
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

#: More than Telegram answers to anything that is asked here.
LONGEST_ANSWER = 1_000_000
#: When Telegram asks to wait and does not say how long.
USUAL_WAIT = 30
#: A day: nobody is waited for longer, whatever is asked.
LONGEST_WAIT = 86_400
QUIET_UNTIL = "accounts.telegram.quiet_until"


class NotSetUp(Exception):
    """There is no bot to speak for the portal."""


class TelegramError(Exception):
    """The message did not go out, or nobody knows whether it did: try again later."""


class TooManyRequests(TelegramError):
    """Telegram wants nothing from the bot for a while. retry_after: seconds."""

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(f"Telegram asks to wait for {retry_after} s")
        self.retry_after = retry_after


class ChatRefused(Exception):
    """It will never go out: there is no such chat, the bot was put out of it, or the text is refused.

    is_gone: whether the chat itself is at fault, and not what was to be said in it.
    """

    def __init__(self, said: str, *, is_gone: bool) -> None:
        super().__init__(said)
        self.is_gone = is_gone


class Messenger(Protocol):
    """A way into chats; the setting TELEGRAM_BACKEND names the one in use."""

    def say(self, *, chat: str, html: str, at: datetime) -> None:
        """Say html (see accounts.services.wording.telegram) in a chat.

        Raises NotSetUp, ChatRefused, TooManyRequests or TelegramError. Talks to the network: never in a
        transaction.
        """

    def news(self, *, after: int, at_most: int) -> list[dict[str, Any]]:
        """What was said to the bot, as the Bot API's `Update`s, from the number `after` on.

        What has a smaller number than `after` is taken for read, and never told again. Raises the same.
        """


def messenger() -> Messenger:
    """The way into chats that the settings name."""
    made: Messenger = import_string(settings.TELEGRAM_BACKEND)()
    return made


# --- The real one ------------------------------------------------------------------------------------------
class _Moved(TelegramError):
    def __init__(self, to: str) -> None:
        super().__init__(f"Telegram has moved the chat to {to}")
        self.to = to


@dataclass(frozen=True, kw_only=True)
class BotApi:
    """Telegram's Bot API over HTTP.

    within: seconds that connecting may take, and again all the rest of a call, however slowly bytes come.
    """

    address: str = field(default_factory=lambda: settings.TELEGRAM_API_BASE)
    token: str = field(default_factory=lambda: settings.TELEGRAM_BOT_TOKEN, repr=False)
    within: float = field(default_factory=lambda: settings.TELEGRAM_TIMEOUT)

    def say(self, *, chat: str, html: str, at: datetime) -> None:
        message = {
            "chat_id": chat,
            "text": html,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        _wait_if_told(at=at)
        try:
            self._say(message)
        except TooManyRequests as refusal:
            until = at + timedelta(seconds=refusal.retry_after)
            cache.set(QUIET_UNTIL, until, timeout=refusal.retry_after)
            raise

    def _say(self, message: dict[str, Any]) -> None:
        try:
            self.call("sendMessage", message)
        except _Moved as moved:
            logger.warning("%s: put that in the place of %s", moved, message["chat_id"])
            self.call("sendMessage", {**message, "chat_id": moved.to})

    def news(self, *, after: int, at_most: int) -> list[dict[str, Any]]:
        asked = {"offset": after, "limit": at_most, "timeout": 0, "allowed_updates": ["message"]}
        found = self.call("getUpdates", asked if after else {**asked, "offset": None})
        if not isinstance(found, list) or not all(
            isinstance(each, dict) and isinstance(each.get("update_id"), int) for each in found
        ):
            raise TelegramError("Telegram's news cannot be read")
        return found

    def call(self, method: str, parameters: Mapping[str, Any]) -> Any:
        """The result of a method of the Bot API. Raises what `Messenger.say` raises."""
        if not self.token:
            raise NotSetUp("TELEGRAM_BOT_TOKEN is not set")
        status, body = self._post(method, json.dumps(parameters).encode())
        answer = self._read(status, body)
        if status == 200 and answer.get("ok") is True:
            return answer.get("result")
        raise self._refusal(status, answer)

    def _post(self, method: str, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(self.address)
        maker = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = maker(parts.hostname or "", parts.port, timeout=self.within)
        # Each read has a time-out of its own; many slow ones would add up.
        is_over = threading.Event()
        guard: threading.Timer | None = None
        try:
            connection.connect()
            guard = threading.Timer(self.within, _shut, [connection.sock, is_over])
            guard.daemon = True
            guard.start()
            connection.request(
                "POST",
                f"{parts.path.rstrip('/')}/bot{self.token}/{method}",
                body,
                {"Content-Type": "application/json", "Connection": "close"},
            )
            answer = connection.getresponse()
            return answer.status, _whole(answer)
        except (OSError, HTTPException, ValueError) as problem:
            # Without the cause: what http.client says may quote the address.
            if is_over.is_set() or isinstance(problem, TimeoutError):
                raise TelegramError(f"Telegram did not answer within {self.within:g} s") from None
            raise TelegramError(
                f"Telegram could not be reached, or broke off ({type(problem).__name__})"
            ) from None
        finally:
            if guard is not None:
                guard.cancel()
            connection.close()

    def _read(self, status: int, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise TelegramError(f"Telegram answered {status} and nothing that can be read")
        return answer

    def _refusal(self, status: int, answer: dict[str, Any]) -> Exception:
        said = str(answer.get("description", "")).replace(self.token, "…")[:300]
        found = answer.get("parameters")
        parameters = found if isinstance(found, dict) else {}
        if status == 429:
            return TooManyRequests(retry_after=_seconds(parameters.get("retry_after")))
        if status == 400 and "migrate_to_chat_id" in parameters:
            return _Moved(str(parameters["migrate_to_chat_id"]))
        if status in (400, 403):
            is_gone = status == 403 or "chat not found" in said.lower()
            return ChatRefused(f"Telegram refused ({status}): {said}", is_gone=is_gone)
        if status in (401, 404):
            return TelegramError(f"Telegram does not know the bot ({status}); look at TELEGRAM_BOT_TOKEN")
        return TelegramError(f"Telegram answered {status}: {said}")


def _wait_if_told(*, at: datetime) -> None:
    """Whoever goes on asking while Telegram asks to wait is made to wait longer."""
    until = cache.get(QUIET_UNTIL)
    if until is not None and at < until:
        raise TooManyRequests(retry_after=math.ceil((until - at).total_seconds()))


def _shut(sock: socket.socket, is_over: threading.Event) -> None:
    is_over.set()
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        logger.debug("The connection to Telegram was closed already")


def _whole(answer: HTTPResponse) -> bytes:
    body = answer.read(LONGEST_ANSWER + 1)
    if len(body) > LONGEST_ANSWER or (answer.length or 0) > 0:
        raise IncompleteRead(body)
    return body


def _seconds(said: Any) -> int:
    is_number = isinstance(said, int | float) and not isinstance(said, bool) and math.isfinite(said)
    return min(max(math.ceil(said), 1), LONGEST_WAIT) if is_number else USUAL_WAIT


# --- A stand-in for one's own machine ----------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Kept:
    """What would have been said, as read back by `kept`."""

    chat: str
    html: str
    said_at: datetime


class Folder:
    """Keeps what is said as files in TELEGRAM_FILE_PATH, one each, and sends nothing anywhere.

    Files in its folder `news`, each an Update of the Bot API, are what people say to the bot.
    """

    def news(self, *, after: int, at_most: int) -> list[dict[str, Any]]:
        files = sorted((Path(settings.TELEGRAM_FILE_PATH) / "news").glob("*.json"))
        found = [(file, json.loads(file.read_text())) for file in files]
        for file, update in found:
            if update["update_id"] < after:
                file.unlink(missing_ok=True)
        return [update for _file, update in found if update["update_id"] >= after][:at_most]

    def say(self, *, chat: str, html: str, at: datetime) -> None:
        folder = Path(settings.TELEGRAM_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{uuid4().hex}"
        unfinished.write_text(json.dumps({"chat": chat, "html": html, "said_at": at.isoformat()}))
        unfinished.rename(folder / f"{at:%Y%m%dT%H%M%S%f}-{uuid4().hex[:8]}.json")


def kept(folder: Path, *, newest: int = 50) -> list[Kept]:
    """The newest of what Folder kept, newest first; none when the folder does not exist yet."""
    files = sorted(folder.glob("*.json"), key=lambda file: file.name, reverse=True)[:newest]
    said = [json.loads(file.read_text()) for file in files]
    return [
        Kept(chat=each["chat"], html=each["html"], said_at=datetime.fromisoformat(each["said_at"]))
        for each in said
    ]
