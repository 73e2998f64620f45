"""What buyers read of orders whose money is on its way, is looked at by a person, or has come."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import UserFactory
from commerce.gateways import GatewayUnavailable
from commerce.models import Order, Payment
from commerce.money import Money
from commerce.services import checkout, settlement
from commerce.tests.factories import URLS, fake
from commerce.tests.test_order_pages import (
    Customer,
    member,
    new_guest_key,
    open_intent,
    pay,
    place,
    visitor,
    words,
)

__all__ = ["member", "visitor"]

pytestmark = pytest.mark.django_db

ON_ITS_WAY = "Your payment is on its way."


def opened(customer: Customer) -> Payment:
    return checkout.open_session(order=place(customer), urls=URLS, at=timezone.now())


def notify(named: str, kind: str) -> None:
    body, signature = fake().notify(named, kind=kind)
    answer = Client().post(
        "/webhooks/stripe/usd/",
        body,
        content_type="application/json",
        headers={"stripe-signature": signature},
    )
    assert answer.status_code == 200


def by_slow_debit(customer: Customer) -> Payment:
    """Paid on the provider's page, and the bank takes its days."""
    payment = opened(customer)
    fake().pay_slowly(payment.session_id)
    notify(payment.session_id, "checkout.session.completed")
    return payment


def by_slow_debit_here(customer: Customer) -> Payment:
    payment, _secret = open_intent(place(customer))
    fake().pay_intent_slowly(payment.intent_id)
    notify(payment.intent_id, "payment_intent.processing")
    return payment


# --- Money on its way --------------------------------------------------------------------------------------
@pytest.mark.parametrize("begin", [by_slow_debit, by_slow_debit_here])
def test_who_has_done_their_part_is_not_asked_to_pay_again(client, visitor, begin):
    order = begin(visitor).order

    page = client.get(f"/orders/{order.pk}/")

    assert ON_ITS_WAY in words(page)
    assert f"/orders/{order.pk}/buy/" not in page.content.decode()
    assert f"/orders/{order.pk}/pay/" not in page.content.decode()
    assert "Cancel this order" not in words(page)
    assert client.get(f"/orders/{order.pk}/pay/")["Location"] == f"/orders/{order.pk}/"


def test_when_the_slow_debit_has_failed_one_may_pay_again(client, visitor):
    payment = by_slow_debit(visitor)
    fake().settle_slowly(payment.session_id, succeeds=False)
    notify(payment.session_id, "checkout.session.async_payment_failed")

    page = client.get(f"/orders/{payment.order.pk}/")

    assert ON_ITS_WAY not in words(page)
    assert f'action="/orders/{payment.order.pk}/buy/"' in page.content.decode()


def test_a_notice_that_is_true_no_longer_keeps_nobody_from_paying(client, visitor):
    payment, _secret = open_intent(place(visitor))
    notify(payment.intent_id, "payment_intent.processing")

    page = client.get(f"/orders/{payment.order.pk}/")

    assert ON_ITS_WAY not in words(page)
    assert f'href="/orders/{payment.order.pk}/pay/"' in page.content.decode()


def test_while_the_provider_is_silent_its_notice_counts(client, visitor, monkeypatch):
    payment = by_slow_debit(visitor)

    def silent(session_id):
        raise GatewayUnavailable("The line is dead.")

    monkeypatch.setattr(fake(), "session", silent)

    assert ON_ITS_WAY in words(client.get(f"/orders/{payment.order.pk}/"))


def test_the_provider_is_not_asked_about_an_order_without_a_notice(client, visitor, monkeypatch):
    payment = opened(visitor)

    def asked(session_id):
        raise AssertionError("Nobody has paid anything.")

    monkeypatch.setattr(fake(), "session", asked)

    assert client.get(f"/orders/{payment.order.pk}/").status_code == 200


def test_who_turns_back_in_one_window_after_paying_slowly_in_another_is_told(client, visitor):
    order = by_slow_debit(visitor).order

    answer = client.get(f"/checkout/cancel/?order={order.number}")

    assert answer.context["outcome"] == "pending"
    assert "You have not paid" not in words(answer)


# --- Money that a person looks at --------------------------------------------------------------------------
def test_an_order_whose_money_is_held_is_offered_for_paying_nowhere(client, visitor):
    payment = opened(visitor)
    fake().pay(payment.session_id, amount=Money.from_minor(490, "USD"))
    settlement.settle(payment=payment, at=timezone.now(), cause="sweep")
    order = payment.order

    addresses = ("/orders/", f"/orders/{order.pk}/", f"/checkout/cancel/?order={order.number}")
    pages = [client.get(address) for address in addresses]

    for page in pages:
        assert "Go on to payment" not in words(page)
        assert f"/orders/{order.pk}/pay/" not in page.content.decode()
        assert f"/orders/{order.pk}/buy/" not in page.content.decode()
    assert "please do not pay again" in words(pages[1])
    assert pages[2].context["outcome"] == "held"
    assert client.get(f"/orders/{order.pk}/pay/")["Location"] == f"/orders/{order.pk}/"


# --- Money that has come -----------------------------------------------------------------------------------
def test_a_visitor_is_told_that_the_receipt_is_in_this_browser_only(client, visitor):
    payment = pay(place(visitor))

    for address in (
        f"/orders/{payment.order.pk}/",
        f"/checkout/return/?session_id={payment.session_id}",
    ):
        page = client.get(address)
        assert "Only this browser knows your order and its receipt" in words(page)
        assert f'href="/accounts/login/?next=/orders/{payment.order.pk}/"' in page.content.decode()
        assert f'href="/orders/{payment.order.pk}/receipt/"' in page.content.decode()


def test_a_visitor_who_left_an_address_is_told_that_the_receipt_goes_there(client, visitor):
    order = pay(place(visitor)).order
    Order.objects.filter(pk=order.pk).update(email="eve@example.com")

    said = words(client.get(f"/orders/{order.pk}/"))

    assert "The receipt goes to eve@example.com as well." in said
    assert "print or save the receipt" not in said


def test_a_member_is_told_where_the_receipt_is_found_again(client, member):
    payment = pay(place(member))

    said = words(client.get(f"/orders/{payment.order.pk}/"))

    assert "You find the receipt here and with your orders at any time" in said
    assert "Only this browser" not in said


def test_who_left_the_payment_page_of_an_order_that_others_paid_is_told_how_to_see_it(client):
    theirs = pay(place(Customer(user=UserFactory()))).order
    visitors = pay(place(Customer(guest_key=new_guest_key()), "Tea")).order

    of_a_member = words(client.get(f"/checkout/cancel/?order={theirs.number}"))
    of_a_visitor = words(client.get(f"/checkout/cancel/?order={visitors.number}"))

    assert "Sign in with the account that bought it" in of_a_member
    assert "shown in the browser that ordered it" in of_a_visitor


def test_an_order_that_waits_says_nothing_of_how_it_was_paid(client, visitor):
    payment = opened(visitor)

    assert "Payment:" not in words(client.get(f"/orders/{payment.order.pk}/"))
