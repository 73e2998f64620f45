"""What nobody well-behaved sends: it is refused in words, and changes nothing."""

import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
import stripe

from commerce.sandbox.http_messages import Request, Response, as_json
from commerce.sandbox.server import Server
from commerce.sandbox.tests.shop import Shop

OwnShop = Callable[..., Shop]
SESSION = (
    "mode=payment&line_items[0][quantity]=1&line_items[0][price_data][currency]=eur"
    "&line_items[0][price_data][unit_amount]=1900&line_items[0][price_data][product_data][name]=A"
)


def send(url: str, *pieces: bytes, pause: float = 0.0, timeout: float = 5.0) -> bytes:
    """What a server says to bytes that no HTTP library would send, until it hangs up."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as line:
        said = b""
        try:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(pause)
            while received := line.recv(65536):
                said += received
        except ConnectionError:
            pass
        return said


def post(shop: Shop, path: str, body: str | bytes, **headers: str) -> requests.Response:
    return requests.post(
        shop.sandbox.url + path,
        data=body,
        headers={
            "Authorization": f"Bearer {shop.key}",
            "Content-Type": "application/x-www-form-urlencoded",
            **headers,
        },
        timeout=5,
    )


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("name=A&images[" + "9" * 5000 + "]=x", "images"),
        ("name=A&images[%C2%B2]=x", "images"),
        ("name=A&images[a]=x", "images"),
        ("name=A&metadata" + "[a]" * 3000 + "=1", None),
        ("[[[=1", "[[["),
        ("name[]=A", "name"),
        ("name=A&active=perhaps", "active"),
        ("name=A&default_price_data[currency]=eur&default_price_data[unit_amount]=-1", None),
        ('{"name": "A"}', '{"name": "A"}'),
    ],
)
def test_a_malformed_form_is_refused_and_makes_nothing(shop: Shop, body: str, param: str | None) -> None:
    answer = post(shop, "/v1/products", body)

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    if param is not None:
        assert answer.json()["error"]["param"] == param
    assert shop.client.v1.products.list().data == []


def test_a_form_of_too_many_fields_is_refused(shop: Shop) -> None:
    answer = post(shop, "/v1/products", "&".join(f"metadata[k{n}]=1" for n in range(6000)))

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "A request can have at most 5000 parameters"


@pytest.mark.parametrize("name", ["Ж 💶 שלום", "a\0b", "\u202etfel", "x" * 5000, "<b>&amp;"])
def test_any_text_is_kept_as_it_was_sent(shop: Shop, name: str) -> None:
    product = shop.client.v1.products.create({"name": name})

    assert shop.client.v1.products.retrieve(product.id).name == name


def test_bytes_that_are_no_text_are_replaced(shop: Shop) -> None:
    made = post(shop, "/v1/products", b"name=%ff%ED%A0%80").json()

    assert set(made["name"]) == {"\ufffd"}
    assert shop.client.v1.products.retrieve(made["id"]).name == made["name"]


@pytest.mark.parametrize("product_id", ["a/b", "two words", "a+b", "100%", "ü", "a?b#c"])
def test_an_id_that_a_shop_chose_is_found_again_whatever_is_in_it(shop: Shop, product_id: str) -> None:
    shop.client.v1.products.create({"id": product_id, "name": "A"})

    assert shop.client.v1.products.retrieve(product_id).id == product_id


@pytest.mark.parametrize("amount", ["-1", "0", "1.5", "999999999999999999", "9" * 5000, "1e3", "０１"])
def test_an_amount_that_cannot_be_charged_is_refused(shop: Shop, amount: str) -> None:
    answer = post(shop, "/v1/payment_intents", f"currency=eur&amount={amount}")

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "amount")
    assert shop.client.v1.payment_intents.list().data == []


@pytest.mark.parametrize("quantity", ["999999999999", "999999999999999999", "-1", "0"])
def test_quantities_cannot_multiply_an_amount_beyond_its_limit(shop: Shop, quantity: str) -> None:
    body = SESSION.replace("[quantity]=1", f"[quantity]={quantity}") + "&success_url=http://a.test/"

    answer = post(shop, "/v1/checkout/sessions", body)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "address",
    [
        "http://a.test/\r\nSet-Cookie: x=1",
        "http://a.test/\nX: 1",
        "http://a.test;script-src *;/",
        "http://a.test' *;/",
        "http://a b.test/",
        "javascript:alert(1)",
        "http://[",
    ],
)
def test_an_address_that_would_break_a_header_is_not_taken(shop: Shop, address: str) -> None:
    session = post(shop, "/v1/checkout/sessions", f"{SESSION}&success_url={quote(address)}")
    intent = post(
        shop,
        "/v1/payment_intents",
        "currency=eur&amount=1900&confirm=true&payment_method=pm_card_authenticationRequired"
        f"&automatic_payment_methods[enabled]=true&return_url={quote(address)}",
    )

    assert (session.status_code, session.json()["error"]["param"]) == (400, "success_url")
    if not address.startswith("javascript:"):  # of an intent Stripe takes the addresses of apps, too
        assert (intent.status_code, intent.json()["error"]["param"]) == (400, "return_url")


def test_an_address_in_another_script_leads_there(shop: Shop) -> None:
    session = shop.session(success_url="http://shop.test/спасибо?s={CHECKOUT_SESSION_ID}")

    answer = shop.submit(session)

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://shop.test/{quote('спасибо')}?s={session.id}"


def test_a_body_too_large_is_not_read(shop: Shop) -> None:
    said = send(
        shop.sandbox.url,
        b"POST /v1/products HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n",
    )

    assert said.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: -5",
        b"Content-Length: \xb2",
        b"Content-Length: " + b"9" * 6000,
        b"Content-Length: 0\r\nContent-Length: 5",
        b"Transfer-Encoding: chunked",
    ],
)
def test_a_body_of_unknown_length_ends_the_connection(shop: Shop, head: bytes) -> None:
    said = send(shop.sandbox.url, b"POST /v1/products HTTP/1.1\r\nHost: 127.0.0.1\r\n" + head + b"\r\n\r\n")

    assert said.startswith(b"HTTP/1.1 413 ")


def test_what_a_refused_page_hides_in_its_body_is_no_request(own_shop: OwnShop) -> None:
    shop = own_shop()
    session = shop.session()
    hidden = b"POST /_sandbox/reset HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
    length = str(len(hidden)).encode()

    said = send(
        shop.sandbox.url,
        b"POST / HTTP/1.1\r\nHost: rebound.test\r\nContent-Length: " + length + b"\r\n\r\n" + hidden,
    )

    assert said.startswith(b"HTTP/1.1 403 ")
    assert said.count(b"HTTP/1.1 ") == 1
    assert shop.again(session).id == session.id


@pytest.mark.parametrize(
    "head",
    [
        b"GET /_sandbox HTTP/1.1\r\n\r\n",
        b"GET /_sandbox HTTP/1.1\r\nHost: [\r\n\r\n",
        b"GET /_sandbox HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: rebound.test\r\n\r\n",
        b"GET /_sandbox HTTP/1.1\r\nHost: 127.0.0.1.rebound.test\r\n\r\n",
        b"GET /_sandbox HTTP/1.1\r\nHost: 127.0.0.1@rebound.test\r\n\r\n",
        b"GET http://[/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
)
def test_a_request_that_is_not_plainly_for_the_loopback_is_refused(shop: Shop, head: bytes) -> None:
    assert send(shop.sandbox.url, head).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"PUT /v1/products HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"501"),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n", b"431"),
        (b"GET <script> what HTTP/1.1\r\n\r\n", b"400"),
    ],
)
def test_what_is_no_request_is_refused_without_repeating_it(shop: Shop, sent: bytes, status: bytes) -> None:
    said = send(shop.sandbox.url, sent)

    assert status in said.split(b"\r\n")[0] or said == b"Bad Request.\n"
    assert b"<script>" not in said
    assert b"text/html" not in said


@pytest.mark.parametrize(
    "target",
    [
        "/_sandbox/page/../../../etc/passwd",
        "/_sandbox/page/%2e%2e/pages.py",
        "/endive/../server.py",
        "/endive/%2e%2e/server.py",
        "/c/assets/../pages.py",
        "/c/pay/../../_sandbox/reset",
        "//127.0.0.1/../etc/passwd",
    ],
)
def test_no_path_leads_to_a_file(shop: Shop, target: str) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"

    said = send(shop.sandbox.url, request.encode())

    assert said.split()[1] in (b"401", b"404")
    assert b"root:" not in said
    assert b"import " not in said


def test_who_dawdles_within_a_request_is_cut_off() -> None:
    server = Server("127.0.0.1", 0, lambda request: as_json({}), patience=0.3)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    begun = time.monotonic()

    said = send(f"http://127.0.0.1:{server.port}", *[b"G", b"E", b"T", b" "] * 10, pause=0.1)

    server.shutdown()
    server.server_close()
    assert said == b""
    assert time.monotonic() - begun < 4


def test_who_sends_less_than_was_announced_is_cut_off_and_nothing_is_done() -> None:
    asked: list[str] = []

    def application(request: Request) -> Response:
        asked.append(request.path)
        return as_json({})

    server = Server("127.0.0.1", 0, application, patience=0.3)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    said = send(
        f"http://127.0.0.1:{server.port}",
        b"POST /v1/products HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nname=A",
    )

    server.shutdown()
    server.server_close()
    assert (said, asked) == (b"", [])


def test_a_connection_may_rest_between_requests_longer_than_within_one() -> None:
    server = Server("127.0.0.1", 0, lambda request: as_json({"ok": True}), patience=0.2)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"

    said = send(f"http://127.0.0.1:{server.port}", request, request, last, pause=0.5)

    server.shutdown()
    server.server_close()
    assert said.count(b'"ok": true') == 3


def test_half_open_connections_keep_nobody_else_waiting(own_shop: OwnShop) -> None:
    shop = own_shop()
    parts = urlsplit(shop.sandbox.url)
    lines = [socket.create_connection((parts.hostname, parts.port)) for _ in range(100)]
    for line in lines:
        line.sendall(b"POST /v1/products HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n")

    product = shop.client.v1.products.create({"name": "A"})

    for line in lines:
        line.close()
    assert [found.id for found in shop.client.v1.products.list().data] == [product.id]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/clock", "[" * 200_000),
        ("/clock", '{"advance": NaN}'),
        ("/clock", '{"advance": 1e400}'),
        ("/clock", '{"advance": 0.5}'),
        ("/clock", '{"advance": true}'),
        ("/clock", '{"advance": 999999999999}'),
        ("/clock", '{"advance": ' + "9" * 5000 + "}"),
        ("/faults", '{"kind": "500", "path": 5}'),
        ("/faults", '{"kind": "500", "verb": null}'),
        ("/faults", '{"kind": "500", "times": "2"}'),
        ("/faults", '{"kind": "stall", "seconds": 1e9}'),
        ("/faults", '{"kind": ["500"]}'),
        ("/refunds", '{"charge": ["ch_1"]}'),
        ("/endpoints", '{"api_key": 5, "url": "http://a/", "secret": "x"}'),
        ("/endpoints", '{"api_key": "sk_test_x", "url": "http://a:99999/", "secret": "x"}'),
        ("/endpoints", '{"api_key": "sk_test_x", "url": "http://a/\\r\\nX: 1", "secret": "x"}'),
        ("/endpoints", '{"api_key": "sk_test_x", "url": "http://a/", "secret": "\\ud800"}'),
        ("/endpoints", '{"api_key": "sk_test_x", "url": "http://a/", "secret": "x", "events": "*"}'),
        ("/webhooks", '{"mode": "\\ud800"}'),
        ("/reset", "[]"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_and_does_nothing(
    own_shop: OwnShop, path: str, body: str
) -> None:
    shop = own_shop()
    session = shop.session()

    answer = requests.post(f"{shop.sandbox.url}/_sandbox{path}", data=body, timeout=5)

    assert answer.status_code in (400, 404)
    assert answer.json()["error"]
    overview = shop.get_control("")
    assert (overview["clock_ahead"], overview["faults"], overview["webhooks"]["mode"]) == (0, [], "normal")
    assert shop.again(session).status == "open"


def test_resets_in_the_middle_of_creates_leave_nothing_half_done(own_shop: OwnShop) -> None:
    shop = own_shop()
    failures: list[Exception] = []
    is_over = threading.Event()

    def create() -> None:
        while not is_over.is_set():
            try:
                shop.sandbox.pay(shop.session().id)
            except LookupError:
                pass  # it was forgotten between the two
            except (stripe.StripeError, sqlite3.Error, RuntimeError) as failure:
                failures.append(failure)

    creators = [threading.Thread(target=create) for _ in range(6)]
    for creator in creators:
        creator.start()
    for _ in range(15):
        time.sleep(0.02)
        shop.sandbox.reset()
    is_over.set()
    for creator in creators:
        creator.join()

    assert failures == []
    last = shop.session(700)
    shop.sandbox.pay(last.id)
    (account,) = shop.sandbox.ledger().values()
    assert last.id in [charge["session"] for charge in account["charges"]]
    sessions = shop.client.v1.checkout.sessions.list({"limit": 100}).data
    assert {charge["session"] for charge in account["charges"]} <= {session.id for session in sessions}


def test_an_id_cannot_climb_to_another_path(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.products.retrieve("../charges")

    assert refusal.value.http_status == 404


def test_an_idempotency_key_of_any_bytes_is_kept_and_repeated(shop: Shop) -> None:
    headers: dict[str, Any] = {"Idempotency-Key": "clé-£"}

    first, again = (post(shop, "/v1/products", "name=A", **headers) for _ in range(2))

    assert first.status_code == 200
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
