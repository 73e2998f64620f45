"""The routes of Stripe.js: its script, the Payment Element's frame, and the bank's 3-D Secure question."""

import hmac
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from commerce.sandbox.accounts import Account
from commerce.sandbox.backend import Backend
from commerce.sandbox.currencies import shown
from commerce.sandbox.hosted import markup
from commerce.sandbox.hosted.policy import page_headers
from commerce.sandbox.http_messages import Request, Response
from commerce.sandbox.resources import payments
from commerce.sandbox.store import Stored

_FOLDER = Path(__file__).parent
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
_ASSETS = {
    f"/endive/{path.stem if path.suffix == '.html' else path.name}": (path, path.read_bytes())
    for path in sorted(_FOLDER.iterdir())
    if path.suffix in _TYPES
}
_QUESTION = re.compile(r"/authenticate/(?P<intent>pi_\w+)/(?P<token>\w+)(?P<frame>/frame)?\Z")
_REDIRECT_STATUS = {"succeeded": "succeeded", "processing": "pending"}


class StripeJs:
    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def answer(self, request: Request) -> Response:
        if request.verb == "GET" and request.path in _ASSETS:
            return _asset(*_ASSETS[request.path])
        matched = _QUESTION.match(request.path)
        if matched is None or request.verb not in ("GET", "POST"):
            return _not_found()
        self._backend.run_timers()
        with self._backend.store.transaction():
            found = self._asked(matched["intent"], matched["token"])
            if found is None:
                return _not_found()
            account, intent = found
            is_asked = intent.body["status"] == "requires_action"
            if request.verb == "POST" and is_asked:
                is_authenticated = request.form().get("answer") == "complete"
                payments.answer(account, intent, is_authenticated=is_authenticated)
            elif is_asked:
                return _question(intent, request.path, in_frame=bool(matched["frame"]))
            return _answered_in_frame() if matched["frame"] else _answered(intent)

    def _asked(self, intent_id: str, token: str) -> tuple[Account, Stored] | None:
        """The intent whose confirmation made this address, which is as hard to guess as its token."""
        account = self._backend.account_of_object(intent_id)
        intent = account.find("payment_intent", intent_id) if account else None
        if account is None or intent is None or "challenge" not in intent.private:
            return None
        is_right = hmac.compare_digest(intent.private["challenge"]["token"].encode(), token.encode())
        return (account, intent) if is_right else None


def _asset(path: Path, body: bytes) -> Response:
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": "max-age=60",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if path.suffix == ".html":
        headers |= page_headers(in_frame=True)
    return Response(200, body, f"{_TYPES[path.suffix]}; charset=utf-8", headers)


def _question(intent: Stored, path: str, *, in_frame: bool) -> Response:
    return_url = intent.private["challenge"]["return_url"]
    page = markup.challenge_page(
        amount=shown(intent.body["amount"], intent.body["currency"]),
        shop=urlsplit(return_url or "").netloc or "the shop",
        action=path,
        token=intent.private["challenge"]["token"],
        script="/endive/challenge.js" if in_frame else "",
    )
    return _html(page, page_headers(leads_to=return_url, in_frame=in_frame))


def _answered(intent: Stored) -> Response:
    """Back to where the shop wanted its customer, with what Stripe adds to the address."""
    return_url = intent.private["challenge"]["return_url"]
    if return_url is None:
        page = markup.plain_page(title="Thank you", text="You can close this page and go back to the shop.")
        return _html(page, page_headers())
    parts = urlsplit(return_url)
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        ("payment_intent", intent.id),
        ("payment_intent_client_secret", intent.body["client_secret"]),
        ("redirect_status", _REDIRECT_STATUS.get(intent.body["status"], "failed")),
    ]
    address = urlunsplit(parts._replace(query=urlencode(query)))
    return Response(303, headers=page_headers(leads_to=return_url) | {"Location": address})


def _answered_in_frame() -> Response:
    page = markup.plain_page(
        title="Thank you", text="Back to the shop in a moment.", script="/endive/answered.js"
    )
    return _html(page, page_headers(in_frame=True))


def _not_found() -> Response:
    page = markup.plain_page(
        title="There is nothing here", text="The address is wrong, or the sandbox was reset."
    )
    return _html(page, page_headers(), status=404)


def _html(page: bytes, headers: dict[str, str], *, status: int = 200) -> Response:
    return Response(status, page, "text/html; charset=utf-8", headers)
