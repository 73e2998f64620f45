"""The portal's own health checks, in the form django-health-check asks for."""

import dataclasses
import logging
from datetime import datetime, timedelta

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_q.brokers import get_broker
from health_check import checks
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable

from portal.home.services import heartbeat, overseeing

logger = logging.getLogger(__name__)


@dataclasses.dataclass
class Database(checks.Database):
    """The database answers. What it says when it does not names hosts, and is for the log alone."""

    def run(self) -> None:
        try:
            super().run()
        except ServiceUnavailable as refusal:
            raise ServiceUnavailable("The database does not answer") from refusal


@dataclasses.dataclass
class Migrations(HealthCheck):
    """The database has the shape this code was written for."""

    async def run(self) -> None:
        if await sync_to_async(_has_unapplied_migrations)():
            raise ServiceUnavailable("Migrations are not applied: run manage.py migrate")


@dataclasses.dataclass
class Broker(HealthCheck):
    """The queue of background work answers."""

    async def run(self) -> None:
        if not await sync_to_async(_broker_answers)():
            raise ServiceUnavailable("The broker does not answer")


@dataclasses.dataclass
class Worker(HealthCheck):
    """A worker has worked off its scheduled heartbeat lately."""

    max_silence: timedelta = heartbeat.LONGEST_SILENCE

    async def run(self) -> None:
        silence = await sync_to_async(heartbeat.silence)(
            at=timezone.now()  # noqa: TID251 (an interface, as a view is)
        )
        if silence is None:
            raise ServiceUnavailable("No worker has been heard yet: is manage.py run_worker running?")
        if silence > self.max_silence:
            raise ServiceUnavailable(f"The worker has been silent for {int(silence.total_seconds())} seconds")


def schedules(*, at: datetime) -> dict[str, str]:
    """How each schedule is, by its name; empty when the database does not say, which its own check tells."""
    try:
        seen = overseeing.oversee(at=at, zone=timezone.get_default_timezone(), longest=settings.LONGEST_TASK)
    except DatabaseError:
        logger.exception("The runs of schedules cannot be read")
        return {}
    return {each.name: str(each.condition.value) for each in seen}


def _has_unapplied_migrations() -> bool:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _broker_answers() -> bool:
    # The ORM broker answers every ping; only a look into the queue asks the database.
    broker = get_broker()
    return bool(broker.ping()) and broker.queue_size() >= 0
