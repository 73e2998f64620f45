"""Write to people: a row in the caller's transaction now, a letter when it has committed.

A letter may go out twice only when the process dies between the mail server's "accepted" and our note of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import IntegrityError, transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import translation
from django_q.tasks import async_task

from accounts.models import Message, User
from accounts.notifications import Kind, UnknownKind, kind_of, still_wanted

logger = logging.getLogger(__name__)

#: Longer than any sending takes (the mail server's time-out and the task's), so that nobody sends beside us.
FIRST_WAIT = timedelta(minutes=10)
LONGEST_WAIT = timedelta(hours=6)
MAX_ATTEMPTS = 10
SWEEP_AT_MOST = 500


@dataclass(frozen=True, kw_only=True)
class Note:
    """What `notify` takes, for many at once."""

    recipient: User
    kind: str
    subject_of: str
    dedupe: str
    context: dict[str, Any] = field(default_factory=dict)


def notify(
    *, recipient: User, kind: str, subject_of: str, context: dict[str, Any], dedupe: str, at: datetime
) -> Message | None:
    """Write a message in the caller's transaction; None when the person was told before on this occasion.

    context must be JSON. Raises notifications.UnknownKind.
    """
    note = Note(recipient=recipient, kind=kind, subject_of=subject_of, dedupe=dedupe, context=context)
    message = _message(note, at=at)
    try:
        with transaction.atomic():
            message.save(force_insert=True)
    except IntegrityError:
        if Message.objects.to(recipient).filter(kind=kind, subject_of=subject_of, dedupe=dedupe).exists():
            return None
        raise
    transaction.on_commit(lambda: async_task("accounts.tasks.send_message", message.pk), robust=True)
    return message


def notify_many(*, notes: Iterable[Note], at: datetime) -> None:
    """Write messages in one statement, for batches; the sweep sends them. What was told before stays.

    Raises notifications.UnknownKind.
    """
    Message.objects.bulk_create([_message(note, at=at) for note in notes], ignore_conflicts=True)


def send(*, message_id: int, at: datetime) -> bool:
    """Send a message that is due, unless its reason is gone; say whether it went out by this call.

    Talks to the mail server, so call it outside any transaction. A failure is kept on the row, with the time
    of the next attempt; after MAX_ATTEMPTS it is given up and waits for a person.
    """
    claimed = _claim(message_id=message_id, at=at)
    if claimed is None:
        return False
    try:
        kind = kind_of(claimed.kind)
        if not still_wanted(claimed, at=at):
            _finish(claimed, Message.Status.DROPPED, context=_without_secrets(claimed, kind))
            return False
        letter(message=claimed).send()
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


def letter(*, message: Message) -> EmailMultiAlternatives:
    """The e-mail of a message, in its recipient's language. Raises notifications.UnknownKind."""
    kind = kind_of(message.kind)
    words = {
        **kind.words(message),
        "recipient": message.recipient,
        "portal_name": settings.PORTAL_NAME,
        "portal_url": settings.PORTAL_BASE_URL,
    }
    with translation.override(message.recipient.language or settings.LANGUAGE_CODE):
        subject = " ".join(render_to_string(f"{kind.folder}/subject.txt", words).split())
        text = render_to_string(f"{kind.folder}/body.txt", words)
        html = render_to_string(f"{kind.folder}/body.html", words)
    mail = EmailMultiAlternatives(
        subject, text, settings.DEFAULT_FROM_EMAIL, [message.recipient.email], connection=get_connection()
    )
    mail.attach_alternative(html, "text/html")
    return mail


def _message(note: Note, *, at: datetime) -> Message:
    kind_of(note.kind)
    return Message(
        recipient=note.recipient,
        kind=note.kind,
        subject_of=note.subject_of,
        context=note.context,
        dedupe=note.dedupe,
        created_at=at,
        next_attempt_at=at,
    )


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


def _note_failure(message: Message, *, error: Exception) -> None:
    said = f"{type(error).__name__}: {error}"[:2000]
    Message.objects.waiting().filter(pk=message.pk).update(last_error=said)
    if message.attempts >= MAX_ATTEMPTS or isinstance(error, UnknownKind):
        _finish(message, Message.Status.FAILED)


def _without_secrets(message: Message, kind: Kind) -> dict[str, Any]:
    return {name: value for name, value in message.context.items() if name not in kind.confidential}
