"""What `samdrift tasks` runs for support, within its Scope for operation over everyone. Thin."""

from __future__ import annotations

import datetime as dt

from samdrift.support import operations


def note_breaches(*, now: dt.datetime) -> int:
    """Note what became late by `now`; returns how many clocks. Safe to run as often as one likes."""
    return len(operations.note_breaches(at=now))
