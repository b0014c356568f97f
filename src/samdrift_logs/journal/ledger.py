"""The ledger: received = stored + rejected + duplicate, per source and minute of arrival.

Two hands keep it, and neither reads the other's figures. The journal's writer counts what it made durable
(`count_received`); the worker counts what came out at the other end (`settle`). Both are idempotent by the partition's
sequence: a mark per partition says how far each has counted, in the same transaction as the figures.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal
from uuid import UUID

import attrs

from samdrift_logs.errors import ScopeMissing, ScopeRefused, StorageFailed
from samdrift_logs.scope import Purpose, Scope

LEDGER_PURPOSES = frozenset({Purpose.WATCH, Purpose.ADMINISTRATION, Purpose.OPERATION})

_SCHEMA = """
CREATE TABLE IF NOT EXISTS received (
    organisation TEXT NOT NULL, source TEXT NOT NULL, minute INTEGER NOT NULL, partition INTEGER NOT NULL,
    received INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
    PRIMARY KEY (minute, organisation, source)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settled (
    organisation TEXT NOT NULL, source TEXT NOT NULL, minute INTEGER NOT NULL, partition INTEGER NOT NULL,
    stored INTEGER NOT NULL, rejected INTEGER NOT NULL, duplicate INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
    PRIMARY KEY (minute, organisation, source)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reasons (
    organisation TEXT NOT NULL, source TEXT NOT NULL, minute INTEGER NOT NULL, reason TEXT NOT NULL,
    rejected INTEGER NOT NULL, PRIMARY KEY (minute, organisation, source, reason)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (
    partition INTEGER PRIMARY KEY, counted_through INTEGER NOT NULL DEFAULT 0,
    settled_through INTEGER NOT NULL DEFAULT 0);
"""

_ROWS = """
SELECT organisation, source, minute, partition, received, last_sequence, 0, 0, 0, 0 FROM received
    WHERE minute >= :since AND minute < :until
UNION ALL
SELECT organisation, source, minute, partition, 0, 0, stored, rejected, duplicate, last_sequence FROM settled
    WHERE minute >= :since AND minute < :until
ORDER BY minute, organisation, source
"""

_REASONS = """
SELECT organisation, source, minute, reason, rejected FROM reasons WHERE minute >= :since AND minute < :until
"""


def minute_of(instant: dt.datetime) -> int:
    """Return the minute of an instant, counted from the epoch in UTC."""
    return int(instant.timestamp()) // 60


@attrs.frozen(kw_only=True)
class Received:
    """What the journal's writer counted in one record."""

    sequence: int
    organisation: UUID
    source: UUID
    minute: int
    count: int


@attrs.frozen(kw_only=True)
class Settlement:
    """What became of one journal record: events stored, lines rejected by reason, duplicates told."""

    sequence: int
    organisation: UUID
    source: UUID
    minute: int
    stored: int
    rejected: Mapping[str, int] = attrs.field(factory=dict)
    duplicate: int = 0


@attrs.frozen(kw_only=True)
class LedgerRow:
    """One source and one minute (UTC). `open` lines are in the journal and not stored yet.

    `closed` means that nothing of this minute is under way any more, so that the sum must hold.
    """

    organisation: UUID
    source: UUID
    minute: dt.datetime
    received: int
    stored: int
    rejected: int
    duplicate: int
    reasons: Mapping[str, int]
    open: int
    closed: bool

    @property
    def adds_up(self) -> bool:
        """Tell whether received = stored + rejected + duplicate, or could still come to it."""
        return not self.closed or self.received == self.stored + self.rejected + self.duplicate


@attrs.define
class _Sum:
    partition: int
    received: int = 0
    received_last: int = 0
    stored: int = 0
    rejected: int = 0
    duplicate: int = 0
    settled_last: int = 0


_Key = tuple[str, str, int]  # organisation, source, minute
_Sums = dict[_Key, _Sum]


class Ledger:
    """The ledger's file, shared by the processes of one machine. Safe to use from several threads."""

    def __init__(self, folder: Path):
        self.path = folder / "ledger.sqlite3"
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            reason = f"the ledger {self.path} cannot be opened: {error}; restore it or move it away"
            raise StorageFailed(reason) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def count_received(self, partition: int, received: Sequence[Received]) -> None:
        """Count durable records of a partition; those at or before its mark were counted already. Durable on return."""
        with self._transaction() as connection:
            through = _mark(connection, partition, "counted_through")
            fresh = [entry for entry in received if entry.sequence > through]
            if not fresh:
                return
            rows = _by_row((_key(entry), entry.sequence, (entry.count,)) for entry in fresh)
            connection.executemany(
                "INSERT INTO received VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "received = received + excluded.received, last_sequence = max(last_sequence, excluded.last_sequence)",
                [(*key, partition, *figures) for key, figures in rows.items()],
            )
            _move_mark(connection, partition, "counted_through", max(entry.sequence for entry in fresh))

    def settle(self, partition: int, through: int, settlements: Sequence[Settlement]) -> None:
        """Say what became of the records of a partition up to `through`. Durable on return.

        Records at or before the partition's mark were settled already and count once. A sequence up to `through` that
        has no settlement was never read: the rows it was received in will not add up.
        """
        with self._transaction() as connection:
            settled = _mark(connection, partition, "settled_through")
            fresh = [entry for entry in settlements if settled < entry.sequence <= through]
            rows = _by_row(
                (_key(entry), entry.sequence, (entry.stored, sum(entry.rejected.values()), entry.duplicate))
                for entry in fresh
            )
            connection.executemany(
                "INSERT INTO settled VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "stored = stored + excluded.stored, rejected = rejected + excluded.rejected, "
                "duplicate = duplicate + excluded.duplicate, "
                "last_sequence = max(last_sequence, excluded.last_sequence)",
                [(*key, partition, *figures) for key, figures in rows.items()],
            )
            connection.executemany(
                "INSERT INTO reasons VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET rejected = rejected + excluded.rejected",
                [(*_key(entry), reason, count) for entry in fresh for reason, count in entry.rejected.items()],
            )
            _move_mark(connection, partition, "settled_through", through)

    def counted_through(self, partition: int) -> int:
        """The last sequence of a partition that was counted as received."""
        with self._transaction("DEFERRED") as connection:
            return _mark(connection, partition, "counted_through")

    def settled_through(self, partition: int) -> int:
        """The last sequence of a partition that was settled."""
        with self._transaction("DEFERRED") as connection:
            return _mark(connection, partition, "settled_through")

    def rows(self, scope: Scope | None, since: dt.datetime, until: dt.datetime) -> list[LedgerRow]:
        """Return the rows of the organisations in scope with since <= minute < until, oldest first.

        Raises ScopeMissing without a Scope, ScopeRefused for a purpose that may not read the ledger.
        """
        if scope is None:
            raise ScopeMissing("the ledger was asked for rows without a Scope")
        if scope.purpose not in LEDGER_PURPOSES:
            raise ScopeRefused(f"the ledger is not read for the purpose {scope.purpose}")
        span = {"since": minute_of(since), "until": -(-int(until.timestamp()) // 60)}
        with self._transaction("DEFERRED") as connection:
            marks = {row[0]: row[1:] for row in connection.execute("SELECT * FROM marks")}
            sums = _sums(connection.execute(_ROWS, span), scope)
            reasons: dict[_Key, dict[str, int]] = {}
            for organisation, source, minute, reason, count in connection.execute(_REASONS, span):
                reasons.setdefault((organisation, source, minute), {})[reason] = count
        return [
            _row(key, entry, marks.get(entry.partition, (0, 0)), reasons.get(key, {})) for key, entry in sums.items()
        ]

    def discrepancies(self, scope: Scope | None, since: dt.datetime, until: dt.datetime) -> list[LedgerRow]:
        """Return the closed rows that do not add up."""
        return [row for row in self.rows(scope, since, until) if not row.adds_up]

    def forget(self, before: dt.datetime) -> int:
        """Delete the rows of minutes before an instant; return how many."""
        minute = minute_of(before)
        with self._transaction() as connection:
            gone = 0
            for table in ("received", "settled", "reasons"):
                gone += connection.execute(f"DELETE FROM {table} WHERE minute < ?", (minute,)).rowcount
            return gone

    @contextlib.contextmanager
    def _transaction(self, kind: Literal["IMMEDIATE", "DEFERRED"] = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute(f"BEGIN {kind}")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise StorageFailed(f"the ledger {self.path} cannot be used: {error}") from error


def _mark(connection: sqlite3.Connection, partition: int, name: str) -> int:
    found = connection.execute(f"SELECT {name} FROM marks WHERE partition = ?", (partition,)).fetchone()
    return int(found[0]) if found else 0


def _move_mark(connection: sqlite3.Connection, partition: int, name: str, through: int) -> None:
    connection.execute(
        f"INSERT INTO marks (partition, {name}) VALUES (?, ?) "
        f"ON CONFLICT DO UPDATE SET {name} = max({name}, excluded.{name})",
        (partition, through),
    )


def _by_row(entries: Iterable[tuple[_Key, int, tuple[int, ...]]]) -> dict[_Key, tuple[int, ...]]:
    """Sum (key, sequence, figures) per key, with the last sequence at the end."""
    sums: dict[_Key, tuple[int, ...]] = {}
    for key, sequence, figures in entries:
        before = sums.get(key, (0,) * (len(figures) + 1))
        summed = [one + other for one, other in zip(before[:-1], figures, strict=True)]
        sums[key] = (*summed, max(before[-1], sequence))
    return sums


def _key(entry: Received | Settlement) -> _Key:
    return (str(entry.organisation), str(entry.source), entry.minute)


def _sums(selected: Iterable[tuple[str, str, int, int, int, int, int, int, int, int]], scope: Scope) -> _Sums:
    sums: _Sums = {}
    for organisation, source, minute, partition, received, received_last, stored, rejected, duplicate, last in selected:
        if not scope.covers(UUID(organisation)):
            continue
        entry = sums.setdefault((organisation, source, minute), _Sum(partition))
        entry.received += received
        entry.received_last = max(entry.received_last, received_last)
        entry.stored += stored
        entry.rejected += rejected
        entry.duplicate += duplicate
        entry.settled_last = max(entry.settled_last, last)
    return sums


def _row(key: _Key, entry: _Sum, marks: tuple[int, int], reasons: Mapping[str, int]) -> LedgerRow:
    counted_through, settled_through = marks
    organisation, source, minute = key
    closed = entry.received_last <= settled_through and entry.settled_last <= counted_through
    under_way = max(0, entry.received - entry.stored - entry.rejected - entry.duplicate)
    return LedgerRow(
        organisation=UUID(organisation),
        source=UUID(source),
        minute=dt.datetime.fromtimestamp(minute * 60, dt.UTC),
        received=entry.received,
        stored=entry.stored,
        rejected=entry.rejected,
        duplicate=entry.duplicate,
        reasons=dict(reasons),
        open=0 if closed else under_way,
        closed=closed,
    )
