"""What a session leaves behind when it is complete: a redeemed discount, and a customer."""

from commerce.sandbox.accounts import Account
from commerce.sandbox.resources import customers
from commerce.sandbox.resources.session_discounts import count_redemption
from commerce.sandbox.store import Stored


def leave(account: Account, session: Stored, *, email: str, name: str) -> None:
    """Call it once, before the completed session is saved."""
    count_redemption(account, session)
    if session.body["customer_creation"] == "always":
        known = {"email": email, **({"name": name} if name else {})}
        session.body["customer"] = customers.add(account, params=known).id
        _give(account, session)


def _give(account: Account, session: Stored) -> None:
    """Say of what was paid whose it is."""
    if not session.body["payment_intent"]:
        return
    intent = account.get("payment_intent", session.body["payment_intent"], param="payment_intent")
    charge = account.get("charge", intent.body["latest_charge"], param="charge")
    for stored in (intent, charge):
        stored.body["customer"] = session.body["customer"]
        account.save(stored)
