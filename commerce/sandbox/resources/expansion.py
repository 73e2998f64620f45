"""`expand[]`: put an object where its id stands."""

from dataclasses import dataclass
from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.resources.validity import as_of_now
from commerce.sandbox.schemas.annotations import ListOf, OneOf, Page, Record, Shape

_DEEPEST = 4


def expanded(account: Account, body: dict[str, Any], *, paths: list[str], shape: Shape) -> dict[str, Any]:
    """The body with what the paths name expanded; raises Refusal for what cannot be."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            raise refusals.invalid(
                f"You cannot expand more than {_DEEPEST} levels of a property: {path}", param="expand"
            )
        body = _Expansion(account, path).of(body, steps, shape, owner=body)
    return body


@dataclass(frozen=True)
class _Expansion:
    account: Account
    path: str

    def of(self, value: Any, steps: list[str], shape: Shape, *, owner: dict[str, Any]) -> Any:
        """The value with the steps from it expanded. `owner` is the object around it that has an id."""
        if not steps or value is None:
            return value
        if isinstance(shape, Page):
            if steps[0] != "data":
                raise _cannot_be(self.path)
            return {**value, "data": [self.of(i, steps[1:], shape.item, owner=i) for i in value["data"]]}
        if isinstance(shape, ListOf):
            return [self.of(item, steps, shape.item, owner=owner) for item in value]
        if not isinstance(shape, Record) or steps[0] not in shape.fields:
            raise _cannot_be(self.path)
        name, rest = steps[0], steps[1:]
        inner = shape.fields[name].shape
        target = _target(inner)
        owner = value if "id" in value else owner
        here = value.get(name)
        if here is None:
            here = _included(self.account, owner, name)
        elif isinstance(here, str) and target is not None:
            here = self._object(here, target)
        if target is None and not rest and not _is_left_out((value, owner), name):
            raise _cannot_be(self.path)
        return {**value, name: self.of(here, rest, target or inner, owner=owner)}

    def _object(self, object_id: str, target: Shape) -> dict[str, Any]:
        kind = target.object_name if isinstance(target, Record) else None
        stored = self.account.store.find(self.account.id, object_id, kind=kind)
        if stored is None:
            raise refusals.not_served(
                f"the object {object_id}, so {self.path} cannot be expanded", param="expand"
            )
        return as_of_now(self.account, stored)


def _target(shape: Shape) -> Shape | None:
    """What a field expands to, or None if it cannot be expanded."""
    if isinstance(shape, Page):
        return shape
    if isinstance(shape, OneOf):
        return next((option for option in shape.options if isinstance(option, Record)), None)
    return None


# What is told only to who expands it, beside the lists that `_included` cuts: by the object that has it.
_LEFT_OUT = {
    "checkout.session": {"breakdown"},
    "coupon": {"applies_to"},
    "item": {"discounts", "taxes"},
}


def _is_left_out(around: tuple[dict[str, Any], ...], name: str) -> bool:
    return any(name in _LEFT_OUT.get(value.get("object", ""), ()) for value in around)


def _included(account: Account, value: dict[str, Any], name: str) -> Any:
    """What is left out of its object unless asked for."""
    if _is_left_out((value,), name):
        stored = account.store.find(account.id, value["id"], kind=value["object"])
        return stored.private.get("included", {}).get(name) if stored else None
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
