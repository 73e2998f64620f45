"""The schedules of background work: kept in code, installed by `migrate`."""

from __future__ import annotations

import ast
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from croniter import croniter
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django_q.models import Schedule

from portal.home.models import ScheduledWork

logger = logging.getLogger(__name__)

#: Schedules of this name are ours; those of other names were made by somebody else and are left alone.
PREFIX = "portal:"
#: What every schedule of ours runs: it notes when it began and what came of it (services.recording).
RUN = "portal.home.tasks.run_scheduled"


@dataclass(frozen=True)
class Installed:
    """What an installation changed: names without the prefix."""

    created: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


@transaction.atomic
def install_schedules(
    definitions: Mapping[str, Mapping[str, str]], *, at: datetime, zone: tzinfo
) -> Installed:
    """Make the rows of django-q's schedule table say what definitions say, and nothing else under our prefix.

    definitions: `{name: {"func": dotted path, "cron": expression}}`, cron read in zone.
    A schedule whose definition has not changed keeps its `next_run`: an installation postpones nothing.
    Raises ImproperlyConfigured for an invalid cron expression: one bad row would stop all schedules. For the
    same reason, malformed rows of others are set aside.
    """
    for name, definition in definitions.items():
        if not croniter.is_valid(definition["cron"]):
            raise ImproperlyConfigured(
                f"SCHEDULES[{name!r}] has an invalid cron expression: {definition['cron']!r}."
            )

    ours = Schedule.objects.filter(name__startswith=PREFIX)
    surplus = ours.exclude(name__in=[PREFIX + name for name in definitions])
    removed = tuple(name.removeprefix(PREFIX) for name in surplus.values_list("name", flat=True))
    surplus.delete()

    created, changed = [], []
    for name, definition in definitions.items():
        wanted = {
            "func": RUN,
            "cron": definition["cron"],
            "schedule_type": Schedule.CRON,
            "repeats": -1,
            "args": repr((name,)),
            "kwargs": None,
            "hook": None,
            "minutes": None,
            "cluster": None,
            "intended_date_kwarg": None,
        }
        schedule, *doubles = ours.filter(name=PREFIX + name).order_by("pk") or [None]
        for double in doubles:
            double.delete()
        if schedule is None:
            schedule = Schedule(name=PREFIX + name)
            created.append(name)
        elif any(getattr(schedule, field) != value for field, value in wanted.items()):
            changed.append(name)
        else:
            continue
        for field, value in wanted.items():
            setattr(schedule, field, value)
        next_run = croniter(definition["cron"], at.astimezone(zone)).get_next(datetime)
        schedule.next_run = next_run
        schedule.save()
        # django-q replaces the next run of a new cron schedule by its own reckoning from the clock.
        Schedule.objects.filter(pk=schedule.pk).update(next_run=next_run)

    _note_since(definitions, at=at)
    set_malformed_aside()
    installed = Installed(tuple(created), tuple(changed), removed)
    if created or changed or removed:
        logger.info("Schedules installed: %s", installed)
    return installed


def _note_since(definitions: Mapping[str, Mapping[str, str]], *, at: datetime) -> None:
    """Note since when each schedule is due as it is now: what was changed owes no run of before."""
    ScheduledWork.objects.exclude(name__in=definitions).delete()
    noted = {work.name: work for work in ScheduledWork.objects.all()}
    for name, definition in definitions.items():
        work = noted.get(name)
        if work is None or work.cron != definition["cron"]:
            ScheduledWork.objects.update_or_create(
                name=name, defaults={"cron": definition["cron"], "since": at}
            )


# --- Rows of others ----------------------------------------------------------------------------------------
def set_malformed_aside() -> tuple[str, ...]:
    """Take the schedules that django-q cannot read out of its way; the names of those that were taken.

    It reads all that are due in one transaction, and gives all of them up for one it cannot read. Their
    `repeats` becomes 0, which django-q passes over and its admin shows.
    """
    aside = []
    for schedule in Schedule.objects.exclude(repeats=0):
        if fault := _fault(schedule):
            Schedule.objects.filter(pk=schedule.pk).update(repeats=0)
            logger.error(
                "The schedule %s cannot be read and will not run (repeats=0): %s", schedule.name, fault
            )
            aside.append(str(schedule.name or schedule.pk))
    return tuple(aside)


def _fault(schedule: Schedule) -> str:
    """What keeps django-q from making a task of a schedule; empty when nothing does."""
    try:
        options: Any = _keywords(schedule.kwargs).get("q_options", {})
        dict(**options)
        if schedule.args:
            ast.literal_eval(schedule.args)
        if schedule.schedule_type != Schedule.ONCE:
            schedule.calculate_next_run(schedule.next_run)
    except Exception as error:
        logger.debug("The schedule %s is malformed", schedule.name, exc_info=error)
        return f"{type(error).__name__}: {error}"
    return ""


def _keywords(text: str | None) -> dict[str, object]:
    """Named arguments as django-q reads them: a dict, or the inside of a call; nothing when it is neither."""
    if not text:
        return {}
    try:
        return {**ast.literal_eval(text)}
    except (SyntaxError, ValueError):
        pass
    try:
        call = ast.parse(f"f({text})").body[0].value  # type: ignore[attr-defined]
        return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError):
        return {}
