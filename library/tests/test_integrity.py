"""Each rule of the library finds the row that breaks it, and nothing in a sound library."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.tests.factories import UserFactory
from commerce.models import Order
from commerce.services import integrity
from library.models import Borrowing, Charge, Copy, Hold, Renewal
from library.services import lending
from library.tests.factories import (
    NOW,
    TODAY,
    BookFactory,
    BorrowingFactory,
    CopyFactory,
    HoldFactory,
)
from library.tests.lending import give_back, hold, lend

pytestmark = pytest.mark.django_db


def found() -> set[tuple[str, str]]:
    """The rules of the library that find something, and the rows."""
    breaches = integrity.breaches(at=NOW)
    return {
        (breach.rule.removeprefix("library_"), breach.row)
        for breach in breaches
        if breach.rule.startswith("library_")
    }


def row(instance) -> str:
    return f"{type(instance).__name__} {instance.pk}"


@pytest.fixture
def borrowing() -> Borrowing:
    return lend(BookFactory(copies=1))


def test_nothing_is_found_in_a_sound_library(borrowing):
    lending.renew(borrowing=borrowing, on=TODAY, at=NOW, by=None)
    hold(borrowing.book)
    give_back(borrowing, on=date(2026, 7, 3))
    lend(at_desk=False)

    assert found() == set()


def test_a_copy_on_loan_without_a_loan_is_found():
    copy = CopyFactory(status="ON_LOAN")

    assert ("copy_unlike_loans", row(copy)) in found()


def test_a_loan_whose_copy_is_not_on_loan_is_found(borrowing):
    Copy.objects.update(status="REPAIR")

    assert ("copy_unlike_loans", row(borrowing.copy)) in found()


def test_a_copy_on_the_hold_shelf_for_nobody_is_found():
    copy = CopyFactory(status="ON_HOLD_SHELF")

    assert ("copy_unlike_holds", row(copy)) in found()


def test_a_hold_ready_whose_copy_is_not_on_the_hold_shelf_is_found(borrowing):
    hold(borrowing.book)
    give_back(borrowing)
    Copy.objects.update(status="AVAILABLE")

    assert ("copy_unlike_holds", row(borrowing.copy)) in found()


def test_a_copy_available_while_somebody_waits_is_found():
    copy = CopyFactory()
    HoldFactory(book=copy.book)

    assert found() == {("available_while_waited_for", row(copy))}


def test_a_loan_of_another_book_than_its_copys_is_found(borrowing):
    Borrowing.objects.update(book=BookFactory())

    assert ("book_unlike_copy", row(borrowing)) in found()


def test_a_hold_of_another_book_than_its_copys_is_found(borrowing):
    held = hold(borrowing.book)
    give_back(borrowing)
    Hold.objects.update(book=BookFactory())

    assert ("book_unlike_copy", row(held)) in found()


@pytest.mark.parametrize(
    "plant",
    [
        lambda charge: Charge.objects.update(amount_minor=1),
        lambda charge: Charge.objects.update(currency="EUR"),
        lambda charge: Charge.objects.update(order_line=None),
        lambda charge: charge.order_line.order.lines.update(kind="borrowing"),
        lambda charge: charge.order_line.order.lines.update(reference="0"),
        lambda charge: charge.order_line.order.lines.update(quantity=2),
        lambda charge: Order.objects.update(buyer=UserFactory()),
    ],
)
def test_a_charge_that_its_order_does_not_ask_for_is_found(plant):
    fine = give_back(lend(), on=date(2026, 6, 18)).fine
    Charge.objects.exclude(pk=fine.pk).delete()

    plant(fine)

    assert ("charge_unlike_order", row(fine)) in found()


@pytest.mark.parametrize("kind", ["FEE", "FINE"])
def test_a_charge_that_its_days_do_not_come_to_is_found(kind):
    borrowing = lend()
    give_back(borrowing, on=date(2026, 6, 18))
    charge = borrowing.charges.get(kind=kind)
    charge.amount_minor += 1
    charge.save()

    assert ("charge_unlike_days", row(charge)) in found()


def test_money_kept_for_a_loan_that_was_given_up_is_found(borrowing):
    charge = borrowing.charges.get()
    Order.objects.update(status="PAID", paid_at=NOW)
    Borrowing.objects.update(status="CANCELLED")

    assert ("charge_of_given_up_loan_paid", row(charge)) in found()


def test_a_gap_in_the_numbers_of_renewals_is_found(borrowing):
    renewal = lending.renew(borrowing=borrowing, on=TODAY, at=NOW, by=None)
    Renewal.objects.update(number=2)

    assert ("renewals_unlike_numbers", row(renewal)) in found()


@pytest.mark.parametrize("kind", ["copy", "borrowing", "hold"])
def test_a_row_that_moved_without_a_history_is_found(kind, borrowing):
    held = hold(borrowing.book)
    give_back(borrowing)
    moved = {"copy": borrowing.copy, "borrowing": borrowing, "hold": held}[kind]
    moved.status_changes.all().delete()

    assert (f"{kind}_history", row(moved)) in found()


def test_the_check_asks_as_often_for_three_loans_as_for_one(borrowing, django_assert_num_queries):
    def asked():
        connection.force_debug_cursor = True
        before = len(connection.queries_log)
        assert found() == set()
        return len(connection.queries_log) - before

    give_back(borrowing, on=date(2026, 6, 18))
    once = asked()
    for _loan in range(2):
        give_back(lend(), on=date(2026, 6, 18))
    thrice = asked()
    connection.force_debug_cursor = False

    assert once == thrice


# --- The database itself -----------------------------------------------------------------------------------
def refused_by(name: str, plant) -> None:
    """plant is refused by the database, for the reason of this name."""
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        plant()
    columns = {
        "library_borrowing_copy_lent_once": "copy_id",
        "library_borrowing_one_open_loan_of_a_book_per_member": "member_id, library_borrowing.book_id",
        "library_hold_one_open_per_member_and_book": "member_id, library_hold.book_id",
        "library_hold_copy_set_aside_once": "copy_id",
        "library_renewal_each_number_once": "borrowing_id, library_renewal.number",
    }
    assert name in str(refused.value) or columns.get(name, name) in str(refused.value)


def test_the_database_lends_a_copy_once(borrowing):
    refused_by("library_borrowing_copy_lent_once", lambda: BorrowingFactory(copy=borrowing.copy))


def test_the_database_lends_a_member_a_book_once(borrowing):
    copy = CopyFactory(book=borrowing.book)

    refused_by(
        "library_borrowing_one_open_loan_of_a_book_per_member",
        lambda: BorrowingFactory(copy=copy, member=borrowing.member),
    )


def test_the_database_takes_one_open_hold_of_a_book_from_a_member(borrowing):
    held = hold(borrowing.book)

    refused_by(
        "library_hold_one_open_per_member_and_book",
        lambda: HoldFactory(book=held.book, member=held.member),
    )


def test_the_database_sets_a_copy_aside_once(borrowing):
    held = hold(borrowing.book)
    give_back(borrowing)

    refused_by(
        "library_hold_copy_set_aside_once",
        lambda: HoldFactory(book=held.book, status="READY", copy=borrowing.copy, shelf_until=TODAY),
    )


def test_the_database_numbers_renewals_once(borrowing):
    renewal = lending.renew(borrowing=borrowing, on=TODAY, at=NOW, by=None)

    refused_by(
        "library_renewal_each_number_once",
        lambda: Renewal.objects.create(
            borrowing=borrowing,
            number=renewal.number,
            due_before=renewal.due_after,
            due_after=renewal.due_after + timedelta(1),
            renewed_at=NOW,
        ),
    )


@pytest.mark.parametrize("kind", ["FEE", "FINE"])
def test_the_database_charges_a_loan_one_fee_and_one_fine(kind):
    borrowing = lend()
    give_back(borrowing, on=date(2026, 6, 18))
    charge = borrowing.charges.get(kind=kind)
    charge.pk, charge.order_line = None, None

    with pytest.raises(IntegrityError), transaction.atomic():
        charge.save(force_insert=True)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"expected_return_date": TODAY}, "due_a_day_after_it_was_borrowed"),
        (
            {"status": "RETURNED", "actual_return_date": date(2026, 5, 31)},
            "returned_after_it_was_borrowed",
        ),
        ({"status": "RETURNED"}, "return_date_iff_returned"),
        ({"status": "OPEN", "actual_return_date": TODAY}, "return_date_iff_returned"),
    ],
)
def test_the_database_keeps_the_days_of_a_loan_in_order(borrowing, fields, name):
    refused_by(f"library_borrowing_{name}", lambda: Borrowing.objects.update(**fields))
