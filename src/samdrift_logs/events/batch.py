"""The batches that travel: RawBatch (door → journal → normalise), EventBatch (normalise → detect → lake)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from uuid import UUID

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from samdrift_logs.events.columns import REJECT_SCHEMA, SCHEMA

Value = str | int | float | bool | None | tuple["Value", ...]


@attrs.frozen(kw_only=True)
class RawBatch:
    """Lines of one source as one door took them.

    `lines` are bytes with the protocol's framing removed, otherwise untouched. `rejects` are lines that the door itself
    had to refuse (malformed JSON in a bulk request, say), with the reason: they travel along so that nothing is lost.
    `duplicates` counts lines that the sender had delivered before and that are therefore not carried again.
    """

    organisation: UUID
    source: UUID
    door: str
    peer: str
    received_at: dt.datetime
    lines: Sequence[bytes]
    rejects: Sequence[tuple[bytes, str]] = ()
    duplicates: int = 0


@attrs.frozen
class FieldColumn:
    """One native field over a batch, sparse and dictionary-encoded.

    `rows[i]` (ascending, each row at most once) has the value `values[codes[i]]`. Rows that are not listed lack the
    field. A list in the event is a tuple here.
    """

    rows: npt.NDArray[np.int32]
    codes: npt.NDArray[np.int32]
    values: Sequence[Value]


@attrs.frozen
class EventBatch:
    """Parsed events of any number of organisations.

    `table` has exactly the columns of `events.columns.SCHEMA`; `native` holds the fields under the names their source
    gives them, which is what rules are evaluated on. Row i of the one is row i of the other.
    """

    table: pa.Table
    native: Mapping[str, FieldColumn]

    def __attrs_post_init__(self) -> None:
        if self.table.schema != SCHEMA:
            raise ValueError(f"EventBatch wants events.columns.SCHEMA, got {self.table.schema.names}")

    def __len__(self) -> int:
        return int(self.table.num_rows)


@attrs.frozen
class RejectBatch:
    """Lines that no normaliser could take, with the reason; `table` has `events.columns.REJECT_SCHEMA`."""

    table: pa.Table

    def __attrs_post_init__(self) -> None:
        if self.table.schema != REJECT_SCHEMA:
            raise ValueError(f"RejectBatch wants events.columns.REJECT_SCHEMA, got {self.table.schema.names}")

    def __len__(self) -> int:
        return int(self.table.num_rows)


def intern_fields(events: Sequence[Mapping[str, Value]]) -> dict[str, FieldColumn]:
    """Turn one mapping per event into sparse, dictionary-encoded columns.

    Values that compare equal but differ in type (1, True, 1.0) keep apart.
    """
    rows: dict[str, list[int]] = {}
    codes: dict[str, list[int]] = {}
    known: dict[str, dict[tuple[type, Value], int]] = {}
    for row, event in enumerate(events):
        for name, value in event.items():
            if name not in rows:
                rows[name], codes[name], known[name] = [], [], {}
            rows[name].append(row)
            codes[name].append(known[name].setdefault((type(value), value), len(known[name])))
    return {
        name: FieldColumn(
            rows=np.asarray(rows[name], dtype=np.int32),
            codes=np.asarray(codes[name], dtype=np.int32),
            values=[value for _, value in known[name]],
        )
        for name in rows
    }
