"""The sandbox without its sockets: what the API, the payment page and the control API all work on."""

from commerce.sandbox.accounts import Account, Cause, register
from commerce.sandbox.checks import Checks
from commerce.sandbox.clock import Clock
from commerce.sandbox.courier import Courier, RetryPlan
from commerce.sandbox.faults import Faults
from commerce.sandbox.idempotency import Keys
from commerce.sandbox.identifiers import account_id
from commerce.sandbox.outbox import Outbox
from commerce.sandbox.paying import come_due
from commerce.sandbox.store import Store

DEBIT_DELAY = 3 * 24 * 60 * 60


class Backend:
    def __init__(self, *, store: Store, plan: RetryPlan, debit_delay: int) -> None:
        self.store = store
        self.clock = Clock(ahead=store.setting("clock_ahead") or 0)
        self.checks = Checks()
        self.faults = Faults()
        self.keys = Keys(store)
        self.courier = Courier(store, self.clock, plan)
        self.outbox = Outbox(store, self.courier, self.checks)
        self.base_url = ""
        self._debit_delay = debit_delay

    def account(self, account: str, *, cause: Cause | None = None) -> Account:
        return Account(
            id=account,
            store=self.store,
            clock=self.clock,
            outbox=self.outbox,
            base_url=self.base_url,
            debit_delay=self._debit_delay,
            cause=cause or Cause(),
        )

    def account_of_key(self, secret_key: str, *, cause: Cause) -> Account:
        """The account of a key that has been let in; it begins to exist with this call."""
        return self.account(register(self.store, secret_key), cause=cause)

    def account_of_object(self, object_id: str) -> Account | None:
        """The account an id belongs to, for who comes without a key."""
        owner = self.store.account_of(object_id)
        return self.account(owner) if owner else None

    def run_timers(self) -> None:
        """Expire and settle what is due by the sandbox's clock."""
        with self.store.transaction():
            for row in self.store.rows(
                "SELECT account, object_id FROM timer WHERE at <= ?", self.clock.now()
            ):
                account = self.account(row["account"])
                session = account.get("checkout.session", row["object_id"], param="session")
                account.drop_timer(session.id)
                come_due(account, session)

    def advance_clock(self, seconds: int) -> int:
        """Move the clock on, let happen what is due by then, and say the new time."""
        now = self.clock.advance(seconds)
        self.store.set_setting("clock_ahead", self.clock.ahead)
        self.run_timers()
        return now

    def ledger(self, api_key: str | None = None) -> dict[str, dict[str, list[dict[str, object]]]]:
        """By account: `charges` and `refunds`, oldest first, with amount, currency, session and intent."""
        wanted = account_id(api_key) if api_key else None
        rows = self.store.rows("SELECT id FROM account ORDER BY rowid")
        return {row["id"]: self._ledger_of(row["id"]) for row in rows if wanted in (None, row["id"])}

    def _ledger_of(self, account: str) -> dict[str, list[dict[str, object]]]:
        charges = list(self.store.newest_first(account, "charge"))[::-1]
        sessions = {charge.id: charge.private["session"] for charge in charges}
        refunds = [stored.body for stored in self.store.newest_first(account, "refund")][::-1]
        return {
            "charges": [
                {
                    "id": charge.id,
                    "amount": charge.body["amount"],
                    "amount_refunded": charge.body["amount_refunded"],
                    "currency": charge.body["currency"],
                    "status": charge.body["status"],
                    "session": charge.private["session"],
                    "payment_intent": charge.body["payment_intent"],
                }
                for charge in charges
            ],
            "refunds": [
                {
                    "id": refund["id"],
                    "amount": refund["amount"],
                    "currency": refund["currency"],
                    "status": refund["status"],
                    "charge": refund["charge"],
                    "session": sessions.get(refund["charge"]),
                    "payment_intent": refund["payment_intent"],
                }
                for refund in refunds
            ],
        }

    def reset(self) -> None:
        """Forget everything but the registered endpoints: as freshly started, by the computer's clock."""
        self.courier.forget_all()
        with self.store.transaction():
            endpoints = self.store.rows(
                "SELECT a.secret_key, e.url, e.secret, e.events FROM endpoint e JOIN account a ON "
                "a.id = e.account"
            )
            self.store.clear()
            self.outbox.restore(endpoints)
        self.clock.set_ahead(0)
        self.faults.clear()
        self.checks.found.clear()
        self.outbox.reset()
