"""The shop's pages: items, buying at once, the cart; for members and visitors, with a slash and without."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from html import unescape

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.tests.factories import UserFactory
from commerce.models import Discount, Item, Order, OrderDiscount, OrderLine, Payment, Tax
from commerce.models.customers import Customer
from commerce.services import cart as carts

pytestmark = pytest.mark.django_db

PASSWORD = "tangerine-41-skies"


def make_item(name="Mug", price="12.50", currency="USD", stock=None, **fields) -> Item:
    return Item.objects.create(name=name, price=Decimal(price), currency=currency, stock=stock, **fields)


@pytest.fixture
def mug(db) -> Item:
    return make_item()


@pytest.fixture
def member(client):
    """The client is signed in as somebody."""
    user = UserFactory(email="ada@example.com")
    client.force_login(user)
    return user


def words(answer) -> str:
    """What a page says, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def put(client, item, times=1):
    for _time in range(times):
        answer = client.post("/v2/cart/add/", {"itemId": item.pk}, content_type="application/json")
        assert answer.status_code == 200
    return answer


def quantities(customer=None) -> list[tuple[str, int]]:
    return list(OrderLine.objects.filter(order__status="OPEN").values_list("title", "quantity"))


# --- Items -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", ["/shop/", "/shop", "/v2/item/list/", "/v2/item/list"])
def test_the_shop_shows_what_is_for_sale(client, address):
    make_item("Mug")
    make_item("Tea", stock=0)
    make_item("Spoon", stock=2)
    make_item("Prototype", is_for_sale=False)

    answer = client.get(address)

    said = words(answer)
    assert [item.name for item in answer.context["items"]] == ["Mug", "Spoon", "Tea"]
    assert ("$12.50" in said, "Sold out" in said, "Only 2 left" in said) == (True, True, True)
    assert answer.cookies["csrftoken"]


def test_an_empty_shop_says_what_to_do(client):
    said = words(client.get("/shop/"))

    assert "The shelves are still empty" in said
    assert "Look at the courses" in said


def test_the_first_page_shows_items_for_sale(client, mug):
    make_item("Prototype", is_for_sale=False)

    page = client.get("/")

    assert [item.name for item in page.context["items"]] == ["Mug"]
    assert f'href="/item/{mug.pk}/"' in page.content.decode()


@pytest.mark.parametrize("address", ["/shop/", "/"])
def test_a_list_of_items_costs_the_same_with_one_and_with_three(
    client, mug, address, django_assert_num_queries
):
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    make_item("Spoon")
    make_item("Tea", stock=0)

    with django_assert_num_queries(len(queries)):
        client.get(address)


@pytest.mark.parametrize("address", ["/item/{}", "/item/{}/", "/v1/item/{}/", "/v1/item/{}"])
def test_an_item_has_a_page_with_a_button_that_buys_it(client, address):
    spoon = make_item("Spoon", description="Stirs.\n\nAnd rests.", stock=5)

    answer = client.get(address.format(spoon.pk))

    page = answer.content.decode()
    assert answer.status_code == 200
    assert f'data-buy="/buy/{spoon.pk}/"' in page
    assert "Only 5 left" in words(answer)


def test_search_engines_learn_the_price_and_stock_of_the_page(client):
    spoon = make_item("Spoon </script>", stock=0)

    page = client.get(f"/item/{spoon.pk}/").content.decode()

    [told] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    told = json.loads(told)
    assert (told["@type"], told["name"]) == ("Product", "Spoon </script>")
    assert told["offers"] == {
        "@type": "Offer",
        "url": f"http://testserver/item/{spoon.pk}/",
        "price": "12.50",
        "priceCurrency": "USD",
        "availability": "https://schema.org/OutOfStock",
    }


@pytest.mark.parametrize("address", ["/item/{}", "/v1/item/{}/", "/item/{}/add-to-order/"])
def test_an_item_that_is_not_there_or_not_for_sale_is_not_found_in_the_house_s_words(client, address):
    hidden = make_item("Prototype", is_for_sale=False)

    for pk in (hidden.pk, 9**20):
        answer = client.get(address.format(pk))
        assert answer.status_code == 404
        assert "This page does not exist" in words(answer)
        assert "Prototype" not in words(answer)


def test_who_ordered_an_item_sees_its_page_when_it_is_sold_no_longer(client, member, mug):
    put(client, mug)
    client.post("/v2/cart/order/")
    Item.objects.update(is_for_sale=False)

    answer = client.get(f"/item/{mug.pk}/")

    assert "No longer sold" in words(answer)
    assert "data-buy" not in answer.content.decode()


# --- Buying at once ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("address", ["/buy/{}", "/v1/buy/{}", "/item/{}/buy"])
def test_buying_answers_with_session_and_address_and_again_with_the_same(client, mug, address, slash):
    first = client.get(address.format(mug.pk) + slash)
    second = client.get(f"/buy/{mug.pk}")

    payment = Payment.objects.get()
    assert first.status_code == 200
    assert first.json() == {"sessionId": payment.session_id, "url": payment.session_url}
    assert second.json() == first.json()
    assert (payment.order.buyer, len(payment.order.guest_key), payment.order.total_minor) == (None, 32, 1250)


def test_a_member_s_order_is_theirs(client, member, mug):
    client.get(f"/buy/{mug.pk}")

    assert Payment.objects.get().order.buyer == member


def test_two_visitors_get_two_orders(client, mug):
    client.get(f"/buy/{mug.pk}")
    Client().get(f"/buy/{mug.pk}")

    assert Order.objects.awaiting_payment().values("guest_key").distinct().count() == 2


def test_what_cannot_be_bought_says_so_in_json(client):
    gone = make_item("Tea", stock=0)
    hidden = make_item("Prototype", is_for_sale=False)

    answers = [client.get(f"/buy/{pk}") for pk in (gone.pk, hidden.pk, 999)]

    assert [answer.status_code for answer in answers] == [409, 404, 404]
    assert answers[0].json() == {"error": "“Tea” is sold out."}
    assert answers[1].json() == answers[2].json() == {"error": "There is no such item for sale."}
    assert not Order.objects.exclude(status="OPEN").exists()


def test_a_provider_that_is_down_is_a_503_with_words_and_the_order_is_kept(client, mug, settings):
    settings.STRIPE_ACCOUNTS = {}

    answer = client.get(f"/buy/{mug.pk}")

    assert answer.status_code == 503
    assert answer.json() == {
        "error": "The payment service does not answer. Nothing was charged; please try again in a minute."
    }
    assert Order.objects.awaiting_payment().count() == 1


def test_what_costs_nothing_after_its_discount_is_paid_and_leads_to_the_order(client, mug):
    Discount.objects.create(name="Today", percent_off=Decimal(100))

    answer = client.get(f"/buy/{mug.pk}")

    order = Order.objects.get(status="PAID")
    assert answer.json() == {"sessionId": None, "url": f"http://testserver/orders/{order.pk}/"}


def test_without_a_script_the_form_leads_to_the_payment_page_and_needs_its_token(client, mug):
    strict = Client(enforce_csrf_checks=True)

    refused = strict.post(f"/item/{mug.pk}/buy/")
    answer = client.post(f"/buy/{mug.pk}/")

    assert refused.status_code == 403
    assert (answer.status_code, answer["Location"]) == (303, Payment.objects.get().session_url)


def test_the_form_says_on_the_item_s_page_why_it_cannot_be_bought(client):
    gone = make_item("Tea", stock=0)

    answer = client.post(f"/buy/{gone.pk}/", follow=True)

    assert answer.redirect_chain == [(f"/item/{gone.pk}/", 303)]
    assert "“Tea” is sold out." in words(answer)


def test_another_site_cannot_have_its_visitors_order_here(client, mug):
    answer = client.get(f"/buy/{mug.pk}", headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert not Order.objects.exists()


@pytest.mark.parametrize("address", ["/buy/{}", "/v2/cart/order/", "/cart/order/"])
def test_visitors_cannot_empty_the_shelves_by_ordering_fast(settings, address):
    settings.ACCOUNT_RATE_LIMITS = {"order_as_guest": "2/m/ip"}
    cache.clear()
    mug = make_item(stock=5)

    def order():
        visitor = Client()
        put(visitor, mug)
        path = address.format(mug.pk)
        return visitor.get(path) if path.startswith("/buy") else visitor.post(path)

    answers = [order() for _visitor in range(3)]

    mug.refresh_from_db()
    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert answers[-1]["Retry-After"] == "60"
    assert mug.stock == 3


def test_members_are_not_slowed(client, member, settings, mug):
    settings.ACCOUNT_RATE_LIMITS = {"order_as_guest": "1/m/ip"}
    cache.clear()

    assert [client.get(f"/buy/{mug.pk}").status_code for _time in range(3)] == [200, 200, 200]


# --- The cart by JSON --------------------------------------------------------------------------------------
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_a_cart_is_filled_emptied_and_ordered_by_json_or_forms(client, mug, slash, kind):
    def post(path, fields=None):
        body = json.dumps(fields or {}) if kind == "application/json" else f"itemId={mug.pk}"
        return client.post(path + slash, body, content_type=kind)

    added = post("/v2/cart/add", {"itemId": mug.pk})
    removed = post("/v2/cart/remove", {"itemId": mug.pk})
    empty = post("/v2/cart/order")
    post("/v2/cart/add", {"itemId": mug.pk})
    ordered = post("/v2/cart/order")
    again = post("/v2/cart/order")

    order = Order.objects.get(status="AWAITING_PAYMENT")
    assert (added.status_code, added.json()) == (200, {"itemId": mug.pk, "added": True, "addedd": True})
    assert (removed.status_code, removed.json()) == (200, {"itemId": mug.pk, "removed": True})
    assert (empty.status_code, empty.json()) == (400, {"orderCreated": False})
    assert (ordered.status_code, ordered.json()) == (201, {"orderId": order.pk, "orderCreated": True})
    assert (again.status_code, again.json()) == (400, {"orderCreated": False})


def test_a_script_needs_the_token_that_the_page_before_gave_it(mug):
    script = Client(enforce_csrf_checks=True)
    token = script.get("/v2/item/list/").cookies["csrftoken"].value

    without = script.post("/v2/cart/add/", {"itemId": mug.pk}, content_type="application/json")
    within = script.post(
        "/v2/cart/add/", {"itemId": mug.pk}, content_type="application/json", headers={"X-CSRFToken": token}
    )

    assert (without.status_code, within.status_code) == (403, 200)


@pytest.mark.parametrize(
    "path", ["/v2/cart/remove/", "/v2/cart/order/", "/cart/order/", "/cart/discount/", "/cart/items/1/"]
)
def test_nothing_is_changed_without_the_token(mug, path):
    script = Client(enforce_csrf_checks=True)

    assert script.post(path, {"itemId": mug.pk}).status_code == 403


@pytest.mark.parametrize("path", ["/v2/cart/add/", "/v2/cart/remove/", "/v2/cart/order/", "/cart/order/"])
def test_nothing_is_changed_by_following_a_link(client, mug, path):
    assert client.get(path).status_code == 405
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"itemId": null}', '{"itemId": "mug"}', '{"itemId": -1}', '{"itemId": [1]}']
)
@pytest.mark.parametrize("path", ["/v2/cart/add/", "/v2/cart/remove/"])
def test_what_names_no_item_is_refused_with_words(client, body, path):
    answer = client.post(path, body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["error"] == 'Name the item: {"itemId": 1}'


def test_the_cart_refuses_what_it_cannot_hold_with_words(client, mug):
    euro = make_item("Tasse", currency="EUR")
    gone = make_item("Tea", stock=0)
    put(client, mug)

    answers = [client.post("/v2/cart/add/", {"itemId": pk}) for pk in (euro.pk, gone.pk, 999)]

    assert [answer.status_code for answer in answers] == [409, 409, 404]
    assert answers[0].json() == {
        "itemId": euro.pk,
        "added": False,
        "addedd": False,
        "error": "“Tasse” is sold in EUR, and your cart holds things in USD."
        " Order those first, or take them out.",
    }
    assert quantities() == [("Mug", 1)]


def test_taking_out_what_is_not_in_says_so(client, mug):
    answer = client.post("/v2/cart/remove/", {"itemId": mug.pk})

    assert (answer.status_code, answer.json()) == (200, {"itemId": mug.pk, "removed": False})
    assert not Order.objects.exists()


def test_what_sold_out_meanwhile_is_not_ordered_and_the_cart_is_kept(client):
    last = make_item("Tea", stock=1)
    put(client, last)
    Item.objects.update(stock=0)

    answer = client.post("/v2/cart/order/")

    assert (answer.status_code, answer.json()["orderCreated"]) == (409, False)
    assert "“Tea” is sold out." in answer.json()["error"]
    assert quantities() == [("Tea", 1)]


# --- The cart's page ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("slash", ["", "/"])
def test_adding_by_the_form_leads_to_the_cart(client, mug, slash):
    answer = client.post(f"/item/{mug.pk}/add-to-order{slash}", follow=True)

    assert answer.redirect_chain == [("/cart/", 303)]
    assert "“Mug” is in your cart." in words(answer)
    assert answer.context["lines"][0]["quantity"] == 1


def test_following_a_link_to_add_shows_the_item_and_adds_nothing(client, mug):
    answer = client.get(f"/item/{mug.pk}/add-to-order/", follow=True)

    assert answer.redirect_chain == [(f"/item/{mug.pk}/", 303)]
    assert "Press “Add to cart”" in words(answer)
    assert not Order.objects.exists()


def test_with_htmx_adding_changes_the_number_in_the_header_and_no_more(client, mug):
    answer = client.post(f"/item/{mug.pk}/add-to-order/", headers={"HX-Request": "true"})

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in page
    assert re.search(r'id="cart-link"[^>]*hx-swap-oob="true"', page)
    assert "“Mug” is in your cart, which has 1 thing in it now." in words(answer)


def test_with_htmx_a_refusal_is_told_at_the_button(client):
    gone = make_item("Tea", stock=0)

    answer = client.post(f"/item/{gone.pk}/add-to-order/", headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert "“Tea” is sold out." in words(answer)


def test_an_empty_cart_says_what_to_do_next_and_makes_no_session(client):
    answer = client.get("/cart/")

    assert "Your cart is empty" in words(answer)
    assert 'href="/shop/"' in answer.content.decode()
    assert "sessionid" not in client.cookies


def test_the_number_in_the_header_follows_the_cart(client, mug):
    def number():
        found = re.search(r'class="cart-link__count"[^>]*>(\d+)<', client.get("/shop/").content.decode())
        return found and int(found[1])

    seen = [number()]
    put(client, mug, times=3)
    seen.append(number())
    client.post(f"/cart/items/{mug.pk}/", {"quantity": 2})
    seen.append(number())
    client.post("/cart/order/")
    seen.append(number())

    assert seen == [None, 3, 2, None]


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"quantity": 5}, [("Mug", 5)]),
        ({"quantity": 2, "step": 1}, [("Mug", 3)]),
        ({"quantity": 2, "step": -1}, [("Mug", 1)]),
        ({"quantity": 1, "step": -1}, []),
        ({"quantity": 0}, []),
        ({"quantity": "many"}, [("Mug", 2)]),
        ({"quantity": 99, "step": 1}, [("Mug", 2)]),
        ({}, [("Mug", 2)]),
    ],
)
def test_quantities_are_set_stepped_and_taken_out_and_nonsense_changes_nothing(client, mug, fields, left):
    put(client, mug, times=2)

    plain = client.post(f"/cart/items/{mug.pk}/", fields)

    assert (plain.status_code, plain["Location"]) == (303, "/cart/")
    assert quantities() == left


def test_with_htmx_the_cart_comes_back_alone_and_tells_what_changed(client, mug):
    put(client, mug)

    answer = client.post(f"/cart/items/{mug.pk}/", {"quantity": 4}, headers={"HX-Request": "true"})

    page = answer.content.decode()
    assert "<html" not in page
    assert '<div class="stack" id="cart">' in page
    assert "“Mug”: 4 in your cart." in words(answer)
    assert "$50.00" in words(answer)


def test_more_than_there_is_is_refused_and_said(client):
    spoon = make_item("Spoon", stock=2)
    put(client, spoon)

    answer = client.post(f"/cart/items/{spoon.pk}/", {"quantity": 3}, headers={"HX-Request": "true"})

    assert "Of “Spoon” only 2 are left." in words(answer)
    assert quantities() == [("Spoon", 1)]


def test_the_cart_tells_what_has_changed_since(client, mug):
    tea = make_item("Tea", price="3.00")
    put(client, mug)
    put(client, tea)
    Item.objects.filter(pk=mug.pk).update(price=Decimal("15.00"))
    Item.objects.filter(pk=tea.pk).update(is_for_sale=False)

    answer = client.get("/cart/")

    said = words(answer)
    assert "“Mug” costs 15.00 USD now." in said
    assert "“Tea” is no longer for sale and was taken out of your cart." in said
    assert answer.context["cart"].total_minor == 1500


def test_a_code_is_taken_shown_and_taken_off(client, mug):
    Discount.objects.create(name="Spring", code="SPRING", percent_off=Decimal(20))
    put(client, mug)

    client.post("/cart/discount/", {"code": " spring "})
    cheaper = client.get("/cart/")
    client.post("/cart/discount/", {"drop": "1"})
    dearer = client.get("/cart/")

    assert (cheaper.context["cart"].total_minor, dearer.context["cart"].total_minor) == (1000, 1250)
    assert "Spring −$2.50" in words(cheaper)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_code_that_is_none_is_said_at_its_field(client, mug, headers):
    put(client, mug)

    answer = client.post("/cart/discount/", {"code": "WINTER"}, headers=headers)

    assert answer.status_code == (200 if headers else 422)
    assert "There is no discount with the code “WINTER”" in words(answer)
    assert 'aria-invalid="true"' in answer.content.decode()
    assert 'value="WINTER"' in answer.content.decode()


def test_codes_are_not_guessed_fast(client, mug, settings):
    settings.ACCOUNT_RATE_LIMITS = {"discount_code": "2/m/ip"}
    cache.clear()
    Discount.objects.create(name="Ten", code="TEN", percent_off=Decimal(10))
    put(client, mug)

    told = [client.post("/cart/discount/", {"code": code}) for code in ("ONE", "TWO", "TEN")]

    assert [answer.status_code for answer in told] == [422, 422, 422]
    assert "That were many codes in a short time." in words(told[2])
    assert not OrderDiscount.objects.exists()


def test_taxes_and_automatic_discounts_are_told_before_ordering(client, mug):
    Tax.objects.create(name="VAT", percentage=Decimal(10), is_inclusive=False)
    Discount.objects.create(name="May", percent_off=Decimal(10))
    put(client, mug)

    said = words(client.get("/cart/"))

    assert "Subtotal $12.50 May −$1.25 VAT 10 % $1.13 Total $12.38" in said
    assert "Take the discount off" not in said
    client.post("/cart/order/")
    assert str(Order.objects.get().total) == "12.38 USD"


def test_a_cart_costs_the_same_with_one_line_and_with_three(client, mug, django_assert_num_queries):
    put(client, mug)
    client.get("/cart/")
    with CaptureQueriesContext(connection) as queries:
        client.get("/cart/")
    cost = len(queries)
    put(client, make_item("Spoon"))
    put(client, make_item("Tea"))

    with django_assert_num_queries(cost):
        client.get("/cart/")


def test_ordering_twice_makes_one_order(client, mug):
    put(client, mug)

    first = client.post("/cart/order/")
    second = client.post("/cart/order/")

    order = Order.objects.get()
    assert (first.status_code, first["Location"]) == (303, f"/orders/{order.pk}/")
    assert (second.status_code, second["Location"]) == (303, "/orders/")


@pytest.mark.parametrize("kind", ["form", "json"])
def test_a_visitor_may_say_where_the_receipt_goes(client, mug, kind):
    put(client, mug)
    path = "/cart/order/" if kind == "form" else "/v2/cart/order/"
    how = {} if kind == "form" else {"content_type": "application/json"}

    refused = client.post(path, {"email": "eve at home"}, **how)
    client.post(path, {"email": "eve@example.com"}, **how)

    assert refused.status_code == (422 if kind == "form" else 400)
    order = Order.objects.get()
    assert (order.status, order.email) == ("AWAITING_PAYMENT", "eve@example.com")


def test_a_cart_that_cannot_be_ordered_says_why_on_its_page(client):
    tea = make_item("Tea", stock=1)
    put(client, tea)
    Item.objects.update(stock=0)

    answer = client.post("/cart/order/", follow=True)

    assert answer.redirect_chain == [("/cart/", 303)]
    assert "“Tea” is sold out." in words(answer)
    assert "Sold out meanwhile" in words(answer)


# --- Signing in --------------------------------------------------------------------------------------------
def sign_in(client, user):
    user.set_password(PASSWORD)
    user.save()
    answer = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD}, follow=True)
    assert answer.context["user"] == user
    return answer


def test_what_a_visitor_put_in_and_ordered_is_the_member_s_after_signing_in(client, mug):
    member = UserFactory(email="ada@example.com", verified=True)
    carts.add(customer=Customer(user=member), item=mug, at=timezone.now())
    client.get(f"/buy/{mug.pk}")
    put(client, mug, times=2)

    sign_in(client, member)

    assert quantities() == [("Mug", 3)]
    assert set(Order.objects.values_list("buyer", flat=True)) == {member.pk}
    assert (client.session.get("guest_key"), client.session["cart_count"]) == (None, 3)


def test_what_does_not_fit_into_the_member_s_cart_is_said(client, mug):
    member = UserFactory(email="ada@example.com", verified=True)
    carts.add(customer=Customer(user=member), item=make_item("Tasse", currency="EUR"), at=timezone.now())
    put(client, mug)

    answer = sign_in(client, member)

    assert "“Mug” is sold in USD, and your cart holds things in EUR." in words(answer)
    assert quantities() == [("Tasse", 1)]
    assert "Kept for later" in words(client.get("/cart/"))
    assert "1 × Mug $12.50" in words(client.get("/cart/"))
    client.post("/cart/order/")
    assert [line.title for line in carts.find(Customer(user=member)).lines.all()] == ["Mug"]
    assert client.session["cart_count"] == 1


def test_after_signing_out_nobody_sees_the_cart(client, mug):
    member = UserFactory(email="ada@example.com", verified=True)
    put(client, mug)
    sign_in(client, member)

    client.post("/accounts/logout/")

    assert client.get("/cart/").context["lines"] == []


def test_a_cart_that_cannot_be_taken_over_keeps_nobody_from_signing_in(client, mug, monkeypatch):
    member = UserFactory(email="ada@example.com", verified=True)
    put(client, mug)
    monkeypatch.setattr(carts, "take_over", lambda **kwargs: 1 / 0)

    sign_in(client, member)

    assert client.session["guest_key"]
