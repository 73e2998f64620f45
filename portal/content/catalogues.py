"""What every catalogue that is looked through has in common: words, facets, pages, and its address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest

# Nobody types more; every word costs the database a comparison, and PostgreSQL refuses very long ones.
LONGEST_SEARCH = 200
MOST_WORDS = 10
LONGEST_WORD = 50


@dataclass(frozen=True, kw_only=True)
class Option:
    """One value of a facet, and how many entries there are with it among those the other filters leave."""

    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A property to choose entries by. Options without entries are left out, unless chosen.

    is_yes_or_no: it has one option, which is chosen or not. words: what its options were looked for by, when
    there are more of them than are shown; None for a facet that shows all.
    """

    name: str
    label: str
    options: list[Option]
    is_yes_or_no: bool = False
    words: str | None = None

    @property
    def is_chosen(self) -> bool:
        return any(option.is_chosen for option in self.options)

    @property
    def is_a_choice(self) -> bool:
        """Whether there is anything to decide: with one option only, choosing it changes nothing."""
        if self.is_yes_or_no or self.words:
            return bool(self.options) or bool(self.words)
        return len(self.options) > 1 or self.is_chosen


class CountedPaginator(Paginator):
    """Pages of entries that somebody has counted already."""

    def __init__(self, *args: Any, count: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.count = count


class WordsField(forms.CharField):
    """What somebody looks for. Nobody types that much: what is longer is cut, as it would not find more."""

    def to_python(self, value: Any) -> str:
        return super().to_python(value)[:LONGEST_SEARCH].replace("\x00", "").strip()


def words_of(search: str) -> list[str]:
    """The words to look for, without the signs that mean something in the languages of the indexes."""
    words = re.findall(r"\w+", search[:LONGEST_SEARCH])
    return [word[:LONGEST_WORD] for word in words[:MOST_WORDS]]


def query_without(request: HttpRequest, *names: str) -> str:
    """The address's parameters without some, and without those that are empty."""
    query = request.GET.copy()
    for name in list(query):
        if name in names or not query[name]:
            query.pop(name)
    return query.urlencode()


def address_without(request: HttpRequest, address: str, name: str) -> str:
    """A catalogue's address with one filter less, and back on its first page."""
    query = query_without(request, "page", name)
    return f"{address}?{query}" if query else address
