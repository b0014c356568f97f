"""Lines that were accepted for an organisation which has left before they were stored.

Its tables are gone and must not come back. The lines are put into `data/left/<organisation>/` as NDJSON, where whoever
closes the organisation's account finds them, and count as rejected, so that they do not hold up anybody else's.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

import attrs
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from samdrift_logs.errors import StorageFailed
from samdrift_logs.journal import Settlement

REASON = "the organisation has left"


def split_off(table: pa.Table, leavers: Sequence[UUID]) -> tuple[pa.Table, pa.Table]:
    """Return (the rows of the others, the rows of the leavers)."""
    names = pa.array([str(leaver) for leaver in leavers], pa.string())
    leaving = pc.is_in(table["organisation"].cast(pa.string()), value_set=names)
    return table.filter(pc.invert(leaving)), table.filter(leaving)


def keep(folder: Path, tables: Iterable[pa.Table], *, partition: int, through: int) -> int:
    """Write the rows of leavers, one file per organisation and commit; return how many. Durable on return.

    A line is `{"event_id", "source", "received_at", "raw" or "raw_base64"}`. Raises StorageFailed.
    """
    lines: dict[str, list[bytes]] = {}
    for table in tables:
        for row in table.select(["organisation", "event_id", "source", "received_at", "raw"]).to_pylist():
            lines.setdefault(row.pop("organisation"), []).append(orjson.dumps(_with_text(row)))
    try:
        for organisation, own in lines.items():
            path = folder / str(UUID(organisation)) / f"{partition}-{through}.ndjson"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(b"\n".join(own) + b"\n")
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise StorageFailed(f"{folder} cannot be written: {error.strerror}") from error
    return sum(map(len, lines.values()))


def settled(settlements: Iterable[Settlement], leavers: Sequence[UUID]) -> list[Settlement]:
    """Return the settlements with all lines of leavers counted as rejected."""
    return [
        attrs.evolve(entry, stored=0, rejected={REASON: entry.stored + sum(entry.rejected.values())})
        if entry.organisation in leavers
        else entry
        for entry in settlements
    ]


def _with_text(row: dict[str, object]) -> dict[str, object]:
    raw = row.pop("raw")
    if isinstance(raw, bytes):
        try:
            row["raw"] = raw.decode()
        except UnicodeDecodeError:
            row["raw_base64"] = base64.b64encode(raw).decode()
    return row
