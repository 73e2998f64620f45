"""A shop's page pays with the stand-in for Stripe.js, in a browser, as it would with the real one."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from commerce.sandbox.tests.merchant import Merchant
from commerce.sandbox.tests.shop import Shop

pytestmark = pytest.mark.browser


@pytest.fixture
def merchant(shop: Shop) -> Iterator[Merchant]:
    with Merchant(shop.sandbox.url) as merchant:
        yield merchant


def wait_until(page: Any, expression: str) -> None:
    """As Playwright's wait_for_function, which a strict script-src forbids."""
    page.evaluate(f"async () => {{ while (!({expression})) await new Promise((go) => setTimeout(go, 20)); }}")


class Customer:
    """One who pays an intent on the shop's page."""

    def __init__(self, page: Any, shop: Shop, merchant: Merchant, **settings: Any) -> None:
        self.page, self.shop, self.merchant = page, shop, merchant
        page.set_default_timeout(10_000)
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.intent = shop.client.v1.payment_intents.create({"amount": 1900, "currency": "eur"})
        key = shop.key.replace("sk_", "pk_", 1)
        page.goto(merchant.page(key=key, secret=self.intent.client_secret, **settings))
        self.form = page.frame_locator('iframe[title="Secure payment input frame"]')
        self.form.locator("#details").wait_for()

    def types_card(self, number: str) -> None:
        self.form.get_by_label("Card number").fill("")
        self.form.get_by_label("Card number").press_sequentially(number)
        self.form.get_by_label("Expiry date").fill("")
        self.form.get_by_label("Expiry date").press_sequentially("1234")
        self.form.get_by_label("Security code").fill("123")

    def pays(self, number: str) -> None:
        self.types_card(number)
        self.page.get_by_role("button", name="Pay").click()

    def pays_by_debit(self, account: str) -> None:
        self.form.get_by_role("radio", name="Bank debit").check()
        self.form.get_by_label("Full name").fill("Ada Lovelace")
        self.form.get_by_label("E-mail").fill("ada@example.com")
        self.form.get_by_label("Made-up account").select_option(account)
        self.page.get_by_role("button", name="Pay").click()

    def answers_bank(self, button: str) -> None:
        self.page.frame_locator('iframe[title="3-D Secure"]').get_by_role("button", name=button).click()

    def reads(self, text: str) -> None:
        self.page.get_by_role("alert").filter(has_text=text).wait_for()

    def returns(self) -> dict[str, str]:
        """What comes with the visit of the shop's return page."""
        self.page.wait_for_url("**/return?**")
        return self.merchant.visits[-1]

    @property
    def status(self) -> str:
        return str(self.shop.client.v1.payment_intents.retrieve(self.intent.id).status)


def test_a_card_pays_and_the_customer_returns(page: Any, shop: Shop, merchant: Merchant) -> None:
    customer = Customer(page, shop, merchant)

    customer.pays("4242424242424242")

    assert customer.returns() == {
        "order": "5",
        "payment_intent": customer.intent.id,
        "payment_intent_client_secret": customer.intent.client_secret,
        "redirect_status": "succeeded",
    }
    assert customer.status == "succeeded"
    assert customer.complaints == []


def test_card_data_stays_in_a_frame_of_the_sandbox(page: Any, shop: Shop, merchant: Merchant) -> None:
    customer = Customer(page, shop, merchant)

    customer.types_card("4242424242424242")

    assert page.locator("input").count() == 0
    assert "4242" not in page.content()
    (frame,) = page.frames[1:]
    assert frame.url == f"{shop.sandbox.url}/endive/element"
    assert customer.form.get_by_label("Card number").input_value() == "4242 4242 4242 4242"
    assert customer.form.get_by_label("Expiry date").input_value() == "12 / 34"


def test_after_a_declined_card_another_one_pays(page: Any, shop: Shop, merchant: Merchant) -> None:
    customer = Customer(page, shop, merchant, redirect="if_required")

    customer.pays("4000000000009995")
    customer.reads("Your card has insufficient funds.")
    error = page.evaluate("error")
    marked = customer.form.get_by_label("Card number").get_attribute("aria-invalid")
    customer.pays("4242424242424242")
    customer.reads("Status: succeeded")

    assert (error["type"], error["code"], error["decline_code"]) == (
        "card_error",
        "card_declined",
        "insufficient_funds",
    )
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert marked == "true"
    charges = shop.client.v1.charges.list({"payment_intent": customer.intent.id}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


def test_3d_secure_is_asked_in_the_page_and_a_yes_pays(page: Any, shop: Shop, merchant: Merchant) -> None:
    customer = Customer(page, shop, merchant)

    customer.pays("4000002500003155")
    customer.answers_bank("Complete authentication")

    assert customer.returns()["redirect_status"] == "succeeded"
    assert customer.status == "succeeded"
    assert customer.complaints == []


@pytest.mark.parametrize("way", ["button", "escape", "escape in the page"])
def test_a_no_to_3d_secure_pays_nothing_and_another_card_may_follow(
    page: Any, shop: Shop, merchant: Merchant, way: str
) -> None:
    customer = Customer(page, shop, merchant, redirect="if_required")

    customer.pays("4000002500003155")
    bank = page.frame_locator('iframe[title="3-D Secure"]')
    bank.get_by_role("heading").wait_for()
    if way == "button":
        customer.answers_bank("Fail authentication")
    elif way == "escape":
        bank.get_by_role("button", name="Fail authentication").press("Escape")
    else:
        page.evaluate("document.querySelector('dialog').focus()")
        page.keyboard.press("Escape")
    customer.reads("We are unable to authenticate your payment method.")

    assert page.evaluate("error.code") == "payment_intent_authentication_failure"
    assert (customer.status, page.locator("dialog").count()) == ("requires_payment_method", 0)
    customer.pays("4242424242424242")
    customer.reads("Status: succeeded")


def test_a_card_may_ask_and_then_be_declined(page: Any, shop: Shop, merchant: Merchant) -> None:
    customer = Customer(page, shop, merchant)

    customer.pays("4000008400001629")
    customer.answers_bank("Complete authentication")
    customer.reads("Your card was declined.")

    assert page.evaluate("[error.type, error.code]") == ["card_error", "card_declined"]
    assert customer.status == "requires_payment_method"


def test_a_bank_debit_is_on_its_way_when_the_customer_returns(
    page: Any, shop: Shop, merchant: Merchant
) -> None:
    customer = Customer(page, shop, merchant)

    customer.pays_by_debit("arrives")

    assert customer.returns()["redirect_status"] == "pending"
    assert customer.status == "processing"
    shop.sandbox.settle(customer.intent.id)
    assert customer.status == "succeeded"


def test_what_is_missing_is_told_at_its_field_and_nothing_is_sent(
    page: Any, shop: Shop, merchant: Merchant
) -> None:
    customer = Customer(page, shop, merchant)
    customer.form.get_by_label("Card number").fill("4242 4242")

    page.get_by_role("button", name="Pay").click()
    customer.reads("Your card number is incomplete.")

    assert page.evaluate("[error.type, error.code]") == ["validation_error", "incomplete_number"]
    number = customer.form.get_by_label("Card number")
    described = number.get_attribute("aria-describedby")
    assert number.evaluate("field => field === document.activeElement") is True
    assert customer.form.locator(f"#{described}").inner_text() == "Your card number is incomplete."
    assert shop.event_types() == ["payment_intent.created"]


def test_the_element_tells_of_itself(page: Any, shop: Shop, merchant: Merchant) -> None:
    customer = Customer(page, shop, merchant)
    wait_until(page, "told.some(([event]) => event === 'ready')")

    customer.types_card("4242424242424242")
    wait_until(page, "told.at(-1)[1].complete === true")
    submitted = page.evaluate("elements.submit()")

    assert page.evaluate("told[0]") == ["ready", {"elementType": "payment"}]
    assert page.evaluate("told.at(-1)") == [
        "change",
        {
            "elementType": "payment",
            "collapsed": False,
            "complete": True,
            "empty": False,
            "value": {"type": "card"},
        },
    ]
    assert submitted == {"selectedPaymentMethod": "card"}


def test_everything_can_be_done_by_keyboard(page: Any, shop: Shop, merchant: Merchant) -> None:
    customer = Customer(page, shop, merchant)
    keys = page.keyboard

    page.evaluate("document.activeElement.blur()")
    keys.press("Tab")  # the way of paying
    keys.press("Tab")
    keys.type("4000002500003155")
    keys.press("Tab")
    keys.type("1234")
    keys.press("Tab")
    keys.type("123")
    keys.press("Enter")
    page.frame_locator('iframe[title="3-D Secure"]').get_by_role("heading").wait_for()
    keys.press("Tab")
    keys.press("Enter")

    assert customer.returns()["redirect_status"] == "succeeded"


def test_the_bank_debit_can_be_chosen_by_arrow_keys(page: Any, shop: Shop, merchant: Merchant) -> None:
    customer = Customer(page, shop, merchant)

    customer.form.get_by_role("radio", name="Card").press("ArrowRight")

    assert customer.form.get_by_label("Full name").is_visible()
    assert not customer.form.get_by_label("Card number").is_visible()


def test_a_currency_without_bank_debit_offers_the_card_only(
    page: Any, shop: Shop, merchant: Merchant
) -> None:
    made = shop.client.v1.payment_intents.create({"amount": 1900, "currency": "chf"})
    key = shop.key.replace("sk_", "pk_", 1)

    page.goto(merchant.page(key=key, secret=made.client_secret))

    form = page.frame_locator("iframe")
    form.get_by_label("Card number").wait_for()
    assert form.get_by_role("radio").count() == 0


def test_a_wrong_client_secret_is_told_as_a_load_error(page: Any, shop: Shop, merchant: Merchant) -> None:
    made = shop.client.v1.payment_intents.create({"amount": 1900, "currency": "eur"})
    key = shop.key.replace("sk_", "pk_", 1)

    page.goto(merchant.page(key=key, secret=f"{made.id}_secret_guessed"))

    page.frame_locator("iframe").get_by_role("alert").wait_for()
    event, details = page.evaluate("told[0]")
    assert (event, details["error"]["param"]) == ("loaderror", "client_secret")
    submitted = page.evaluate("elements.submit()")
    assert submitted["error"]["code"] == "payment_intent_invalid_parameter"


def test_the_element_dresses_as_the_shop_asks(page: Any, shop: Shop, merchant: Merchant) -> None:
    night = {"theme": "night", "variables": {"colorPrimary": "#ff00ff", "borderRadius": "0px"}}
    customer = Customer(page, shop, merchant, appearance=night)

    number = customer.form.get_by_label("Card number")

    assert number.evaluate("field => getComputedStyle(field).borderRadius") == "0px"
    assert number.evaluate("() => getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert page.locator("iframe").evaluate("frame => getComputedStyle(frame).colorScheme") == "dark"
    assert customer.complaints == []


def test_redirect_to_checkout_is_gone(page: Any, shop: Shop, merchant: Merchant) -> None:
    Customer(page, shop, merchant)

    said = page.evaluate("(() => { try { stripe.redirectToCheckout({}) } catch (e) { return `${e}` } })()")

    assert said.startswith("IntegrationError: stripe.redirectToCheckout() is gone")
    assert "`url`" in said


def test_a_status_is_retrieved_with_the_client_secret(page: Any, shop: Shop, merchant: Merchant) -> None:
    customer = Customer(page, shop, merchant)
    shop.sandbox.pay_intent(customer.intent.id)

    found = page.evaluate("secret => stripe.retrievePaymentIntent(secret)", customer.intent.client_secret)
    guessed = page.evaluate(
        "secret => stripe.retrievePaymentIntent(secret)", f"{customer.intent.id}_secret_guessed"
    )

    assert (found["paymentIntent"]["status"], found["paymentIntent"]["amount"]) == ("succeeded", 1900)
    assert guessed["error"]["code"] == "payment_intent_invalid_parameter"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("Stripe('sk_test_1')", "You should not use your secret key with Stripe.js"),
        ("Stripe('pk_live_1')", "takes publishable test keys only"),
        ("Stripe('')", "You used an empty string"),
        ("stripe.elements({})", "needs a `clientSecret`"),
        ("elements.create('card')", "serves the Payment Element only, not card"),
        ("elements.create('payment')", "Can only create one Element of type payment"),
        ("payment.mount('#nowhere')", "applies to no DOM elements"),
        ("stripe.createToken()", "does not serve stripe.createToken()"),
        ("stripe.confirmPayment({elements, confirmParams: {}})", "return_url` argument is required"),
        ("stripe.retrievePaymentIntent('pi_1')", "value should be a client_secret of the form"),
    ],
)
def test_a_wrong_use_is_told_to_who_writes_the_page(
    page: Any, shop: Shop, merchant: Merchant, call: str, message: str
) -> None:
    Customer(page, shop, merchant)

    said = page.evaluate(f"(async () => {{ try {{ await {call} }} catch (e) {{ return `${{e}}` }} }})()")

    assert said.startswith("IntegrationError: ")
    assert message in said


def test_details_may_be_collected_before_there_is_an_intent(
    page: Any, shop: Shop, merchant: Merchant
) -> None:
    customer = Customer(page, shop, merchant)
    page.evaluate(
        """async () => {
          payment.destroy();
          window.later = stripe.elements({ mode: "payment", amount: 1900, currency: "eur" });
          later.create("payment").mount(document.getElementById("payment"));
        }"""
    )
    customer.form.get_by_label("Card number").wait_for()
    customer.types_card("4242424242424242")

    status = page.evaluate(
        """async (clientSecret) => {
          await later.submit();
          const { paymentIntent } = await stripe.confirmPayment({
            elements: later, clientSecret, confirmParams: {}, redirect: "if_required",
          });
          return paymentIntent.status;
        }""",
        customer.intent.client_secret,
    )

    assert status == "succeeded"


def asked_by_server(shop: Shop, intent_id: str, **wishes: Any) -> Any:
    params = {"payment_method": "pm_card_authenticationRequired", **wishes}
    return shop.client.v1.payment_intents.confirm(intent_id, params)


def test_the_next_action_of_an_intent_confirmed_by_the_server_is_handled(
    page: Any, shop: Shop, merchant: Merchant
) -> None:
    customer = Customer(page, shop, merchant)
    asked_by_server(shop, customer.intent.id, use_stripe_sdk=True)

    page.evaluate(
        "(clientSecret) => { window.outcome = stripe.handleNextAction({ clientSecret }); }",
        customer.intent.client_secret,
    )
    customer.answers_bank("Complete authentication")

    assert page.evaluate("outcome.then(({ paymentIntent }) => paymentIntent.status)") == "succeeded"


@pytest.mark.parametrize(
    ("button", "redirect_status", "status"),
    [
        ("Complete authentication", "succeeded", "succeeded"),
        ("Fail authentication", "failed", "requires_payment_method"),
    ],
)
def test_the_bank_s_page_leads_back_with_how_it_went(
    page: Any, shop: Shop, merchant: Merchant, button: str, redirect_status: str, status: str
) -> None:
    made = shop.client.v1.payment_intents.create({"amount": 1900, "currency": "eur"})
    asked = asked_by_server(shop, made.id, return_url=merchant.return_url)
    address = asked.next_action.redirect_to_url.url

    page.goto(address)
    page.get_by_role("button", name=button).click()

    page.wait_for_url("**/return?**")
    assert merchant.visits[-1] == {
        "order": "5",
        "payment_intent": made.id,
        "payment_intent_client_secret": made.client_secret,
        "redirect_status": redirect_status,
    }
    assert shop.client.v1.payment_intents.retrieve(made.id).status == status
    charges = len(shop.client.v1.charges.list().data)
    again = requests.post(address, data={"answer": "complete"}, timeout=5, allow_redirects=False)
    assert (again.status_code, len(shop.client.v1.charges.list().data)) == (303, charges)


def test_the_bank_s_page_cannot_be_guessed(shop: Shop) -> None:
    made = shop.client.v1.payment_intents.create({"amount": 1900, "currency": "eur"})
    asked_by_server(shop, made.id, return_url="http://shop.test/return")

    answer = requests.post(
        f"{shop.sandbox.url}/authenticate/{made.id}/guessed", data={"answer": "complete"}, timeout=5
    )

    assert answer.status_code == 404
    assert shop.client.v1.payment_intents.retrieve(made.id).status == "requires_action"
