"""The sign that the worker lives: scheduled, queued and worked off like any other task."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.home.models import Heartbeat

WORKER = "worker"
PUBLISHING = "publishing"
#: Beats come every minute; a scheduler that looks twice a minute may let one and a half pass.
LONGEST_SILENCE = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """What is heard of a process: beat_at is None when it never was."""

    beat_at: datetime | None
    silence: timedelta | None

    @property
    def is_alive(self) -> bool:
        return self.silence is not None and self.silence <= LONGEST_SILENCE

    @property
    def minutes_silent(self) -> int:
        return 0 if self.silence is None else int(self.silence.total_seconds() // 60)


def beat(*, at: datetime, name: str = WORKER) -> None:
    """Note that the named process worked at this moment. An earlier moment than the noted changes nothing."""
    heartbeat, created = Heartbeat.objects.get_or_create(name=name, defaults={"beat_at": at})
    if not created:
        Heartbeat.objects.filter(pk=heartbeat.pk, beat_at__lt=at).update(beat_at=at)


def silence(*, at: datetime, name: str = WORKER) -> timedelta | None:
    """How long the named process has been silent; None when it has never been heard."""
    beat_at = Heartbeat.objects.filter(name=name).values_list("beat_at", flat=True).first()
    return None if beat_at is None else at - beat_at


def pulse(*, at: datetime, name: str = WORKER) -> Pulse:
    """Whether the named process works, and when it last did."""
    beat_at = Heartbeat.objects.filter(name=name).values_list("beat_at", flat=True).first()
    return Pulse(beat_at=beat_at, silence=None if beat_at is None else at - beat_at)
