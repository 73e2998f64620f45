"""The main job, end to end: a visitor finds a course, signs up, buys it and studies it.

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

COURSE_TITLE = "Reading data honestly"
LOCKED_TITLE = "The bell curve, and when it is not there"
COURSE = "/courses/reading-data-honestly/"
DECLINED = "4000 0000 0000 0002"
ACCEPTED = "4242 4242 4242 4242"
PASSWORD = "tangerine-41-skies"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    with running_portal(tmp_path_factory.mktemp("portal")) as running:
        yield running


@pytest.fixture(autouse=True)
def normal_webhooks(portal: RunningPortal) -> Iterator[None]:
    portal.control("POST", "webhooks", {"mode": "normal"})
    yield
    portal.control("POST", "webhooks", {"mode": "normal"})


def sign_up(page: Any, portal: RunningPortal, email: str, *, after: str = "/my/") -> None:
    page.goto(f"{portal.url}/accounts/signup/?next={after}")
    page.get_by_label("First name").fill("Ada")
    page.locator("input[name=email]").fill(email)
    page.locator("input[name=password1]").fill(PASSWORD)
    page.locator("input[name=password2]").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    page.wait_for_url(f"{portal.url}{after}")


def fill_card(page: Any, number: str) -> None:
    page.locator("input[name=number]").fill(number)
    page.locator("input[name=expiry]").fill("12 / 34")
    page.locator("input[name=cvc]").fill("123")
    page.locator("input[name=name]").fill("Ada Lovelace")
    page.get_by_role("button", name=re.compile(r"^Pay \$")).click()


def to_payment_page(page: Any, portal: RunningPortal) -> None:
    page.goto(portal.url + COURSE)
    page.get_by_role("button", name=re.compile("^Buy")).click()
    page.wait_for_url(re.compile(re.escape(portal.sandbox_url)))


def outcome_in_the_database(portal: RunningPortal, email: str) -> dict[str, Any]:
    """Everything that buying left behind for one person."""
    (user,) = portal.row("SELECT id FROM accounts_user WHERE email = ?", email)
    order, status, total, currency = portal.row(
        "SELECT id, status, total_minor, currency FROM commerce_order WHERE buyer_id = ?", user
    )
    payments = portal.rows(
        "SELECT status, amount_minor, currency, account, held_reason"
        " FROM commerce_payment WHERE order_id = ?",
        order,
    )
    moves = portal.rows(
        "SELECT c.from_status, c.to_status FROM commerce_paymentstatuschange c"
        " JOIN commerce_payment p ON p.id = c.payment_id WHERE p.order_id = ?",
        order,
    )
    delivered = portal.rows(
        "SELECT kind, fulfilled_at IS NOT NULL, delivery_error FROM commerce_orderline WHERE order_id = ?",
        order,
    )
    enrolments = portal.rows(
        "SELECT e.status FROM courses_enrolment e WHERE e.member_id = ? AND e.lesson_id IS NULL", user
    )
    return {
        "order": (status, total, currency),
        "payments": payments,
        "moves": moves,
        "lines": delivered,
        "enrolments": enrolments,
    }


BOUGHT = {
    "order": ("PAID", 4900, "USD"),
    "payments": [("PAID", 4900, "USD", "usd", "")],
    "moves": [("PENDING", "PAID")],
    "lines": [("course", 1, "")],
    "enrolments": [("ACTIVE",)],
}


def session_of(portal: RunningPortal, email: str) -> str:
    (session,) = portal.row(
        "SELECT p.session_id FROM commerce_payment p JOIN commerce_order o ON o.id = p.order_id"
        " JOIN accounts_user u ON u.id = o.buyer_id WHERE u.email = ?",
        email,
    )
    return session


def captured(portal: RunningPortal, session: str) -> list[tuple[int, str]]:
    """What the provider's own books say was taken in a session."""
    ledger = portal.control("GET", "ledger")["accounts"]
    charges = [charge for account in ledger.values() for charge in account["charges"]]
    return [
        (charge["amount"], charge["currency"])
        for charge in charges
        if charge["session"] == session and charge["status"] == "succeeded"
    ]


def completed_event(portal: RunningPortal, session: str) -> dict[str, Any]:
    """The sandbox's notification that a session was completed."""

    def find() -> dict[str, Any] | None:
        for event in portal.control("GET", "events")["events"]:
            if event["type"] == "checkout.session.completed" and event["object"] == session:
                return event
        return None

    return wait_until(find, what="the event")


def test_a_visitor_finds_a_course_signs_up_is_declined_pays_and_studies(page, portal):
    email = "ada@example.com"
    page.goto(f"{portal.url}/courses/")
    page.get_by_role("link", name=COURSE_TITLE).first.click()
    page.wait_for_url(portal.url + COURSE)
    expect(page.get_by_text(LOCKED_TITLE).first).to_be_visible()

    page.get_by_role("link", name=re.compile("Sign in")).first.click()
    page.get_by_role("link", name="Sign up").first.click()
    page.wait_for_url(re.compile("/accounts/signup/.*next="))
    page.get_by_label("First name").fill("Ada")
    page.locator("input[name=email]").fill(email)
    page.locator("input[name=password1]").fill(PASSWORD)
    page.locator("input[name=password2]").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    page.wait_for_url(portal.url + COURSE)

    lesson = f"{COURSE}describing/bell-curve/"
    assert page.goto(portal.url + lesson).status == 403

    to_payment_page(page, portal)
    expect(page.get_by_text("$49.00").first).to_be_visible()
    fill_card(page, DECLINED)
    expect(page.get_by_text(re.compile("declined", re.IGNORECASE)).first).to_be_visible()
    assert outcome_in_the_database(portal, email)["order"] == ("AWAITING_PAYMENT", 4900, "USD")

    fill_card(page, ACCEPTED)
    page.wait_for_url(re.compile(r"/checkout/return/\?session_id="))
    expect(page.get_by_text(COURSE_TITLE).first).to_be_visible()
    assert outcome_in_the_database(portal, email) == BOUGHT

    assert page.goto(portal.url + lesson).status == 200
    assert page.get_by_role("heading", level=1).inner_text() == LOCKED_TITLE
    wait_until(lambda: portal.rows("SELECT 1 FROM commerce_gatewayevent"), what="the webhook")
    assert outcome_in_the_database(portal, email) == BOUGHT

    assert captured(portal, session_of(portal, email)) == [(4900, "usd")]


def buy(page: Any, portal: RunningPortal, email: str) -> None:
    sign_up(page, portal, email)
    to_payment_page(page, portal)
    fill_card(page, ACCEPTED)
    page.wait_for_url(re.compile(r"/checkout/return/\?session_id="))


def test_a_webhook_that_comes_twice_changes_nothing_more(page, portal):
    portal.control("POST", "webhooks", {"mode": "double"})

    buy(page, portal, "twice@example.com")

    event = completed_event(portal, session_of(portal, "twice@example.com"))
    portal.control("POST", f"events/{event['id']}/deliver", {})
    assert portal.rows("SELECT count(*) FROM commerce_gatewayevent WHERE event_id = ?", event["id"]) == [(1,)]
    assert outcome_in_the_database(portal, "twice@example.com") == BOUGHT


def test_a_webhook_that_never_comes_is_not_missed(page, portal):
    portal.control("POST", "webhooks", {"mode": "drop"})

    buy(page, portal, "never@example.com")

    assert outcome_in_the_database(portal, "never@example.com") == BOUGHT


def test_a_webhook_after_the_return_changes_nothing_more(page, portal):
    portal.control("POST", "webhooks", {"mode": "hold"})
    buy(page, portal, "after@example.com")
    assert outcome_in_the_database(portal, "after@example.com") == BOUGHT

    event = completed_event(portal, session_of(portal, "after@example.com"))
    deliveries = portal.control("POST", f"events/{event['id']}/deliver", {})["deliveries"]

    assert [delivery["status"] for delivery in deliveries] == [200]
    assert outcome_in_the_database(portal, "after@example.com") == BOUGHT


def test_a_webhook_before_the_return_is_enough(page, portal):
    email = "before@example.com"

    def come_back_late(route: Any) -> None:
        wait_until(
            lambda: outcome_in_the_database(portal, email) == BOUGHT,
            what="delivery by webhook and worker alone",
        )
        route.continue_()

    page.route("**/checkout/return/**", come_back_late)

    buy(page, portal, email)

    expect(page.get_by_text(COURSE_TITLE).first).to_be_visible()
    assert outcome_in_the_database(portal, email) == BOUGHT


def test_a_buyer_who_never_comes_back_has_what_was_paid_for(page, portal):
    email = "gone@example.com"
    page.route("**/checkout/return/**", lambda route: route.abort())
    sign_up(page, portal, email)
    to_payment_page(page, portal)

    fill_card(page, ACCEPTED)

    wait_until(
        lambda: outcome_in_the_database(portal, email) == BOUGHT, what="delivery by webhook and worker"
    )
    assert captured(portal, session_of(portal, email)) == [(4900, "usd")]


def test_a_buyer_who_turns_back_may_pay_later_on_the_same_order(page, portal):
    email = "later@example.com"
    sign_up(page, portal, email)
    to_payment_page(page, portal)
    page.get_by_role("link", name=re.compile("back|return|cancel", re.IGNORECASE)).first.click()
    page.wait_for_url(re.compile("/checkout/cancel/"))

    page.get_by_role("button", name=re.compile("Pay")).click()
    page.wait_for_url(re.compile(re.escape(portal.sandbox_url)))
    fill_card(page, ACCEPTED)
    page.wait_for_url(re.compile(r"/checkout/return/\?session_id="))

    assert outcome_in_the_database(portal, email) == BOUGHT
