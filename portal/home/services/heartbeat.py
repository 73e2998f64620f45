"""The sign that the worker lives: scheduled, queued and worked off like any other task."""

from datetime import datetime, timedelta

from portal.home.models import Heartbeat

WORKER = "worker"


def beat(*, at: datetime, name: str = WORKER) -> None:
    """Note that the named process worked at this moment. An earlier moment than the noted changes nothing."""
    heartbeat, created = Heartbeat.objects.get_or_create(name=name, defaults={"beat_at": at})
    if not created:
        Heartbeat.objects.filter(pk=heartbeat.pk, beat_at__lt=at).update(beat_at=at)


def silence(*, at: datetime, name: str = WORKER) -> timedelta | None:
    """How long the named process has been silent; None when it has never been heard."""
    beat_at = Heartbeat.objects.filter(name=name).values_list("beat_at", flat=True).first()
    return None if beat_at is None else at - beat_at
