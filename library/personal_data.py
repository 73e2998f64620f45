"""What the library keeps of a person: card, loans, holds and charges."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.services.privacy import DeletionRefused
from commerce.models import Order, Payment
from commerce.services import ordering
from library.models import Borrowing, Charge, Hold, LibraryCard
from library.services import charging, holding, lending
from library.services.cards import lock_book, lock_card_of
from library.services.days import day_of

if TYPE_CHECKING:
    from accounts.models import User
    from accounts.personal_data import Json


class LibraryKeeper:
    """Card, loans, renewals, holds, fees and fines.

    Nobody leaves with a book of the library, or with a debt. Loans that cost something stay with their
    orders, which accounting keeps; by then their member has no name. What was read for free is forgotten.
    """

    section = "library"
    covers = frozenset(
        {
            "library.LibraryCard.member",
            "library.Borrowing.member",
            "library.Borrowing.handed_out_by",
            "library.BorrowingStatusChange.actor",
            "library.CopyStatusChange.actor",
            "library.Renewal.renewed_by",
            "library.Hold.member",
            "library.HoldStatusChange.actor",
            "library.Charge.waived_by",
        }
    )

    def export(self, user: User) -> Json:
        card = LibraryCard.objects.filter(member=user).first()
        loans = Borrowing.objects.by(user).select_related("book", "copy").prefetch_related("renewals")
        holds = Hold.objects.by(user).select_related("book")
        charges = Charge.objects.of_member(user).select_related("borrowing__book", "order_line__order")
        return {
            "card": {"number": card.number, "blocked_because": card.blocked_reason} if card else None,
            "loans": [
                {
                    "book": row.book.title,
                    "copy": row.copy.barcode,
                    "status": row.status,
                    "borrowed_on": row.borrow_date.isoformat(),
                    "due_on": row.expected_return_date.isoformat(),
                    "returned_on": row.actual_return_date.isoformat() if row.actual_return_date else None,
                    "renewed_at": [renewal.renewed_at.isoformat() for renewal in row.renewals.all()],
                }
                for row in loans.order_by("created_at", "pk")
            ],
            "holds": [
                {"book": row.book.title, "status": row.status, "placed_at": row.placed_at.isoformat()}
                for row in holds.order_by("placed_at", "pk")
            ],
            "charges": [
                {
                    "for": row.kind,
                    "book": row.borrowing.book.title,
                    "days": row.days,
                    "amount": str(row.amount.amount),
                    "currency": row.currency,
                    "order": row.order_line.order.number if row.order_line else None,
                    "forgiven_because": row.waived_reason if row.waived_at else None,
                }
                for row in charges.order_by("created_at", "pk")
            ],
        }

    def erase(self, user: User, *, at: datetime) -> None:
        """Raises DeletionRefused while a book is out, or money for one is owed."""
        with transaction.atomic():
            # Locked as everybody locks them: payments, orders, the card, the books.
            list(Payment.objects.by(user).order_by("pk").select_for_update(of=("self",)))
            orders = list(Order.objects.by(user).order_by("pk").select_for_update())
            lock_card_of(user.pk)
            books = {
                *Hold.objects.by(user).open().values_list("book", flat=True),
                *Borrowing.objects.by(user).open().values_list("book", flat=True),
            }
            for pk in sorted(books):
                lock_book(pk)
            _refuse_who_owes(user, at=at)
            on = day_of(at)
            for hold in Hold.objects.by(user).open():
                holding.cancel(hold=hold, at=at, on=on, by=None, cause="account deleted")
            ordering.cancel_all(orders=_unpaid_fees(orders), at=at, cause="account deleted")
            for borrowing in Borrowing.objects.by(user).open():
                # Paid or free, and never fetched.
                lending.end_unfetched(borrowing=borrowing, on=on, at=at, cause="account deleted")
            Hold.objects.by(user).delete()
            Borrowing.objects.by(user).filter(charges__isnull=True).delete()
            LibraryCard.objects.filter(member=user).delete()


def _refuse_who_owes(user: User, *, at: datetime) -> None:
    out = Borrowing.objects.by(user).open().fetched().select_related("book").first()
    if out is not None:
        raise DeletionRefused(
            _("“%s” is borrowed from the library. Bring it back first, then delete the account.") % out.book
        )
    debt = [each for each in charging.owed(user, at).charges if each.borrowing.handed_out_at is not None]
    if debt:
        raise DeletionRefused(
            _("%(amount)s is unpaid for “%(book)s”. Pay it first, then delete the account.")
            % {"amount": debt[0].amount, "book": debt[0].borrowing.book}
        )


def _unpaid_fees(orders: list[Order]) -> list[Order]:
    """Of orders those whose loan was not handed out."""
    waiting = Charge.objects.filter(
        order_line__order__in=orders,
        order_line__order__status=Order.Status.AWAITING_PAYMENT,
        borrowing__status=Borrowing.Status.OPEN,
    ).values_list("order_line__order", flat=True)
    unpaid = set(waiting)
    return [order for order in orders if order.pk in unpaid]
