"""Holds by the API: waiting for a book, one's place in the queue, and what waits on the shelf."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from accounts.tests.factories import UserFactory
from commerce.tests.api import client_of
from library.models import Closure, Copy, Hold
from library.services import holding, lending, queueing
from library.services.days import day_of
from library.tests.factories import BookFactory, LibraryCardFactory
from library.tests.lending import write_rules

pytestmark = pytest.mark.django_db
HOLDS = "/api/v1/holds/"


def today():
    return day_of(timezone.now())


def in_days(days):
    return (today() + timedelta(days=days)).isoformat()


def lent_out(*, days=14, copies=1, **facts):
    """A book whose copies are all lent from today, and their loans."""
    book = BookFactory(copies=copies, daily_fee=0, **facts)
    for _n in range(copies):
        lend(book, to=UserFactory(), days=days)
    return book


def lend(book, *, to, days=14):
    until = today() + timedelta(days=days)
    return lending.lend(book=book, to=to, until=until, on=today(), at=timezone.now(), at_desk=True)


def bring_back(loan):
    return lending.give_back(borrowing=loan, on=today(), at=timezone.now(), by=None)


def hold(book, *, by=None):
    return holding.place(book=book, member=by or UserFactory(), at=timezone.now(), on=today())


def ids(answer):
    assert answer.status_code == 200, answer.json()
    return [row["id"] for row in answer.json()["results"]]


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com")


@pytest.fixture
def staff():
    return UserFactory(is_staff=True)


# --- Waiting ---
def test_who_waits_reads_the_place_in_the_queue_and_when_to_expect_the_book(ada):
    write_rules(usual_loan_days=14)
    book = lent_out(days=10)
    hold(book)

    answer = client_of(ada).post(HOLDS, {"book": book.pk})

    told = answer.json()
    row = Hold.objects.get(member=ada)
    assert (answer.status_code, answer["Location"]) == (201, f"http://testserver{HOLDS}{row.pk}/")
    assert told["book"] == client_of().get(f"/api/v1/books/{book.pk}/").json()
    assert {name: told[name] for name in told if name not in ("book", "placed_at")} == {
        "id": row.pk,
        "user": ada.pk,
        "status": "WAITING",
        "position": 2,
        "estimate": in_days(24),
        "ready_until": None,
        "borrowing": None,
    }
    assert client_of(ada).get(f"{HOLDS}{row.pk}/").json() == told


def test_what_has_come_back_waits_on_the_shelf_until_a_day_and_is_borrowed(ada):
    write_rules(hold_shelf_days=3)
    book = BookFactory(copies=1, daily_fee=0)
    loan = lend(book, to=UserFactory())
    placed = hold(book, by=ada)
    bring_back(loan)

    ready = client_of(ada).get(f"{HOLDS}{placed.pk}/").json()
    body = {"book": book.pk, "expected_return_date": in_days(14)}
    others = client_of(UserFactory()).post("/api/v1/borrowings/", body)
    mine = client_of(ada).post("/api/v1/borrowings/", body)

    assert (ready["status"], ready["position"], ready["estimate"]) == ("READY", None, None)
    assert (ready["ready_until"], ready["book"]["inventory"]) == (in_days(3), 0)
    assert (others.status_code, others.json()["code"]) == (409, "no_copy")
    assert mine.status_code == 201
    fetched = client_of(ada).get(f"{HOLDS}{placed.pk}/").json()
    assert (fetched["status"], fetched["borrowing"]) == ("FULFILLED", mine.json()["id"])


@pytest.mark.parametrize(
    ("code", "prepare"),
    [
        ("already_held", lambda ada, book: hold(book, by=ada)),
        ("card_blocked", lambda ada, book: LibraryCardFactory(member=ada, blocked_reason="Lost.")),
        ("too_many_holds", lambda ada, book: [hold(lent_out(), by=ada) for _n in range(5)]),
        ("no_need_to_hold", lambda ada, book: bring_back(book.borrowings.get())),
        ("no_copies", lambda ada, book: book.copies.update(status=Copy.Status.WITHDRAWN)),
        ("already_borrowed", lambda ada, book: book.borrowings.update(member=ada)),
    ],
)
def test_what_keeps_one_from_waiting_is_said_by_a_code_and_in_words(ada, code, prepare):
    book = lent_out()
    prepare(ada, book)
    before = Hold.objects.count()

    answer = client_of(ada).post(HOLDS, {"book": book.pk})

    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert answer.json()["detail"].endswith(".")
    assert Hold.objects.count() == before


@pytest.mark.parametrize(("body", "status"), [({}, 400), ({"book": "Dune"}, 400), ({"book": 4711}, 404)])
def test_one_waits_for_a_book_that_is_there(ada, body, status):
    assert client_of(ada).post(HOLDS, body).status_code == status


# --- Ending ---
def test_who_waits_no_longer_makes_way_and_asking_again_changes_nothing(ada):
    book = BookFactory(copies=1, daily_fee=0)
    loan = lend(book, to=UserFactory())
    mine, next_one = hold(book, by=ada), hold(book)
    bring_back(loan)

    answers = [client_of(ada).delete(f"{HOLDS}{mine.pk}/") for _n in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    next_one.refresh_from_db()
    assert (client_of(ada).get(f"{HOLDS}{mine.pk}/").json()["status"], next_one.status) == (
        "CANCELLED",
        "READY",
    )


def test_what_was_fetched_is_not_cancelled(ada):
    book = BookFactory(copies=1, daily_fee=0)
    loan = lend(book, to=UserFactory())
    mine = hold(book, by=ada)
    bring_back(loan)
    lend(book, to=ada)

    answer = client_of(ada).delete(f"{HOLDS}{mine.pk}/")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_waiting")


def test_nobody_cancels_anothers_hold_but_staff(ada, staff):
    mine = hold(lent_out(), by=ada)
    onlooker = UserFactory()
    onlooker.user_permissions.add(Permission.objects.get(codename="view_hold"))
    path = f"{HOLDS}{mine.pk}/"

    answers = [client_of(person).delete(path) for person in (None, UserFactory(), onlooker, staff)]

    assert [answer.status_code for answer in answers] == [401, 404, 403, 204]


# --- Lists ---
def test_one_sees_ones_own_and_staff_and_librarians_see_all(ada, staff):
    mine, others = hold(lent_out(), by=ada), hold(lent_out())
    librarian = UserFactory()
    librarian.groups.add(Group.objects.get(name="Librarians"))

    assert ids(client_of(ada).get(HOLDS)) == [mine.pk]
    assert client_of(ada).get(f"{HOLDS}{others.pk}/").status_code == 404
    for person in (staff, librarian):
        assert ids(client_of(person).get(HOLDS)) == [others.pk, mine.pk]
        assert ids(client_of(person).get(HOLDS, {"user_id": ada.pk})) == [mine.pk]
    assert client_of().get(HOLDS).status_code == 401


def test_the_list_is_narrowed_and_ordered(ada):
    first, second = hold(lent_out(), by=ada), hold(lent_out(), by=ada)
    holding.cancel(hold=first, at=timezone.now(), on=today(), by=ada)
    client = client_of(ada)

    assert ids(client.get(HOLDS, {"is_active": "true"})) == [second.pk]
    assert ids(client.get(HOLDS, {"is_active": "false"})) == [first.pk]
    assert ids(client.get(HOLDS, {"status": "CANCELLED"})) == [first.pk]
    assert ids(client.get(HOLDS, {"book": second.book_id})) == [second.pk]
    assert ids(client.get(HOLDS, {"ordering": "placed_at"})) == [first.pk, second.pk]


@pytest.mark.parametrize(
    "query", [{"status": "READ"}, {"is_active": "x"}, {"user_id": 1}, {"ordering": "book"}, {"queue": 1}]
)
def test_what_a_filter_does_not_understand_is_refused(ada, query):
    answer = client_of(ada).get(HOLDS, query)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(query))


def test_a_filter_that_is_given_twice_is_refused(ada):
    answer = client_of(ada).get(HOLDS + "?is_active=true&is_active=false")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["is_active"])


def test_thirty_holds_take_as_many_queries_as_one(staff, django_assert_num_queries):
    hold(lent_out())
    with django_assert_num_queries(9):
        assert len(ids(client_of(staff).get(HOLDS))) == 1
    for _n in range(29):
        hold(lent_out())

    with django_assert_num_queries(9):
        assert len(ids(client_of(staff).get(HOLDS, {"page_size": 50}))) == 30


def test_the_outlook_of_many_is_that_of_each():
    write_rules(usual_loan_days=14)
    Closure.objects.create(since=today() + timedelta(days=9), until=today() + timedelta(days=12), reason="x")
    busy, idle = BookFactory(copies=2, daily_fee=0), BookFactory(copies=1, daily_fee=0)
    back, _late = lend(busy, to=UserFactory(), days=9), lend(busy, to=UserFactory(), days=20)
    lend(idle, to=UserFactory(), days=5)
    holds = [*(hold(busy) for _n in range(6)), hold(idle)]
    bring_back(back)
    for each in holds:
        each.refresh_from_db()

    found = queueing.outlook(holds=holds, on=today())

    assert holds[0].status == "READY"
    assert {pk: (each.position or 0, each.estimate) for pk, each in found.items()} == {
        each.pk: (
            holding.position(each),
            holding.estimate(book=each.book, position=holding.position(each), on=today()),
        )
        for each in holds
    }
