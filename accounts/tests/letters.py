"""Kinds of messages for tests: they use the templates of a real letter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from accounts import notifications
from accounts.models import Message, User
from accounts.notifications import Kind
from accounts.services import notifying

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
#: A kind that people choose about, and one of which nobody chooses whether it is mailed.
NEWS = "accounts.test_news"
RECEIPT = "accounts.test_receipt"


def register(name: str = NEWS, **answers: Any) -> Kind:
    """Make a kind known until the fixture `own_kinds` ends."""
    usual: dict[str, Any] = {"is_essential": name == RECEIPT, "label": name.rpartition("_")[2].title()}
    kind = Kind(name, **{**usual, **answers})
    notifications.register(kind)
    return kind


def write(
    recipient: User,
    *,
    kind: str = NEWS,
    about: str = "course:1",
    occasion: str = "1",
    at: datetime = NOW,
    **context: Any,
) -> Message:
    message = notifying.notify(
        recipient=recipient,
        kind=kind,
        subject_of=about,
        context={"title": "Knots", **context},
        dedupe=occasion,
        at=at,
    )
    assert message is not None
    return message


def send(message: Message, *, at: datetime = NOW) -> bool:
    sent = notifying.send(message_id=message.pk, at=at)
    message.refresh_from_db()
    return sent
