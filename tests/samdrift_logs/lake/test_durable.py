"""What was answered is on the disk: bytes, then names, then the log entry; a torn tail never takes the table."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from samdrift_logs.errors import StorageFailed
from samdrift_logs.lake import Gate, Lake, LakeWriter
from tests.samdrift_logs.lake.rows import ODENSE, event, events, reject, rejects, watch


class Disk:
    """Remembers in which order paths were flushed, and forgets what was not: what a power cut would leave."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.flushed: list[Path] = []
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self.fsync)

    def fsync(self, handle: int) -> None:
        self.flushed.append(Path(f"/proc/self/fd/{handle}").readlink())
        self._fsync(handle)

    def lost(self, before: set[Path], root: Path) -> set[Path]:
        """Files added since `before` that would be gone or empty: their bytes or a name on the way was not flushed."""
        flushed = set(self.flushed)
        added = {path for path in root.rglob("*") if path not in before and not path.name.endswith(".lock")}
        files = {path for path in added if path.is_file() and path not in flushed}
        names = {path for path in added if path.parent not in flushed}
        return files | names


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.create(ODENSE)
    return lake


def write(lake: Lake, *sequences: int) -> None:
    rows = [event(sequence) for sequence in sequences]
    LakeWriter(lake).write(events(rows), rejects([reject(sequences[-1], 9)]), partition=0, through=sequences[-1])


def rows(lake: Lake) -> int:
    return sum(one.rows for one in lake.statistics(watch(ODENSE)))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks up open files in /proc")
def test_write_flushes_every_file_folder_and_log_entry(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(lake.root.rglob("*"))
    disk = Disk(monkeypatch)

    write(lake, 1, 2)

    assert disk.lost(before, lake.root) == set()
    data = [at for at, path in enumerate(disk.flushed) if path.suffix == ".parquet" and "/events/" in str(path)]
    entry = [at for at, path in enumerate(disk.flushed) if path.suffix == ".json" and "/events/" in str(path)]
    assert max(data) < min(entry)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks up open files in /proc")
def test_create_compact_retain_and_checkpoint_flush_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    lake = Lake(tmp_path)
    lake.create(ODENSE)
    created = {path.parent for path in disk.flushed if path.suffix == ".json"}
    assert len(created) == 2
    for sequence in range(1, 4):
        write(lake, sequence)
    before = set(lake.root.rglob("*"))
    disk.flushed.clear()

    lake.compact(min_files=2)
    lake.checkpoint(after_commits=1)

    assert disk.lost(before, lake.root) == set()
    assert rows(lake) == 3


def newest_entry(lake: Lake) -> Path:
    return sorted((lake.root / str(ODENSE) / "events" / "_delta_log").glob("*.json"))[-1]


@pytest.mark.parametrize("left", [0, 40, 300])
def test_log_entry_torn_by_a_power_cut_is_set_aside(lake: Lake, left: int) -> None:
    write(lake, 1)
    write(lake, 2)
    entry = newest_entry(lake)
    entry.write_bytes(entry.read_bytes()[:left])

    assert rows(lake) == 1
    write(lake, 2)  # the journal delivers it again
    write(lake, 3)

    assert rows(lake) == 3


@pytest.mark.parametrize("left", [0, 100])
def test_checkpoint_torn_by_a_power_cut_is_set_aside(lake: Lake, left: int) -> None:
    for sequence in range(1, 5):
        write(lake, sequence)
    lake.checkpoint(after_commits=1)
    log = newest_entry(lake).parent
    checkpoint = next(log.glob("*.checkpoint.parquet"))
    checkpoint.write_bytes(checkpoint.read_bytes()[:left])

    assert rows(lake) == 4
    write(lake, 5)
    assert rows(lake) == 5


def test_last_checkpoint_pointer_torn_is_set_aside(lake: Lake) -> None:
    for sequence in range(1, 5):
        write(lake, sequence)
    lake.checkpoint(after_commits=1)
    pointer = newest_entry(lake).parent / "_last_checkpoint"
    pointer.write_bytes(pointer.read_bytes()[:5])

    assert rows(lake) == 4


def test_log_damaged_in_the_middle_is_reported_not_guessed(lake: Lake) -> None:
    write(lake, 1)
    first = newest_entry(lake)
    write(lake, 2)
    first.write_text('{"add": {')

    with pytest.raises(StorageFailed, match=r"cannot be read.*restore"):
        Gate(lake).open(watch(ODENSE))


@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.ENOSPC, "disk is full: free space"), (errno.EACCES, "may not write"), (errno.EIO, "reports a fault")],
)
def test_disk_that_refuses_is_said_and_nothing_is_counted(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(pq, "write_table", refuse)
    with pytest.raises(StorageFailed, match=says):
        write(lake, 1)
    monkeypatch.undo()
    assert rows(lake) == 0

    write(lake, 1)
    assert rows(lake) == 1


def test_flush_that_fails_is_no_yes(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageFailed, match="reports a fault"):
        write(lake, 1)
    monkeypatch.undo()

    write(lake, 1)

    assert rows(lake) == 1


def test_log_entries_carry_the_transaction(lake: Lake) -> None:
    write(lake, 1, 2, 7)

    actions = [json.loads(line) for line in newest_entry(lake).read_text().splitlines()]
    assert {"txn": {"appId": "partition-0", "version": 7}} in actions
