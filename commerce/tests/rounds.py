"""How often a race is run: a few times with every change, and long by `make races`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

IS_LONG = os.environ.get("RACES") == "long"
# Whether the least example of a failure is looked for; `make guards` wants to know only whether there is one.
IS_SHRUNK = os.environ.get("TESTS_SHRINK") != "no"


def rounds(*, short: int, long: int) -> range:
    """So many rounds: long ones when the environment says RACES=long."""
    return range(long if IS_LONG else short)


def race(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run acts in a thread each, all from one moment on; what each returned, or raised."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return act()
        except Exception as error:  # noqa: BLE001 - what a thread raised is a result to look at
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(run, act) for act in acts]]


def failures(answers: Sequence[Any], *, but: tuple[type[Exception], ...] = ()) -> list[Any]:
    """What went wrong and is no refusal in words; a deadlock, for one."""
    return [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, but)]
