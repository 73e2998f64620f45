"""What happens when a customer pays a session: the one place that moves sessions, intents and charges on."""

from dataclasses import asdict, dataclass
from typing import Any

from commerce.sandbox.accounts import Account
from commerce.sandbox.cards import NOT_AUTHENTICATED, Card, Decline
from commerce.sandbox.identifiers import new_id
from commerce.sandbox.payment_methods import debit_for
from commerce.sandbox.resources import payments
from commerce.sandbox.resources.sessions import close
from commerce.sandbox.store import Stored


class SessionNotOpen(Exception):
    """The session was completed or has expired, so it cannot be paid (again)."""


class NotAwaited(Exception):
    """The session waits neither for a bank's question nor for a debit."""


@dataclass(frozen=True)
class Payer:
    email: str
    name: str


@dataclass(frozen=True)
class Attempt:
    """How a try to pay ended: `complete`, `authenticate` (3-D Secure is asked for) or `declined`."""

    state: str
    decline: Decline | None = None


def pay_by_card(account: Account, session: Stored, *, card: Card, payer: Payer) -> Attempt:
    """Try a card. A card that asks for 3-D Secure leaves the session open until `answer_challenge`."""
    _require_open(session)
    session.private.pop("challenge", None)
    intent = _intent_of(account, session)
    if not card.asks_first:
        return _charge_card(account, session, intent, card=card, payer=payer, is_authenticated=False)
    session.private["challenge"] = {"card": asdict(card), "payer": asdict(payer)}
    account.save(session)
    verify = f"{account.base_url}/c/pay/{session.id}/verify"
    intent.body |= {
        "status": "requires_action",
        "payment_method": new_id("payment_method"),
        "next_action": {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": verify}},
    }
    account.save(intent)
    account.emit("payment_intent.requires_action", intent)
    return Attempt("authenticate")


def answer_challenge(account: Account, session: Stored, *, is_authenticated: bool) -> Attempt:
    """The customer's answer to the bank's 3-D Secure question; raises NotAwaited if none was asked."""
    _require_open(session)
    challenge = session.private.pop("challenge", None)
    if challenge is None:
        raise NotAwaited(f"no 3-D Secure step is open for {session.id}")
    account.save(session)
    intent = _intent_of(account, session)
    if not is_authenticated:
        return _fail(account, intent, decline=NOT_AUTHENTICATED, charge=None)
    card, payer = Card(**challenge["card"]), Payer(**challenge["payer"])
    return _charge_card(account, session, intent, card=card, payer=payer, is_authenticated=True)


def _charge_card(
    account: Account, session: Stored, intent: Stored, *, card: Card, payer: Payer, is_authenticated: bool
) -> Attempt:
    intent.body |= {
        "payment_method": new_id("payment_method"),
        "next_action": None,
        "last_payment_error": None,
    }
    details = payments.card_details(card, is_authenticated=is_authenticated)
    status = "failed" if card.decline else "succeeded"
    charge = payments.add_charge(
        account, intent, status=status, payer=asdict(payer), method=details, decline=card.decline
    )
    if card.decline:
        account.emit("charge.failed", charge)
        return _fail(account, intent, decline=card.decline, charge=charge)
    account.emit("charge.succeeded", charge)
    _succeed(account, intent, charge)
    _complete(account, session, payer=payer, payment_status="paid")
    account.emit("checkout.session.completed", session)
    return Attempt("complete")


def pay_by_debit(account: Account, session: Stored, *, payer: Payer) -> Attempt:
    """Promise a bank debit: the session is complete and unpaid until `settle_debit` or the clock settles it.

    Raises ValueError for a currency that has no bank debit.
    """
    _require_open(session)
    kind = debit_for(session.body["currency"])
    if kind is None:
        raise ValueError(f"the sandbox has no bank debit in {session.body['currency'].upper()}")
    intent = _intent_of(account, session)
    intent.body |= {
        "payment_method": new_id("payment_method"),
        "next_action": None,
        "last_payment_error": None,
    }
    charge = payments.add_charge(
        account, intent, status="pending", payer=asdict(payer), method=payments.debit_details(kind)
    )
    account.emit("charge.pending", charge)
    intent.body |= {"status": "processing", "latest_charge": charge.id}
    account.save(intent)
    account.emit("payment_intent.processing", intent)
    _complete(account, session, payer=payer, payment_status="unpaid")
    account.set_timer(session.id, at=account.clock.now() + account.debit_delay)
    account.emit("checkout.session.completed", session)
    return Attempt("complete")


def settle_debit(account: Account, session: Stored, *, succeeds: bool) -> None:
    """The bank's word on a promised debit; raises NotAwaited if there is none to come."""
    if session.body["status"] != "complete" or session.body["payment_status"] != "unpaid":
        raise NotAwaited(f"no bank debit is on its way for {session.id}")
    account.drop_timer(session.id)
    intent = account.get("payment_intent", session.body["payment_intent"], param="session")
    charge = account.get("charge", intent.body["latest_charge"], param="session")
    if succeeds:
        charge.body |= {
            "status": "succeeded", "paid": True, "captured": True, "amount_captured": charge.body["amount"],
        }  # fmt: skip
        account.save(charge)
        account.emit("charge.succeeded", charge)
        _succeed(account, intent, charge)
        session.body["payment_status"] = "paid"
        account.save(session)
        account.emit("checkout.session.async_payment_succeeded", session)
        return
    decline = Decline("debit_not_authorized", None, "The bank returned the debit.", "email")
    charge.body |= {
        "status": "failed", "failure_code": decline.code, "failure_message": decline.message,
        "outcome": payments.outcome("failed", decline),
    }  # fmt: skip
    account.save(charge)
    account.emit("charge.failed", charge)
    _fail(account, intent, decline=decline, charge=charge)
    account.emit("checkout.session.async_payment_failed", session)


def complete_free(account: Account, session: Stored, *, payer: Payer) -> Attempt:
    """Complete a session that comes to nothing: no intent, no charge."""
    _require_open(session)
    if session.body["amount_total"] != 0:
        raise ValueError(f"{session.id} is not free")
    _complete(account, session, payer=payer, payment_status="no_payment_required")
    account.emit("checkout.session.completed", session)
    return Attempt("complete")


def come_due(account: Account, session: Stored) -> None:
    """What the clock does: an open session expires, a promised debit arrives."""
    if session.body["status"] == "open":
        close(account, session)
    else:
        settle_debit(account, session, succeeds=True)


def _require_open(session: Stored) -> None:
    if session.body["status"] != "open":
        raise SessionNotOpen(f"{session.id} is {session.body['status']}")


def _intent_of(account: Account, session: Stored) -> Stored:
    if session.body["payment_intent"]:
        return account.get("payment_intent", session.body["payment_intent"], param="payment_intent")
    intent = payments.add_intent(account, session)
    session.body["payment_intent"] = intent.id
    account.save(session)
    account.emit("payment_intent.created", intent)
    return intent


def _fail(account: Account, intent: Stored, *, decline: Decline, charge: Stored | None) -> Attempt:
    error: dict[str, Any] = {"type": "card_error", "code": decline.code, "message": decline.message}
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    if charge is not None:
        error["charge"] = charge.id
        intent.body["latest_charge"] = charge.id
    intent.body |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": error,
    }
    account.save(intent)
    account.emit("payment_intent.payment_failed", intent)
    return Attempt("declined", decline)


def _succeed(account: Account, intent: Stored, charge: Stored) -> None:
    intent.body |= {
        "status": "succeeded",
        "amount_received": intent.body["amount"],
        "latest_charge": charge.id,
        "last_payment_error": None,
        "next_action": None,
    }
    account.save(intent)
    account.emit("payment_intent.succeeded", intent)


def _complete(account: Account, session: Stored, *, payer: Payer, payment_status: str) -> None:
    address = {
        "city": None,
        "country": None,
        "line1": None,
        "line2": None,
        "postal_code": None,
        "state": None,
    }
    session.body |= {
        "status": "complete",
        "payment_status": payment_status,
        "url": None,
        "customer_details": {
            "address": address, "business_name": None, "email": payer.email, "individual_name": None,
            "name": payer.name or None, "phone": None, "tax_exempt": "none", "tax_ids": [],
        },
    }  # fmt: skip
    session.private.pop("challenge", None)
    account.save(session)
    account.drop_timer(session.id)
