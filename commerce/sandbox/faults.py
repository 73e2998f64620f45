"""Faults on demand: the next calls that fit a pattern fail in a chosen way."""

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from commerce.sandbox import refusals
from commerce.sandbox.http_messages import LineCut

KINDS = ("429", "500", "503", "409", "stall", "cut")
_LONGEST_STALL = 120


@dataclass
class Fault:
    """`when` is before or after the call is acted on; `seconds` is how long a stall lasts."""

    kind: str
    path: str = "*"
    verb: str = "*"
    when: str = "before"
    times: int = 1
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not isinstance(self.verb, str):
            raise ValueError("the path and the verb of a fault are patterns, such as /v1/refunds* and POST")
        if self.kind not in KINDS:
            raise ValueError(f"a fault is one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.when not in ("before", "after"):
            raise ValueError(f"a fault happens before or after the call is acted on, not {self.when!r}")
        if not _is_number(self.seconds) or not 0 <= self.seconds <= _LONGEST_STALL:
            raise ValueError(f"a stall lasts 0 to {_LONGEST_STALL} seconds")
        if not isinstance(self.times, int) or isinstance(self.times, bool) or self.times < 1:
            raise ValueError("a fault happens at least once, and a whole number of times")


@dataclass
class Faults:
    """Faults that are due; each call takes the first that fits it."""

    due: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _woken: threading.Event = field(default_factory=threading.Event)

    def add(self, **wishes: Any) -> Fault:
        """Have a fault happen; the wishes are the fields of Fault. Raises ValueError for what cannot be."""
        try:
            fault = Fault(**wishes)
        except TypeError as problem:
            raise ValueError(f"a fault has kind, path, verb, when, times and seconds: {problem}") from problem
        with self._lock:
            self.due.append(fault)
        return fault

    def take(self, *, verb: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.due:
                if fnmatchcase(path, fault.path) and fnmatchcase(verb, fault.verb.upper()):
                    fault.times -= 1
                    if fault.times == 0:
                        self.due.remove(fault)
                    return fault
        return None

    def strike(self, fault: Fault | None, *, when: str) -> None:
        """Do to the call what its fault asks for at this point: nothing, a pause, a refusal, or LineCut."""
        if fault is None or fault.when != when:
            return
        if fault.kind == "stall":
            self._woken.wait(fault.seconds)
        elif fault.kind == "cut":
            raise LineCut
        else:
            raise _refusal(fault.kind)

    def clear(self) -> None:
        with self._lock:
            self.due.clear()

    def wake(self) -> None:
        """End every stall, because the sandbox stops."""
        self._woken.set()


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _refusal(kind: str) -> refusals.Refusal:
    if kind == "429":
        return refusals.invalid("Too many requests hit the API too quickly.", code="rate_limit", status=429)
    if kind == "409":
        return refusals.invalid(
            "This object cannot be accessed right now because another API request is currently accessing it.",
            code="lock_timeout",
            status=409,
        )
    return refusals.Refusal(
        int(kind), type="api_error", message="An unknown error occurred (a fault asked for)."
    )
