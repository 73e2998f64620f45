"""`expand[]`: put an object where its id stands."""

from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.schemas.annotations import OneOf, Page, Record, Shape

_DEEPEST = 4


def expanded(account: Account, body: dict[str, Any], *, paths: list[str], shape: Shape) -> dict[str, Any]:
    """The body with what the paths name expanded; raises Refusal for what cannot be."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            raise refusals.invalid(
                f"You cannot expand more than {_DEEPEST} levels of a property: {path}", param="expand"
            )
        body = _expand(account, body, steps, shape, path)
    return body


def _expand(account: Account, value: Any, steps: list[str], shape: Shape, path: str) -> Any:
    if not steps or value is None:
        return value
    if isinstance(shape, Page):
        if steps[0] != "data":
            raise _cannot_be(path)
        data = [_expand(account, item, steps[1:], shape.item, path) for item in value["data"]]
        return {**value, "data": data}
    if not isinstance(shape, Record) or steps[0] not in shape.fields:
        raise _cannot_be(path)
    name, rest = steps[0], steps[1:]
    inner = shape.fields[name].shape
    target = _target(inner)
    if target is None and not rest:
        raise _cannot_be(path)
    here = _included(account, value, name) if isinstance(inner, Page) else value.get(name)
    if isinstance(here, str) and target is not None:
        stored = account.store.find(account.id, here)
        if stored is None:
            raise refusals.not_served(f"the object {here}, so {path} cannot be expanded", param="expand")
        here = stored.body
    return {**value, name: _expand(account, here, rest, target or inner, path)}


def _target(shape: Shape) -> Shape | None:
    """What a field expands to, or None if it cannot be expanded."""
    if isinstance(shape, Page):
        return shape
    if isinstance(shape, OneOf):
        return next((option for option in shape.options if isinstance(option, Record)), None)
    return None


def _included(account: Account, value: dict[str, Any], name: str) -> Any:
    """A list that is left out of its object unless asked for."""
    if value.get(name) is not None:
        return value[name]
    if value.get("object") == "checkout.session" and name == "line_items":
        items = account.get("checkout.session", value["id"], param="session").private["line_items"]
        url = f"/v1/checkout/sessions/{value['id']}/line_items"
        return {"object": "list", "data": items[:10], "has_more": len(items) > 10, "url": url}
    if value.get("object") == "charge" and name == "refunds":
        refunds = [s.body for s in account.newest_first("refund") if s.body["charge"] == value["id"]]
        url = f"/v1/charges/{value['id']}/refunds"
        return {"object": "list", "data": refunds[:10], "has_more": len(refunds) > 10, "url": url}
    return None


def _cannot_be(path: str) -> refusals.Refusal:
    return refusals.invalid(f"This property cannot be expanded ({path}).", param="expand")
