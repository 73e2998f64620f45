"""The hosted payment page as people use it: every test card, 3-D Secure, bank debit, by mouse and by keys."""

from collections.abc import Iterator
from typing import Any

import pytest

from commerce.sandbox.tests.merchant import Merchant
from commerce.sandbox.tests.shop import Shop

pytestmark = pytest.mark.browser


@pytest.fixture
def merchant(shop: Shop) -> Iterator[Merchant]:
    with Merchant(shop.sandbox.url) as merchant:
        yield merchant


def session_at(shop: Shop, merchant: Merchant) -> Any:
    return shop.session(
        success_url=merchant.url + "/thanks?session={CHECKOUT_SESSION_ID}",
        cancel_url=merchant.url + "/basket",
    )


def fill(page: Any, number: str) -> None:
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expiry").fill("12/34")
    page.get_by_label("CVC").fill("123")
    page.get_by_label("Name on card").fill("Ada Lovelace")


def pay(page: Any, number: str) -> None:
    fill(page, number)
    page.get_by_role("button", name="Pay €19.00").click()


@pytest.mark.parametrize("number", ["4242 4242 4242 4242", "5555 5555 5555 4444"])
def test_a_card_that_pays_leads_back_to_the_shop(
    page: Any, shop: Shop, merchant: Merchant, number: str
) -> None:
    session = session_at(shop, merchant)

    page.goto(session.url)
    pay(page, number)

    page.wait_for_url("**/thanks?**")
    assert merchant.visits == [{"session": session.id}]
    assert shop.again(session).payment_status == "paid"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("4000 0000 0000 0002", "Your card was declined."),
        ("4000 0000 0000 9995", "Your card has insufficient funds."),
        ("4000 0000 0000 0069", "Your card has expired."),
        ("4000 0000 0000 0127", "Your card's security code is incorrect."),
        ("4000 0000 0000 0119", "An error occurred while processing your card."),
        ("4242 4242 4242 4241", "Your card number is incorrect."),
        ("4111 1111 1111 1111", "The sandbox takes test cards only, never a real one."),
    ],
)
def test_a_card_that_does_not_pay_says_why_and_another_one_pays(
    page: Any, shop: Shop, merchant: Merchant, number: str, message: str
) -> None:
    session = session_at(shop, merchant)
    page.goto(session.url)

    pay(page, number)
    page.get_by_role("alert").get_by_text(message).wait_for()
    assert shop.again(session).payment_status == "unpaid"
    assert page.get_by_role("alert").evaluate("box => box === document.activeElement") is True
    pay(page, "4242 4242 4242 4242")

    page.wait_for_url("**/thanks?**")
    assert shop.again(session).payment_status == "paid"


@pytest.mark.parametrize(
    ("number", "button", "message"),
    [
        ("4000 0025 0000 3155", "Complete authentication", None),
        ("4000 0025 0000 3155", "Fail authentication", "We are unable to authenticate your payment method."),
        ("4000 0084 0000 1629", "Complete authentication", "Your card was declined."),
    ],
)
def test_3d_secure_asks_on_a_page_of_its_own(
    page: Any, shop: Shop, merchant: Merchant, number: str, button: str, message: str | None
) -> None:
    session = session_at(shop, merchant)
    page.goto(session.url)

    pay(page, number)
    page.get_by_role("heading", name="Is it you who pays €19.00").wait_for()
    page.get_by_role("button", name=button).click()

    if message is None:
        page.wait_for_url("**/thanks?**")
    else:
        page.get_by_role("alert").get_by_text(message).wait_for()
    assert shop.again(session).payment_status == ("paid" if message is None else "unpaid")


def test_a_slow_debit_leads_back_before_its_money(page: Any, shop: Shop, merchant: Merchant) -> None:
    session = session_at(shop, merchant)
    page.goto(session.url)

    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("button", name="Pay by slow bank debit").click()

    page.wait_for_url("**/thanks?**")
    assert (shop.again(session).status, shop.again(session).payment_status) == ("complete", "unpaid")
    page.goto(session.url)
    assert page.url == session.url
    page.get_by_text("The bank debit is on its way.").wait_for()
    shop.sandbox.settle(session.id)
    assert shop.again(session).payment_status == "paid"


def test_an_expired_and_a_paid_session_are_plain_pages_that_lead_to_the_shop(
    page: Any, shop: Shop, merchant: Merchant
) -> None:
    expired, paid = session_at(shop, merchant), session_at(shop, merchant)
    shop.client.v1.checkout.sessions.expire(expired.id)
    shop.sandbox.pay(paid.id)

    page.goto(expired.url)
    assert page.get_by_role("heading").inner_text() == "This payment page has expired"
    assert page.locator("form").count() == 0
    page.get_by_role("link", name="Back to").click()
    page.wait_for_url("**/basket")
    page.goto(paid.url)
    assert page.get_by_role("heading").inner_text() == "This payment is complete"
    assert page.locator("form").count() == 0
    page.get_by_role("link", name="Go on to").click()
    page.wait_for_url("**/thanks?**")


def test_paying_in_two_tabs_charges_once(page: Any, shop: Shop, merchant: Merchant) -> None:
    session = session_at(shop, merchant)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(session.url)
        fill(tab, "4242 4242 4242 4242")

    for tab in (page, other):
        tab.get_by_role("button", name="Pay €19.00").click()
        tab.wait_for_url("**/thanks?**")

    assert merchant.visits == [{"session": session.id}, {"session": session.id}]
    assert len(shop.client.v1.charges.list().data) == 1


def test_3d_secure_answered_in_two_tabs_charges_once(page: Any, shop: Shop, merchant: Merchant) -> None:
    session = session_at(shop, merchant)
    page.goto(session.url)
    pay(page, "4000 0025 0000 3155")
    page.wait_for_url("**/verify")
    other = page.context.new_page()
    other.goto(page.url)

    for tab in (page, other):
        tab.get_by_role("button", name="Complete authentication").click()
        tab.wait_for_url("**/thanks?**")

    assert len(shop.client.v1.charges.list().data) == 1


def test_a_page_left_open_until_it_expired_takes_no_money(page: Any, shop: Shop, merchant: Merchant) -> None:
    session = session_at(shop, merchant)
    page.goto(session.url)
    fill(page, "4242 4242 4242 4242")
    shop.client.v1.checkout.sessions.expire(session.id)

    page.get_by_role("button", name="Pay €19.00").click()

    page.get_by_role("heading", name="This payment page has expired").wait_for()
    assert shop.client.v1.charges.list().data == []


def test_the_page_can_be_paid_by_keyboard_only(page: Any, shop: Shop, merchant: Merchant) -> None:
    session = session_at(shop, merchant)
    page.goto(session.url)
    keys = page.keyboard

    keys.press("Tab")  # the way back
    for text in ("ada@example.com", "4000002500003155", "12/34", "123", "Ada Lovelace"):
        keys.press("Tab")
        keys.type(text)
    keys.press("Enter")
    page.get_by_role("heading", name="Is it you").wait_for()
    keys.press("Tab")
    keys.press("Enter")

    page.wait_for_url("**/thanks?**")
    assert shop.again(session).payment_status == "paid"


def test_the_way_back_leads_to_the_basket(page: Any, shop: Shop, merchant: Merchant) -> None:
    session = session_at(shop, merchant)
    page.goto(session.url)

    page.get_by_role("link", name="Back to").click()

    page.wait_for_url("**/basket")
    assert shop.again(session).status == "open"
