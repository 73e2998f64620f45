"""Events and where they go: which endpoints hear of them, and whether their delivery is tampered with."""

import json
import random
import sqlite3
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import stripe

from commerce.sandbox.accounts import Account, register
from commerce.sandbox.checks import Checks
from commerce.sandbox.courier import Courier
from commerce.sandbox.identifiers import account_id, new_id
from commerce.sandbox.keys import require_test_key
from commerce.sandbox.store import Store, Stored
from commerce.sandbox.tampering import MODES, Tampering

# Not a secret: what forged events are signed with.
_NOBODYS_SECRET = "whsec_forged_by_the_sandbox"  # noqa: S105

_STATES = {"hold": "held", "reorder": "kept", "drop": "dropped"}
"""The state in which deliveries begin that are not sent at once, by mode."""
_WAITING = ("held", "kept")


@dataclass(frozen=True)
class WebhookEndpoint:
    """Where the events of one account go. `events` are type patterns such as `checkout.session.*`."""

    api_key: str
    url: str
    secret: str
    events: tuple[str, ...] = ("*",)


class Outbox:
    """`Sandbox.webhooks`: the events of all accounts, and the delivery of each to each of its endpoints."""

    def __init__(self, store: Store, courier: Courier, checks: Checks) -> None:
        self._store = store
        self._courier = courier
        self._checks = checks
        self._shuffler = random.Random()  # noqa: S311 - of an order, nothing secret
        self.tampering = Tampering()
        courier.sign_by(self._signing)

    @property
    def mode(self) -> str:
        return self.tampering.mode

    def register(self, endpoint: WebhookEndpoint) -> str:
        """Add an endpoint and say its id; the same account and URL again replaces secret and events.

        Raises ValueError for a live key or an address that is not http(s).
        """
        require_test_key(endpoint.api_key)
        if not _is_address(endpoint.url):
            raise ValueError(f"a webhook endpoint is an http(s) URL, not {endpoint.url!r}")
        if not endpoint.secret:
            raise ValueError("a webhook endpoint needs a signing secret, such as whsec_demo")
        with self._store.transaction():
            account = register(self._store, endpoint.api_key)
            self._store.execute(
                "INSERT INTO endpoint VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, url) DO UPDATE "
                "SET secret = excluded.secret, events = excluded.events",
                new_id("webhook_endpoint"),
                account,
                endpoint.url,
                endpoint.secret,
                json.dumps(endpoint.events),
            )
            row = self._store.row(
                "SELECT id FROM endpoint WHERE account = ? AND url = ?", account, endpoint.url
            )
        return str(row["id"]) if row else ""

    def declare(self, endpoints: list[WebhookEndpoint]) -> None:
        """Register endpoints as all that their accounts have; others of a kept state are dropped."""
        with self._store.transaction():
            kept = {self.register(endpoint) for endpoint in endpoints}
            for account in {account_id(endpoint.api_key) for endpoint in endpoints}:
                for row in self._store.rows("SELECT id FROM endpoint WHERE account = ?", account):
                    if row["id"] not in kept:
                        self._store.execute("DELETE FROM delivery WHERE endpoint_id = ?", row["id"])
                        self._store.execute("DELETE FROM endpoint WHERE id = ?", row["id"])

    def set_mode(self, mode: str, types: list[str] | None = None, **how: Any) -> None:
        """What becomes of events from now on whose type fits one of the patterns (all, if none is given).

        `how` are the other fields of Tampering: `seconds`, `count`, `order`. Raises ValueError for what
        cannot be. What `reorder` still keeps when it ends is held until it is released.
        """
        if types is not None and not isinstance(types, (list, tuple)):
            raise ValueError("the types of a webhook mode are a list of patterns such as checkout.session.*")
        try:
            self.tampering = Tampering(mode, tuple(types or ("*",)), **how)
        except TypeError as problem:
            raise ValueError(f"a webhook mode has types, seconds, count and order: {problem}") from problem

    def _signing(self, event_type: str) -> tuple[str | None, int]:
        """With which secret other than its endpoint's an event is signed now, and how many seconds ago."""
        mode = self.tampering.of(event_type)
        secret = _NOBODYS_SECRET if mode == "forge" else None
        return secret, int(self.tampering.pause) if mode == "age" else 0

    def emit(
        self,
        account: Account,
        event_type: str,
        body: dict[str, Any],
        *,
        previous: dict[str, Any] | None = None,
    ) -> None:
        changed = {} if previous is None else {"previous_attributes": previous}
        event = {
            "id": new_id("event"),
            "object": "event",
            "api_version": stripe.api_version,
            "created": account.clock.now(),
            "data": {"object": body, **changed},
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": account.cause.request_id, "idempotency_key": account.cause.idempotency_key},
            "type": event_type,
        }
        endpoints = self._listening(account.id, event_type)
        event["pending_webhooks"] = len(endpoints)
        self._checks.require_valid_object(body)
        self._checks.require_valid_object(event)
        account.add(event)
        mode = self.tampering.of(event_type)
        for endpoint_id in endpoints:
            number = self._add_delivery(
                account.id, str(event["id"]), endpoint_id, _STATES.get(mode, "pending")
            )
            if mode == "reorder":
                self._send_reordered_if_enough()
            elif mode not in _STATES:
                after = self.tampering.pause if mode == "delay" else 0.0
                self._send_after_commit(number, after=after, twice=mode == "double")

    def _send_reordered_if_enough(self) -> None:
        rows = self._store.rows("SELECT number FROM delivery WHERE state = 'kept' ORDER BY number")
        if len(rows) < self.tampering.count:
            return
        numbers = [row["number"] for row in rows][::-1]
        if self.tampering.order == "shuffle":
            self._shuffler.shuffle(numbers)
        self._store.execute("UPDATE delivery SET state = 'pending' WHERE state = 'kept'")
        self._store.after_commit(lambda: self._courier.post_in_turn(numbers))

    def _listening(self, account: str, event_type: str) -> list[str]:
        rows = self._store.rows("SELECT id, events FROM endpoint WHERE account = ? ORDER BY rowid", account)
        return [row["id"] for row in rows if _fits(event_type, json.loads(row["events"]))]

    def _add_delivery(self, account: str, event_id: str, endpoint_id: str, state: str) -> int:
        return self._store.insert(
            "INSERT INTO delivery (account, event_id, endpoint_id, state, attempts) "
            "VALUES (?, ?, ?, ?, '[]')",
            account, event_id, endpoint_id, state,
        )  # fmt: skip

    def _send_after_commit(self, number: int, *, after: float = 0.0, twice: bool = False) -> None:
        self._store.after_commit(lambda: self._courier.post(number, after=after))
        if twice:
            self._store.after_commit(lambda: self._courier.post(number, even_if_delivered=True))

    def resume(self) -> None:
        """Take up the deliveries that a restart interrupted."""
        for row in self._store.rows("SELECT number FROM delivery WHERE state = 'pending' ORDER BY number"):
            self._courier.post(row["number"])

    def deliver(
        self, event_id: str, *, secret: str | None = None, age_seconds: int = 0
    ) -> list[dict[str, Any]]:
        """Send an event now and wait: one `{endpoint, url, at, status, error}` for each endpoint.

        `secret` signs with another secret, `age_seconds` dates the signature back. Raises LookupError for an
        unknown event.
        """
        account = self._store.account_of(event_id)
        event = self._store.find(account, event_id) if account else None
        if account is None or event is None or event.body["object"] != "event":
            raise LookupError(f"no event {event_id}")
        with self._store.transaction():
            numbers = self._numbers(account, event)
        results = []
        for number in numbers:
            parcel = self._courier.parcel(number)
            attempt = self._courier.carry(number, secret=secret, age_seconds=age_seconds)
            results.append({"endpoint": parcel.endpoint_id, "url": parcel.url} | attempt)
        return results

    def _numbers(self, account: str, event: Stored) -> list[int]:
        """A delivery of the event for each endpoint that listens now."""
        numbers = []
        for endpoint_id in self._listening(account, event.body["type"]):
            row = self._store.row(
                "SELECT number FROM delivery WHERE event_id = ? AND endpoint_id = ?", event.id, endpoint_id
            )
            numbers.append(
                row["number"] if row else self._add_delivery(account, event.id, endpoint_id, "held")
            )
        return numbers

    def release(self) -> int:
        """Send what is held, in the usual way, and say how many deliveries that are."""
        with self._store.transaction():
            rows = self._store.rows(
                "SELECT number FROM delivery WHERE state IN ('held', 'kept') ORDER BY number"
            )
            for row in rows:
                self._store.execute("UPDATE delivery SET state = 'pending' WHERE number = ?", row["number"])
                self._send_after_commit(row["number"])
        return len(rows)

    def held(self) -> list[dict[str, Any]]:
        """The events of which a delivery is held, oldest first."""
        return [event for event in self.events() if any(d["state"] in _WAITING for d in event["deliveries"])]

    def events(self, *, api_key: str | None = None, type: str | None = None) -> list[dict[str, Any]]:
        """Events, oldest first, each `{id, account, type, created, object, deliveries}`.

        `object` is the id of what the event is about; a delivery is `{endpoint, url, state, attempts}`, its
        state pending, delivered, failed, held, kept (until there are enough to reorder) or dropped, and each
        attempt `{at, status, error}`.
        """
        rows = self._store.rows("SELECT account, body FROM object WHERE kind = 'event' ORDER BY number")
        found = []
        for row in rows:
            event = json.loads(row["body"])
            if api_key is not None and row["account"] != account_id(api_key):
                continue
            if type is not None and not fnmatchcase(event["type"], type):
                continue
            found.append(
                {
                    "id": event["id"],
                    "account": row["account"],
                    "type": event["type"],
                    "created": event["created"],
                    "object": event["data"]["object"]["id"],
                    "deliveries": self.deliveries(event["id"]),
                }
            )
        return found

    def count(self) -> int:
        """How many events there are, of all accounts."""
        row = self._store.row("SELECT count(*) AS n FROM object WHERE kind = 'event'")
        return int(row["n"]) if row else 0

    def deliveries(self, event_id: str) -> list[dict[str, Any]]:
        rows = self._store.rows(
            "SELECT d.state, d.attempts, e.id, e.url FROM delivery d JOIN endpoint e ON e.id = d.endpoint_id "
            "WHERE d.event_id = ? ORDER BY d.number",
            event_id,
        )
        return [
            {
                "endpoint": row["id"],
                "url": row["url"],
                "state": row["state"],
                "attempts": json.loads(row["attempts"]),
            }
            for row in rows
        ]

    def pending_webhooks(self, account: str, event_id: str) -> int:
        row = self._store.row(
            "SELECT count(*) AS n FROM delivery WHERE account = ? AND event_id = ? AND state != 'delivered'",
            account, event_id,
        )  # fmt: skip
        return int(row["n"]) if row else 0

    def is_delivered(self, account: str, event_id: str) -> bool:
        return self.pending_webhooks(account, event_id) == 0

    def wait_until_quiet(self, timeout: float = 10) -> bool:
        """Wait until no delivery is on its way or due to be repeated; False if that took too long."""
        return self._courier.wait_until_quiet(timeout)

    def restore(self, rows: list[sqlite3.Row]) -> None:
        """Register endpoints again from `secret_key`, `url`, `secret` and `events`."""
        for row in rows:
            self.register(
                WebhookEndpoint(
                    row["secret_key"], row["url"], row["secret"], tuple(json.loads(row["events"]))
                )
            )

    def reset(self) -> None:
        self.set_mode("normal")


def _is_address(url: str) -> bool:
    """Whether a request can be sent there: an address with a host, and nothing that breaks a request line."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_whole and url.isascii() and url.isprintable() and " " not in url


def _fits(event_type: str, patterns: tuple[str, ...] | list[str]) -> bool:
    return any(fnmatchcase(event_type, pattern) for pattern in patterns)


__all__ = ["MODES", "Outbox", "WebhookEndpoint"]
