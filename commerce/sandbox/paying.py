"""What happens when a customer pays a session. Its intent is moved on by `resources.payments`."""

from dataclasses import dataclass
from typing import Any

from commerce.sandbox.accounts import Account
from commerce.sandbox.cards import Card
from commerce.sandbox.payment_methods import debit_for, usual_account
from commerce.sandbox.resources import payment_methods, payments
from commerce.sandbox.resources.payment_intents import OPEN
from commerce.sandbox.resources.payments import Attempt, NotAwaited
from commerce.sandbox.resources.session_completion import leave
from commerce.sandbox.resources.sessions import close
from commerce.sandbox.store import Stored


class SessionNotOpen(Exception):
    """The session was completed or has expired, so it cannot be paid (again)."""


class IntentNotOpen(Exception):
    """The intent has succeeded, is on its way or was cancelled, so it cannot be paid (again)."""


@dataclass(frozen=True)
class Payer:
    email: str
    name: str

    @property
    def billing(self) -> dict[str, Any]:
        return {"email": self.email, "name": self.name or None}


def pay_by_card(account: Account, session: Stored, *, card: Card, payer: Payer) -> Attempt:
    """Try a card. A card that asks for 3-D Secure leaves the session open until `answer_challenge`."""
    _require_open(session)
    intent = _intent_of(account, session)
    method = payment_methods.add_card(account, card, billing=payer.billing)
    verify = f"{account.base_url}/c/pay/{session.id}/verify"
    ask = {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": verify}}
    attempt = payments.attempt(account, intent, method, ask=ask)
    if attempt.state == "complete":
        _complete(account, session, payer=payer, payment_status="paid")
        account.emit("checkout.session.completed", session)
    return attempt


def asked_payer(account: Account, session: Stored) -> Payer | None:
    """Who is asked by the bank just now whether to pay the session; None if nobody is."""
    intent_id = session.body["payment_intent"]
    intent = account.find("payment_intent", intent_id) if intent_id else None
    if intent is None or intent.body["status"] != "requires_action":
        return None
    method = account.get("payment_method", intent.body["payment_method"], param="payment_method")
    billing = method.body["billing_details"]
    return Payer(email=billing["email"], name=billing["name"] or "")


def answer_challenge(account: Account, session: Stored, *, is_authenticated: bool) -> Attempt:
    """The customer's answer to the bank's 3-D Secure question; raises NotAwaited if none was asked."""
    _require_open(session)
    payer = asked_payer(account, session)
    if payer is None:
        raise NotAwaited(f"no 3-D Secure step is open for {session.id}")
    attempt = payments.answer(account, _intent_of(account, session), is_authenticated=is_authenticated)
    if attempt.state == "complete":
        _complete(account, session, payer=payer, payment_status="paid")
        account.emit("checkout.session.completed", session)
    return attempt


def pay_by_debit(account: Account, session: Stored, *, payer: Payer) -> Attempt:
    """Promise a bank debit: the session is complete and unpaid until `settle_debit` or the clock settles it.

    Raises ValueError for a currency that has no bank debit.
    """
    _require_open(session)
    kind = _debit_kind(session.body["currency"])
    intent = _intent_of(account, session)
    method = payment_methods.add_debit(account, usual_account(kind), billing=payer.billing)
    # No 3-D Secure: there is nothing that a debit could ask.
    attempt = payments.attempt(account, intent, method, ask={})
    _complete(account, session, payer=payer, payment_status="unpaid")
    account.set_timer(session.id, at=account.clock.now() + account.debit_delay)
    account.emit("checkout.session.completed", session)
    return attempt


def pay_intent(account: Account, intent: Stored, *, card: Card | None, payer: Payer) -> Attempt:
    """Pay an intent as the Payment Element would: by card, or without one by a bank debit.

    A 3-D Secure step is passed. Raises IntentNotOpen for one that cannot be paid (again), ValueError for one
    of a session and for a currency that has no bank debit.
    """
    body = intent.body
    if intent.private["session"] is not None:
        raise ValueError(f"{intent.id} is of a session: pay {intent.private['session']}")
    if body["status"] not in OPEN:
        raise IntentNotOpen(f"{intent.id} is {body['status']}")
    if card is not None:
        method = payment_methods.add_card(account, card, billing=payer.billing)
    else:
        method = payment_methods.add_debit(
            account, usual_account(_debit_kind(body["currency"])), billing=payer.billing
        )
    attempt = payments.attempt(account, intent, method, ask={"type": "use_stripe_sdk", "use_stripe_sdk": {}})
    if attempt.state == "authenticate":
        return payments.answer(account, intent, is_authenticated=True)
    return attempt


def _debit_kind(currency: str) -> str:
    kind = debit_for(currency)
    if kind is None:
        raise ValueError(f"the sandbox has no bank debit in {currency.upper()}")
    return kind


def settle_debit(account: Account, payment: Stored, *, succeeds: bool) -> None:
    """The bank's word on a promised debit of a session or an intent; raises NotAwaited if there is none."""
    intent, session = payment, None
    if payment.body["object"] == "checkout.session":
        session = payment
        if session.body["status"] != "complete" or session.body["payment_status"] != "unpaid":
            raise NotAwaited(f"no bank debit is on its way for {session.id}")
        intent = account.get("payment_intent", session.body["payment_intent"], param="session")
    elif payment.private["session"] is not None:
        session = account.get("checkout.session", payment.private["session"], param="session")
    payments.settle(account, intent, succeeds=succeeds)
    if session is None:
        return
    account.drop_timer(session.id)
    if succeeds:
        session.body["payment_status"] = "paid"
        account.save(session)
    outcome = "succeeded" if succeeds else "failed"
    account.emit(f"checkout.session.async_payment_{outcome}", session)


def complete_free(account: Account, session: Stored, *, payer: Payer) -> Attempt:
    """Complete a session that comes to nothing: no intent, no charge."""
    _require_open(session)
    if session.body["amount_total"] != 0:
        raise ValueError(f"{session.id} is not free")
    _complete(account, session, payer=payer, payment_status="no_payment_required")
    account.emit("checkout.session.completed", session)
    return Attempt("complete")


def come_due(account: Account, object_id: str) -> None:
    """What the clock does: an open session expires, a promised debit arrives (or is returned)."""
    stored = account.store.find(account.id, object_id)
    account.drop_timer(object_id)
    if stored is None:
        raise LookupError(f"{object_id} was to come due, but it does not exist")
    if stored.body["object"] == "payment_intent":
        settle_debit(account, stored, succeeds=payments.arrives(account, stored))
    elif stored.body["status"] == "open":
        close(account, stored)
    else:
        settle_debit(account, stored, succeeds=True)


def _require_open(session: Stored) -> None:
    if session.body["status"] != "open":
        raise SessionNotOpen(f"{session.id} is {session.body['status']}")


def _intent_of(account: Account, session: Stored) -> Stored:
    """The intent of a session, made when its customer first tries to pay."""
    if session.body["payment_intent"]:
        return account.get("payment_intent", session.body["payment_intent"], param="payment_intent")
    intent = payments.add_intent(
        account,
        session.private["payment_intent_data"],
        amount=session.body["amount_total"],
        currency=session.body["currency"],
        types=session.body["payment_method_types"],
        session=session.id,
        customer=session.body["customer"],
    )
    session.body["payment_intent"] = intent.id
    account.save(session)
    return intent


def _complete(account: Account, session: Stored, *, payer: Payer, payment_status: str) -> None:
    session.body |= {
        "status": "complete",
        "payment_status": payment_status,
        "url": None,
        "customer_details": {
            "address": payment_methods.NO_ADDRESS, "business_name": None, "email": payer.email,
            "individual_name": None, "name": payer.name or None, "phone": None, "tax_exempt": "none",
            "tax_ids": [],
        },
    }  # fmt: skip
    leave(account, session, email=payer.email, name=payer.name)
    account.save(session)
    account.drop_timer(session.id)


__all__ = [
    "Attempt",
    "IntentNotOpen",
    "NotAwaited",
    "Payer",
    "SessionNotOpen",
    "answer_challenge",
    "asked_payer",
    "come_due",
    "complete_free",
    "pay_by_card",
    "pay_by_debit",
    "pay_intent",
    "settle_debit",
]
