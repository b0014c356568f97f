"""The ways into the engine that bench/detect.py measures: lines in, hits out, everything between included."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import attrs
import orjson
import pyarrow as pa
from bench.detect_lines import Lines

from samdrift_logs.detect import Engine
from samdrift_logs.detect.dialect import Dialect
from samdrift_logs.events import SCHEMA, EventBatch, RawBatch, intern_fields
from samdrift_logs.normalise import normalise
from samdrift_logs.runner.dialects import WINDOWS_JSON

Hits = list[tuple[int, int, str]]  # part, row, rule id
Way = Callable[[Engine, Sequence[Lines]], Hits]
BATCH_LINES = 16_384
_NOBODY = UUID(int=0)
_AT = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


@attrs.frozen
class _Source:
    type: str
    timezone: str = "UTC"


@attrs.frozen
class _Registry:
    source: _Source

    def by_id(self, source: UUID) -> _Source:
        return self.source


@attrs.frozen
class _Record:
    batch: RawBatch
    partition: int = 0
    sequence: int = 0


def by_batches(engine: Engine, parts: Sequence[Lines]) -> Hits:
    """Normalise and evaluate as the pipeline does; what is no Windows goes by `intern_fields`."""
    hits: Hits = []
    for number, part in enumerate(parts):
        for first in range(0, len(part.lines), BATCH_LINES):
            batch = _batch(part, part.lines[first : first + BATCH_LINES])
            hits.extend((number, first + match.row, match.rule.id) for match in engine.evaluate(batch))
    return hits


def _batch(part: Lines, lines: Sequence[bytes]) -> EventBatch:
    if part.product == "windows":
        raw = RawBatch(
            organisation=_NOBODY, source=_NOBODY, door="bench", peer="bench", received_at=_AT, lines=list(lines)
        )
        return normalise([_Record(raw)], _Registry(_Source("windows_json"))).events
    fixed: Mapping[str, str | None] = {"product": part.product, "category": part.category, "service": part.service}
    arrays = [pa.array([fixed.get(field.name)] * len(lines), field.type) for field in SCHEMA]
    return EventBatch(
        pa.Table.from_arrays(arrays, schema=SCHEMA), intern_fields([orjson.loads(line) for line in lines])
    )


def by_lines(engine: Engine, parts: Sequence[Lines]) -> Hits:
    """Give the lines to the engine as they are; what it finds odd goes the way of batches."""
    hits: Hits = []
    for number, part in enumerate(parts):
        dialect = WINDOWS_JSON if part.product == "windows" else _dialect(part)
        for first in range(0, len(part.lines), BATCH_LINES):
            lines = part.lines[first : first + BATCH_LINES]
            found = engine.evaluate_lines(lines, dialect)
            hits.extend((number, first + match.row, match.rule.id) for match in found.matches)
            if found.odd:
                left = engine.evaluate(_batch(part, [lines[row] for row in found.odd]))
                hits.extend((number, first + found.odd[match.row], match.rule.id) for match in left)
    return hits


def _dialect(part: Lines) -> Dialect:
    return Dialect(name=part.product, product=part.product, category=part.category, service=part.service)


WAYS: Mapping[str, Way] = {"lines": by_lines, "batches": by_batches}
