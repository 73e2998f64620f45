"""What each schedule did last: noted by whoever runs it, so that it is known without the queue."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from portal.home.models import ScheduledRun

logger = logging.getLogger(__name__)

Outcome = ScheduledRun.Outcome


def begin(*, name: str, at: datetime, longest: timedelta) -> ScheduledRun:
    """Note that a schedule runs now. Its runs that began longer ago than any may take were cut off."""
    overdue = ScheduledRun.objects.filter(name=name, outcome=Outcome.RUNNING, started_at__lt=at - longest)
    if cut_off := overdue.update(outcome=Outcome.CUT_OFF):
        logger.error("%s was cut off %s times: its process ended, or was ended", name, cut_off)
    return ScheduledRun.objects.create(name=name, started_at=at)


def succeed(*, run: ScheduledRun, at: datetime, result: object) -> None:
    """Note that a run came to its end, and what it says of it."""
    _finish(run, at=at, outcome=Outcome.SUCCEEDED, result="" if result is None else str(result))


def fail(*, run: ScheduledRun, at: datetime, error: BaseException) -> None:
    """Note that a run ended with an error: its kind and words. Where it came from stands in the log."""
    words = f"{type(error).__name__}: {error}".removesuffix(": ")
    _finish(run, at=at, outcome=Outcome.FAILED, error=words)


def _finish(
    run: ScheduledRun, *, at: datetime, outcome: ScheduledRun.Outcome, result: str = "", error: str = ""
) -> None:
    fields = {"outcome": outcome, "finished_at": at, "result": _short(result), "error": _short(error)}
    # By its key alone: who was taken for cut off, and was only slow, has the last word on itself.
    if not ScheduledRun.objects.filter(pk=run.pk).update(**fields):
        logger.error("The run of %s that began at %s was deleted before its end", run.name, run.started_at)


def _short(text: str) -> str:
    most = ScheduledRun._meta.get_field("result").max_length or 0
    text = text.replace("\x00", "")
    return text if len(text) <= most else text[: most - 1] + "…"
