"""Pages of orders: the list, one of them, both ways of paying it, giving it up, and its receipt."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.tests.factories import UserFactory
from commerce.models import Discount, Item, Order, Payment, Refund, Tax
from commerce.models.customers import Customer, new_guest_key
from commerce.services import cart as carts
from commerce.services import checkout, receiving, refunding
from commerce.services.stocking import ItemSeller
from commerce.tests.factories import URLS, fake

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


def words(answer) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def make_item(name="Mug", price="12.50", **fields) -> Item:
    return Item.objects.create(name=name, price=Decimal(price), currency="USD", **fields)


@pytest.fixture
def visitor(client) -> Customer:
    """The client's session has a cart."""
    session = client.session
    session["guest_key"] = new_guest_key()
    session.save()
    return Customer(guest_key=session["guest_key"])


@pytest.fixture
def member(client) -> Customer:
    user = UserFactory(email="ada@example.com")
    client.force_login(user)
    return Customer(user=user)


def place(customer: Customer, *names: str, quantity: int = 1) -> Order:
    for name in names or ("Mug",):
        carts.add(customer=customer, item=make_item(name, stock=9), at=timezone.now(), quantity=quantity)
    return carts.place(customer=customer, at=timezone.now())


def pay(order: Order) -> Payment:
    payment = checkout.open_session(order=order, urls=URLS, at=timezone.now())
    fake().pay(payment.session_id)
    return checkout.complete(payment=payment, at=timezone.now())


# --- The list ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", ["/orders/", "/orders"])
@pytest.mark.parametrize("who", ["member", "visitor"])
def test_one_sees_one_s_own_orders_and_not_the_cart(client, request, who, address):
    customer = request.getfixturevalue(who)
    placed = place(customer, "Mug")
    carts.add(customer=customer, item=make_item("Tea"), at=timezone.now())
    place(Customer(guest_key=new_guest_key()), "Secret")

    answer = client.get(address)

    assert [entry["order"] for entry in answer.context["orders"]] == [placed]
    assert "Secret" not in words(answer)


def test_a_stranger_has_no_orders_and_is_told_what_to_do(client):
    place(Customer(guest_key=new_guest_key()))

    answer = client.get("/orders/")

    assert "No orders yet" in words(answer)
    assert "/accounts/login/?next=/orders/" in answer.content.decode()
    assert "sessionid" not in client.cookies


def test_the_list_costs_the_same_with_one_order_and_with_three(client, member, django_assert_num_queries):
    place(member, "Mug")
    client.get("/orders/")
    with CaptureQueriesContext(connection) as queries:
        client.get("/orders/")
    place(member, "Spoon", "Tea")
    place(member, "Pen")

    with django_assert_num_queries(len(queries)):
        client.get("/orders/")


# --- One order ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("who", ["member", "visitor"])
def test_an_order_shows_what_it_comes_to_and_both_ways_to_pay(client, request, who, slash):
    Tax.objects.create(name="VAT", percentage=Decimal(10), is_inclusive=False)
    Discount.objects.create(name="May", percent_off=Decimal(20))
    order = place(request.getfixturevalue(who), quantity=2)

    answer = client.get(f"/orders/{order.pk}{slash}")

    said, page = words(answer), answer.content.decode()
    assert f"Order {order.number}" in said
    assert "Subtotal $25.00 May −$5.00 VAT 10 % $2.00 Total $22.00" in said
    assert f'action="/orders/{order.pk}/buy/"' in page
    assert f'href="/orders/{order.pk}/pay/"' in page
    assert "What happened so far Placed" in said


PATHS = ("/orders/{}/", "/orders/{}/buy/", "/orders/{}/pay/", "/orders/{}/cancel/", "/orders/{}/receipt/")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_other_people_s_orders_are_not_there(client, member, path, method):
    others = place(Customer(guest_key=new_guest_key()))
    theirs = place(Customer(user=UserFactory()), "Tea")

    for order in (others, theirs):
        assert getattr(client, method)(path.format(order.pk)).status_code in (404, 405)

    assert not Payment.objects.exists()
    assert not Order.objects.filter(status="CANCELLED").exists()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_visitor_with_another_key_is_asked_to_sign_in(client, visitor, path, method):
    others = place(Customer(guest_key=new_guest_key()))

    answer = getattr(client, method)(path.format(others.pk))

    assert answer.status_code in (302, 405)
    assert answer.get("Location", "/accounts/login/").startswith("/accounts/login/")
    assert not Payment.objects.exists()


def test_a_visitor_s_order_is_not_theirs_any_more_when_a_member_has_taken_it_over(client, visitor):
    order = place(visitor)
    carts.take_over(guest_key=visitor.guest_key, customer=Customer(user=UserFactory()), at=timezone.now())

    assert client.get(f"/orders/{order.pk}/").status_code == 302


def test_the_order_that_is_open_still_is_the_cart(client, member):
    cart = carts.add(customer=member, item=make_item(), at=timezone.now())

    assert client.get(f"/orders/{cart.pk}/")["Location"] == "/cart/"


# --- Paying on the provider's page -------------------------------------------------------------------------
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_asks_for_json_gets_session_and_address(client, visitor, slash, method):
    order = place(visitor, "Mug", "Tea")

    answer = getattr(client, method)(f"/orders/{order.pk}/buy{slash}", headers=JSON)

    payment = Payment.objects.get()
    assert answer.json() == {"sessionId": payment.session_id, "url": payment.session_url}
    assert payment.amount_minor == 2500


def test_json_refusals_have_their_status_and_words(client, member):
    paid = place(member)
    pay(paid)
    late = place(member, "Tea")
    Order.objects.filter(pk=late.pk).update(payable_until=timezone.now() - timedelta(minutes=1))

    answers = [client.get(f"/orders/{pk}/buy/", headers=JSON) for pk in (late.pk, 999)]

    assert [answer.status_code for answer in answers] == [409, 404]
    assert answers[0].json() == {"error": f"Order {late} can no longer be paid. Please order again."}
    assert client.get(f"/orders/{paid.pk}/buy/", headers=JSON).json()["url"].endswith(f"/orders/{paid.pk}/")


# --- Paying here -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_page_that_takes_the_card_lets_in_the_provider_s_script_and_nobody_else(
    client, visitor, settings, slash
):
    settings.STRIPE_JS_URL = "http://127.0.0.1:12111/endive/stripe.js"
    order = place(visitor)

    answer = client.get(f"/orders/{order.pk}/pay{slash}")
    elsewhere = client.get(f"/orders/{order.pk}/")

    policy = {
        name: values
        for name, *values in (part.split() for part in answer["Content-Security-Policy"].split(";"))
    }
    assert policy["script-src"] == ["'self'", "http://127.0.0.1:12111"]
    assert policy["connect-src"] == ["'self'", "http://127.0.0.1:12111"]
    assert "http://127.0.0.1:12111" in policy["frame-src"]
    assert "'unsafe-inline'" not in answer["Content-Security-Policy"]
    assert "http://127.0.0.1:12111" not in elsewhere["Content-Security-Policy"]
    assert not Payment.objects.exists()


def test_the_real_script_may_have_its_frames_and_ask_its_api(client, visitor):
    order = place(visitor)

    policy = client.get(f"/orders/{order.pk}/pay/")["Content-Security-Policy"]

    for part in ("https://js.stripe.com", "https://hooks.stripe.com", "https://api.stripe.com"):
        assert part in policy


def test_the_page_s_script_gets_one_intent_however_often_it_asks(client, visitor):
    order = place(visitor)

    first = client.post(f"/orders/{order.pk}/pay/", headers=JSON)
    second = client.post(f"/orders/{order.pk}/pay/", headers=JSON)

    payment = Payment.objects.get()
    assert first.json() == second.json()
    assert first.json()["clientSecret"].startswith(payment.intent_id)
    assert (payment.flow, payment.amount_minor) == ("intent", 1250)


def test_the_intent_needs_the_token(visitor, client):
    order = place(visitor)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies

    assert strict.post(f"/orders/{order.pk}/pay/").status_code == 403
    assert not Payment.objects.exists()


def test_what_cannot_be_paid_here_leads_to_the_order(client, member, settings):
    paid = place(member)
    pay(paid)
    waiting = place(member, "Tea")
    settings.STRIPE_ACCOUNTS = {
        "usd": {**settings.STRIPE_ACCOUNTS["usd"], "publishable_key": ""},
    }

    for order in (paid, waiting):
        assert client.get(f"/orders/{order.pk}/pay/")["Location"] == f"/orders/{order.pk}/"
    assert "Pay here" not in words(client.get(f"/orders/{waiting.pk}/"))


def test_an_intent_of_a_paid_order_is_refused_with_words(client, member):
    order = place(member)
    pay(order)

    answer = client.post(f"/orders/{order.pk}/pay/", headers=JSON)

    assert (answer.status_code, answer.json()) == (409, {"error": f"Order {order} is paid already."})


# --- Back from paying here ---------------------------------------------------------------------------------
def open_intent(order: Order) -> tuple[Payment, str]:
    payment, state = checkout.open_intent(order=order, at=timezone.now())
    return payment, state.client_secret


def back(secret: str) -> str:
    return (
        f"/v2/order/status/?payment_intent=pi_of_somebody&payment_intent_client_secret={secret}"
        "&redirect_status=succeeded"
    )


def test_who_says_to_have_paid_and_has_not_is_not_believed(client, visitor):
    payment, secret = open_intent(place(visitor))

    answer = client.get(back(secret))

    payment.refresh_from_db()
    assert (answer.context["outcome"], payment.status) == ("failed", "PENDING")


def test_who_paid_here_sees_it_at_every_visit_before_any_webhook(client, visitor):
    payment, secret = open_intent(place(visitor))
    fake().pay_intent(payment.intent_id)

    outcomes = [client.get(back(secret)).context["outcome"] for _visit in range(2)]

    payment.refresh_from_db()
    assert outcomes == ["paid", "paid"]
    assert (payment.status, payment.order.status) == ("PAID", "PAID")
    assert payment.order.lines.get().fulfilled_at is not None


def test_in_another_browser_the_outcome_is_told_and_nothing_of_the_visitor_s(client, visitor):
    payment, secret = open_intent(place(visitor))
    fake().pay_intent(payment.intent_id)

    answer = Client().get(back(secret))

    assert answer.context["outcome"] == "paid"
    assert "Mug" not in words(answer)
    assert payment.order.number not in words(answer)
    assert "shown in the browser that ordered it" in words(answer)


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_check_answers_what_the_provider_says_and_updates_the_order(client, visitor, slash):
    payment, secret = open_intent(place(visitor))
    address = f"/v2/order/status/check{slash}?pi_secret={secret}"

    before = client.get(address)
    fake().pay_intent(payment.intent_id)
    after = Client().get(address)

    payment.order.refresh_from_db()
    assert before.json() == {"intentSecret": secret, "status": "requires_payment_method"}
    assert after.json() == {"intentSecret": secret, "status": "succeeded"}
    assert payment.order.status == "PAID"


def test_a_secret_that_is_not_the_provider_s_opens_nothing(client, visitor):
    payment, secret = open_intent(place(visitor))
    fake().pay_intent(payment.intent_id)

    for wrong in (
        f"{payment.intent_id}_secret_guess",
        "pi_other_secret_x",
        "_secret_",
        "nonsense",
        secret + "x",
    ):
        check = client.get("/v2/order/status/check/", {"pi_secret": wrong})
        page = client.get(back(wrong))
        assert (check.status_code, page.status_code) == (404, 404)
        assert check.json() == {"intentSecret": wrong, "error": "No payment has this secret."}

    payment.refresh_from_db()
    assert payment.status == "PENDING"


def test_a_check_of_nothing_is_refused_and_the_bare_page_asks_which(client):
    assert client.get("/v2/order/status/check/").status_code == 400
    for address in ("/v2/order/status/", "/v2/order/status"):
        answer = client.get(address)
        assert (answer.status_code, answer.context["outcome"]) == (200, "unnamed")


@pytest.mark.parametrize(
    "path", ["/v2/order/status/?payment_intent_client_secret", "/v2/order/status/check/?pi_secret"]
)
def test_a_secret_no_database_can_look_for_is_no_error(client, path):
    assert client.get(f"{path}=pi%00_secret_x").status_code in (200, 400, 404)


# --- Back from the provider's page -------------------------------------------------------------------------
def test_a_visitor_back_from_the_provider_sees_what_was_bought(client, visitor):
    order = place(visitor)
    payment = checkout.open_session(order=order, urls=URLS, at=timezone.now())
    fake().pay(payment.session_id)

    for _visit in range(2):
        answer = client.get(f"/checkout/return/?session_id={payment.session_id}")
        assert answer.context["outcome"] == "paid"
        assert "Mug" in words(answer)
        assert f'href="/orders/{order.pk}/receipt/"' in answer.content.decode()


def test_a_visitor_who_turned_back_may_pay_both_ways_and_another_browser_is_told_where(client, visitor):
    order = place(visitor)

    here = client.get(f"/checkout/cancel/?order={order.number}")
    elsewhere = Client().get(f"/checkout/cancel/?order={order.number}")

    assert f'action="/orders/{order.pk}/buy/"' in here.content.decode()
    assert f'href="/orders/{order.pk}/pay/"' in here.content.decode()
    assert "Go on in the browser that you ordered with" in words(elsewhere)
    assert "Mug" not in words(elsewhere)


def test_money_that_came_too_late_for_goods_that_are_gone_is_told_to_go_back(client, visitor):
    order = place(visitor, quantity=9)
    payment = checkout.open_session(order=order, urls=URLS, at=timezone.now())
    fake().pay(payment.session_id)
    Order.objects.filter(pk=order.pk).update(status="CANCELLED")
    ItemSeller().release(order.lines.get(), at=timezone.now())
    Item.objects.update(stock=0)

    answer = client.get(f"/checkout/return/?session_id={payment.session_id}")

    assert answer.context["outcome"] == "refunded"
    assert "You get your money back" in words(answer)
    assert Refund.objects.get().amount_minor == order.total_minor


# --- Giving up ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["member", "visitor"])
def test_an_unpaid_order_is_cancelled_by_its_buyer_and_its_stock_is_free(client, request, who):
    customer = request.getfixturevalue(who)
    order = place(customer, quantity=4)
    checkout.open_session(order=order, urls=URLS, at=timezone.now())

    answer = client.post(f"/orders/{order.pk}/cancel/", follow=True)

    order.refresh_from_db()
    assert f"Order {order.number} is cancelled." in words(answer)
    assert (order.status, Item.objects.get().stock, Payment.objects.get().status) == (
        "CANCELLED",
        9,
        "EXPIRED",
    )
    assert order.status_changes.last().actor == customer.user


def test_an_order_paid_a_moment_ago_is_not_cancelled(client, member):
    order = place(member)
    payment = checkout.open_session(order=order, urls=URLS, at=timezone.now())
    fake().pay(payment.session_id)

    answer = client.post(f"/orders/{order.pk}/cancel/", follow=True)

    order.refresh_from_db()
    assert order.status == "PAID"
    assert "is paid already, so it was not cancelled" in words(answer)


def test_cancelling_twice_says_so_and_following_a_link_does_not_cancel(client, member):
    order = place(member)

    by_link = client.get(f"/orders/{order.pk}/cancel/")
    client.post(f"/orders/{order.pk}/cancel/")
    again = client.post(f"/orders/{order.pk}/cancel/", follow=True)

    assert by_link.status_code == 405
    assert f"Order {order.number} is cancelled already." in words(again)


# --- The receipt -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_receipt_has_all_that_a_receipt_needs(client, member, settings, slash):
    settings.SELLER_NAME, settings.SELLER_ADDRESS = "Example Learning Ltd", "1 Example Street"
    Tax.objects.create(name="VAT", percentage=Decimal(25), is_inclusive=True)
    order = place(member, quantity=2)
    payment = pay(order)
    mug = Item.objects.get().price_money
    refunding.give_back(payment=payment, amount=mug, at=timezone.now(), by=None)

    said = words(client.get(f"/orders/{order.pk}/receipt{slash}"))

    for part in (
        "Example Learning Ltd",
        "1 Example Street",
        order.number,
        "ada@example.com",
        "Mug 2 $12.50 $25.00",
        "Total $25.00 Contains VAT 25 % $5.00",
        "Paid by card on",
        "given back −$12.50",
    ):
        assert part in said


def test_money_taken_by_hand_is_on_the_receipt(client, member):
    order = place(member)
    payment = receiving.expect(order=order, method="cash", at=timezone.now())
    receiving.settle_by_hand(payment=payment, at=timezone.now(), by=None)

    assert "Paid by cash on" in words(client.get(f"/orders/{order.pk}/receipt/"))


def test_there_is_no_receipt_before_anything_was_paid(client, member):
    order = place(member)

    assert client.get(f"/orders/{order.pk}/receipt/").status_code == 404
    assert f"/orders/{order.pk}/receipt/" not in client.get(f"/orders/{order.pk}/").content.decode()


def test_an_order_of_nothing_to_pay_has_a_receipt(client, member):
    Discount.objects.create(name="Today", percent_off=Decimal(100))
    order = place(member)

    said = words(client.get(f"/orders/{order.pk}/receipt/"))

    assert "Total $0.00" in said


def test_held_money_asks_nobody_to_pay_again(client, member):
    order = place(member)
    payment = checkout.open_session(order=order, urls=URLS, at=timezone.now())
    payment.hold(reason="Something does not fit.")

    answer = client.get(f"/orders/{order.pk}/")

    assert "please do not pay again" in words(answer)
    assert f'action="/orders/{order.pk}/buy/"' not in answer.content.decode()


# --- The address of a visitor ------------------------------------------------------------------------------
def test_a_visitor_who_gives_an_address_orders_with_it(client, visitor):
    carts.add(customer=visitor, item=make_item(stock=9), at=timezone.now())

    page = client.get("/cart/")
    client.post("/cart/order/", {"email": "grace@example.com"})

    assert 'name="email"' in page.content.decode()
    assert Order.objects.get().email == "grace@example.com"


def test_an_address_that_is_none_stays_in_its_field_and_nothing_is_ordered(client, visitor):
    carts.add(customer=visitor, item=make_item(stock=9), at=timezone.now())

    answer = client.post("/cart/order/", {"email": "grace@example"})

    assert answer.status_code == 422
    assert 'value="grace@example"' in answer.content.decode()
    assert "Enter a valid email address." in words(answer)
    assert Order.objects.get().status == Order.Status.OPEN


def test_a_member_is_not_asked_for_an_address(client, member):
    carts.add(customer=member, item=make_item(stock=9), at=timezone.now())

    assert 'name="email"' not in client.get("/cart/").content.decode()
