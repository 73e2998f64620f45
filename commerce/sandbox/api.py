"""The API under /v1: from a request to Stripe's answer, in one transaction."""

import json
import logging
import re
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import stripe

from commerce.sandbox import idempotency, publishable, refusals
from commerce.sandbox.accounts import Account, Cause, register
from commerce.sandbox.backend import Backend
from commerce.sandbox.checks import SchemaViolation
from commerce.sandbox.form_encoding import decode
from commerce.sandbox.http_messages import Request, Response
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.keys import Key, key_from
from commerce.sandbox.resources import SERVED
from commerce.sandbox.resources.expansion import expanded
from commerce.sandbox.schemas.operations import Operation, operation
from commerce.sandbox.schemas.requests import checked

log = logging.getLogger(__name__)


class Api:
    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._operations: list[Operation] | None = None

    @property
    def operations(self) -> list[Operation]:
        """The served operations, derived from the library on first use."""
        if self._operations is None:
            self._operations = [operation(name) for name in SERVED]
        return self._operations

    def answer(self, request: Request) -> Response:
        """Answer a request as Stripe would. Raises LineCut if a fault says so."""
        if request.verb == "OPTIONS":
            return Response(204, headers=dict(publishable.CORS))
        request_id = new_id("request")
        headers = {"Request-Id": request_id, "Stripe-Version": stripe.api_version}
        if not _bears_secret_key(request):
            headers |= publishable.CORS
        fault = self._backend.faults.take(verb=request.verb, path=request.path)
        try:
            status, body, more = self._answer(request, request_id, fault)
            return Response(status=status, body=body.encode(), headers=headers | more)
        except refusals.Refusal as refusal:
            return Response(refusal.status, json.dumps(refusal.body(), indent=2).encode(), headers=headers)
        except SchemaViolation as violation:
            failure = refusals.internal_error(f"The sandbox broke Stripe's schema: {violation}")
            return Response(500, json.dumps(failure.body(), indent=2).encode(), headers=headers)

    def _answer(self, request: Request, request_id: str, fault: Any) -> tuple[int, str, dict[str, str]]:
        api_key = _key_of(request)
        _check_version(request)
        _refuse_connect(request)
        faults = self._backend.faults
        key = request.headers.get("idempotency-key") if request.verb == "POST" else None
        account = self._backend.account_of_key(api_key, cause=Cause(request_id, key))
        if key is None:
            faults.strike(fault, when="before")
            status, body = self._execute(account, request, api_key, request_id)
            faults.strike(fault, when="after")
            return status, body, {}
        with self._backend.keys.held(account=account.id, key=key):
            faults.strike(fault, when="before")
            earlier = self._backend.keys.earlier_answer(
                account=account.id, key=key, fingerprint=_fingerprint(request), now=self._backend.clock.now()
            )
            if earlier is None:
                status, body = self._execute(account, request, api_key, request_id)
                more = {"Idempotency-Key": key}
            else:
                status, body = earlier.status, earlier.body
                more = {
                    "Idempotency-Key": key,
                    "Idempotent-Replayed": "true",
                    "Original-Request": earlier.request_id,
                }
            faults.strike(fault, when="after")
            return status, body, more

    def _execute(self, account: Account, request: Request, api_key: Key, request_id: str) -> tuple[int, str]:
        """Act on the request and remember the answer under its idempotency key, both or neither."""
        found, ids = self._route(request)
        sent, secret, shown = _sent(request), None, _unchanged
        if api_key.is_publishable:
            publishable.require_open(found, sent)
            secret, params = publishable.read(found, sent)
            shown = publishable.shown
        else:
            params = checked(found.params, sent)
        key = account.cause.idempotency_key
        self._backend.run_timers()
        refusal: refusals.Refusal | None = None
        with self._backend.store.transaction():
            if not api_key.is_publishable:
                # A reset may have come between: what is kept now must have an account to belong to.
                register(self._backend.store, api_key.secret)
            try:
                if secret is not None:
                    intent = account.get("payment_intent", ids["intent"], param="intent")
                    publishable.require_secret(intent, secret)
                body = SERVED[found.name](account, **ids, params=params)
                body = expanded(account, body, paths=params.get("expand") or [], shape=found.result)
                self._backend.checks.require_valid(found.result, body, what=found.name)
                status, text = 200, json.dumps(shown(body), indent=2)
            except refusals.Refusal as raised:
                raised.fields = shown(raised.body())["error"]
                if not raised.is_kept:
                    raise
                refusal, status, text = raised, raised.status, json.dumps(raised.body(), indent=2)
            if key is not None:
                self._backend.keys.remember(
                    idempotency.Answer(status, text, request_id),
                    account=account.id,
                    key=key,
                    fingerprint=_fingerprint(request),
                    now=self._backend.clock.now(),
                )
        if refusal is not None:
            raise refusal
        return status, text

    def _route(self, request: Request) -> tuple[Operation, dict[str, str]]:
        for found in self.operations:
            matched = found.pattern.match(request.path) if found.verb == request.verb else None
            if matched and "search" not in matched.groupdict().values():
                # The library writes ids into paths as forms are written.
                return found, {name: unquote_plus(text) for name, text in matched.groupdict().items()}
        raise refusals.unrecognized_url(request.verb, request.path)


def _key_of(request: Request) -> Key:
    authorization = request.headers.get("authorization")
    if authorization:
        return key_from(authorization)
    in_form = parse_qs(request.query if request.verb == "GET" else request.text).get("key", [])
    return key_from(None, in_form=in_form[-1] if in_form else None)


def _bears_secret_key(request: Request) -> bool:
    try:
        return not _key_of(request).is_publishable
    except refusals.Refusal:
        return False


def _unchanged(answer: dict[str, Any]) -> dict[str, Any]:
    return answer


def _fingerprint(request: Request) -> str:
    return idempotency.fingerprint(verb=request.verb, path=request.path, body=request.body)


def _sent(request: Request) -> dict[str, Any]:
    if request.verb != "POST":
        return decode(request.query)
    content_type = request.headers.get("content-type", "application/x-www-form-urlencoded")
    if request.body and not content_type.startswith("application/x-www-form-urlencoded"):
        raise refusals.invalid(
            "Invalid request (check that your POST content type is "
            f"application/x-www-form-urlencoded): {content_type}"
        )
    return decode(request.text)


def _refuse_connect(request: Request) -> None:
    """Acting on the key's own account instead of the one that was named would be a lie."""
    for header in ("stripe-account", "stripe-context"):
        if header in request.headers:
            raise refusals.not_served(f"Connect, which the header {header.title()} asks for")


def _check_version(request: Request) -> None:
    asked = request.headers.get("stripe-version", stripe.api_version)
    if asked != stripe.api_version:
        known = re.fullmatch(r"\d{4}-\d{2}-\d{2}(\.\w+)?", asked) is not None
        raise refusals.invalid(
            "The Stripe sandbox speaks the version of the installed library only, "
            f"{stripe.api_version}, not {asked}."
            if known
            else f"Invalid Stripe API version: {asked}",
        )
