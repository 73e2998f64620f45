"""Why the library says no: in words for people, with the remedy, and by a code for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from library.models import Book


class LendingRefused(Exception):
    """The library does not do it; the message says why and what to do. code stays the same for ever."""

    code = "refused"


class CardBlocked(LendingRefused):
    """Nothing is lent on this card."""

    code = "card_blocked"

    def __init__(self, reason: str) -> None:
        super().__init__(_("The library card is blocked: %s Ask at the desk.") % _sentence(reason))


class AlreadyBorrowed(LendingRefused):
    """The member has a copy of the book, or one waits at the desk for them."""

    code = "already_borrowed"

    def __init__(self, book: Book) -> None:
        super().__init__(_("“%s” is on loan to this member already. Bring it back or renew it.") % book)


class NoCopies(LendingRefused):
    """The library has no copy of the book that could come back."""

    code = "no_copies"

    def __init__(self, book: Book) -> None:
        super().__init__(_("The library has no copy of “%s” at the moment. Ask at the desk.") % book)


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?", "…")) else f"{words}."
