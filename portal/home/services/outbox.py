"""What the stand-ins for mail servers and Telegram kept instead of sending it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.utils.safestring import SafeString, mark_safe

from accounts.services import telegram, wording

#: Django's file-based backend writes this line between the messages of one file.
SEPARATOR = b"\n" + b"-" * 79 + b"\n"


@dataclass(frozen=True)
class Letter:
    subject: str
    sender: str
    recipients: str
    sent_at: datetime | None
    text: str


@dataclass(frozen=True)
class Said:
    """A message in a chat of Telegram. html: what Telegram would show, and nothing that it would not."""

    chat: str
    sent_at: datetime
    html: SafeString


def letters(folder: Path, *, newest: int = 50) -> list[Letter]:
    """The newest letters in the folder, newest first; none when the folder does not exist yet."""
    files = sorted(folder.glob("*.log"), key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)
    found: list[Letter] = []
    for file in files:
        found.extend(reversed(list(_read(file))))
        if len(found) >= newest:
            break
    return found[:newest]


def chats(folder: Path, *, newest: int = 50) -> list[Said]:
    """The newest messages to Telegram, newest first."""
    return [
        Said(
            chat=each.chat,
            sent_at=each.said_at,
            html=mark_safe(wording.fit(each.html)),  # noqa: S308 (fit writes every tag and text itself)
        )
        for each in telegram.kept(folder, newest=newest)
    ]


def _read(file: Path) -> Iterator[Letter]:
    for part in file.read_bytes().replace(b"\r\n", b"\n").split(SEPARATOR):
        if not part.strip():
            continue
        message = message_from_bytes(part.lstrip(b"\n"), policy=policy.default)
        body = message.get_body(preferencelist=("plain", "html"))
        date = message["Date"]
        yield Letter(
            subject=str(message["Subject"] or ""),
            sender=str(message["From"] or ""),
            recipients=str(message["To"] or ""),
            sent_at=_moment(str(date)) if date else None,
            text=body.get_content() if body is not None else "",
        )


def _moment(date: str) -> datetime:
    moment = parsedate_to_datetime(date)
    # "-0000", which Django writes, is read as a moment without a zone.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
