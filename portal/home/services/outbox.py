"""Letters that the file-based e-mail backend kept instead of sending them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from pathlib import Path

#: Django's file-based backend writes this line between the messages of one file.
SEPARATOR = b"\n" + b"-" * 79 + b"\n"


@dataclass(frozen=True)
class Letter:
    subject: str
    sender: str
    recipients: str
    sent_at: datetime | None
    text: str


def letters(folder: Path, *, newest: int = 50) -> list[Letter]:
    """The newest letters in the folder, newest first; none when the folder does not exist yet."""
    files = sorted(folder.glob("*.log"), key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)
    found: list[Letter] = []
    for file in files:
        found.extend(reversed(list(_read(file))))
        if len(found) >= newest:
            break
    return found[:newest]


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
            sent_at=parsedate_to_datetime(str(date)) if date else None,
            text=body.get_content() if body is not None else "",
        )
