"""Events: what happened, as webhooks tell it."""

from fnmatch import fnmatchcase
from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.resources.listing import page_of


def retrieve(account: Account, *, id: str, params: dict[str, Any]) -> dict[str, Any]:
    return _with_pending(account, account.get("event", id, param="id").body)


def list_events(account: Account, *, params: dict[str, Any]) -> dict[str, Any]:
    if "type" in params and "types" in params:
        raise refusals.invalid("You may pass either type or types, not both", param="types")
    patterns = [params["type"]] if "type" in params else params.get("types") or ["*"]
    delivered = params.get("delivery_success")

    def wanted(body: dict[str, Any]) -> bool:
        fits = any(fnmatchcase(body["type"], pattern) for pattern in patterns)
        return fits and (
            delivered is None or account.outbox.is_delivered(account.id, body["id"]) == delivered
        )

    page = page_of(account, kind="event", url="/v1/events", params=params, wanted=wanted)
    return {**page, "data": [_with_pending(account, body) for body in page["data"]]}


def _with_pending(account: Account, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "pending_webhooks": account.outbox.pending_webhooks(account.id, body["id"])}
