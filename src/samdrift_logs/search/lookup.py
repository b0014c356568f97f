"""Single events: by their id, and what happened around one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from samdrift_logs.errors import InputRefused
from samdrift_logs.lake import Gate, GateView, LakeFile
from samdrift_logs.scope import Scope
from samdrift_logs.search.compile import read_identity
from samdrift_logs.search.control import SearchControl
from samdrift_logs.search.engine import SearchRequest, SearchResult, search
from samdrift_logs.search.hits import SELECT, SearchHit, hit_from

_MAX_IDS = 500


def event_by_id(*, gate: Gate, scope: Scope | None, event_id: str) -> SearchHit | None:
    """Return one event, None where the Scope has no such event (or none any more). Raises as events_by_id."""
    found = events_by_id(gate=gate, scope=scope, event_ids=[event_id])
    return found[0] if found else None


def events_by_id(
    *, gate: Gate, scope: Scope | None, event_ids: Sequence[str], control: SearchControl | None = None
) -> tuple[SearchHit, ...]:
    """Return those of the events that the Scope has, in the order asked.

    Only files whose sequences can hold one are read. Raises InputRefused on an id that is none, or more than 500.
    """
    if len(event_ids) > _MAX_IDS:
        raise InputRefused(f"ask for at most {_MAX_IDS} events at once, not {len(event_ids)}")
    wanted = [_identity(event_id) for event_id in event_ids]
    brake = control or SearchControl()

    def find(view: GateView) -> dict[str, SearchHit]:
        files = [str(file.path) for file in view.files if _may_hold_one(file, [sequence for _, sequence, _ in wanted])]
        if not files:
            return {}
        sql = (
            f"SELECT {SELECT} FROM read_parquet($files) WHERE sequence IN (SELECT unnest($sequences)) "
            "AND partition || '-' || sequence || '-' || row IN (SELECT unnest($ids))"
        )
        ids = [f"{partition}-{sequence}-{row}" for partition, sequence, row in wanted]
        parameters = {"files": files, "sequences": [sequence for _, sequence, _ in wanted], "ids": ids}
        with view.connect() as connection, brake.running(connection):
            rows = connection.sql(sql, params=parameters).to_arrow_table().to_pylist()
        return {hit.event_id: hit for hit in map(hit_from, rows)}

    found = gate.read(lambda: gate.open(scope), find)
    asked = (f"{partition}-{sequence}-{row}" for partition, sequence, row in wanted)
    return tuple(found[event_id] for event_id in asked if event_id in found)


def _identity(event_id: str) -> tuple[int, int, int]:
    parts = read_identity(event_id)
    if parts is None:
        raise InputRefused(f"{event_id!r} is no event id; it looks like 0-17-3")
    return parts


def _may_hold_one(file: LakeFile, sequences: Iterable[int]) -> bool:
    if file.sequence_first is None or file.sequence_last is None:
        return True
    return any(file.sequence_first <= sequence <= file.sequence_last for sequence in sequences)


def events_around(
    *,
    gate: Gate,
    scope: Scope | None,
    event: SearchHit,
    minutes: float = 5,
    query: str = "",
    limit: int = 200,
    cursor: str | None = None,
    control: SearchControl | None = None,
) -> SearchResult:
    """Return what the same organisation's logs took in within `minutes` of an event, oldest first.

    Around received_at, which is ours: a machine with a wrong clock still stands among its neighbours. `query` narrows
    ("host:fs01"). Raises as search.
    """
    if not 0 < minutes <= 24 * 60:
        raise InputRefused(f"ask for up to 1440 minutes around an event, not {minutes}")
    reach = dt.timedelta(minutes=minutes)
    request = SearchRequest(
        query=query,
        since=event.received_at - reach,
        until=event.received_at + reach + dt.timedelta(microseconds=1),
        organisations=(event.organisation,),
    )
    return search(
        gate=gate, scope=scope, request=request, limit=limit, cursor=cursor, newest_first=False, control=control
    )
