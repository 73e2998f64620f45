"""Digests: what was left to them, told together, once for each person, channel and day.

A digest is written in the transaction that takes what it tells of out of what waits: so nothing is told twice
and nothing is lost, wherever a process dies. What it says is worked out when it is sent, from what is wanted
then.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from accounts import policies
from accounts.models import Channel, Delivery, Frequency, Message, User
from accounts.notifications import Kind, Line, Section, is_known, kind_of, register, sections, still_wanted
from accounts.services import choosing, notifying

logger = logging.getLogger(__name__)
DIGEST = "accounts.digest"
PEOPLE_AT_A_TIME = 200
Status = Delivery.Status


@dataclass(frozen=True)
class Part:
    """A section with what it has to say."""

    title: Any
    lines: list[Line]


def write_due(*, at: datetime) -> int:
    """Write the digests that are due at a moment; how many.

    In batches with a transaction each: memory does not grow with the number of people, and after a crash the
    next run goes on with who is left. Two runs at once write each digest once.
    """
    written, after = 0, 0
    due = Delivery.objects.due(at=at).order_by("message__recipient")
    while people := list(
        due.filter(message__recipient__gt=after)
        .values_list("message__recipient", flat=True)
        .distinct()[:PEOPLE_AT_A_TIME]
    ):
        written += _write_batch(people, at=at)
        after = people[-1]
        logger.info("Digests: %s written", written)
    return written


def register_own() -> None:
    """Make the digest known as a kind of message; called when the app starts."""
    register(
        Kind(
            DIGEST,
            still_wanted=_has_something_to_say,
            words=_words,
            by=_by,
            sample=_sample,
            afterwards=_note_as_told,
            is_essential=False,
        )
    )


def told(*, digest: Message, at: datetime) -> list[Message]:
    """The messages that a digest tells of: those left to it that are wanted still, oldest first."""
    assert digest.recipient is not None
    notes = digest.told.select_related("message").order_by("message__created_at", "message")
    channel = Channel(digest.context["channel"])
    wanted = []
    for note in notes:
        message = note.message
        if not is_known(message.kind):
            continue
        message.recipient = digest.recipient
        kind = kind_of(message.kind)
        chosen = choosing.frequencies(user=digest.recipient, kind=kind)
        if chosen[channel] != Frequency.OFF and still_wanted(message, at=at):
            wanted.append(message)
    return wanted


def _sample() -> dict[str, Any]:
    courses = [
        Line(text=gettext("Gardening: Sowing"), note=gettext("Two more kinds of beans."), link="/courses/")
    ]
    return {
        "day": date(2030, 3, 9),
        "parts": [
            Part(gettext("What changed"), courses),
            Part("", [Line(text=gettext("A course waits for you"))]),
        ],
        "number": 2,
    }


# --- Writing -----------------------------------------------------------------------------------------------
@transaction.atomic
def _write_batch(people: list[int], *, at: datetime) -> int:
    # Locked, and what waits is looked at after it: two runs at once, or a choice that is being changed.
    locked = User.objects.select_for_update(no_key=True).filter(pk__in=people).order_by("pk")
    readers = {reader.pk: reader for reader in locked}
    waiting: dict[tuple[int, str], list[Delivery]] = defaultdict(list)
    found = Delivery.objects.due(at=at).filter(message__recipient__in=readers)
    for delivery in found.select_related("message").only("channel", "due_at", "message__recipient"):
        assert delivery.message.recipient_id is not None
        waiting[delivery.message.recipient_id, delivery.channel].append(delivery)
    days = {pk: _day(reader, at=at) for pk, reader in readers.items()}
    occasions = {_occasion(channel, days[pk]) for pk, channel in waiting}
    earlier = Message.objects.filter(recipient__in=readers, kind=DIGEST, dedupe__in=occasions)
    written = set(earlier.values_list("recipient", "dedupe"))
    digests = {
        key: _digest(readers[key[0]], channel=key[1], day=days[key[0]], at=at)
        for key in waiting
        if (key[0], _occasion(key[1], days[key[0]])) not in written
    }
    Message.objects.bulk_create(digests.values())
    for key, deliveries in waiting.items():
        for delivery in deliveries:
            if key in digests:
                delivery.digest = digests[key]
            else:
                # The day has had its digest (the hour was moved, say): the next one tells of it.
                delivery.due_at = choosing.due(user=readers[key[0]], frequency=Frequency.DAILY, at=at)
    changed = [delivery for deliveries in waiting.values() for delivery in deliveries]
    Delivery.objects.bulk_update(changed, ["digest", "due_at"], batch_size=200)
    if digests:
        notifying.send_soon([digest.pk for digest in digests.values()])
    return len(digests)


def _day(reader: User, *, at: datetime) -> date:
    return policies.digest_day(at=at, hour=reader.digest_hour, zone=choosing.zone_of(reader))


def _occasion(channel: str, day: date) -> str:
    return f"{channel} {day.isoformat()}"


def _digest(reader: User, *, channel: str, day: date, at: datetime) -> Message:
    return Message(
        recipient=reader,
        kind=DIGEST,
        subject_of=f"user:{reader.pk}",
        context={"channel": channel, "day": day.isoformat()},
        dedupe=_occasion(channel, day),
        created_at=at,
        next_attempt_at=at,
    )


# --- Sending -----------------------------------------------------------------------------------------------
def _by(message: Message) -> Mapping[Channel, Frequency]:
    return {Channel(message.context["channel"]): Frequency.INSTANT}


def _has_something_to_say(message: Message, *, at: datetime) -> bool:
    return bool(told(digest=message, at=at))


def _words(message: Message) -> dict[str, Any]:
    at = message.looked_at
    messages = told(digest=message, at=at)
    return {
        "day": date.fromisoformat(message.context["day"]),
        "parts": _parts(message.recipient, messages, at=at),
        "number": len(messages),
    }


def _parts(reader: User | None, messages: list[Message], *, at: datetime) -> list[Part]:
    assert reader is not None
    spoken_for = {name for section in sections() for name in section.kinds}
    others = [message for message in messages if message.kind not in spoken_for]
    parts = [Part(section.title, _lines(section, reader, messages, at=at)) for section in sections()]
    parts.append(Part("", [Line(text=message.title, link=message.link) for message in others]))
    return [part for part in parts if part.lines]


def _lines(section: Section, reader: User, messages: list[Message], *, at: datetime) -> list[Line]:
    mine = [message for message in messages if message.kind in section.kinds]
    return section.lines(reader=reader, messages=mine, at=at)


def _note_as_told(message: Message, *, at: datetime) -> None:
    """What was left to the digest is through with it: told, or no longer wanted."""
    is_sent = message.status == Message.Status.SENT
    keys = list(message.told.values_list("message", flat=True))
    message.told.filter(status=Status.HELD).update(status=Status.SENT if is_sent else Status.DROPPED, at=at)
    waiting = Delivery.objects.filter(status=Status.HELD).values("message")
    through = Message.objects.filter(pk__in=keys, status=Message.Status.HELD).exclude(pk__in=waiting)
    if is_sent:
        through.update(status=Message.Status.SENT, sent_at=at)
    else:
        through.update(status=Message.Status.DROPPED)
