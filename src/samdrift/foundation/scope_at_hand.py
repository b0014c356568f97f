"""The Scope at hand: entered at a door, left behind it. Knows no models, so that the database backend can ask it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from samdrift_logs.errors import ScopeMissing
from samdrift_logs.scope import Scope

_entered: ContextVar[Scope | None] = ContextVar("samdrift_scope", default=None)


def current() -> Scope:
    """Return the Scope at hand. Raises ScopeMissing outside of any `entered` block."""
    scope = _entered.get()
    if scope is None:
        raise ScopeMissing("no Scope is entered; ask federation.boundary.scope_for and enter it")
    return scope


def is_entered() -> bool:
    """Tell whether any Scope is at hand."""
    return _entered.get() is not None


@contextlib.contextmanager
def entered(scope: Scope) -> Iterator[Scope]:
    """Work within `scope`; the one before returns afterwards. Query sets made inside do not run outside."""
    token = _entered.set(scope)
    try:
        yield scope
    finally:
        _entered.reset(token)
