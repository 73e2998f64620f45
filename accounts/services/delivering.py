"""Bring a message to its reader by the channels that they chose, by each of them once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from smtplib import SMTPRecipientsRefused

from anymail.exceptions import AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from accounts.models import Channel, Delivery, Frequency, Message, TelegramChat
from accounts.notifications import Kind
from accounts.services import choosing, stopping, telegram, wording

logger = logging.getLogger(__name__)
Status = Delivery.Status


class RefusedForGood(Exception):
    """It will never go out this way."""


class Post:
    """A connection to the mail server that stays open between letters, and is made anew after a failure."""

    def __init__(self) -> None:
        self._connection = get_connection()
        self._is_kept = False

    def send(self, mail: EmailMultiAlternatives) -> None:
        mail.connection = self._connection
        try:
            if self._is_kept:
                self._connection.open()
            mail.send()
        except SMTPRecipientsRefused as refusal:
            self.close()
            if all(500 <= code < 600 for code, _words in refusal.recipients.values()):
                raise RefusedForGood(f"The mail server refuses the address: {refusal}") from refusal
            raise
        except AnymailRecipientsRefused as refusal:
            self.close()
            raise RefusedForGood(f"The mail provider refuses the address: {refusal}") from refusal
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Post:
        self._is_kept = True
        return self

    def __exit__(self, *error: object) -> None:
        self._is_kept = False
        self.close()


@dataclass(frozen=True)
class Outcome:
    """What became of a message that is through by every channel. error: of a channel that refused it."""

    status: Message.Status
    error: str = ""


def deliver(*, message: Message, kind: Kind, post: Post, at: datetime) -> Outcome:
    """Bring a message out by every channel that it has not gone by, and say what became of it.

    Each channel is noted as soon as it is through, so that a failure of one repeats no other. Raises what
    went wrong when something should be tried again. Talks to the network: never in a transaction.
    """
    if message.recipient is None:
        _say_to_staff(message, at=at)
        return Outcome(Message.Status.SENT)
    wanted = _wanted(message, kind)
    _name(message, kind, is_shown=wanted.get(Channel.INBOX) == Frequency.INSTANT, at=at)
    through = set(message.deliveries.values_list("channel", flat=True))
    ways: dict[Channel, Callable[[], None]] = {
        Channel.EMAIL: lambda: _mail(message, kind, post=post),
        Channel.TELEGRAM: lambda: _say(message, at=at),
    }
    troubles: list[Exception] = []
    for channel, go in ways.items():
        frequency = wanted.get(channel, Frequency.OFF)
        if channel in through or frequency == Frequency.OFF:
            continue
        if frequency != Frequency.INSTANT:
            due_at = choosing.due(user=message.recipient, frequency=frequency, at=at)
            _note(message, channel, Status.HELD, at=at, due_at=due_at)
            continue
        try:
            go()
        except (RefusedForGood, telegram.ChatRefused, telegram.NotSetUp) as refusal:
            logger.warning("Message %s will never go out by %s: %s", message.pk, channel, refusal)
            _note(message, channel, Status.FAILED, at=at, error=said(refusal))
        except Exception as trouble:  # noqa: BLE001 - the other channels first; it is raised below
            troubles.append(trouble)
        else:
            _note(message, channel, Status.SENT, at=at)
    if troubles:
        raise _worst(troubles)
    return _outcome(message)


def said(error: Exception) -> str:
    """An error in a line, as it is kept on rows."""
    return f"{type(error).__name__}: {error}"[:2000]


def _wanted(message: Message, kind: Kind) -> dict[Channel, Frequency]:
    reader = message.recipient
    assert reader is not None
    if kind.confidential or not reader.is_active:
        return {Channel.EMAIL: Frequency.INSTANT}
    fixed = kind.by(message)
    wanted = dict(choosing.frequencies(user=reader, kind=kind) if fixed is None else fixed)
    if not hasattr(reader, "telegram_chat"):
        wanted[Channel.TELEGRAM] = Frequency.OFF
    if fixed is None and not kind.is_for_now(message):
        for channel in (Channel.EMAIL, Channel.TELEGRAM):
            if wanted[channel] == Frequency.INSTANT:
                wanted[channel] = Frequency.DAILY
    return wanted


def _name(message: Message, kind: Kind, *, is_shown: bool, at: datetime) -> None:
    """Keep how lists name the message, and put it into the inbox. Once: what was shown stays as it was."""
    if message.title:
        return
    message.title = wording.title(message=message)[:300]
    message.link = "" if kind.confidential else kind.link(message)
    message.shown_at = at if is_shown else None
    message.save(update_fields=["title", "link", "shown_at"])


def _mail(message: Message, kind: Kind, *, post: Post) -> None:
    assert message.recipient is not None
    if because := stopping.why(email=message.recipient.email, kind=kind):
        raise RefusedForGood(f"No mail goes to this address: {because}")
    post.send(wording.letter(message=message))


def _say(message: Message, *, at: datetime) -> None:
    reader = message.recipient
    assert reader is not None
    try:
        chat = reader.telegram_chat.chat
        telegram.messenger().say(chat=chat, html=wording.telegram(message=message), at=at)
    except telegram.ChatRefused as refusal:
        if refusal.is_gone:
            # Who blocks the bot wants it no more; a link brings it back.
            TelegramChat.objects.filter(user=reader, chat=chat).delete()
        raise


def _say_to_staff(message: Message, *, at: datetime) -> None:
    if not settings.TELEGRAM_STAFF_CHAT_ID:
        raise telegram.NotSetUp("TELEGRAM_STAFF_CHAT_ID is not set")
    html = wording.telegram(message=message)
    telegram.messenger().say(chat=settings.TELEGRAM_STAFF_CHAT_ID, html=html, at=at)


def _note(
    message: Message,
    channel: Channel,
    status: Delivery.Status,
    *,
    at: datetime,
    due_at: datetime | None = None,
    error: str = "",
) -> None:
    note = Delivery(message=message, channel=channel, status=status, at=at, due_at=due_at, error=error)
    Delivery.objects.bulk_create([note], ignore_conflicts=True)


def _worst(troubles: list[Exception]) -> Exception:
    """The one that counts as an attempt, if there is one: to be asked to wait does not."""
    waits = [each for each in troubles if isinstance(each, telegram.TooManyRequests)]
    return next((each for each in troubles if each not in waits), troubles[0])


def _outcome(message: Message) -> Outcome:
    notes = list(message.deliveries.all())
    reached = {note.status for note in notes}
    error = next((note.error for note in notes if note.status == Status.FAILED), "")
    if Status.HELD in reached:
        return Outcome(Message.Status.HELD, error)
    if Status.SENT in reached or message.shown_at is not None:
        return Outcome(Message.Status.SENT, error)
    return Outcome(Message.Status.FAILED if error else Message.Status.DROPPED, error)
