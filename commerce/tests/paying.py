"""What buyers and providers do, done to either gateway."""

from __future__ import annotations

import json
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request

import stripe

from commerce.gateways import Gateway, GatewayRefused, SessionState
from commerce.gateways.fake import FakeGateway

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"


class StayHere(urllib.request.HTTPRedirectHandler):
    """Tell where one is sent, and do not go: the portal is not running in these tests."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def pay_as_buyer(gateway: Gateway, state: SessionState, *, card: str = GOOD_CARD) -> str:
    """Fill in the provider's form and send it; the address one is sent on to. Raises GatewayRefused."""
    if isinstance(gateway, FakeGateway):
        gateway.pay(state.id, email="ada@example.com")
        return state.url
    return submit_card(state.url, card=card)


def submit_card(url: str, *, card: str) -> str:
    """Pay on the sandbox's page as a browser would; the address one is sent on to."""
    browser = urllib.request.build_opener(StayHere, urllib.request.HTTPCookieProcessor())
    try:
        with browser.open(url, timeout=10) as answer:
            page = answer.read().decode()
    except urllib.error.HTTPError as error:
        raise GatewayRefused(f"The page is closed: {error.code}") from error
    fields = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
    action = re.search(r'<form[^>]*action="([^"]+)"', page)
    if action is None:
        raise GatewayRefused("The page has no form: nothing to pay.")
    form = {
        **fields,
        "email": "ada@example.com",
        "number": card,
        "expiry": "12 / 34",
        "cvc": "123",
        "name": "Ada Lovelace",
    }
    try:
        with browser.open(
            urllib.parse.urljoin(url, action[1]), urllib.parse.urlencode(form).encode(), timeout=10
        ) as answer:
            raise GatewayRefused(f"Not paid: {answer.status}")
    except urllib.error.HTTPError as error:
        if error.code == 303:
            return error.headers["Location"]
        raise GatewayRefused(f"Not paid: {error.code}") from error


def signed_event(
    gateway: Gateway,
    state: SessionState,
    *,
    kind: str = "checkout.session.completed",
    event_id: str | None = "",
) -> tuple[bytes, str]:
    """Body and signature of a notification about a session, as the provider would send it now."""
    if isinstance(gateway, FakeGateway):
        return gateway.notify(state.id, kind=kind)
    event = {
        "id": f"evt_{secrets.token_hex(12)}" if event_id == "" else event_id,
        "object": "event",
        "type": kind,
        "livemode": False,
        "data": {"object": {"id": state.id, "object": "checkout.session", "metadata": dict(state.metadata)}},
    }
    body = json.dumps(event)
    header = stripe.WebhookSignature.generate_signature_header(body, gateway._webhook_secret)
    return body.encode(), header
