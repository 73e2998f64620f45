from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import UserFactory
from commerce.models import Order, Payment
from commerce.services import checkout
from commerce.tests.factories import NOON, URLS, fake, place_order, voucher

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(counter) -> Order:
    return place_order(voucher("Gift"), at=timezone.now())


def open_page(order: Order) -> Payment:
    return checkout.open_session(order=order, urls=URLS, at=timezone.now())


def test_pay_sends_the_buyer_to_the_provider_with_the_way_back(client, order):
    client.force_login(order.buyer)

    answer = client.post(f"/orders/{order.pk}/buy/")

    payment = Payment.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, payment.session_url)
    assert payment.success_url == "http://testserver/checkout/return/?session_id={CHECKOUT_SESSION_ID}"
    assert payment.cancel_url == f"http://testserver/checkout/cancel/?order={order.number}"


def test_the_form_may_send_the_browser_to_the_provider_and_needs_its_token(order, settings):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(order.buyer)

    policy = browser.get(f"/orders/{order.pk}/")["Content-Security-Policy"]

    [form_action] = [part.split() for part in policy.split(";") if part.split()[0] == "form-action"]
    assert {"'self'", settings.STRIPE_CHECKOUT_ORIGIN} <= set(form_action)
    assert browser.post(f"/orders/{order.pk}/buy/").status_code == 403
    assert not Payment.objects.exists()


def test_an_order_that_cannot_be_paid_says_why_on_its_page(client, order):
    Order.objects.update(payable_until=timezone.now() - timedelta(minutes=1))
    client.force_login(order.buyer)

    answer = client.post(f"/orders/{order.pk}/buy/", follow=True)

    assert answer.redirect_chain == [(f"/orders/{order.pk}/", 302)]
    assert "can no longer be paid" in answer.content.decode()


@pytest.mark.parametrize(("method", "path"), [("get", "/orders/{}/"), ("post", "/orders/{}/buy/")])
def test_anybody_elses_order_is_not_there(client, order, method, path):
    client.force_login(UserFactory(superuser=True))

    assert getattr(client, method)(path.format(order.pk)).status_code == 404
    assert not Payment.objects.exists()


@pytest.mark.parametrize(("method", "path"), [("get", "/orders/{}/"), ("post", "/orders/{}/buy/")])
def test_a_stranger_signs_in_first_and_comes_to_the_order(client, order, method, path):
    answer = getattr(client, method)(path.format(order.pk))

    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next=/orders/{order.pk}/"


def test_nothing_is_paid_by_following_a_link(client, order):
    client.force_login(order.buyer)

    assert client.get(f"/orders/{order.pk}/buy/")["Location"] == f"/orders/{order.pk}/"
    assert not Payment.objects.exists()


def test_the_buyer_back_from_the_provider_sees_what_was_bought_and_has_it(client, order, counter):
    payment = open_page(order)
    fake().pay(payment.session_id)
    client.force_login(order.buyer)

    for _visit in range(2):
        answer = client.get(f"/checkout/return/?session_id={payment.session_id}")
        assert answer.context["outcome"] == "paid"
        assert "Voucher Gift" in answer.content.decode()

    assert counter.fulfilled == ["Gift"]


def test_in_another_browser_the_outcome_is_told_and_nothing_of_the_buyer(client, order):
    payment = open_page(order)
    fake().pay(payment.session_id)

    answer = client.get(f"/checkout/return/?session_id={payment.session_id}")

    assert answer.context["outcome"] == "paid"
    page = answer.content.decode()
    assert order.number not in page
    assert order.buyer.email not in page
    assert "Voucher Gift" not in page


@pytest.mark.parametrize(
    ("happens", "outcome"),
    [
        (lambda session_id: None, "pending"),
        (lambda session_id: fake().expire_session(session_id), "expired"),
        (lambda session_id: fake().pay_slowly(session_id), "pending"),
    ],
)
def test_the_return_page_tells_what_the_provider_says(client, order, happens, outcome):
    payment = open_page(order)
    happens(payment.session_id)

    answer = client.get(f"/checkout/return/?session_id={payment.session_id}")

    assert (answer.status_code, answer.context["outcome"]) == (200, outcome)


@pytest.mark.parametrize("query", ["", "?session_id=", "?session_id=cs_nobody"])
def test_a_session_that_is_none_of_ours_is_not_found(client, counter, query):
    place_order(at=NOON)

    answer = client.get(f"/checkout/return/{query}")

    assert (answer.status_code, answer.context["outcome"]) == (404, "unknown")


def test_an_old_page_of_an_order_paid_since_says_paid_and_asks_for_no_more(client, order):
    old = open_page(order)
    fake().expire_session(old.session_id)
    fake().pay(open_page(order).session_id)
    client.force_login(order.buyer)
    client.get(f"/checkout/return/?session_id={order.payments.first().session_id}")

    answer = client.get(f"/checkout/return/?session_id={old.session_id}")

    assert answer.context["outcome"] == "paid"
    assert f"/orders/{order.pk}/buy/" not in answer.content.decode()


def test_a_page_of_an_order_given_up_offers_no_payment(client, order):
    payment = open_page(order)
    checkout.give_up(order=order, at=timezone.now(), cause="test")
    client.force_login(order.buyer)

    answer = client.get(f"/checkout/return/?session_id={payment.session_id}")

    assert answer.context["outcome"] == "expired"
    page = answer.content.decode()
    assert f"/orders/{order.pk}/buy/" not in page
    assert "You can order again." in page


def test_who_turned_back_after_paying_is_not_told_the_opposite(client, order):
    payment = open_page(order)
    fake().pay(payment.session_id)
    checkout.complete(payment=payment, at=timezone.now())
    client.force_login(order.buyer)

    answer = client.get(f"/checkout/cancel/?order={order.number}")

    assert answer.context["outcome"] == "paid"
    assert "nothing was charged" not in answer.content.decode()


@pytest.mark.postgres
@pytest.mark.parametrize("address", ["/checkout/return/?session_id=%00", "/checkout/cancel/?order=%00"])
def test_what_no_database_can_look_for_is_not_found(client, address):
    assert client.get(address).status_code == 404


def test_who_turned_back_may_pay_later(client, order):
    client.force_login(order.buyer)

    answer = client.get(f"/checkout/cancel/?order={order.number}")

    assert answer.context["may_pay_later"] is True
    assert f'action="/orders/{order.pk}/buy/"' in answer.content.decode()


def test_the_cancel_page_tells_a_stranger_nothing_of_the_order(client, order):
    answer = client.get(f"/checkout/cancel/?order={order.number}")

    assert answer.status_code == 200
    assert "Voucher Gift" not in answer.content.decode()
    assert client.get("/checkout/cancel/?order=NONE-NONE").status_code == 404


def test_an_order_page_costs_the_same_with_one_line_and_with_many(client, counter, django_assert_num_queries):
    buyer = UserFactory()
    client.force_login(buyer)
    one = place_order(voucher("a"), buyer=buyer)
    many = place_order(*(voucher(f"v{n}") for n in range(30)), buyer=buyer)

    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get(f"/orders/{one.pk}/")
    with CaptureQueriesContext(connection) as queries:
        client.get(f"/orders/{one.pk}/")
    with django_assert_num_queries(len(queries)):
        client.get(f"/orders/{many.pk}/")
