"""Check what the sandbox is about to answer against the shape the library expects."""

import re
from typing import Any

from commerce.sandbox.schemas.annotations import (
    Anything,
    Boolean,
    Choice,
    DecimalText,
    Integer,
    ListOf,
    MapOf,
    Number,
    OneOf,
    Page,
    Record,
    Shape,
    Text,
)


def violations(shape: Shape, value: Any, path: str = "") -> list[str]:
    """Every way in which value is not of that shape, as `path: what is wrong`; an empty list if it is."""
    match shape:
        case Record():
            return _record_violations(shape, value, path)
        case Page():
            return _page_violations(shape, value, path)
        case OneOf():
            return _union_violations(shape, value, path)
        case ListOf():
            if not isinstance(value, list):
                return [f"{path}: expected a list, got {value!r}"]
            return [
                problem
                for n, item in enumerate(value)
                for problem in violations(shape.item, item, f"{path}[{n}]")
            ]
        case MapOf():
            if not isinstance(value, dict):
                return [f"{path}: expected a map, got {value!r}"]
            return [
                problem
                for key, item in value.items()
                for problem in violations(shape.value, item, f"{path}.{key}")
            ]
    return [] if _is_plain(shape, value) else [f"{path}: expected {_named(shape)}, got {value!r}"]


def _is_plain(shape: Shape, value: Any) -> bool:
    match shape:
        case Anything():
            return True
        case Text():
            return isinstance(value, str)
        case Integer():
            return isinstance(value, int) and not isinstance(value, bool)
        case Number():
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case Boolean():
            return isinstance(value, bool)
        case DecimalText():
            return isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value) is not None
        case Choice():
            return value in shape.values
    return False


def _named(shape: Shape) -> str:
    return f"one of {shape.values}" if isinstance(shape, Choice) else type(shape).__name__


def _record_violations(shape: Record, value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: expected {shape.name}, got {value!r}"]
    if value.get("deleted") is True and "deleted" in shape.fields:
        return [] if set(value) == _DELETED_FIELDS else [f"{path}: a deleted object has {sorted(value)}"]
    problems = [
        f"{path}.{name}: {shape.name} has no such field" for name in value if name not in shape.fields
    ]
    for name, field in shape.fields.items():
        if name not in value:
            if field.required:
                problems.append(f"{path}.{name}: {shape.name} must have it")
        elif value[name] is None:
            if not field.nullable:
                problems.append(f"{path}.{name}: may not be null")
        else:
            problems += violations(field.shape, value[name], f"{path}.{name}")
    return problems


def _page_violations(shape: Page, value: Any, path: str) -> list[str]:
    if not isinstance(value, dict) or value.get("object") != "list":
        return [f"{path}: expected a list object, got {value!r}"]
    problems = [f"{path}: a list object has {sorted(value)}"] if set(value) != _PAGE_FIELDS else []
    return problems + violations(ListOf(shape.item), value.get("data"), f"{path}.data")


_DELETED_FIELDS = {"id", "object", "deleted"}
_PAGE_FIELDS = {"object", "data", "has_more", "url"}


def _union_violations(shape: OneOf, value: Any, path: str) -> list[str]:
    fewest: list[str] | None = None
    for option in shape.options:
        problems = violations(option, value, path)
        if not problems:
            return []
        if fewest is None or _is_nearer(option, value):
            fewest = problems
    return fewest or [f"{path}: nothing fits {value!r}"]


def _is_nearer(option: Shape, value: Any) -> bool:
    return (
        isinstance(option, Record) and isinstance(value, dict) and option.object_name == value.get("object")
    )
