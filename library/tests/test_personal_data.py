"""What the library keeps of a person: in the copy they get, and when their account is deleted."""

from __future__ import annotations

import json
from datetime import date

import pytest

from accounts.models import User
from accounts.services import privacy
from accounts.tests.factories import UserFactory
from library.models import Borrowing, Charge, Copy, Hold, LibraryCard
from library.services import charging, lending
from library.tests.factories import NOW, TODAY, BookFactory
from library.tests.lending import findings, give_back, hold, lend

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com")


def forget(user):
    privacy.delete_account(user=User.objects.get(pk=user.pk), at=NOW)


def test_a_copy_has_card_loans_holds_and_charges(ada):
    borrowing = lend(BookFactory(title="Dune", copies=1), to=ada)
    lending.renew(borrowing=borrowing, on=TODAY, at=NOW, by=ada)
    give_back(borrowing, on=date(2026, 7, 1))
    hold(lend(BookFactory(title="Emma", copies=1)).book, by=ada)

    kept = json.loads(json.dumps(privacy.export(user=ada, at=NOW)))["library"]

    assert kept["card"] == {"number": LibraryCard.objects.get(member=ada).number, "blocked_because": ""}
    (loan,) = kept["loans"]
    assert (loan["book"], loan["status"], loan["returned_on"]) == ("Dune", "RETURNED", "2026-07-01")
    assert loan["renewed_at"] == ["2026-06-01T09:00:00+00:00"]
    assert [(each["for"], each["days"], each["amount"]) for each in kept["charges"]] == [
        ("FEE", 14, "14.00"),
        ("RENEWAL", 14, "14.00"),
        ("FINE", 2, "4.00"),
    ]
    assert kept["holds"] == [{"book": "Emma", "status": "WAITING", "placed_at": "2026-06-01T09:00:00+00:00"}]


def test_who_never_came_to_the_library_has_nothing_there(ada):
    kept = privacy.export(user=ada, at=NOW)["library"]

    assert kept == {"card": None, "loans": [], "holds": [], "charges": []}


def test_nobody_leaves_with_a_book(ada):
    lend(BookFactory(title="Dune", copies=1, daily_fee=0), to=ada)

    with pytest.raises(privacy.DeletionRefused) as refused:
        forget(ada)

    assert str(refused.value) == (
        "“Dune” is borrowed from the library. Bring it back first, then delete the account."
    )
    assert LibraryCard.objects.filter(member=ada).exists()


def test_nobody_leaves_with_a_debt(ada):
    fine = give_back(lend(BookFactory(title="Dune", copies=1), to=ada), on=date(2026, 6, 18)).fine
    charging.take_cash(charge=fine.borrowing.charges.get(kind="FEE"), by=None, at=NOW)

    with pytest.raises(privacy.DeletionRefused) as refused:
        forget(ada)
    charging.waive(charge=fine, by=None, reason="Moved away", at=NOW)
    forget(ada)

    assert str(refused.value) == "6.00 USD is unpaid for “Dune”. Pay it first, then delete the account."
    assert findings() == []


def test_what_was_read_for_free_is_forgotten_with_card_and_holds(ada):
    give_back(lend(BookFactory(copies=1, daily_fee=0), to=ada))
    hold(lend().book, by=ada)

    forget(ada)

    assert not User.objects.filter(pk=ada.pk).exists()
    assert Borrowing.objects.count() == 1
    assert not Hold.objects.exists()
    assert not LibraryCard.objects.filter(member=ada.pk).exists()


def test_what_was_paid_stays_with_its_order_and_names_nobody(ada):
    borrowing = lend(to=ada)
    charging.take_cash(charge=borrowing.charges.get(), by=None, at=NOW)
    give_back(borrowing)

    forget(ada)

    assert Borrowing.objects.get().member.email == f"deleted-{ada.pk}@invalid"
    assert Charge.objects.count() == 1
    assert not LibraryCard.objects.exists()
    assert findings() == []


def test_what_waits_at_the_desk_and_on_the_hold_shelf_goes_to_the_next(ada):
    unpaid, free = (
        lend(to=ada, at_desk=False),
        lend(BookFactory(copies=1, daily_fee=0), to=ada, at_desk=False),
    )
    paid = lend(to=ada, at_desk=False)
    charging.take_cash(charge=paid.charges.get(), by=None, at=NOW)
    out = lend()
    hold(out.book, by=ada)
    give_back(out)
    waiting = [hold(each.book) for each in (unpaid, free, paid, out)]

    forget(ada)

    assert [Hold.objects.get(pk=each.pk).status for each in waiting] == ["READY"] * 4
    assert set(Copy.objects.values_list("status", flat=True)) == {"ON_HOLD_SHELF"}
    assert findings() == []
