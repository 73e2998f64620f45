"""What the installed library would send and expect back for one of its service methods."""

import importlib
import inspect
import re
import sys
import typing
from dataclasses import dataclass
from functools import cache
from typing import Any

from stripe import _v1_services

from commerce.sandbox.schemas.annotations import Record, Shape, read


@dataclass(frozen=True)
class Operation:
    """One HTTP operation of the API: `params` is what may be sent, `result` what must come back."""

    name: str
    verb: str
    path: str
    pattern: re.Pattern[str]
    params: Record | None
    result: Shape


@cache
def operation(name: str) -> Operation:
    """Derive an operation from its name under `StripeClient.v1`, such as `checkout.sessions.create`.

    The path comes from calling the library's method on a service that records instead of sending. Raises
    LookupError if the library has no such method, so that an upgrade which drops one is noticed.
    """
    *services, method_name = name.split(".")
    service_class = _service_class(services)
    method = getattr(service_class, method_name, None)
    if method is None:
        raise LookupError(f"stripe has no {name}: the sandbox serves an operation the library dropped")
    verb, path = _recorded_call(service_class, method)
    module = sys.modules[service_class.__module__]
    params = _params_record(method, module)
    return Operation(
        name=name,
        verb=verb.upper(),
        path=path,
        pattern=re.compile(re.sub(r"__(\w+?)__", r"(?P<\1>[^/]+)", path) + r"\Z"),
        params=params,
        result=read(method.__annotations__["return"], module),
    )


def _service_class(names: list[str]) -> type:
    services = _v1_services._subservices
    cls: type | None = None
    for name in names:
        if name not in services:
            raise LookupError(f"stripe has no service {'.'.join(names)}")
        module_name, class_name = services[name]
        module = importlib.import_module(module_name)
        cls = getattr(module, class_name)
        services = getattr(module, "_subservices", {})
    if cls is None:
        raise LookupError("an operation is named service.method")
    return cls


def _recorded_call(service_class: type, method: Any) -> tuple[str, str]:
    calls: list[tuple[str, str]] = []

    def record(self: object, verb: str, path: str, **rest: object) -> None:
        calls.append((verb, path))

    recorder = type("Recorder", (service_class,), {"_request": record})(None)
    placeholders = [
        f"__{parameter.name}__"
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is parameter.empty and parameter.name not in ("self", "params")
    ]
    takes_required_params = inspect.signature(method).parameters["params"].default is inspect.Parameter.empty
    getattr(recorder, method.__name__)(*placeholders, **({"params": {}} if takes_required_params else {}))
    return calls[0]


def _params_record(method: Any, module: Any) -> Record | None:
    annotation = method.__annotations__.get("params")
    members = [m for m in typing.get_args(annotation) if m is not type(None)] or [annotation]
    shape = read(members[0], module)
    return shape if isinstance(shape, Record) else None
