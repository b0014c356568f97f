"""Search: newest first, a page at a time, stopping as soon as the page is full.

Files are taken in groups that do not overlap in time, newest group first, so that the newest hundred of ten million
hits cost one group and not the whole lake. A cursor names the last row given; the next page goes on after it, also when
files were merged meanwhile.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

import attrs
import duckdb

from samdrift_logs.errors import InputRefused
from samdrift_logs.lake import Gate, GateView, LakeFile
from samdrift_logs.scope import Scope
from samdrift_logs.search import addresses
from samdrift_logs.search.compile import Condition, Names, compile_query, read_identity
from samdrift_logs.search.control import SearchControl, SearchStopped
from samdrift_logs.search.hits import SELECT, SearchHit, hit_from
from samdrift_logs.search.literals import ZONE
from samdrift_logs.search.parse import parse

_MAX_PAGE = 10_000
_STREAM_PAGE = 2_000
_FIRST_GROUP_ROWS = 250_000
_LARGEST_GROUP_ROWS = 8_000_000


@attrs.frozen(kw_only=True)
class SearchRequest:
    """What to look for, and when. `since` <= received_at < `until`, in any zone; naive times are refused."""

    query: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    organisations: tuple[UUID, ...] | None = None
    names: Names = attrs.field(factory=dict)
    zone: dt.tzinfo = ZONE

    def __attrs_post_init__(self) -> None:
        for moment in (self.since, self.until):
            if moment is not None and moment.tzinfo is None:
                raise InputRefused(f"{moment} has no time zone; give since and until with one")

    def condition(self) -> Condition:
        """Compile the query with the stretch of time. Raises QueryError."""
        condition = compile_query(parse(self.query), names=self.names, zone=self.zone)
        parameters = dict(condition.parameters)
        parts = []
        if self.since is not None:
            parts.append("received_at >= $since")
            parameters["since"] = self.since
        if self.until is not None:
            parts.append("received_at < $until")
            parameters["until"] = self.until
        return Condition(" AND ".join([*parts, condition.sql]), parameters)

    def open(self, gate: Gate, scope: Scope | None) -> GateView:
        """Open the gate for this request."""
        return gate.open(scope, since=self.since, until=self.until, organisations=self.organisations)


@attrs.frozen(kw_only=True)
class Key:
    """The place of one row in the order of all rows."""

    received_at: dt.datetime
    sequence: int
    row: int
    partition: int

    def __str__(self) -> str:
        microseconds = (self.received_at - _EPOCH) // dt.timedelta(microseconds=1)
        return f"{microseconds}.{self.sequence}.{self.row}.{self.partition}"

    @classmethod
    def read(cls, text: str) -> Key:
        """Read a cursor. Raises InputRefused."""
        try:
            microseconds, sequence, row, partition = (int(part) for part in text.split("."))
            received_at = _EPOCH + dt.timedelta(microseconds=microseconds)
        except (ValueError, OverflowError) as error:
            raise InputRefused(f"{text!r} is no cursor of a search; start again from the first page") from error
        return cls(received_at=received_at, sequence=sequence, row=row, partition=partition)


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@attrs.frozen(kw_only=True)
class SearchResult:
    """One page. `next_cursor` is None when there is no more; `stopped` says why a page is shorter than it could be.

    `searched_rows` of `total_rows` in the files of the asked time were looked at for this page.
    """

    hits: tuple[SearchHit, ...]
    next_cursor: str | None
    stopped: str | None
    searched_rows: int
    total_rows: int
    absent: tuple[UUID, ...]
    took_s: float


def search(
    *,
    gate: Gate,
    scope: Scope | None,
    request: SearchRequest,
    limit: int = 100,
    cursor: str | None = None,
    newest_first: bool = True,
    control: SearchControl | None = None,
) -> SearchResult:
    """Return one page of hits in order of received_at.

    When `control` stops it, what was found so far is returned with the cursor to go on from. Raises ScopeMissing,
    ScopeRefused, QueryError (an InputRefused), StorageFailed.
    """
    if not 1 <= limit <= _MAX_PAGE:
        raise InputRefused(f"a page has 1 to {_MAX_PAGE} hits, not {limit}")
    started = time.monotonic()
    page = _Page(request.condition(), limit, newest_first, Key.read(cursor) if cursor else None)
    brake = control or SearchControl()
    return gate.read(lambda: request.open(gate, scope), lambda view: page.fill(view, brake, started))


def stream(
    *,
    gate: Gate,
    scope: Scope | None,
    request: SearchRequest,
    newest_first: bool = True,
    control: SearchControl | None = None,
) -> Iterator[SearchHit]:
    """Yield every hit, page by page, for export. Raises SearchStopped when `control` stops it, else as search."""
    cursor: str | None = None
    while True:
        page = search(
            gate=gate,
            scope=scope,
            request=request,
            limit=_STREAM_PAGE,
            cursor=cursor,
            newest_first=newest_first,
            control=control,
        )
        yield from page.hits
        if page.stopped:
            raise SearchStopped(f"the search was stopped: {page.stopped}")
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


@attrs.frozen
class _Page:
    """One page being filled: the condition, the direction and where to go on."""

    condition: Condition
    limit: int
    newest_first: bool
    after: Key | None

    def fill(self, view: GateView, brake: SearchControl, started: float) -> SearchResult:
        hits: list[SearchHit] = []
        searched = 0
        stopped: str | None = None
        resume: Key | None = self.after
        groups = [
            group for group in groups_in_time(view.files, newest_first=self.newest_first) if self.lies_ahead(group)
        ]
        with view.connect() as connection:
            addresses.register(connection)
            for group in groups:
                try:
                    hits += self.read(connection, group, brake, self.limit - len(hits))
                except SearchStopped:
                    stopped = brake.stopped or "cancelled"
                    break
                searched += sum(file.rows for file in group)
                resume = self.past(group)
                if len(hits) >= self.limit:
                    break
        full = len(hits) >= self.limit
        if full:
            resume = key_of(hits[-1])
        return SearchResult(
            hits=tuple(hits),
            next_cursor=str(resume) if (full or stopped) and resume else None,
            stopped=stopped,
            searched_rows=searched,
            total_rows=sum(file.rows for file in view.files),
            absent=view.absent,
            took_s=time.monotonic() - started,
        )

    def lies_ahead(self, group: Sequence[LakeFile]) -> bool:
        if self.after is None:
            return True
        if self.newest_first:
            return _first(group) <= self.after.received_at
        return _last(group) >= self.after.received_at

    def past(self, group: Sequence[LakeFile]) -> Key:
        """Return the key just after every row of a group."""
        if self.newest_first:
            return Key(received_at=_first(group), sequence=-1, row=-1, partition=-1)
        return Key(received_at=_last(group), sequence=2**62, row=2**30, partition=2**14)

    def read(
        self, connection: duckdb.DuckDBPyConnection, group: Sequence[LakeFile], brake: SearchControl, limit: int
    ) -> list[SearchHit]:
        direction = "DESC" if self.newest_first else "ASC"
        parameters: dict[str, object] = dict(self.condition.parameters)
        where = self.condition.sql
        if self.after:
            sign = "<" if self.newest_first else ">"
            where = (
                f"received_at {sign}= $after_at AND (received_at {sign} $after_at OR (sequence, row, partition) "
                f"{sign} ($after_sequence, $after_row, $after_partition)) AND {where}"
            )
            parameters |= {
                "after_at": self.after.received_at,
                "after_sequence": self.after.sequence,
                "after_row": self.after.row,
                "after_partition": self.after.partition,
            }
        order = ", ".join(f"{name} {direction}" for name in ("received_at", "sequence", "row", "partition"))
        sql = f"SELECT {SELECT} FROM read_parquet($files) WHERE {where} ORDER BY {order} LIMIT {int(limit)}"
        parameters["files"] = [str(file.path) for file in group]
        with brake.running(connection):
            rows = connection.sql(sql, params=parameters).to_arrow_table().to_pylist()
        return [hit_from(row) for row in rows]


def key_of(hit: SearchHit) -> Key:
    """Return the place of a hit in the order of all rows."""
    identity = read_identity(hit.event_id)
    assert identity
    partition, sequence, row = identity
    return Key(received_at=hit.received_at, sequence=sequence, row=row, partition=partition)


def groups_in_time(files: Iterable[LakeFile], *, newest_first: bool) -> list[list[LakeFile]]:
    """Group files so that groups do not overlap in received_at, in the asked order.

    Small neighbours are read together: the first group stays small so that it answers fast, later ones grow.
    """
    apart: list[list[LakeFile]] = []
    for file in sorted((one for one in files if one.rows), key=lambda one: (_first([one]), one.path.name)):
        if apart and _first([file]) <= _last(apart[-1]):
            apart[-1].append(file)
        else:
            apart.append([file])
    if newest_first:
        apart.reverse()
    grouped: list[list[LakeFile]] = []
    room = 0
    size = _FIRST_GROUP_ROWS
    for group in apart:
        rows = sum(file.rows for file in group)
        if grouped and rows <= room:
            grouped[-1].extend(group)
            room -= rows
        else:
            grouped.append(list(group))
            room = size - rows
            size = min(size * 2, _LARGEST_GROUP_ROWS)
    return grouped


def _first(group: Sequence[LakeFile]) -> dt.datetime:
    return min(file.received_first or _EPOCH for file in group)


def _last(group: Sequence[LakeFile]) -> dt.datetime:
    return max(file.received_last or _EPOCH for file in group)
