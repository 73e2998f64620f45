"""A shop that integrates the sandbox: its sessions, its customers' browsers, its webhook endpoint."""

import re
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import requests
import stripe

from commerce.sandbox import Sandbox, WebhookEndpoint

CARD = {
    "email": "ada@example.com",
    "number": "4242 4242 4242 4242",
    "expiry": "12/34",
    "cvc": "123",
    "name": "Ada",
}


@dataclass
class Shop:
    sandbox: Sandbox
    client: Any  # a StripeClient: untyped, because tests also send what its types forbid
    key: str

    def line(self, amount: int = 1900, currency: str = "eur", quantity: int = 1) -> dict[str, Any]:
        price = {"currency": currency, "unit_amount": amount, "product_data": {"name": "Course"}}
        return {"price_data": price, "quantity": quantity}

    def session(self, amount: int = 1900, currency: str = "eur", **wishes: Any) -> Any:
        params: dict[str, Any] = {
            "mode": "payment",
            "line_items": [self.line(amount, currency)],
            "success_url": "http://shop.test/thanks?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://shop.test/basket",
        }
        return self.client.v1.checkout.sessions.create({**params, **wishes})

    def again(self, session: Any, **options: Any) -> Any:
        return self.client.v1.checkout.sessions.retrieve(session.id, options or None)

    def token(self, session: Any) -> str:
        page = requests.get(session.url, timeout=5).text
        found = re.search(r'name="token" value="(\w+)"', page)
        assert found is not None, page
        return found[1]

    def submit(self, session: Any, *, step: str = "", **typed: str) -> requests.Response:
        """Send the form of the payment page as a browser would, without following where it leads."""
        fields = {"token": self.token(session), **(CARD if not step else {}), **typed}
        return requests.post(session.url + step, data=fields, timeout=5, allow_redirects=False)

    def post_control(self, path: str, /, **wishes: Any) -> requests.Response:
        return requests.post(self.sandbox.url + "/_sandbox" + path, json=wishes, timeout=5)

    def get_control(self, path: str) -> Any:
        return requests.get(self.sandbox.url + "/_sandbox" + path, timeout=5).json()

    def event_types(self) -> list[str]:
        return [event["type"] for event in self.sandbox.webhooks.events(api_key=self.key)]


class Listener:
    """A webhook endpoint that answers as told and keeps what it was sent."""

    def __init__(self, *answers: int, secret: str = "whsec_test", pause: float = 0.0) -> None:
        self.answers = list(answers)
        self.pause = pause
        self.secret = secret
        self.received: list[stripe.Event] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/webhook"

    def endpoint(self, key: str, *events: str) -> WebhookEndpoint:
        return WebhookEndpoint(api_key=key, url=self.url, secret=self.secret, events=events or ("*",))

    def ids(self, event_type: str) -> list[str]:
        return [event.id for event in self.received if event.type == event_type]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(listener.pause)
                self.send_response(listener.hear(body, self.headers["Stripe-Signature"]))
                self.end_headers()

            def log_message(self, *values: object) -> None:
                pass

        return Handler

    def hear(self, body: bytes, signature: str) -> int:
        try:
            event = stripe.Webhook.construct_event(body, signature, self.secret)
        except stripe.SignatureVerificationError:
            return 400
        with self._lock:
            self.received.append(event)
            return self.answers.pop(0) if self.answers else 200

    def __enter__(self) -> "Listener":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
