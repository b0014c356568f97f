"""Batches for tests: rows as mappings, every column left out is null."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import pyarrow as pa

from samdrift_logs.events import REJECT_SCHEMA, SCHEMA, EventBatch, RejectBatch
from samdrift_logs.scope import Purpose, Scope

ODENSE = UUID("00000000-0000-4000-8000-000000000461")
ASSENS = UUID("00000000-0000-4000-8000-000000000420")
SOURCE = UUID("00000000-0000-4000-8000-00000000aaaa")
NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def event(sequence: int, row: int = 0, **columns: Any) -> dict[str, Any]:
    """One event row; `fields` may be a mapping, `raw` text or bytes."""
    received = columns.get("received_at", NOON + dt.timedelta(seconds=sequence))
    raw = columns.pop("raw", f"line {sequence} {row}")
    fields = columns.pop("fields", {})
    return {
        "event_id": f"0-{sequence}-{row}",
        "organisation": str(columns.pop("organisation", ODENSE)),
        "source": str(SOURCE),
        "source_type": "test",
        "parser": "test/1",
        "received_at": received,
        "day": received.astimezone(dt.UTC).date(),
        "fields": fields if isinstance(fields, str) else json.dumps(fields, ensure_ascii=False),
        "raw": raw if isinstance(raw, bytes) else raw.encode(),
        **columns,
    }


def reject(sequence: int, row: int = 0, *, organisation: UUID = ODENSE, reason: str = "no date") -> dict[str, Any]:
    """One reject row."""
    received = NOON + dt.timedelta(seconds=sequence)
    return {
        "event_id": f"0-{sequence}-{row}",
        "organisation": str(organisation),
        "source": str(SOURCE),
        "received_at": received,
        "day": received.date(),
        "reason": reason,
        "raw": b"\xff garbage",
    }


def events(rows: Sequence[Mapping[str, Any]]) -> EventBatch:
    """An EventBatch of the rows, without native columns (the lake does not look at them)."""
    return EventBatch(_table(rows, SCHEMA), {})


def rejects(rows: Sequence[Mapping[str, Any]]) -> RejectBatch:
    """A RejectBatch of the rows."""
    return RejectBatch(_table(rows, REJECT_SCHEMA))


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        values = [row.get(field.name) for row in rows]
        if pa.types.is_dictionary(field.type):
            columns.append(pa.array(values, field.type.value_type).dictionary_encode().cast(field.type))
        else:
            columns.append(pa.array(values, field.type))
    return pa.table(columns, schema=schema)


def watch(*organisations: UUID) -> Scope:
    """A Scope to watch these organisations."""
    return Scope(organisations=organisations, purpose=Purpose.WATCH, reason="test", actor="analyst")
