"""The only reader of the lake. No Scope, no data; a Scope for another purpose, no data.

`Gate.open` turns a Scope and a stretch of time into lists of files per organisation. `GateView.connect` gives a DuckDB
connection that can read the folders of these organisations and nothing else on this machine, with its configuration
locked: even a query that went wrong could not reach another organisation's rows.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID

import attrs
import duckdb

from samdrift_logs.errors import SamdriftError, ScopeMissing, ScopeRefused, StorageFailed
from samdrift_logs.lake import _storage
from samdrift_logs.lake._storage import LakeFile
from samdrift_logs.scope import Purpose, Scope

__all__ = ["Gate", "GateView", "LakeFile", "OrganisationStatistics", "ReadTooLarge", "TableFiles"]

# Who may read logs, and for what: analysts on watch. The platform's models say the same of alerts and cases.
READ_PURPOSES = frozenset({Purpose.WATCH})

_MEMORY_LIMIT = "1GB"
_ATTEMPTS = 4
T = TypeVar("T")


@attrs.frozen
class TableFiles:
    """The files of one organisation that may hold rows of the asked time."""

    organisation: UUID
    files: tuple[LakeFile, ...]


@attrs.frozen(kw_only=True)
class OrganisationStatistics:
    """What an organisation has in the lake. `size_bytes` is of the live files; days are UTC days of received_at."""

    organisation: UUID
    rows: int
    rejects: int
    files: int
    size_bytes: int
    oldest_day: dt.date | None
    newest_day: dt.date | None


@attrs.frozen(kw_only=True)
class GateView:
    """What one Scope may read, at one moment. `absent` are organisations of the Scope that have no tables."""

    scope: Scope
    since: dt.datetime | None
    until: dt.datetime | None
    tables: tuple[TableFiles, ...]
    absent: tuple[UUID, ...]
    root: Path

    @property
    def files(self) -> tuple[LakeFile, ...]:
        """All files, oldest day first."""
        return tuple(sorted((file for table in self.tables for file in table.files), key=lambda file: file.day))

    @contextlib.contextmanager
    def connect(self, *, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection that reads this view's organisations only. Bind parameters; never build SQL from input."""
        folders = [f"{_storage.organisation_folder(self.root, table.organisation)}/" for table in self.tables]
        connection = duckdb.connect(":memory:")
        try:
            connection.execute("SET TimeZone='UTC'")
            connection.execute(f"SET threads={int(threads)}")
            connection.execute(f"SET memory_limit='{_MEMORY_LIMIT}'")
            connection.execute("SET python_enable_replacements=false")
            connection.execute("SET autoload_known_extensions=false")
            connection.execute(f"SET allowed_directories=[{', '.join(_quoted(folder) for folder in folders)}]")
            connection.execute("SET enable_external_access=false")
            connection.execute("SET lock_configuration=true")
            yield connection
        finally:
            connection.close()


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"


class ReadTooLarge(SamdriftError):
    """A read does not fit in the memory it may take. Ask for less."""


class _Rooted(Protocol):
    @property
    def root(self) -> Path: ...


class Gate:
    """Opens the lake for a Scope. One per process; safe to use from several threads."""

    def __init__(self, lake: _Rooted) -> None:
        self._root = Path(lake.root).resolve()
        self._lock = threading.Lock()
        self._handles = {name: _storage.TableHandles(self._root, name) for name in _storage.TABLES}
        self._listed: dict[tuple[UUID, str], tuple[object, int, tuple[LakeFile, ...]]] = {}

    def open(
        self,
        scope: Scope | None,
        *,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        event_since: dt.datetime | None = None,
        event_until: dt.datetime | None = None,
        organisations: Iterable[UUID] | None = None,
        table: str = "events",
    ) -> GateView:
        """Return the files that may hold rows with since <= received_at < until (and the same of event_at).

        `organisations` narrows the Scope, and is needed with a Scope over everyone: nobody reads all of Denmark by
        leaving something out. Raises ScopeMissing, ScopeRefused, StorageFailed.
        """
        narrowed = _allowed(scope, organisations)
        tables, absent = [], []
        for organisation in sorted(narrowed.organisations):
            files = self._files(organisation, table)
            if files is None:
                absent.append(organisation)
                continue
            kept = tuple(
                file
                for file in files
                if _may_hold(file.received_first, file.received_last, since, until)
                and (file.undated or _may_hold(file.event_first, file.event_last, event_since, event_until))
            )
            tables.append(TableFiles(organisation, kept))
        return GateView(
            scope=narrowed, since=since, until=until, tables=tuple(tables), absent=tuple(absent), root=self._root
        )

    def read(self, open_view: Callable[[], GateView], work: Callable[[GateView], T]) -> T:
        """Run `work` over a view; open it anew and run again when a file was merged away meanwhile.

        Raises StorageFailed when a file is damaged or the folder is gone, ReadTooLarge when memory does not suffice.
        """
        for attempt in range(_ATTEMPTS):
            view = open_view()
            try:
                return work(view)
            except duckdb.OutOfMemoryException as error:
                raise ReadTooLarge(
                    f"this needs more than {_MEMORY_LIMIT} of memory; ask for a shorter time or fewer organisations"
                ) from error
            except (duckdb.IOException, duckdb.InvalidInputException) as error:
                gone = any(not file.path.exists() for file in view.files)
                if not gone and not _names_a_file(view, error):
                    raise  # not the store's fault: ours
                if not gone or attempt == _ATTEMPTS - 1:
                    raise _damaged(view, error) from error
        raise AssertionError("unreachable")

    def statistics(
        self, scope: Scope | None, *, organisations: Iterable[UUID] | None = None
    ) -> tuple[OrganisationStatistics, ...]:
        """Return rows, bytes and days per organisation of the Scope that has tables."""
        events = self.open(scope, organisations=organisations)
        rejects = self.open(scope, organisations=organisations, table="rejects")
        refused = {table.organisation: table.files for table in rejects.tables}
        return tuple(_statistics(table, refused.get(table.organisation, ())) for table in events.tables)

    def _files(self, organisation: UUID, name: str) -> tuple[LakeFile, ...] | None:
        with self._lock:
            try:
                table = self._handles[name].newest(organisation)
            except _storage.TableMissing:
                if organisation in _storage.organisations_in(self._root):
                    raise  # the folder is there, its table is not: damage, not absence
                return None
            known = self._listed.get((organisation, name))
            if known and known[0] is table and known[1] == table.version():
                return known[2]
            files = tuple(_storage.files_of(table))
            self._listed[(organisation, name)] = (table, table.version(), files)
            return files


def _allowed(scope: Scope | None, organisations: Iterable[UUID] | None) -> Scope:
    if scope is None:
        raise ScopeMissing("the lake was asked without a Scope")
    if scope.purpose not in READ_PURPOSES:
        raise ScopeRefused(f"logs are read for watch only; this Scope is for {scope.purpose}")
    if organisations is not None:
        return scope.narrowed(organisations)
    if scope.everyone:
        raise ScopeRefused("a Scope over every organisation reads logs only of organisations that are named")
    return scope


def _may_hold(
    first: dt.datetime | None, last: dt.datetime | None, since: dt.datetime | None, until: dt.datetime | None
) -> bool:
    if first is None or last is None:
        return True  # the log does not say: look
    return (since is None or last >= since) and (until is None or first < until)


def _statistics(table: TableFiles, rejects: Iterable[LakeFile]) -> OrganisationStatistics:
    refused = tuple(rejects)
    everything = (*table.files, *refused)
    return OrganisationStatistics(
        organisation=table.organisation,
        rows=sum(file.rows for file in table.files),
        rejects=sum(file.rows for file in refused),
        files=len(everything),
        size_bytes=sum(file.size_bytes for file in everything),
        oldest_day=min((file.day for file in everything), default=None),
        newest_day=max((file.day for file in everything), default=None),
    )


def _names_a_file(view: GateView, error: Exception) -> bool:
    return any(str(file.path) in str(error) for file in view.files)


def _damaged(view: GateView, error: Exception) -> StorageFailed:
    names = [str(file.path) for file in view.files if str(file.path) in str(error)]
    gone = [str(file.path) for file in view.files if not file.path.exists()]
    place = ", ".join(gone[:3] or names[:3]) or str(view.root)
    what = "is missing" if gone else "cannot be read"
    return StorageFailed(f"{place}: {what} ({error}); restore it from a backup. Nothing was changed")
