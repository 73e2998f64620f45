"""The kinds of letters. An app that writes to people registers its kinds in its `apps.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Channel, Frequency, Message

USUALLY = MappingProxyType(
    {
        Channel.EMAIL: Frequency.INSTANT,
        Channel.INBOX: Frequency.INSTANT,
        # Whoever links a chat wants to be told there.
        Channel.TELEGRAM: Frequency.INSTANT,
    }
)
#: Of receipts and the like: by mail, for they are kept; not said in a chat as long as nobody asks for it.
USUALLY_KEPT = MappingProxyType({**USUALLY, Channel.TELEGRAM: Frequency.OFF})


def _is_wanted(message: Message, *, at: datetime) -> bool:
    return True


def _leads_nowhere(message: Message) -> str:
    return ""


def _is_for_now(message: Message) -> bool:
    return True


def _as_chosen(message: Message) -> Mapping[Channel, Frequency] | None:
    return None


def _nothing_more(message: Message, *, at: datetime) -> None:
    """What most kinds do once they are through."""


def _is_said(message: Message) -> dict[str, Any]:
    return message.context


@dataclass(frozen=True)
class Kind:
    """One kind of letter.

    name: `<app>.<letter>`; its templates are templates/<app>/email/<letter>/{subject.txt,body.txt,body.html}.
    to_staff: whether it is said in the staff chat and to nobody else; then telegram.html is its one template.
    still_wanted: looked at when the message is about to be sent; False when its reason is gone by then.
    words: what the templates are filled with, made from the JSON of `message.context`.
    label, about: what people who choose call it, and a line that says when it comes; without a label nobody
    chooses. is_essential: it always goes out by mail at once (receipts, what concerns the account itself).
    usual: how often it comes by each channel until somebody chooses; None: at once, but what is essential not
    in a chat.
    link: the path of the page that it leads to, for the inbox and digests.
    is_for_now: False for what may not disturb anybody at once and waits for the daily digest.
    sample: invented words for its templates, for editors to look at; of people and money that do not exist.
    afterwards: called in the transaction that notes the message as sent or dropped.
    by: the channels of a message about which nobody's choice is asked; None: as the reader chose.
    to_the_blocked: whether a blocked account gets it as well, by mail.
    confidential: entries of the context, such as a link that opens an account, that nobody is shown and that
    are forgotten once the message is sent or dropped. Such a message goes by mail and no other way.
    """

    name: str
    still_wanted: Callable[..., bool] = _is_wanted
    words: Callable[[Message], dict[str, Any]] = _is_said
    to_staff: bool = False
    label: str | Promise = ""
    about: str | Promise = ""
    is_essential: bool = True
    usual: Mapping[Channel, Frequency] | None = None
    link: Callable[[Message], str] = _leads_nowhere
    is_for_now: Callable[[Message], bool] = _is_for_now
    by: Callable[[Message], Mapping[Channel, Frequency] | None] = _as_chosen
    sample: Callable[[], dict[str, Any]] | None = None
    afterwards: Callable[..., None] = _nothing_more
    to_the_blocked: bool = False
    confidential: frozenset[str] = frozenset()

    @property
    def usually(self) -> Mapping[Channel, Frequency]:
        if self.usual is not None:
            return self.usual
        return USUALLY_KEPT if self.is_essential else USUALLY

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


def is_known(name: str) -> bool:
    """Whether an app has registered a kind of this name: what waits may be of one that is no more."""
    return name in _kinds


def kinds() -> list[Kind]:
    """All kinds, by name."""
    return [_kinds[name] for name in sorted(_kinds)]


def shown_of(message: Message) -> dict[str, Any]:
    """What may be shown of a message's contents: nothing confidential, and nothing of an unknown kind."""
    kind = _kinds.get(message.kind)
    if kind is None:
        return {}
    return {name: value for name, value in message.context.items() if name not in kind.confidential}


def choosable() -> list[Kind]:
    """The kinds that people choose about, by name."""
    return [kind for kind in kinds() if kind.label and not kind.to_staff]


def still_wanted(message: Message, *, at: datetime) -> bool:
    """Whether the reason of the message still holds: asked when it is about to be sent."""
    kind = kind_of(message.kind)
    reader = message.recipient
    if reader is not None and not reader.is_active and not kind.to_the_blocked:
        return False
    return kind.still_wanted(message, at=at)


# --- Audiences: to whom a message to many goes -------------------------------------------------------------
Audience = Callable[..., list[int]]
_audiences: dict[str, Audience] = {}


class UnknownAudience(LookupError):
    """A message goes to an audience that no app has registered."""


def register_audience(name: str, audience: Audience) -> None:
    """Make an audience known.

    audience(of, after=…, at_most=…, since=…): the keys of the people of it, ascending and larger than
    `after`, who belonged to it at the moment `since`.
    """
    _audiences[name] = audience


def audience_of(name: str) -> Audience:
    """The audience of this name. Raises UnknownAudience."""
    try:
        return _audiences[name]
    except KeyError:
        raise UnknownAudience(f'No app has registered the audience "{name}"; do so in apps.py.') from None


# --- Sections of digests -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Line:
    """A line of a digest. link: the path of the page it leads to."""

    text: str
    note: str = ""
    link: str = ""


@dataclass(frozen=True)
class Section:
    """A part of digests, made by the app that knows of it.

    kinds: the kinds whose messages it tells of, when they were left to a digest.
    lines(reader=…, messages=…, at=…): what to say of those messages (wanted still, oldest first), or of how
    things stand at the moment. A digest goes out only if it tells of a message; then it has every
    section that has lines.
    """

    name: str
    title: str | Promise
    lines: Callable[..., list[Line]]
    kinds: frozenset[str] = frozenset()


_sections: dict[str, Section] = {}


def register_section(section: Section) -> None:
    """Make a section known; they stand in digests in the order of their names."""
    _sections[section.name] = section


def sections() -> list[Section]:
    return [_sections[name] for name in sorted(_sections)]


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


def _sample_warning() -> dict[str, Any]:
    return {"blocked_on": date(2030, 3, 9)}


def _sample_link() -> dict[str, Any]:
    return {"link": "https://portal.example/accounts/reactivate/…/", "hours": 24}


def register_own() -> None:
    """Make the letters of accounts known; called when the app starts."""
    register(
        Kind(
            INACTIVITY_WARNING,
            still_wanted=_is_still_away,
            words=_days,
            sample=_sample_warning,
            label=_("Your account is about to be blocked"),
            about=_("A week before, when nobody has signed in for nearly a month."),
        )
    )
    register(
        Kind(
            REACTIVATION_LINK,
            still_wanted=_is_still_blocked,
            to_the_blocked=True,
            sample=_sample_link,
            confidential=frozenset({"link"}),
        )
    )
