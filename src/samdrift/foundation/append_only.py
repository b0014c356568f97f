"""Triggers that refuse to change or remove a row of an append-only table, whoever asks.

They are made anew after every migrate: when Django alters a table on SQLite it makes a new one and drops the old one's
triggers without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from samdrift.foundation import scoped
from samdrift.foundation.scoped import ScopedModel

_PG_FUNCTION = """
CREATE OR REPLACE FUNCTION samdrift_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def append_only_models() -> list[type[ScopedModel]]:
    """Return the models whose rows are written once, by label."""
    return [model for _, model in sorted(scoped.registry().items()) if model.append_only]


def install(connection: BaseDatabaseWrapper, models: Sequence[type[ScopedModel]] | None = None) -> None:
    """Make the triggers of these append-only tables, or of all, anew where the tables exist."""
    models = append_only_models() if models is None else models
    remove(connection, models)
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        if connection.vendor == "postgresql":
            cursor.execute(_PG_FUNCTION)
        for model in models:
            if model._meta.db_table in present:
                for statement in _creation(model._meta.db_table, connection):
                    cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper, models: Sequence[type[ScopedModel]] | None = None) -> None:
    """Drop the triggers. For the test set-up, which empties tables between tests; nothing else may."""
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        for model in append_only_models() if models is None else models:
            table = model._meta.db_table
            if table not in present:
                continue
            on_table = f" ON {connection.ops.quote_name(table)}" if connection.vendor == "postgresql" else ""
            for event in _events(connection):
                cursor.execute(f"DROP TRIGGER IF EXISTS {_name(table, event)}{on_table}")


def install_after_migrate(app_config: AppConfig, using: str, **_: Any) -> None:
    """Handle `post_migrate`, which Django sends for each app in turn."""
    models = [model for model in append_only_models() if model._meta.app_label == app_config.label]
    if models:
        install(connections[using], models)


def _events(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    return ("update", "delete", "truncate") if connection.vendor == "postgresql" else ("update", "delete")


def _name(table: str, event: str) -> str:
    return f"{table}_no_{event}"


def _creation(table: str, connection: BaseDatabaseWrapper) -> list[str]:
    quoted = connection.ops.quote_name(table)
    if connection.vendor == "postgresql":
        return [
            f"CREATE TRIGGER {_name(table, event)} BEFORE {event.upper()} ON {quoted} "
            f"FOR EACH {'STATEMENT' if event == 'truncate' else 'ROW'} EXECUTE FUNCTION samdrift_append_only()"
            for event in _events(connection)
        ]
    return [
        f"CREATE TRIGGER {_name(table, event)} BEFORE {event.upper()} ON {quoted} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for event in _events(connection)
    ]
