"""Stripe's lists: newest first, by pages, filtered."""

from collections.abc import Callable, Iterable
from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.accounts import Account
from commerce.sandbox.resources.validity import as_of_now
from commerce.sandbox.store import Stored

_USUAL_LIMIT, _HIGHEST_LIMIT = 10, 100
PAGE_PARAMS = frozenset({"limit", "starting_after", "ending_before", "expand"})


def page_of(
    account: Account,
    *,
    kind: str,
    url: str,
    params: dict[str, Any],
    wanted: Callable[[dict[str, Any]], bool] = lambda body: True,
) -> dict[str, Any]:
    """A list object of the account's objects of that kind whose body is wanted."""
    _refuse_foreign_cursors(account, kind, params)
    created = params.get("created")
    bodies = (as_of_now(account, stored) for stored in account.newest_first(kind))
    found = (
        body for body in bodies if wanted(body) and (created is None or is_within(body["created"], created))
    )
    return cut_page(found, url=url, params=params)


def cut_page(bodies: Iterable[dict[str, Any]], *, url: str, params: dict[str, Any]) -> dict[str, Any]:
    limit = params.get("limit", _USUAL_LIMIT)
    if not 1 <= limit <= _HIGHEST_LIMIT:
        raise refusals.invalid(
            f"Invalid limit: it must be between 1 and {_HIGHEST_LIMIT}",
            param="limit",
            code="parameter_invalid_integer",
        )
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise refusals.invalid("You cannot use both starting_after and ending_before", param="ending_before")
    if before:
        newer = _until(bodies, before)
        return _list(newer[-limit:], has_more=len(newer) > limit, url=url)
    rest = iter(bodies)
    if after:
        _until(rest, after)
    data: list[dict[str, Any]] = []
    for body in rest:
        if len(data) == limit:
            return _list(data, has_more=True, url=url)
        data.append(body)
    return _list(data, has_more=False, url=url)


def _until(bodies: Iterable[dict[str, Any]], object_id: str) -> list[dict[str, Any]]:
    passed = []
    for body in bodies:
        if body["id"] == object_id:
            break
        passed.append(body)
    return passed


def _list(data: list[dict[str, Any]], *, has_more: bool, url: str) -> dict[str, Any]:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _refuse_foreign_cursors(account: Account, kind: str, params: dict[str, Any]) -> None:
    for name in ("starting_after", "ending_before"):
        if name in params:
            account.get(kind, params[name], param=name, status=400)


def is_within(created: int, bounds: int | dict[str, int]) -> bool:
    """Whether a time stamp is the one asked for, or between `gt`, `gte`, `lt` and `lte`."""
    if isinstance(bounds, int):
        return created == bounds
    return (
        created > bounds.get("gt", created - 1)
        and created >= bounds.get("gte", created)
        and created < bounds.get("lt", created + 1)
        and created <= bounds.get("lte", created)
    )


def equal_to(params: dict[str, Any], *names: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a body has, under each of the names that were asked for, just what was asked for."""
    asked = {name: params[name] for name in names if name in params}
    return lambda body: all(body[name] == value for name, value in asked.items())


def refuse_unserved(params: dict[str, Any], *, served: Iterable[str], what: str) -> None:
    """Refuse parameters that Stripe knows and the sandbox does not act on."""
    for name in params:
        if name not in served:
            raise refusals.not_served(f"the parameter {name} of {what}", param=name)


def merged_metadata(stored: Stored, params: dict[str, Any]) -> dict[str, str]:
    """Metadata after an update: an empty value removes its key, unsetting the whole removes all."""
    if params["metadata"] is None:
        return {}
    merged = {**stored.body["metadata"], **params["metadata"]}
    return {key: value for key, value in merged.items() if value != ""}


def first_metadata(params: dict[str, Any] | None) -> dict[str, str]:
    """Metadata of a new object: keys sent without a value are not stored."""
    return {key: value for key, value in ((params or {}).get("metadata") or {}).items() if value != ""}
