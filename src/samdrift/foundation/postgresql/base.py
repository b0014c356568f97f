"""A connection whose session knows the Scope at hand, so that row-level security can hold where the application errs.

Before a statement runs, the session's settings are brought in line with the Scope of that moment; without one they are
empty and no row of a scoped table is seen. PostgreSQL takes settings back when a transaction or savepoint is rolled
back, so after that they are told anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql import base

from samdrift.foundation import scope_at_hand
from samdrift_logs.scope import Scope

_TELL = (
    "SELECT set_config('samdrift.organisations', %s, false), set_config('samdrift.purpose', %s, false), "
    "set_config('samdrift.everyone', %s, false)"
)
_NOTHING_TOLD = object()


class DatabaseWrapper(base.DatabaseWrapper):
    """A PostgreSQL connection that carries the Scope."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._told: object = _NOTHING_TOLD
        self.execute_wrappers.append(self._tell_scope)

    def get_new_connection(self, conn_params: Any) -> Any:
        """Connect; a new session knows nothing yet."""
        self._told = _NOTHING_TOLD
        return super().get_new_connection(conn_params)

    def _rollback(self) -> Any:
        self._told = _NOTHING_TOLD
        return super()._rollback()  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> Any:
        answer = super()._savepoint_rollback(sid)  # type: ignore[misc]
        self._told = _NOTHING_TOLD
        return answer

    def _tell_scope(self, execute: Callable[..., Any], statement: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        scope = scope_at_hand.current() if scope_at_hand.is_entered() else None
        if self._told is _NOTHING_TOLD or self._told != scope:
            # Not on the statement's own cursor: a server-side one would only declare this and never run it.
            with self.connection.cursor() as session:
                session.execute(_TELL, _settings(scope))
            self._told = scope
        return execute(statement, params, many, context)


def _settings(scope: Scope | None) -> tuple[str, str, str]:
    if scope is None:
        return "", "", "off"
    return (
        ",".join(str(organisation) for organisation in sorted(scope.organisations)),
        scope.purpose.value,
        "on" if scope.everyone else "off",
    )
