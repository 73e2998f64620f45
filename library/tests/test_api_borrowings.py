"""Borrowings by the API: borrow, give back, renew, hand out; what it costs and why it is refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.utils import timezone
from django.utils.formats import date_format
from rest_framework.throttling import SimpleRateThrottle

from accounts.tests.factories import UserFactory
from commerce.gateways import GatewayUnavailable
from commerce.models import Order, Payment
from commerce.tests.api import PAYMENTS, client_of
from library.models import Borrowing, Charge, Closure, Copy, Hold
from library.services import charging, lending
from library.services.days import day_of
from library.tests.factories import BookFactory, LibraryCardFactory, SubjectFactory
from library.tests.lending import write_rules

pytestmark = pytest.mark.django_db
BORROWINGS = "/api/v1/borrowings/"


def today() -> date:
    return day_of(timezone.now())


def in_days(days: int) -> str:
    return (today() + timedelta(days=days)).isoformat()


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com")


@pytest.fixture
def staff():
    return UserFactory(is_staff=True)


@pytest.fixture
def librarian():
    person = UserFactory()
    person.groups.add(Group.objects.get(name="Librarians"))
    return person


def lent(book=None, *, to, days=14, ago=0, at_desk=True):
    """A loan made so many days ago."""
    at = timezone.now() - timedelta(days=ago)
    on = day_of(at)
    book = book or BookFactory(copies=1)
    until = on + timedelta(days=days)
    return lending.lend(book=book, to=to, until=until, on=on, at=at, at_desk=at_desk)


def borrow(person, book, *, days=14, **query):
    path = BORROWINGS + "".join(f"?{name}={value}" for name, value in query.items())
    return client_of(person).post(path, {"book": book.pk, "expected_return_date": in_days(days)})


def ids(answer):
    assert answer.status_code == 200, answer.json()
    return [row["id"] for row in answer.json()["results"]]


# --- Borrowing ---------------------------------------------------------------------------------------------
def test_borrowing_takes_a_copy_and_answers_with_the_book_in_full_and_where_to_pay(ada):
    book = BookFactory(title="Dune", daily_fee=Decimal("0.50"), copies=2)
    book.subjects.add(SubjectFactory(name="Science fiction"))

    answer = borrow(ada, book)

    told = answer.json()
    row = Borrowing.objects.get()
    assert (answer.status_code, answer["Location"]) == (201, f"http://testserver{BORROWINGS}{row.pk}/")
    assert told["book"] == client_of().get(f"/api/v1/books/{book.pk}/").json()
    assert (told["book"]["title"], told["book"]["inventory"]) == ("Dune", 1)
    assert {name: told[name] for name in told if name not in ("book", "charges", "payments")} == {
        "id": row.pk,
        "user": ada.pk,
        "copy": row.copy.barcode,
        "status": "OPEN",
        "borrow_date": in_days(0),
        "expected_return_date": in_days(14),
        "actual_return_date": None,
        "handed_out_at": None,
        "is_active": True,
        "is_overdue": False,
        "renewals": 0,
    }
    [payment] = told["payments"]
    assert (payment["amount"], payment["currency"], payment["borrowing"]) == ("7.00", "USD", row.pk)
    assert (payment["status"], payment["method"]) == ("PENDING", "stripe")
    assert payment["session_id"]
    assert payment["session_url"].startswith("https://")
    assert client_of(ada).get(f"{BORROWINGS}{row.pk}/").json() == told


def test_the_fee_is_explained(ada):
    told = borrow(ada, BookFactory(daily_fee=Decimal("0.50"), copies=1)).json()

    [charge] = told["charges"]
    assert {name: charge[name] for name in ("kind", "days", "amount", "currency", "status")} == {
        "kind": "FEE",
        "days": 14,
        "amount": "7.00",
        "currency": "USD",
        "status": "UNPAID",
    }
    assert charge["order"] == told["payments"][0]["order"]
    assert charge["explanation"] == [
        {"step": "fee", "days": 14, "amount": "7.00", "words": "14 days at $0.50: $7.00"}
    ]


def test_a_free_book_has_neither_charge_nor_payment(ada):
    told = borrow(ada, BookFactory(daily_fee=0, copies=1)).json()

    assert (told["is_active"], told["charges"], told["payments"]) == (True, [], [])


def test_what_is_too_little_for_cards_is_paid_in_cash(ada):
    told = borrow(ada, BookFactory(daily_fee=Decimal("0.10"), copies=1), days=2).json()

    [payment] = told["payments"]
    assert (payment["amount"], payment["method"], payment["session_url"]) == ("0.20", "cash", None)


def test_without_the_payment_service_the_loan_stands_and_is_paid_later(ada, monkeypatch):
    def silent(*args, **kwargs):
        raise GatewayUnavailable("no answer")

    with monkeypatch.context() as patch:
        patch.setattr("commerce.gateways.fake.FakeGateway.open_session", silent)
        answer = borrow(ada, BookFactory(copies=1))
    later = client_of(ada).post(PAYMENTS, {"borrowing": answer.json()["id"]})

    assert (answer.status_code, answer.json()["is_active"]) == (201, True)
    assert [payment["session_url"] for payment in answer.json()["payments"]] == [None]
    assert later.status_code in (200, 201)
    assert later.json()["session_url"].startswith("https://")
    assert Payment.objects.count() == 1


def test_on_a_closed_day_it_is_due_when_the_library_opens_and_costs_no_more(ada):
    until = today() + timedelta(days=14)
    Closure.objects.create(since=until, until=until + timedelta(days=2), reason="Holidays")

    told = borrow(ada, BookFactory(copies=1)).json()

    assert (told["expected_return_date"], told["charges"][0]["amount"]) == (in_days(17), "14.00")


# --- Refusals ---
def test_without_a_copy_nothing_is_lent(ada):
    book = BookFactory(title="Dune", copies=1)
    lent(book, to=UserFactory())

    answer = borrow(ada, book)

    assert (answer.status_code, answer.json()["code"]) == (409, "no_copy")
    assert answer["Content-Type"] == "application/problem+json"
    assert "you can place a hold" in answer.json()["detail"]
    assert Borrowing.objects.count() == 1


@pytest.mark.parametrize(
    ("code", "prepare"),
    [
        ("already_borrowed", lambda ada, book: lent(book, to=ada)),
        ("card_blocked", lambda ada, book: LibraryCardFactory(member=ada, blocked_reason="Lost.")),
        ("overdue", lambda ada, book: lent(BookFactory(copies=1, daily_fee=0), to=ada, days=2, ago=5)),
        ("unpaid", lambda ada, book: lent(BookFactory(copies=1), to=ada, days=20, ago=5)),
        ("too_many_loans", lambda ada, book: [lent(to=ada) for _n in range(5)]),
    ],
)
def test_what_blocks_the_member_is_said_by_a_code_and_in_words(ada, code, prepare):
    book = BookFactory(copies=2)
    prepare(ada, book)
    before = Borrowing.objects.count()

    answer = borrow(ada, book)

    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert answer.json()["detail"].endswith(".")
    assert Borrowing.objects.count() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expected_return_date": "2999-01-01"}, "book"),
        ({"book": "Dune"}, "book"),
        ({"book": True}, "book"),
        ({"expected_return_date": None}, "expected_return_date"),
        ({"expected_return_date": "tomorrow"}, "expected_return_date"),
        ({"expected_return_date": in_days(0)}, "expected_return_date"),
        ({"expected_return_date": "2001-01-01"}, "expected_return_date"),
        ({"expected_return_date": "9999-12-31"}, "expected_return_date"),
        ({"expected_return_date": in_days(31)}, "expected_return_date"),
    ],
)
def test_what_cannot_be_read_or_is_no_day_to_choose_is_refused(ada, body, field):
    good = {"book": BookFactory(copies=1).pk, "expected_return_date": in_days(14)}
    if field == "book" and "book" not in body:
        del good["book"]

    answer = client_of(ada).post(BORROWINGS, {**good, **body})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Borrowing.objects.exists()


def test_a_book_that_is_not_there_is_not_found(ada):
    body = {"book": 4711, "expected_return_date": in_days(14)}

    assert client_of(ada).post(BORROWINGS, body).status_code == 404


def test_only_who_is_signed_in_borrows():
    answer = borrow(None, BookFactory(copies=1))

    assert answer.status_code == 401
    assert not Borrowing.objects.exists()


def test_borrowing_has_a_limit_of_its_own(ada, monkeypatch):
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "lending", "2/min")
    cache.clear()
    book = BookFactory(copies=5)

    answers = [borrow(ada, book) for _n in range(3)]

    assert [answer.status_code for answer in answers] == [201, 409, 429]
    assert int(answers[2]["Retry-After"]) > 0
    assert client_of(ada).get(BORROWINGS).status_code == 200


# --- Dry run ---
def test_a_dry_run_answers_price_and_day_and_writes_nothing(ada):
    book = BookFactory(daily_fee=Decimal("0.50"), copies=1)

    answer = borrow(ada, book, dry_run="true")

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "is_possible": True,
            "days": 14,
            "expected_return_date": in_days(14),
            "amount": "7.00",
            "currency": "USD",
            "blocks": [],
            "book": book.pk,
            "hold_position": None,
        },
    )
    assert not Borrowing.objects.exists()
    assert not Order.objects.exists()
    assert Copy.objects.get().status == "AVAILABLE"


def test_a_dry_run_says_all_that_would_block(ada):
    book = BookFactory(title="Dune", copies=1)
    lent(book, to=UserFactory())
    LibraryCardFactory(member=ada, blocked_reason="Lost.")

    told = borrow(ada, book, days=90, dry_run="true").json()

    assert told["is_possible"] is False
    assert [block["code"] for block in told["blocks"]] == ["bad_dates", "card_blocked", "no_copy"]
    assert told["blocks"][1]["detail"] == "The library card is blocked: Lost. Ask at the desk."
    assert told["hold_position"] == 1


@pytest.mark.parametrize("query", [{"dry_run": "perhaps"}, {"dryrun": "true"}])
def test_a_misspelt_dry_run_lends_nothing(ada, query):
    answer = borrow(ada, BookFactory(copies=1), **query)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(query))
    assert not Borrowing.objects.exists()


# --- Lists -------------------------------------------------------------------------------------------------
def test_one_sees_ones_own_and_staff_and_librarians_see_all(ada, staff, librarian):
    mine, others = lent(to=ada), lent(to=UserFactory())

    assert ids(client_of(ada).get(BORROWINGS)) == [mine.pk]
    assert client_of(ada).get(f"{BORROWINGS}{others.pk}/").status_code == 404
    for person in (staff, librarian):
        assert ids(client_of(person).get(BORROWINGS)) == [others.pk, mine.pk]
        assert ids(client_of(person).get(BORROWINGS, {"user_id": ada.pk})) == [mine.pk]
        assert client_of(person).get(f"{BORROWINGS}{mine.pk}/").json()["user"] == ada.pk
    assert client_of().get(BORROWINGS).status_code == 401


def test_only_staff_chooses_whose(ada):
    answer = client_of(ada).get(BORROWINGS, {"user_id": ada.pk})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["user_id"])


def test_the_list_is_narrowed_and_ordered(ada):
    late = lent(BookFactory(copies=1, daily_fee=0), to=ada, days=2, ago=3)
    back = lent(BookFactory(copies=1, daily_fee=0), to=UserFactory(), days=9, ago=2)
    Borrowing.objects.filter(pk=back.pk).update(member=ada)
    lending.give_back(borrowing=back, on=today(), at=timezone.now(), by=None)
    fresh = Borrowing.objects.get(pk=borrow(UserFactory(), BookFactory(copies=1), days=5).json()["id"])
    Borrowing.objects.filter(pk=fresh.pk).update(member=ada)
    client = client_of(ada)

    assert ids(client.get(BORROWINGS)) == [fresh.pk, back.pk, late.pk]
    assert ids(client.get(BORROWINGS, {"is_active": "true"})) == [fresh.pk, late.pk]
    assert ids(client.get(BORROWINGS, {"is_active": "false"})) == [back.pk]
    assert ids(client.get(BORROWINGS, {"overdue": "true"})) == [late.pk]
    assert ids(client.get(BORROWINGS, {"overdue": "false", "is_active": "true"})) == [fresh.pk]
    assert ids(client.get(BORROWINGS, {"book": late.book_id})) == [late.pk]
    assert ids(client.get(BORROWINGS, {"ordering": "expected_return_date"})) == [late.pk, fresh.pk, back.pk]
    assert client.get(f"{BORROWINGS}{late.pk}/").json()["is_overdue"] is True


@pytest.mark.parametrize(
    "query",
    [
        {"is_active": "perhaps"},
        {"is_active": ""},
        {"overdue": "2"},
        {"book": "Dune"},
        {"ordering": "member"},
        {"returned": "true"},
    ],
)
def test_what_a_filter_does_not_understand_is_refused(ada, query):
    answer = client_of(ada).get(BORROWINGS, query)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(query))


def test_a_filter_that_is_given_twice_is_refused(ada):
    answer = client_of(ada).get(BORROWINGS + "?is_active=true&is_active=false")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["is_active"])


def test_thirty_borrowings_take_as_many_queries_as_one(ada, staff, django_assert_num_queries):
    borrow(ada, BookFactory(copies=1))
    with django_assert_num_queries(8):
        assert len(ids(client_of(staff).get(BORROWINGS))) == 1
    for _n in range(29):
        borrow(UserFactory(), BookFactory(copies=1))

    with django_assert_num_queries(8):
        told = client_of(staff).get(BORROWINGS, {"page_size": 50}).json()["results"]
    assert [len(each["payments"]) for each in told] == [1] * 30


# --- Returning ---------------------------------------------------------------------------------------------
def test_a_return_puts_the_copy_back_and_happens_once(ada):
    loan = lent(to=ada)
    path = f"{BORROWINGS}{loan.pk}/return/"

    first, second = client_of(ada).post(path), client_of(ada).post(path)

    told = first.json()
    assert (first.status_code, told["status"], told["is_active"]) == (200, "RETURNED", False)
    assert (told["actual_return_date"], told["book"]["inventory"]) == (in_days(0), 1)
    assert (second.status_code, second.json()["code"]) == (409, "already_returned")
    assert Copy.objects.get().status == "AVAILABLE"


def test_a_late_return_is_fined_line_by_line_with_a_payment_of_its_own(ada):
    write_rules(fine_multiplier=2)
    loan = lent(BookFactory(copies=1, daily_fee=Decimal("0.50")), to=ada, days=7, ago=10)

    told = client_of(ada).post(f"{BORROWINGS}{loan.pk}/return/").json()

    fee, fine = told["charges"]
    assert (fine["kind"], fine["days"], fine["amount"], fine["status"]) == ("FINE", 3, "3.00", "UNPAID")
    due, back = (date_format(today() - timedelta(days=days), "DATE_FORMAT") for days in (3, 0))
    assert fine["explanation"] == [
        {
            "step": "delay",
            "days": 3,
            "amount": None,
            "words": f"Due on {due}, brought back on {back}: 3 days late.",
        },
        {"step": "charged", "days": 3, "amount": None, "words": "Fined: 3 days."},
        {"step": "amount", "days": 3, "amount": "3.00", "words": "3 days × $0.50 × 2 = $3.00"},
    ]
    assert fee["kind"] == "FEE"
    [payment] = [payment for payment in told["payments"] if payment["order"] == fine["order"]]
    assert (payment["amount"], payment["borrowing"]) == ("3.00", loan.pk)
    assert payment["session_url"].startswith("https://")
    listed = client_of(ada).get(PAYMENTS, {"borrowing": loan.pk}).json()["results"]
    assert payment in listed


def test_a_copy_that_comes_back_damaged_or_lost_is_not_lent_on(librarian, ada):
    loan = lent(to=ada)

    answer = client_of(librarian).post(f"{BORROWINGS}{loan.pk}/return/", {"condition": "REPAIR"})

    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert Copy.objects.get().status == "REPAIR"


def test_a_member_does_not_say_that_the_copy_is_lost(ada):
    loan = lent(to=ada)

    answer = client_of(ada).post(f"{BORROWINGS}{loan.pk}/return/", {"condition": "MISSING"})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["condition"])
    assert Copy.objects.get().status == "ON_LOAN"


def test_where_the_desk_takes_books_back_members_do_not(ada, librarian):
    write_rules(may_members_return=False)
    loan = lent(to=ada)
    path = f"{BORROWINGS}{loan.pk}/return/"

    refused, done = client_of(ada).post(path), client_of(librarian).post(path)

    assert (refused.status_code, "to the desk" in refused.json()["detail"]) == (403, True)
    assert (done.status_code, done.json()["user"]) == (200, ada.pk)


def test_what_was_never_fetched_costs_nothing(ada):
    loan = borrow(ada, BookFactory(copies=1)).json()

    told = client_of(ada).post(f"{BORROWINGS}{loan['id']}/return/").json()

    assert [charge["status"] for charge in told["charges"]] == ["DROPPED"]
    assert told["book"]["inventory"] == 1


@pytest.mark.parametrize("deed", ["return", "renew", "hand-out"])
def test_nobody_changes_anothers_loan(ada, deed):
    loan = lent(to=ada, at_desk=False)
    onlooker = UserFactory()
    onlooker.user_permissions.add(Permission.objects.get(codename="view_borrowing"))
    path = f"{BORROWINGS}{loan.pk}/{deed}/"

    answers = [client_of(person).post(path) for person in (None, UserFactory(), onlooker)]

    stranger = 403 if deed == "hand-out" else 404
    assert [answer.status_code for answer in answers] == [401, stranger, 403]
    loan.refresh_from_db()
    assert (loan.is_active, loan.handed_out_at, loan.renewals.count()) == (True, None, 0)


# --- Renewing ----------------------------------------------------------------------------------------------
def test_a_renewal_moves_the_day_and_is_paid_as_the_fee_was(ada):
    write_rules(renewal_days=7)
    loan = lent(BookFactory(copies=1, daily_fee=Decimal("0.50")), to=ada)

    answer = client_of(ada).post(f"{BORROWINGS}{loan.pk}/renew/")

    told = answer.json()
    assert (answer.status_code, told["expected_return_date"], told["renewals"]) == (200, in_days(21), 1)
    renewal = told["charges"][1]
    assert (renewal["kind"], renewal["days"], renewal["amount"]) == ("RENEWAL", 7, "3.50")
    assert renewal["explanation"] == [
        {"step": "renewal", "days": 7, "amount": "3.50", "words": "7 days at $0.50: $3.50"}
    ]
    [payment] = [payment for payment in told["payments"] if payment["order"] == renewal["order"]]
    assert (payment["borrowing"], payment["amount"]) == (loan.pk, "3.50")


def test_a_dry_run_of_a_renewal_writes_nothing(ada):
    write_rules(renewal_days=7)
    loan = lent(BookFactory(copies=1, daily_fee=Decimal("0.50")), to=ada)

    answer = client_of(ada).post(f"{BORROWINGS}{loan.pk}/renew/?dry_run=true")

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "is_possible": True,
            "days": 7,
            "expected_return_date": in_days(21),
            "amount": "3.50",
            "currency": "USD",
            "blocks": [],
        },
    )
    assert not loan.renewals.exists()


def test_what_somebody_waits_for_is_not_renewed(ada):
    loan = lent(to=ada)
    Hold.objects.create(book=loan.book, member=UserFactory(), placed_at=timezone.now())
    path = f"{BORROWINGS}{loan.pk}/renew/"

    dry, real = client_of(ada).post(f"{path}?dry_run=true"), client_of(ada).post(path)

    assert [block["code"] for block in dry.json()["blocks"]] == ["wanted_by_another"]
    assert (real.status_code, real.json()["code"]) == (409, "wanted_by_another")
    assert real.json()["detail"] == dry.json()["blocks"][0]["detail"]


def test_a_loan_is_renewed_as_often_as_the_rules_say(ada):
    write_rules(max_renewals=1)
    loan = lent(BookFactory(copies=1, daily_fee=0), to=ada)
    path = f"{BORROWINGS}{loan.pk}/renew/"

    answers = [client_of(ada).post(path) for _n in range(2)]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["code"] == "renewals_used_up"


# --- Handing out and paying --------------------------------------------------------------------------------
def test_the_desk_hands_out_what_waits_and_asking_again_changes_nothing(ada, librarian):
    loan = borrow(ada, BookFactory(copies=1)).json()
    path = f"{BORROWINGS}{loan['id']}/hand-out/"

    first, second = client_of(librarian).post(path), client_of(librarian).post(path)

    assert (first.status_code, loan["handed_out_at"]) == (200, None)
    assert datetime.fromisoformat(first.json()["handed_out_at"])
    assert second.json() == first.json()
    assert Borrowing.objects.get().handed_out_by == librarian


def test_what_is_back_is_not_handed_out(ada, librarian):
    loan = borrow(ada, BookFactory(copies=1)).json()
    client_of(ada).post(f"{BORROWINGS}{loan['id']}/return/")

    answer = client_of(librarian).post(f"{BORROWINGS}{loan['id']}/hand-out/")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_open")


def test_a_loan_is_paid_in_cash_at_the_desk(ada, staff):
    loan = borrow(ada, BookFactory(copies=1)).json()

    cash = client_of(ada).post(PAYMENTS, {"borrowing": loan["id"], "method": "cash"})
    settled = client_of(staff).post(f"{PAYMENTS}{cash.json()['id']}/settle/")

    assert (cash.status_code, settled.json()["status"]) == (201, "PAID")
    told = client_of(ada).get(f"{BORROWINGS}{loan['id']}/").json()
    assert [charge["status"] for charge in told["charges"]] == ["PAID"]
    statuses = {payment["method"]: payment["status"] for payment in told["payments"]}
    assert statuses["cash"] == "PAID"
    assert statuses["stripe"] != "PENDING"


def test_the_oldest_of_what_is_unpaid_is_paid_first(ada):
    loan = lent(BookFactory(copies=1), to=ada, days=7, ago=10)
    client_of(ada).post(f"{BORROWINGS}{loan.pk}/return/")

    amounts = []
    for _n in range(2):
        payment = client_of(ada).post(PAYMENTS, {"borrowing": loan.pk, "method": "cash"}).json()
        amounts.append(payment["amount"])
        charge = Charge.objects.get(order_line__order=payment["order"])
        charging.take_cash(charge=charge, by=None, at=timezone.now())
    nothing = client_of(ada).post(PAYMENTS, {"borrowing": loan.pk})

    assert amounts == ["7.00", "6.00"]
    assert nothing.status_code == 409


def test_nobody_pays_anothers_loan(ada):
    loan = lent(to=ada)

    assert client_of(UserFactory()).post(PAYMENTS, {"borrowing": loan.pk}).status_code == 404


def test_what_is_forgiven_says_so(ada, staff):
    loan = lent(to=ada)
    charging.waive(charge=loan.charges.get(), by=staff, reason="Flood", at=timezone.now())

    told = client_of(ada).get(f"{BORROWINGS}{loan.pk}/").json()

    assert [charge["status"] for charge in told["charges"]] == ["WAIVED"]
