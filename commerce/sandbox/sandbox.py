"""The sandbox as Python starts and stops it."""

import logging
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from commerce.sandbox.api import Api
from commerce.sandbox.backend import DEBIT_DELAY, Backend
from commerce.sandbox.control import Control
from commerce.sandbox.courier import RetryPlan
from commerce.sandbox.faults import Faults
from commerce.sandbox.hosted.pages import PaymentPages
from commerce.sandbox.http_messages import Request, Response, as_json
from commerce.sandbox.outbox import Outbox, WebhookEndpoint
from commerce.sandbox.paying import Attempt
from commerce.sandbox.people.pages import PREFIX, PeoplesPages
from commerce.sandbox.server import Server
from commerce.sandbox.store import Store
from commerce.sandbox.stripe_js.pages import StripeJs

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_TIMER_RUNS = 1.0


class Sandbox:
    """A stand-in for Stripe on the loopback.

    `port=0` takes a free one. Without `state_path` nothing outlives `stop`. The port is bound by `start`,
    `serve_forever` or entering the context, and `url` is known from then on. Raises OSError if it is in use,
    ValueError for a live key, an address that others could reach or a state that cannot be used. Leaving the
    context raises AssertionError if the sandbox broke Stripe's schema meanwhile.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        state_path: Path | str | None = None,
        endpoints: Iterable[WebhookEndpoint] = (),
        *,
        retries: RetryPlan | None = None,
        debit_delay: int = DEBIT_DELAY,
    ) -> None:
        self._host = host
        self._port = port
        self._store = Store(state_path)
        self._backend = Backend(store=self._store, plan=retries or RetryPlan(), debit_delay=debit_delay)
        self._api = Api(self._backend)
        self._pages = PaymentPages(self._backend)
        self._stripe_js = StripeJs(self._backend)
        self._control = Control(self._backend)
        self._people = PeoplesPages(self._backend)
        self._server: Server | None = None
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._is_served = False
        self._backend.outbox.declare(list(endpoints))

    @property
    def url(self) -> str:
        """Such as `http://127.0.0.1:12111`; raises RuntimeError before the sandbox is bound."""
        if self._server is None:
            raise RuntimeError("the sandbox has no address before bind() or start()")
        return self._backend.base_url

    @property
    def webhooks(self) -> Outbox:
        return self._backend.outbox

    @property
    def faults(self) -> Faults:
        return self._backend.faults

    @property
    def schema_violations(self) -> list[str]:
        """What the sandbox made that the installed library does not describe. Assert that it is empty."""
        return self._backend.checks.found

    def now(self) -> int:
        """The sandbox's time in Unix seconds."""
        return self._backend.clock.now()

    def bind(self) -> "Sandbox":
        """Take the port, so that `url` is known; `start` and `serve_forever` do it if nobody did."""
        if self._server is None:
            self._server = Server(self._host, self._port, self._answer)
            host = f"[{self._host}]" if ":" in self._host else self._host
            self._backend.base_url = f"http://{host}:{self._server.port}"
        return self

    def start(self) -> "Sandbox":
        """Serve in a thread until `stop`."""
        server = self._open()
        self._run(lambda: server.serve_forever(poll_interval=0.05), "sandbox-http")
        return self

    def serve_forever(self) -> None:
        """Serve in this thread until `stop` is called from another, or Ctrl-C."""
        self._open().serve_forever(poll_interval=0.05)

    def _open(self) -> Server:
        """Set going all but the answering of calls, so that what is due is on its way when this returns."""
        self.bind()
        if self._server is None or self._is_served:
            raise RuntimeError("a sandbox is served once")
        self._is_served = True
        self._backend.courier.start()
        self._backend.outbox.resume()
        self._run(self._keep_time, "sandbox-timers")
        return self._server

    def _run(self, target: Any, name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _keep_time(self) -> None:
        while not self._stopping.wait(_SECONDS_BETWEEN_TIMER_RUNS):
            try:
                self._backend.run_timers()
            except Exception:
                log.exception("the sandbox's timers failed")

    def stop(self) -> None:
        """Stop serving and close the state, for good; stopping twice is harmless."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._backend.faults.wake()
        if self._server is not None:
            if self._is_served:
                self._server.shutdown()
            self._server.server_close()
            self._server.close_connections()
        self._backend.courier.stop()
        for thread in self._threads:
            thread.join()
        self._store.close()

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None and self.schema_violations:
            raise AssertionError(f"the sandbox broke Stripe's schema: {'; '.join(self.schema_violations)}")

    # What tests do without HTTP

    def reset(self) -> None:
        """Forget all but the registered endpoints, and go back to the computer's time."""
        self._backend.reset()

    def advance(self, seconds: int) -> int:
        """Move the clock on; sessions expire and debits settle. Says the new time in Unix seconds."""
        return self._backend.advance_clock(seconds)

    def ledger(self, api_key: str | None = None) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """By account id: `charges` and `refunds` with amount, currency, status, session and intent."""
        return self._backend.ledger(api_key)

    def pay(
        self, session_id: str, number: str = "4242424242424242", *, email: str = "payer@example.com"
    ) -> Attempt:
        """Pay a session with a test card as its page would, answering a 3-D Secure step with yes.

        Raises LookupError for an unknown session, SessionNotOpen for one that cannot be paid (again),
        IncorrectNumber for a card that is none of the test cards.
        """
        return self._pages.pay_without_page(session_id, number=number, email=email)

    def pay_later(self, session_id: str, *, email: str = "payer@example.com") -> Attempt:
        """Promise a bank debit: the session is complete and unpaid until `settle`."""
        return self._pages.pay_without_page(session_id, number=None, email=email)

    def pay_intent(
        self, intent_id: str, number: str = "4242424242424242", *, email: str = "payer@example.com"
    ) -> Attempt:
        """Pay an intent with a test card as the Payment Element would, answering a 3-D Secure step with yes.

        Raises LookupError for an unknown intent, IntentNotOpen for one that cannot be paid (again),
        IncorrectNumber for a card that is none of the test cards.
        """
        return self._backend.pay_intent(intent_id, number=number, email=email)

    def pay_intent_later(self, intent_id: str, *, email: str = "payer@example.com") -> Attempt:
        """Promise a bank debit for an intent: it is processing until `settle`."""
        return self._backend.pay_intent(intent_id, number=None, email=email)

    def settle(self, payment_id: str, *, succeeds: bool = True) -> None:
        """Let the bank pay, or return, the promised debit of a session or an intent.

        Raises LookupError for an unknown id, NotAwaited if no debit is on its way.
        """
        self._backend.settle(payment_id, succeeds=succeeds)

    def _answer(self, request: Request) -> Response:
        path = request.path
        if path.startswith(("/endive/", "/authenticate/")):
            return self._stripe_js.answer(request)
        if path.startswith("/c/"):
            return self._pages.answer(request)
        if path.startswith(PREFIX) or (path in ("/_sandbox", "/_sandbox/") and _is_for_people(request)):
            return self._people.answer(request)
        if path == "/_sandbox" or path.startswith("/_sandbox/"):
            return self._control.answer(request)
        if path == "/":
            return as_json({"stripe_sandbox": "no real money", "api": "/v1", "control": "/_sandbox"})
        return self._api.answer(request)


def _is_for_people(request: Request) -> bool:
    """Browsers ask for HTML by name; programs take what there is, which is JSON."""
    return request.verb == "GET" and "text/html" in request.headers.get("accept", "")
