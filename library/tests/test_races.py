"""Crowds in the library, on a real PostgreSQL with real threads: one winner each, and nobody locks crosswise.

A few rounds of each with every change; `make races` runs them long.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

import pytest

from accounts.models import User
from accounts.services import privacy
from accounts.tests.crowd import CROWD, all_at_once
from accounts.tests.factories import UserFactory
from commerce import fulfilment
from commerce.models import Order
from commerce.services import checkout, ordering, refunding, settlement
from commerce.tests.factories import URLS, fake
from commerce.tests.rounds import failures, race, rounds
from library.models import Book, Borrowing, Charge, Copy, Hold, LibraryCard, Renewal
from library.services import charging, holding, lending
from library.services.refusals import AlreadyBorrowed
from library.tests.factories import NOW, TODAY, BookFactory
from library.tests.lending import findings, give_back, hold, lend, morning_of, write_rules

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

TOMORROW = NOW + timedelta(hours=24)


def kinds_of(answers):
    return Counter(type(answer) for answer in answers)


# --- One winner --------------------------------------------------------------------------------------------
def test_the_last_copy_borrowed_by_sixteen_at_once_is_lent_to_one():
    book = BookFactory(copies=1)
    members = [UserFactory() for _member in range(CROWD)]

    answers = race([partial(lend, book, to=member) for member in members])

    assert kinds_of(answers) == {Borrowing: 1, lending.NoCopyAvailable: CROWD - 1}
    assert Borrowing.objects.count() == Order.objects.count() == Charge.objects.count() == 1
    assert Copy.objects.get().status == "ON_LOAN"
    assert findings() == []


def test_a_book_borrowed_sixteen_times_at_once_by_one_member_is_one_loan():
    book, member = BookFactory(copies=CROWD), UserFactory()

    answers = all_at_once(lambda: lend(book, to=member))

    assert kinds_of(answers) == {Borrowing: 1, AlreadyBorrowed: CROWD - 1}
    assert LibraryCard.objects.count() == 1
    assert findings() == []


def test_sixteen_books_borrowed_at_once_by_one_member_are_as_many_as_the_rules_allow():
    write_rules(max_loans=3)
    books, member = [BookFactory(copies=1) for _book in range(CROWD)], UserFactory()

    answers = race([partial(lend, book, to=member) for book in books])

    assert kinds_of(answers) == {Borrowing: 3, lending.TooManyLoans: CROWD - 3}
    assert Borrowing.objects.by(member).open().count() == 3
    assert findings() == []


def test_a_loan_returned_sixteen_times_at_once_is_back_once_and_fined_once():
    borrowing = lend()
    late = date(2026, 6, 18)

    answers = all_at_once(lambda: give_back(Borrowing.objects.get(pk=borrowing.pk), on=late))

    assert kinds_of(answers) == {lending.Return: 1, lending.AlreadyReturned: CROWD - 1}
    assert Charge.objects.filter(kind="FINE").count() == 1
    assert Order.objects.count() == 2
    assert [change.to_status for change in Copy.objects.get().status_changes.all()] == [
        "ON_LOAN",
        "AVAILABLE",
    ]
    assert findings() == []


def test_a_loan_renewed_sixteen_times_at_once_is_renewed_as_often_as_the_rules_allow():
    write_rules(max_renewals=2)
    borrowing = lend()

    answers = all_at_once(
        lambda: lending.renew(borrowing=Borrowing.objects.get(pk=borrowing.pk), on=TODAY, at=NOW, by=None)
    )

    assert kinds_of(answers) == {Renewal: 2, lending.RenewalsUsedUp: CROWD - 2}
    assert sorted(Renewal.objects.values_list("number", "due_after")) == [
        (1, date(2026, 6, 29)),
        (2, date(2026, 7, 13)),
    ]
    borrowing.refresh_from_db()
    assert borrowing.expected_return_date == date(2026, 7, 13)
    assert Charge.objects.filter(kind="RENEWAL").count() == 2
    assert findings() == []


def test_a_loan_whose_renewal_is_clicked_sixteen_times_at_once_is_renewed_once():
    write_rules(max_renewals=5)
    borrowing = lend()
    seen = borrowing.expected_return_date

    answers = all_at_once(
        lambda: lending.renew(
            borrowing=Borrowing.objects.get(pk=borrowing.pk), on=TODAY, at=NOW, by=None, due=seen
        )
    )

    assert kinds_of(answers) == {Renewal: 1, lending.RenewedMeanwhile: CROWD - 1}
    assert Charge.objects.filter(kind="RENEWAL").count() == 1
    assert findings() == []


def test_a_hold_placed_sixteen_times_at_once_by_one_member_is_one_hold():
    book, member = lend().book, UserFactory()

    answers = all_at_once(lambda: hold(book, by=member))

    assert kinds_of(answers) == {Hold: 1, holding.AlreadyHeld: CROWD - 1}
    assert findings() == []


def test_holds_of_sixteen_books_placed_at_once_by_one_member_are_as_many_as_the_rules_allow():
    write_rules(max_holds=3)
    books, member = [lend().book for _book in range(CROWD)], UserFactory()

    answers = race([partial(hold, book, by=member) for book in books])

    assert kinds_of(answers) == {Hold: 3, holding.TooManyHolds: CROWD - 3}


def test_sixteen_who_place_a_hold_at_once_stand_at_sixteen_places():
    book = lend().book

    holds = race([partial(hold, book, by=member) for member in [UserFactory() for _n in range(CROWD)]])

    assert sorted(holding.position(each) for each in holds) == list(range(1, CROWD + 1))
    assert findings() == []


def test_a_hold_cancelled_sixteen_times_at_once_passes_its_copy_on_once():
    borrowing = lend()
    first = hold(borrowing.book)
    hold(borrowing.book, at=NOW + timedelta(minutes=1))
    hold(borrowing.book, at=NOW + timedelta(minutes=2))
    give_back(borrowing)

    answers = all_at_once(
        lambda: holding.cancel(hold=Hold.objects.get(pk=first.pk), at=NOW, on=TODAY, by=None)
    )

    assert sorted(answers) == [False] * (CROWD - 1) + [True]
    assert sorted(Hold.objects.values_list("status", flat=True)) == ["CANCELLED", "READY", "WAITING"]
    assert findings() == []


def test_a_loan_handed_out_sixteen_times_at_once_is_handed_out_once():
    borrowing = lend(at_desk=False)

    answers = all_at_once(
        lambda: lending.hand_out(borrowing=Borrowing.objects.get(pk=borrowing.pk), by=None, at=NOW)
    )

    assert sorted(answers) == [False] * (CROWD - 1) + [True]


# --- One against another -----------------------------------------------------------------------------------
def test_a_hold_against_a_return_leaves_no_copy_on_the_shelf_while_somebody_waits():
    for _round in rounds(short=10, long=100):
        borrowing = lend()
        members = [UserFactory() for _member in range(4)]
        acts: list[Callable[[], object]] = [partial(hold, borrowing.book, by=member) for member in members]
        acts.insert(2, partial(give_back, borrowing))

        answers = race(acts)

        assert failures(answers, but=(holding.NoNeedToHold,)) == []
        assert findings() == []


def test_borrowing_against_the_expiry_of_holds_lends_the_copy_once():
    for _round in rounds(short=8, long=100):
        borrowing = lend()
        book, member = borrowing.book, UserFactory()
        hold(book, by=member)
        give_back(borrowing)
        late, others = date(2026, 6, 5), [UserFactory() for _member in range(3)]
        acts: list[Callable[[], object]] = [
            partial(lend, book, to=reader, on=late) for reader in (member, *others)
        ]
        acts += [partial(holding.expire_due, on=late, at=morning_of(late)) for _worker in range(2)]

        answers = race(acts)

        assert failures(answers, but=(lending.NoCopyAvailable,)) == []
        assert Borrowing.objects.of(book).open().count() <= 1
        assert Hold.objects.get(book=book).status in ("EXPIRED", "FULFILLED")
        assert findings() == []


def test_a_payment_against_the_expiry_of_its_loan_pays_for_a_loan_or_goes_back():
    for _round in rounds(short=10, long=200):
        borrowing = lend(at_desk=False)
        order = borrowing.charges.get().order_line.order
        payment = checkout.open_session(order=order, urls=URLS, at=NOW)
        fake().pay(payment.session_id)
        rival = UserFactory()

        answers = race(
            [
                partial(settlement.settle, payment=payment, at=TOMORROW, cause="test"),
                partial(cancel_order, order.pk),
                partial(lend, borrowing.book, to=rival, at=TOMORROW),
            ]
        )

        assert failures(answers, but=(lending.NoCopyAvailable,)) == []
        order.refresh_from_db()
        borrowing.refresh_from_db()
        payment.refresh_from_db()
        went_back = payment.refunds.exists()
        assert (order.status, borrowing.status, went_back) in [
            ("PAID", "OPEN", False),
            ("CANCELLED", "CANCELLED", True),
        ]
        assert findings() == []


def cancel_order(pk):
    return ordering.cancel(order=Order.objects.get(pk=pk), at=TOMORROW, cause="time to pay is over")


def test_a_loan_handed_out_against_the_expiry_of_its_payment_goes_on_or_is_given_up_and_never_both():
    for _round in rounds(short=10, long=200):
        borrowing = lend(at_desk=False)
        order = borrowing.charges.get().order_line.order

        answers = race(
            [partial(lending.hand_out, borrowing=borrowing, by=None, at=NOW), partial(cancel_order, order.pk)]
        )

        assert failures(answers) == []
        borrowing = Borrowing.objects.get(pk=borrowing.pk)
        assert (borrowing.status, borrowing.handed_out_at) in [("OPEN", NOW), ("CANCELLED", None)]
        assert findings() == []


# --- No deadlocks ------------------------------------------------------------------------------------------
def test_nobody_waits_crosswise_when_all_that_can_happen_happens_at_once():
    """Members who share books and have several loans each: pay, let expire, refund, bring back, renew, hold,
    cancel, let holds expire, borrow, hand out, forgive, and one leaves the portal."""
    chance = random.Random(7)
    for _round in rounds(short=5, long=60):
        write_rules(max_loans=50, max_holds=50, max_renewals=50)
        books = [BookFactory(copies=2) for _book in range(4)]
        members = [UserFactory() for _member in range(4)]
        acts: list[Callable[[], object]] = []
        for member in members:
            for book in chance.sample(books, 2):
                acts += loan_and_what_becomes_of_it(book, member, chance)
        for member in members:
            acts.append(partial(hold, chance.choice(books), by=member))
            acts.append(partial(lend, chance.choice(books), to=member, at_desk=False))
        acts.append(partial(holding.expire_due, on=date(2026, 6, 9), at=NOW))
        acts.append(partial(leave, members[0]))
        chance.shuffle(acts)

        answers = race(acts)

        refusals = (
            lending.LendingRefused,
            privacy.DeletionRefused,
            charging.ChargingRefused,
            fulfilment.NotAvailable,
            refunding.RefundRefused,
            checkout.CheckoutRefused,
        )
        assert failures(answers, but=refusals) == []
        assert findings() == []


def loan_and_what_becomes_of_it(
    book: Book, member: User, chance: random.Random
) -> list[Callable[[], object]]:
    try:
        borrowing = lend(book, to=member, at_desk=chance.random() < 0.5)
    except lending.NoCopyAvailable:
        held = hold(book, by=member)
        return [partial(holding.cancel, hold=held, at=NOW, on=TODAY, by=None)]
    charge = borrowing.charges.get()
    order = charge.order_line.order
    payment = checkout.open_session(order=order, urls=URLS, at=NOW)
    fake().pay(payment.session_id)
    if chance.random() < 0.3:
        settlement.settle(payment=payment, at=NOW, cause="before")
        pay: Callable[[], object] = partial(refunding.give_back, payment=payment, at=NOW, by=None)
    else:
        pay = partial(settlement.settle, payment=payment, at=NOW, cause="test")
    rest: list[Callable[[], object]] = [
        partial(cancel_order, order.pk),
        partial(give_back, Borrowing.objects.get(pk=borrowing.pk)),
        partial(lending.renew, borrowing=Borrowing.objects.get(pk=borrowing.pk), on=TODAY, at=NOW, by=None),
        partial(lending.hand_out, borrowing=Borrowing.objects.get(pk=borrowing.pk), by=None, at=NOW),
        partial(charging.waive, charge=charge, by=None, reason="test", at=NOW),
        partial(charging.order_to_pay, charge=charge, at=TOMORROW),
    ]
    return [pay, *chance.sample(rest, 2)]


def leave(member: User) -> None:
    privacy.delete_account(user=User.objects.get(pk=member.pk), at=NOW)
