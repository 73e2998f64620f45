"""Read Stripe's form encoding: `a[b]=1`, `a[0][b]=1` and `a[]=1` become dicts and lists of text."""

import re
from typing import Any
from urllib.parse import parse_qsl

from commerce.sandbox import refusals

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
_DEEPEST = 12
_MOST_FIELDS = 5000


def decode(text: str) -> dict[str, Any]:
    """The nested parameters of a body or query string; raises Refusal where names contradict each other.

    Numbered lists stay dicts with digits as keys: only the parameter's shape can tell a list from a map.
    """
    nested: dict[str, Any] = {}
    if text.count("&") >= _MOST_FIELDS:
        raise refusals.invalid(f"A request can have at most {_MOST_FIELDS} parameters")
    for name, value in parse_qsl(text, keep_blank_values=True):
        matched = _NAME.match(name)
        if matched is None:
            raise refusals.invalid(f"Invalid parameter name: {name}", param=name)
        keys = [matched[1], *re.findall(r"\[([^\[\]]*)\]", matched[2])]
        if len(keys) > _DEEPEST:
            raise refusals.invalid(f"Parameters are nested too deeply: {name}", param=name)
        _put(nested, keys, value, name)
    return nested


def _put(nested: dict[str, Any], keys: list[str], value: str, name: str) -> None:
    here: Any = nested
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        if following is None:
            _put_last(here, key, value, name)
            return
        child: Any = [] if following == "" else {}
        if isinstance(here, list):
            here.append(child)
            here = child
        else:
            here = here.setdefault(key, child)
        if not isinstance(here, type(child)):
            raise refusals.invalid(
                f"Invalid parameter: {name} is used both as a value and as a container", param=name
            )


def _put_last(here: Any, key: str, value: str, name: str) -> None:
    if isinstance(here, list):
        here.append(value)
    elif isinstance(here.get(key), (dict, list)):
        raise refusals.invalid(
            f"Invalid parameter: {name} is used both as a value and as a container", param=name
        )
    else:
        here[key] = value
