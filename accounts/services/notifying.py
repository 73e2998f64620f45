"""Write to people, and into the staff chat: a row in the caller's transaction now, a message once it has
committed.

A message may go out twice only when nobody can know whether it did: the process dies between the "accepted"
of the mail server and our note of it, or Telegram's answer does not arrive.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django_q.tasks import async_task

from accounts.models import Message, MessageQuerySet, User
from accounts.notifications import Kind, UnknownKind, kind_of, still_wanted
from accounts.services import telegram, wording

logger = logging.getLogger(__name__)

#: Longer than any sending takes (the mail server's time-out and the task's), so that nobody sends beside us.
FIRST_WAIT = timedelta(minutes=10)
LONGEST_WAIT = timedelta(hours=6)
MAX_ATTEMPTS = 10
SWEEP_AT_MOST = 500


class WrongReader(ValueError):
    """A kind for the staff chat was to go to a person, or the other way round."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f'Messages of the kind "{kind}" go to the staff chat if it is registered with to_staff=True, and '
            "then to nobody else; otherwise to people."
        )


@dataclass(frozen=True, kw_only=True)
class Note:
    """What `notify` takes, for many at once. recipient: None for the staff chat."""

    recipient: User | None
    kind: str
    subject_of: str
    dedupe: str
    context: dict[str, Any] = field(default_factory=dict)


def notify(
    *, recipient: User, kind: str, subject_of: str, context: dict[str, Any], dedupe: str, at: datetime
) -> Message | None:
    """Write a message in the caller's transaction; None when the person was told before on this occasion.

    context must be JSON. Raises notifications.UnknownKind, WrongReader.
    """
    note = Note(recipient=recipient, kind=kind, subject_of=subject_of, dedupe=dedupe, context=context)
    return _write(note, told=Message.objects.to(recipient), at=at)


def notify_staff(
    *, kind: str, subject_of: str, context: dict[str, Any], dedupe: str, at: datetime
) -> Message | None:
    """Write a message to the staff chat in the caller's transaction; None when it was told on this occasion.

    context must be JSON. Raises notifications.UnknownKind, WrongReader.
    """
    note = Note(recipient=None, kind=kind, subject_of=subject_of, dedupe=dedupe, context=context)
    return _write(note, told=Message.objects.to_staff(), at=at)


def notify_many(*, notes: Iterable[Note], at: datetime) -> None:
    """Write messages in one statement, for batches; the sweep sends them. What was told before stays.

    Raises notifications.UnknownKind, WrongReader.
    """
    Message.objects.bulk_create([_message(note, at=at) for note in notes], ignore_conflicts=True)


def send(*, message_id: int, at: datetime) -> bool:
    """Send a message that is due, unless its reason is gone; say whether it went out by this call.

    Talks to mail servers and Telegram, so call it outside any transaction. A failure is kept on the row, with
    the time of the next attempt; after MAX_ATTEMPTS, or at once when it can never succeed, it is given up and
    waits for a person.
    """
    claimed = _claim(message_id=message_id, at=at)
    if claimed is None:
        return False
    try:
        kind = kind_of(claimed.kind)
        if not still_wanted(claimed, at=at):
            _finish(claimed, Message.Status.DROPPED, context=_without_secrets(claimed, kind))
            return False
        _deliver(claimed, at=at)
    except telegram.TooManyRequests as refusal:
        _come_back(claimed, at=at + timedelta(seconds=refusal.retry_after), because=refusal)
        return False
    except telegram.NotSetUp as refusal:
        # Set up one day, Telegram is not told of all that happened before.
        _finish(claimed, Message.Status.DROPPED, last_error=_said(refusal))
        return False
    except (telegram.ChatRefused, UnknownKind) as refusal:
        logger.error("Message %s will never go out: %s", claimed.pk, refusal)
        _finish(claimed, Message.Status.FAILED, last_error=_said(refusal))
        return False
    except Exception as error:
        # Whatever templates or mail providers raise must not lose the message.
        logger.exception("Message %s could not be sent", claimed.pk)
        _note_failure(claimed, error=error)
        return False
    return _finish(claimed, Message.Status.SENT, sent_at=at, context=_without_secrets(claimed, kind))


def send_due(*, at: datetime) -> int:
    """Send what is due, oldest first, at most SWEEP_AT_MOST; give the number sent."""
    due = Message.objects.due(at=at).order_by("next_attempt_at", "pk")
    return sum(send(message_id=pk, at=at) for pk in list(due.values_list("pk", flat=True)[:SWEEP_AT_MOST]))


def send_again(*, message: Message, at: datetime) -> bool:
    """Put a message that was given up, or waits for its next attempt, in front of the queue.

    False for one that was sent or dropped: those stay as they are.
    """
    again = Message.objects.filter(pk=message.pk, status__in=[Message.Status.FAILED, Message.Status.PENDING])
    if not again.update(status=Message.Status.PENDING, attempts=0, next_attempt_at=at):
        return False
    transaction.on_commit(lambda: async_task("accounts.tasks.send_message", message.pk), robust=True)
    return True


def _write(note: Note, *, told: MessageQuerySet, at: datetime) -> Message | None:
    message = _message(note, at=at)
    try:
        with transaction.atomic():
            message.save(force_insert=True)
    except IntegrityError:
        if told.filter(kind=note.kind, subject_of=note.subject_of, dedupe=note.dedupe).exists():
            return None
        raise
    transaction.on_commit(lambda: async_task("accounts.tasks.send_message", message.pk), robust=True)
    return message


def _message(note: Note, *, at: datetime) -> Message:
    if kind_of(note.kind).to_staff != (note.recipient is None):
        raise WrongReader(note.kind)
    return Message(
        recipient=note.recipient,
        kind=note.kind,
        subject_of=note.subject_of,
        context=note.context,
        dedupe=note.dedupe,
        created_at=at,
        next_attempt_at=at,
    )


def _deliver(message: Message, *, at: datetime) -> None:
    if message.recipient is not None:
        wording.letter(message=message).send()
        return
    if not settings.TELEGRAM_STAFF_CHAT_ID:
        raise telegram.NotSetUp("TELEGRAM_STAFF_CHAT_ID is not set")
    html = wording.telegram(message=message)
    telegram.messenger().say(chat=settings.TELEGRAM_STAFF_CHAT_ID, html=html, at=at)


def _claim(*, message_id: int, at: datetime) -> Message | None:
    """Count the attempt and push the next one away; None when somebody else has it, or it is not due.

    Before the attempt, so that one that takes its process down counts as well.
    """
    message = Message.objects.due(at=at).select_related("recipient").filter(pk=message_id).first()
    if message is None:
        return None
    if message.attempts >= MAX_ATTEMPTS:
        _finish(message, Message.Status.FAILED)
        return None
    wait = min(FIRST_WAIT * 2 ** min(message.attempts, 20), LONGEST_WAIT)
    # Conditions on the row's own columns: PostgreSQL looks at them again after waiting for another's change.
    rows = Message.objects.due(at=at).filter(pk=message.pk)
    if not rows.update(attempts=F("attempts") + 1, next_attempt_at=at + wait):
        return None
    message.attempts += 1
    return message


def _finish(message: Message, status: Message.Status, **fields: Any) -> bool:
    rows = Message.objects.waiting().filter(pk=message.pk)
    return rows.update(status=status, next_attempt_at=None, **fields) == 1


def _come_back(message: Message, *, at: datetime, because: Exception) -> None:
    """Try again at a moment that the other side named: that was no attempt."""
    rows = Message.objects.waiting().filter(pk=message.pk)
    rows.update(attempts=F("attempts") - 1, next_attempt_at=at, last_error=_said(because))


def _note_failure(message: Message, *, error: Exception) -> None:
    Message.objects.waiting().filter(pk=message.pk).update(last_error=_said(error))
    if message.attempts >= MAX_ATTEMPTS:
        _finish(message, Message.Status.FAILED)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000]


def _without_secrets(message: Message, kind: Kind) -> dict[str, Any]:
    return {name: value for name, value in message.context.items() if name not in kind.confidential}
