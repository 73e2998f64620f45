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
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django_q.tasks import async_task

from accounts.models import Broadcast, Delivery, Message, MessageQuerySet, User
from accounts.notifications import Kind, UnknownKind, audience_of, kind_of, still_wanted
from accounts.services import telegram
from accounts.services.delivering import Outcome, Post, deliver, said

logger = logging.getLogger(__name__)

#: Longer than any sending takes (the mail server's time-out and the task's), so that nobody sends beside us.
FIRST_WAIT = timedelta(minutes=10)
LONGEST_WAIT = timedelta(hours=6)
MAX_ATTEMPTS = 10
SWEEP_AT_MOST = 500
SPREAD_AT_A_TIME = 500
TIDIED_AT_A_TIME = 500
SENT_BY_A_TASK = 100


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


def broadcast(
    *,
    kind: str,
    subject_of: str,
    context: dict[str, Any],
    dedupe: str,
    audience: str,
    of: str,
    at: datetime,
) -> Broadcast | None:
    """Write a message to all of an audience, in the caller's transaction; None when it was written before.

    One row now; the messages are written batch by batch when it has committed (`spread`). context must be
    JSON. Raises notifications.UnknownKind and UnknownAudience, WrongReader.
    """
    if kind_of(kind).to_staff:
        raise WrongReader(kind)
    audience_of(audience)
    row, is_new = Broadcast.objects.get_or_create(
        kind=kind,
        subject_of=subject_of,
        dedupe=dedupe,
        defaults={"context": context, "audience": audience, "of": of, "created_at": at},
    )
    if not is_new:
        return None
    transaction.on_commit(lambda: async_task("accounts.tasks.spread", row.pk), robust=True)
    return row


def spread(*, broadcast_id: int, at: datetime) -> int:
    """Go on writing a message to its audience, until everybody has it; the number written by this call.

    Each batch is a transaction that notes how far it came: a crash loses nothing, and what was written before
    stays. Memory does not grow with the audience.
    """
    written = 0
    while batch := _spread_batch(broadcast_id, at=at):
        written += len(batch)
        logger.info("Broadcast %s: %s written", broadcast_id, written)
    return written


def spread_unfinished(*, at: datetime) -> int:
    """Go on with messages to many whose nudge was lost or whose process died; the number written.

    One that cannot be written keeps none of the others; what was wrong with the first is raised at the end.
    """
    unfinished = Broadcast.objects.unfinished().order_by("created_at", "pk")
    written, troubles = 0, []
    for pk in list(unfinished.values_list("pk", flat=True)):
        try:
            written += spread(broadcast_id=pk, at=at)
        except Exception as trouble:
            logger.exception("Broadcast %s could not be written", pk)
            troubles.append(trouble)
    if troubles:
        raise troubles[0]
    return written


def send(*, message_id: int, at: datetime, post: Post | None = None) -> bool:
    """Send a message that is due, unless its reason is gone; say whether it went out by this call.

    Talks to mail servers and Telegram, so call it outside any transaction. A failure is kept on the row, with
    the time of the next attempt; after MAX_ATTEMPTS, or at once when it can never succeed, it is given up and
    waits for a person.
    """
    claimed = _claim(message_id=message_id, at=at)
    if claimed is None:
        return False
    claimed.looked_at = at
    try:
        kind = kind_of(claimed.kind)
        if not still_wanted(claimed, at=at):
            _finish(claimed, Message.Status.DROPPED, kind=kind, at=at, last_error=claimed.last_error)
            return False
        outcome = deliver(message=claimed, kind=kind, post=post or Post(), at=at)
    except telegram.TooManyRequests as refusal:
        _come_back(claimed, at=at + timedelta(seconds=refusal.retry_after), because=refusal)
        return False
    except telegram.NotSetUp as refusal:
        # Set up one day, Telegram is not told of all that happened before.
        _finish(claimed, Message.Status.DROPPED, last_error=said(refusal))
        return False
    except (telegram.ChatRefused, UnknownKind) as refusal:
        logger.error("Message %s will never go out: %s", claimed.pk, refusal)
        _finish(claimed, Message.Status.FAILED, last_error=said(refusal))
        return False
    except Exception as error:
        # Whatever templates or mail providers raise must not lose the message.
        logger.exception("Message %s could not be sent", claimed.pk)
        _note_failure(claimed, error=error)
        return False
    return _note_outcome(claimed, kind, outcome, at=at)


def send_due(*, at: datetime) -> int:
    """Send what is due, oldest first, at most SWEEP_AT_MOST; give the number sent."""
    due = Message.objects.due(at=at).order_by("next_attempt_at", "pk")
    with Post() as post:
        found = list(due.values_list("pk", flat=True)[:SWEEP_AT_MOST])
        return sum(send(message_id=pk, at=at, post=post) for pk in found)


@transaction.atomic
def send_again(*, message: Message, at: datetime) -> bool:
    """Put a message that was given up, or waits for its next attempt, in front of the queue.

    False for one that was sent or dropped, and for one whose attempt has not ended: somebody sends it just
    now, and it would go out beside that; or their process died, and the next attempt comes by itself.
    """
    # An attempt begins without an error (`_claim`), and keeps one when it fails.
    is_at_rest = Q(attempts=0) | Q(last_error__gt="")
    again = Message.objects.filter(
        Q(status=Message.Status.FAILED) | Q(is_at_rest, status=Message.Status.PENDING), pk=message.pk
    )
    if not again.update(status=Message.Status.PENDING, attempts=0, next_attempt_at=at):
        return False
    message.deliveries.filter(status=Delivery.Status.FAILED).delete()
    transaction.on_commit(lambda: async_task("accounts.tasks.send_message", message.pk), robust=True)
    return True


@transaction.atomic
def _spread_batch(broadcast_id: int, *, at: datetime) -> list[int]:
    row = Broadcast.objects.unfinished().select_for_update().filter(pk=broadcast_id).first()
    if row is None:
        return []
    members = audience_of(row.audience)
    readers = members(row.of, after=row.after, at_most=SPREAD_AT_A_TIME, since=row.created_at)
    if not readers:
        Broadcast.objects.filter(pk=row.pk).update(finished_at=at)
        return []
    told = {"kind": row.kind, "subject_of": row.subject_of, "dedupe": row.dedupe}
    notes = [Note(recipient=User(pk=pk), context=row.context, **told) for pk in readers]
    notify_many(notes=notes, at=at)
    Broadcast.objects.filter(pk=row.pk).update(after=readers[-1], written=F("written") + len(readers))
    new = Message.objects.waiting().filter(recipient__in=readers, **told).values_list("pk", flat=True)
    send_soon(list(new))
    return readers


def send_soon(messages: list[int]) -> None:
    """Have messages sent by workers once the caller's transaction has committed, so many by each task that it
    ends in time."""
    for first in range(0, len(messages), SENT_BY_A_TASK):
        part = messages[first : first + SENT_BY_A_TASK]
        transaction.on_commit(partial(async_task, "accounts.tasks.send_messages", part), robust=True)


def tidy(*, at: datetime, keep: timedelta) -> int:
    """Delete messages that are long through; how many. In batches, and as often as you like.

    What waits, what was given up and what its reader has not read stays.
    """
    deleted = 0
    old = Message.objects.filter(
        Q(status=Message.Status.SENT, sent_at__lt=at - keep)
        | Q(status=Message.Status.DROPPED, created_at__lt=at - keep)
    ).exclude(shown_at__isnull=False, read_at__isnull=True)
    while keys := list(old.order_by("pk").values_list("pk", flat=True)[:TIDIED_AT_A_TIME]):
        Message.objects.filter(pk__in=keys).delete()
        deleted += len(keys)
    return deleted


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


def _claim(*, message_id: int, at: datetime) -> Message | None:
    """Count the attempt and push the next one away; None when somebody else has it, or it is not due.

    Before the attempt, so that one that takes its process down counts as well.
    """
    message = (
        Message.objects.due(at=at).select_related("recipient__telegram_chat").filter(pk=message_id).first()
    )
    if message is None:
        return None
    if message.attempts >= MAX_ATTEMPTS:
        why = message.last_error or "The last attempt did not end: its process died, or was ended"
        _finish(message, Message.Status.FAILED, last_error=why)
        return None
    wait = min(FIRST_WAIT * 2 ** min(message.attempts, 20), LONGEST_WAIT)
    # Conditions on the row's own columns: PostgreSQL looks at them again after waiting for another's change.
    rows = Message.objects.due(at=at).filter(pk=message.pk)
    if not rows.update(attempts=F("attempts") + 1, next_attempt_at=at + wait, last_error=""):
        return None
    message.attempts += 1
    return message


@transaction.atomic
def _finish(
    message: Message,
    status: Message.Status,
    *,
    kind: Kind | None = None,
    at: datetime | None = None,
    **fields: Any,
) -> bool:
    """Note what became of a message; with its kind, what it held in confidence is forgotten."""
    if kind is not None:
        fields["context"] = _without_secrets(message, kind)
    rows = Message.objects.waiting().filter(pk=message.pk)
    if not rows.update(status=status, next_attempt_at=None, **fields):
        return False
    if kind is not None:
        message.status = status
        kind.afterwards(message, at=at)
    return True


def _note_outcome(message: Message, kind: Kind, outcome: Outcome, *, at: datetime) -> bool:
    is_sent = outcome.status == Message.Status.SENT
    if outcome.status == Message.Status.FAILED:
        _finish(message, outcome.status, last_error=outcome.error)
        return False
    is_ours = _finish(
        message,
        outcome.status,
        kind=kind,
        at=at,
        sent_at=at if is_sent else None,
        last_error=outcome.error or message.last_error,
    )
    return is_ours and is_sent


def _come_back(message: Message, *, at: datetime, because: Exception) -> None:
    """Try again at a moment that the other side named: that was no attempt."""
    rows = Message.objects.waiting().filter(pk=message.pk)
    rows.update(attempts=F("attempts") - 1, next_attempt_at=at, last_error=said(because))


def _note_failure(message: Message, *, error: Exception) -> None:
    Message.objects.waiting().filter(pk=message.pk).update(last_error=said(error))
    if message.attempts >= MAX_ATTEMPTS:
        _finish(message, Message.Status.FAILED)


def _without_secrets(message: Message, kind: Kind) -> dict[str, Any]:
    return {name: value for name, value in message.context.items() if name not in kind.confidential}
