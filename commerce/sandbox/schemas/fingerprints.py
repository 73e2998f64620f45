"""Which shapes the sandbox was written for, so that a library that moved on is noticed, and where it did.

After a look at every difference, write them anew:
`python -m commerce.sandbox.schemas.fingerprints > commerce/sandbox/tests/shapes.json`
"""

# ruff: noqa: T201 - a command speaks on its terminal

import hashlib
import json

import stripe

from commerce.sandbox.resources import SERVED
from commerce.sandbox.schemas.annotations import (
    Choice,
    ListOf,
    MapOf,
    OneOf,
    Page,
    Record,
    Shape,
)
from commerce.sandbox.schemas.operations import operation

Fingerprints = dict[str, dict[str, str]]


def fingerprints() -> Fingerprints:
    """By operation and by kind of object, a digest of each field with all that is in it.

    What is in an object ends at the next object: a charge in an intent is told by the charge's own.
    """
    found: Fingerprints = {}
    objects: dict[str, Record] = {}
    for name in sorted(SERVED):
        called = operation(name)
        fields = called.params.fields if called.params else {}
        found[f"parameters of {name}"] = {"": _digest(f"{called.verb} {called.path}")} | {
            key: _digest(f"{field.required} {field.nullable} {_told(field.shape, ())}")
            for key, field in fields.items()
        }
        _note_objects(called.result, objects)
    for kind, record in sorted(objects.items()):
        found[f"object {kind}"] = {
            key: _digest(f"{field.required} {field.nullable} {_told(field.shape, ())}")
            for key, field in record.fields.items()
        }
    return found


def differences(before: Fingerprints, now: Fingerprints) -> list[str]:
    """A line for each thing whose shape is another: what is gone, new, or changed within."""
    lines = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name, {}), now.get(name, {})
        changed = sorted(field for field in old.keys() & new.keys() if old[field] != new[field])
        parts = [
            f"{what} {', '.join(field or 'verb or path' for field in sorted(fields))}"
            for what, fields in (
                ("gone:", old.keys() - new.keys()),
                ("new:", new.keys() - old.keys()),
                ("changed:", changed),
            )
            if fields
        ]
        if parts:
            lines.append(f"{name}: {'; '.join(parts)}")
    return lines


def _note_objects(shape: Shape, objects: dict[str, Record]) -> None:
    if isinstance(shape, Page):
        shape = shape.item
    if isinstance(shape, Record) and shape.object_name:
        objects[shape.object_name] = shape


def _told(shape: Shape, above: tuple[Record, ...]) -> str:
    match shape:
        case Record():
            if shape in above or shape.object_name:
                return f"<{shape.object_name or shape.name}>"
            inside = sorted(
                f"{name}{'!' if field.required else ''}{'?' if field.nullable else ''}:"
                f"{_told(field.shape, (*above, shape))}"
                for name, field in shape.fields.items()
            )
            return f"{{{' '.join(inside)}}}"
        case Page():
            return f"page of {_told(shape.item, above)}"
        case ListOf():
            return f"[{_told(shape.item, above)}]"
        case MapOf():
            return f"map of {_told(shape.value, above)}"
        case OneOf():
            return "|".join(sorted(_told(option, above) for option in shape.options))
        case Choice():
            return "/".join(sorted(str(value) for value in shape.values))
    return type(shape).__name__


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


if __name__ == "__main__":
    kept = {"stripe": stripe.VERSION, "api_version": stripe.api_version, "shapes": fingerprints()}
    print(json.dumps(kept, indent=1, sort_keys=True))
