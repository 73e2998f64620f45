"""The routes of the page for people: everything to see by GET, everything to do by a form."""

import hmac
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from commerce.sandbox import refusals
from commerce.sandbox.backend import Backend
from commerce.sandbox.hosted.policy import page_headers
from commerce.sandbox.http_messages import Request, Response
from commerce.sandbox.identifiers import random_text
from commerce.sandbox.origins import is_sent_from_elsewhere
from commerce.sandbox.outbox import WebhookEndpoint
from commerce.sandbox.people import account, events, facts, markup, overview
from commerce.sandbox.people.markup import Frame
from commerce.sandbox.resources.payments import NotAwaited

PREFIX = "/_sandbox/page/"
_STYLESHEET = Path(__file__).with_name("people.css").read_bytes()
_DONE = {
    "clock": "The clock was moved on.",
    "webhooks": "The webhook mode was set.",
    "release": "What was waiting is on its way.",
    "faults": "The fault is due.",
    "clear-faults": "No fault is due any more.",
    "settle": "The bank has spoken.",
    "refund": "The money was given back.",
    "deliver": "The event was sent; its attempts say how it was answered.",
    "endpoints": "The endpoint hears of what happens from now on.",
    "reset": "Everything was forgotten.",
}

_NARROWING: tuple[str, ...] = ("account", "type")

Form = dict[str, str]


class CannotBeDone(ValueError):
    """What was typed cannot be done; the message says why."""


class PeoplesPages:
    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        # Of this process: a form sent from anywhere but a page of this sandbox does nothing.
        self._token = random_text(32)
        self._deeds: dict[str, Callable[[Form], None]] = {
            "clock": self._advance,
            "webhooks": self._set_mode,
            "release": lambda form: _ignore(backend.outbox.release()),
            "faults": self._add_fault,
            "clear-faults": lambda form: backend.faults.clear(),
            "settle": self._settle,
            "refund": self._refund,
            "deliver": self._deliver,
            "endpoints": self._register,
            "reset": lambda form: backend.reset(),
        }

    def answer(self, request: Request) -> Response:
        """Answer `/_sandbox/` and what is below `PREFIX`."""
        if request.path == markup.STYLESHEET:
            return Response(200, _STYLESHEET, "text/css; charset=utf-8", {"Cache-Control": "max-age=300"})
        if request.verb == "GET":
            self._backend.run_timers()
            here = request.path + (f"?{request.query}" if request.query else "")
            return self._show(here, status=200)
        if request.verb == "POST" and request.path.startswith(f"{PREFIX}do/"):
            return self._do(request, request.path.removeprefix(f"{PREFIX}do/"))
        return self._nothing(PREFIX)

    # To see

    def _show(self, here: str, *, status: int, problem: str = "") -> Response:
        """The page at an address of our own; `done` in its query says what was done before."""
        parts = urlsplit(here)
        asked = {name: value for name, value in parse_qsl(parts.query) if value}
        done = _DONE.get(asked.pop("done", ""), "")
        plain = parts.path + (f"?{urlencode(asked)}" if asked else "")
        frame = self._frame(plain, done=done, problem=problem)
        try:
            page = self._page(frame, parts.path, asked)
        except LookupError:
            return self._nothing(plain)
        return _html(page, status=status)

    def _frame(self, here: str, *, done: str = "", problem: str = "") -> Frame:
        return Frame(
            token=self._token,
            here=here,
            violations=list(self._backend.checks.found),
            done=done,
            problem=problem,
        )

    def _page(self, frame: Frame, path: str, asked: dict[str, str]) -> bytes:
        if path in ("/_sandbox", "/_sandbox/"):
            return self._overview(frame)
        if path == markup.EVENTS:
            return self._events(frame, asked)
        if found := re.fullmatch(rf"{PREFIX}accounts/(acct_\w+)", path):
            return self._account(frame, found[1])
        if found := re.fullmatch(rf"{markup.EVENTS}/(evt_\w+)", path):
            return events.event_page(frame, facts.event(self._backend, found[1]))
        if found := re.fullmatch(rf"{PREFIX}objects/(acct_\w+)/([^/]+)", path):
            return self._object(frame, found[1], unquote(found[2]))
        raise LookupError(f"no page {path}")

    def _overview(self, frame: Frame) -> bytes:
        backend = self._backend
        return overview.overview(
            frame,
            now=backend.clock.now(),
            ahead=backend.clock.ahead,
            accounts=facts.accounts(backend),
            tampering=backend.outbox.tampering,
            waiting=facts.waiting(backend),
            faults=list(backend.faults.due),
            base_url=backend.base_url,
        )

    def _account(self, frame: Frame, account_id: str) -> bytes:
        owner = facts.account(self._backend, account_id)
        return account.account_page(
            frame,
            owner,
            sums=facts.sums(self._backend, owner),
            sessions=facts.newest(self._backend, account_id, "checkout.session"),
            intents=facts.newest(self._backend, account_id, "payment_intent"),
            charges=facts.newest(self._backend, account_id, "charge"),
            refunds=facts.newest(self._backend, account_id, "refund"),
            endpoints=facts.endpoints(self._backend, account_id),
        )

    def _events(self, frame: Frame, asked: dict[str, str]) -> bytes:
        before = asked.get("before", "")
        begins = int(before) if re.fullmatch(r"\d{1,18}", before, re.ASCII) else None
        narrowed: dict[str, str] = {name: asked[name] for name in _NARROWING if name in asked}
        found, older = facts.events(
            self._backend, account=asked.get("account", ""), type=asked.get("type", ""), before=begins
        )
        return events.events_page(
            frame, events=found, accounts=facts.accounts(self._backend), asked=narrowed, older=older
        )

    def _object(self, frame: Frame, account_id: str, object_id: str) -> bytes:
        owner = facts.account(self._backend, account_id)
        stored = self._backend.store.find(account_id, object_id)
        if stored is None:
            raise LookupError(f"no object {object_id}")
        about, _ = facts.events(self._backend, account=account_id, about=object_id)
        return events.object_page(frame, account=owner, stored=stored, events=about)

    def _nothing(self, here: str) -> Response:
        page = markup.nothing_page(
            self._frame(here),
            title="There is nothing here",
            text="The address is wrong, or the sandbox was reset.",
        )
        return _html(page, status=404)

    # To do

    def _do(self, request: Request, deed: str) -> Response:
        form = request.form()
        sent = form.get("token", "").encode()
        if is_sent_from_elsewhere(request) or not hmac.compare_digest(sent, self._token.encode()):
            page = markup.nothing_page(
                self._frame(markup.HOME),
                title="This form was not sent from its page",
                text="Nothing was done. Open the page again and send the form from there.",
            )
            return _html(page, status=403)
        act = self._deeds.get(deed)
        if act is None:
            return self._nothing(markup.HOME)
        back = form.get("back", "")
        back = back if _is_ours(back) and deed != "reset" else markup.HOME
        try:
            act(form)
        except (ValueError, LookupError, NotAwaited, refusals.Refusal) as problem:
            return self._show(back, status=422, problem=f"That was not done: {problem}.".replace("..", "."))
        return Response(303, headers=_headers() | {"Location": _with_done(back, deed)})

    def _advance(self, form: Form) -> None:
        self._backend.advance_clock(_whole(form, "number") * _whole(form, "unit"))

    def _set_mode(self, form: Form) -> None:
        seconds = form.get("seconds", "").strip()
        self._backend.outbox.set_mode(
            form.get("mode", ""),
            form.get("types", "").split() or None,
            seconds=_number(form, "seconds") if seconds else None,
            count=_whole(form, "count"),
            order=form.get("order", ""),
        )

    def _add_fault(self, form: Form) -> None:
        self._backend.faults.add(
            kind=form.get("kind", ""),
            path=form.get("path", "").strip() or "*",
            verb=form.get("verb", "*"),
            when=form.get("when", "before"),
            times=_whole(form, "times"),
            seconds=_number(form, "seconds"),
        )

    def _settle(self, form: Form) -> None:
        if form.get("outcome") not in ("succeeded", "failed"):
            raise CannotBeDone("a debit arrives or fails")
        self._backend.settle(form.get("payment", ""), succeeds=form["outcome"] == "succeeded")

    def _refund(self, form: Form) -> None:
        amount = _whole(form, "amount") if form.get("amount", "").strip() else None
        self._backend.refund_by_hand({"charge": form.get("charge", "")}, amount=amount)

    def _deliver(self, form: Form) -> None:
        signature = form.get("signature", "right")
        self._backend.outbox.deliver(
            form.get("event", ""),
            secret="whsec_wrong" if signature == "forged" else None,
            age_seconds=600 if signature == "aged" else 0,
        )

    def _register(self, form: Form) -> None:
        self._backend.outbox.register(
            WebhookEndpoint(
                api_key=form.get("api_key", ""),
                url=form.get("url", "").strip(),
                secret=form.get("secret", "").strip(),
                events=tuple(form.get("events", "").split()) or ("*",),
            )
        )


def _ignore(_: object) -> None:
    """The page shows what came of it."""


def _whole(form: Form, name: str) -> int:
    typed = form.get(name, "").strip()
    if not re.fullmatch(r"\d{1,12}", typed, re.ASCII):
        raise CannotBeDone(f"the field {name} takes a whole number, not {typed[:40]!r}")
    return int(typed)


def _number(form: Form, name: str) -> float:
    typed = form.get(name, "").strip()
    if not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", typed, re.ASCII):
        raise CannotBeDone(f"the field {name} takes a number of seconds, not {typed[:40]!r}")
    return float(typed)


def _is_ours(back: str) -> bool:
    return back.partition("?")[0] == markup.HOME or back.startswith(PREFIX)


def _with_done(back: str, deed: str) -> str:
    parts = urlsplit(back)
    query = urlencode([*parse_qsl(parts.query), ("done", deed)])
    return f"{parts.path}?{query}"


def _headers() -> dict[str, str]:
    # Of a form of a page without any referrer browsers say that it comes from "null".
    return page_headers() | {"Referrer-Policy": "same-origin", "Vary": "Accept"}


def _html(page: bytes, *, status: int) -> Response:
    return Response(status, page, "text/html; charset=utf-8", _headers())


__all__ = ["PREFIX", "PeoplesPages"]
