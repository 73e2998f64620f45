"""Background work about accounts, named in settings.SCHEDULES and by services. Each may run twice."""

from datetime import timedelta

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from accounts.services import digesting, inactivity, linking, notifying, tokens
from accounts.services.delivering import Post


def flush_expired_tokens() -> None:
    """Delete what is noted of tokens that have expired; they can no longer be used or misused."""
    call_command("flushexpiredtokens")
    tokens.forget_ended(at=timezone.now())


def send_message(message_id: int) -> bool:
    """Send one message, if it is still due; whether it went out now."""
    return notifying.send(message_id=message_id, at=timezone.now())


def send_messages(message_ids: list[int]) -> int:
    """Send many, those of them that are due, by one connection; the number sent."""
    with Post() as post:
        sent = [notifying.send(message_id=pk, at=timezone.now(), post=post) for pk in message_ids]
    return sum(sent)


def spread(broadcast_id: int) -> int:
    """Write a message to its audience; the number written."""
    return notifying.spread(broadcast_id=broadcast_id, at=timezone.now())


def spread_messages() -> int:
    """Go on with messages to many that were broken off; the number written."""
    return notifying.spread_unfinished(at=timezone.now())


def write_digests() -> int:
    """Write the digests that are due by their readers' clocks; the number written."""
    return digesting.write_due(at=timezone.now())


def tidy_messages() -> int:
    """Delete messages that are long through; the number deleted."""
    return notifying.tidy(at=timezone.now(), keep=timedelta(days=settings.MESSAGES_KEPT_DAYS))


def send_due_messages() -> int:
    """Send messages whose nudge was lost or whose last attempt failed; the number sent."""
    return notifying.send_due(at=timezone.now())


def block_inactive_accounts() -> str:
    """Warn and block accounts that nobody uses; what was done."""
    done = inactivity.warn_and_block(at=timezone.now(), zone=timezone.get_default_timezone())
    return f"{done.warned} warned, {done.blocked} blocked"


def read_telegram() -> int:
    """Link the chats of those who opened the bot and did not say so on the portal; how many."""
    return linking.read_news(at=timezone.now())
