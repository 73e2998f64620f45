"""What a browser may do with a publishable key, as Stripe.js calls it."""

from typing import Any

import pytest
import requests
import stripe

from commerce.sandbox.tests.shop import Shop

CARD = {"number": "4242 4242 4242 4242", "exp_month": "12", "exp_year": "34", "cvc": "123"}


def publishable(shop: Shop) -> str:
    return shop.key.replace("sk_", "pk_", 1)


def intent(shop: Shop, **wishes: Any) -> Any:
    return shop.client.v1.payment_intents.create({"amount": 1900, "currency": "eur", **wishes})


def confirm(shop: Shop, made: Any, *, card: dict[str, str] | None = None, **fields: Any) -> requests.Response:
    typed = {f"payment_method_data[card][{name}]": value for name, value in (card or CARD).items()}
    body = {
        "key": publishable(shop),
        "client_secret": made.client_secret,
        "use_stripe_sdk": "true",
        "payment_method_data[type]": "card",
        "payment_method_data[billing_details][name]": "Ada",
        **typed,
        **fields,
    }
    return requests.post(
        f"{shop.sandbox.url}/v1/payment_intents/{made.id}/confirm",
        data=body,
        headers={"Origin": "http://shop.test"},
        timeout=5,
    )


def test_a_browser_confirms_with_the_card_that_was_typed(shop: Shop) -> None:
    made = intent(shop)

    answer = confirm(shop, made)

    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    charge = shop.client.v1.charges.list({"payment_intent": made.id}).data[0]
    assert (charge.payment_method_details.card.last4, charge.billing_details.name) == ("4242", "Ada")


def test_a_browser_sees_nothing_of_the_shop_s_own(shop: Shop) -> None:
    made = intent(shop, metadata={"margin": "90%"})

    seen = requests.get(
        f"{shop.sandbox.url}/v1/payment_intents/{made.id}",
        params={"key": publishable(shop), "client_secret": made.client_secret},
        timeout=5,
    ).json()
    declined = confirm(shop, made, card={**CARD, "number": "4000000000000002"}).json()["error"]

    assert (seen["id"], seen["amount"], seen["status"]) == (made.id, 1900, "requires_payment_method")
    assert not {"metadata", "customer", "latest_charge"} & set(seen)
    assert (declined["type"], declined["decline_code"]) == ("card_error", "generic_decline")
    assert "metadata" not in declined["payment_intent"]


def test_without_the_client_secret_nothing_is_told(shop: Shop) -> None:
    made = intent(shop)
    browser = stripe.StripeClient(publishable(shop), base_addresses={"api": shop.sandbox.url})

    with pytest.raises(stripe.InvalidRequestError) as missing:
        browser.v1.payment_intents.retrieve(made.id)
    with pytest.raises(stripe.InvalidRequestError, match="does not match the client_secret"):
        browser.v1.payment_intents.retrieve(made.id, {"client_secret": f"{made.id}_secret_guessed"})

    assert (missing.value.code, missing.value.param) == ("parameter_missing", "client_secret")


def test_a_wrong_client_secret_confirms_nothing(shop: Shop) -> None:
    made = intent(shop)

    answer = confirm(shop, made, client_secret=f"{made.id}_secret_guessed")

    assert answer.status_code == 400
    assert shop.client.v1.payment_intents.retrieve(made.id).status == "requires_payment_method"


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/v1/payment_intents"),
        ("POST", "/v1/payment_intents"),
        ("POST", "/v1/refunds"),
        ("GET", "/v1/charges"),
        ("GET", "/v1/events"),
        ("POST", "/v1/checkout/sessions"),
        ("POST", "/v1/payment_intents/pi_1/cancel"),
    ],
)
def test_anything_else_needs_the_secret_key(shop: Shop, verb: str, path: str) -> None:
    answer = requests.request(
        verb,
        shop.sandbox.url + path,
        headers={"Authorization": f"Bearer {publishable(shop)}"},
        timeout=5,
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "secret_key_required")


def test_a_browser_expands_nothing_but_the_payment_method(shop: Shop) -> None:
    made = intent(shop)

    wishes: dict[str, Any] = {"expand[]": "latest_charge"}

    answer = confirm(shop, made, **wishes)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "expand")
    assert shop.client.v1.charges.list().data == []


def test_a_key_of_another_account_finds_no_intent_and_makes_no_account(shop: Shop) -> None:
    made = intent(shop)

    answer = confirm(shop, made, key="pk_test_stranger_without_account")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_missing")
    assert len(shop.sandbox.ledger("sk_test_stranger_without_account")) == 0


def test_an_answer_to_a_secret_key_is_for_no_page(shop: Shop) -> None:
    made = intent(shop)

    secret = requests.get(f"{shop.sandbox.url}/v1/payment_intents/{made.id}", auth=(shop.key, ""), timeout=5)
    asked = requests.options(f"{shop.sandbox.url}/v1/payment_intents/{made.id}", timeout=5)

    assert secret.status_code == 200
    assert "Access-Control-Allow-Origin" not in secret.headers
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, "*")


@pytest.mark.parametrize(
    ("card", "code", "param"),
    [
        ({"number": "4111111111111111"}, "incorrect_number", "number"),
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"exp_month": "13"}, "invalid_expiry_month", "exp_month"),
        ({"exp_year": "20"}, "invalid_expiry_year", "exp_year"),
        ({"cvc": "1"}, "invalid_cvc", "cvc"),
    ],
)
def test_a_card_that_was_typed_wrongly_is_a_card_error(
    shop: Shop, card: dict[str, str], code: str, param: str
) -> None:
    made = intent(shop)

    answer = confirm(shop, made, card={**CARD, **card})

    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"], error["param"]) == (
        402,
        "card_error",
        code,
        param,
    )
    assert shop.client.v1.payment_intents.retrieve(made.id).status == "requires_payment_method"


def test_a_browser_is_asked_for_3d_secure_in_its_own_page(shop: Shop) -> None:
    made = intent(shop)

    answer = confirm(shop, made, card={**CARD, "number": "4000002500003155"}).json()

    action = answer["next_action"]
    assert (answer["status"], action["type"]) == ("requires_action", "use_stripe_sdk")
    assert action["use_stripe_sdk"]["stripe_js"].startswith(f"{shop.sandbox.url}/authenticate/{made.id}/")
