"""The rows that migrations made, remembered and put back as they were, ids and all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.cache import caches
from django.db import connections, transaction

MIGRATIONS_TABLE = "django_migrations"


@dataclass(frozen=True)
class MigratedRows:
    """What every table of a database held at one moment."""

    alias: str
    tables: dict[str, tuple[list[str], list[tuple[Any, ...]]]]

    @classmethod
    def remember(cls, alias: str) -> MigratedRows:
        """Read all tables of the models, but for the virtual ones that triggers keep (SQLite's full text)."""
        connection = connections[alias]
        tables = {}
        with connection.cursor() as cursor:
            for table in sorted(set(_model_tables(connection)) - _kept_by_triggers(connection)):
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
                tables[table] = ([column[0] for column in cursor.description], list(cursor.fetchall()))
        return cls(alias, tables)

    def put_back(self) -> None:
        """Empty every table, and fill it as it was.

        Foreign keys are checked when the transaction ends, so the order of the tables does not matter.
        """
        connection = connections[self.alias]
        quote = connection.ops.quote_name
        with transaction.atomic(using=self.alias), connection.cursor() as cursor:
            for table in self.tables:
                cursor.execute(f"DELETE FROM {quote(table)}")
            for table, (columns, rows) in self.tables.items():
                if rows:
                    names = ", ".join(map(quote, columns))
                    places = ", ".join(["%s"] * len(columns))
                    cursor.executemany(
                        f"INSERT INTO {quote(table)} ({names}) VALUES ({places})",
                        [tuple(map(connection.ops.adapt_unknown_value, row)) for row in rows],
                    )
        ContentType.objects.clear_cache()
        for cache in caches.all(initialized_only=True):
            cache.clear()


def _model_tables(connection: Any) -> list[str]:
    return connection.introspection.django_table_names(only_existing=True, include_views=False)


def _kept_by_triggers(connection: Any) -> set[str]:
    if connection.vendor != "sqlite":
        return {MIGRATIONS_TABLE}
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%%'")
        return {MIGRATIONS_TABLE} | {name for (name,) in cursor.fetchall()}
