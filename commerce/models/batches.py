"""Walk through many rows without a cursor that a closed connection would take away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)

BATCH = 200


def in_batches(rows: QuerySet[Row]) -> Iterator[Row]:
    """All rows there are, in the order of their keys, asked for BATCH at a time.

    A queue that writes its tasks to the database closes connections that are old, and with them the cursor
    that `iterator()` reads from: what is done with a row may enqueue something.
    """
    last: Any = None
    while True:
        ahead = rows.order_by("pk") if last is None else rows.order_by("pk").filter(pk__gt=last)
        batch = list(ahead[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        last = batch[-1].pk
