"""Make what senders wrote fit for a database without losing what it said.

PostgreSQL takes no NUL in text, and neither database takes half a surrogate pair; both occur in attack traffic. They
are shown as visible signs here; the lake keeps the bytes as received.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

Storable = str | int | float | bool | None | list["Storable"] | dict[str, "Storable"]

_LONGEST = 32_768  # characters of one value that the copy beside an alert keeps
_BIGGEST = 2**63


def storable_text(text: str, *, longest: int = _LONGEST) -> str:
    """Return `text` without NUL and lone surrogates, cut at `longest` characters with a sign that it was."""
    clean = text.replace("\x00", "␀").encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def storable(value: object) -> Storable:
    """Return `value` as JSON can carry it: instants as ISO text, bytes as text, anything unknown as its text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < _BIGGEST else str(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return storable_text(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, Mapping):
        return {storable_text(str(key), longest=200): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [storable(item) for item in value]
    return storable_text(str(value))
