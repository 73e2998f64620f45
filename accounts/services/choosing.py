"""What people choose: which messages reach them, by which ways, and when."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.db import transaction
from django.utils import timezone

from accounts import policies
from accounts.models import Channel, Delivery, Frequency, NotificationChoice, User
from accounts.notifications import Kind, choosable, is_known, kind_of

#: The inbox is a page: it can be filled or not, and nothing comes into it once a day.
POSSIBLE: Mapping[Channel, tuple[Frequency, ...]] = {
    Channel.EMAIL: tuple(Frequency),
    Channel.INBOX: (Frequency.INSTANT, Frequency.OFF),
    Channel.TELEGRAM: tuple(Frequency),
}
Grid = Mapping[tuple[str, Channel], Frequency]


class NotAChoice(ValueError):
    """A kind, channel or frequency that nobody may choose."""


@dataclass(frozen=True)
class Cell:
    """One field of the grid. is_fixed: it cannot be chosen otherwise."""

    channel: Channel
    frequency: Frequency
    is_fixed: bool

    @property
    def possible(self) -> tuple[Frequency, ...]:
        return POSSIBLE[self.channel]


@dataclass(frozen=True)
class Row:
    kind: Kind
    cells: tuple[Cell, ...]


def grid(*, user: User) -> list[Row]:
    """What a person has chosen, or has by default, for each kind and channel. One query."""
    chosen = {(row.kind, row.channel): row.frequency for row in user.notification_choices.all()}
    return [
        Row(
            kind,
            tuple(
                Cell(
                    channel,
                    _frequency(kind, channel, chosen.get((kind.name, channel))),
                    _is_fixed(kind, channel),
                )
                for channel in Channel
            ),
        )
        for kind in choosable()
    ]


def frequencies(*, user: User, kind: Kind) -> dict[Channel, Frequency]:
    """How often a kind of message reaches a person by each channel. One query."""
    rows = user.notification_choices.filter(kind=kind.name)
    chosen = {Channel(row.channel): row.frequency for row in rows}
    return {channel: _frequency(kind, channel, chosen.get(channel)) for channel in Channel}


@transaction.atomic
def choose(*, user: User, choices: Grid, at: datetime) -> None:
    """Keep what a person chose, for the kinds and channels named; what already waits goes by it as well.

    Raises NotAChoice.
    """
    for (name, channel), frequency in choices.items():
        kind = next((each for each in choosable() if each.name == name), None)
        if kind is None or _is_fixed(kind, channel) or frequency not in POSSIBLE[channel]:
            raise NotAChoice(f"{frequency} cannot be chosen for {name} by {channel}.")
        NotificationChoice.objects.update_or_create(
            user=user, kind=name, channel=channel, defaults={"frequency": frequency}
        )
    reschedule(user=user, at=at)


@transaction.atomic
def set_digest_time(*, user: User, hour: int, weekday: int, at: datetime) -> None:
    """Let digests come at an hour of the person's clock, and weekly ones on a day (0: Monday)."""
    user.digest_hour, user.digest_weekday = hour, weekday
    user.save(update_fields=["digest_hour", "digest_weekday"])
    reschedule(user=user, at=at)


def reschedule(*, user: User, at: datetime) -> int:
    """Let what waits for a digest wait for the right one, after hour, zone or choices changed; how many."""
    held = Delivery.objects.held().to(user).select_related("message")
    waiting = [delivery for delivery in held if is_known(delivery.message.kind)]
    for delivery in waiting:
        kind = kind_of(delivery.message.kind)
        frequency = frequencies(user=user, kind=kind)[Channel(delivery.channel)]
        delivery.due_at = due(user=user, frequency=frequency, at=at)
    return Delivery.objects.bulk_update(waiting, ["due_at"], batch_size=500)


def due(*, user: User, frequency: Frequency, at: datetime) -> datetime:
    """When what is held now is told: with the next digest of the week, or of the day."""
    weekday = user.digest_weekday if frequency == Frequency.WEEKLY else None
    return policies.next_digest(after=at, hour=user.digest_hour, zone=zone_of(user), weekday=weekday)


def zone_of(user: User) -> tzinfo:
    """The person's zone; the site's where they have named none, or one that is no more."""
    try:
        return zoneinfo.ZoneInfo(user.time_zone) if user.time_zone else timezone.get_default_timezone()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return timezone.get_default_timezone()


def frequencies_named(names: Iterable[tuple[str, str, str]]) -> dict[tuple[str, Channel], Frequency]:
    """Choices from their names. Raises NotAChoice."""
    try:
        return {(kind, Channel(channel)): Frequency(frequency) for kind, channel, frequency in names}
    except ValueError as error:
        raise NotAChoice(str(error)) from error


def _is_fixed(kind: Kind, channel: Channel) -> bool:
    return (kind.is_essential and channel == Channel.EMAIL) or (
        bool(kind.confidential) and channel != Channel.EMAIL
    )


def _frequency(kind: Kind, channel: Channel, chosen: str | None) -> Frequency:
    if kind.confidential and channel != Channel.EMAIL:
        return Frequency.OFF
    if kind.is_essential and channel == Channel.EMAIL:
        return Frequency.INSTANT
    if chosen is not None and Frequency(chosen) in POSSIBLE[channel]:
        return Frequency(chosen)
    return kind.usually[channel]
