"""The shop, end to end: a visitor fills a cart without a reload, orders, and pays in both ways.

Real processes, the real stripe library, the sandbox over HTTP, and Chromium.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from portal.tests.running import RunningPortal, running_portal, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTEBOOK = "Squared notebook, A5"
PENCILS = "Five pencils for margins"
DECLINED = "4000000000000002"
ACCEPTED = "4242424242424242"
ASKS_THE_BANK = "4000002500003155"
ASKS_IN_VAIN = "4000008400001629"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    with running_portal(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture
def complaints(page: Any) -> list[str]:
    """What the browser says of the pages: refused by their policy, or an error of theirs."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "console",
        lambda message: said.append(message.text) if "Content Security Policy" in message.text else None,
    )
    return said


def order_notebook(page: Any, portal: RunningPortal) -> str:
    """Put a notebook into the cart and order it; the address of the order."""
    page.goto(f"{portal.url}/shop/")
    page.get_by_role("button", name=f"Add to cart : {NOTEBOOK}").click()
    page.get_by_role("link", name="It is in your cart").click()
    page.get_by_role("button", name="Place order").click()
    page.wait_for_url(re.compile(r"/orders/\d+/$"))
    return str(page.url)


def number_of(address: str) -> int:
    return int(re.search(r"/orders/(\d+)/", address)[1])  # type: ignore[index]


def state_of(portal: RunningPortal, address: str) -> tuple[Any, ...]:
    """Status and total of the order, and the flow and status of its payment that was made."""
    status, total = portal.row(
        "SELECT status, total_minor FROM commerce_order WHERE id = ?", number_of(address)
    )
    paid = portal.rows(
        "SELECT flow, captured_minor FROM commerce_payment WHERE order_id = ? AND status = 'PAID'",
        number_of(address),
    )
    return (status, total, *paid)


def fill_hosted_card(page: Any, number: str) -> None:
    page.locator("input[name=number]").fill(number)
    page.locator("input[name=expiry]").fill("12 / 34")
    page.locator("input[name=cvc]").fill("123")
    page.locator("input[name=name]").fill("Ada Lovelace")
    if page.locator("input[name=email]").count() and page.locator("input[name=email]").is_editable():
        page.locator("input[name=email]").fill("ada@example.com")
    page.get_by_role("button", name=re.compile(r"^Pay \$")).click()


def fill_card_here(page: Any, number: str) -> None:
    form = page.frame_locator('iframe[title="Secure payment input frame"]')
    for label, text in (("Card number", number), ("Expiry date", "1234"), ("Security code", "123")):
        form.get_by_label(label).fill("")
        form.get_by_label(label).press_sequentially(text)
    page.get_by_role("button", name=re.compile(r"^Pay \$")).click()


def answer_the_bank(page: Any, button: str) -> None:
    page.frame_locator('iframe[title="3-D Secure"]').get_by_role("button", name=button).click()


def test_the_cart_is_filled_changed_and_emptied_without_a_reload(page, portal, complaints):
    page.goto(f"{portal.url}/v2/item/list/")
    page.evaluate("window.stayed = true")

    page.get_by_role("button", name=f"Add to cart : {NOTEBOOK}").click()
    page.get_by_role("button", name=f"Add to cart : {PENCILS}").click()
    cart = page.get_by_role("link", name=re.compile("^Cart"))
    expect(cart).to_contain_text("(2 things in it)")
    expect(page.get_by_role("status").filter(has_text="which has 2 things in it now")).to_have_count(1)
    assert page.evaluate("window.stayed") is True

    cart.click()
    page.wait_for_url(f"{portal.url}/cart/")
    page.evaluate("window.stayed = true")
    sums = page.get_by_role("region", name="What it comes to")
    expect(sums).to_contain_text("$20.40")
    page.get_by_role("button", name=f"One “{NOTEBOOK}” more").click()
    expect(sums).to_contain_text("$32.90")
    expect(page.get_by_role("button", name=f"One “{NOTEBOOK}” more")).to_be_focused()
    page.get_by_label(f"Quantity of “{PENCILS}”").fill("3")
    page.get_by_label(f"Quantity of “{PENCILS}”").press("Enter")
    expect(sums).to_contain_text("$48.70")

    page.get_by_text("I have a discount code").click()
    page.get_by_label("Discount code").fill("nothing")
    page.get_by_role("button", name="Use the code").click()
    expect(page.get_by_text("There is no discount with the code “nothing”")).to_be_visible()
    expect(page.get_by_label("Discount code")).to_be_focused()
    expect(page.get_by_label("Discount code")).to_have_accessible_description(re.compile("“nothing”"))
    page.get_by_label("Discount code").fill("welcome10")
    page.get_by_role("button", name="Use the code").click()
    expect(sums).to_contain_text("$43.83")

    page.get_by_role("button", name=re.compile(f"^Remove : {PENCILS}")).click()
    expect(sums).to_contain_text("$22.50")
    page.get_by_role("button", name=re.compile(f"^Remove : {NOTEBOOK}")).click()
    expect(page.get_by_role("heading", name="Your cart is empty")).to_be_visible()
    assert page.evaluate("window.stayed") is True
    assert complaints == []


def test_a_new_visitor_who_adds_two_things_at_once_has_one_cart(page, portal):
    def slowly(route):
        page.wait_for_timeout(400)
        route.continue_()

    page.route("**/add-to-order/", slowly)
    page.goto(f"{portal.url}/shop/")

    for name in (NOTEBOOK, PENCILS):
        page.get_by_role("button", name=f"Add to cart : {name}").click()

    expect(page.get_by_role("link", name=re.compile("^Cart"))).to_contain_text("(2 things in it)")
    page.goto(f"{portal.url}/cart/")
    expect(page.get_by_role("region", name="What it comes to")).to_contain_text("$20.40")


def test_without_scripts_one_shops_all_the_same(browser, portal):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{portal.url}/shop/")
    page.get_by_role("button", name=f"Add to cart : {NOTEBOOK}").click()
    page.wait_for_url(f"{portal.url}/cart/")
    page.get_by_role("button", name=f"One “{NOTEBOOK}” more").click()
    page.get_by_label(f"Quantity of “{NOTEBOOK}”").fill("3")
    page.get_by_label(f"Quantity of “{NOTEBOOK}”").press("Enter")
    expect(page.get_by_role("region", name="What it comes to")).to_contain_text("$37.50")

    page.get_by_role("button", name="Place order").click()
    page.get_by_role("button", name="Pay $37.50").click()
    page.wait_for_url(re.compile(re.escape(portal.sandbox_url)))

    context.close()


def test_buying_at_once_is_declined_then_paid_on_the_provider_s_page(page, portal, complaints):
    page.goto(f"{portal.url}/shop/")
    page.get_by_role("link", name=PENCILS).click()
    page.get_by_role("button", name="Buy", exact=True).click()
    page.wait_for_url(re.compile(re.escape(portal.sandbox_url)))
    fill_hosted_card(page, DECLINED)
    expect(page.get_by_text(re.compile("declined", re.IGNORECASE)).first).to_be_visible()
    fill_hosted_card(page, ACCEPTED)

    page.wait_for_url(re.compile(r"/checkout/return/\?session_id="))
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, it is paid")
    expect(page.get_by_text(PENCILS)).to_be_visible()
    page.get_by_role("link", name="Receipt").click()
    expect(page.get_by_role("table")).to_contain_text("$7.90")
    assert state_of(portal, page.url) == ("PAID", 790, ("checkout", 790))
    assert complaints == []


def test_paying_here_is_declined_then_paid_and_told_at_every_return_and_elsewhere(
    page, browser, portal, complaints
):
    address = order_notebook(page, portal)
    page.get_by_role("link", name="Pay here").click()
    fill_card_here(page, DECLINED)
    expect(page.get_by_role("alert").filter(has_text="Your card was declined.")).to_be_focused()
    assert state_of(portal, address) == ("AWAITING_PAYMENT", 1250)

    fill_card_here(page, ACCEPTED)

    page.wait_for_url(re.compile(r"/v2/order/status/\?.*redirect_status=succeeded"))
    for _visit in range(2):
        expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, it is paid")
        expect(page.get_by_text(NOTEBOOK)).to_be_visible()
        assert state_of(portal, address) == ("PAID", 1250, ("intent", 1250))
        page.reload()
    elsewhere = browser.new_context().new_page()
    elsewhere.goto(page.url)
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("Thank you, it is paid")
    expect(elsewhere.get_by_text(NOTEBOOK)).to_have_count(0)
    elsewhere.context.close()
    wait_until(
        lambda: portal.rows("SELECT 1 FROM commerce_gatewayevent WHERE kind LIKE 'payment_intent%'"),
        what="the webhook",
    )
    assert state_of(portal, address) == ("PAID", 1250, ("intent", 1250))
    assert complaints == []


def test_the_bank_s_question_is_answered_on_our_page(page, portal, complaints):
    address = order_notebook(page, portal)
    page.get_by_role("link", name="Pay here").click()

    fill_card_here(page, ASKS_IN_VAIN)
    answer_the_bank(page, "Complete")
    expect(page.get_by_role("alert").filter(has_text=re.compile("declined", re.IGNORECASE))).to_be_visible()
    fill_card_here(page, ASKS_THE_BANK)
    answer_the_bank(page, "Fail")
    expect(
        page.get_by_role("alert").filter(has_text=re.compile("authenticat", re.IGNORECASE))
    ).to_be_visible()
    assert state_of(portal, address) == ("AWAITING_PAYMENT", 1250)
    fill_card_here(page, ASKS_THE_BANK)
    answer_the_bank(page, "Complete")

    page.wait_for_url(re.compile(r"/v2/order/status/\?"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, it is paid")
    assert state_of(portal, address) == ("PAID", 1250, ("intent", 1250))
    assert complaints == []


def test_the_bank_s_question_is_answered_on_the_provider_s_page(page, portal):
    address = order_notebook(page, portal)
    page.get_by_role("button", name="Pay $12.50").click()
    page.wait_for_url(re.compile(re.escape(portal.sandbox_url)))

    fill_hosted_card(page, ASKS_THE_BANK)
    page.get_by_role("button", name=re.compile("Complete")).click()

    page.wait_for_url(re.compile(r"/checkout/return/\?session_id="))
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, it is paid")
    assert state_of(portal, address) == ("PAID", 1250, ("checkout", 1250))


def test_who_goes_from_one_way_of_paying_to_the_other_pays_once(page, portal):
    address = order_notebook(page, portal)
    page.get_by_role("button", name="Pay $12.50").click()
    page.wait_for_url(re.compile(re.escape(portal.sandbox_url)))
    page.goto(address)
    page.get_by_role("link", name="Pay here").click()
    fill_card_here(page, ACCEPTED)
    page.wait_for_url(re.compile(r"/v2/order/status/\?"))

    assert state_of(portal, address) == ("PAID", 1250, ("intent", 1250))
    statuses = portal.rows(
        "SELECT flow, status FROM commerce_payment WHERE order_id = ? ORDER BY id", number_of(address)
    )
    assert statuses == [("checkout", "EXPIRED"), ("intent", "PAID")]


def test_who_pays_here_by_slow_debit_is_not_asked_to_pay_again(page, portal, complaints):
    address = order_notebook(page, portal)
    page.get_by_role("link", name="Pay here").click()
    form = page.frame_locator('iframe[title="Secure payment input frame"]')
    form.get_by_label("Bank debit").check()
    form.get_by_label("Full name").fill("Ada Lovelace")
    form.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("button", name=re.compile(r"^Pay \$")).click()
    page.wait_for_url(re.compile(r"/v2/order/status/\?"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Your payment is on its way")
    wait_until(
        lambda: portal.rows("SELECT 1 FROM commerce_gatewayevent WHERE kind = 'payment_intent.processing'"),
        what="the notice that the debit was begun",
    )

    page.goto(address)

    expect(page.get_by_text("Your payment is on its way.")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Pay"))).to_have_count(0)
    expect(page.get_by_role("link", name="Pay here")).to_have_count(0)
    assert state_of(portal, address) == ("AWAITING_PAYMENT", 1250)
    assert complaints == []


def test_pictures_come_in_the_size_that_is_shown(browser, portal):
    context = browser.new_context(viewport={"width": 360, "height": 780})
    page = context.new_page()
    page.goto(f"{portal.url}/shop/")
    picture = page.locator(".item-card img").first

    expect(picture).to_have_js_property("complete", True)
    assert re.search(r"/card-(320|640)\.webp$", picture.evaluate("image => image.currentSrc"))
    assert picture.evaluate("image => image.naturalWidth") > 0
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    context.close()
