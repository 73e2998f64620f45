"""What the portal keeps of a person: each app that keeps something says so here, in its `apps.py`.

From this register the export is written, the account's own pages are filled, and an account is deleted. The
pointer goes down, the call comes up: accounts knows no payment and no course.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from accounts.models import User

Json = dict[str, Any] | list[Any] | str | int | bool | None


class Keeper(Protocol):
    """One section of what is kept of people, such as payments.

    covers: the foreign keys to a person that it answers for, as "app.Model.field". A test asks that every one
    in the project is answered for by somebody, so that a new app cannot forget.
    """

    section: str
    covers: frozenset[str]

    def export(self, user: User) -> Json:
        """Everything kept of a person in this section, as JSON: money as strings, moments in ISO 8601."""

    def erase(self, user: User, *, at: datetime) -> None:
        """Delete it, or take the person out of what accounting must keep. In a transaction; maybe twice."""


class SectionTaken(ValueError):
    """Two apps want to keep one section."""


_keepers: dict[str, Keeper] = {}


def register(keeper: Keeper) -> None:
    """Make a keeper known. Raises SectionTaken when another one has its section."""
    known = _keepers.setdefault(keeper.section, keeper)
    if type(known) is not type(keeper):
        raise SectionTaken(f'"{keeper.section}" is kept by {type(known).__name__} already.')


def keepers() -> Iterator[Keeper]:
    """All keepers, in the order of their sections' names."""
    return iter([_keepers[section] for section in sorted(_keepers)])


def keeper_of(section: str) -> Keeper | None:
    """The keeper of a section; None when no app keeps such a thing."""
    return _keepers.get(section)
