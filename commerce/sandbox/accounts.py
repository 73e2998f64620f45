"""One Stripe account: what the holder of one secret key sees and does, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from commerce.sandbox import refusals
from commerce.sandbox.clock import Clock
from commerce.sandbox.identifiers import account_id
from commerce.sandbox.store import Store, Stored

if TYPE_CHECKING:
    from commerce.sandbox.outbox import Outbox


@dataclass(frozen=True)
class Cause:
    """The API request that made something happen; both are None for what a customer or the clock did."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Account:
    id: str
    store: Store
    clock: Clock
    outbox: Outbox
    base_url: str
    debit_delay: int
    cause: Cause = Cause()

    def add(self, body: dict[str, Any], private: dict[str, Any] | None = None) -> Stored:
        stored = Stored(body=body, private=private or {})
        self.store.add(self.id, stored)
        return stored

    def save(self, stored: Stored) -> None:
        self.store.save(self.id, stored)

    def find(self, kind: str, object_id: str) -> Stored | None:
        stored = self.store.find(self.id, object_id, kind=kind)
        return None if stored is None or "is_deleted" in stored.private else stored

    def get(self, kind: str, object_id: str, *, param: str, status: int = 404) -> Stored:
        """The object, or the refusal that names the parameter it was looked for by."""
        stored = self.find(kind, object_id)
        if stored is None:
            raise refusals.resource_missing(kind, object_id, param=param, status=status)
        return stored

    def newest_first(self, kind: str) -> Iterator[Stored]:
        return (s for s in self.store.newest_first(self.id, kind) if "is_deleted" not in s.private)

    def emit(self, event_type: str, stored: Stored, *, previous: dict[str, Any] | None = None) -> None:
        """Record an event about an object as it is now, and send it to this account's endpoints.

        `previous` are the values that an update replaced.
        """
        self.outbox.emit(self, event_type, stored.body, previous=previous)

    def save_change(self, stored: Stored, *, before: dict[str, Any], event_type: str) -> None:
        """Save an object and tell of what is different from `before`; of no difference nothing is told."""
        self.save(stored)
        previous = {name: value for name, value in before.items() if stored.body.get(name) != value}
        if previous:
            self.emit(event_type, stored, previous=previous)

    def set_timer(self, object_id: str, *, at: int) -> None:
        self.store.execute("INSERT OR REPLACE INTO timer VALUES (?, ?, ?)", self.id, object_id, at)

    def drop_timer(self, object_id: str) -> None:
        self.store.execute("DELETE FROM timer WHERE account = ? AND object_id = ?", self.id, object_id)


def register(store: Store, secret_key: str) -> str:
    """The id of the account a key opens, which begins to exist when its key is first used."""
    found = account_id(secret_key)
    if store.row("SELECT 1 FROM account WHERE id = ?", found) is None:
        store.execute("INSERT OR IGNORE INTO account (id, secret_key) VALUES (?, ?)", found, secret_key)
    return found
