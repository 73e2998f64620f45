from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stripe

from commerce.sandbox.tests.shop import CARD, Shop


def test_paying_leads_back_to_the_shop_with_the_id_of_the_session(shop: Shop) -> None:
    session = shop.session()

    answer = shop.submit(session)

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://shop.test/thanks?session={session.id}"


def test_a_paid_session_has_an_intent_with_the_money_and_the_metadata(shop: Shop) -> None:
    session = shop.session(payment_intent_data={"metadata": {"order": "5"}, "description": "Order 5"})

    shop.submit(session)

    paid = shop.again(session, expand=["payment_intent.latest_charge"])
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert paid.customer_details.email == "ada@example.com"
    intent = paid.payment_intent
    assert (intent.status, intent.amount, intent.amount_received) == ("succeeded", 1900, 1900)
    assert (intent.metadata.to_dict(), intent.description) == ({"order": "5"}, "Order 5")
    charge = intent.latest_charge
    assert (charge.amount_captured, charge.paid, charge.payment_method_details.card.last4) == (
        1900,
        True,
        "4242",
    )


def test_a_payment_is_told_in_three_events(shop: Shop) -> None:
    session = shop.session()

    shop.submit(session)

    assert shop.event_types() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    (event,) = shop.client.v1.events.list({"type": "checkout.session.completed"}).data
    assert event.data.object.id == session.id
    assert (event.data.object.payment_status, event.api_version) == ("paid", stripe.api_version)


@pytest.mark.parametrize(
    ("number", "code", "decline_code", "message"),
    [
        ("4000000000000002", "card_declined", "generic_decline", "Your card was declined."),
        ("4000000000009995", "card_declined", "insufficient_funds", "Your card has insufficient funds."),
        ("4000000000000069", "expired_card", "expired_card", "Your card has expired."),
        (
            "4000000000000127",
            "incorrect_cvc",
            "incorrect_cvc",
            "Your card&#x27;s security code is incorrect.",
        ),
        (
            "4000000000000119",
            "processing_error",
            "processing_error",
            "An error occurred while processing your card.",
        ),
    ],
)
def test_a_refusing_card_leaves_the_session_open(
    shop: Shop, number: str, code: str, decline_code: str, message: str
) -> None:
    session = shop.session()

    answer = shop.submit(session, number=number)

    assert answer.status_code == 402
    assert message in answer.text
    assert 'role="alert"' in answer.text
    intent = shop.again(session, expand=["payment_intent"]).payment_intent
    assert (intent.status, intent.amount_received) == ("requires_payment_method", 0)
    assert (intent.last_payment_error.code, intent.last_payment_error.decline_code) == (code, decline_code)
    assert shop.again(session).status == "open"
    assert shop.event_types()[-1] == "payment_intent.payment_failed"


def test_after_a_declined_card_another_one_pays_the_same_intent(shop: Shop) -> None:
    session = shop.session()
    shop.submit(session, number="4000000000000002")
    declined_intent = shop.again(session).payment_intent

    shop.submit(session, number="5555 5555 5555 4444")

    paid = shop.again(session)
    assert (paid.payment_status, paid.payment_intent) == ("paid", declined_intent)
    charges = shop.client.v1.charges.list({"payment_intent": declined_intent}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


def test_a_card_that_asks_pays_once_the_customer_confirms(shop: Shop) -> None:
    session = shop.session()

    asked = shop.submit(session, number="4000002500003155")
    waiting = shop.again(session, expand=["payment_intent"]).payment_intent
    answered = shop.submit(session, step="/verify", answer="complete")

    assert asked.headers["Location"] == f"/c/pay/{session.id}/verify"
    assert (waiting.status, waiting.next_action.type) == ("requires_action", "redirect_to_url")
    assert answered.headers["Location"].startswith("http://shop.test/thanks")
    paid = shop.again(session, expand=["payment_intent.latest_charge"])
    card = paid.payment_intent.latest_charge.payment_method_details.card
    assert (paid.payment_status, card.three_d_secure.result) == ("paid", "authenticated")


def test_a_customer_who_fails_the_question_is_not_charged(shop: Shop) -> None:
    session = shop.session()
    shop.submit(session, number="4000002500003155")

    answer = shop.submit(session, step="/verify", answer="fail")

    assert answer.status_code == 402
    intent = shop.again(session, expand=["payment_intent"]).payment_intent
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert shop.client.v1.charges.list({"payment_intent": intent.id}).data == []


def test_a_card_may_ask_and_then_be_declined(shop: Shop) -> None:
    session = shop.session()
    shop.submit(session, number="4000008400001629")

    answer = shop.submit(session, step="/verify", answer="complete")

    assert answer.status_code == 402
    assert "Your card was declined." in answer.text
    assert shop.again(session).payment_status == "unpaid"


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ({"number": "4242 4242 4242 4241"}, "number", "Your card number is incorrect."),
        (
            {"number": "4111 1111 1111 1111"},
            "number",
            "Your card number is incorrect. The sandbox takes test cards only",
        ),
        ({"number": "4242"}, "number", "Your card number is incomplete."),
        ({"expiry": "12/20"}, "expiry", "Your card&#x27;s expiry date is in the past."),
        ({"expiry": "13/34"}, "expiry", "Enter the expiry date"),
        ({"cvc": "1"}, "cvc", "Your card&#x27;s security code is incomplete."),
        ({"email": "ada"}, "email", "Enter an e-mail address"),
        ({"name": " "}, "name", "Enter the name on the card."),
    ],
)
def test_a_field_that_is_wrong_is_tied_to_its_error(
    shop: Shop, typed: dict[str, str], field: str, message: str
) -> None:
    session = shop.session()

    answer = shop.submit(session, **typed)

    assert answer.status_code == 422
    assert f'aria-invalid="true" aria-describedby="{field}-error"' in answer.text
    assert f'id="{field}-error">{message}' in answer.text
    assert shop.again(session).payment_intent is None


def test_a_second_submit_leads_to_the_shop_and_charges_nothing(shop: Shop) -> None:
    session = shop.session()
    fields = {"token": shop.token(session), **CARD}

    with ThreadPoolExecutor(8) as browsers:
        answers = list(
            browsers.map(
                lambda _: requests.post(session.url, data=fields, timeout=5, allow_redirects=False), range(8)
            )
        )

    assert {answer.status_code for answer in answers} == {303}
    assert {answer.headers["Location"] for answer in answers} == {
        f"http://shop.test/thanks?session={session.id}"
    }
    assert len(shop.client.v1.charges.list().data) == 1


def test_a_form_from_elsewhere_pays_nothing(shop: Shop) -> None:
    session = shop.session()

    answer = requests.post(session.url, data={**CARD, "token": "guessed"}, timeout=5, allow_redirects=False)

    assert answer.status_code == 403
    assert shop.again(session).payment_intent is None


def test_the_page_shows_lines_total_and_the_way_back(shop: Shop) -> None:
    session = shop.session(line_items=[shop.line(1250, quantity=3), shop.line(4900)])

    page = requests.get(session.url, timeout=5).text

    assert "no real money" in page
    assert "3 × €12.50" in page
    assert "Pay €86.50</button>" in page
    assert 'href="http://shop.test/basket"' in page


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (1900, "jpy", "Pay ¥1,900"),
        (1500, "kwd", "Pay KWD 1.500"),
        (190000, "isk", "Pay ISK 1,900"),
        (1900, "usd", "Pay $19.00"),
    ],
)
def test_amounts_are_written_by_the_rules_of_their_currency(
    shop: Shop, amount: int, currency: str, words: str
) -> None:
    session = shop.session(amount, currency)

    page = requests.get(session.url, timeout=5).text

    assert f"{words}</button>" in page


def test_text_of_the_shop_cannot_become_markup(shop: Shop) -> None:
    price = {"currency": "eur", "unit_amount": 500, "product_data": {"name": "<script>alert(1)</script>"}}
    session = shop.session(line_items=[{"price_data": price, "quantity": 1}])

    page = requests.get(session.url, timeout=5)

    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_an_expired_session_shows_a_plain_page_and_takes_no_money(shop: Shop) -> None:
    session = shop.session()
    fields = {"token": shop.token(session), **CARD}
    shop.client.v1.checkout.sessions.expire(session.id)

    seen = requests.get(session.url, timeout=5)
    sent = requests.post(session.url, data=fields, timeout=5, allow_redirects=False)

    assert (seen.status_code, sent.status_code) == (410, 410)
    assert "has expired" in seen.text
    assert shop.client.v1.charges.list().data == []


def test_a_paid_session_shows_a_plain_page(shop: Shop) -> None:
    session = shop.session()
    shop.submit(session)

    page = requests.get(session.url, timeout=5)

    assert page.status_code == 200
    assert "This payment is complete" in page.text
    assert f"http://shop.test/thanks?session={session.id}" in page.text


def test_a_bank_debit_is_complete_but_unpaid_until_it_settles(shop: Shop) -> None:
    session = shop.session()

    shop.submit(session, method="bank_debit", number="", expiry="", cvc="", name="")
    promised = shop.again(session, expand=["payment_intent"])
    shop.sandbox.settle(session.id)
    settled = shop.again(session, expand=["payment_intent"])

    assert (promised.status, promised.payment_status) == ("complete", "unpaid")
    assert (promised.payment_intent.status, promised.payment_intent.amount_received) == ("processing", 0)
    assert (settled.payment_status, settled.payment_intent.amount_received) == ("paid", 1900)
    assert shop.event_types()[-1] == "checkout.session.async_payment_succeeded"


def test_a_returned_bank_debit_stays_unpaid(shop: Shop) -> None:
    session = shop.session()
    shop.sandbox.pay_later(session.id)

    shop.sandbox.settle(session.id, succeeds=False)

    failed = shop.again(session, expand=["payment_intent"])
    assert (failed.payment_status, failed.payment_intent.status) == ("unpaid", "requires_payment_method")
    assert shop.event_types()[-1] == "checkout.session.async_payment_failed"


def test_a_session_that_costs_nothing_is_completed_without_a_card(shop: Shop) -> None:
    session = shop.session(amount=0)

    answer = shop.submit(session)

    done = shop.again(session)
    assert answer.status_code == 303
    assert (done.status, done.payment_status, done.payment_intent) == (
        "complete",
        "no_payment_required",
        None,
    )
