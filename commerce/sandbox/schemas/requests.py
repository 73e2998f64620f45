"""Check the parameters of a request against their derived shape, and turn their text into values."""

import decimal
import re
from typing import Any
from urllib.parse import urlsplit

from commerce.sandbox import refusals
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
    Record,
    Shape,
    Text,
    Unset,
)

_MOST_METADATA_KEYS, _LONGEST_METADATA_KEY, _LONGEST_METADATA_VALUE = 50, 40, 500


def checked(record: Record | None, sent: dict[str, Any]) -> dict[str, Any]:
    """The parameters as Python values (int, bool, Decimal, list, dict).

    Raises Refusal, as Stripe does, naming the parameter: unknown, missing, or not of its type.
    An empty string that unsets a value comes back as None.
    """
    if record is None:
        if sent:
            raise refusals.unknown_parameters(sorted(sent))
        return {}
    return _record(record, sent, "")


def _record(record: Record, sent: Any, path: str) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise refusals.invalid(f"Invalid object: {sent}", param=path)
    unknown = [_join(path, name) for name in sent if name not in record.fields]
    if unknown:
        raise refusals.unknown_parameters(unknown)
    for name, field in record.fields.items():
        if field.required and name not in sent:
            raise refusals.missing_parameter(_join(path, name))
    return {name: _value(record.fields[name].shape, value, _join(path, name)) for name, value in sent.items()}


def _join(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _value(shape: Shape, sent: Any, path: str) -> Any:
    match shape:
        case Record():
            return _record(shape, sent, path)
        case ListOf():
            return _list(shape, sent, path)
        case MapOf():
            return _map(shape, sent, path)
        case OneOf():
            return _first_that_fits(shape, sent, path)
        case Anything():
            return sent
    if not isinstance(sent, str):
        raise refusals.invalid(
            "Invalid string: a nested value was sent where a plain one is expected", param=path
        )
    if isinstance(shape, Unset):
        if sent == "":
            return None
        raise refusals.invalid(f"Invalid value: {sent}", param=path)
    if sent == "":
        raise refusals.empty_parameter(path)
    return _plain(shape, sent, path)


def _plain(shape: Shape, sent: str, path: str) -> Any:
    match shape:
        case Text():
            if path.endswith(("_url", "_url]")) and not _is_unbroken_address(sent):
                raise refusals.invalid("Not a valid URL", param=path, code="url_invalid")
            return sent
        case Integer():
            if not re.fullmatch(r"-?\d{1,18}", sent, re.ASCII):
                raise refusals.invalid(
                    f"Invalid integer: {sent}", param=path, code="parameter_invalid_integer"
                )
            return int(sent)
        case Boolean():
            if sent.lower() not in ("true", "false", "0", "1"):
                raise refusals.invalid(f"Invalid boolean: {sent}", param=path)
            return sent.lower() in ("true", "1")
        case Number() | DecimalText():
            return _decimal(shape, sent, path)
        case Choice():
            if sent not in shape.values:
                choices = ", ".join(str(value) for value in shape.values)
                name = re.split(r"[\[\]]+", path.rstrip("]"))[-1]
                raise refusals.invalid(f"Invalid {name}: must be one of {choices}", param=path)
            return sent
    raise TypeError(f"a request cannot carry a {type(shape).__name__} at {path}")


def _is_unbroken_address(text: str) -> bool:
    """Whether nothing in it could end a header or a directive that repeats it."""
    try:
        netloc = urlsplit(text).netloc
    except ValueError:
        return False
    return text.isprintable() and " " not in text and not set(netloc) & set(";,'\"<>\\^`{|}")


def _decimal(shape: Shape, sent: str, path: str) -> Any:
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,12})?", sent, re.ASCII):
        raise refusals.invalid(f"Invalid decimal: {sent}", param=path)
    number = decimal.Decimal(sent)
    return number if isinstance(shape, DecimalText) else float(number)


def _list(shape: ListOf, sent: Any, path: str) -> list[Any]:
    if isinstance(sent, dict) and all(re.fullmatch(r"\d{1,9}", key, re.ASCII) for key in sent):
        sent = [sent[key] for key in sorted(sent, key=int)]
    if not isinstance(sent, list):
        raise refusals.invalid("Invalid array", param=path)
    return [_value(shape.item, value, f"{path}[{index}]") for index, value in enumerate(sent)]


def _map(shape: MapOf, sent: Any, path: str) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise refusals.invalid(f"Invalid hash: {sent}", param=path)
    if isinstance(shape.value, Text):
        return _metadata(sent, path)
    return {key: _value(shape.value, value, f"{path}[{key}]") for key, value in sent.items()}


def _metadata(sent: dict[str, Any], path: str) -> dict[str, str]:
    if len(sent) > _MOST_METADATA_KEYS:
        raise refusals.invalid(f"Metadata can have at most {_MOST_METADATA_KEYS} keys", param=path)
    for key, value in sent.items():
        if not isinstance(value, str):
            raise refusals.invalid("Metadata values must be strings", param=f"{path}[{key}]")
        if len(key) > _LONGEST_METADATA_KEY:
            raise refusals.invalid(
                f"Metadata keys must be at most {_LONGEST_METADATA_KEY} characters long",
                param=f"{path}[{key}]",
            )
        if len(value) > _LONGEST_METADATA_VALUE:
            raise refusals.invalid(
                f"Metadata values must be at most {_LONGEST_METADATA_VALUE} characters long",
                param=f"{path}[{key}]",
            )
    return dict(sent)


def _first_that_fits(shape: OneOf, sent: Any, path: str) -> Any:
    wanted = (Record, MapOf) if isinstance(sent, dict) else (ListOf,) if isinstance(sent, list) else ()
    ranked = sorted(shape.options, key=lambda option: not isinstance(option, wanted))
    problem: refusals.Refusal | None = None
    for option in ranked:
        try:
            return _value(option, sent, path)
        except refusals.Refusal as refusal:
            problem = problem or refusal
    raise problem or refusals.invalid(f"Invalid value: {sent}", param=path)
