"""What a source type's reader takes and gives: one line with its Origin in, one Event out, or LineRejected.

A reader is a module `normalise/<source type>/normalise.py` with

    def read(line: bytes, origin: Origin) -> Event

It is called once per line, in order, and must not keep state between lines: the same line read again gives the same
event. `native` becomes the fields that rules are evaluated on, `columns` the typed columns of the lake.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from typing import Any, NamedTuple

import attrs
import orjson

from samdrift_logs.errors import LineRejected

# Fields are columns in memory: an event that invents names by the thousand would make everybody's batch slow.
MOST_FIELDS = 2_000
DEEPEST = 32


@attrs.frozen(kw_only=True)
class Origin:
    """Where and when a line came in. `zone` is used where the line states local time without an offset."""

    received_at: dt.datetime
    zone: dt.tzinfo = dt.UTC
    peer: str = ""


class Event(NamedTuple):
    """One line understood.

    `native` has the fields under the source's own names (plus the aliases that Sigma rules use), values as sent: text,
    number, true/false, null or a list. `columns` has typed columns of `events.columns` by name: str, int or an aware
    datetime; None or left out where the line does not say. `product`, `source_type`, `raw` and ours are not set here.
    """

    native: dict[str, Any]
    columns: dict[str, Any]


def load_object(line: bytes) -> dict[str, Any]:
    """Read a line that is one JSON object. Raises LineRejected with the column of the fault."""
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise LineRejected(f"not JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    if type(document) is not dict:
        raise LineRejected("not a JSON object: one object with fields is wanted on each line")
    return document


def flatten(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested objects as one level with dotted names. Lists stay, with the objects inside them as JSON text.

    Raises LineRejected for more than MOST_FIELDS fields or objects nested deeper than DEEPEST.
    """
    flat: dict[str, Any] = {}
    _flatten_into(flat, document, "", 0)
    if len(flat) > MOST_FIELDS:
        raise LineRejected(f"too many fields: {len(flat)}, at most {MOST_FIELDS} are taken")
    return flat


def _flatten_into(flat: dict[str, Any], document: Mapping[str, Any], prefix: str, depth: int) -> None:
    if depth > DEEPEST:
        raise LineRejected(f"nested too deep: objects within more than {DEEPEST} objects")
    for name, value in document.items():
        if type(value) is dict:
            _flatten_into(flat, value, f"{prefix}{name}.", depth + 1)
        else:
            flat[prefix + name] = value


def decode(line: bytes) -> str:
    """Return a line of text: UTF-8 (a byte order mark is dropped), else Latin-1, which takes any bytes."""
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def whole(value: object, most: int = 2**63 - 1) -> int | None:
    """Return a value as a whole number from 0 to `most`, or None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < 20):
        return None
    number = int(value)
    return number if 0 <= number <= most else None


def port(value: object) -> int | None:
    """Return a value as a port number, or None where it is none."""
    return whole(value, 65_535)


def first_text(fields: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of these fields that is text and says something ('' and '-' do not)."""
    for name in names:
        value = fields.get(name)
        if type(value) is str and value and value != "-":
            return value
    return None


def zone_named(name: str) -> dt.tzinfo:
    """Return a time zone by its IANA name; UTC where this machine does not know it."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return dt.UTC
