"""PostgreSQL's row-level security, generated from the models' declarations: the second lock.

It holds for raw SQL, forgotten filters and mistakes in the gate. Policies are made anew after every migrate. They bind
the tables' owner too (FORCE), but never a superuser: the application must not connect as one. A backup, which must see
every row, runs with `PGOPTIONS="-c samdrift.everyone=on"` and `pg_dump --enable-row-security`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from samdrift.foundation import scoped
from samdrift.foundation.scoped import National, ScopedModel
from samdrift_logs.scope import Purpose

_FUNCTIONS = """
CREATE OR REPLACE FUNCTION samdrift_organisations() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT string_to_array(NULLIF(current_setting('samdrift.organisations', true), ''), ',')::uuid[]
$$;
CREATE OR REPLACE FUNCTION samdrift_everyone() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT COALESCE(NULLIF(current_setting('samdrift.everyone', true), '') = 'on', false)
$$;
CREATE OR REPLACE FUNCTION samdrift_purpose() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT COALESCE(current_setting('samdrift.purpose', true), '')
$$;
"""


def install(connection: BaseDatabaseWrapper, models: Iterable[type[ScopedModel]]) -> None:
    """Make the policies of these models' tables anew, where the tables exist. Does nothing on SQLite."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        cursor.execute(_FUNCTIONS)
        for model in models:
            if model._meta.db_table in present:
                for statement in policies(model):
                    cursor.execute(statement)


def install_after_migrate(app_config: AppConfig, using: str, **_: Any) -> None:
    """Handle `post_migrate`, which Django sends for each app in turn."""
    install(connections[using], [model for model in app_config.get_models() if issubclass(model, ScopedModel)])


def policies(model: type[ScopedModel]) -> list[str]:
    """Return the statements that lock one model's table as its declaration says."""
    table = f'"{model._meta.db_table}"'
    sees = _condition(_covers(model, model.boundary.parties), scoped.readable_purposes(model))
    writes = _condition(_covers(model, model.boundary.writers), model.write_purposes)
    rules = {
        "select": f"FOR SELECT USING ({sees})",
        "insert": f"FOR INSERT WITH CHECK ({writes})",
        "update": f"FOR UPDATE USING ({writes}) WITH CHECK ({writes})",
        "delete": f"FOR DELETE USING ({writes})",
    }
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        *(f"DROP POLICY IF EXISTS samdrift_{name} ON {table}" for name in rules),
        *(f"CREATE POLICY samdrift_{name} ON {table} {rule}" for name, rule in rules.items()),
    ]


def _covers(model: type[ScopedModel], names: Iterable[str]) -> str:
    """Return the condition that one of these parties is in Scope; published rows need a Scope at least."""
    columns = [str(scoped.field_of(model, name).column) for name in names]
    if not columns:
        assert isinstance(model.boundary, National)
        return "true"
    return " OR ".join(f'"{column}" = ANY ((SELECT samdrift_organisations())::uuid[])' for column in columns)


def _condition(covers: str, purposes: Iterable[Purpose]) -> str:
    listed = ", ".join(f"'{purpose.value}'" for purpose in sorted(purposes))
    return f"(SELECT samdrift_everyone()) OR ((SELECT samdrift_purpose()) IN ({listed}) AND ({covers}))"


@checks.register(checks.Tags.database)
def check_role(databases: Iterable[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Refuse a database role that row-level security does not bind."""
    faults: list[checks.CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "postgresql":
            continue
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            (unbound,) = cursor.fetchone()
        if unbound:
            faults.append(
                checks.Error(
                    "The database role is a superuser or has BYPASSRLS: row-level security does not bind it.",
                    hint="Connect as a plain role that owns the database.",
                    id="samdrift.E009",
                )
            )
    return faults
