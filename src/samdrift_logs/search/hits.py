"""One found event, and the way from a row of the lake to it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import attrs

from samdrift_logs.events import Value


@attrs.frozen(kw_only=True)
class SearchHit:
    """One event as it is stored. Times are UTC. `columns.py` and `events.columns` say what each column means.

    `raw` is the line as text; where `raw_lossy` the bytes were not UTF-8 and `raw_bytes` are exact.
    """

    event_id: str
    organisation: UUID
    source: UUID
    source_type: str | None
    parser: str | None
    received_at: dt.datetime
    event_at: dt.datetime | None
    product: str | None
    category: str | None
    service: str | None
    event_code: str | None
    severity: int | None
    host: str | None
    user: str | None
    action: str | None
    src_ip: str | None
    src_port: int | None
    dst_ip: str | None
    dst_port: int | None
    protocol: str | None
    bytes_in: int | None
    bytes_out: int | None
    process: str | None
    parent_process: str | None
    command_line: str | None
    file_path: str | None
    hash: str | None
    domain: str | None
    url: str | None
    message: str | None
    fields: Mapping[str, Value]
    raw: str
    raw_lossy: bool
    raw_bytes: bytes

    @property
    def at(self) -> dt.datetime:
        """When it happened as far as we know: the sender's time, else ours."""
        return self.event_at or self.received_at

    @property
    def day(self) -> dt.date:
        """The UTC date of received_at."""
        return self.received_at.date()


_SELF_NAMED = [
    field.name
    for field in attrs.fields(SearchHit)
    if field.name not in ("event_id", "organisation", "source", "fields", "raw", "raw_lossy", "raw_bytes")
]

# What a search selects; ours, never the user's
SELECT = ", ".join(
    f'"{name}"'
    for name in ("partition", "sequence", "row", "organisation", "source", *_SELF_NAMED, "fields", "raw", "raw_bytes")
)


def hit_from(row: Mapping[str, Any]) -> SearchHit:
    """Build a hit from one selected row."""
    exact = row["raw_bytes"]
    raw = row["raw"] or ""
    return SearchHit(
        event_id=f"{row['partition']}-{row['sequence']}-{row['row']}",
        organisation=UUID(row["organisation"]),
        source=UUID(row["source"]),
        fields=json.loads(row["fields"]) if row["fields"] else {},
        raw=raw,
        raw_lossy=exact is not None,
        raw_bytes=raw.encode() if exact is None else exact,
        **{name: row[name] for name in _SELF_NAMED},
    )
