"""The library's API from end to end, through the real library and the sandbox over HTTP."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.services.tokens import issue
from accounts.tests.factories import UserFactory
from commerce.sandbox import Sandbox
from commerce.tests.paying import GOOD_CARD, submit_card
from library.models import Borrowing
from library.services.days import day_of
from library.tests.factories import BookFactory
from library.tests.lending import write_rules

pytestmark = pytest.mark.django_db
API = "/api/v1/"


@pytest.fixture
def sandbox(settings):
    """The Stripe sandbox over real HTTP, with the real library pointed at it."""
    with Sandbox(port=0) as running:
        settings.PAYMENT_GATEWAY = "commerce.gateways.stripe.StripeGateway"
        settings.STRIPE_API_BASE = running.url
        settings.STRIPE_JS_URL = f"{running.url}/endive/stripe.js"
        yield running
        assert running.schema_violations == []


def client_with_token(person, *, header="authorize"):
    """A client that signs in as those of the library do: by `Authorize: Bearer …`."""
    token = issue(user=person, at=timezone.now()).access_token
    return APIClient(headers={header: f"Bearer {token}"})


def in_days(days):
    return (day_of(timezone.now()) + timedelta(days=days)).isoformat()


def pay(client, payment):
    """Pay on the provider's page, and come back as the browser would."""
    back = submit_card(payment["session_url"], card=GOOD_CARD)
    assert back.startswith(f"http://testserver{API}payments/success/?session_id=")
    return client.get(back.removeprefix("http://testserver")).json()


def a_week_later(borrowing, *, weeks=1):
    """The loan, as if it had been made so many weeks before."""
    earlier = timedelta(weeks=weeks)
    row = Borrowing.objects.get(pk=borrowing["id"])
    row.borrow_date -= earlier
    row.expected_return_date -= earlier
    row.save()


def test_borrow_pay_return_late_and_pay_the_fine(sandbox):
    write_rules(fine_multiplier=2)
    ada, desk = UserFactory(), client_with_token(UserFactory(is_staff=True))
    client = client_with_token(ada)
    book = BookFactory(title="Dune", daily_fee=Decimal("0.50"), copies=1)
    body = {"book": book.pk, "expected_return_date": in_days(4)}

    price = client.post(f"{API}borrowings/?dry_run=true", body).json()
    loan = client.post(f"{API}borrowings/", body).json()
    paid = pay(client, loan["payments"][0])
    handed_out = desk.post(f"{API}borrowings/{loan['id']}/hand-out/").json()
    a_week_later(loan)
    back = client.post(f"{API}borrowings/{loan['id']}/return/").json()
    fine = next(charge for charge in back["charges"] if charge["kind"] == "FINE")
    [to_pay] = [payment for payment in back["payments"] if payment["order"] == fine["order"]]
    settled = pay(client, to_pay)

    assert price["amount"] == loan["payments"][0]["amount"] == paid["amount"] == "2.00"
    assert (paid["status"], paid["borrowing"]) == ("PAID", loan["id"])
    assert [charge["status"] for charge in handed_out["charges"]] == ["PAID"]
    assert (fine["days"], fine["amount"], settled["amount"]) == (3, "3.00", "3.00")
    charged = [charge["amount"] for ledger in sandbox.ledger().values() for charge in ledger["charges"]]
    assert sorted(charged) == [200, 300]
    told = client.get(f"{API}borrowings/{loan['id']}/").json()
    assert [charge["status"] for charge in told["charges"]] == ["PAID", "PAID"]
    listed = client.get(f"{API}payments/", {"borrowing": loan["id"], "status": "PAID"}).json()
    assert [payment["amount"] for payment in listed["results"]] == ["3.00", "2.00"]
    assert client.get(f"{API}books/{book.pk}/").json()["inventory"] == 1


def test_renew_and_pay_the_renewal(sandbox):
    write_rules(renewal_days=7)
    client = client_with_token(UserFactory(), header="authorization")
    desk = client_with_token(UserFactory(is_staff=True))
    book = BookFactory(daily_fee=Decimal("0.50"), copies=1)
    loan = client.post(f"{API}borrowings/", {"book": book.pk, "expected_return_date": in_days(4)}).json()
    early = client.post(f"{API}borrowings/{loan['id']}/renew/")
    desk.post(f"{API}borrowings/{loan['id']}/hand-out/")

    renewed = client.post(f"{API}borrowings/{loan['id']}/renew/").json()
    [to_pay] = [payment for payment in renewed["payments"] if payment["amount"] == "3.50"]
    paid = pay(client, to_pay)

    assert (early.status_code, early.json()["code"]) == (409, "not_handed_out")
    assert renewed["expected_return_date"] == in_days(11)
    assert (paid["status"], paid["amount"], paid["borrowing"]) == ("PAID", "3.50", loan["id"])


def test_a_session_is_reused_and_another_member_waits_and_gets_the_book(sandbox):
    ada, grace = client_with_token(UserFactory()), client_with_token(UserFactory())
    book = BookFactory(copies=1)
    body = {"book": book.pk, "expected_return_date": in_days(4)}
    loan = ada.post(f"{API}borrowings/", body).json()

    again = ada.post(f"{API}payments/", {"borrowing": loan["id"]})
    refused = grace.post(f"{API}borrowings/", body)
    hold = grace.post(f"{API}holds/", {"book": book.pk}).json()
    ada.post(f"{API}borrowings/{loan['id']}/return/")
    ready = grace.get(f"{API}holds/{hold['id']}/").json()
    fetched = grace.post(f"{API}borrowings/", body)

    assert (again.status_code, again.json()) == (200, loan["payments"][0])
    assert (refused.status_code, refused.json()["code"]) == (409, "no_copy")
    assert (hold["position"], ready["status"], fetched.status_code) == (1, "READY", 201)
