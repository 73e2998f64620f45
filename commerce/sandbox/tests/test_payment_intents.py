from typing import Any

import pytest
import stripe

from commerce.sandbox import IntentNotOpen
from commerce.sandbox.payment_methods import TEST_CARDS
from commerce.sandbox.tests.shop import Shop

RETURN = "http://shop.test/return?order=5"


def intent(shop: Shop, amount: int = 1900, currency: str = "eur", **wishes: Any) -> Any:
    params = {"amount": amount, "currency": currency, "automatic_payment_methods": {"enabled": True}}
    return shop.client.v1.payment_intents.create({**params, **wishes})


def confirm(shop: Shop, made: Any, method: str = "pm_card_visa", **wishes: Any) -> Any:
    params = {"payment_method": method, "return_url": RETURN, **wishes}
    return shop.client.v1.payment_intents.confirm(made.id, params)


def error_of(refusal: Any) -> dict[str, Any]:
    """What the API answered, as the library keeps it."""
    error: dict[str, Any] = refusal.json_body["error"]
    return error


def again(shop: Shop, made: Any, *expand: str) -> Any:
    return shop.client.v1.payment_intents.retrieve(made.id, {"expand": list(expand)} if expand else {})


def test_a_new_intent_waits_for_a_payment_method(shop: Shop) -> None:
    made = intent(shop, metadata={"order": "5"}, description="Order 5", receipt_email="ada@example.com")

    assert (made.status, made.amount, made.currency, made.amount_received) == (
        "requires_payment_method",
        1900,
        "eur",
        0,
    )
    assert made.automatic_payment_methods.to_dict() == {"allow_redirects": "always", "enabled": True}
    assert (made.metadata.to_dict(), made.description) == ({"order": "5"}, "Order 5")
    assert made.payment_method_types == ["card", "sepa_debit"]
    assert made.client_secret.startswith(f"{made.id}_secret_")
    assert shop.event_types() == ["payment_intent.created"]


def test_automatic_payment_methods_are_the_rule_without_being_asked_for(shop: Shop) -> None:
    made = shop.client.v1.payment_intents.create({"amount": 1900, "currency": "usd"})

    assert made.automatic_payment_methods.enabled is True


@pytest.mark.parametrize(
    ("wishes", "code", "param"),
    [
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 29, "currency": "gbp"}, "amount_too_small", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": 1501, "currency": "kwd"}, "invalid_charge_amount", "amount"),
        ({"currency": "xxx"}, None, "currency"),
        ({"payment_method_types": ["card"]}, "parameter_unknown", "payment_method_types"),
        ({"capture_method": "manual"}, "sandbox_not_served", "capture_method"),
        ({"return_url": RETURN}, None, "return_url"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({"setup_future_usage": "off_session"}, "sandbox_not_served", "setup_future_usage"),
        ({"statement_descriptor_suffix": "X" * 23}, None, "statement_descriptor_suffix"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(
    shop: Shop, wishes: dict[str, Any], code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        intent(shop, **wishes)

    assert (refusal.value.code, refusal.value.param, refusal.value.http_status) == (code, param, 400)
    assert shop.client.v1.payment_intents.list().data == []


def test_a_payment_method_alone_waits_for_its_confirmation(shop: Shop) -> None:
    made = intent(shop, payment_method="pm_card_visa")

    assert made.status == "requires_confirmation"
    method = shop.client.v1.payment_methods.retrieve(made.payment_method)
    assert (method.type, method.card.last4, method.card.brand) == ("card", "4242", "visa")
    paid = shop.client.v1.payment_intents.confirm(made.id, {"return_url": RETURN})
    assert (paid.status, paid.payment_method) == ("succeeded", made.payment_method)


def test_confirming_takes_the_money_and_tells(shop: Shop) -> None:
    made = intent(shop, metadata={"order": "5"})

    paid = confirm(shop, made, expand=["latest_charge"])

    assert (paid.status, paid.amount_received, paid.next_action) == ("succeeded", 1900, None)
    assert (paid.latest_charge.amount_captured, paid.latest_charge.metadata.to_dict()) == (
        1900,
        {"order": "5"},
    )
    assert shop.event_types() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    assert [charge.id for charge in shop.client.v1.charges.list({"payment_intent": made.id}).data] == [
        paid.latest_charge.id
    ]


def test_one_call_may_make_and_confirm(shop: Shop) -> None:
    paid = intent(shop, confirm=True, payment_method="pm_card_mastercard", return_url=RETURN)

    assert (paid.status, paid.amount_received) == ("succeeded", 1900)


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_a_declined_card_is_a_card_error_and_leaves_the_intent_to_another(
    shop: Shop, method: str, code: str, decline_code: str
) -> None:
    made = intent(shop)

    with pytest.raises(stripe.CardError) as refusal:
        confirm(shop, made, method)

    error = error_of(refusal.value)
    assert (refusal.value.http_status, error["type"], error["code"], error["decline_code"]) == (
        402,
        "card_error",
        code,
        decline_code,
    )
    assert error["payment_intent"]["id"] == made.id
    left = again(shop, made)
    assert (left.status, left.payment_method, left.amount_received) == ("requires_payment_method", None, 0)
    last = left.last_payment_error
    assert (last.code, last.decline_code, last.message) == (code, decline_code, error["message"])
    assert last.payment_method.card.last4 == TEST_CARDS[method][-4:]
    assert shop.client.v1.charges.retrieve(error["charge"]).status == "failed"
    assert shop.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_after_a_decline_another_card_pays(shop: Shop) -> None:
    made = intent(shop)
    with pytest.raises(stripe.CardError):
        confirm(shop, made, "pm_card_chargeDeclined")

    paid = confirm(shop, made)

    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    charges = shop.client.v1.charges.list({"payment_intent": made.id}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


def test_a_decline_while_making_keeps_the_intent_and_its_idempotency_key(shop: Shop) -> None:
    wishes = {
        "amount": 1900, "currency": "eur", "confirm": True, "payment_method": "pm_card_chargeDeclined",
        "return_url": RETURN,
    }  # fmt: skip
    ids = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refusal:
            shop.client.v1.payment_intents.create(wishes, {"idempotency_key": "order-5"})
        ids.append(error_of(refusal.value)["payment_intent"]["id"])

    assert ids[0] == ids[1]
    assert [made.id for made in shop.client.v1.payment_intents.list().data] == [ids[0]]


def test_a_card_that_asks_leads_to_a_page_of_the_bank(shop: Shop) -> None:
    made = intent(shop)

    asked = confirm(shop, made, "pm_card_authenticationRequired")

    assert (asked.status, asked.next_action.type) == ("requires_action", "redirect_to_url")
    assert asked.next_action.redirect_to_url.return_url == RETURN
    assert asked.next_action.redirect_to_url.url.startswith(f"{shop.sandbox.url}/authenticate/{made.id}/")
    assert shop.event_types()[-1] == "payment_intent.requires_action"


def test_a_card_must_not_ask_when_nobody_is_there_to_answer(shop: Shop) -> None:
    made = intent(shop)

    with pytest.raises(stripe.CardError) as refusal:
        confirm(shop, made, "pm_card_authenticationRequired", error_on_requires_action=True)

    assert refusal.value.code == "authentication_required"
    assert again(shop, made).status == "requires_payment_method"


def test_without_an_address_to_return_to_a_redirect_cannot_be(shop: Shop) -> None:
    made = intent(shop)

    with pytest.raises(stripe.InvalidRequestError, match="you must provide a `return_url`"):
        shop.client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})

    never = intent(shop, automatic_payment_methods={"enabled": True, "allow_redirects": "never"})
    paid = shop.client.v1.payment_intents.confirm(never.id, {"payment_method": "pm_card_visa"})
    assert paid.status == "succeeded"


def test_what_is_paid_cannot_be_confirmed_or_cancelled(shop: Shop) -> None:
    made = intent(shop)
    confirm(shop, made)

    for call in (
        lambda: confirm(shop, made),
        lambda: shop.client.v1.payment_intents.cancel(made.id),
        lambda: shop.client.v1.payment_intents.update(made.id, {"amount": 2000}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            call()
        assert refusal.value.code == "payment_intent_unexpected_state"
        assert error_of(refusal.value)["payment_intent"]["status"] == "succeeded"
    assert len(shop.client.v1.charges.list().data) == 1


def test_confirming_needs_a_payment_method(shop: Shop) -> None:
    made = intent(shop)

    with pytest.raises(stripe.InvalidRequestError, match="it's missing a payment method"):
        shop.client.v1.payment_intents.confirm(made.id, {"return_url": RETURN})


def test_a_payment_method_pays_once(shop: Shop) -> None:
    paid = confirm(shop, intent(shop))

    with pytest.raises(stripe.InvalidRequestError, match="It may not be used again"):
        confirm(shop, intent(shop), paid.payment_method)


def test_a_cancelled_intent_takes_no_money(shop: Shop) -> None:
    made = intent(shop)

    done = shop.client.v1.payment_intents.cancel(made.id, {"cancellation_reason": "abandoned"})

    assert (done.status, done.cancellation_reason) == ("canceled", "abandoned")
    assert done.canceled_at is not None
    with pytest.raises(stripe.InvalidRequestError, match="it has a status of canceled"):
        confirm(shop, made)
    assert shop.event_types() == ["payment_intent.created", "payment_intent.canceled"]


def test_an_update_changes_what_is_asked_for(shop: Shop) -> None:
    made = intent(shop, metadata={"order": "5", "cart": "1"})

    changed = shop.client.v1.payment_intents.update(
        made.id, {"amount": 2400, "description": "Two courses", "metadata": {"cart": "", "coupon": "TEN"}}
    )

    assert (changed.amount, changed.description) == (2400, "Two courses")
    assert changed.metadata.to_dict() == {"order": "5", "coupon": "TEN"}
    assert confirm(shop, made).amount_received == 2400


def test_the_metadata_of_a_paid_intent_may_still_be_noted(shop: Shop) -> None:
    made = intent(shop)
    confirm(shop, made)

    noted = shop.client.v1.payment_intents.update(made.id, {"metadata": {"invoice": "7"}})

    assert (noted.status, noted.metadata.to_dict()) == ("succeeded", {"invoice": "7"})


def test_another_amount_must_be_confirmed_anew(shop: Shop) -> None:
    made = intent(shop)
    confirm(shop, made, "pm_card_authenticationRequired")

    changed = shop.client.v1.payment_intents.update(made.id, {"amount": 2400})

    assert (changed.status, changed.next_action) == ("requires_confirmation", None)


def test_a_bank_debit_is_on_its_way_until_the_clock_brings_it(shop: Shop) -> None:
    made = intent(shop)
    data = {
        "type": "sepa_debit",
        "sepa_debit": {"iban": "DE89370400440532013000"},
        "billing_details": {"name": "Ada", "email": "ada@example.com"},
    }

    promised = shop.client.v1.payment_intents.confirm(
        made.id, {"payment_method_data": data, "return_url": RETURN}
    )
    shop.sandbox.settle(made.id)

    assert (promised.status, promised.amount_received) == ("processing", 0)
    paid = again(shop, made, "latest_charge")
    assert (paid.status, paid.latest_charge.payment_method_details.sepa_debit.last4) == ("succeeded", "3000")
    assert shop.event_types()[1:] == [
        "charge.pending",
        "payment_intent.processing",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


@pytest.mark.parametrize(
    ("iban", "status"),
    [("DE89370400440532013000", "succeeded"), ("DE62370400440532013001", "requires_payment_method")],
)
def test_the_test_account_foretells_what_the_clock_brings(own_shop: Any, iban: str, status: str) -> None:
    shop = own_shop()
    made = intent(shop)
    data = {
        "type": "sepa_debit",
        "sepa_debit": {"iban": iban},
        "billing_details": {"name": "Ada", "email": "ada@example.com"},
    }
    shop.client.v1.payment_intents.confirm(made.id, {"payment_method_data": data, "return_url": RETURN})

    shop.sandbox.advance(3 * 24 * 60 * 60)

    assert again(shop, made).status == status


def test_a_returned_debit_is_told_as_a_failed_payment(shop: Shop) -> None:
    made = intent(shop)
    shop.sandbox.pay_intent_later(made.id)

    answer = shop.post_control(f"/payment_intents/{made.id}/settle", outcome="failed")

    assert answer.json() == {"payment_intent": made.id, "outcome": "failed"}
    left = again(shop, made)
    assert (left.status, left.last_payment_error.code) == ("requires_payment_method", "debit_not_authorized")
    assert shop.event_types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]


def test_a_bank_account_that_is_no_test_account_is_refused(shop: Shop) -> None:
    data = {
        "type": "sepa_debit",
        "sepa_debit": {"iban": "DE75512108001245126199"},
        "billing_details": {"name": "Ada", "email": "ada@example.com"},
    }

    with pytest.raises(stripe.InvalidRequestError, match="never a real one"):
        intent(shop, confirm=True, payment_method_data=data, return_url=RETURN)


def test_a_debit_of_another_currency_is_refused(shop: Shop) -> None:
    data = {"type": "us_bank_account", "billing_details": {"name": "Ada"}}

    with pytest.raises(stripe.InvalidRequestError, match="cannot be used with the currency `eur`"):
        intent(shop, payment_method_data=data)


def test_a_card_number_is_never_taken_from_a_server(shop: Shop) -> None:
    made = intent(shop)
    card = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2034", "cvc": "123"}

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.payment_intents.confirm(
            made.id, {"payment_method_data": {"type": "card", "card": card}, "return_url": RETURN}
        )

    assert refusal.value.code == "parameter_unknown"


def test_intents_are_listed_by_time_and_customer(shop: Shop) -> None:
    ada = shop.client.v1.customers.create({"email": "ada@example.com"})
    first, second = intent(shop, customer=ada.id), intent(shop)

    everything = shop.client.v1.payment_intents.list({"created": {"gte": first.created}}).data
    hers = shop.client.v1.payment_intents.list({"customer": ada.id}).data

    assert [found.id for found in everything] == [second.id, first.id]
    assert [found.id for found in hers] == [first.id]
    assert shop.client.v1.payment_intents.list({"created": {"gt": second.created}}).data == []


def test_a_session_keeps_its_intent_to_itself(shop: Shop) -> None:
    session = shop.session()
    shop.sandbox.pay(session.id, "4000000000000002")
    of_session = shop.again(session).payment_intent

    with pytest.raises(stripe.InvalidRequestError, match="it was created by a Checkout Session"):
        shop.client.v1.payment_intents.confirm(
            of_session, {"payment_method": "pm_card_visa", "return_url": RETURN}
        )
    with pytest.raises(stripe.InvalidRequestError, match="it was created by a Checkout Session"):
        shop.client.v1.payment_intents.cancel(of_session)


def test_an_intent_is_refunded_in_parts_and_never_beyond(shop: Shop) -> None:
    made = intent(shop)
    confirm(shop, made)

    part = shop.client.v1.refunds.create({"payment_intent": made.id, "amount": 400})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        shop.client.v1.refunds.create({"payment_intent": made.id, "amount": 1501})
    rest = shop.client.v1.refunds.create({"payment_intent": made.id})

    assert (part.amount, rest.amount) == (400, 1500)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.refunds.create({"payment_intent": made.id})
    assert refusal.value.code == "charge_already_refunded"
    (ledger,) = shop.sandbox.ledger(shop.key).values()
    assert [(entry["amount"], entry["session"]) for entry in ledger["refunds"]] == [(400, None), (1500, None)]


def test_python_pays_an_intent_as_a_customer_would(shop: Shop) -> None:
    made = intent(shop)

    declined = shop.sandbox.pay_intent(made.id, "4000000000000002")
    paid = shop.sandbox.pay_intent(made.id, "4000002500003155", email="ada@example.com")

    assert (declined.state, paid.state) == ("declined", "complete")
    charge = again(shop, made, "latest_charge").latest_charge
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
    assert charge.billing_details.email == "ada@example.com"
    with pytest.raises(IntentNotOpen):
        shop.sandbox.pay_intent(made.id)
    with pytest.raises(LookupError):
        shop.sandbox.pay_intent("pi_none")
