"""Carry events to webhook endpoints: signed, in parallel, and again after growing pauses until 2xx."""

import heapq
import http.client
import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from stripe import WebhookSignature

from commerce.sandbox.clock import Clock
from commerce.sandbox.store import Store

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 300.0
_AT_ONCE = 16


@dataclass(frozen=True)
class RetryPlan:
    """How often an event is sent, and the seconds between: `base`, then twice that, up to five minutes."""

    base: float = 1.0
    attempts: int = 12
    timeout: float = 10.0

    def pause_after(self, attempts: int) -> float:
        return float(min(self.base * 2 ** (attempts - 1), _LONGEST_PAUSE))


Signing = Callable[[str], tuple[str | None, int]]
"""Of a type of event: another secret to sign with, and the seconds by which to date the signature back."""


@dataclass(frozen=True)
class Parcel:
    endpoint_id: str
    url: str
    secret: str
    body: str
    state: str
    attempts: tuple[dict[str, Any], ...]

    @property
    def event_type(self) -> str:
        return str(json.loads(self.body)["type"])


class Courier:
    def __init__(self, store: Store, clock: Clock, plan: RetryPlan) -> None:
        self._store = store
        self._clock = clock
        self._plan = plan
        self._changed = threading.Condition()
        self._sign: Signing = lambda event_type: (None, 0)
        self._waiting: list[tuple[float, int, tuple[int, ...], bool]] = []
        self._posted = 0
        self._on_the_way = 0
        self._is_running = False
        self._carriers: ThreadPoolExecutor | None = None
        self._scheduler: threading.Thread | None = None

    def sign_by(self, signing: Signing) -> None:
        """Ask before each repeated or first attempt how it is to be signed."""
        self._sign = signing

    def start(self) -> None:
        self._is_running = True
        self._carriers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sandbox-webhook")
        self._scheduler = threading.Thread(target=self._schedule, name="sandbox-webhooks", daemon=True)
        self._scheduler.start()

    def stop(self) -> None:
        """Finish what is on its way; what waits is taken up by the next start on the same state."""
        with self._changed:
            self._is_running = False
            self._waiting.clear()
            self._changed.notify_all()
        if self._scheduler is not None:
            self._scheduler.join()
        if self._carriers is not None:
            self._carriers.shutdown(wait=True, cancel_futures=True)

    def forget_all(self) -> None:
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def post(self, number: int, *, after: float = 0.0, even_if_delivered: bool = False) -> None:
        """Send a delivery in `after` seconds."""
        self._put((number,), after=after, even_if_delivered=even_if_delivered)

    def post_in_turn(self, numbers: list[int]) -> None:
        """Send deliveries now, each when the one before it has been answered."""
        self._put(tuple(numbers), after=0.0, even_if_delivered=False)

    def _put(self, numbers: tuple[int, ...], *, after: float, even_if_delivered: bool) -> None:
        with self._changed:
            self._posted += 1
            due = self._clock.ticks() + after
            heapq.heappush(self._waiting, (due, self._posted, numbers, even_if_delivered))
            self._changed.notify_all()

    def _schedule(self) -> None:
        while True:
            with self._changed:
                while self._is_running and not self._is_something_due():
                    self._changed.wait(self._seconds_to_next())
                if not self._is_running:
                    return
                _, _, numbers, even_if_delivered = heapq.heappop(self._waiting)
                self._on_the_way += 1
            if self._carriers is not None:
                self._carriers.submit(self._carry_and_repeat, numbers, even_if_delivered)

    def _is_something_due(self) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= self._clock.ticks()

    def _seconds_to_next(self) -> float | None:
        return max(0.0, self._waiting[0][0] - self._clock.ticks()) if self._waiting else None

    def _carry_and_repeat(self, numbers: tuple[int, ...], even_if_delivered: bool) -> None:
        for number in numbers:
            try:
                self._carry_unless_settled(number, even_if_delivered)
            except LookupError:
                log.info("delivery %s was forgotten by a reset", number)
            except Exception:
                log.exception("delivery %s failed within the sandbox", number)
        with self._changed:
            self._on_the_way -= 1
            self._changed.notify_all()

    def _carry_unless_settled(self, number: int, even_if_delivered: bool) -> None:
        if self.parcel(number).state != "pending" and not even_if_delivered:
            return
        secret, age = self._sign(self.parcel(number).event_type)
        self.carry(number, secret=secret, age_seconds=age)
        parcel = self.parcel(number)
        if parcel.state == "pending" and not even_if_delivered and self._is_running:
            self.post(number, after=self._plan.pause_after(len(parcel.attempts)))

    def parcel(self, number: int) -> Parcel:
        row = self._store.row(
            "SELECT d.state, d.attempts, e.id, e.url, e.secret, o.body FROM delivery d "
            "JOIN endpoint e ON e.id = d.endpoint_id JOIN object o ON o.account = d.account "
            "AND o.id = d.event_id "
            "WHERE d.number = ?",
            number,
        )
        if row is None:
            raise LookupError(f"no delivery {number}")
        return Parcel(
            row["id"],
            row["url"],
            row["secret"],
            row["body"],
            row["state"],
            tuple(json.loads(row["attempts"])),
        )

    def carry(self, number: int, *, secret: str | None = None, age_seconds: int = 0) -> dict[str, Any]:
        """Send a delivery once, note the attempt and answer it as `{at, status, error}`."""
        parcel = self.parcel(number)
        # Receivers show bodies to people when something goes wrong: Stripe sends them indented too.
        body = json.dumps(json.loads(parcel.body), indent=2)
        header = WebhookSignature.generate_signature_header(
            body, secret or parcel.secret, timestamp=self._clock.real_now() - age_seconds
        )
        status, error = self._send(parcel.url, body.encode(), header)
        attempt = {"at": self._clock.now(), "status": status, "error": error}
        with self._store.transaction():
            attempts = [*self.parcel(number).attempts, attempt]
            self._store.execute(
                "UPDATE delivery SET attempts = ?, state = ? WHERE number = ?",
                json.dumps(attempts), self._state_after(number, status, len(attempts)), number,
            )  # fmt: skip
        if error or status is None or not 200 <= status < 300:
            log.warning("webhook to %s: attempt %s: %s", parcel.url, len(attempts), error or status)
        with self._changed:
            self._changed.notify_all()
        return attempt

    def _state_after(self, number: int, status: int | None, attempts: int) -> str:
        state = self.parcel(number).state
        if status is not None and 200 <= status < 300:
            return "delivered"
        if state == "pending" and attempts >= self._plan.attempts:
            return "failed"
        return state

    def _send(self, url: str, body: bytes, signature: str) -> tuple[int | None, str | None]:
        parts = urlsplit(url)
        maker = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = maker(parts.hostname or "", parts.port, timeout=self._plan.timeout)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Connection": "close",
        }
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", target, body=body, headers=headers)
            return connection.getresponse().status, None
        except (OSError, http.client.HTTPException) as problem:
            return None, f"{type(problem).__name__}: {problem}"
        finally:
            connection.close()

    def wait_until_quiet(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and self._on_the_way == 0, timeout)
