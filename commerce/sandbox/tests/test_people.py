"""The page for people at /_sandbox/: what it shows, what its forms do, and whom it does not obey."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
import requests

from commerce.sandbox import RetryPlan
from commerce.sandbox.identifiers import account_id
from commerce.sandbox.tests.shop import Listener, Shop

OwnShop = Callable[..., Shop]
KEY = "sk_test_own"
COMPLETED = "checkout.session.completed"
HOME = "/_sandbox/"
ACCOUNT = f"/_sandbox/page/accounts/{account_id(KEY)}"
EVENTS = "/_sandbox/page/events"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


def look(shop: Shop, path: str) -> str:
    answer = requests.get(shop.sandbox.url + path, headers=BROWSER, timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.text


def words(page: str) -> str:
    """The page's text, its white space made single."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def token(shop: Shop) -> str:
    found = re.search(r'name="token" value="(\w+)"', look(shop, HOME))
    assert found is not None
    return found[1]


def do(shop: Shop, deed: str, *, back: str = HOME, headers: dict[str, str] | None = None, **form: Any) -> Any:
    """Send a form as a browser does from the page it stands on."""
    return requests.post(
        f"{shop.sandbox.url}/_sandbox/page/do/{deed}",
        data={"token": token(shop), "back": back, **form},
        headers={**BROWSER, "Origin": shop.sandbox.url, "Sec-Fetch-Site": "same-origin", **(headers or {})},
        timeout=5,
        allow_redirects=False,
    )


def test_browsers_get_the_page_and_programs_get_json_at_the_same_address(own_shop: OwnShop) -> None:
    shop = own_shop()

    by_browser = requests.get(shop.sandbox.url + HOME, headers=BROWSER, timeout=5)
    by_program = requests.get(shop.sandbox.url + HOME, timeout=5)

    assert by_browser.headers["Content-Type"] == "text/html; charset=utf-8"
    assert by_browser.headers["Vary"] == "Accept"
    assert "<h1>Overview</h1>" in by_browser.text
    assert by_program.json()["webhooks"]["mode"] == "normal"


def test_the_overview_shows_accounts_clock_mode_and_faults(own_shop: OwnShop) -> None:
    shop = own_shop()
    shop.sandbox.pay(shop.session().id)
    shop.sandbox.advance(25 * 3600)
    shop.sandbox.webhooks.set_mode("double")
    shop.sandbox.faults.add(kind="cut", path="/v1/refunds*", times=3)

    text = words(look(shop, HOME))

    assert "Secret key sk_test_own Sessions 1 Intents 1 Charges 1 Refunds 0 Events 4" in text
    assert "1 d 1 h 0 min ahead of this computer" in text
    assert "The mode is double ." in text
    assert "What Cut the line: no answer Verb * Path /v1/refunds* When before Times left 3" in text


def test_an_account_shows_its_payments_with_amounts_and_what_can_be_done(own_shop: OwnShop) -> None:
    shop = own_shop()
    opened, paid, promised = shop.session(1000), shop.session(2000), shop.session(3000)
    shop.sandbox.pay(paid.id)
    shop.sandbox.pay_later(promised.id)
    shop.client.v1.refunds.create({"payment_intent": shop.again(paid).payment_intent, "amount": 500})

    page = look(shop, ACCOUNT)

    assert f'href="/c/pay/{opened.id}"' in page
    assert f'name="payment" value="{promised.id}"' in page
    text = words(page)
    assert "Currency EUR Taken €20.00 Given back €5.00 Kept €15.00" in text
    assert "Total €10.00 Status open Payment unpaid" in text
    assert "Total €20.00 Status complete Payment paid" in text
    assert "Amount €30.00 Status processing" in text
    assert "Amount €20.00 Status succeeded Refunded €5.00" in text


def test_an_account_lists_no_more_than_fifty_of_a_kind(own_shop: OwnShop) -> None:
    shop = own_shop()
    for _ in range(51):
        shop.session()

    page = look(shop, ACCOUNT)

    assert page.count("Payment page of") == 50
    assert "The newest 50; the rest is there by the API." in words(page)


def test_the_clock_is_moved_on_by_a_form(own_shop: OwnShop) -> None:
    shop = own_shop()
    session = shop.session()

    answer = do(shop, "clock", number="2", unit="86400")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/_sandbox/?done=clock")
    assert shop.again(session).status == "expired"
    assert "The clock was moved on." in words(look(shop, answer.headers["Location"]))


def test_a_debit_is_settled_either_way(own_shop: OwnShop) -> None:
    shop = own_shop()
    sessions = [shop.session(), shop.session()]
    for session in sessions:
        shop.sandbox.pay_later(session.id)

    arrived = do(shop, "settle", back=ACCOUNT, payment=sessions[0].id, outcome="succeeded")
    do(shop, "settle", back=ACCOUNT, payment=sessions[1].id, outcome="failed")

    assert arrived.headers["Location"] == f"{ACCOUNT}?done=settle"
    assert [shop.again(session).payment_status for session in sessions] == ["paid", "unpaid"]
    assert shop.event_types().count("checkout.session.async_payment_failed") == 1


def test_a_charge_is_refunded_in_part_and_then_wholly_as_from_the_dashboard(own_shop: OwnShop) -> None:
    shop = own_shop()
    shop.sandbox.pay(shop.session(1900).id)
    (charge,) = shop.client.v1.charges.list().data

    do(shop, "refund", back=ACCOUNT, charge=charge.id, amount="500")
    do(shop, "refund", back=ACCOUNT, charge=charge.id, amount="")

    assert [refund.amount for refund in shop.client.v1.refunds.list().data] == [1400, 500]
    again = do(shop, "refund", back=ACCOUNT, charge=charge.id, amount="")
    assert again.status_code == 422
    assert "has already been refunded" in words(again.text)


def test_faults_are_added_and_cleared(own_shop: OwnShop) -> None:
    shop = own_shop()

    do(shop, "faults", kind="503", path="/v1/products*", verb="POST", when="after", times="2", seconds="1")

    assert [vars(fault) for fault in shop.sandbox.faults.due] == [
        {"kind": "503", "path": "/v1/products*", "verb": "POST", "when": "after", "times": 2, "seconds": 1.0}
    ]
    do(shop, "clear-faults")
    assert shop.sandbox.faults.due == []


def test_the_webhook_mode_is_set_and_what_waits_is_released(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY)])
        do(
            shop,
            "webhooks",
            mode="hold",
            seconds="",
            count="3",
            order="reverse",
            types=f"{COMPLETED} charge.*",
        )
        shop.sandbox.pay(shop.session().id)
        assert shop.sandbox.webhooks.wait_until_quiet()
        assert {event.type for event in listener.received} == {
            "payment_intent.created", "payment_intent.succeeded",
        }  # fmt: skip
        assert "Release 2 waiting" in words(look(shop, HOME))

        do(shop, "release")

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert len(listener.received) == 4


def test_events_are_shown_with_each_attempt_and_sent_again(own_shop: OwnShop) -> None:
    with Listener(500, 200) as listener:
        shop = own_shop(endpoints=[listener.endpoint(KEY, COMPLETED)], retries=RetryPlan(base=0.01))
        shop.sandbox.pay(shop.session().id)
        assert shop.sandbox.webhooks.wait_until_quiet()
        (event,) = shop.sandbox.webhooks.events(type=COMPLETED)
        address = f"{EVENTS}/{event['id']}"

        do(shop, "deliver", back=address, event=event["id"], signature="right")
        do(shop, "deliver", back=address, event=event["id"], signature="forged")
        do(shop, "deliver", back=address, event=event["id"], signature="aged")

        text = words(look(shop, address))
        assert listener.ids(COMPLETED) == [event["id"]] * 3
        assert re.findall(r"UTC : (\d+)", text) == ["500", "200", "200", "400", "400"]
        assert "State delivered" in text


def test_events_are_narrowed_by_type_and_account_and_read_page_by_page(own_shop: OwnShop) -> None:
    shop = own_shop()
    for _ in range(26):
        shop.sandbox.pay(shop.session().id)

    newest = look(shop, f"{EVENTS}?type=payment_intent.*&account={account_id(KEY)}")
    (older,) = re.findall(r'href="([^"]+)">Older events', newest)
    oldest = look(shop, unescape(older))

    assert newest.count(f'href="{EVENTS}/evt_') == 50
    assert oldest.count(f'href="{EVENTS}/evt_') == 2
    assert "charge.succeeded" not in newest
    assert "No such event has happened." in look(shop, f"{EVENTS}?account=acct_none")


def test_an_object_is_shown_as_the_api_tells_it_with_its_events(own_shop: OwnShop) -> None:
    shop = own_shop()
    product = shop.client.v1.products.create({"id": "water colour/1", "name": "Watercolour"})

    page = look(shop, f"/_sandbox/page/objects/{account_id(KEY)}/water%20colour%2F1")

    assert '"name": "Watercolour"' in unescape(page)
    assert "product.created" in page
    assert product.id in unescape(page)


def test_an_endpoint_is_added_and_its_secret_never_shown(own_shop: OwnShop) -> None:
    with Listener(secret="whsec_quiet") as listener:
        shop = own_shop()
        shop.session()

        do(
            shop,
            "endpoints",
            back=ACCOUNT,
            api_key=KEY,
            url=listener.url,
            secret="whsec_quiet",
            events=COMPLETED,
        )
        shop.sandbox.pay(shop.session().id)

        assert shop.sandbox.webhooks.wait_until_quiet()
        assert len(listener.ids(COMPLETED)) == 1
        assert listener.url in look(shop, ACCOUNT)
        assert "whsec_quiet" not in look(shop, ACCOUNT)


def test_a_reset_forgets_everything_and_leads_to_the_overview(own_shop: OwnShop) -> None:
    shop = own_shop()
    shop.session()

    answer = do(shop, "reset", back=ACCOUNT)

    assert answer.headers["Location"] == "/_sandbox/?done=reset"
    assert "No key has been used yet." in words(look(shop, HOME))


def test_a_violation_of_the_schema_is_shown_loudly_on_every_page(own_shop: OwnShop) -> None:
    shop = own_shop()
    shop.sandbox.schema_violations.append("products.retrieve .id: Product must have it")

    pages = [words(look(shop, path)) for path in (HOME, EVENTS)]

    shop.sandbox.schema_violations.clear()
    for text in pages:
        assert "The sandbox broke Stripe's schema, 1 times." in text
        assert "products.retrieve .id: Product must have it" in text


@pytest.mark.parametrize(
    ("deed", "form", "told"),
    [
        ("clock", {"number": "-1", "unit": "3600"}, "takes a whole number, not '-1'"),
        ("clock", {"number": "", "unit": "3600"}, "takes a whole number, not ''"),
        ("clock", {"number": "10000", "unit": "8640000"}, "twenty years"),
        ("webhooks", {"mode": "lose", "count": "3", "order": "reverse"}, "a webhook mode is one of"),
        ("faults", {"kind": "explode", "times": "1", "seconds": "1"}, "a fault is one of"),
        ("faults", {"kind": "500", "times": "0", "seconds": "1"}, "at least once"),
        ("settle", {"payment": "cs_test_none", "outcome": "succeeded"}, "no session or payment intent"),
        ("settle", {"payment": "cs_test_none", "outcome": "perhaps"}, "a debit arrives or fails"),
        ("refund", {"charge": "ch_none", "amount": ""}, "needs the id of a charge"),
        ("deliver", {"event": "evt_none"}, "no event evt_none"),
        (
            "endpoints",
            {"api_key": "sk_live_x", "url": "http://127.0.0.1/", "secret": "w"},
            "a live key was given",
        ),
        ("endpoints", {"api_key": KEY, "url": "javascript:alert(1)", "secret": "w"}, "is an http(s) URL"),
        ("endpoints", {"api_key": KEY, "url": "http://a/\r\nX: 1", "secret": "w"}, "is an http(s) URL"),
    ],
)
def test_what_cannot_be_done_is_told_on_the_page_it_was_asked_on(
    own_shop: OwnShop, deed: str, form: dict[str, Any], told: str
) -> None:
    shop = own_shop()
    shop.session()

    answer = do(shop, deed, back=ACCOUNT, **form)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert told in words(answer.text)
    assert f"<h1>{KEY}</h1>" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_or_call_of_another_sites_page_does_nothing(
    own_shop: OwnShop, headers: dict[str, str]
) -> None:
    shop = own_shop()
    session = shop.session()

    by_form = do(shop, "reset", headers=headers)
    by_call = requests.post(shop.sandbox.url + "/_sandbox/reset", headers=headers, timeout=5)

    assert (by_form.status_code, by_call.status_code) == (403, 403)
    assert shop.again(session).id == session.id


def test_a_form_without_the_token_of_its_page_does_nothing(own_shop: OwnShop) -> None:
    shop = own_shop()
    session = shop.session()

    answer = do(shop, "reset", token="guessed")

    assert answer.status_code == 403
    assert shop.again(session).id == session.id


def test_a_name_that_was_made_to_point_here_is_refused(own_shop: OwnShop) -> None:
    shop = own_shop()

    answer = do(shop, "reset", headers={"Host": "rebound.test", "Origin": "http://rebound.test"})

    assert answer.status_code == 403


def test_a_page_cannot_be_framed_runs_no_script_and_leads_nowhere_else(own_shop: OwnShop) -> None:
    shop = own_shop()

    answer = requests.get(shop.sandbox.url + HOME, headers=BROWSER, timeout=5)
    led = do(shop, "clock", back="//evil.test/", number="1", unit="3600")

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert led.headers["Location"] == "/_sandbox/?done=clock"


def test_what_shops_and_visitors_write_cannot_become_markup(own_shop: OwnShop) -> None:
    shop = own_shop()
    evil = '"><script>alert(1)</script>'
    shop.client.v1.products.create({"id": evil, "name": evil, "metadata": {"a": evil}})
    shop.sandbox.faults.add(kind="500", path=evil, verb=evil)
    shop.sandbox.webhooks.set_mode("drop", types=[evil])

    pages = [
        look(shop, HOME),
        look(shop, f"{EVENTS}?type={evil}&before={evil}"),
        look(shop, EVENTS),
        look(shop, f"/_sandbox/page/objects/{account_id(KEY)}/{quote(evil, safe='')}"),
        do(shop, "clock", back=f"{EVENTS}?type={evil}", number=evil, unit="1").text,
    ]

    for page in pages:
        assert "<script" not in page
        assert evil not in page


@pytest.mark.parametrize(
    "path",
    [
        "/_sandbox/page/",
        "/_sandbox/page/accounts/acct_none",
        "/_sandbox/page/events/evt_none",
        f"/_sandbox/page/objects/{account_id(KEY)}/none",
        "/_sandbox/page/%2e%2e/people.py",
    ],
)
def test_an_address_without_anything_is_a_page_that_says_so(own_shop: OwnShop, path: str) -> None:
    shop = own_shop()
    shop.session()

    answer = requests.get(shop.sandbox.url + path, headers=BROWSER, timeout=5)

    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
