from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
import stripe

from commerce.sandbox.tests.shop import Shop

ClientFor = Callable[..., Any]


def test_accounts_do_not_see_each_other(shop: Shop, client_for: ClientFor) -> None:
    product = shop.client.v1.products.create({"name": "Watercolour"})
    stranger = client_for("sk_test_stranger")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        stranger.v1.products.retrieve(product.id)

    assert (refusal.value.code, refusal.value.http_status) == ("resource_missing", 404)
    assert str(refusal.value.user_message) == f"No such product: '{product.id}'"
    assert product.id not in [found.id for found in stranger.v1.products.list().data]


def test_a_live_key_is_refused_in_plain_words(client_for: ClientFor) -> None:
    with pytest.raises(stripe.AuthenticationError, match="A live secret key was sent to the Stripe sandbox"):
        client_for("sk_live_secret").v1.products.list()


@pytest.mark.parametrize("key", ["pk_test_", "rk_test_x", "nonsense-that-is-long", "sk_test_"])
def test_any_other_key_is_refused_and_not_repeated(client_for: ClientFor, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as refusal:
        client_for(key).v1.products.list()

    assert "Invalid API Key provided" in str(refusal.value)
    assert key not in str(refusal.value) or key in ("sk_test_", "pk_test_")


def test_a_key_may_come_by_basic_auth(shop: Shop) -> None:
    product = shop.client.v1.products.create({"name": "Watercolour"})

    answer = requests.get(f"{shop.sandbox.url}/v1/products/{product.id}", auth=(shop.key, ""), timeout=5)
    without = requests.get(f"{shop.sandbox.url}/v1/products/{product.id}", timeout=5)

    assert answer.json()["name"] == "Watercolour"
    assert without.status_code == 401
    assert without.json()["error"]["type"] == "invalid_request_error"


def test_every_answer_names_its_request_and_its_version(shop: Shop) -> None:
    product = shop.client.v1.products.create({"name": "Watercolour"})

    headers = product.last_response.headers
    assert headers["Request-Id"].startswith("req_")
    assert headers["Stripe-Version"] == stripe.api_version


def test_another_version_of_the_api_is_refused(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="speaks the version of the installed library only"):
        shop.client.v1.products.list(options={"stripe_version": "2024-06-20"})


def test_what_is_not_served_is_an_unrecognized_address(shop: Shop) -> None:
    with pytest.raises(
        stripe.InvalidRequestError, match=r"Unrecognized request URL \(GET: /v1/subscriptions\)"
    ) as refusal:
        shop.client.v1.subscriptions.list()

    assert refusal.value.http_status == 404


def test_a_search_is_not_taken_for_an_object_of_that_name(shop: Shop) -> None:
    with pytest.raises(
        stripe.InvalidRequestError, match=r"Unrecognized request URL \(GET: /v1/products/search\)"
    ):
        shop.client.v1.products.search({"query": "name:'A'"})


def test_a_connected_account_is_refused_rather_than_ignored(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.products.create({"name": "A"}, {"stripe_account": "acct_1"})

    assert refusal.value.code == "sandbox_not_served"
    assert shop.client.v1.products.list().data == []


def test_an_unknown_parameter_is_named(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Received unknown parameter: colour") as refusal:
        shop.client.v1.products.create({"name": "A", "colour": "red"})

    assert (refusal.value.code, refusal.value.param) == ("parameter_unknown", "colour")


def test_a_missing_parameter_is_named(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param: name") as refusal:
        shop.client.v1.products.create({})

    assert (refusal.value.code, refusal.value.param) == ("parameter_missing", "name")


def test_an_empty_value_cannot_stand_for_what_must_be_there(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="You passed an empty string for 'name'") as refusal:
        shop.client.v1.products.create({"name": ""})

    assert refusal.value.code == "parameter_invalid_empty"


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({f"k{n}": "v" for n in range(51)}, "at most 50 keys"),
        ({"k" * 41: "v"}, "at most 40 characters"),
        ({"k": "v" * 501}, "at most 500 characters"),
    ],
)
def test_metadata_has_limits(shop: Shop, metadata: dict[str, str], words: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=words):
        shop.client.v1.products.create({"name": "A", "metadata": metadata})


def test_lists_are_walked_page_by_page_in_both_directions(shop: Shop) -> None:
    made = [shop.client.v1.products.create({"name": f"Product {n}"}).id for n in range(7)]

    onward = [product.id for product in shop.client.v1.products.list({"limit": 3}).auto_paging_iter()]
    back = shop.client.v1.products.list({"limit": 3, "ending_before": made[2]})

    assert onward == made[::-1]
    assert [product.id for product in back.data] == [made[5], made[4], made[3]]
    assert back.has_more is True


@pytest.mark.parametrize("limit", [0, 101])
def test_a_page_holds_one_to_a_hundred(shop: Shop, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.products.list({"limit": limit})

    assert refusal.value.param == "limit"


def test_a_list_cannot_start_at_what_does_not_exist(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.products.list({"starting_after": "prod_none"})

    assert (refusal.value.code, refusal.value.param) == ("resource_missing", "starting_after")


def test_what_is_no_reference_cannot_be_expanded(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"cannot be expanded \(name\)"):
        shop.client.v1.products.create({"name": "A", "expand": ["name"]})


def test_a_repeated_key_gets_the_first_answer_again(shop: Shop) -> None:
    first = shop.client.v1.products.create({"name": "A"}, {"idempotency_key": "order-1"})

    again = shop.client.v1.products.create({"name": "A"}, {"idempotency_key": "order-1"})

    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert len(shop.client.v1.products.list().data) == 1


def test_a_key_with_another_body_is_an_error(shop: Shop) -> None:
    shop.client.v1.products.create({"name": "A"}, {"idempotency_key": "order-1"})

    with pytest.raises(stripe.IdempotencyError) as refusal:
        shop.client.v1.products.create({"name": "B"}, {"idempotency_key": "order-1"})

    assert refusal.value.http_status == 400


def test_a_key_belongs_to_one_account(shop: Shop, client_for: ClientFor) -> None:
    first = shop.client.v1.products.create({"name": "A"}, {"idempotency_key": "order-1"})

    other = client_for(shop.key + "other").v1.products.create({"name": "B"}, {"idempotency_key": "order-1"})

    assert other.id != first.id


def test_a_refused_request_does_not_use_up_its_key(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.products.create({}, {"idempotency_key": "order-1"})

    product = shop.client.v1.products.create({"name": "A"}, {"idempotency_key": "order-1"})

    assert product.name == "A"


def _code(refusal: Any) -> str:
    return str(refusal.json_body["error"]["code"])


def test_a_key_in_use_is_a_conflict(own_shop: Callable[..., Shop]) -> None:
    shop = own_shop()
    shop.sandbox.faults.add(kind="stall", seconds=0.5, path="/v1/products")

    def create(_: int) -> str:
        try:
            return shop.client.v1.products.create({"name": "A"}, {"idempotency_key": "order-1"}).name
        except stripe.StripeError as refusal:
            return f"{refusal.http_status} {_code(refusal)}"

    with ThreadPoolExecutor(2) as callers:
        outcomes = sorted(callers.map(create, range(2)))

    assert outcomes == ["409 idempotency_key_in_use", "A"]


def test_fifty_concurrent_creates_with_one_key_make_one_object(shop: Shop, client_for: ClientFor) -> None:
    client = client_for(shop.key, retries=8)

    with ThreadPoolExecutor(50) as callers:
        made = list(
            callers.map(
                lambda _: client.v1.products.create({"name": "A"}, {"idempotency_key": "order-1"}).id,
                range(50),
            )
        )

    assert len(set(made)) == 1
    assert len(shop.client.v1.products.list().data) == 1


def test_two_hundred_creates_from_twenty_threads_are_all_kept(shop: Shop) -> None:
    with ThreadPoolExecutor(20) as callers:
        made = list(callers.map(lambda n: shop.client.v1.products.create({"name": f"P{n}"}).id, range(200)))

    listed = [product.id for product in shop.client.v1.products.list({"limit": 100}).auto_paging_iter()]
    assert sorted(listed) == sorted(made)
    assert len(set(listed)) == 200


def test_the_module_style_of_the_library_works_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "api_base", shop.sandbox.url)

    product = stripe.Product.create(api_key=shop.key, name="A")

    assert shop.client.v1.products.retrieve(product.id).name == "A"
