"""What the worker does for the whole site. Every task may run twice without harm."""

import logging

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from portal.home.services import heartbeat, publishing, recording, tidying

logger = logging.getLogger(__name__)


def run_scheduled(name: str) -> object:
    """Do what settings.SCHEDULES has under a name, and note when and what came of it."""
    definition = settings.SCHEDULES.get(name)
    if definition is None:
        # Queued before a release that no longer has it.
        logger.warning("%s is no longer scheduled, and was not run", name)
        return "no longer scheduled"
    run = recording.begin(name=name, at=timezone.now(), longest=settings.LONGEST_TASK)
    try:
        result = import_string(definition["func"])()
    except BaseException as error:
        # Also what ends a process, such as django-q's time-out: it is noted, and goes on its way.
        recording.fail(run=run, at=timezone.now(), error=error)
        raise
    recording.succeed(run=run, at=timezone.now(), result=result)
    return result


def publish_scheduled_pages() -> str:
    """Put pages on and take them off the site as their editors scheduled it; the number that failed."""
    failed = publishing.publish_due(at=timezone.now())
    heartbeat.beat(at=timezone.now(), name=heartbeat.PUBLISHING)
    return f"{failed} could not be published"


def beat() -> None:
    """Show that schedules are read, tasks queued and worked off: `/health/ready` looks for it."""
    heartbeat.beat(at=timezone.now())


def answer() -> None:
    """Do nothing: the cluster's guard asks for it, to see that tasks are worked off (services.guarding)."""


def clean_up() -> str:
    """Delete what nobody needs any more; how much of what."""
    return tidying.tidy(at=timezone.now(), keep=settings.KEEP_DAYS)
