"""What keeps the lake small and quick: compaction, retention, vacuum, checkpoints. Run by one process at a time.

All of it may be killed at any moment: a file is in a table only after a commit, and what is left over is an orphan that
`vacuum` deletes.
"""

from __future__ import annotations

import datetime as dt
import itertools
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

import attrs
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from samdrift_logs.errors import StorageFailed
from samdrift_logs.lake import _storage, durable, layout
from samdrift_logs.lake._storage import LakeFile

# A merged file holds at most this much, so that a merge fits in memory and a search can skip files.
_TARGET_ROWS = 1_000_000
_TARGET_BYTES = 128 * 1024 * 1024
_MEMORY_LIMIT = "1GB"
# Files up to this size are always alike
_SMALLEST_BYTES = 64 * 1024
_LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@attrs.frozen(kw_only=True)
class Upkeep:
    """What one round of upkeep did, over any number of organisations."""

    merged_files: int = 0
    new_files: int = 0
    removed_days: int = 0
    removed_rows: int = 0
    deleted_files: int = 0
    checkpoints: int = 0
    busy: int = 0

    def plus(self, other: Upkeep) -> Upkeep:
        """Return the sum of two rounds."""
        mine, theirs = attrs.asdict(self), attrs.asdict(other)
        return Upkeep(**{name: mine[name] + theirs[name] for name in mine})


Work = Callable[[UUID], Upkeep]


def compact(root: Path, organisation: UUID, *, min_files: int) -> Upkeep:
    """Merge small files day by day, in order of time, where a day has at least `min_files` of them."""
    done = Upkeep()
    with _storage.maintenance_lock(root, organisation) as mine:
        if not mine:
            return Upkeep(busy=1)
        for name in _storage.TABLES:
            table = _storage.open_table(root, organisation, name)
            for group in _groups_to_merge(_storage.files_of(table), min_files=min_files):
                _merge(table, group)
                done = done.plus(Upkeep(merged_files=len(group), new_files=1))
    return done


def _groups_to_merge(files: Sequence[LakeFile], *, min_files: int) -> Iterator[list[LakeFile]]:
    """Yield what to merge into one file each, in order of time within a day.

    Days before the newest are over and merged for good. In the newest, a file waits until as much has come after it:
    otherwise a day of 2,880 commits would be written again at every round.
    """
    newest = max((file.day for file in files), default=None)
    small = [file for file in files if file.size_bytes < _TARGET_BYTES // 2 and file.rows < _TARGET_ROWS // 2]
    for day, of_day in itertools.groupby(small, key=lambda file: file.day):
        chosen = list(of_day)
        if day == newest:
            chosen = _of_like_size(chosen)
        if len(chosen) >= max(min_files, 2):
            in_time = sorted(chosen, key=lambda file: file.received_first or _LONG_AGO)
            yield from (group for group in _filled(in_time) if len(group) > 1)


def _of_like_size(files: Sequence[LakeFile]) -> list[LakeFile]:
    """Return the smaller files, as long as the next is no larger than those before it together."""
    chosen: list[LakeFile] = []
    together = _SMALLEST_BYTES
    for file in sorted(files, key=lambda file: file.size_bytes):
        if file.size_bytes > together:
            break
        chosen.append(file)
        together += file.size_bytes
    return chosen


def _filled(files: Sequence[LakeFile]) -> Iterator[list[LakeFile]]:
    group: list[LakeFile] = []
    for file in files:
        rows = sum(one.rows for one in group) + file.rows
        size = sum(one.size_bytes for one in group) + file.size_bytes
        if group and (rows > _TARGET_ROWS or size > _TARGET_BYTES):
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _merge(table: DeltaTable, group: Sequence[LakeFile]) -> None:
    folder = _storage.table_folder(table)
    day = group[0].day
    target = folder / f"day={day.isoformat()}" / f"{time.time_ns():020d}-{uuid.uuid4()}.parquet"
    try:
        _write_sorted([file.path for file in group], target)
        written = pq.read_metadata(target).num_rows
        expected = sum(file.rows for file in group)
        if written != expected:
            raise StorageFailed(f"{target}: merged {written} rows of {expected}; nothing was changed")
        durable.sync_file(target)
        durable.sync_folder(target.parent)
        stats = layout.statistics_of(_statistics_columns(target))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    added = _storage.add_action(folder, target, day=day, stats=stats, new_rows=False)
    removed = [_storage.remove_action(folder, file, drops_rows=False) for file in group]
    _storage.commit(table, [added, *removed])
    _storage.start_grace(group)


def _write_sorted(sources: Sequence[Path], target: Path) -> None:
    """Merge with DuckDB: it sorts on disk when memory is short, and writes bloom filters for columns that repeat."""
    with tempfile.TemporaryDirectory(prefix=".merge-", dir=target.parents[2]) as spill:
        connection = duckdb.connect(":memory:")
        try:
            connection.execute(f"SET memory_limit='{_MEMORY_LIMIT}'; SET threads=1; SET TimeZone='UTC'")
            connection.execute(f"SET temp_directory={_quoted(spill)}")
            connection.execute(
                "COPY (SELECT * FROM read_parquet($sources, hive_partitioning=false) "
                "ORDER BY received_at, sequence, row) "
                f"TO {_quoted(str(target))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)",
                {"sources": [str(source) for source in sources]},
            )
        except duckdb.Error as error:
            raise StorageFailed(f"{target.parent}: could not merge files: {error}; nothing was changed") from error
        finally:
            connection.close()


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"


def _statistics_columns(path: Path) -> pa.Table:
    present = set(pq.read_schema(path).names)
    return pq.read_table(path, columns=[name for name in layout.STATISTICS if name in present], partitioning=None)


def retain(root: Path, organisation: UUID, *, days: int, now: dt.datetime) -> Upkeep:
    """Take whole days out of both tables: those whose every row is older than `days`."""
    if days < 1:
        raise ValueError("retention is at least one day")
    first_kept = now.astimezone(dt.UTC).date() - dt.timedelta(days=days)
    done = Upkeep()
    with _storage.maintenance_lock(root, organisation) as mine:
        if not mine:
            return Upkeep(busy=1)
        for name in _storage.TABLES:
            table = _storage.open_table(root, organisation, name)
            old = [file for file in _storage.files_of(table) if file.day < first_kept]
            if old:
                folder = _storage.table_folder(table)
                _storage.commit(table, [_storage.remove_action(folder, file, drops_rows=True) for file in old])
                _storage.start_grace(old)
                gone = Upkeep(removed_days=len({file.day for file in old}), removed_rows=sum(file.rows for file in old))
                done = done.plus(gone)
    return done


def vacuum(root: Path, organisation: UUID, *, grace_hours: float) -> Upkeep:
    """Delete files that left the table more than `grace_hours` ago, and orphans of that age."""
    deleted = 0
    with _storage.maintenance_lock(root, organisation) as mine:
        if not mine:
            return Upkeep(busy=1)
        for name in _storage.TABLES:
            table = _storage.open_table(root, organisation, name)
            deleted += _delete_unnamed(table, older_than=time.time() - grace_hours * 3600)
    return Upkeep(deleted_files=deleted)


def _delete_unnamed(table: DeltaTable, *, older_than: float) -> int:
    """Delete data files that the newest version does not name and that nothing touched since `older_than`.

    A file that leaves the table gets that moment as its time (`start_grace`): a reader that holds the older file list
    has the grace to finish. An orphan's time is that of its last write.
    """
    folder = _storage.table_folder(table)
    named = {file.path for file in _storage.files_of(table)}
    deleted = 0
    for path in folder.glob("day=*/*.parquet"):
        try:
            if path not in named and path.stat().st_mtime < older_than:
                path.unlink()
                deleted += 1
        except FileNotFoundError:
            continue
    for day in folder.glob("day=*"):
        try:
            if day.stat().st_mtime < older_than:  # a writer may have made it a moment ago
                day.rmdir()  # only where it is empty
        except OSError:
            continue
    return deleted


def checkpoint(root: Path, organisation: UUID, *, after_commits: int) -> Upkeep:
    """Write a checkpoint where the log has grown, flush it, and drop log entries past their retention."""
    made = 0
    with _storage.maintenance_lock(root, organisation) as mine:
        if not mine:
            return Upkeep(busy=1)
        for name in _storage.TABLES:
            table = _storage.open_table(root, organisation, name)
            log = _storage.table_folder(table) / "_delta_log"
            if table.version() - _last_checkpoint(log) >= after_commits:
                _write_checkpoint(table, log)
                made += 1
    return Upkeep(checkpoints=made)


def _last_checkpoint(log: Path) -> int:
    versions = [int(path.name.split(".")[0]) for path in log.glob("*.checkpoint*.parquet")]
    return max(versions, default=0)


def _write_checkpoint(table: DeltaTable, log: Path) -> None:
    try:
        table.create_checkpoint()
    except (DeltaError, OSError) as error:
        raise StorageFailed(f"{log}: could not write a checkpoint: {error}; the table is as it was") from error
    for path in log.glob(f"{table.version():020d}.checkpoint*.parquet"):
        durable.sync_file(path)
    durable.sync_file(log / "_last_checkpoint")
    durable.sync_folder(log)
    try:
        table.cleanup_metadata()
    except (DeltaError, OSError) as error:
        raise StorageFailed(f"{log}: could not drop old log entries: {error}; the table is whole") from error
