import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from commerce.sandbox import Sandbox, WebhookEndpoint
from commerce.sandbox.server import Server
from commerce.sandbox.tests.shop import Listener, Shop

OwnShop = Callable[..., Shop]
ClientFor = Callable[..., Any]


def test_sessions_outlive_a_restart_on_the_same_state(tmp_path: Path, client_for: ClientFor) -> None:
    state = tmp_path / "sandbox.sqlite"
    with Sandbox(state_path=state) as before:
        shop = Shop(before, client_for("sk_test_kept", url=before.url), "sk_test_kept")
        paid, waiting = shop.session(), shop.session()
        before.pay(paid.id)
        shop.client.v1.products.create({"name": "A"}, {"idempotency_key": "once"})
        before.advance(60)
        ledger = before.ledger()

    with Sandbox(state_path=state) as after:
        shop = Shop(after, client_for("sk_test_kept", url=after.url), "sk_test_kept")
        assert shop.again(paid).payment_status == "paid"
        assert after.ledger() == ledger
        assert shop.get_control("/")["clock_ahead"] == 60
        after.pay(waiting.id)
        again = shop.client.v1.products.create({"name": "A"}, {"idempotency_key": "once"})

    assert again.last_response.headers["Idempotent-Replayed"] == "true"


def test_a_delivery_that_was_due_at_the_stop_is_made_after_the_restart(
    tmp_path: Path, client_for: ClientFor
) -> None:
    state = tmp_path / "sandbox.sqlite"
    with Listener(500) as listener:
        with Sandbox(state_path=state, endpoints=[listener.endpoint("sk_test_kept", "charge.*")]) as before:
            shop = Shop(before, client_for("sk_test_kept", url=before.url), "sk_test_kept")
            before.pay(shop.session().id)
            while not listener.received:
                before.webhooks.wait_until_quiet(0.01)

        with Sandbox(state_path=state) as after:
            assert after.webhooks.wait_until_quiet()

        assert len(listener.received) == 2
        assert len({event.id for event in listener.received}) == 1


def test_endpoints_given_at_a_restart_replace_the_kept_ones(tmp_path: Path, client_for: ClientFor) -> None:
    state = tmp_path / "sandbox.sqlite"
    with Listener() as old, Listener() as new:
        with Sandbox(state_path=state, endpoints=[old.endpoint("sk_test_kept")]):
            pass
        with Sandbox(state_path=state, endpoints=[new.endpoint("sk_test_kept")]) as after:
            shop = Shop(after, client_for("sk_test_kept", url=after.url), "sk_test_kept")

            after.pay(shop.session().id)

            assert after.webhooks.wait_until_quiet()
        assert old.received == []
        assert len(new.received) == 4


def test_a_reset_forgets_objects_and_keeps_endpoints(own_shop: OwnShop) -> None:
    with Listener() as listener:
        shop = own_shop(endpoints=[listener.endpoint("sk_test_own", "charge.*")])
        shop.sandbox.pay(shop.session().id)
        shop.sandbox.advance(3600)

        assert shop.post_control("/reset").json() == {"reset": True}

        assert shop.client.v1.charges.list().data == []
        assert shop.sandbox.webhooks.events() == []
        assert shop.get_control("/")["clock_ahead"] == 0
        assert shop.sandbox.webhooks.wait_until_quiet()
        listener.received.clear()
        shop.sandbox.pay(shop.session().id)
        assert shop.sandbox.webhooks.wait_until_quiet()
        assert [event.type for event in listener.received] == ["charge.succeeded"]


def test_the_clock_moves_on_by_the_control_api(own_shop: OwnShop) -> None:
    shop = own_shop()
    session = shop.session()

    answer = shop.post_control("/clock", advance=24 * 60 * 60 + 1).json()

    assert answer["now"] > session.expires_at
    assert shop.again(session).status == "expired"


def test_the_clock_never_goes_back(own_shop: OwnShop) -> None:
    answer = own_shop().post_control("/clock", advance=-1)

    assert answer.status_code == 400
    assert "moves forward only" in answer.json()["error"]


def test_a_promised_debit_arrives_when_the_clock_says_so(own_shop: OwnShop) -> None:
    shop = own_shop(debit_delay=600)
    session = shop.session()
    shop.sandbox.pay_later(session.id)

    shop.sandbox.advance(599)
    before = shop.again(session).payment_status
    shop.sandbox.advance(2)

    assert (before, shop.again(session).payment_status) == ("unpaid", "paid")


def test_the_ledger_lists_what_each_account_took(own_shop: OwnShop) -> None:
    shop = own_shop()
    session = shop.session(700)
    shop.sandbox.pay(session.id)

    (account,) = shop.get_control("/ledger")["accounts"].values()

    (charge,) = account["charges"]
    assert (charge["amount"], charge["currency"], charge["status"]) == (700, "eur", "succeeded")
    assert charge["session"] == session.id
    assert account["refunds"] == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("429", stripe.RateLimitError),
        ("500", stripe.APIError),
        ("503", stripe.APIError),
        ("409", stripe.StripeError),
    ],
)
def test_a_fault_before_acting_is_an_error_and_nothing_else(
    own_shop: OwnShop, kind: str, error: type[Exception]
) -> None:
    shop = own_shop()
    assert shop.post_control("/faults", kind=kind, path="/v1/products", verb="POST").status_code == 200

    with pytest.raises(error):
        shop.client.v1.products.create({"name": "A"})

    assert shop.client.v1.products.list().data == []
    assert shop.client.v1.products.create({"name": "A"}).name == "A"


def test_a_line_cut_after_acting_makes_one_object_when_the_library_retries(
    own_shop: OwnShop, client_for: ClientFor
) -> None:
    shop = own_shop()
    retrying = client_for(shop.key, url=shop.sandbox.url, retries=2)
    shop.sandbox.faults.add(kind="cut", when="after", verb="POST", path="/v1/products")

    product = retrying.v1.products.create({"name": "A"})

    assert [found.id for found in shop.client.v1.products.list().data] == [product.id]


def test_a_line_cut_after_acting_leaves_one_object_and_an_exception_without_retries(
    own_shop: OwnShop,
) -> None:
    shop = own_shop()
    shop.sandbox.faults.add(kind="cut", when="after", verb="POST", path="/v1/products")

    with pytest.raises(stripe.APIConnectionError):
        shop.client.v1.products.create({"name": "A"})

    assert len(shop.client.v1.products.list().data) == 1


def test_a_stalled_call_runs_into_the_clients_time_out(own_shop: OwnShop, client_for: ClientFor) -> None:
    shop = own_shop()
    hasty = client_for(shop.key, url=shop.sandbox.url, timeout=0.2)
    shop.sandbox.faults.add(kind="stall", seconds=5, path="/v1/products")

    with pytest.raises(stripe.APIConnectionError):
        hasty.v1.products.list()


def test_a_fault_that_cannot_be_is_refused_with_the_reason(own_shop: OwnShop) -> None:
    answer = own_shop().post_control("/faults", kind="explode")

    assert answer.status_code == 400
    assert "429, 500, 503, 409, stall, cut" in answer.json()["error"]


def test_pages_of_other_sites_cannot_use_the_control_api(own_shop: OwnShop) -> None:
    shop = own_shop()

    by_origin = requests.post(
        shop.sandbox.url + "/_sandbox/reset", headers={"Origin": "http://evil.test"}, timeout=5
    )
    by_name = requests.get(shop.sandbox.url + "/_sandbox/events", headers={"Host": "evil.test"}, timeout=5)

    assert (by_origin.status_code, by_name.status_code) == (403, 403)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", "::"])
def test_only_the_loopback_is_bound(host: str) -> None:
    with pytest.raises(ValueError, match="binds loopback addresses only"):
        Server(host, 0, lambda request: pytest.fail("never asked"))


def test_a_port_in_use_is_an_error_that_says_so(own_shop: OwnShop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        second = Sandbox(port=taken.getsockname()[1])

        with pytest.raises(OSError, match="in use"):
            second.start()
        second.stop()


def test_a_stopped_sandbox_answers_nobody(client_for: ClientFor) -> None:
    with Sandbox() as sandbox:
        client = client_for("sk_test_late", url=sandbox.url)
        client.v1.products.list()

    with pytest.raises(stripe.APIConnectionError):
        client.v1.products.list()


def test_a_live_key_cannot_be_given_at_the_start() -> None:
    with pytest.raises(ValueError, match="sk_test_"):
        Sandbox(endpoints=[WebhookEndpoint("sk_live_x", "http://127.0.0.1/", "whsec_x")])
