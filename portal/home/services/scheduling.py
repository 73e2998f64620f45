"""The schedules of background work: kept in code, installed by `migrate`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from croniter import croniter
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django_q.models import Schedule

logger = logging.getLogger(__name__)

#: Schedules of this name are ours; those of other names were made by somebody else and are left alone.
PREFIX = "portal:"


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
    Raises ImproperlyConfigured for an invalid cron expression: one bad row would stop all schedules.
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
            "func": definition["func"],
            "cron": definition["cron"],
            "schedule_type": Schedule.CRON,
            "repeats": -1,
            "args": None,
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

    installed = Installed(tuple(created), tuple(changed), removed)
    if created or changed or removed:
        logger.info("Schedules installed: %s", installed)
    return installed
