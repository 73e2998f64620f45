"""Make the database take what its constraints refuse, to see that somebody else notices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def unchecked(table: str, *checks: str) -> Iterator[None]:
    """Write rows of table that its check constraints (named, for PostgreSQL) refuse."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Foreign keys that are still to be looked at would be in the way.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for name in checks:
                cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
            yield
            return
        cursor.execute("PRAGMA ignore_check_constraints = 1")
        try:
            yield
        finally:
            cursor.execute("PRAGMA ignore_check_constraints = 0")


def without_index(name: str) -> None:
    """Take a conditional unique constraint away; the test's transaction brings it back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f'DROP INDEX "{name}"')
