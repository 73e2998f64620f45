"""Things of other apps that editors set into a page: each app that has some puts up its shelf here.

A page knows a thing by its number only. The pointer goes down, the call comes up: blocks know no book.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from django.db.models import Model
from django.forms import Widget

#: The library's shelf.
BOOKS = "books"


class Shelf(Protocol):
    """What blocks ask of an app about its things.

    model: "app.Model". template: shows `cards` at a `level` of headings. widget: chooses one in the CMS.
    """

    model: str
    template: str

    @property
    def widget(self) -> Widget: ...

    def fetch(self, pks: Iterable[int]) -> Mapping[int, Model]:
        """Those that there are, by number, with all that cards show: the same few queries for any number."""

    def cards(self, things: Sequence[Model]) -> list[Any]:
        """What the template shows of each. What was not fetched here is fetched again."""

    def described(self, thing: Model) -> dict[str, Any]:
        """What a client of the API gets of it; addresses are paths on this site."""

    def samples(self) -> Sequence[Model]:
        """A few, for the preview of a block; none when there are none yet."""


class NoShelf(LookupError):
    """No app has such things."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'Nobody has "{name}": put up a Shelf in the AppConfig.ready() of the app that does.'
        )


class ShelfTaken(ValueError):
    """Two apps want to put up one shelf."""


_shelves: dict[str, Shelf] = {}


def put_up(name: str, shelf: Shelf) -> None:
    """Let blocks show the things of an app. Raises ShelfTaken when another one has that name."""
    known = _shelves.setdefault(name, shelf)
    if type(known) is not type(shelf):
        raise ShelfTaken(f'"{name}" is the shelf of {type(known).__name__} already.')


def shelf_of(name: str) -> Shelf:
    """The shelf of a name. Raises NoShelf."""
    try:
        return _shelves[name]
    except KeyError:
        raise NoShelf(name) from None
