"""`normalise`: records of the journal in, one EventBatch and one RejectBatch out."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

import attrs
import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from samdrift_logs.errors import LineRejected
from samdrift_logs.events import REJECT_SCHEMA, SCHEMA, EventBatch, RawBatch, RejectBatch
from samdrift_logs.normalise import assemble
from samdrift_logs.normalise.reading import Event, Origin, zone_named
from samdrift_logs.normalise.source_types import SourceType, recognise, source_types

_JSON = orjson.OPT_NON_STR_KEYS


class Record(Protocol):
    """What is read of a journal record: `samdrift_logs.journal.JournalRecord` has it."""

    @property
    def partition(self) -> int: ...
    @property
    def sequence(self) -> int: ...
    @property
    def batch(self) -> RawBatch: ...


class SourceKind(Protocol):
    """What is read of a registered source."""

    @property
    def type(self) -> str: ...
    @property
    def timezone(self) -> str: ...


class Registry(Protocol):
    """What is asked of the source registry: `samdrift_logs.events.sources.SourceRegistry` answers it."""

    def by_id(self, source: UUID) -> SourceKind | None: ...


@attrs.frozen(kw_only=True)
class RecordCount:
    """What became of one record's lines: received = stored + rejected + duplicate.

    `reasons` counts the rejects by the first words of their reason (up to the colon).
    """

    partition: int
    sequence: int
    organisation: UUID
    source: UUID
    received_at: dt.datetime
    stored: int
    rejected: int
    duplicate: int
    reasons: Mapping[str, int]


@attrs.frozen
class Normalised:
    """Events and rejects in the order of the records and their lines, and one count per record."""

    events: EventBatch
    rejects: RejectBatch
    counts: Sequence[RecordCount]


def normalise(records: Sequence[Record], registry: Registry) -> Normalised:
    """Turn records of the journal into events and rejects.

    Row order is the order of records and, within one, of its lines. Row ids are `partition-sequence-row`, where a
    reject takes the number of its line, and lines that the door had refused follow after the lines it took. Lines of
    a source that the registry no longer has are read by their content. Raises nothing for bad lines.
    """
    events, rejects = _Rows(), _Rows()
    counts = [_read_record(record, registry, events, rejects) for record in records]
    return Normalised(_event_batch(events), _reject_batch(rejects), counts)


class _Rows:
    """Rows on their way to a batch. `entries` are Events or reasons; the rest says which record each row is of."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.per_record: list[int] = []
        self.ids: list[str] = []
        self.raw: list[bytes] = []
        self.parsed: list[Event] = []
        self.kinds: list[SourceType] = []
        self.reasons: list[str] = []


def _read_record(record: Record, registry: Registry, events: _Rows, rejects: _Rows) -> RecordCount:
    batch = record.batch
    source = registry.by_id(batch.source)
    origin = Origin(
        received_at=batch.received_at, zone=zone_named(source.timezone if source else "UTC"), peer=batch.peer
    )
    kinds = source_types()
    fixed = kinds.get(source.type) if source else None
    prefix = f"{record.partition}-{record.sequence}-"
    before, refused_before = len(events.parsed), len(rejects.reasons)
    for row, line in enumerate(batch.lines):
        kind = fixed or kinds[recognise(line)]
        try:
            event = _read_line(line, kind, origin)
        except LineRejected as error:
            rejects.ids.append(f"{prefix}{row}")
            rejects.raw.append(line)
            rejects.reasons.append(str(error) if error.line is None else f"{error.reason} (column {error.column})")
        else:
            events.ids.append(f"{prefix}{row}")
            events.raw.append(line)
            events.parsed.append(event)
            events.kinds.append(kind)
    for row, (line, reason) in enumerate(batch.rejects, start=len(batch.lines)):
        rejects.ids.append(f"{prefix}{row}")
        rejects.raw.append(line)
        rejects.reasons.append(reason)
    events.records.append(record)
    events.per_record.append(len(events.parsed) - before)
    rejects.records.append(record)
    rejects.per_record.append(len(rejects.reasons) - refused_before)
    return RecordCount(
        partition=record.partition,
        sequence=record.sequence,
        organisation=batch.organisation,
        source=batch.source,
        received_at=batch.received_at,
        stored=events.per_record[-1],
        rejected=rejects.per_record[-1],
        duplicate=batch.duplicates,
        reasons=Counter(reason.partition(":")[0] for reason in rejects.reasons[refused_before:]),
    )


def _read_line(line: bytes, kind: SourceType, origin: Origin) -> Event:
    """Read one line. A fault of a reader must not stop the batch: it rejects the line and says so."""
    if not line.strip():
        raise LineRejected("empty line")
    try:
        return kind.read(line, origin)
    except LineRejected:
        raise
    except Exception as error:
        raise LineRejected(f"{kind.parser} failed on it: {type(error).__name__}: {error}") from error


def _event_batch(rows: _Rows) -> EventBatch:
    length = len(rows.parsed)
    native = [event.native for event in rows.parsed]
    typed = assemble.columns_by_name([event.columns for event in rows.parsed])
    columns: dict[str, pa.Array] = {name: assemble.typed_column(name, parts, length) for name, parts in typed.items()}
    columns |= _place_columns(rows)
    columns |= _kind_columns(rows, columns)
    columns["fields"] = pa.array([orjson.dumps(fields, option=_JSON) for fields in native], pa.string())
    columns["raw"] = pa.array(rows.raw, pa.binary())
    arrays = [columns[name] if name in columns else pa.nulls(length, SCHEMA.field(name).type) for name in SCHEMA.names]
    return EventBatch(pa.Table.from_arrays(arrays, schema=SCHEMA), assemble.intern_by_shape(native))


def _reject_batch(rows: _Rows) -> RejectBatch:
    columns = _place_columns(rows)
    columns["reason"] = pa.array(rows.reasons, pa.string())
    columns["raw"] = pa.array(rows.raw, pa.binary())
    return RejectBatch(pa.Table.from_arrays([columns[name] for name in REJECT_SCHEMA.names], schema=REJECT_SCHEMA))


def _place_columns(rows: _Rows) -> dict[str, pa.Array]:
    """The columns that are ours, the same for all rows of a record."""
    batches = [record.batch for record in rows.records]
    record_of = np.repeat(np.arange(len(batches), dtype=np.int32), rows.per_record)
    received = pa.array([batch.received_at for batch in batches], SCHEMA.field("received_at").type)
    place = pa.array(record_of)
    received_at = received.take(place)
    return {
        "event_id": pa.array(rows.ids, pa.string()),
        "organisation": _word([str(batch.organisation) for batch in batches], record_of),
        "source": _word([str(batch.source) for batch in batches], record_of),
        "received_at": received_at,
        "day": received_at.cast(pa.date32()),
    }


def _kind_columns(rows: _Rows, set_by_event: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """The columns that the source type fixes; where an event says otherwise, the event wins."""
    names = list({kind.name: kind for kind in rows.kinds}.values())
    place = {kind.name: index for index, kind in enumerate(names)}
    kind_of = np.fromiter((place[kind.name] for kind in rows.kinds), dtype=np.int32, count=len(rows.kinds))
    columns = {
        "source_type": _word([kind.name for kind in names], kind_of),
        "parser": _word([kind.parser for kind in names], kind_of),
    }
    for name in ("product", "category", "service"):
        fixed = [getattr(kind, name) for kind in names]
        if any(fixed) and name not in set_by_event:
            columns[name] = _word(fixed, kind_of)
        elif any(fixed):
            ours = _word(fixed, kind_of).cast(pa.string())
            columns[name] = pc.coalesce(set_by_event[name].cast(pa.string()), ours).dictionary_encode()
    return columns


def _word(values: Sequence[Any], place: npt.NDArray[np.int32]) -> pa.Array:
    """Return a dictionary column: `values[place[i]]` in row i, each distinct value once in the dictionary."""
    encoded = pa.array(values, pa.string()).dictionary_encode()
    return encoded.take(pa.array(place))
