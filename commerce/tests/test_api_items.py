"""Items by the API: everyone reads, the shop's staff writes."""

import pytest
from django.contrib.auth.models import Group

from accounts.tests.factories import UserFactory
from commerce.models import Item
from commerce.models.customers import Customer
from commerce.services import cart
from commerce.tests.api import ITEMS, an_item, client_of, now

pytestmark = pytest.mark.django_db
MUG = {"name": "Mug", "description": "Holds tea.", "price": "12.50", "currency": "USD"}


@pytest.fixture
def staff():
    return UserFactory(is_staff=True)


def names(answer):
    assert answer.status_code == 200, answer.json()
    return [item["name"] for item in answer.json()["results"]]


def test_everyone_reads_what_is_for_sale_and_nothing_of_the_stock():
    mug = an_item(description="Holds tea.", stock=3)
    withdrawn = an_item("Plate", is_for_sale=False)

    for client in (client_of(), client_of(UserFactory())):
        told = {"id": mug.pk, **MUG}
        assert client.get(ITEMS).json() == {"count": 1, "next": None, "previous": None, "results": [told]}
        assert client.get(f"{ITEMS}{mug.pk}/").json() == told
        assert client.get(f"{ITEMS}{withdrawn.pk}/").status_code == 404


def test_staff_also_sees_what_is_withdrawn_and_how_many_are_left(staff):
    an_item(stock=3)
    an_item("Plate", is_for_sale=False)

    told = client_of(staff).get(ITEMS).json()["results"]

    assert [(item["name"], item["stock"], item["is_for_sale"]) for item in told] == [
        ("Mug", 3, True),
        ("Plate", None, False),
    ]


def test_a_price_has_the_decimals_of_its_currency():
    an_item("Fan", price="1500", currency="JPY")
    an_item("Mug", price="12.5")

    told = client_of().get(ITEMS).json()["results"]

    assert [item["price"] for item in told] == ["1500", "12.50"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"search": "tea"}, ["Mug"]),
        ({"search": "HOLDS"}, ["Mug", "Plate"]),
        ({"search": "holds cake"}, ["Plate"]),
        ({"search": "gold"}, []),
        ({"search": ""}, ["Mug", "Plate", "Quill"]),
        ({"currency": "EUR"}, ["Quill"]),
        ({"ordering": "-name"}, ["Quill", "Plate", "Mug"]),
        ({"ordering": "price"}, ["Quill", "Plate", "Mug"]),
        ({"ordering": "-price", "currency": "USD"}, ["Mug", "Plate"]),
    ],
)
def test_the_list_is_searched_narrowed_and_ordered(query, expected):
    an_item("Mug", price="12.50", description="Holds tea.")
    an_item("Plate", price="9.00", description="Holds cake.")
    an_item("Quill", price="3.00", currency="EUR")

    assert names(client_of().get(ITEMS, query)) == expected


@pytest.mark.parametrize(
    "query", [{"currency": "XXX"}, {"currency": ""}, {"ordering": "stock"}, {"stock": "1"}, {"page": "9"}]
)
def test_what_a_filter_does_not_understand_is_refused(query):
    assert client_of().get(ITEMS, query).status_code == (404 if "page" in query else 400)


def test_thirty_items_take_as_many_queries_as_one(django_assert_num_queries):
    an_item()
    with django_assert_num_queries(2):
        client_of().get(ITEMS)
    for n in range(29):
        an_item(f"Item {n}")

    with django_assert_num_queries(2):
        client_of().get(ITEMS, {"page_size": 50})


def test_staff_offers_changes_and_deletes_an_item(staff):
    client = client_of(staff)

    made = client.post(ITEMS, {**MUG, "stock": 5})
    path = f"{ITEMS}{made.json()['id']}/"
    put = client.put(path, {**MUG, "price": "13.00"})
    patched = client.patch(path, {"is_for_sale": False})

    assert (made.status_code, made["Location"]) == (201, f"http://testserver{path}")
    assert made.json() == {"id": made.json()["id"], **MUG, "stock": 5, "is_for_sale": True}
    assert (put.status_code, put.json()["price"], put.json()["stock"]) == (200, "13.00", 5)
    assert (patched.status_code, patched.json()["is_for_sale"]) == (200, False)
    assert client.delete(path).status_code == 204
    assert not Item.objects.exists()


def test_shopkeepers_write_items_and_others_do_not():
    keeper = UserFactory()
    keeper.groups.add(Group.objects.get(name="Shopkeepers"))
    path = f"{ITEMS}{an_item().pk}/"

    assert client_of(keeper).post(ITEMS, MUG).status_code == 201
    for client, status in ((client_of(), 401), (client_of(UserFactory()), 403)):
        assert client.post(ITEMS, MUG).status_code == status
        for method in ("put", "patch", "delete"):
            assert getattr(client, method)(path, MUG).status_code == status
    assert Item.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"price": "0"}, "price"),
        ({"price": "0.49"}, "price"),
        ({"price": "12.505"}, "price"),
        ({"price": "NaN"}, "price"),
        ({"price": "1e400"}, "price"),
        ({"price": "0.5", "currency": "JPY"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"stock": -1}, "stock"),
        ({"stock": 2**70}, "stock"),
    ],
)
def test_what_cannot_be_sold_is_refused(staff, change, field):
    answer = client_of(staff).post(ITEMS, {**MUG, **change})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Item.objects.exists()


def test_a_changed_price_is_checked_with_the_currency_there_is(staff):
    path = f"{ITEMS}{an_item(price='0.60').pk}/"

    answer = client_of(staff).patch(path, {"price": "0.10"})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["price"])


def test_what_has_been_ordered_is_taken_out_of_sale_and_not_deleted(staff):
    buyer, item = Customer(user=UserFactory()), an_item()
    cart.add(customer=buyer, item=item, at=now())
    cart.place(customer=buyer, at=now())

    answer = client_of(staff).delete(f"{ITEMS}{item.pk}/")

    assert answer.status_code == 409
    assert "Take it out of sale" in answer.json()["detail"]
    assert Item.objects.get() == item


def test_what_is_in_carts_only_may_go(staff):
    buyer, item = Customer(user=UserFactory()), an_item()
    cart.add(customer=buyer, item=item, at=now())

    assert client_of(staff).delete(f"{ITEMS}{item.pk}/").status_code == 204

    assert "no longer for sale" in cart.refresh(cart=cart.find(buyer), at=now())[0]
