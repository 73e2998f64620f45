"""The kinds of letters. An app that writes to people registers its kinds in its `apps.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from accounts.models import Message


def _is_wanted(message: Message, *, at: datetime) -> bool:
    return True


def _is_said(message: Message) -> dict[str, Any]:
    return message.context


@dataclass(frozen=True)
class Kind:
    """One kind of letter.

    name: `<app>.<letter>`; its templates are templates/<app>/email/<letter>/{subject.txt,body.txt,body.html}.
    to_staff: whether it is said in the staff chat and to nobody else; then telegram.html is its one template.
    still_wanted: looked at when the message is about to be sent; False when its reason is gone by then.
    words: what the templates are filled with, made from the JSON of `message.context`.
    to_the_blocked: whether a blocked account gets it as well.
    confidential: entries of the context, such as a link that opens an account, that nobody is shown and that
    are forgotten once the message is sent or dropped.
    """

    name: str
    still_wanted: Callable[..., bool] = _is_wanted
    words: Callable[[Message], dict[str, Any]] = _is_said
    to_staff: bool = False
    to_the_blocked: bool = False
    confidential: frozenset[str] = frozenset()

    @property
    def folder(self) -> str:
        app, _dot, letter = self.name.partition(".")
        return f"{app}/email/{letter}"


class UnknownKind(LookupError):
    """A message is of a kind that no app has registered."""


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind of letter known; again under the same name replaces it."""
    _kinds[kind.name] = kind


def kind_of(name: str) -> Kind:
    """The kind of this name. Raises UnknownKind."""
    try:
        return _kinds[name]
    except KeyError:
        raise UnknownKind(
            f'No app has registered messages of the kind "{name}"; register it in apps.py.'
        ) from None


def kinds() -> list[Kind]:
    """All kinds, by name."""
    return [_kinds[name] for name in sorted(_kinds)]


def still_wanted(message: Message, *, at: datetime) -> bool:
    """Whether the reason of the message still holds: asked when it is about to be sent."""
    kind = kind_of(message.kind)
    reader = message.recipient
    if reader is not None and not reader.is_active and not kind.to_the_blocked:
        return False
    return kind.still_wanted(message, at=at)


# --- What accounts itself writes ---------------------------------------------------------------------------
INACTIVITY_WARNING = "accounts.inactivity_warning"
REACTIVATION_LINK = "accounts.reactivation_link"


def _is_still_away(message: Message, *, at: datetime) -> bool:
    reader = message.recipient
    return reader is not None and not reader.is_superuser and reader.last_seen_at <= message.created_at


def _days(message: Message) -> dict[str, Any]:
    return {**message.context, "blocked_on": date.fromisoformat(message.context["blocked_on"])}


def _is_still_blocked(message: Message, *, at: datetime) -> bool:
    reader = message.recipient
    return (
        reader is not None
        and reader.blocked_for_inactivity_at is not None
        and datetime.fromisoformat(message.context["valid_until"]) > at
    )


def register_own() -> None:
    """Make the letters of accounts known; called when the app starts."""
    register(Kind(INACTIVITY_WARNING, still_wanted=_is_still_away, words=_days))
    register(
        Kind(
            REACTIVATION_LINK,
            still_wanted=_is_still_blocked,
            to_the_blocked=True,
            confidential=frozenset({"link"}),
        )
    )
