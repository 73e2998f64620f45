"""The control API under /_sandbox: what a test does to the sandbox itself. JSON both ways."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from commerce.sandbox import refusals
from commerce.sandbox.backend import Backend
from commerce.sandbox.http_messages import Request, Response, as_json
from commerce.sandbox.keys import require_test_key
from commerce.sandbox.outbox import WebhookEndpoint
from commerce.sandbox.paying import NotAwaited
from commerce.sandbox.resources import refunds

Wishes = dict[str, Any]


class Control:
    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._routes: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", r"/_sandbox/?", self._overview),
            ("GET", r"/_sandbox/events", self._events),
            ("POST", r"/_sandbox/events/(?P<event_id>evt_\w+)/deliver", self._deliver),
            ("POST", r"/_sandbox/webhooks", self._set_mode),
            ("POST", r"/_sandbox/webhooks/release", self._release),
            ("POST", r"/_sandbox/endpoints", self._register),
            ("POST", r"/_sandbox/clock", self._advance),
            ("POST", r"/_sandbox/faults", self._add_fault),
            ("GET", r"/_sandbox/ledger", self._ledger),
            ("POST", r"/_sandbox/sessions/(?P<payment_id>cs_\w+)/settle", self._settle),
            ("POST", r"/_sandbox/payment_intents/(?P<payment_id>pi_\w+)/settle", self._settle),
            ("POST", r"/_sandbox/refunds", self._refund),
            ("POST", r"/_sandbox/reset", self._reset),
        ]

    def answer(self, request: Request) -> Response:
        """200 with what the call says, 400 for wishes it cannot fulfil, 404 for what is not there."""
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            return as_json({"error": "the control API does not answer to pages of other sites"}, status=403)
        for verb, pattern, act in self._routes:
            matched = re.fullmatch(pattern, request.path)
            if verb == request.verb and matched:
                return self._act(act, request, matched.groupdict())
        served = [f"{verb} {pattern}" for verb, pattern, _ in self._routes]
        return as_json({"error": f"no {request.verb} {request.path}", "served": served}, status=404)

    def _act(self, act: Callable[..., Any], request: Request, names: dict[str, str]) -> Response:
        try:
            return as_json(act(_wishes_of(request), **names))
        except LookupError as problem:
            return as_json({"error": f"not found: {problem}"}, status=404)
        except (ValueError, TypeError, NotAwaited) as problem:
            return as_json({"error": str(problem)}, status=400)
        except refusals.Refusal as refusal:
            return as_json(refusal.body(), status=refusal.status)

    def _overview(self, wishes: Wishes) -> Wishes:
        backend = self._backend
        return {
            "now": backend.clock.now(),
            "clock_ahead": backend.clock.ahead,
            "webhooks": vars(backend.outbox.tampering),
            "faults": [vars(fault) for fault in backend.faults.due],
            "schema_violations": backend.checks.found,
            "events": len(backend.outbox.events()),
        }

    def _events(self, wishes: Wishes) -> Wishes:
        events = self._backend.outbox.events(api_key=wishes.get("api_key"), type=wishes.get("type"))
        return {"events": events}

    def _deliver(self, wishes: Wishes, event_id: str) -> Wishes:
        age = int(wishes.get("age_seconds", 0))
        return {
            "deliveries": self._backend.outbox.deliver(event_id, secret=wishes.get("secret"), age_seconds=age)
        }

    def _set_mode(self, wishes: Wishes) -> Wishes:
        _required(wishes, "mode")
        self._backend.outbox.set_mode(**wishes)
        return vars(self._backend.outbox.tampering)

    def _release(self, wishes: Wishes) -> Wishes:
        return {"released": self._backend.outbox.release()}

    def _register(self, wishes: Wishes) -> Wishes:
        endpoint = WebhookEndpoint(
            api_key=_required(wishes, "api_key"),
            url=_required(wishes, "url"),
            secret=_required(wishes, "secret"),
            events=tuple(wishes.get("events") or ("*",)),
        )
        return {"id": self._backend.outbox.register(endpoint), "url": endpoint.url}

    def _advance(self, wishes: Wishes) -> Wishes:
        return {"now": self._backend.advance_clock(int(_required(wishes, "advance")))}

    def _add_fault(self, wishes: Wishes) -> Wishes:
        self._backend.faults.add(**wishes)
        return {"faults": [vars(fault) for fault in self._backend.faults.due]}

    def _ledger(self, wishes: Wishes) -> Wishes:
        return {"accounts": self._backend.ledger(wishes.get("api_key"))}

    def _settle(self, wishes: Wishes, payment_id: str) -> Wishes:
        outcome = wishes.get("outcome", "succeeded")
        if outcome not in ("succeeded", "failed"):
            raise ValueError(f"a bank debit has succeeded or failed, not {outcome!r}")
        self._backend.settle(payment_id, succeeds=outcome == "succeeded")
        kind = "session" if payment_id.startswith("cs_") else "payment_intent"
        return {kind: payment_id, "outcome": outcome}

    def _refund(self, wishes: Wishes) -> Wishes:
        """A refund as if made by hand in Stripe's dashboard."""
        named = {name: wishes[name] for name in ("charge", "payment_intent") if name in wishes}
        account = self._backend.account_of_object(next(iter(named.values()), ""))
        if account is None:
            raise LookupError("a refund needs the id of a charge or a payment_intent that exists")
        amount = {"amount": int(wishes["amount"])} if "amount" in wishes else {}
        with self._backend.store.transaction():
            return refunds.create(account, params=named | amount)

    def _reset(self, wishes: Wishes) -> Wishes:
        self._backend.reset()
        return {"reset": True}


def _wishes_of(request: Request) -> Wishes:
    if request.verb == "GET":
        return {name: values[-1] for name, values in parse_qs(request.query).items()}
    if not request.body:
        return {}
    try:
        wishes = json.loads(request.body)
    except ValueError as problem:
        raise ValueError(f"the control API takes JSON: {problem}") from problem
    if not isinstance(wishes, dict):
        raise ValueError("the control API takes a JSON object")
    if "api_key" in wishes:
        require_test_key(wishes["api_key"])
    return wishes


def _required(wishes: Wishes, name: str) -> Any:
    if name not in wishes:
        raise ValueError(f"the JSON body needs {name!r}")
    return wishes[name]
