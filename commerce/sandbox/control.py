"""The control API under /_sandbox: what a test does to the sandbox itself. JSON both ways."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from commerce.sandbox import refusals
from commerce.sandbox.backend import Backend
from commerce.sandbox.http_messages import Request, Response, as_json
from commerce.sandbox.keys import require_test_key
from commerce.sandbox.origins import is_sent_from_elsewhere
from commerce.sandbox.outbox import WebhookEndpoint
from commerce.sandbox.paying import NotAwaited

Wishes = dict[str, Any]
_GREATEST = 10**12
_REFUNDABLE: tuple[str, ...] = ("charge", "payment_intent")


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
        if is_sent_from_elsewhere(request):
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
            "events": backend.outbox.count(),
        }

    def _events(self, wishes: Wishes) -> Wishes:
        events = self._backend.outbox.events(api_key=wishes.get("api_key"), type=wishes.get("type"))
        return {"events": events}

    def _deliver(self, wishes: Wishes, event_id: str) -> Wishes:
        age = _whole(wishes.get("age_seconds", 0), "age_seconds")
        secret = _text(wishes, "secret") if "secret" in wishes else None
        return {"deliveries": self._backend.outbox.deliver(event_id, secret=secret, age_seconds=age)}

    def _set_mode(self, wishes: Wishes) -> Wishes:
        _required(wishes, "mode")
        self._backend.outbox.set_mode(**wishes)
        return vars(self._backend.outbox.tampering)

    def _release(self, wishes: Wishes) -> Wishes:
        return {"released": self._backend.outbox.release()}

    def _register(self, wishes: Wishes) -> Wishes:
        endpoint = WebhookEndpoint(
            api_key=_text(wishes, "api_key"),
            url=_text(wishes, "url"),
            secret=_text(wishes, "secret"),
            events=tuple(_texts(wishes.get("events") or ["*"], "events")),
        )
        return {"id": self._backend.outbox.register(endpoint), "url": endpoint.url}

    def _advance(self, wishes: Wishes) -> Wishes:
        return {"now": self._backend.advance_clock(_whole(_required(wishes, "advance"), "advance"))}

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
        named = {name: _text(wishes, name) for name in _REFUNDABLE if name in wishes}
        amount = _whole(wishes["amount"], "amount") if "amount" in wishes else None
        return self._backend.refund_by_hand(named, amount=amount)

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
        json.dumps(wishes, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"the control API takes JSON: {problem}") from problem
    if not isinstance(wishes, dict):
        raise ValueError("the control API takes a JSON object")
    if "api_key" in wishes:
        require_test_key(_text(wishes, "api_key"))
    return wishes


def _required(wishes: Wishes, name: str) -> Any:
    if name not in wishes:
        raise ValueError(f"the JSON body needs {name!r}")
    return wishes[name]


def _text(wishes: Wishes, name: str) -> str:
    value = _required(wishes, name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is a text, not {value!r}")
    return value


def _texts(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"{name} is a list of texts, not {value!r}")
    return value


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _GREATEST:
        raise ValueError(f"{name} is a whole number, not {value!r}")
    return value
