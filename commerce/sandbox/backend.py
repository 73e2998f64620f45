"""The sandbox without its sockets: what the API, the payment page and the control API all work on."""

from typing import Any

from commerce.sandbox.accounts import Account, Cause, register
from commerce.sandbox.cards import Card, digits_of
from commerce.sandbox.checks import Checks
from commerce.sandbox.clock import Clock
from commerce.sandbox.courier import Courier, RetryPlan
from commerce.sandbox.faults import Faults
from commerce.sandbox.idempotency import Keys
from commerce.sandbox.identifiers import account_id
from commerce.sandbox.keys import Key
from commerce.sandbox.outbox import Outbox
from commerce.sandbox.paying import Attempt, Payer, come_due, pay_intent, settle_debit
from commerce.sandbox.resources import refunds
from commerce.sandbox.store import Store, Stored

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

    def account_of_key(self, key: Key, *, cause: Cause) -> Account:
        """The account of a key that has been let in; a secret key's begins to exist with this call."""
        owner = account_id(key.secret) if key.is_publishable else register(self.store, key.secret)
        return self.account(owner, cause=cause)

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
                come_due(account, row["object_id"])

    def payment(self, payment_id: str) -> tuple[Account, Stored]:
        """A session or an intent and its account; raises LookupError for any other id."""
        account = self.account_of_object(payment_id)
        found = account and (
            account.find("checkout.session", payment_id) or account.find("payment_intent", payment_id)
        )
        if account is None or not found:
            raise LookupError(f"no session or payment intent {payment_id}")
        return account, found

    def pay_intent(self, intent_id: str, *, number: str | None, email: str) -> Attempt:
        """Pay by card, or without a number by bank debit; see `paying.pay_intent`."""
        self.run_timers()
        with self.store.transaction():
            account, intent = self.payment(intent_id)
            card = Card(number=digits_of(number), exp_month=12, exp_year=2050) if number else None
            return pay_intent(account, intent, card=card, payer=Payer(email=email, name="Sandbox Payer"))

    def settle(self, payment_id: str, *, succeeds: bool) -> None:
        """Let a promised debit arrive, or be returned; see `paying.settle_debit`."""
        with self.store.transaction():
            account, payment = self.payment(payment_id)
            settle_debit(account, payment, succeeds=succeeds)

    def refund_by_hand(self, of: dict[str, str], *, amount: int | None) -> dict[str, object]:
        """Refund as if from the dashboard: all that is left, or an amount, of a `charge` or `payment_intent`.

        Raises LookupError for an unknown id, Refusal for what cannot be given back.
        """
        with self.store.transaction():
            account = self.account_of_object(next(iter(of.values()), ""))
            if account is None:
                raise LookupError("a refund needs the id of a charge or a payment_intent that exists")
            return refunds.create(account, params=of | ({} if amount is None else {"amount": amount}))

    def advance_clock(self, seconds: int) -> int:
        """Move the clock on, let happen what is due by then, and say the new time."""
        now = self.clock.advance(seconds)
        self.store.set_setting("clock_ahead", self.clock.ahead)
        self.run_timers()
        return now

    def ledger(self, api_key: str | None = None) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """By account: `charges` and `refunds`, oldest first, with amount, currency, session and intent."""
        wanted = account_id(api_key) if api_key else None
        rows = self.store.rows("SELECT id FROM account ORDER BY rowid")
        return {row["id"]: self._ledger_of(row["id"]) for row in rows if wanted in (None, row["id"])}

    def _ledger_of(self, account: str) -> dict[str, list[dict[str, Any]]]:
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
