"""Event log files as batches, the way the pipeline reads them."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from samdrift_logs.events import EventBatch, RawBatch
from samdrift_logs.normalise import normalise
from samdrift_logs.normalise.evtx.files import EvtxRecord, read_evtx
from tests.samdrift_logs.detect.batches import ORGANISATION, RECEIVED, SOURCE


@attrs.frozen
class _Kind:
    type: str = "evtx"
    timezone: str = "UTC"


class _Registry:
    def by_id(self, source: uuid.UUID) -> _Kind:
        return _Kind()


@attrs.frozen
class _Record:
    batch: RawBatch
    partition: int = 0
    sequence: int = 0


def batches_of_event_logs(paths: Sequence[Path], *, most_events: int) -> Iterator[EventBatch]:
    """Yield the first `most_events` of each file as one batch."""
    for path in paths:
        records = [item.line for item in read_evtx(path) if isinstance(item, EvtxRecord)][:most_events]
        if records:
            yield batch_of(records)


def batch_of(lines: Sequence[bytes]) -> EventBatch:
    """Return records of event logs, as JSON, as one batch."""
    raw = RawBatch(
        organisation=ORGANISATION, source=SOURCE, door="test", peer="test", received_at=RECEIVED, lines=list(lines)
    )
    return normalise([_Record(raw)], _Registry()).events


def take(batches: Iterator[EventBatch], count: int) -> list[EventBatch]:
    """Return the first batches."""
    return list(itertools.islice(batches, count))
