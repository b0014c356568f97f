"""The Delta tables themselves. Only the rooms of `lake` may import this; everyone else reads through `gate`.

One folder per organisation, two tables in it (`events`, `rejects`), a table's partition is the day. We write the
Parquet files ourselves and let delta-rs commit them, so that the bytes are on the disk before the log names them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from samdrift_logs.errors import StorageFailed
from samdrift_logs.lake import durable, layout

TABLES = ("events", "rejects")
_SCHEMAS = {"events": layout.EVENT_TABLE_SCHEMA, "rejects": layout.REJECT_TABLE_SCHEMA}
# Checkpoints and log clean-up are ours (upkeep.py), because delta-rs would leave them unsynced.
_NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
_COMMIT_ATTEMPTS = 8
_WRITE_ATTEMPTS = 3  # `vacuum` may take an empty day's folder away just before its first file comes
Action = AddAction | RemoveAction
# Tells a held handle that the organisation was removed and onboarded again (inodes are used anew, so they do not).
_INCARNATION = ".incarnation"


class TableDamaged(StorageFailed):
    """A table's log cannot be read. Restore the organisation's folder from a backup."""


class TableMissing(StorageFailed):
    """The organisation has no such table here: it was never onboarded, or its folder is gone."""


@attrs.frozen
class LakeFile:
    """One Parquet file of a table. Times are UTC; None where the file's rows do not say."""

    path: Path
    day: dt.date
    rows: int
    size_bytes: int
    received_first: dt.datetime | None
    received_last: dt.datetime | None
    event_first: dt.datetime | None
    event_last: dt.datetime | None
    undated: int
    sequence_first: int | None
    sequence_last: int | None


def organisation_folder(root: Path, organisation: UUID) -> Path:
    """Return where an organisation's tables lie."""
    return root / str(organisation)


def organisations_in(root: Path) -> tuple[UUID, ...]:
    """Return the organisations that have a folder, sorted. Raises StorageFailed when the lake's folder is gone."""
    try:
        names = [entry.name for entry in root.iterdir() if entry.is_dir()]
    except OSError as error:
        raise durable.refused(error, root) from error
    found = []
    for name in names:
        with contextlib.suppress(ValueError):  # other folders (removals under way) are not organisations
            found.append(UUID(name))
    return tuple(sorted(found))


def create_tables(root: Path, organisation: UUID) -> bool:
    """Create both tables of an organisation, whole or not at all. Returns False where they exist."""
    target = organisation_folder(root, organisation)
    if target.is_dir():
        return False
    fresh = root / f".new-{uuid.uuid4()}"
    try:
        for name in TABLES:
            (fresh / name).mkdir(parents=True)
            DeltaTable.create(
                fresh / name,
                _SCHEMAS[name],
                partition_by=["day"],
                configuration={"delta.logRetentionDuration": "interval 6 hours"},
                post_commithook_properties=_NO_HOOKS,
            )
            sync_log(fresh / name, 0)
        (fresh / _INCARNATION).write_text(str(uuid.uuid4()))
        durable.sync_file(fresh / _INCARNATION)
        durable.sync_folder(fresh)
        fresh.rename(target)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if target.is_dir():  # another process was first
            return False
        raise durable.refused(error, target) from error
    durable.sync_folder(root)
    return True


def remove_tables(root: Path, organisation: UUID) -> bool:
    """Delete everything of one organisation. Returns False where there was nothing."""
    target = organisation_folder(root, organisation)
    gone = root / f".removed-{uuid.uuid4()}"
    try:
        target.rename(gone)  # at once for every reader; the bytes go after
    except FileNotFoundError:
        return False
    except OSError as error:
        raise durable.refused(error, target) from error
    durable.sync_folder(root)
    shutil.rmtree(gone, ignore_errors=True)
    return True


def open_table(root: Path, organisation: UUID, name: str) -> DeltaTable:
    """Open a table at its newest version. Raises TableMissing or TableDamaged."""
    path = organisation_folder(root, organisation) / name
    if not (path / "_delta_log").is_dir():
        raise TableMissing(
            f"{path}: no table here. Onboard the organisation (this creates the table), or restore it from a backup"
        )
    try:
        return _loaded(path)
    except TableNotFoundError as error:
        raise TableMissing(f"{path}: the table's log is empty; restore the folder from a backup") from error
    except (DeltaError, OSError, ValueError, RuntimeError) as error:
        raise TableDamaged(
            f"{path}: the table's log cannot be read ({_first_line(error)}); restore it from a backup"
        ) from error


def _loaded(path: Path) -> DeltaTable:
    try:
        return DeltaTable(path)
    except TableNotFoundError:
        raise
    except Exception:
        if not _set_torn_tail_aside(path / "_delta_log"):
            raise
    return DeltaTable(path)


def _set_torn_tail_aside(log: Path) -> bool:
    """Set aside what a power cut left half-written at the end of a log. Returns whether anything was.

    Safe because a commit is acknowledged only after its entry is synced: an entry that cannot be read was never
    acknowledged and comes again. Only the newest entry and the newest checkpoint can be torn.
    """
    found = False
    pointer = log / "_last_checkpoint"
    if pointer.exists() and not _checkpoint_is_whole(log, pointer):
        pointer.rename(log / f"_torn_{uuid.uuid4()}")
        for checkpoint in log.glob("*.checkpoint*.parquet"):
            if not _is_parquet(checkpoint):
                checkpoint.rename(log / f"_torn_{uuid.uuid4()}")
        found = True
    entries = sorted(log.glob("[0-9]*.json"))
    if entries and not _is_json_lines(entries[-1]):
        entries[-1].rename(log / f"_torn_{uuid.uuid4()}")
        found = True
    return found


def _checkpoint_is_whole(log: Path, pointer: Path) -> bool:
    try:
        version = int(json.loads(pointer.read_bytes())["version"])
    except (ValueError, KeyError, TypeError):
        return False
    files = list(log.glob(f"{version:020d}.checkpoint*.parquet"))
    return bool(files) and all(_is_parquet(file) for file in files)


def _is_parquet(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError):
        return False
    return True


def _is_json_lines(path: Path) -> bool:
    try:
        for line in path.read_bytes().splitlines():
            json.loads(line)
    except ValueError:
        return False
    return True


def _first_line(error: Exception) -> str:
    """Leave out the traces that delta-rs adds."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _damaged(path: Path, error: Exception) -> TableDamaged:
    return TableDamaged(f"{path}: the table's log cannot be read ({_first_line(error)}); restore it from a backup")


def refresh(table: DeltaTable) -> None:
    """Bring a held handle to the newest version. Raises TableDamaged."""
    try:
        table.update_incremental()
    except (DeltaError, OSError, ValueError, RuntimeError) as error:
        raise TableDamaged(
            f"{table.table_uri}: the table's log cannot be read ({_first_line(error)}); restore it"
        ) from error


def table_folder(table: DeltaTable) -> Path:
    """Return the folder of a local table."""
    return Path(table.table_uri.removeprefix("file://"))


def write_file(folder: Path, *, day: dt.date, rows: pa.Table) -> AddAction:
    """Write rows of one day to one Parquet file and flush it. Not visible until committed. Raises StorageFailed."""
    relative = f"day={day.isoformat()}/{time.time_ns():020d}-{uuid.uuid4()}.parquet"
    path = folder / relative
    for attempt in range(_WRITE_ATTEMPTS):
        durable.make_folder(path.parent, below=folder)
        try:
            pq.write_table(rows, path, compression="zstd", compression_level=3, store_schema=False)
            break
        except OSError as error:
            path.unlink(missing_ok=True)
            if attempt == _WRITE_ATTEMPTS - 1 or not isinstance(error, FileNotFoundError):
                raise durable.refused(error, path) from error
    durable.sync_file(path)
    durable.sync_folder(path.parent)
    return add_action(folder, path, day=day, stats=layout.statistics_of(rows), new_rows=True)


def add_action(folder: Path, path: Path, *, day: dt.date, stats: str, new_rows: bool) -> AddAction:
    """Return the log entry that makes a file part of its table."""
    return AddAction(
        path=path.relative_to(folder).as_posix(),
        size=path.stat().st_size,
        partition_values={"day": day.isoformat()},
        modification_time=int(time.time() * 1000),
        data_change=new_rows,
        stats=stats,
    )


def remove_action(folder: Path, file: LakeFile, *, drops_rows: bool) -> RemoveAction:
    """Return the log entry that takes a file out of its table (vacuum deletes it later)."""
    return RemoveAction(
        file.path.relative_to(folder).as_posix(),
        drops_rows,
        int(time.time() * 1000),
        file.size_bytes,
        {"day": file.day.isoformat()},
    )


def start_grace(files: Sequence[LakeFile]) -> None:
    """Give files that just left their table the present moment as their time: `vacuum` counts its grace from it."""
    for file in files:
        with contextlib.suppress(OSError):  # at worst a reader has to ask again
            os.utime(file.path)


def commit(
    table: DeltaTable, actions: Sequence[AddAction | RemoveAction], *, txn: tuple[str, int] | None = None
) -> int:
    """Commit files and flush the log entry. Returns the version. `txn` is (app id, version).

    Appends never conflict with each other's content, so a lost race for the version number is simply tried again.
    Raises StorageFailed when it cannot be committed.
    """
    folder = table_folder(table)
    transactions = [Transaction(*txn)] if txn else None
    for attempt in range(_COMMIT_ATTEMPTS):
        before = table.version()
        try:
            table.create_write_transaction(
                list(actions),
                "append",
                table.schema(),
                partition_by=["day"],
                commit_properties=CommitProperties(max_commit_retries=15, app_transactions=transactions),
                post_commithook_properties=_NO_HOOKS,
            )
            break
        except CommitFailedError as error:
            if attempt == _COMMIT_ATTEMPTS - 1:
                raise StorageFailed(
                    f"{folder}: could not commit after {attempt + 1} attempts: {_first_line(error)}"
                ) from error
            time.sleep(0.02 * 2**attempt)
            refresh(table)
        except (DeltaError, OSError) as error:
            raise StorageFailed(
                f"{folder}: could not commit: {_first_line(error)}; nothing was acknowledged"
            ) from error
    refresh(table)
    # Ours is among them. The one before may be another process's that is not flushed yet: without it ours were a
    # table with a gap.
    for version in range(before, table.version() + 1):
        sync_log_entry(folder, version)
    durable.sync_folder(folder / "_delta_log")
    return int(table.version())


def sync_log(folder: Path, version: int) -> None:
    """Flush one log entry and the folders that lead to it."""
    sync_log_entry(folder, version)
    durable.sync_folder(folder / "_delta_log")
    durable.sync_folder(folder)


def sync_log_entry(folder: Path, version: int) -> None:
    """Flush one log entry's bytes."""
    entry = folder / "_delta_log" / f"{version:020d}.json"
    if entry.exists():  # an old one may have been cleaned up after a checkpoint, which was synced
        durable.sync_file(entry)


def stored_version(table: DeltaTable, app_id: str) -> int:
    """Return up to which sequence an application's rows are in the table; -1 for none."""
    version = table.transaction_version(app_id)
    return -1 if version is None else int(version)


def files_of(table: DeltaTable) -> list[LakeFile]:
    """List the files of a table's version at hand, with their statistics, oldest day first."""
    folder = table_folder(table)
    actions = pa.table(table.get_add_actions(flatten=True))

    def column(name: str) -> list[Any]:
        return actions[name].to_pylist() if name in actions.column_names else [None] * actions.num_rows

    files = [
        LakeFile(folder / path, *rest)
        for path, *rest in zip(
            actions["path"].to_pylist(),
            column("partition.day"),
            column("num_records"),
            column("size_bytes"),
            column("min.received_at"),
            column("max.received_at"),
            column("min.event_at"),
            column("max.event_at"),
            [count or 0 for count in column("null_count.event_at")],
            column("min.sequence"),
            column("max.sequence"),
            strict=True,
        )
    ]
    return sorted(files, key=lambda file: (file.day, file.path.name))


class TableHandles:
    """Held handles of one table name per organisation: opening costs ten times what a refresh does.

    Not for several threads at once; callers bring their own lock.
    """

    def __init__(self, root: Path, name: str) -> None:
        self._root = root
        self._name = name
        self._held: dict[UUID, tuple[str, DeltaTable]] = {}

    def newest(self, organisation: UUID) -> DeltaTable:
        """Return the table at its newest version. Raises TableMissing or TableDamaged."""
        incarnation = self._incarnation(organisation)
        known = self._held.get(organisation)
        if known and known[0] == incarnation:
            try:
                refresh(known[1])
                return known[1]
            except TableDamaged:
                pass  # open_table knows how to set a torn tail aside
        table = open_table(self._root, organisation, self._name)
        self._held[organisation] = (incarnation, table)
        return table

    def _incarnation(self, organisation: UUID) -> str:
        try:
            return (organisation_folder(self._root, organisation) / _INCARNATION).read_text()
        except OSError:
            self._held.pop(organisation, None)
            return ""


@contextlib.contextmanager
def maintenance_lock(root: Path, organisation: UUID) -> Iterator[bool]:
    """Hold the one lock for what takes files out of an organisation's tables. Yields False where another holds it.

    delta-rs lets two commits remove the same file; two compactions at once would store rows twice.
    """
    path = organisation_folder(root, organisation) / ".maintenance.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise durable.refused(error, path) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)
