"""The money of loans: what becomes of a loan when its payment is made, runs out, comes late or goes back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.conf import settings

from accounts.tests.factories import UserFactory
from commerce import fulfilment
from commerce.gateways import GatewayUnavailable
from commerce.models import Order, Payment
from commerce.money import Money
from commerce.services import checkout, ordering, receiving, refunding, renewing, settlement
from commerce.tests.factories import URLS, fake
from library.models import Charge, Copy
from library.services import charging, lending
from library.tests.factories import NOW, BookFactory
from library.tests.lending import findings, give_back, hold, lend

pytestmark = pytest.mark.django_db

TOMORROW = NOW + timedelta(hours=24)


@pytest.fixture
def book():
    return BookFactory(title="Dune", copies=1)


def order_of(borrowing, kind="FEE"):
    return borrowing.charges.get(kind=kind).order_line.order


def open_page(borrowing, *, at=NOW, kind="FEE"):
    return charging.begin_payment(order=order_of(borrowing, kind), urls=URLS, at=at, by=borrowing.member)


def pay(borrowing, *, at=NOW, kind="FEE"):
    payment = open_page(borrowing, at=at, kind=kind)
    fake().pay(payment.session_id)
    return checkout.complete(payment=payment, at=at)


def give_up_unpaid(at=TOMORROW):
    return checkout.sweep_unpaid(at=at)


def status_of(borrowing):
    borrowing.refresh_from_db()
    return borrowing.status


# --- Paying ------------------------------------------------------------------------------------------------
def test_what_is_paid_is_a_page_of_the_fee_and_the_loan_stays_as_it_is(book):
    borrowing = lend(book, at_desk=False)

    payment = pay(borrowing)

    assert (payment.status, payment.amount) == ("PAID", Money(Decimal(14), "USD"))
    line = order_of(borrowing).lines.get()
    assert line.fulfilled_at == NOW
    assert status_of(borrowing) == "OPEN"
    assert not charging.owed(borrowing.member, NOW)
    assert findings() == []


def test_a_fee_too_small_for_cards_is_expected_at_the_desk():
    borrowing = lend(BookFactory(copies=1, daily_fee=Decimal("0.10")), days=2)

    payment = open_page(borrowing)

    assert (payment.method, payment.status, payment.amount) == (
        "cash",
        "PENDING",
        Money(Decimal("0.20"), "USD"),
    )
    assert open_page(borrowing) == payment


def test_the_loan_stands_when_the_provider_does_not_answer_and_its_payment_is_tried_again(book, monkeypatch):
    borrowing = lend(book, at_desk=False)
    with monkeypatch.context() as patched:
        patched.setattr(type(fake()), "open_session", _no_answer)
        with pytest.raises(checkout.ProviderUnavailable):
            open_page(borrowing)

    waiting = Payment.objects.get()
    again = open_page(borrowing, at=NOW + timedelta(minutes=1))

    assert (waiting.status, waiting.session_url) == ("PENDING", "")
    assert (again.pk, bool(again.session_url)) == (waiting.pk, True)
    assert status_of(borrowing) == "OPEN"


def _no_answer(self, request):
    raise GatewayUnavailable("The line was cut.")


def test_after_a_crash_between_loan_and_page_the_payment_is_begun_by_the_number_of_the_loan(book):
    borrowing = lend(book, at_desk=False)

    order = fulfilment.order_for(
        kind="borrowing", reference=borrowing.pk, buyer=borrowing.member, at=NOW + timedelta(hours=1)
    )

    assert order == order_of(borrowing)
    assert not Payment.objects.exists()


def test_after_a_crash_between_loan_and_page_the_loan_is_given_up_in_time(book):
    borrowing = lend(book, at_desk=False)

    assert give_up_unpaid(NOW + timedelta(hours=23)) == 0
    assert give_up_unpaid() == 1

    assert (status_of(borrowing), book.copies.get().status) == ("CANCELLED", "AVAILABLE")
    assert findings() == []


# --- Not paying --------------------------------------------------------------------------------------------
def test_a_loan_not_handed_out_whose_payment_expires_goes_to_the_next(book):
    borrowing = lend(book, at_desk=False)
    held = hold(book)
    payment = open_page(borrowing)

    give_up_unpaid()

    payment.refresh_from_db()
    held.refresh_from_db()
    assert (payment.status, status_of(borrowing)) == ("EXPIRED", "CANCELLED")
    assert (held.status, held.copy) == ("READY", book.copies.get())
    assert not charging.owed(borrowing.member, TOMORROW)
    assert findings() == []


def test_a_loan_handed_out_whose_payment_expires_goes_on_and_its_fee_stays_owed(book):
    borrowing = lend(book)
    open_page(borrowing)

    give_up_unpaid()

    debt = charging.owed(borrowing.member, TOMORROW)
    assert status_of(borrowing) == "OPEN"
    assert order_of(borrowing).status == Order.Status.CANCELLED
    assert debt.total == debt.outstanding == (Money(Decimal(14), "USD"),)
    assert findings() == []


def test_what_can_be_paid_yet_is_owed_and_not_outstanding(book):
    borrowing = lend(book)

    debt = charging.owed(borrowing.member, NOW)

    assert ([charge.kind for charge in debt.charges], debt.outstanding) == (["FEE"], ())


def test_a_fee_stays_owed_after_the_book_is_back(book):
    borrowing = lend(book)
    give_back(borrowing)

    give_up_unpaid()

    assert status_of(borrowing) == "RETURNED"
    assert charging.owed(borrowing.member, TOMORROW).total == (Money(Decimal(14), "USD"),)


def test_fines_stay_owed_when_their_payment_expires(book):
    borrowing = lend(book)
    pay(borrowing)
    give_back(borrowing, on=date(2026, 6, 18))
    later = NOW + timedelta(days=18, hours=1)

    give_up_unpaid(later)

    assert charging.owed(borrowing.member, later).outstanding == (Money(Decimal(6), "USD"),)
    assert findings() == []


def test_a_debt_whose_payment_is_only_begun_anew_stays_in_the_way_of_the_next_loan(book):
    borrowing = lend(book)
    give_up_unpaid()

    order = charging.order_to_pay(charge=borrowing.charges.get(), at=TOMORROW)

    assert order.may_be_paid(at=TOMORROW)
    assert charging.owed(borrowing.member, TOMORROW).outstanding == (Money(Decimal(14), "USD"),)
    with pytest.raises(lending.SomethingUnpaid):
        lend(to=borrowing.member, on=date(2026, 6, 2), at=TOMORROW)


# --- Paying late -------------------------------------------------------------------------------------------
def late_money(borrowing, *, at=TOMORROW):
    """The page is paid at the last moment, and the news of it comes after the loan was given up."""
    payment = open_page(borrowing)
    ordering.cancel(order=order_of(borrowing), at=at, cause="time to pay is over")
    fake().pay(payment.session_id)
    return payment


def test_late_money_opens_the_loan_again_while_a_copy_is_there(book):
    borrowing = lend(book, at_desk=False)
    payment = late_money(borrowing)
    given_up = status_of(borrowing)

    checkout.complete(payment=payment, at=TOMORROW)

    assert (given_up, status_of(borrowing)) == ("CANCELLED", "OPEN")
    assert (order_of(borrowing).status, book.copies.get().status) == ("PAID", "ON_LOAN")
    assert findings() == []


def test_late_money_takes_another_copy_when_the_old_one_is_gone():
    book = BookFactory(copies=2)
    borrowing = lend(book, at_desk=False)
    payment = late_money(borrowing)
    old = borrowing.copy
    lend(book, copy=old)

    checkout.complete(payment=payment, at=TOMORROW)

    assert status_of(borrowing) == "OPEN"
    assert borrowing.copy != old
    assert findings() == []


def refunded(payment):
    """The payment is on its way back, or back already."""
    for refund in payment.refunds.all():
        refunding.send(refund=refund, at=TOMORROW)
    payment.refresh_from_db()
    return payment.status


def test_late_money_goes_back_when_no_copy_is_there(book):
    borrowing = lend(book, at_desk=False)
    payment = late_money(borrowing)
    lend(book)

    checkout.complete(payment=payment, at=TOMORROW)

    assert (status_of(borrowing), refunded(payment)) == ("CANCELLED", "REFUNDED")
    assert payment.refunds.get().reason == "“Dune” is out until 15 June 2026; you can place a hold."
    assert findings() == []


def test_late_money_goes_back_when_the_days_are_over(book):
    borrowing = lend(book, days=1, at_desk=False)
    payment = late_money(borrowing)

    checkout.complete(payment=payment, at=TOMORROW)

    assert (status_of(borrowing), refunded(payment)) == ("CANCELLED", "REFUNDED")


def test_late_money_goes_back_when_the_member_has_the_book_by_another_loan():
    book, member = BookFactory(copies=2), UserFactory()
    borrowing = lend(book, to=member, at_desk=False)
    payment = late_money(borrowing)
    lend(book, to=member)

    checkout.complete(payment=payment, at=TOMORROW)

    assert (status_of(borrowing), refunded(payment)) == ("CANCELLED", "REFUNDED")
    assert findings() == []


def test_late_money_goes_back_when_the_account_is_closed(book):
    borrowing = lend(book, at_desk=False)
    payment = late_money(borrowing)
    member = borrowing.member
    member.is_active = False
    member.save()

    checkout.complete(payment=payment, at=TOMORROW)

    assert (status_of(borrowing), refunded(payment)) == ("CANCELLED", "REFUNDED")


def test_late_money_for_what_was_handed_out_pays_the_fee(book):
    borrowing = lend(book)
    payment = late_money(borrowing)

    checkout.complete(payment=payment, at=TOMORROW)

    assert (status_of(borrowing), order_of(borrowing).status) == ("OPEN", "PAID")
    assert not charging.owed(borrowing.member, TOMORROW)


def test_late_money_for_a_book_that_was_never_fetched_goes_back(book):
    borrowing = lend(book, at_desk=False)
    payment = open_page(borrowing)
    give_back(borrowing)
    fake().pay(payment.session_id)

    checkout.complete(payment=payment, at=NOW)

    assert (status_of(borrowing), refunded(payment)) == ("RETURNED", "REFUNDED")
    assert findings() == []


def test_the_payment_of_a_loan_that_was_given_up_is_renewed_and_the_loan_with_it(book):
    borrowing = lend(book, at_desk=False)
    payment = open_page(borrowing)
    give_up_unpaid()

    payment.refresh_from_db()
    renewed = renewing.renew(payment=payment, urls=URLS, at=TOMORROW, by=borrowing.member)

    assert (renewed.status, status_of(borrowing)) == ("PENDING", "OPEN")
    assert book.copies.get().status == "ON_LOAN"
    assert findings() == []


def test_the_payment_of_a_loan_is_not_renewed_when_the_copy_is_gone(book):
    borrowing = lend(book, at_desk=False)
    payment = open_page(borrowing)
    give_up_unpaid()
    lend(book)

    payment.refresh_from_db()
    with pytest.raises(fulfilment.NotAvailable, match="is out until"):
        renewing.renew(payment=payment, urls=URLS, at=TOMORROW, by=borrowing.member)

    assert status_of(borrowing) == "CANCELLED"
    assert order_of(borrowing).status == Order.Status.CANCELLED
    assert findings() == []


def test_who_waits_in_the_queue_does_not_lose_the_copy_to_a_renewed_payment(book):
    borrowing = lend(book, at_desk=False)
    held = hold(book)
    payment = open_page(borrowing)
    give_up_unpaid()

    payment.refresh_from_db()
    with pytest.raises(fulfilment.NotAvailable):
        renewing.renew(payment=payment, urls=URLS, at=TOMORROW, by=borrowing.member)

    held.refresh_from_db()
    assert held.status == "READY"


def test_who_held_a_book_twice_has_one_loan_of_it_when_the_first_payment_is_renewed(book):
    out, member = lend(book), UserFactory()
    first = hold(book, by=member)
    give_back(out)
    borrowing = lend(book, to=member, at_desk=False)
    give_up_unpaid()
    other = lend(book, on=date(2026, 6, 2), at=TOMORROW)
    second = hold(book, by=member, at=TOMORROW)
    give_back(other, on=date(2026, 6, 2))

    charging.order_to_pay(charge=borrowing.charges.get(), at=TOMORROW + timedelta(hours=2))

    first.refresh_from_db()
    second.refresh_from_db()
    assert status_of(borrowing) == "OPEN"
    assert [(each.status, each.borrowing) for each in (first, second)] == [
        ("FULFILLED", None),
        ("FULFILLED", borrowing),
    ]
    assert findings() == []


# --- Paying by the number of the loan ----------------------------------------------------------------------
def order_for(borrowing, *, buyer=None, at=TOMORROW):
    return fulfilment.order_for(
        kind="borrowing", reference=borrowing.pk, buyer=buyer or borrowing.member, at=at
    )


def test_the_oldest_debt_of_a_loan_is_paid_first_and_taken_up_again_whatever_its_age(book):
    borrowing = lend(book)
    give_back(borrowing, on=date(2026, 6, 18))
    much_later = NOW + timedelta(days=100)
    give_up_unpaid(much_later)

    first = order_for(borrowing, at=much_later)
    charging.take_cash(charge=borrowing.charges.get(kind="FEE"), by=None, at=much_later)
    second = order_for(borrowing, at=much_later)

    assert (first, second) == (order_of(borrowing), order_of(borrowing, "FINE"))
    assert second.may_be_paid(at=much_later)


def test_a_loan_that_is_paid_is_not_paid_again(book):
    borrowing = lend(book)
    pay(borrowing)

    with pytest.raises(checkout.AlreadyPaid):
        order_for(borrowing)


def test_nothing_is_paid_for_a_free_book():
    borrowing = lend(BookFactory(copies=1, daily_fee=0))

    with pytest.raises(fulfilment.NotAvailable, match="nothing to pay"):
        order_for(borrowing)


def test_nobody_pays_for_the_loans_of_others(book):
    borrowing = lend(book)

    with pytest.raises(fulfilment.NothingThere):
        order_for(borrowing, buyer=UserFactory())


# --- Money back --------------------------------------------------------------------------------------------
def test_a_fee_given_back_ends_a_loan_not_handed_out(book):
    borrowing = lend(book, at_desk=False)
    payment = pay(borrowing)

    refunding.give_back(payment=payment, at=NOW, by=None)

    assert (status_of(borrowing), book.copies.get().status) == ("CANCELLED", "AVAILABLE")
    assert findings() == []


def test_a_fee_given_back_leaves_a_loan_that_was_handed_out_and_is_not_owed(book):
    borrowing = lend(book)
    payment = pay(borrowing)

    refunding.give_back(payment=payment, at=NOW, by=None)

    assert (status_of(borrowing), book.copies.get().status) == ("OPEN", "ON_LOAN")
    assert not charging.owed(borrowing.member, TOMORROW)
    assert findings() == []


def test_a_fine_given_back_is_not_owed_again(book):
    borrowing = lend(book)
    give_back(borrowing, on=date(2026, 6, 18))
    payment = pay(borrowing, kind="FINE")

    refunding.give_back(payment=payment, at=NOW, by=None)

    assert [charge.kind for charge in charging.owed(borrowing.member, NOW).charges] == ["FEE"]
    assert findings() == []


# --- At the desk -------------------------------------------------------------------------------------------
def test_cash_at_the_desk_pays_at_once_and_closes_the_page(book):
    borrowing, librarian = lend(book), UserFactory(staff=True)
    page = open_page(borrowing)

    payment = charging.take_cash(charge=borrowing.charges.get(), by=librarian, at=NOW)

    page.refresh_from_db()
    assert (payment.method, payment.status, page.status) == ("cash", "PAID", "EXPIRED")
    assert order_of(borrowing).lines.get().fulfilled_at == NOW
    assert findings() == []


def test_cash_pays_a_debt_whose_time_was_over(book):
    borrowing = lend(book)
    give_up_unpaid()

    charging.take_cash(charge=borrowing.charges.get(), by=None, at=TOMORROW)

    assert not charging.owed(borrowing.member, TOMORROW)


def test_cash_is_not_taken_twice(book):
    borrowing = lend(book)
    charging.take_cash(charge=borrowing.charges.get(), by=None, at=NOW)

    with pytest.raises(charging.ChargeSettled):
        charging.take_cash(charge=borrowing.charges.get(), by=None, at=NOW)

    assert Payment.objects.count() == 1


def test_what_is_forgiven_is_not_owed_and_the_loan_goes_on(book):
    borrowing, librarian = lend(book, at_desk=False), UserFactory(staff=True)
    charge = borrowing.charges.get()

    answers = [charging.waive(charge=charge, by=librarian, reason="A gift", at=NOW) for _time in range(2)]

    assert answers == [True, False]
    assert (charge.waived_at, charge.waived_by, charge.waived_reason) == (NOW, librarian, "A gift")
    assert (status_of(borrowing), order_of(borrowing).status) == ("OPEN", "CANCELLED")
    assert not charging.owed(borrowing.member, TOMORROW)
    assert findings() == []


def test_money_for_what_was_forgiven_goes_back(book):
    borrowing = lend(book)
    payment = open_page(borrowing)
    charging.waive(charge=borrowing.charges.get(), by=None, reason="Ill", at=NOW)
    fake().pay(payment.session_id)

    settlement.settle(payment=payment, at=NOW, cause="test")

    assert refunded(payment) == "REFUNDED"
    assert status_of(borrowing) == "OPEN"
    assert findings() == []


def test_what_was_paid_is_refunded_and_not_forgiven(book):
    borrowing = lend(book)
    pay(borrowing)

    with pytest.raises(charging.ChargeSettled, match="Refund the payment instead"):
        charging.waive(charge=borrowing.charges.get(), by=None, reason="", at=NOW)

    assert Charge.objects.get().waived_at is None


def test_what_was_forgiven_is_not_paid_by_its_number(book):
    borrowing = lend(book)
    charging.waive(charge=borrowing.charges.get(), by=None, reason="Ill", at=NOW)

    with pytest.raises(charging.ChargeSettled):
        charging.order_to_pay(charge=borrowing.charges.get(), at=NOW)


def test_cash_expected_for_a_loan_that_was_given_up_is_not_taken_once_the_copy_is_gone(book):
    borrowing = lend(book, at_desk=False)
    receiving.expect(order=order_of(borrowing), method=Payment.Method.CASH, at=NOW)
    too_late = NOW + settings.PAYABLE_FOR[Payment.Method.CASH]
    give_up_unpaid(too_late)
    lend(book)

    with pytest.raises(fulfilment.NotAvailable):
        charging.take_cash(charge=borrowing.charges.get(), by=None, at=too_late)

    assert (status_of(borrowing), Payment.objects.get(order=order_of(borrowing)).status) == (
        "CANCELLED",
        "EXPIRED",
    )
    assert Copy.objects.get().status == Copy.Status.ON_LOAN


def test_fees_are_summed_up_by_currency():
    member = UserFactory()
    for currency in ("USD", "EUR", "USD"):
        lend(BookFactory(copies=1, currency=currency), to=member, days=10)

    debt = charging.owed(member, NOW)

    assert debt.total == (Money(Decimal(10), "EUR"), Money(Decimal(20), "USD"))


def test_a_loan_handed_out_at_the_last_moment_is_not_given_up(book):
    borrowing = lend(book, at_desk=False)
    lending.hand_out(borrowing=borrowing, by=None, at=TOMORROW)

    give_up_unpaid()

    assert status_of(borrowing) == "OPEN"
