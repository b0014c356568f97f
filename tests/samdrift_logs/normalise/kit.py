"""What the tests of normalisers share: records of lines, and a row as it stands in expected/."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

import orjson

from samdrift_logs.events import RawBatch
from samdrift_logs.events.sources import Source, SourceRegistry
from samdrift_logs.journal.records import JournalRecord
from samdrift_logs.normalise import Normalised, normalise

ORGANISATION = UUID("0190a000-0000-7000-8000-000000000461")
SOURCE = UUID("0190a000-0000-7000-8000-0000000000aa")
RECEIVED_AT = dt.datetime(2026, 11, 23, 20, 15, tzinfo=dt.UTC)
OURS = {"event_id", "organisation", "source", "received_at", "day", "raw", "parser"}


def registry_of(source_type: str) -> SourceRegistry:
    return SourceRegistry(sources=(Source(id=SOURCE, organisation=ORGANISATION, name="kilde", type=source_type),))


def record_of(lines: Sequence[bytes], *, sequence: int = 1, source: UUID = SOURCE, **more: object) -> JournalRecord:
    batch = RawBatch(
        organisation=ORGANISATION,
        source=source,
        door="test",
        peer="127.0.0.1",
        received_at=RECEIVED_AT,
        lines=lines,
        **more,  # type: ignore[arg-type]
    )
    return JournalRecord(0, sequence, batch)


def read_lines(lines: Sequence[bytes], source_type: str) -> Normalised:
    return normalise([record_of(lines)], registry_of(source_type))


def rows_of(result: Normalised) -> list[dict[str, object]]:
    """Return what is in expected/: per line an event's columns that say something, or the reason of its reject."""
    found: dict[int, dict[str, object]] = {}
    for row in result.events.table.to_pylist():
        columns = {name: _plain(value) for name, value in row.items() if name not in OURS and value is not None}
        columns["fields"] = orjson.loads(row["fields"])
        found[_line_number(row)] = columns
    for row in result.rejects.table.to_pylist():
        found[_line_number(row)] = {"reject": row["reason"]}
    return [found[number] for number in sorted(found)]


def _line_number(row: dict[str, object]) -> int:
    return int(str(row["event_id"]).rsplit("-", 1)[1])


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.date) else value
