"""The library, done to at random and compared with a model of plain dictionaries after each step.

Members, the desk, the provider, sweeps and the clock act on a real database. What the library must then say
is reckoned anew here, in the simplest way. `make races` looks longer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import hypothesis
import pytest
from django.db import transaction
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.tests.factories import UserFactory
from commerce import fulfilment, gateways
from commerce.models import Order, Payment
from commerce.services import checkout, ordering, refunding, settlement
from commerce.tests.factories import URLS, fake
from commerce.tests.rounds import IS_LONG
from library.models import Borrowing, Charge, Copy, Hold
from library.services import charging, holding, lending
from library.services.cards import lock_book
from library.services.refusals import AlreadyBorrowed
from library.tests.factories import NOW, TODAY, BookFactory
from library.tests.lending import findings, write_rules

MAX_LOANS, MAX_HOLDS, MAX_RENEWALS, SHELF_DAYS, RENEWAL_DAYS = 2, 1, 1, 2, 3
pick = st.integers(0, 11)


@dataclass
class ModelLoan:
    who: int
    book: int
    copy: int
    due: date
    is_fetched: bool
    status: str = "OPEN"
    returned: date | None = None
    renewals: int = 0


@dataclass
class ModelCharge:
    """page: the session that is open for it at the provider; empty when there is none."""

    loan: int
    kind: str
    minor: int
    until: datetime
    status: str = "AWAITING_PAYMENT"
    is_waived: bool = False
    was_given_up: bool = False
    page: str = ""
    was_paid_late: bool = False


@dataclass
class ModelHold:
    who: int
    book: int
    status: str = "WAITING"
    copy: int | None = None
    until: date | None = None


class Library(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.undo = ExitStack()
        # All of an example is undone when it ends. Marked as a test's: services open durable transactions.
        block = transaction.atomic()
        block._from_testcase = True
        self.undo.enter_context(block)
        gateways._gateway.cache_clear()
        self.on, self.at = TODAY, NOW
        self.loans: dict[int, ModelLoan] = {}
        self.charges: dict[int, ModelCharge] = {}
        self.holds: dict[int, ModelHold] = {}

    @initialize()
    def open_library(self) -> None:
        write_rules(
            max_loans=MAX_LOANS,
            max_holds=MAX_HOLDS,
            max_renewals=MAX_RENEWALS,
            hold_shelf_days=SHELF_DAYS,
            renewal_days=RENEWAL_DAYS,
        )
        self.members = [UserFactory() for _member in range(3)]
        self.books = [
            BookFactory(copies=1),
            BookFactory(copies=2, daily_fee=Decimal("2.50")),
            BookFactory(copies=1, daily_fee=0),
        ]
        self.fees = [100, 250, 0]
        self.copies = {copy.pk: "AVAILABLE" for copy in Copy.objects.order_by("pk")}
        self.book_of = {copy.pk: self.books.index(copy.book) for copy in Copy.objects.all()}
        # Begun with what most of the rest is about, or short examples would hardly come to it.
        self.borrow(who=0, what=0, days=2, at_desk=False)
        self.borrow(who=1, what=1, days=3, at_desk=True)
        self.place_hold(who=2, what=0)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undo.close()

    # --- Loans -------------------------------------------------------------------------------------------
    @rule(who=st.integers(0, 2), what=st.integers(0, 2), days=st.integers(1, 4), at_desk=st.booleans())
    def borrow(self, who: int, what: int, days: int, at_desk: bool) -> None:
        refusal = self.member_refusal(who)
        if refusal is None and self.has(who, what):
            refusal = AlreadyBorrowed
        elif refusal is None and len(self.open_loans(who)) >= MAX_LOANS:
            refusal = lending.TooManyLoans
        elif refusal is None and self.copy_for(who, what) is None:
            refusal = lending.NoCopyAvailable
        until = self.on + timedelta(days=days)
        offered = lending.offer(
            book=self.books[what], to=self.members[who], until=until, on=self.on, at=self.at
        )
        assert offered.is_possible is (refusal is None)
        lent = self.does(
            refusal,
            lambda: lending.lend(
                book=self.books[what],
                to=self.members[who],
                until=until,
                on=self.on,
                at=self.at,
                at_desk=at_desk,
            ),
        )
        if lent:
            assert offered.price.minor == self.fees[what] * days
            copy = self.copy_for(who, what)
            self.loans[lent.pk] = ModelLoan(who, what, copy, due=until, is_fetched=at_desk)
            self.take(who, what, copy)
            self.charged(lent.pk, "FEE", self.fees[what] * days)

    @precondition(lambda self: self.loans)
    @rule(n=pick)
    def hand_out(self, n: int) -> None:
        pk = self.nth(self.loans, n)
        loan = self.loans[pk]
        waits = loan.status == "OPEN" and not loan.is_fetched
        assert lending.hand_out(borrowing=self.borrowing(pk), by=None, at=self.at) is waits
        loan.is_fetched |= waits

    @precondition(lambda self: self.loans)
    @rule(n=pick, condition=st.sampled_from(["AVAILABLE", "AVAILABLE", "REPAIR", "MISSING"]))
    def bring_back(self, n: int, condition: str) -> None:
        pk = self.nth(self.loans, n)
        loan = self.loans[pk]
        refusal = None if loan.status == "OPEN" else lending.AlreadyReturned
        came = self.does(
            refusal,
            lambda: lending.give_back(
                borrowing=self.borrowing(pk),
                on=self.on,
                at=self.at,
                by=None,
                condition=Copy.Status(condition),
            ),
        )
        if not came:
            return
        self.end(pk, condition=condition)
        days_late = (self.on - loan.due).days
        if loan.is_fetched and days_late > 0:
            self.charged(pk, "FINE", min(days_late, 60) * self.fees[loan.book] * 2)

    @precondition(lambda self: self.loans)
    @rule(n=pick)
    def renew(self, n: int) -> None:
        pk = self.nth(self.loans, n)
        loan = self.loans[pk]
        refusal: Any = None
        if loan.status != "OPEN":
            refusal = lending.NotOpen
        elif not loan.is_fetched:
            refusal = lending.NotHandedOut
        elif self.member_refusal(loan.who):
            refusal = self.member_refusal(loan.who)
        elif loan.renewals >= MAX_RENEWALS:
            refusal = lending.RenewalsUsedUp
        elif self.waiting(loan.book):
            refusal = lending.WantedByAnother
        if self.does(
            refusal,
            lambda: lending.renew(borrowing=self.borrowing(pk), on=self.on, at=self.at, by=None),
        ):
            loan.renewals += 1
            loan.due += timedelta(days=RENEWAL_DAYS)
            self.charged(pk, "RENEWAL", RENEWAL_DAYS * self.fees[loan.book])

    # --- Holds -------------------------------------------------------------------------------------------
    @rule(who=st.integers(0, 2), what=st.integers(0, 2))
    def place_hold(self, who: int, what: int) -> None:
        mine = [hold for hold in self.holds.values() if hold.who == who and hold.status in Hold.OPEN]
        refusal: Any = None
        if any(hold.book == what for hold in mine):
            refusal = holding.AlreadyHeld
        elif self.has(who, what):
            refusal = AlreadyBorrowed
        elif self.available(what):
            refusal = holding.NoNeedToHold
        elif len(mine) >= MAX_HOLDS:
            refusal = holding.TooManyHolds
        placed = self.does(
            refusal,
            lambda: holding.place(book=self.books[what], member=self.members[who], at=self.at, on=self.on),
        )
        if placed:
            self.holds[placed.pk] = ModelHold(who, what)

    @precondition(lambda self: self.holds)
    @rule(n=pick)
    def cancel_hold(self, n: int) -> None:
        pk = self.nth(self.holds, n)
        is_open = self.holds[pk].status in Hold.OPEN
        hold = Hold.objects.get(pk=pk)
        assert holding.cancel(hold=hold, at=self.at, on=self.on, by=None) is is_open
        if is_open:
            self.end_hold(self.holds[pk], "CANCELLED")

    # --- Money -------------------------------------------------------------------------------------------
    @precondition(lambda self: self.payable())
    @rule(n=pick, in_cash=st.booleans())
    def pay(self, n: int, in_cash: bool) -> None:
        pk = self.nth(self.payable(), n)
        charge, row = self.charges[pk], Charge.objects.get(pk=pk)
        if not self.does(self.model_take_up(charge), lambda: charging.order_to_pay(charge=row, at=self.at)):
            return
        if in_cash:
            charging.take_cash(charge=row, by=None, at=self.at)
        else:
            payment = charging.begin_payment(order=self.order(pk), urls=URLS, at=self.at, by=None)
            fake().pay(payment.session_id)
            checkout.complete(payment=payment, at=self.at)
        charge.status, charge.page = "PAID", ""

    @precondition(lambda self: self.payable())
    @rule(n=pick)
    def open_page(self, n: int) -> None:
        pk = self.nth(self.payable(), n)
        charge = self.charges[pk]
        refusal: Any = None
        if charge.status != "AWAITING_PAYMENT" or charge.until <= self.at:
            refusal = checkout.OrderNotPayable
        payment = self.does(
            refusal,
            lambda: charging.begin_payment(order=self.order(pk), urls=URLS, at=self.at, by=None),
        )
        if payment:
            charge.page = payment.session_id
        elif charge.status == "AWAITING_PAYMENT":
            # Looked at first, and found too old to be paid.
            charge.page = ""

    @precondition(lambda self: self.in_status("AWAITING_PAYMENT"))
    @rule(n=pick)
    def give_up_without_asking(self, n: int) -> None:
        """The page stays open, and may be paid."""
        pk = self.nth(self.in_status("AWAITING_PAYMENT"), n)
        assert ordering.cancel(order=self.order(pk), at=self.at, cause="test")
        self.model_cancel(pk)

    @precondition(lambda self: self.left_open())
    @rule(n=pick)
    def late_money_comes(self, n: int) -> None:
        pk = self.nth(self.left_open(), n)
        charge = self.charges[pk]
        payment = Payment.objects.get(session_id=charge.page)
        fake().pay(charge.page)
        charge.page = ""
        settlement.settle(payment=payment, at=self.at, cause="late")
        if self.model_take_up(charge) is None:
            charge.status = "PAID"
        else:
            charge.was_paid_late = True
            assert payment.refunds.get().amount_minor == charge.minor

    @precondition(lambda self: self.refundable())
    @rule(n=pick)
    def refund(self, n: int) -> None:
        pk = self.nth(self.refundable(), n)
        charge = self.charges[pk]
        paid = self.order(pk).payments.get(status=Payment.Status.PAID)
        refunding.give_back(payment=paid, at=self.at, by=None)
        charge.status = "REFUNDED"
        if charge.kind == "FEE":
            self.give_up_unfetched(charge.loan)

    @precondition(lambda self: self.charges)
    @rule(n=pick)
    def waive(self, n: int) -> None:
        pk = self.nth(self.charges, n)
        charge = self.charges[pk]
        refusal = charging.ChargeSettled if charge.status in ("PAID", "REFUNDED") else None
        waived = self.does(
            refusal,
            lambda: [charging.waive(charge=Charge.objects.get(pk=pk), by=None, reason="test", at=self.at)],
        )
        if waived:
            assert waived == [not charge.is_waived]
            charge.is_waived, charge.status = True, "CANCELLED"

    # --- Copies, sweeps and the clock --------------------------------------------------------------------
    @rule(n=pick)
    def copy_to_repair_or_back(self, n: int) -> None:
        pk = self.nth(self.copies, n)
        copy = Copy.objects.get(pk=pk)
        with transaction.atomic():
            lock_book(copy.book_id)
            if self.copies[pk] == "AVAILABLE":
                assert copy.transition(to=Copy.Status.REPAIR, at=self.at, cause="test")
                self.copies[pk] = "REPAIR"
            elif self.copies[pk] in ("REPAIR", "MISSING"):
                holding.pass_on(copy=copy, on=self.on, at=self.at, cause="test")
                self.pass_on(pk)

    @rule(days=st.integers(1, 3))
    def time_passes(self, days: int) -> None:
        self.on += timedelta(days=days)
        self.at += timedelta(days=days)

    @rule()
    def holds_expire(self) -> None:
        late = [hold for hold in self.holds.values() if hold.status == "READY" and hold.until < self.on]
        assert holding.expire_due(on=self.on, at=self.at) == len(late)
        for hold in late:
            self.end_hold(hold, "EXPIRED")

    @rule()
    def payments_expire(self) -> None:
        late = [pk for pk in self.in_status("AWAITING_PAYMENT") if self.charges[pk].until <= self.at]
        assert checkout.sweep_unpaid(at=self.at) == len(late)
        for pk in late:
            self.model_cancel(pk)
        for charge in self.charges.values():
            if charge.status == "CANCELLED":
                charge.page = ""

    @rule()
    def unfetched_loans_end(self) -> None:
        late = [
            pk
            for pk, loan in self.loans.items()
            if loan.status == "OPEN" and not loan.is_fetched and loan.due < self.on
        ]
        assert lending.close_unfetched(on=self.on, at=self.at) == len(late)
        for pk in late:
            self.end(pk)

    # --- What must be true -------------------------------------------------------------------------------
    @invariant()
    def the_library_says_what_the_model_says(self) -> None:
        assert dict(Copy.objects.values_list("pk", "status")) == getattr(self, "copies", {})
        assert {
            row.pk: ModelLoan(
                self.members.index(row.member),
                self.books.index(row.book),
                row.copy_id,
                row.expected_return_date,
                row.handed_out_at is not None,
                row.status,
                row.actual_return_date,
                row.renewals.count(),
            )
            for row in Borrowing.objects.select_related("member", "book")
        } == self.loans
        assert {
            row.pk: ModelHold(
                self.members.index(row.member),
                self.books.index(row.book),
                row.status,
                row.copy_id,
                row.shelf_until,
            )
            for row in Hold.objects.select_related("member", "book")
        } == self.holds
        assert {
            row.pk: (
                row.borrowing_id,
                row.kind,
                row.amount_minor,
                row.order_line.order.status,
                row.waived_at is not None,
            )
            for row in Charge.objects.select_related("order_line__order")
        } == {
            pk: (each.loan, each.kind, each.minor, each.status, each.is_waived)
            for pk, each in self.charges.items()
        }
        for who, member in enumerate(getattr(self, "members", [])):
            debt = charging.owed(member, self.at)
            assert sum(amount.minor for amount in debt.total) == sum(
                charge.minor for charge in self.unpaid(who)
            )
            assert sum(amount.minor for amount in debt.outstanding) == self.outstanding(who)

    @invariant()
    def nothing_is_found(self) -> None:
        assert findings() == []

    # --- The model ---------------------------------------------------------------------------------------
    def member_refusal(self, who: int) -> Any:
        if any(loan.is_fetched and loan.due < self.on for loan in self.open_loans(who)):
            return lending.SomethingOverdue
        return lending.SomethingUnpaid if self.outstanding(who) else None

    def open_loans(self, who: int) -> list[ModelLoan]:
        return [loan for loan in self.loans.values() if loan.who == who and loan.status == "OPEN"]

    def has(self, who: int, what: int) -> bool:
        return any(loan.book == what for loan in self.open_loans(who))

    def available(self, what: int) -> list[int]:
        return [
            pk for pk, status in self.copies.items() if status == "AVAILABLE" and self.book_of[pk] == what
        ]

    def open_hold(self, who: int, what: int) -> ModelHold | None:
        for hold in self.holds.values():
            if (hold.who, hold.book) == (who, what) and hold.status in Hold.OPEN:
                return hold
        return None

    def copy_for(self, who: int, what: int, *, rather: int | None = None) -> Any:
        hold = self.open_hold(who, what)
        if hold is not None and hold.copy is not None:
            return hold.copy
        free = self.available(what)
        return rather if rather in free else next(iter(free), None)

    def take(self, who: int, what: int, copy: int) -> None:
        self.copies[copy] = "ON_LOAN"
        hold = self.open_hold(who, what)
        if hold is not None:
            hold.status, hold.copy, hold.until = "FULFILLED", None, None

    def waiting(self, what: int) -> list[ModelHold]:
        return [hold for hold in self.holds.values() if hold.book == what and hold.status == "WAITING"]

    def pass_on(self, copy: int) -> None:
        queue = self.waiting(self.book_of[copy])
        self.copies[copy] = "ON_HOLD_SHELF" if queue else "AVAILABLE"
        if queue:
            queue[0].status, queue[0].copy = "READY", copy
            queue[0].until = self.on + timedelta(days=SHELF_DAYS)

    def end_hold(self, hold: ModelHold, status: str) -> None:
        copy, hold.status, hold.copy, hold.until = hold.copy, status, None, None
        if copy is not None:
            self.pass_on(copy)

    def end(self, pk: int, *, condition: str = "AVAILABLE") -> None:
        """A loan is over; what was never fetched is not owed."""
        loan = self.loans[pk]
        loan.status, loan.returned = "RETURNED", self.on
        if condition == "AVAILABLE":
            self.pass_on(loan.copy)
        else:
            self.copies[loan.copy] = condition
        for charge in self.charges.values():
            if charge.loan == pk and not loan.is_fetched and charge.status == "AWAITING_PAYMENT":
                charge.status = "CANCELLED"

    def give_up_unfetched(self, pk: int) -> None:
        loan = self.loans[pk]
        if loan.status == "OPEN" and not loan.is_fetched:
            loan.status = "CANCELLED"
            self.pass_on(loan.copy)

    def charged(self, loan: int, kind: str, minor: int) -> None:
        if minor:
            row = Charge.objects.latest("pk")
            until = self.at + timedelta(hours=24)
            self.charges[row.pk] = ModelCharge(loan, kind, minor, until)

    def model_cancel(self, pk: int) -> None:
        charge = self.charges[pk]
        charge.status, charge.was_given_up = "CANCELLED", True
        if charge.kind == "FEE":
            self.give_up_unfetched(charge.loan)

    def model_take_up(self, charge: ModelCharge) -> Any:
        """Why an order cannot wait for its money again; when it can, the loan is open again."""
        loan = self.loans[charge.loan]
        if charge.status in ("PAID", "REFUNDED") or (charge.is_waived and not charge.page):
            return charging.ChargeSettled
        if charge.is_waived or (loan.status == "RETURNED" and not loan.is_fetched):
            return fulfilment.NotAvailable
        if loan.status == "CANCELLED":
            copy = self.copy_for(loan.who, loan.book, rather=loan.copy)
            is_over = loan.due <= self.on
            is_full = len(self.open_loans(loan.who)) >= MAX_LOANS
            if is_over or self.has(loan.who, loan.book) or is_full or copy is None:
                return fulfilment.NotAvailable
            loan.status, loan.copy = "OPEN", copy
            self.take(loan.who, loan.book, copy)
        if charge.status != "AWAITING_PAYMENT" or charge.until <= self.at:
            charge.status, charge.until = "AWAITING_PAYMENT", self.at + timedelta(hours=24)
        return None

    def unpaid(self, who: int) -> list[ModelCharge]:
        return [
            charge
            for charge in self.charges.values()
            if self.loans[charge.loan].who == who and self.is_owed(charge)
        ]

    def is_owed(self, charge: ModelCharge) -> bool:
        loan = self.loans[charge.loan]
        never_had = loan.status == "CANCELLED" or (loan.status == "RETURNED" and not loan.is_fetched)
        return not (charge.is_waived or charge.status in ("PAID", "REFUNDED") or never_had)

    def outstanding(self, who: int) -> int:
        return sum(
            charge.minor
            for charge in self.unpaid(who)
            if charge.status != "AWAITING_PAYMENT"
            or charge.until <= self.at
            or (charge.was_given_up and self.loans[charge.loan].is_fetched)
        )

    # --- Bits --------------------------------------------------------------------------------------------
    def does(self, refusal: type[Exception] | None, act: Callable[[], Any]) -> Any:
        """What act gives; None when it is refused, as it must be."""
        if refusal is None:
            return act()
        with pytest.raises(refusal):
            act()
        return None

    def nth(self, things: Any, n: int) -> Any:
        return list(things)[n % len(things)]

    def borrowing(self, pk: int) -> Borrowing:
        return Borrowing.objects.get(pk=pk)

    def order(self, pk: int) -> Order:
        return Order.objects.get(lines__library_charge=pk)

    def in_status(self, status: str) -> list[int]:
        return [pk for pk, charge in self.charges.items() if charge.status == status]

    def payable(self) -> list[int]:
        """Charges of which no late money is on its way back, and no page is open that nobody would close."""
        return [
            pk
            for pk, charge in self.charges.items()
            if charge.status in ("AWAITING_PAYMENT", "CANCELLED")
            and not charge.was_paid_late
            and not charge.is_waived
            and not (charge.status == "CANCELLED" and charge.page)
        ]

    def left_open(self) -> list[int]:
        return [pk for pk, charge in self.charges.items() if charge.status == "CANCELLED" and charge.page]

    def refundable(self) -> list[int]:
        return self.in_status("PAID")


@pytest.mark.django_db
def test_whatever_happens_in_whatever_order_the_library_says_what_is_true():
    run_state_machine_as_test(
        Library,
        settings=hypothesis.settings(
            max_examples=300 if IS_LONG else 15,
            stateful_step_count=50 if IS_LONG else 25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
