from typing import Any

import pytest
import stripe

from commerce.sandbox.tests.shop import Shop


def test_a_customer_is_read_back_as_created(shop: Shop) -> None:
    made = shop.client.v1.customers.create(
        {
            "email": "ada@example.com",
            "name": "Ada",
            "phone": "+44 20 1234",
            "address": {"line1": "12 St James's Square", "city": "London", "country": "GB"},
            "preferred_locales": ["en-GB"],
            "metadata": {"member": "7"},
        }
    )

    found = shop.client.v1.customers.retrieve(made.id)

    assert (found.email, found.name, found.phone) == ("ada@example.com", "Ada", "+44 20 1234")
    assert (found.address.city, found.address.state) == ("London", None)
    assert (found.preferred_locales, found.metadata.to_dict()) == (["en-GB"], {"member": "7"})
    assert (found.tax_exempt, found.livemode, found.balance) == ("none", False, 0)


def test_an_update_changes_what_it_names(shop: Shop) -> None:
    made = shop.client.v1.customers.create({"email": "ada@example.com", "name": "Ada"})

    changed = shop.client.v1.customers.update(
        made.id, {"name": "Ada Lovelace", "address": {"city": "London"}, "metadata": {"member": "7"}}
    )
    emptied = shop.client.v1.customers.update(made.id, {"address": ""})

    assert (changed.name, changed.email, changed.address.city) == (
        "Ada Lovelace",
        "ada@example.com",
        "London",
    )
    assert emptied.address is None


def test_customers_are_found_by_their_address(shop: Shop) -> None:
    shop.client.v1.customers.create({"email": "grace@example.com"})
    wanted = shop.client.v1.customers.create({"email": "ada@example.com"})

    found = shop.client.v1.customers.list({"email": "ada@example.com"})

    assert [customer.id for customer in found.data] == [wanted.id]


def test_a_deleted_customer_is_known_to_be_deleted_and_nothing_else(shop: Shop) -> None:
    customer = shop.client.v1.customers.create({"email": "ada@example.com"})

    gone = shop.client.v1.customers.delete(customer.id)

    assert gone.to_dict() == {"id": customer.id, "object": "customer", "deleted": True}
    assert shop.client.v1.customers.retrieve(customer.id).to_dict() == gone.to_dict()
    assert shop.client.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.customers.update(customer.id, {"name": "Ada"})
    assert (refusal.value.code, refusal.value.http_status) == ("resource_missing", 404)
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.customers.delete(customer.id)


@pytest.mark.parametrize(
    ("wishes", "param"),
    [
        ({"email": "ada"}, "email"),
        ({"invoice_prefix": "a b"}, "invoice_prefix"),
        ({"tax_exempt": "always"}, "tax_exempt"),
        ({"colour": "red"}, "colour"),
        ({"source": "tok_visa"}, "source"),
        ({"address": {"planet": "Earth"}}, "address[planet]"),
    ],
)
def test_a_customer_that_cannot_be_is_refused(shop: Shop, wishes: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.customers.create(wishes)

    assert refusal.value.param == param


def test_the_global_functions_of_the_library_do_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "api_base", shop.sandbox.url)

    customer = stripe.Customer.create(api_key=shop.key, email="ada@example.com")
    changed = stripe.Customer.modify(customer.id, api_key=shop.key, name="Ada")
    gone = stripe.Customer.delete(customer.id, api_key=shop.key)

    assert (changed.name, gone.deleted) == ("Ada", True)


def test_accounts_do_not_see_each_others_customers(shop: Shop, client_for: Any) -> None:
    customer = shop.client.v1.customers.create({"email": "ada@example.com"})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client_for("sk_test_somebody_else").v1.customers.retrieve(customer.id)

    assert refusal.value.code == "resource_missing"


def test_what_happens_to_a_customer_is_told(shop: Shop) -> None:
    customer = shop.client.v1.customers.create({"email": "ada@example.com"})
    shop.client.v1.customers.update(customer.id, {"name": "Ada"})
    shop.client.v1.customers.delete(customer.id)

    assert shop.event_types() == ["customer.created", "customer.updated", "customer.deleted"]
    (last,) = shop.client.v1.events.list({"type": "customer.deleted"}).data
    assert last.data.object["email"] == "ada@example.com"


def test_a_session_can_be_of_a_customer(shop: Shop) -> None:
    customer = shop.client.v1.customers.create({"email": "ada@example.com", "name": "Ada"})

    session = shop.session(customer=customer.id, expand=["customer"])
    shop.sandbox.pay(session.id, email="ada@home.example")
    paid = shop.again(session, expand=["payment_intent.latest_charge"])

    assert (session.customer.name, session.customer_email, session.customer_creation) == ("Ada", None, None)
    assert session.customer_details.email == "ada@example.com"
    assert (paid.customer_details.email, paid.customer_details.name) == ("ada@home.example", "Sandbox Payer")
    assert paid.payment_intent.customer == customer.id
    assert paid.payment_intent.latest_charge.customer == customer.id
    assert [found.id for found in shop.client.v1.checkout.sessions.list({"customer": customer.id}).data] == [
        session.id
    ]


def test_an_address_alone_makes_no_customer(shop: Shop) -> None:
    session = shop.session(customer_email="ada@example.com")

    shop.sandbox.pay(session.id)

    assert (session.customer_details.email, session.customer_creation) == ("ada@example.com", "if_required")
    assert shop.again(session).customer is None
    assert shop.client.v1.customers.list().data == []


def test_a_session_makes_a_customer_of_who_pays_if_asked_to(shop: Shop) -> None:
    session = shop.session(customer_creation="always")

    shop.sandbox.pay(session.id, email="ada@example.com")
    paid = shop.again(session, expand=["customer", "payment_intent.latest_charge"])

    assert session.customer is None
    assert (paid.customer.email, paid.customer.name) == ("ada@example.com", "Sandbox Payer")
    assert paid.payment_intent.customer == paid.customer.id
    assert paid.payment_intent.latest_charge.customer == paid.customer.id
    assert "customer.created" in shop.event_types()


def test_a_free_order_makes_a_customer_too(shop: Shop) -> None:
    gift = shop.client.v1.coupons.create({"percent_off": 100})
    session = shop.session(customer_creation="always", discounts=[{"coupon": gift.id}])

    shop.submit(session)

    assert shop.again(session, expand=["customer"]).customer.email == "ada@example.com"


@pytest.mark.parametrize(
    "wishes",
    [{"customer_email": "ada@example.com"}, {"customer_creation": "always"}, {"customer": "cus_none"}],
)
def test_of_a_session_the_customer_is_named_in_one_way(shop: Shop, wishes: dict[str, str]) -> None:
    customer = shop.client.v1.customers.create({"email": "ada@example.com"})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.session(**{"customer": customer.id, **wishes})

    assert refusal.value.param == "customer"


def test_a_deleted_customer_buys_nothing_and_stays_known_to_what_was_paid(shop: Shop) -> None:
    customer = shop.client.v1.customers.create({"email": "ada@example.com"})
    session = shop.session(customer=customer.id)
    shop.sandbox.pay(session.id)

    shop.client.v1.customers.delete(customer.id)

    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        shop.session(customer=customer.id)
    assert shop.again(session, expand=["customer"]).customer.deleted is True
