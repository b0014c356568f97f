"""Counts over hits: the histogram over time, the most frequent values, and which native fields there are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import attrs
import duckdb

from samdrift_logs.errors import InputRefused
from samdrift_logs.lake import Gate, GateView
from samdrift_logs.scope import Scope
from samdrift_logs.search import addresses
from samdrift_logs.search.columns import DANISH, KINDS
from samdrift_logs.search.compile import Condition, json_pointer
from samdrift_logs.search.control import SearchControl
from samdrift_logs.search.engine import SearchRequest

# Widths of a bucket that people read well. They divide a UTC day, so that days begin a bucket.
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_MAX_BUCKETS = 1_000
_MAX_FIELDS = 40
_SAMPLE_ROWS = 20_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# All columns in one pass. `place` is the field's place among those asked for.
_COUNT_COLUMNS = """
    SELECT place, one, count(*) AS hits
    FROM (SELECT unnest($places) AS place, unnest([{columns}]) AS one FROM read_parquet($files) WHERE {where})
    GROUP BY ALL
"""
# All native fields with one reading of each JSON; lists are opened only once per distinct value.
_COUNT_NATIVE = """
    SELECT
        place, unnest(CASE json_type(one) WHEN 'ARRAY' THEN CAST(one AS VARCHAR[]) ELSE [one ->> '$'] END) AS one, hits
    FROM (
        SELECT place, one, count(*) AS hits
        FROM (
            SELECT unnest($native_places) AS place, unnest(json_extract(fields, $pointers)) AS one
            FROM read_parquet($files) WHERE {where}
        )
        WHERE one IS NOT NULL GROUP BY ALL
    )
"""
_TOP = """
    WITH counted AS (
        SELECT place, one, sum(hits)::BIGINT AS hits FROM ({branches}) WHERE one IS NOT NULL GROUP BY ALL
    )
    SELECT place, one, hits, sum(hits) OVER own AS present, count(*) OVER own AS different
    FROM counted WINDOW own AS (PARTITION BY place)
    QUALIFY row_number() OVER (PARTITION BY place ORDER BY hits DESC, one) <= {limit}
    ORDER BY place, hits DESC, one
"""


@attrs.frozen(kw_only=True)
class Bucket:
    """How many hits fall in start <= received_at < start + step. Starts are UTC."""

    start: dt.datetime
    total: int
    by_organisation: Mapping[UUID, int]


@attrs.frozen(kw_only=True)
class Histogram:
    """Hits over time. Every bucket is there, the empty ones too; none where nothing is stored."""

    since: dt.datetime | None
    until: dt.datetime | None
    step_s: int
    buckets: tuple[Bucket, ...]
    total: int


@attrs.frozen
class ValueCount:
    """One value of a field and how many hits have it."""

    value: str
    count: int


@attrs.frozen(kw_only=True)
class TopValues:
    """The most frequent values of a field, with how many hits have any (a list's elements count one by one)."""

    field: str
    values: tuple[ValueCount, ...]
    present: int
    distinct: int


@attrs.frozen
class FieldCount:
    """A native field and how many of the looked-at hits have it."""

    field: str
    count: int


def histogram(
    *,
    gate: Gate,
    scope: Scope | None,
    request: SearchRequest,
    buckets: int = 60,
    control: SearchControl | None = None,
) -> Histogram:
    """Count hits over time in at most `buckets` equal stretches of a width that people read well.

    Without `since` or `until` the stored rows set the ends. Raises as search, and SearchStopped.
    """
    if not 1 <= buckets <= _MAX_BUCKETS:
        raise InputRefused(f"a histogram has 1 to {_MAX_BUCKETS} buckets, not {buckets}")
    condition = request.condition()

    def count(view: GateView) -> Histogram:
        ends = _ends(view, request)
        if ends is None:
            return Histogram(since=request.since, until=request.until, step_s=STEPS_S[0], buckets=(), total=0)
        step_s = step_for(ends[1] - ends[0], buckets=buckets)
        sql = (
            "SELECT epoch_us(received_at) // $step_us AS place, organisation, count(*) AS hits "
            f"FROM read_parquet($files) WHERE {condition.sql} GROUP BY ALL"
        )
        rows = _run(view, Condition(sql, {**condition.parameters, "step_us": step_s * 1_000_000}), control)
        return _histogram(rows, since=ends[0], until=ends[1], step_s=step_s)

    return gate.read(lambda: request.open(gate, scope), count)


def step_for(length: dt.timedelta, *, buckets: int) -> int:
    """Return the narrowest width in seconds that needs at most `buckets` buckets; whole days beyond one day."""
    for step in STEPS_S:
        if length <= dt.timedelta(seconds=step) * max(buckets - 1, 1):  # one more where the ends cut a bucket
            return step
    days = -(-int(length.total_seconds()) // (max(buckets - 1, 1) * STEPS_S[-1]))
    return max(days, 1) * STEPS_S[-1]


def _ends(view: GateView, request: SearchRequest) -> tuple[dt.datetime, dt.datetime] | None:
    """Return the stretch of time to draw: as asked, else as stored. None where neither says."""
    files = view.files
    since = request.since or min((file.received_first for file in files if file.received_first), default=None)
    until = request.until
    if until is None:
        last = max((file.received_last for file in files if file.received_last), default=None)
        until = last + dt.timedelta(microseconds=1) if last else None
    if since is None or until is None or since >= until:
        return None
    return since.astimezone(dt.UTC), until.astimezone(dt.UTC)


def _histogram(rows: Sequence[Mapping[str, Any]], *, since: dt.datetime, until: dt.datetime, step_s: int) -> Histogram:
    step = dt.timedelta(seconds=step_s)
    counted: dict[int, dict[UUID, int]] = {}
    for row in rows:
        counted.setdefault(row["place"], {})[UUID(row["organisation"])] = row["hits"]
    first = (since - _EPOCH) // step
    last = (until - _EPOCH - dt.timedelta(microseconds=1)) // step
    drawn = tuple(
        Bucket(
            start=_EPOCH + place * step,
            total=sum(counted.get(place, {}).values()),
            by_organisation=counted.get(place, {}),
        )
        for place in range(first, last + 1)
    )
    total = sum(bucket.total for bucket in drawn)
    return Histogram(since=since, until=until, step_s=step_s, buckets=drawn, total=total)


def top_values(
    *,
    gate: Gate,
    scope: Scope | None,
    request: SearchRequest,
    fields: Sequence[str],
    limit: int = 10,
    control: SearchControl | None = None,
) -> tuple[TopValues, ...]:
    """Return the most frequent values of each field among all hits, in the order asked, in one pass over the files.

    A field is a column of ours (or its Danish name), else a native field. Ties are in the order of the values.
    """
    if not 1 <= len(fields) <= _MAX_FIELDS:
        raise InputRefused(f"ask for the top values of 1 to {_MAX_FIELDS} fields, not {len(fields)}")
    if not 1 <= limit <= 1_000:
        raise InputRefused(f"ask for 1 to 1000 values, not {limit}")
    condition = request.condition()
    columns = {place: column for place, name in enumerate(fields) if (column := _column_of(name))}
    natives = {place: json_pointer(name) for place, name in enumerate(fields) if place not in columns}
    parameters: dict[str, Any] = dict(condition.parameters)
    branches = []
    if columns:
        parameters["places"] = list(columns)
        branches.append(_COUNT_COLUMNS.format(columns=_as_text(columns.values()), where=condition.sql))
    if natives:
        parameters |= {"native_places": list(natives), "pointers": list(natives.values())}
        branches.append(_COUNT_NATIVE.format(where=condition.sql))
    sql = _TOP.format(branches=" UNION ALL ".join(branches), limit=int(limit))

    def count(view: GateView) -> tuple[TopValues, ...]:
        rows = _run(view, Condition(sql, parameters), control)
        return tuple(_top(name, [row for row in rows if row["place"] == at]) for at, name in enumerate(fields))

    return gate.read(lambda: request.open(gate, scope), count)


def _column_of(name: str) -> str | None:
    column = DANISH.get(name, name)
    return column if column in KINDS and column != "event_id" else None


def _as_text(columns: Iterable[str]) -> str:
    return ", ".join(f'CAST("{column}" AS VARCHAR)' for column in columns)


def _top(name: str, rows: Sequence[Mapping[str, Any]]) -> TopValues:
    return TopValues(
        field=name,
        values=tuple(ValueCount(row["one"], row["hits"]) for row in rows),
        present=int(rows[0]["present"]) if rows else 0,
        distinct=rows[0]["different"] if rows else 0,
    )


def native_fields(
    *,
    gate: Gate,
    scope: Scope | None,
    request: SearchRequest,
    limit: int = 200,
    control: SearchControl | None = None,
) -> tuple[FieldCount, ...]:
    """Return the native fields that some 20,000 of the hits have, most frequent first: the field list of the page."""
    condition = request.condition()
    sql = (
        f"WITH hits AS (SELECT fields FROM read_parquet($files) WHERE {condition.sql} LIMIT {_SAMPLE_ROWS}), "
        "names AS (SELECT unnest(json_keys(fields)) AS name FROM hits) "
        f"SELECT name, count(*) AS hits FROM names GROUP BY name ORDER BY hits DESC, name LIMIT {int(limit)}"
    )

    def count(view: GateView) -> tuple[FieldCount, ...]:
        rows = _run(view, Condition(sql, condition.parameters), control)
        return tuple(FieldCount(row["name"], row["hits"]) for row in rows)

    return gate.read(lambda: request.open(gate, scope), count)


def _run(view: GateView, query: Condition, control: SearchControl | None) -> list[dict[str, Any]]:
    """Run one query over all files of a view. No files, no rows."""
    files = [str(file.path) for file in view.files]
    if not files:
        return []
    brake = control or SearchControl()
    with view.connect() as connection:
        addresses.register(connection)
        with brake.running(connection):
            result: duckdb.DuckDBPyRelation = connection.sql(query.sql, params={**query.parameters, "files": files})
            rows: list[dict[str, Any]] = result.to_arrow_table().to_pylist()
            return rows
