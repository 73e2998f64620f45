"""The messages that a person finds on the portal itself."""

from __future__ import annotations

from datetime import datetime

from accounts.models import Message, MessageQuerySet, User


def messages(*, user: User) -> MessageQuerySet:
    """What is in a person's inbox, newest first."""
    return Message.objects.to(user).in_inbox().order_by("-shown_at", "-pk")


def mark_read(*, user: User, at: datetime, message_id: int | None = None) -> int:
    """Note that a person has read a message, or all of them; how many were unread."""
    unread = Message.objects.to(user).unread()
    if message_id is not None:
        unread = unread.filter(pk=message_id)
    return unread.update(read_at=at)
