"""Background work about accounts, named in settings.SCHEDULES."""

from django.core.management import call_command


def flush_expired_tokens() -> None:
    """Delete refresh tokens that have expired; they can no longer be used or misused."""
    call_command("flushexpiredtokens")
