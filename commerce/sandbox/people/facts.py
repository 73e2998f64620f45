"""What the page shows, read from the state."""

import json
from dataclasses import dataclass
from itertools import islice
from typing import Any

from commerce.sandbox.backend import Backend
from commerce.sandbox.store import Stored

SHOWN = 50
"""How many rows of a kind a page shows; the rest is there by the API."""


@dataclass(frozen=True)
class AccountFacts:
    id: str
    secret_key: str
    counts: dict[str, int]


def accounts(backend: Backend) -> list[AccountFacts]:
    """Every account with the number of its objects by kind, in the order of their first use."""
    counts: dict[str, dict[str, int]] = {}
    for row in backend.store.rows("SELECT account, kind, count(*) AS n FROM object GROUP BY account, kind"):
        counts.setdefault(row["account"], {})[row["kind"]] = row["n"]
    rows = backend.store.rows("SELECT id, secret_key FROM account ORDER BY rowid")
    return [AccountFacts(row["id"], row["secret_key"], counts.get(row["id"], {})) for row in rows]


def account(backend: Backend, account_id: str) -> AccountFacts:
    """Raises LookupError for an unknown account."""
    for found in accounts(backend):
        if found.id == account_id:
            return found
    raise LookupError(f"no account {account_id}")


def newest(backend: Backend, account_id: str, kind: str) -> list[Stored]:
    return list(islice(backend.account(account_id).newest_first(kind), SHOWN))


def endpoints(backend: Backend, account_id: str) -> list[dict[str, Any]]:
    """`url` and `events` of the account's endpoints; their secrets are nobody's business."""
    rows = backend.store.rows("SELECT url, events FROM endpoint WHERE account = ? ORDER BY rowid", account_id)
    return [{"url": row["url"], "events": json.loads(row["events"])} for row in rows]


@dataclass(frozen=True)
class Sum:
    currency: str
    taken: int
    refunded: int


def sums(backend: Backend, account: AccountFacts) -> list[Sum]:
    """What the account took and gave back, by currency."""
    book = backend.ledger(account.secret_key)[account.id]
    taken = [charge for charge in book["charges"] if charge["status"] == "succeeded"]
    currencies = sorted({str(charge["currency"]) for charge in taken})
    return [
        Sum(currency, _sum_of(taken, currency), _sum_of(book["refunds"], currency)) for currency in currencies
    ]


def _sum_of(entries: list[dict[str, Any]], currency: str) -> int:
    return sum(entry["amount"] for entry in entries if entry["currency"] == currency)


@dataclass(frozen=True)
class Event:
    number: int
    account: str
    body: dict[str, Any]
    deliveries: list[dict[str, Any]]


def events(
    backend: Backend, *, account: str = "", type: str = "", about: str = "", before: int | None = None
) -> tuple[list[Event], int | None]:
    """A page of events, newest first, and where the next page begins, if there is one.

    `type` is a pattern such as `charge.*`, `about` the id of an object, `before` where this page begins.
    """
    rows = backend.store.rows(
        "SELECT number, account, body FROM object WHERE kind = 'event' AND number < ? AND account GLOB ? "
        "AND json_extract(body, '$.type') GLOB ? "
        "AND (? = '' OR json_extract(body, '$.data.object.id') = ?) ORDER BY number DESC LIMIT ?",
        2**62 if before is None else before, account or "*", type or "*", about, about, SHOWN + 1,
    )  # fmt: skip
    found = [_event(backend, row) for row in rows[:SHOWN]]
    return found, found[-1].number if len(rows) > SHOWN else None


def event(backend: Backend, event_id: str) -> Event:
    """Raises LookupError for an unknown event."""
    row = backend.store.row(
        "SELECT number, account, body FROM object WHERE kind = 'event' AND id = ?", event_id
    )
    if row is None:
        raise LookupError(f"no event {event_id}")
    return _event(backend, row)


def _event(backend: Backend, row: Any) -> Event:
    body = json.loads(row["body"])
    return Event(row["number"], row["account"], body, backend.outbox.deliveries(body["id"]))


def waiting(backend: Backend) -> int:
    """How many deliveries are held or kept."""
    row = backend.store.row("SELECT count(*) AS n FROM delivery WHERE state IN ('held', 'kept')")
    return int(row["n"]) if row else 0
