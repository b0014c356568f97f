"""How an EventBatch lies on disk: the columns of the files, and the way there and back.

Three things differ from `events.columns.SCHEMA`:

- `event_id` is kept as three numbers (`partition`, `sequence`, `row`), so that newest-first has a true order within one
  batch, redelivery can be filtered and one event be found through file statistics;
- `raw` is text where the bytes are UTF-8, so that it can be searched with Danish letters; where they are not, `raw` is
  the replaced text and `raw_bytes` keeps the exact bytes;
- `day` is the folder's name, as Delta Lake wants it of a partition column.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from samdrift_logs.errors import InputRefused
from samdrift_logs.events import REJECT_SCHEMA, SCHEMA

_EVENT_ID = r"^(?P<partition>\d{1,4})-(?P<sequence>\d{1,18})-(?P<row>\d{1,9})$"
_ID_FIELDS = [pa.field("partition", pa.int16()), pa.field("sequence", pa.int64()), pa.field("row", pa.int32())]


def _file_schema(schema: pa.Schema) -> pa.Schema:
    kept = [field for field in schema if field.name not in ("event_id", "day", "raw")]
    return pa.schema([*_ID_FIELDS, *kept, pa.field("raw", pa.string()), pa.field("raw_bytes", pa.binary())])


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return the schema without dictionaries: Delta Lake knows strings only."""
    return pa.schema(
        [
            pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
            for field in schema
        ]
    )


EVENT_FILE_SCHEMA = _file_schema(SCHEMA)
REJECT_FILE_SCHEMA = _file_schema(REJECT_SCHEMA)
EVENT_TABLE_SCHEMA = _plain(EVENT_FILE_SCHEMA).append(pa.field("day", pa.date32()))
REJECT_TABLE_SCHEMA = _plain(REJECT_FILE_SCHEMA).append(pa.field("day", pa.date32()))

# Kept per file in the table's log, so that a reader can leave files out without opening them.
STATISTICS = ("received_at", "event_at", "sequence")


def to_file_columns(table: pa.Table) -> pa.Table:
    """Turn rows of an EventBatch or RejectBatch into the columns of a lake file.

    The result keeps row order and has EVENT_FILE_SCHEMA or REJECT_FILE_SCHEMA plus `day` as last column. Raises
    InputRefused when an event_id is not "partition-sequence-row" or a row has no received_at or day.
    """
    for name in ("event_id", "received_at", "day"):
        if table[name].null_count:
            raise InputRefused(
                f"{table[name].null_count} of {table.num_rows} rows have no {name}: a normaliser's fault"
            )
    schema = EVENT_FILE_SCHEMA if "fields" in table.column_names else REJECT_FILE_SCHEMA
    columns = dict(zip(table.column_names, table.columns, strict=True)) | _identity(table["event_id"])
    columns["raw"], columns["raw_bytes"] = _text_and_bytes(table["raw"])
    ordered = pa.table([columns[field.name] for field in schema], schema=schema)
    return ordered.append_column(pa.field("day", pa.date32()), table["day"])


def _identity(event_ids: pa.ChunkedArray) -> dict[str, pa.Array]:
    parts = pc.extract_regex(
        event_ids.combine_chunks(), r"^(?P<partition>\d{1,4})-(?P<sequence>\d{1,18})-(?P<row>\d{1,9})$"
    )
    if parts.null_count:
        wrong = event_ids.filter(pc.is_null(pa.chunked_array([parts])))[0].as_py()
        raise InputRefused(f"event_id {wrong!r} is not partition-sequence-row")
    return {field.name: parts.field(field.name).cast(field.type) for field in _ID_FIELDS}


def _text_and_bytes(raw: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    values = raw.combine_chunks()
    try:  # the usual batch is UTF-8 throughout: one check in C
        text = values.cast(pa.string())
        return text, pa.nulls(len(values), pa.binary())
    except pa.ArrowInvalid:
        pass
    texts: list[str | None] = []
    kept: list[bytes | None] = []
    for value in values.to_pylist():
        if value is None:
            texts.append(None)
            kept.append(None)
            continue
        text = value.decode("utf-8", "replace")
        texts.append(text)
        kept.append(None if text.encode() == value else value)
    return pa.array(texts, pa.string()), pa.array(kept, pa.binary())


def statistics_of(table: pa.Table) -> str:
    """Return the Delta Lake statistics of one file as JSON (UTC, microseconds)."""
    lowest: dict[str, str | int] = {}
    highest: dict[str, str | int] = {}
    nulls: dict[str, int] = {}
    for name in STATISTICS:
        if name not in table.column_names:
            continue
        nulls[name] = table[name].null_count
        bounds = pc.min_max(table[name]).as_py()
        if bounds["min"] is not None:
            lowest[name], highest[name] = _json_value(bounds["min"]), _json_value(bounds["max"])
    return json.dumps(
        {"numRecords": table.num_rows, "minValues": lowest, "maxValues": highest, "nullCount": nulls},
    )


def _json_value(value: dt.datetime | int) -> str | int:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value


def days_of(table: pa.Table) -> Iterable[tuple[dt.date, pa.Table]]:
    """Split rows by their day and sort each part by received_at, sequence, row. Drops the column `day`."""
    for day in sorted(pc.unique(table["day"]).to_pylist()):
        part = table.filter(pc.equal(table["day"], pa.scalar(day, pa.date32()))).drop_columns(["day"])
        yield day, part.sort_by([("received_at", "ascending"), ("sequence", "ascending"), ("row", "ascending")])
