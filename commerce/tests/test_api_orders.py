"""Orders by the API: the cart, its discount, and paying it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.dateparse import parse_datetime
from rest_framework.throttling import SimpleRateThrottle

from accounts.tests.factories import UserFactory
from commerce.gateways import GatewayUnavailable
from commerce.models import Discount, Item, Order, Payment, Tax
from commerce.services import checkout
from commerce.tests.api import ORDERS, PAYMENTS, an_item, client_of, now, open_payment
from commerce.tests.factories import fake, place_order, voucher

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return UserFactory(email="ada@example.com")


@pytest.fixture
def staff():
    return UserFactory(is_staff=True)


def begin(person, *wishes):
    """A new cart with so many of each item."""
    lines = [{"item": item.pk, "quantity": quantity} for item, quantity in wishes]
    answer = client_of(person).post(ORDERS, {"lines": lines})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def ids(answer):
    assert answer.status_code == 200, answer.json()
    return [order["id"] for order in answer.json()["results"]]


def test_codes_are_not_guessed_fast(ada, monkeypatch):
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "payments", "2/min")
    cache.clear()
    order = begin(ada, (an_item(), 1))

    answers = [client_of(ada).post(f"{ORDERS}{order['id']}/discount/", {"code": code}) for code in "ABC"]

    assert [answer.status_code for answer in answers] == [400, 400, 429]


# --- The cart ---
def test_the_cart_is_begun_once(ada):
    first, second = [client_of(ada).post(ORDERS) for _ in range(2)]

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    order = Order.objects.get()
    assert first["Location"] == f"http://testserver{ORDERS}{order.pk}/"
    told = first.json()
    assert parse_datetime(told.pop("created_at")) == order.created_at
    assert told == {
        "id": order.pk,
        "number": order.number,
        "user": ada.pk,
        "status": "OPEN",
        "lines": [],
        "subtotal": "0.00",
        "discount": "0.00",
        "discount_name": None,
        "tax": "0.00",
        "included_tax": "0.00",
        "total": "0.00",
        "currency": "USD",
        "payments": [],
        "placed_at": None,
        "payable_until": None,
        "paid_at": None,
        "notes": [],
    }


def test_a_cart_is_begun_with_all_that_is_asked_for(ada):
    mug, plate = an_item("Mug", currency="EUR"), an_item("Plate", price="9", currency="EUR")

    told = begin(ada, (mug, 2), (plate, 1))

    assert told["lines"] == [
        {
            "kind": "item",
            "reference": str(mug.pk),
            "item": mug.pk,
            "title": "Mug",
            "unit_price": "12.50",
            "quantity": 2,
            "total": "25.00",
            "is_delivered": False,
        },
        {
            "kind": "item",
            "reference": str(plate.pk),
            "item": plate.pk,
            "title": "Plate",
            "unit_price": "9.00",
            "quantity": 1,
            "total": "9.00",
            "is_delivered": False,
        },
    ]
    assert (told["subtotal"], told["total"], told["currency"]) == ("34.00", "34.00", "EUR")


def test_a_cart_is_begun_with_all_or_not_at_all(ada):
    answer = client_of(ada).post(
        ORDERS,
        {"lines": [{"item": an_item().pk}, {"item": an_item("Plate", currency="EUR").pk}]},
    )

    assert answer.status_code == 409
    assert "“Plate” is sold in EUR" in answer.json()["detail"]
    assert not Order.objects.exists()


def test_what_the_shop_does_not_have_is_named(ada):
    lines = [{"item": an_item().pk}, {"item": 4711}, {"item": an_item("Plate", is_for_sale=False).pk}]

    answer = client_of(ada).post(ORDERS, {"lines": lines})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["lines.1.item", "lines.2.item"]


def test_lines_come_and_go(ada):
    mug, plate = an_item("Mug"), an_item("Plate", price="9")
    path = f"{ORDERS}{begin(ada)['id']}/lines/"
    client = client_of(ada)

    one = client.post(path, {"item": mug.pk})
    three = client.post(path, {"item": mug.pk, "quantity": 2})
    both = client.post(path, {"item": plate.pk})
    without = client.delete(f"{path}?item={mug.pk}")
    empty = client.delete(path, {"item": plate.pk})

    assert [answer.status_code for answer in (one, three, both, without, empty)] == [201, 201, 201, 200, 200]
    assert [answer.json()["total"] for answer in (one, three, both, without, empty)] == [
        "12.50",
        "37.50",
        "46.50",
        "9.00",
        "0.00",
    ]
    assert client.delete(f"{path}?item={mug.pk}").status_code == 404


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [
        ({}, 400, "item"),
        ({"item": "x"}, 400, "item"),
        ({"item": 4711}, 400, "item"),
        ({"quantity": 0}, 400, "quantity"),
        ({"quantity": 100}, 400, "quantity"),
        ({"quantity": 4}, 409, "only 3 are left"),
    ],
)
def test_a_wish_that_cannot_be_had_is_refused(ada, wish, status, words):
    mug = an_item(stock=3)
    path = f"{ORDERS}{begin(ada)['id']}/lines/"

    answer = client_of(ada).post(path, {"item": mug.pk, **wish} if "quantity" in wish else wish)

    assert answer.status_code == status
    assert words in (answer.json().get("errors") or answer.json()["detail"])


def test_no_more_of_an_item_than_anybody_orders(ada):
    mug = an_item()
    path = f"{ORDERS}{begin(ada, (mug, 99))['id']}/lines/"

    answer = client_of(ada).post(path, {"item": mug.pk})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["quantity"])


def test_a_second_currency_is_refused_in_words(ada):
    path = f"{ORDERS}{begin(ada, (an_item(), 1))['id']}/lines/"

    answer = client_of(ada).post(path, {"item": an_item("Plate", currency="EUR").pk})

    assert answer.status_code == 409
    assert "“Plate” is sold in EUR, and your cart holds things in USD" in answer.json()["detail"]


def test_a_cart_is_shown_at_todays_prices_and_says_what_has_changed(ada):
    mug = an_item()
    path = f"{ORDERS}{begin(ada, (mug, 2))['id']}/"
    Item.objects.update(price=Decimal("13.00"))

    first, second = [client_of(ada).get(path).json() for _ in range(2)]

    assert (first["total"], first["notes"]) == ("26.00", ["“Mug” costs 13.00 USD now."])
    assert (second["total"], second["notes"]) == ("26.00", [])


def test_a_discount_is_asked_for_by_its_code_and_taken_off(ada):
    Discount.objects.create(name="Spring", code="SPRING", percent_off=Decimal(20))
    Tax.objects.create(name="VAT", percentage=Decimal(10), is_inclusive=False)
    path = f"{ORDERS}{begin(ada, (an_item(), 2))['id']}/discount/"
    client = client_of(ada)

    given = client.post(path, {"code": "spring"}).json()
    unknown = client.post(path, {"code": "autumn"})
    without = client.delete(path).json()

    fields = ("subtotal", "discount", "discount_name", "tax", "included_tax", "total")
    assert [given[name] for name in fields] == ["25.00", "5.00", "Spring", "2.00", "0.00", "22.00"]
    assert (unknown.status_code, list(unknown.json()["errors"])) == (400, ["code"])
    assert (without["discount_name"], without["total"]) == (None, "27.50")
    assert client.delete(path).status_code == 404


def test_an_empty_cart_gets_no_discount(ada):
    Discount.objects.create(name="Spring", code="SPRING", percent_off=Decimal(20))

    answer = client_of(ada).post(f"{ORDERS}{begin(ada)['id']}/discount/", {"code": "SPRING"})

    assert answer.status_code == 409


# --- Whose ---
ROUTES = [
    ("get", ""),
    ("delete", ""),
    ("post", "lines/"),
    ("delete", "lines/?item=1"),
    ("post", "discount/"),
    ("delete", "discount/"),
    ("post", "pay/"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_anothers_order_is_not_there_and_staff_do_not_touch_anothers_cart(ada, staff, method, path):
    mug = an_item()
    order = begin(ada, (mug, 1))
    address = f"{ORDERS}{order['id']}/{path}"

    assert getattr(client_of(UserFactory()), method)(address).status_code == 404
    assert getattr(client_of(), method)(address).status_code == 401
    assert getattr(client_of(staff), method)(address).status_code == (200 if method == "get" else 403)
    assert client_of(ada).get(f"{ORDERS}{order['id']}/").json()["lines"] == order["lines"]


def test_one_sees_ones_own_orders_and_staff_and_shopkeepers_see_all(counter, ada, staff):
    mine, others = place_order(buyer=ada, at=now()), place_order(at=now())
    shopkeeper = UserFactory()
    shopkeeper.groups.add(Group.objects.get(name="Shopkeepers"))

    assert ids(client_of(ada).get(ORDERS)) == [mine.pk]
    assert ids(client_of(staff).get(ORDERS)) == [others.pk, mine.pk]
    assert ids(client_of(shopkeeper).get(ORDERS)) == [others.pk, mine.pk]
    assert ids(client_of(staff).get(ORDERS, {"user_id": ada.pk})) == [mine.pk]


def test_the_list_is_narrowed_and_ordered(counter, ada):
    cheap = place_order(voucher(amount="9.00"), buyer=ada, at=now())
    dear = place_order(voucher(amount="90.00"), buyer=ada, at=now())
    checkout.give_up(order=dear, at=now(), cause="test")
    client = client_of(ada)

    assert ids(client.get(ORDERS, {"status": "CANCELLED"})) == [dear.pk]
    assert ids(client.get(ORDERS, {"ordering": "created_at"})) == [cheap.pk, dear.pk]
    assert ids(client.get(ORDERS, {"ordering": "-total"})) == [dear.pk, cheap.pk]


@pytest.mark.parametrize("query", [{"status": "NEW"}, {"ordering": "x"}, {"user_id": 1}, {"colour": "red"}])
def test_an_unknown_filter_or_value_is_refused(ada, query):
    answer = client_of(ada).get(ORDERS, query)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(query))


def test_thirty_orders_take_as_many_queries_as_one(counter, ada):
    def queries():
        client_of(ada).get(ORDERS)
        with CaptureQueriesContext(connection) as asked:
            assert client_of(ada).get(ORDERS, {"page_size": 50}).status_code == 200
        return len(asked)

    open_payment(ada)
    with_one = queries()
    for n in range(29):
        open_payment(ada, voucher(f"a{n}"), voucher(f"b{n}"))

    assert queries() == with_one <= 6


# --- Paying ---
def test_what_is_in_the_cart_is_ordered_and_paid(ada):
    mug = an_item(stock=5)
    order = begin(ada, (mug, 2))

    first, second = [client_of(ada).post(f"{ORDERS}{order['id']}/pay/") for _ in range(2)]

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() == client_of(ada).get(f"{PAYMENTS}{first.json()['id']}/").json()
    assert (first.json()["amount"], first.json()["order"]) == ("25.00", order["id"])
    assert fake().session(first.json()["session_id"]).url == first.json()["session_url"]
    told = client_of(ada).get(f"{ORDERS}{order['id']}/").json()
    assert (told["status"], [payment["id"] for payment in told["payments"]]) == (
        "AWAITING_PAYMENT",
        [first.json()["id"]],
    )
    mug.refresh_from_db()
    assert mug.stock == 3


def test_an_open_order_is_placed_by_paying_it(ada):
    order = begin(ada, (an_item(), 1))

    answer = client_of(ada).post(PAYMENTS, {"order": order["id"]})

    assert answer.status_code == 201
    assert Order.objects.get().status == "AWAITING_PAYMENT"


def test_a_placed_order_does_not_change_any_more(ada):
    mug = an_item()
    path = f"{ORDERS}{begin(ada, (mug, 1))['id']}/"
    client = client_of(ada)
    client.post(f"{path}pay/", {"method": "cash"})

    answers = [
        client.post(f"{path}lines/", {"item": mug.pk}),
        client.delete(f"{path}lines/?item={mug.pk}"),
        client.post(f"{path}discount/", {"code": "SPRING"}),
        client.delete(f"{path}discount/"),
    ]

    assert [answer.status_code for answer in answers] == [409] * 4
    assert [payment["method"] for payment in client.get(path).json()["payments"]] == ["cash"]


def test_an_empty_cart_is_not_ordered(ada):
    answer = client_of(ada).post(f"{ORDERS}{begin(ada)['id']}/pay/")

    assert answer.status_code == 409
    assert "Your cart is empty" in answer.json()["detail"]


def test_nothing_is_ordered_at_a_price_that_its_buyer_has_not_seen(ada):
    path = f"{ORDERS}{begin(ada, (an_item(), 1))['id']}/pay/"
    Item.objects.update(price=Decimal("99.00"))

    refused, repeated = [client_of(ada).post(path) for _ in range(2)]

    assert refused.status_code == 409
    assert "“Mug” costs 99.00 USD now." in refused.json()["detail"]
    assert (repeated.status_code, repeated.json()["amount"]) == (201, "99.00")


def test_what_was_sold_meanwhile_is_not_ordered(ada):
    path = f"{ORDERS}{begin(ada, (an_item(stock=1), 1))['id']}/pay/"
    Item.objects.update(stock=0)

    answer = client_of(ada).post(path)

    assert answer.status_code == 409
    assert "sold out" in answer.json()["detail"]
    assert Order.objects.get().status == "OPEN"


def test_an_order_that_comes_to_nothing_is_paid_at_once(ada):
    Discount.objects.create(name="Gift", code="GIFT", percent_off=Decimal(100))
    path = f"{ORDERS}{begin(ada, (an_item(), 1))['id']}/"
    client_of(ada).post(f"{path}discount/", {"code": "gift"})

    answers = [client_of(ada).post(f"{path}pay/") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert client_of(ada).get(path).json()["status"] == "PAID"
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    "body", [{"method": "gold"}, {"flow": "telepathy"}, {"method": "cash", "flow": "intent"}]
)
def test_an_order_is_paid_in_a_known_way(ada, body):
    answer = client_of(ada).post(f"{ORDERS}{begin(ada, (an_item(), 1))['id']}/pay/", body)

    assert answer.status_code == 400
    assert Order.objects.get().status == "OPEN"


def test_a_silent_provider_loses_nothing(ada, monkeypatch):
    path = f"{ORDERS}{begin(ada, (an_item(), 1))['id']}/pay/"

    def no_answer(*args, **kwargs):
        raise GatewayUnavailable("The line was cut.")

    with monkeypatch.context() as broken:
        broken.setattr(fake(), "open_session", no_answer, raising=False)
        answer = client_of(ada).post(path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")

    assert client_of(ada).post(path).json()["session_url"]
    assert Payment.objects.count() == 1


def test_the_client_may_take_the_card_on_a_page_of_its_own(ada, settings):
    path = f"{ORDERS}{begin(ada, (an_item(), 1))['id']}/pay/"

    first, second = [client_of(ada).post(path, {"flow": "intent"}) for _ in range(2)]

    told = first.json()
    payment = Payment.objects.get()
    assert (first.status_code, second.status_code, second.json()) == (201, 200, told)
    assert told.pop("client_secret") == fake().intent(payment.intent_id).client_secret
    assert told.pop("publishable_key") == "pk_test_usd"
    assert told == client_of(ada).get(f"{PAYMENTS}{payment.pk}/").json()
    fake().pay_intent(payment.intent_id)
    assert client_of(ada).get(f"{PAYMENTS}{payment.pk}/status/").json()["status"] == "PAID"
    assert client_of(ada).get(f"{ORDERS}{payment.order_id}/").json()["lines"][0]["is_delivered"] is True


# --- Given up ---
def test_a_cart_is_thrown_away(ada):
    path = f"{ORDERS}{begin(ada, (an_item(), 1))['id']}/"

    assert client_of(ada).delete(path).status_code == 204
    assert client_of(ada).get(path).status_code == 404


def test_an_unpaid_order_is_given_up_and_its_goods_are_free(ada):
    mug = an_item(stock=1)
    path = f"{ORDERS}{begin(ada, (mug, 1))['id']}/"
    payment = client_of(ada).post(f"{path}pay/").json()

    answers = [client_of(ada).delete(path) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert client_of(ada).get(path).json()["status"] == "CANCELLED"
    assert fake().session(payment["session_id"]).status == "expired"
    mug.refresh_from_db()
    assert mug.stock == 1


@pytest.mark.parametrize(("happens", "words"), [("pay", "paid already"), ("pay_slowly", "on its way")])
def test_what_is_paid_meanwhile_is_not_given_up(counter, ada, happens, words):
    payment = open_payment(ada)
    getattr(fake(), happens)(payment.session_id)

    answer = client_of(ada).delete(f"{ORDERS}{payment.order_id}/")

    assert answer.status_code == 409
    assert words in answer.json()["detail"]
    assert Order.objects.get().status == ("PAID" if happens == "pay" else "AWAITING_PAYMENT")


def test_what_staff_gives_up_stays_given_up(counter, ada, staff):
    payment = open_payment(ada)

    assert client_of(staff).delete(f"{ORDERS}{payment.order_id}/").status_code == 204

    assert client_of(ada).post(f"{PAYMENTS}{payment.pk}/renew/").status_code == 409
    assert payment.order.status_changes.last().actor == staff


def test_what_one_gave_up_oneself_may_be_taken_up_again(counter, ada):
    payment = open_payment(ada)
    client_of(ada).delete(f"{ORDERS}{payment.order_id}/")

    answer = client_of(ada).post(f"{PAYMENTS}{payment.pk}/renew/")

    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING")
    told = client_of(ada).get(f"{ORDERS}{payment.order_id}/").json()
    assert told["status"] == "AWAITING_PAYMENT"
    assert parse_datetime(told["payable_until"]) > now() + timedelta(hours=23)
