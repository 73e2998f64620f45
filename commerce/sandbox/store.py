"""Everything the sandbox remembers, in SQLite: in memory, or in a file that survives a restart.

One lock and one transaction at a time: what a request changes is kept whole or not at all, together with its
idempotency record, its events and their deliveries.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stripe

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY, secret_key TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS object (
    number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, private TEXT NOT NULL, UNIQUE (account, kind, id));
CREATE INDEX IF NOT EXISTS object_by_id ON object (account, id);
CREATE INDEX IF NOT EXISTS object_by_kind ON object (account, kind, number);
CREATE TABLE IF NOT EXISTS answer (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL, request_id TEXT NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS timer (
    account TEXT NOT NULL, object_id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (account, object_id));
CREATE TABLE IF NOT EXISTS endpoint (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL, events TEXT NOT NULL,
    UNIQUE (account, url));
CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, event_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL, state TEXT NOT NULL, attempts TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS delivery_by_event ON delivery (account, event_id);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_TABLES = ("account", "object", "answer", "timer", "endpoint", "delivery", "setting")


@dataclass
class Stored:
    """An object as the API shows it, and what the sandbox knows about it beside."""

    body: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict)
    """Among it `is_deleted`, and `included`: fields that are told only to who expands them."""

    @property
    def id(self) -> str:
        return str(self.body["id"])


class Store:
    """Raises ValueError for a file that cannot be used, or was kept by another version of the API."""

    def __init__(self, path: Path | str | None = None) -> None:
        try:
            if path is not None:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                path or ":memory:", check_same_thread=False, isolation_level=None
            )
            self._database.row_factory = sqlite3.Row
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.executescript(_SCHEMA)
        except (OSError, sqlite3.DatabaseError) as problem:
            raise ValueError(f"the state file {path} cannot be used: {problem}") from problem
        self._lock = threading.RLock()
        self._depth = 0
        self._after_commit: list[Callable[[], None]] = []
        self._require_own_version(path)

    def _require_own_version(self, path: Path | str | None) -> None:
        """What another version made is not of the shapes that are answered now."""
        kept = self.setting("api_version")
        if kept is None:
            self.set_setting("api_version", stripe.api_version)
        elif kept != stripe.api_version:
            self._database.close()
            raise ValueError(
                f"the state file {path} was kept by the API's version {kept}, and the installed library "
                f"speaks {stripe.api_version}: move the file away to begin anew"
            )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock, and keep what happens inside unless it raises. Of nested ones the outer commits."""
        with self._lock:
            if self._depth == 0:
                self._database.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._database.execute("ROLLBACK")
                    self._after_commit.clear()
                raise
            self._depth -= 1
            if self._depth > 0:
                return
            try:
                self._database.execute("COMMIT")
            except sqlite3.Error:
                self._database.execute("ROLLBACK")
                self._after_commit.clear()
                raise
            calls, self._after_commit = self._after_commit, []
        for call in calls:
            call()

    def after_commit(self, call: Callable[[], None]) -> None:
        """Run call once the transaction around it has been kept; forget it if it is not."""
        self._after_commit.append(call)

    def execute(self, sql: str, *values: Any) -> int:
        """Run one statement and say how many rows it touched."""
        with self.transaction():
            return self._database.execute(sql, values).rowcount

    def insert(self, sql: str, *values: Any) -> int:
        """Run one INSERT and say the number of the new row."""
        with self.transaction():
            return self._database.execute(sql, values).lastrowid or 0

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._database.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    # Objects

    def add(self, account: str, stored: Stored) -> None:
        self.execute(
            "INSERT INTO object (account, id, kind, body, private) VALUES (?, ?, ?, ?, ?)",
            account, stored.id, stored.body["object"], json.dumps(stored.body), json.dumps(stored.private),
        )  # fmt: skip

    def save(self, account: str, stored: Stored) -> None:
        touched = self.execute(
            "UPDATE object SET body = ?, private = ? WHERE account = ? AND kind = ? AND id = ?",
            json.dumps(stored.body), json.dumps(stored.private), account, stored.body["object"], stored.id,
        )  # fmt: skip
        if touched != 1:
            raise LookupError(f"{stored.id} was never added to {account}")

    def replace(self, account: str, stored: Stored) -> None:
        """Add an object, in the place of an earlier one of its kind and id if there is one."""
        self.execute(
            "DELETE FROM object WHERE account = ? AND kind = ? AND id = ?",
            account, stored.body["object"], stored.id,
        )  # fmt: skip
        self.add(account, stored)

    def find(self, account: str, object_id: str, *, kind: str | None = None) -> Stored | None:
        """The object; shops choose the ids of products and coupons, so that both may bear the same."""
        row = self.row(
            "SELECT body, private FROM object WHERE account = ? AND id = ? AND kind = coalesce(?, kind)",
            account, object_id, kind,
        )  # fmt: skip
        return _stored(row) if row else None

    def newest_first(self, account: str, kind: str) -> Iterator[Stored]:
        """Objects of a kind, read in batches so that a long list costs only what is looked at."""
        below = 2**62
        while True:
            batch = self.rows(
                "SELECT number, body, private FROM object WHERE account = ? AND kind = ? AND number < ? "
                "ORDER BY number DESC LIMIT 50",
                account, kind, below,
            )  # fmt: skip
            if not batch:
                return
            yield from (_stored(row) for row in batch)
            below = batch[-1]["number"]

    def account_of(self, object_id: str) -> str | None:
        """The account an id belongs to, for pages that are opened without a key."""
        row = self.row("SELECT account FROM object WHERE id = ?", object_id)
        return row["account"] if row else None

    # Settings

    def setting(self, name: str) -> Any:
        row = self.row("SELECT value FROM setting WHERE name = ?", name)
        return json.loads(row["value"]) if row else None

    def set_setting(self, name: str, value: Any) -> None:
        self.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", name, json.dumps(value))

    def clear(self) -> None:
        with self.transaction():
            for table in _TABLES:
                self.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
            self.set_setting("api_version", stripe.api_version)

    def close(self) -> None:
        with self._lock:
            self._database.close()


def _stored(row: sqlite3.Row) -> Stored:
    return Stored(body=json.loads(row["body"]), private=json.loads(row["private"]))
