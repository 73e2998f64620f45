"""Sections of a member's first page: each app that has something for it registers one in its `apps.py`.

The pointer goes down, the call comes up: the page knows no book.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from accounts.models import User


class Section(Protocol):
    """What an app has to tell a member. The template shows what `facts` gives it, as `facts`."""

    name: str
    template: str

    def facts(self, *, member: User, at: datetime) -> Mapping[str, Any] | None:
        """What there is to tell; None when there is nothing, and the section is left out."""


class SectionTaken(ValueError):
    """Two apps want one section."""


@dataclass(frozen=True)
class Filled:
    """A section with what it tells one member."""

    template: str
    facts: Mapping[str, Any]


_sections: dict[str, Section] = {}


def register(section: Section) -> None:
    """Put a section on the page. Raises SectionTaken when another one has its name."""
    known = _sections.setdefault(section.name, section)
    if type(known) is not type(section):
        raise SectionTaken(f'"{section.name}" is told by {type(known).__name__} already.')


def filled(*, member: User, at: datetime) -> list[Filled]:
    """The sections that have something to tell member, in the order of their names."""
    told = ((section, section.facts(member=member, at=at)) for _name, section in sorted(_sections.items()))
    return [Filled(section.template, facts) for section, facts in told if facts]
