"""Idempotency keys: a repeated request gets the first one's answer, as Stripe documents it."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from commerce.sandbox import refusals
from commerce.sandbox.store import Store

_REMEMBERED_SECONDS = 24 * 60 * 60
_LONGEST_KEY = 255


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    request_id: str


def fingerprint(*, verb: str, path: str, body: bytes) -> str:
    """Equal for requests that ask the same; the order of the fields does not count."""
    fields = b"&".join(sorted(body.split(b"&")))
    return hashlib.sha256(f"{verb} {path}\n".encode() + fields).hexdigest()


class Keys:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_use: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @contextmanager
    def held(self, *, account: str, key: str) -> Iterator[None]:
        """Keep the key to one request at a time; raises the 409 refusal for any other meanwhile."""
        if len(key) > _LONGEST_KEY:
            raise refusals.invalid(f"Idempotency keys are at most {_LONGEST_KEY} characters long")
        with self._lock:
            if (account, key) in self._in_use:
                raise refusals.key_in_use(key)
            self._in_use.add((account, key))
        try:
            yield
        finally:
            with self._lock:
                self._in_use.discard((account, key))

    def earlier_answer(self, *, account: str, key: str, fingerprint: str, now: int) -> Answer | None:
        """What the first request with the key was answered; raises Refusal if it asked something else."""
        row = self._store.row("SELECT * FROM answer WHERE account = ? AND key = ?", account, key)
        if row is None or row["created"] + _REMEMBERED_SECONDS <= now:
            return None
        if row["fingerprint"] != fingerprint:
            raise refusals.other_body_for_key(key)
        return Answer(status=row["status"], body=row["body"], request_id=row["request_id"])

    def remember(self, answer: Answer, *, account: str, key: str, fingerprint: str, now: int) -> None:
        """Call it in the transaction of the request, so that no crash parts the deed from its answer."""
        self._store.execute(
            "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?, ?)",
            account, key, fingerprint, answer.status, answer.body, answer.request_id, now,
        )  # fmt: skip
