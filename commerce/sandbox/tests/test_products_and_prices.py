import pytest
import stripe

from commerce.sandbox.tests.shop import Shop


def test_a_product_is_read_back_as_it_was_created(shop: Shop) -> None:
    made = shop.client.v1.products.create(
        {"name": "Watercolour", "metadata": {"course": "7"}, "images": ["http://a/b"]}
    )

    found = shop.client.v1.products.retrieve(made.id)

    assert (found.name, found.active, found.images) == ("Watercolour", True, ["http://a/b"])
    assert found.metadata.to_dict() == {"course": "7"}
    assert found.livemode is False


def test_a_product_can_be_created_with_its_default_price(shop: Shop) -> None:
    product = shop.client.v1.products.create(
        {
            "name": "Watercolour",
            "default_price_data": {"currency": "eur", "unit_amount": 4900},
            "expand": ["default_price"],
        }
    )

    assert product.default_price.unit_amount == 4900
    assert product.default_price.product == product.id


def test_a_product_may_be_given_an_id_only_once(shop: Shop) -> None:
    shop.client.v1.products.create({"id": "course-7", "name": "Watercolour"})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.products.create({"id": "course-7", "name": "Oil"})

    assert refusal.value.code == "resource_already_exists"


def test_an_update_changes_what_it_names_and_merges_metadata(shop: Shop) -> None:
    made = shop.client.v1.products.create(
        {"name": "Watercolour", "description": "Wet", "metadata": {"a": "1", "b": "2"}}
    )

    changed = shop.client.v1.products.update(
        made.id, {"name": "Oil", "description": "", "metadata": {"a": "", "c": "3"}}
    )

    assert (changed.name, changed.description) == ("Oil", None)
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}


def test_products_are_listed_newest_first_and_by_whether_they_are_active(shop: Shop) -> None:
    first = shop.client.v1.products.create({"name": "First"})
    second = shop.client.v1.products.create({"name": "Second"})
    shop.client.v1.products.update(first.id, {"active": False})

    everything = shop.client.v1.products.list()
    active = shop.client.v1.products.list({"active": True})

    assert [product.id for product in everything.data] == [second.id, first.id]
    assert [product.id for product in active.data] == [second.id]


def test_a_price_keeps_its_amount_and_product(shop: Shop) -> None:
    product = shop.client.v1.products.create({"name": "Watercolour"})

    made = shop.client.v1.prices.create({"product": product.id, "currency": "EUR", "unit_amount": 1900})
    found = shop.client.v1.prices.retrieve(made.id, {"expand": ["product"]})

    assert (found.currency, found.unit_amount, str(found.unit_amount_decimal)) == ("eur", 1900, "1900")
    assert (found.type, found.billing_scheme) == ("one_time", "per_unit")
    assert found.product.name == "Watercolour"


def test_a_price_can_bring_its_product_along(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Sketchbook"}, "expand": ["product"]}
    )

    assert price.product.name == "Sketchbook"


def test_the_amount_of_a_price_cannot_be_changed(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Sketchbook"}}
    )

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.prices.update(price.id, {"unit_amount": 600})

    assert (refusal.value.code, refusal.value.param) == ("parameter_unknown", "unit_amount")


def test_a_price_can_be_retired_and_renamed(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Sketchbook"}}
    )

    changed = shop.client.v1.prices.update(price.id, {"active": False, "nickname": "old"})

    assert (changed.active, changed.nickname, changed.unit_amount) == (False, "old", 500)


def test_prices_are_found_by_product_and_by_lookup_key(shop: Shop) -> None:
    wanted = shop.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 500, "product_data": {"name": "A"}, "lookup_key": "sketchbook"}
    )
    shop.client.v1.prices.create({"currency": "usd", "unit_amount": 600, "product_data": {"name": "B"}})

    by_product = shop.client.v1.prices.list({"product": str(wanted.product)})
    by_key = shop.client.v1.prices.list({"lookup_keys": ["sketchbook"]})

    assert [price.id for price in by_product.data] == [wanted.id]
    assert [price.id for price in by_key.data] == [wanted.id]


def test_a_lookup_key_moves_only_when_asked_to(shop: Shop) -> None:
    wishes = {
        "currency": "usd",
        "unit_amount": 500,
        "product_data": {"name": "A"},
        "lookup_key": "sketchbook",
    }
    first = shop.client.v1.prices.create(wishes)

    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        shop.client.v1.prices.create(wishes)
    second = shop.client.v1.prices.create({**wishes, "transfer_lookup_key": True})

    assert second.lookup_key == "sketchbook"
    assert shop.client.v1.prices.retrieve(first.id).lookup_key is None


def test_a_price_needs_an_amount_that_is_not_negative(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.prices.create({"currency": "usd", "unit_amount": -1, "product_data": {"name": "A"}})

    assert (refusal.value.code, refusal.value.param) == ("parameter_invalid_integer", "unit_amount")


def test_the_last_of_three_decimals_must_be_nought(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.prices.create({"currency": "kwd", "unit_amount": 5125, "product_data": {"name": "A"}})

    assert refusal.value.param == "unit_amount"


def test_an_unknown_currency_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Invalid currency: xxx"):
        shop.client.v1.prices.create({"currency": "xxx", "unit_amount": 500, "product_data": {"name": "A"}})


def test_a_price_is_the_default_of_its_product_until_another_is(shop: Shop) -> None:
    product = shop.client.v1.products.create(
        {"name": "Watercolour", "default_price_data": {"currency": "eur", "unit_amount": 4900}}
    )
    other = shop.client.v1.prices.create({"product": product.id, "currency": "eur", "unit_amount": 3900})

    with pytest.raises(stripe.InvalidRequestError, match="default price of its product"):
        shop.client.v1.prices.update(product.default_price, {"active": False})
    shop.client.v1.products.update(product.id, {"default_price": other.id})
    retired = shop.client.v1.prices.update(product.default_price, {"active": False})

    assert retired.active is False
    assert shop.client.v1.products.retrieve(product.id).default_price == other.id


def test_prices_are_listed_by_currency_and_by_whether_they_are_active(shop: Shop) -> None:
    product = shop.client.v1.products.create({"name": "Watercolour"})
    euros, dollars, retired = (
        shop.client.v1.prices.create({"product": product.id, "currency": currency, "unit_amount": 500})
        for currency in ("eur", "usd", "usd")
    )
    shop.client.v1.prices.update(retired.id, {"active": False})

    in_euros = shop.client.v1.prices.list({"currency": "eur"})
    active = shop.client.v1.prices.list({"product": product.id, "active": True})

    assert [price.id for price in in_euros.data] == [euros.id]
    assert [price.id for price in active.data] == [dollars.id, euros.id]


def test_a_product_of_no_price_can_be_deleted_and_its_id_given_again(shop: Shop) -> None:
    shop.client.v1.products.create({"id": "course-7", "name": "Watercolour"})

    gone = shop.client.v1.products.delete("course-7")
    again = shop.client.v1.products.create({"id": "course-7", "name": "Oil"})

    assert (gone.deleted, again.name) == (True, "Oil")
    shop.client.v1.prices.create({"product": "course-7", "currency": "eur", "unit_amount": 500})
    with pytest.raises(stripe.InvalidRequestError, match="one or more user-created prices"):
        shop.client.v1.products.delete("course-7")


def test_what_happens_to_products_and_prices_is_told(shop: Shop) -> None:
    product = shop.client.v1.products.create(
        {"name": "Watercolour", "default_price_data": {"currency": "eur", "unit_amount": 4900}}
    )
    shop.client.v1.products.update(product.id, {"name": "Oil"})
    shop.client.v1.prices.update(product.default_price, {"nickname": "full"})
    shop.client.v1.products.update(product.id, {"name": "Oil"})
    shop.client.v1.prices.create({"currency": "eur", "unit_amount": 1, "product_data": {"name": "B"}})

    assert shop.event_types() == [
        "product.created",
        "price.created",
        "product.updated",
        "price.updated",
        "product.created",
        "price.created",
    ]
    (renamed,) = shop.client.v1.events.list({"type": "product.updated"}).data
    assert renamed.data.previous_attributes["name"] == "Watercolour"


def test_what_a_session_makes_up_for_itself_is_not_told(shop: Shop) -> None:
    shop.session()

    assert shop.event_types() == []


@pytest.mark.parametrize(
    "wishes",
    [
        {"tax_details": {"tax_code": "txcd_10000000"}},
        {"default_price_data": {"currency": "eur", "unit_amount": -1}},
    ],
)
def test_a_product_that_cannot_be_made_leaves_nothing_behind(shop: Shop, wishes: dict[str, object]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.products.create({"name": "Watercolour", **wishes})

    assert shop.client.v1.products.list().data == []
    assert shop.event_types() == []


def test_krona_have_no_fractions(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="multiple of 100"):
        shop.client.v1.prices.create({"currency": "isk", "unit_amount": 550, "product_data": {"name": "A"}})
