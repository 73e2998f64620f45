"""Many at once: threads that start together, for tests of races on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

CROWD = 16


def all_at_once(act: Callable[[], Any], *, count: int = CROWD) -> list[Any]:
    """Run act in count threads that start together; what each returned, or raised."""
    start = threading.Barrier(count)

    def one() -> Any:
        start.wait()
        try:
            return act()
        except Exception as error:  # noqa: BLE001 - what a thread raised is a result to look at
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(one) for _thread in range(count)]]
