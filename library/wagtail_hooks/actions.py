"""What staff do to loans, charges, holds and copies: each is logged with who did it, and says so."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry

from accounts.models import User
from commerce.fulfilment import NotAvailable
from commerce.services import checkout, receiving
from commerce.templatetags.money import money
from commerce.wagtail_hooks.actions import Deed, NothingDone
from library.models import Book, Borrowing, Charge, Copy, Hold
from library.services import cataloguing, charging, explaining, holding, lending
from library.services.days import day_of
from library.services.refusals import LendingRefused

REFUSALS = (
    LendingRefused,
    charging.ChargingRefused,
    cataloguing.CataloguingRefused,
    NotAvailable,
    checkout.CheckoutRefused,
    receiving.ReceivingRefused,
)
WORK_AT_DESK = "library.change_borrowing"
TAKE_MONEY = "library.change_charge"
CHANGE_COPY = "library.change_copy"
#: In what state a copy comes back, in the words of the desk.
CONDITIONS = [
    (Copy.Status.AVAILABLE.value, gettext_lazy("fit to be lent")),
    (Copy.Status.REPAIR.value, gettext_lazy("damaged")),
    (Copy.Status.MISSING.value, gettext_lazy("lost by the member")),
]


class LibraryDeed(Deed):
    """A deed of the library. `?next=` leads back to where the button was, such as the desk."""

    app = "library"
    refusals = REFUSALS

    def get_success_url(self) -> str:
        wanted = self.request.GET.get("next", "")
        is_ours = url_has_allowed_host_and_scheme(
            wanted, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )
        return wanted if is_ours else super().get_success_url()


def name_of(person: User) -> str:
    """A person as the desk reads them out."""
    return f"{person.first_name} {person.last_name}".strip() or person.email


def day(value: Any) -> str:
    return date_format(value, "DATE_FORMAT")


# --- Loans -------------------------------------------------------------------------------------------------
def lend(*, copy: Copy, to: User, until: date, by: User) -> tuple[Borrowing, str]:
    """Lend a copy over the counter, and say what was done. Raises LendingRefused."""
    at = timezone.now()
    borrowing = lending.lend(
        book=copy.book,
        to=to,
        until=until,
        on=day_of(at),
        at=at,
        copy=copy,
        by=by,
        at_desk=True,
    )
    said = _("“%(book)s” (%(copy)s) is lent to %(member)s until %(day)s.") % {
        "book": copy.book,
        "copy": copy,
        "member": name_of(to),
        "day": day(borrowing.expected_return_date),
    }
    fee = borrowing.charges.first()
    if fee is not None:
        said = f"{said} {_('The fee is %s.') % money(fee.amount)}"
    return borrowing, said


def take_back(*, borrowing: Borrowing, condition: Copy.Status, by: User) -> str:
    """Take a book back, and say where its copy goes and what is to pay. Raises AlreadyReturned."""
    at = timezone.now()
    back = lending.give_back(borrowing=borrowing, on=day_of(at), at=at, by=by, condition=condition)
    said = [
        _("“%(book)s” (%(copy)s) is back from %(member)s.")
        % {"book": borrowing.book, "copy": borrowing.copy, "member": name_of(borrowing.member)}
    ]
    if back.next_hold is not None:
        words = _("Put it on the hold shelf for %(member)s, until %(day)s.")
        said.append(
            words % {"member": name_of(back.next_hold.member), "day": day(back.next_hold.shelf_until)}
        )
    elif condition == Copy.Status.REPAIR:
        said.append(_("It goes to repair."))
    elif condition == Copy.Status.MISSING:
        said.append(_("It is missing from now on."))
    elif borrowing.copy.location:
        said.append(_("It goes on the shelf: %s.") % borrowing.copy.location)
    else:
        said.append(_("It goes on the shelf."))
    if back.fine is not None:
        said.append(_("It is late: the fine is %s.") % money(back.fine.amount))
    return " ".join(said)


def hand_out(*, borrowing: Borrowing, by: User) -> str:
    """Give a book to its member that waits for them at the desk, and say so. Raises NothingDone."""
    if not lending.hand_out(borrowing=borrowing, by=by, at=timezone.now()):
        raise NothingDone(_("“%s” was handed out or given up before.") % borrowing.book)
    return _("“%(book)s” (%(copy)s) is handed out to %(member)s, until %(day)s.") % {
        "book": borrowing.book,
        "copy": borrowing.copy,
        "member": name_of(borrowing.member),
        "day": day(borrowing.expected_return_date),
    }


class LoanDeed(LibraryDeed):
    model = Borrowing
    permission = WORK_AT_DESK

    @classmethod
    def is_possible(cls, row: Borrowing) -> bool:
        return row.is_active

    def facts(self, row: Borrowing) -> list[tuple[str, str]]:
        return [
            (_("Book"), row.book.title),
            (_("Copy"), row.copy.barcode),
            (_("Member"), name_of(row.member)),
            (_("Due"), day(row.expected_return_date)),
        ]


class HandOut(LoanDeed):
    name = "hand_out"
    title = gettext_lazy("Hand the book out")
    question = gettext_lazy(
        "Its member is here and takes the book. From now on the loan goes on whatever becomes of its fee."
    )
    button = gettext_lazy("Hand out")

    @classmethod
    def is_possible(cls, row: Borrowing) -> bool:
        return row.is_active and row.handed_out_at is None

    def do(self, row: Borrowing, given: dict[str, Any]) -> str:
        return hand_out(borrowing=row, by=self.request.user)


class ConditionForm(forms.Form):
    condition = forms.ChoiceField(
        label=gettext_lazy("The copy is"), choices=CONDITIONS, initial=Copy.Status.AVAILABLE.value
    )


class TakeBack(LoanDeed):
    name = "take_back"
    title = gettext_lazy("Take the book back")
    question = gettext_lazy(
        "The copy goes to the next who waits, or on the shelf. If it is late, the fine is reckoned now."
    )
    button = gettext_lazy("Take back")
    form_class = ConditionForm

    def do(self, row: Borrowing, given: dict[str, Any]) -> str:
        return take_back(borrowing=row, condition=Copy.Status(given["condition"]), by=self.request.user)


class Renew(LoanDeed):
    name = "renew"
    title = gettext_lazy("Renew the loan")
    question = gettext_lazy("It is due later by the days of a renewal, and these cost its fee.")
    button = gettext_lazy("Renew")

    def facts(self, row: Borrowing) -> list[tuple[str, str]]:
        at = timezone.now()
        offer = lending.renewal_offer(borrowing=row, on=day_of(at), at=at)
        return [
            *super().facts(row),
            (_("Due then"), day(offer.due)),
            (_("Costs"), money(offer.price) if offer.price else _("nothing")),
            *((_("In the way"), str(block)) for block in offer.blocks),
        ]

    def do(self, row: Borrowing, given: dict[str, Any]) -> str:
        at = timezone.now()
        renewal = lending.renew(borrowing=row, on=day_of(at), at=at, by=self.request.user)
        said = _("“%(book)s” is due on %(day)s now.") % {"book": row.book, "day": day(renewal.due_after)}
        charge = getattr(renewal, "charge", None)
        return said if charge is None else f"{said} {_('The renewal costs %s.') % money(charge.amount)}"


# --- Charges -----------------------------------------------------------------------------------------------
class ChargeDeed(LibraryDeed):
    model = Charge
    permission = TAKE_MONEY

    @classmethod
    def is_possible(cls, row: Charge) -> bool:
        return explaining.standing(row) == explaining.UNPAID

    def facts(self, row: Charge) -> list[tuple[str, str]]:
        return [
            (_("Member"), name_of(row.borrowing.member)),
            (_("Book"), row.borrowing.book.title),
            (_("For"), row.get_kind_display()),
            (_("Amount"), money(row.amount)),
            *((_("Reckoned"), line.words) for line in explaining.explain(row)),
        ]


class TakeCash(ChargeDeed):
    name = "take_cash"
    title = gettext_lazy("Take cash")
    question = gettext_lazy(
        "The money is here. An open payment page is closed first; the member gets a receipt."
    )
    button = gettext_lazy("Take cash")

    def do(self, row: Charge, given: dict[str, Any]) -> str:
        payment = charging.take_cash(charge=row, by=self.request.user, at=timezone.now())
        return _("%(amount)s is paid for “%(book)s”.") % {
            "amount": money(payment.amount),
            "book": row.borrowing.book,
        }


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=255,
        help_text=gettext_lazy("It is kept with the charge."),
    )


class Waive(ChargeDeed):
    name = "waive"
    title = gettext_lazy("Forgive")
    question = gettext_lazy("Nobody owes it any more. The loan itself goes on. It cannot be undone.")
    button = gettext_lazy("Forgive")
    is_serious = True
    form_class = ReasonForm

    def do(self, row: Charge, given: dict[str, Any]) -> str:
        if not charging.waive(charge=row, by=self.request.user, reason=given["reason"], at=timezone.now()):
            raise NothingDone(_("It was forgiven before."))
        return _("%(amount)s for “%(book)s” is forgiven.") % {
            "amount": money(row.amount),
            "book": row.borrowing.book,
        }


# --- Holds -------------------------------------------------------------------------------------------------
class CancelHold(LibraryDeed):
    name = "cancel_hold"
    model = Hold
    permission = "library.change_hold"
    title = gettext_lazy("Cancel the hold")
    question = gettext_lazy("The member waits no longer. A copy that was set aside goes to the next.")
    button = gettext_lazy("Cancel the hold")
    is_serious = True

    @classmethod
    def is_possible(cls, row: Hold) -> bool:
        return row.status in Hold.OPEN

    def facts(self, row: Hold) -> list[tuple[str, str]]:
        return [
            (_("Book"), row.book.title),
            (_("Member"), name_of(row.member)),
            (_("Status"), row.get_status_display()),
        ]

    def do(self, row: Hold, given: dict[str, Any]) -> str:
        at = timezone.now()
        copy = row.copy
        if not holding.cancel(hold=row, at=at, on=day_of(at), by=self.request.user):
            raise NothingDone(_("The hold had ended before."))
        said = _("%(member)s waits for “%(book)s” no longer.") % {
            "member": name_of(row.member),
            "book": row.book,
        }
        return said if copy is None else f"{said} {where_to(copy)}"


def where_to(copy: Copy) -> str:
    """Where a copy goes that was on the hold shelf."""
    hold = Hold.objects.ready().select_related("member").filter(copy=copy).first()
    if hold is None:
        return _("Copy %s goes back on the open shelf.") % copy
    return _("Copy %(copy)s stays on the hold shelf, for %(member)s until %(day)s.") % {
        "copy": copy,
        "member": name_of(hold.member),
        "day": day(hold.shelf_until),
    }


# --- Copies and books --------------------------------------------------------------------------------------
class CopyDeed(LibraryDeed):
    """Puts a copy elsewhere by hand."""

    model = Copy
    permission = CHANGE_COPY
    to: ClassVar[Copy.Status]
    leaves: ClassVar[frozenset[Copy.Status]]

    @classmethod
    def is_possible(cls, row: Copy) -> bool:
        return row.status in cls.leaves

    def facts(self, row: Copy) -> list[tuple[str, str]]:
        return [(_("Book"), row.book.title), (_("Status"), row.get_status_display())]

    def do(self, row: Copy, given: dict[str, Any]) -> str:
        at = timezone.now()
        copy = cataloguing.change_copy(copy=row, to=self.to, on=day_of(at), at=at, by=self.request.user)
        if copy.status == Copy.Status.ON_HOLD_SHELF:
            return where_to(copy)
        return _("Copy %(copy)s of “%(book)s” is now: %(status)s.") % {
            "copy": copy,
            "book": copy.book,
            "status": copy.get_status_display(),
        }


class BackOnShelf(CopyDeed):
    name = "back_on_shelf"
    title = gettext_lazy("Put back on the shelf")
    question = gettext_lazy(
        "It is found, repaired or taken in again. If somebody waits for the book, it is theirs."
    )
    button = gettext_lazy("Back on the shelf")
    to = Copy.Status.AVAILABLE
    leaves = frozenset({Copy.Status.REPAIR, Copy.Status.MISSING, Copy.Status.WITHDRAWN})


class ToRepair(CopyDeed):
    name = "to_repair"
    title = gettext_lazy("Send to repair")
    question = gettext_lazy(
        "It is not lent until it is put back. Whose it was on the hold shelf waits again."
    )
    button = gettext_lazy("To repair")
    to = Copy.Status.REPAIR
    leaves = frozenset({Copy.Status.AVAILABLE, Copy.Status.ON_HOLD_SHELF, Copy.Status.MISSING})


class Miss(CopyDeed):
    name = "miss_copy"
    title = gettext_lazy("Report missing")
    question = gettext_lazy("It is not where it should be. Whose it was on the hold shelf waits again.")
    button = gettext_lazy("Missing")
    to = Copy.Status.MISSING
    leaves = frozenset({Copy.Status.AVAILABLE, Copy.Status.ON_HOLD_SHELF, Copy.Status.REPAIR})


class Withdraw(CopyDeed):
    name = "withdraw_copy"
    title = gettext_lazy("Withdraw the copy")
    question = gettext_lazy(
        "It leaves the library; its history stays. It can be put back on the shelf later."
    )
    button = gettext_lazy("Withdraw")
    is_serious = True
    to = Copy.Status.WITHDRAWN
    leaves = frozenset(
        {Copy.Status.AVAILABLE, Copy.Status.ON_HOLD_SHELF, Copy.Status.REPAIR, Copy.Status.MISSING}
    )


class CopiesForm(forms.Form):
    count = forms.IntegerField(
        label=gettext_lazy("How many"), min_value=1, max_value=cataloguing.MOST_COPIES, initial=1
    )
    location = forms.CharField(label=gettext_lazy("Place on the shelf"), max_length=60, required=False)


class AddCopies(LibraryDeed):
    name = "add_copies"
    model = Book
    permission = "library.add_copy"
    title = gettext_lazy("Add copies")
    question = gettext_lazy("Their barcodes are made. Those who wait for the book get theirs first.")
    button = gettext_lazy("Add copies")
    form_class = CopiesForm

    @classmethod
    def is_possible(cls, row: Book) -> bool:
        return True

    def do(self, row: Book, given: dict[str, Any]) -> str:
        at = timezone.now()
        copies = cataloguing.add_copies(book=row, on=day_of(at), at=at, **given)
        words = ngettext(
            "%(count)s copy of “%(book)s” is here: %(barcodes)s.",
            "%(count)s copies of “%(book)s” are here: %(barcodes)s.",
            len(copies),
        )
        barcodes = [copy.barcode for copy in copies]
        named = ", ".join(barcodes) if len(barcodes) < 4 else f"{barcodes[0]} – {barcodes[-1]}"
        return words % {"count": len(copies), "book": row, "barcodes": named}


LOAN_DEEDS = (HandOut, TakeBack, Renew)
CHARGE_DEEDS = (TakeCash, Waive)
HOLD_DEEDS = (CancelHold,)
COPY_DEEDS = (BackOnShelf, ToRepair, Miss, Withdraw)
BOOK_DEEDS = (AddCopies,)
DEEDS = (*LOAN_DEEDS, *CHARGE_DEEDS, *HOLD_DEEDS, *COPY_DEEDS, *BOOK_DEEDS)


@hooks.register("register_admin_urls")
def routes_of_deeds() -> list[URLPattern]:
    return [
        path(
            f"library/do/{deed.name.replace('_', '-')}/<int:pk>/",
            deed.as_view(),
            name=f"library_cms_{deed.name}",
        )
        for deed in DEEDS
    ]


@hooks.register("register_log_actions")
def words_of_deeds(actions: LogActionRegistry) -> None:
    actions.register_action("library.lend", gettext_lazy("Lend"), gettext_lazy("Lend"))
    for deed in DEEDS:
        actions.register_action(f"library.{deed.name}", deed.title, deed.title)
