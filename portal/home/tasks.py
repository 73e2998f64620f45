"""What the worker does for the whole site. Every task may run twice without harm."""

from django.core.management import call_command
from django.utils import timezone

from portal.home.services import heartbeat


def publish_scheduled_pages() -> None:
    """Put pages on and take them off the site as their editors scheduled it."""
    call_command("publish_scheduled", verbosity=0)


def beat() -> None:
    """Show that schedules are read, tasks queued and worked off: `/health/ready` looks for it."""
    heartbeat.beat(at=timezone.now())
