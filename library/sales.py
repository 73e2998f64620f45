"""What the library is paid for: loans, renewals and fines. The one module here that commerce calls."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from commerce import fulfilment
from commerce.models import Order, OrderLine
from commerce.services import checkout
from library.models import Borrowing, Charge
from library.notifications import path_to_loans
from library.services import charging, lending
from library.services.days import day_of

if TYPE_CHECKING:
    from accounts.models import User


class FeeSeller:
    """Hands over nothing: the copy was taken when the loan was made. What is not paid in time is given up.

    Once the book was handed out the loan goes on without its money, and the fee stays owed.
    """

    is_merchandise = False

    def hold(self, line: OrderLine, *, at: datetime) -> None:
        """A loan that was given up is open again, whether its order waits again or its money has come."""
        charge = _charge(line)
        # Of a loan being made the charge comes after its order.
        if charge is not None:
            _refuse_what_is_not_owed(charge)
            _take_up(charge, at=at, cause=f"order {line.order.number} taken up again")

    def fulfil(self, line: OrderLine, *, at: datetime) -> None:
        charge = _known(line)
        _refuse_what_is_not_owed(charge)
        _take_up(charge, at=at, cause=f"order {line.order.number} paid")

    def release(self, line: OrderLine, *, at: datetime) -> None:
        charge = _known(line)
        if charge.waived_at is None:
            _give_up(charge, at=at, cause=f"order {line.order.number} given up")

    def revoke(self, line: OrderLine, *, at: datetime) -> None:
        _give_up(_known(line), at=at, cause=f"order {line.order.number} refunded")

    def refusal(self, line: OrderLine) -> str:
        charge = _known(line)
        if words := _not_owed(charge):
            return words
        if charge.borrowing.status != Borrowing.Status.CANCELLED:
            return ""
        # The day matters only for what is over; when it is not known here, `hold` says it.
        refusal = lending.why_not_taken_up(borrowing=charge.borrowing, on=charge.borrowing.borrow_date)
        return "" if refusal is None else str(refusal)

    def url(self, line: OrderLine) -> str:
        return path_to_loans()


class DebtSeller(FeeSeller):
    """Takes money for what has been had already: a renewal, or a fine. It is owed until paid or forgiven."""

    def hold(self, line: OrderLine, *, at: datetime) -> None:
        charge = _charge(line)
        if charge is not None:
            _refuse_what_is_not_owed(charge)

    def fulfil(self, line: OrderLine, *, at: datetime) -> None:
        _refuse_what_is_not_owed(_known(line))

    def release(self, line: OrderLine, *, at: datetime) -> None:
        """Nothing was set aside."""

    def revoke(self, line: OrderLine, *, at: datetime) -> None:
        """What was had cannot be taken back."""

    def refusal(self, line: OrderLine) -> str:
        return _not_owed(_known(line))


class RenewalSeller(DebtSeller):
    """Takes money for renewals."""


class FineSeller(DebtSeller):
    """Takes money for delays."""


def order_for_borrowing(*, reference: int, buyer: User, at: datetime) -> Order:
    """The order of the oldest unpaid charge of a loan, taken up again if it was given up."""
    borrowing = Borrowing.objects.by(buyer).filter(pk=reference).first()
    if borrowing is None:
        raise fulfilment.NothingThere
    charge = charging.payable_of(borrowing=borrowing)
    if charge is None:
        paid = Order.objects.filter(lines__library_charge__borrowing=borrowing).first()
        if paid is not None and paid.status == Order.Status.PAID:
            raise checkout.AlreadyPaid(paid)
        raise fulfilment.NotAvailable(_("There is nothing to pay for “%s”.") % borrowing.book)
    try:
        return charging.order_to_pay(charge=charge, at=at)
    except charging.ChargeSettled as refusal:
        raise fulfilment.NotAvailable(str(refusal)) from refusal


def _charge(line: OrderLine) -> Charge | None:
    return (
        Charge.objects.select_related("borrowing__book", "borrowing__member").filter(order_line=line).first()
    )


def _known(line: OrderLine) -> Charge:
    return Charge.objects.select_related("borrowing__book", "borrowing__member").get(order_line=line)


def _take_up(charge: Charge, *, at: datetime, cause: str) -> None:
    try:
        lending.take_up(borrowing=charge.borrowing, on=day_of(at), at=at, cause=cause)
    except lending.LendingRefused as refusal:
        raise fulfilment.NotAvailable(str(refusal)) from refusal


def _give_up(charge: Charge, *, at: datetime, cause: str) -> None:
    lending.give_up(borrowing=charge.borrowing, on=day_of(at), at=at, cause=cause)


def _not_owed(charge: Charge) -> str:
    """Why no money is wanted for a charge; empty when it is."""
    if charge.waived_at is not None:
        return _("This was forgiven; there is nothing to pay.")
    borrowing = charge.borrowing
    if borrowing.status == Borrowing.Status.RETURNED and borrowing.handed_out_at is None:
        return _("“%s” was never fetched, and there is nothing to pay.") % borrowing.book
    return ""


def _refuse_what_is_not_owed(charge: Charge) -> None:
    if words := _not_owed(charge):
        raise fulfilment.NotAvailable(words)
