"""What the worker does for the whole site. Every task may run twice without harm."""

from django.utils import timezone

from portal.home.services import heartbeat, publishing


def publish_scheduled_pages() -> int:
    """Put pages on and take them off the site as their editors scheduled it; the number that failed."""
    failed = publishing.publish_due(at=timezone.now())
    heartbeat.beat(at=timezone.now(), name=heartbeat.PUBLISHING)
    return failed


def beat() -> None:
    """Show that schedules are read, tasks queued and worked off: `/health/ready` looks for it."""
    heartbeat.beat(at=timezone.now())
