"""What staff see across the counter: who or what was typed or scanned, and how it stands with a member."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db.models import Prefetch, Q
from django.utils.translation import gettext as _

from accounts.models import User
from library import barcodes
from library.models import Borrowing, Charge, Copy, Hold, LibraryCard
from library.services import charging, explaining, lending

if TYPE_CHECKING:
    from library.services.refusals import LendingRefused

#: So many people of one name are offered to choose from.
MOST_HITS = 20
_LIKE_OURS = re.compile(rf"[{barcodes.COPY}{barcodes.CARD}][0-9]+")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was typed or scanned: a copy, a member, people to choose from, or a problem in words."""

    copy: Copy | None = None
    member: User | None = None
    people: tuple[User, ...] = ()
    has_more: bool = False
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Debt:
    """A charge that is not paid, and why it is what it is, line by line."""

    charge: Charge
    lines: tuple[explaining.Line, ...]
    is_late: bool


@dataclass(frozen=True, kw_only=True)
class Loan:
    """A book that the member has, or that waits at the desk for them.

    why_not: it cannot be renewed, in words; empty when it can.
    """

    borrowing: Borrowing
    days_late: int
    is_waiting: bool
    why_not: str


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A member at the desk: what keeps them from borrowing, what they have, wait for, and owe."""

    member: User
    card: LibraryCard | None
    blocks: tuple[LendingRefused, ...]
    loans: tuple[Loan, ...]
    ready: tuple[Hold, ...]
    waiting: tuple[Hold, ...]
    debts: tuple[Debt, ...]
    owed: charging.Debt


def find(typed: str) -> Found:
    """Who or what is meant: a number on a card or a copy, an address, or words of a name.

    A number of ours with a wrong check digit was mistyped; another one is unknown.
    """
    number = "".join(typed.split()).upper()
    if not number:
        return Found(problem=_("Scan a card or a copy, or type a name."))
    if (card := LibraryCard.objects.select_related("member").filter(number=number).first()) is not None:
        return Found(member=card.member)
    copies = Copy.objects.select_related("book")
    # Those of another library's making may be written in any case.
    if (copy := copies.filter(barcode__in={number, typed.strip()}).first()) is not None:
        return Found(copy=copy)
    if _LIKE_OURS.fullmatch(number):
        return Found(problem=_problem_with(number))
    return _people(typed)


def visitor(member: User, *, on: date, at: datetime) -> Visitor:
    """How it stands with a member today."""
    borrowings = Borrowing.objects.by(member).open().select_related("book", "copy", "member")
    holds = list(Hold.objects.by(member).open().select_related("book", "copy"))
    owed = charging.owed(member, at)
    late = set(Charge.objects.of_member(member).outstanding(at=at).values_list("pk", flat=True))
    return Visitor(
        member=member,
        card=LibraryCard.objects.filter(member=member).first(),
        blocks=lending.standing_blocks(member=member, on=on, at=at),
        loans=tuple(
            _loan(borrowing, on=on, at=at) for borrowing in borrowings.order_by("expected_return_date", "pk")
        ),
        ready=tuple(hold for hold in holds if hold.status == Hold.Status.READY),
        waiting=tuple(hold for hold in holds if hold.status == Hold.Status.WAITING),
        debts=tuple(
            Debt(charge=charge, lines=tuple(explaining.explain(charge)), is_late=charge.pk in late)
            for charge in owed.charges
        ),
        owed=owed,
    )


def loan_of(copy: Copy) -> Borrowing | None:
    """The open loan of a copy, with its member and what it costs."""
    charges = Prefetch("charges", queryset=Charge.objects.select_related("order_line__order"))
    borrowings = Borrowing.objects.open().select_related("book", "copy", "member").prefetch_related(charges)
    return borrowings.filter(copy=copy).first()


def hold_of(copy: Copy) -> Hold | None:
    """The hold for which a copy is set aside, with its member."""
    return Hold.objects.ready().select_related("member").filter(copy=copy).first()


def _problem_with(number: str) -> str:
    if len(number) != barcodes.DIGITS + 2 or barcodes.is_mistyped(number):
        return _("%(number)s is mistyped: its last digit does not fit the others. Scan or type it again.") % {
            "number": number
        }
    kind = _("card") if number.startswith(barcodes.CARD) else _("copy")
    return _("%(number)s is a good number, but no %(kind)s of this library has it.") % {
        "number": number,
        "kind": kind,
    }


def _people(typed: str) -> Found:
    # Whose account is closed may still have to bring a book back.
    people = User.objects.filter(Q(is_active=True) | Q(borrowings__status=Borrowing.Status.OPEN))
    for word in typed.split()[:5]:
        people = people.filter(_named(word))
    hits = list(people.distinct().order_by("last_name", "first_name", "pk")[: MOST_HITS + 1])
    if not hits:
        return Found(problem=_("Nobody and nothing is found for “%s”.") % typed.strip())
    if len(hits) == 1:
        return Found(member=hits[0])
    return Found(people=tuple(hits[:MOST_HITS]), has_more=len(hits) > MOST_HITS)


def _named(word: str) -> Q:
    condition = Q(email__icontains=word)
    # SQLite ignores the case of Latin letters only.
    for spelling in {word, word.lower(), word.capitalize()}:
        condition |= Q(first_name__icontains=spelling) | Q(last_name__icontains=spelling)
    return condition


def _loan(borrowing: Borrowing, *, on: date, at: datetime) -> Loan:
    offer = lending.renewal_offer(borrowing=borrowing, on=on, at=at)
    return Loan(
        borrowing=borrowing,
        days_late=borrowing.days_late(on=on) if borrowing.is_overdue(on=on) else 0,
        is_waiting=borrowing.handed_out_at is None,
        why_not=str(offer.blocks[0]) if offer.blocks else "",
    )
