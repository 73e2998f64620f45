"""Lending a copy and taking it back: what is taken, what it costs, and why it is refused."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.tests.factories import UserFactory
from commerce.models import Order
from commerce.money import Money
from library.models import Borrowing, Charge, Closure, Copy, Hold, LibraryCard
from library.services import lending
from library.tests.factories import NOW, TODAY, BookFactory, CopyFactory
from library.tests.lending import findings, give_back, hold, lend, write_rules

pytestmark = pytest.mark.django_db


# --- Borrowing ---------------------------------------------------------------------------------------------
def test_lending_takes_one_copy_and_asks_for_the_fee_of_its_days():
    book = BookFactory(title="Dune", copies=2, daily_fee=Decimal("1.50"))
    member = UserFactory()

    borrowing = lending.lend(book=book, to=member, until=date(2026, 6, 11), on=TODAY, at=NOW)

    assert (borrowing.status, borrowing.member, borrowing.book) == ("OPEN", member, book)
    assert (borrowing.borrow_date, borrowing.expected_return_date) == (TODAY, date(2026, 6, 11))
    assert sorted(book.copies.values_list("status", flat=True)) == ["AVAILABLE", "ON_LOAN"]
    charge = borrowing.charges.get()
    assert (charge.kind, charge.days, charge.amount) == ("FEE", 10, Money(Decimal("15.00"), "USD"))
    order = charge.order_line.order
    assert (order.buyer, order.total, order.status) == (member, charge.amount, Order.Status.AWAITING_PAYMENT)
    assert order.lines.get().title == "“Dune”: borrowed for 10 days"
    assert findings() == []


def test_a_free_book_makes_no_charge():
    borrowing = lend(BookFactory(copies=1, daily_fee=0))

    assert not Charge.objects.filter(borrowing=borrowing).exists()
    assert not Order.objects.exists()
    assert findings() == []


def test_the_offer_names_the_price_and_the_day_and_writes_nothing():
    book, member = BookFactory(copies=1), UserFactory()

    offered = lending.offer(book=book, to=member, until=date(2026, 6, 15), on=TODAY, at=NOW)

    assert (offered.days, offered.due, offered.price) == (14, date(2026, 6, 15), Money(Decimal(14), "USD"))
    assert offered.is_possible
    assert offered.hold_position is None
    assert not LibraryCard.objects.exists()
    assert not Borrowing.objects.exists()


def test_the_offer_is_what_is_charged():
    write_rules(opens_monday=False)
    book, member = BookFactory(copies=1), UserFactory()

    offered = lending.offer(book=book, to=member, until=date(2026, 6, 15), on=TODAY, at=NOW)
    borrowing = lending.lend(book=book, to=member, until=date(2026, 6, 15), on=TODAY, at=NOW)

    # 15 June is a Monday; the day more is free of charge.
    assert offered.due == borrowing.expected_return_date == date(2026, 6, 16)
    assert offered.price == borrowing.charges.get().amount == Money(Decimal(14), "USD")


def test_a_loan_waits_at_the_desk_unless_it_was_made_there():
    here = lend(at_desk=True)
    on_the_site = lend(at_desk=False)
    write_rules(is_handed_out_at_desk=False)
    by_oneself = lend(at_desk=False)

    assert [each.handed_out_at for each in (here, on_the_site, by_oneself)] == [NOW, None, NOW]


def test_a_loan_is_handed_out_once():
    borrowing, librarian = lend(at_desk=False), UserFactory(staff=True)

    answers = [lending.hand_out(borrowing=borrowing, by=librarian, at=NOW) for _time in range(2)]

    assert answers == [True, False]
    assert (borrowing.handed_out_at, borrowing.handed_out_by) == (NOW, librarian)


def test_a_card_is_made_on_first_need_and_kept():
    member = UserFactory()

    lend(to=member)
    card = lending.card_of(member, NOW)

    assert LibraryCard.objects.get() == card
    assert card.number[0] == "M"
    assert len(card.number) == 9


# --- What is refused ---------------------------------------------------------------------------------------
def refusal_of(book, member, **kwargs):
    """The code with which lending is refused, and offered, too."""
    until = kwargs.pop("until", TODAY + timedelta(days=14))
    on, at = kwargs.pop("on", TODAY), kwargs.pop("at", NOW)
    with pytest.raises(lending.LendingRefused) as refused:
        lending.lend(book=book, to=member, until=until, on=on, at=at, **kwargs)
    if not kwargs:  # an offer is of any copy
        offered = lending.offer(book=book, to=member, until=until, on=on, at=at)
        assert str(offered.blocks[0]) == str(refused.value)
    return refused.value.code


def test_a_lent_copy_cannot_be_lent_again():
    book = BookFactory(title="Dune", copies=1)
    lend(book, days=14)

    with pytest.raises(lending.NoCopyAvailable) as refused:
        lend(book)

    assert str(refused.value) == "“Dune” is out until 15 June 2026; you can place a hold."
    assert refusal_of(book, UserFactory()) == "no_copy"
    assert Borrowing.objects.count() == 1


@pytest.mark.parametrize("days", [-1, 0, 31])
def test_a_loan_lasts_one_day_at_least_and_as_long_as_the_rules_say_at_most(days):
    assert refusal_of(BookFactory(copies=1), UserFactory(), until=TODAY + timedelta(days)) == "bad_dates"


def test_a_member_has_a_book_once():
    book, member = BookFactory(copies=2), UserFactory()
    lend(book, to=member)

    assert refusal_of(book, member) == "already_borrowed"


def test_a_member_has_so_many_books_at_a_time():
    write_rules(max_loans=2)
    member = UserFactory()
    for _book in range(2):
        lend(to=member)

    assert refusal_of(BookFactory(copies=1), member) == "too_many_loans"


def test_who_has_something_overdue_borrows_nothing():
    member = UserFactory()
    lend(BookFactory(copies=1, daily_fee=0), to=member, days=14)

    assert (
        refusal_of(BookFactory(copies=1), member, on=date(2026, 6, 16), until=date(2026, 6, 20)) == "overdue"
    )
    assert lend(to=member, on=date(2026, 6, 15)).status == "OPEN"


def test_what_waits_at_the_desk_is_not_overdue():
    member = UserFactory()
    lend(BookFactory(copies=1, daily_fee=0), to=member, days=1, at_desk=False)

    assert lend(to=member, on=date(2026, 6, 9)).status == "OPEN"


def test_who_owes_more_than_the_rules_allow_borrows_nothing_once_the_time_to_pay_is_over():
    write_rules(unpaid_limit=Decimal(14))
    member, later = UserFactory(), NOW + timedelta(hours=24)
    lend(BookFactory(copies=1, daily_fee=Decimal("0.50")), to=member, days=14)
    lend(BookFactory(copies=1, daily_fee=Decimal("0.50")), to=member, days=14)
    lend(BookFactory(copies=1, daily_fee=Decimal("0.10")), to=member, days=1)

    assert refusal_of(BookFactory(copies=1), member, at=later) == "unpaid"
    assert lend(to=member).status == "OPEN"


def test_a_blocked_card_borrows_nothing():
    member = UserFactory()
    LibraryCard.objects.filter(pk=lending.card_of(member, NOW).pk).update(blocked_reason="The card was lost")

    with pytest.raises(lending.CardBlocked) as refused:
        lend(to=member)

    assert str(refused.value) == "The library card is blocked: The card was lost. Ask at the desk."


def test_a_closed_account_stands_among_what_is_in_the_way_at_the_desk():
    member = UserFactory(is_active=False)

    blocks = lending.standing_blocks(member=member, on=TODAY, at=NOW)

    assert [str(block) for block in blocks] == [
        "The library card is blocked: the account of its owner is closed. Ask at the desk."
    ]


def test_a_closed_account_renews_nothing():
    borrowing = lend()
    borrowing.member.is_active = False
    borrowing.member.save(update_fields=["is_active"])

    assert refused_renewal(borrowing) == "card_blocked"


def test_a_closed_account_borrows_nothing():
    with pytest.raises(lending.CardBlocked):
        lend(to=UserFactory(is_active=False))

    assert not LibraryCard.objects.exists()


# --- A copy at hand ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", ["ON_LOAN", "REPAIR", "MISSING", "WITHDRAWN"])
def test_a_copy_at_hand_that_is_elsewhere_is_not_lent(status):
    copy = CopyFactory(status=status)

    assert refusal_of(copy.book, UserFactory(), copy=copy) == "copy_not_lendable"


def test_a_copy_of_another_book_is_not_lent():
    assert refusal_of(BookFactory(copies=1), UserFactory(), copy=CopyFactory()) == "copy_not_lendable"


def test_the_copy_at_hand_is_the_one_lent():
    book = BookFactory(copies=3)
    copy = book.copies.last()

    assert lend(book, copy=copy).copy == copy


def test_a_copy_set_aside_is_lent_to_who_it_is_for_and_nobody_else():
    book, member = BookFactory(copies=1), UserFactory()
    loan = lend(book)
    held = hold(book, by=member)
    give_back(loan)

    assert refusal_of(book, UserFactory()) == "no_copy"
    assert refusal_of(book, UserFactory(), copy=book.copies.get()) == "held_for_another"
    borrowing = lend(book, to=member)

    held.refresh_from_db()
    assert (held.status, held.borrowing, held.copy) == ("FULFILLED", borrowing, None)
    assert findings() == []


def test_who_takes_another_copy_than_the_one_set_aside_leaves_that_one_to_the_next():
    book, member = BookFactory(copies=2), UserFactory()
    loans = [lend(book) for _copy in range(2)]
    hold(book, by=member)
    give_back(loans[0])
    set_aside = book.copies.get(status="ON_HOLD_SHELF")
    give_back(loans[1])
    at_hand = book.copies.get(status="AVAILABLE")

    borrowing = lend(book, to=member, copy=at_hand)

    set_aside.refresh_from_db()
    assert borrowing.copy == at_hand
    assert set_aside.status == "AVAILABLE"
    assert findings() == []


# --- Bringing back -----------------------------------------------------------------------------------------
def test_a_book_brought_back_in_time_is_on_the_shelf_and_costs_no_more():
    borrowing = lend(days=14)

    returned = give_back(borrowing, on=date(2026, 6, 15))

    assert (borrowing.status, borrowing.actual_return_date) == ("RETURNED", date(2026, 6, 15))
    assert (returned.fine, returned.next_hold) == (None, None)
    assert borrowing.book.copies.get().status == "AVAILABLE"
    assert findings() == []


def test_a_second_return_is_refused():
    borrowing = lend()
    give_back(borrowing, on=date(2026, 6, 3))

    with pytest.raises(lending.AlreadyReturned) as refused:
        give_back(borrowing, on=date(2026, 6, 4))

    assert str(refused.value) == f"“{borrowing.book}” was brought back on 3 June 2026 already."
    assert Borrowing.objects.get().actual_return_date == date(2026, 6, 3)


def test_a_late_return_is_fined_days_by_fee_by_multiplier_as_an_order_of_its_own():
    borrowing = lend(BookFactory(title="Dune", copies=1, daily_fee=Decimal("1.50")), days=14)

    fine = give_back(borrowing, on=date(2026, 6, 18)).fine

    assert (fine.kind, fine.days, fine.amount) == ("FINE", 3, Money(Decimal("9.00"), "USD"))
    order = fine.order_line.order
    assert (order.total, order.lines.get().title) == (fine.amount, "“Dune”: fine for 3 days of delay")
    assert (order.lines.get().kind, order.lines.get().reference) == ("fine", str(borrowing.pk))
    assert findings() == []


def test_a_fine_goes_by_the_rule_of_the_day_the_loan_was_made():
    borrowing = lend(days=14)
    write_rules(fine_multiplier=Decimal(5))

    assert give_back(borrowing, on=date(2026, 6, 16)).fine.amount == Money(Decimal(2), "USD")


def test_a_book_never_handed_out_is_neither_fined_nor_owed():
    borrowing = lend(days=1, at_desk=False)

    returned = give_back(borrowing, on=date(2026, 6, 9))

    assert (borrowing.status, returned.fine) == ("RETURNED", None)
    assert borrowing.charges.get().order_line.order.status == Order.Status.CANCELLED
    assert not Charge.objects.unpaid().exists()
    assert findings() == []


def test_what_nobody_fetched_until_it_was_due_goes_to_the_next():
    free = lend(BookFactory(copies=1, daily_fee=0), days=14, at_desk=False)
    unpaid = lend(days=1, at_desk=False)
    fetched = lend(days=1)
    held = hold(free.book)

    counts = [lending.close_unfetched(on=date(2026, 6, day), at=NOW) for day in (2, 15, 16, 17)]

    for each in (free, unpaid, fetched, held):
        each.refresh_from_db()
    assert counts == [0, 1, 1, 0]
    assert (free.status, free.actual_return_date, held.status) == ("RETURNED", date(2026, 6, 16), "READY")
    assert (unpaid.status, unpaid.charges.get().order_line.order.status) == ("RETURNED", "CANCELLED")
    assert fetched.status == "OPEN"
    assert findings() == []


@pytest.mark.parametrize("condition", [Copy.Status.REPAIR, Copy.Status.MISSING])
def test_what_comes_back_broken_or_not_at_all_is_not_put_on_the_shelf(condition):
    borrowing = lend()
    held = hold(borrowing.book)

    returned = give_back(borrowing, condition=condition)

    held.refresh_from_db()
    assert (held.status, returned.next_hold) == ("WAITING", None)
    assert borrowing.book.copies.get().status == condition
    assert findings() == []


def test_a_book_does_not_come_back_withdrawn():
    with pytest.raises(ValueError, match="not WITHDRAWN"):
        give_back(lend(), condition=Copy.Status.WITHDRAWN)


def test_members_bring_books_to_the_desk_where_the_rules_say_so():
    write_rules(may_members_return=False)
    borrowing, librarian = lend(), UserFactory(staff=True)

    with pytest.raises(lending.ReturnAtDesk):
        lending.give_back(borrowing=borrowing, on=TODAY, at=NOW, by=borrowing.member)
    lending.give_back(borrowing=borrowing, on=TODAY, at=NOW, by=librarian)

    assert borrowing.status == "RETURNED"


def test_a_book_brought_back_goes_to_who_waits_longest():
    book = BookFactory(copies=1)
    borrowing = lend(book)
    first = hold(book, at=NOW)
    second = hold(book, at=NOW + timedelta(minutes=1))

    returned = give_back(borrowing, on=date(2026, 6, 2))

    for each in (first, second):
        each.refresh_from_db()
    assert returned.next_hold == first
    assert (first.status, first.copy, first.shelf_until) == ("READY", book.copies.get(), date(2026, 6, 5))
    assert (second.status, book.copies.get().status) == ("WAITING", "ON_HOLD_SHELF")
    assert findings() == []


# --- Renewing ----------------------------------------------------------------------------------------------
def test_a_renewal_makes_the_loan_longer_from_the_day_it_is_due_at_its_own_fee():
    borrowing = lend(days=14)
    borrowing.book.daily_fee = Decimal(9)
    borrowing.book.save()

    renewal = lending.renew(borrowing=borrowing, on=date(2026, 6, 10), at=NOW, by=borrowing.member)

    assert (renewal.number, renewal.due_before, renewal.due_after) == (
        1,
        date(2026, 6, 15),
        date(2026, 6, 29),
    )
    assert borrowing.expected_return_date == date(2026, 6, 29)
    assert (renewal.charge.days, renewal.charge.amount) == (14, Money(Decimal(14), "USD"))
    assert renewal.charge.order_line.kind == "renewal"
    assert findings() == []


def test_a_renewal_of_a_day_that_is_no_more_is_refused():
    borrowing = lend(days=14)
    lending.renew(borrowing=borrowing, on=TODAY, at=NOW, by=None, due=date(2026, 6, 15))

    with pytest.raises(lending.RenewedMeanwhile, match="29 June 2026"):
        lending.renew(borrowing=borrowing, on=TODAY, at=NOW, by=None, due=date(2026, 6, 15))

    assert borrowing.renewals.count() == 1


def refused_renewal(borrowing, *, on=TODAY, at=NOW):
    with pytest.raises(lending.LendingRefused) as refused:
        lending.renew(borrowing=borrowing, on=on, at=at, by=None)
    offered = lending.renewal_offer(borrowing=borrowing, on=on, at=at)
    assert str(offered.blocks[0]) == str(refused.value)
    return refused.value.code


def test_a_loan_is_renewed_as_often_as_the_rules_say():
    write_rules(max_renewals=1)
    borrowing = lend()
    lending.renew(borrowing=borrowing, on=TODAY, at=NOW, by=None)

    assert refused_renewal(borrowing) == "renewals_used_up"


def test_a_loan_that_somebody_waits_for_is_not_renewed():
    borrowing = lend()
    hold(borrowing.book)

    assert refused_renewal(borrowing) == "wanted_by_another"


def test_what_is_overdue_is_brought_back_and_not_renewed():
    assert refused_renewal(lend(days=14), on=date(2026, 6, 16)) == "overdue"


def test_what_is_back_is_not_renewed():
    borrowing = lend()
    give_back(borrowing)

    assert refused_renewal(borrowing) == "not_open"


def test_what_waits_at_the_desk_is_not_renewed():
    assert refused_renewal(lend(at_desk=False)) == "not_handed_out"


def test_who_owes_renews_nothing():
    borrowing = lend()

    assert refused_renewal(borrowing, at=NOW + timedelta(hours=24)) == "unpaid"


def test_nothing_is_renewed_until_a_day_after_which_the_library_does_not_open():
    borrowing = lend()
    for year in (2026, 2027, 2028):
        Closure.objects.create(since=date(year, 6, 20), until=date(year + 1, 6, 19), reason="Rebuilding")

    offered = lending.renewal_offer(borrowing=borrowing, on=TODAY, at=NOW)

    assert (offered.due, [block.code for block in offered.blocks]) == (date(2026, 6, 29), ["bad_dates"])
    assert refused_renewal(borrowing) == "bad_dates"


def test_a_hold_of_another_book_is_no_hindrance():
    borrowing = lend()
    other = lend()
    hold(other.book)

    assert lending.renew(borrowing=borrowing, on=TODAY, at=NOW, by=None).number == 1
    assert Hold.objects.get().book == other.book
