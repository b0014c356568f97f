"""Compaction, retention, vacuum, checkpoints: nothing is lost, nothing twice, readers go on."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path
from uuid import uuid4

import pytest

from samdrift_logs.errors import StorageFailed
from samdrift_logs.lake import Gate, Lake, LakeWriter, durable, upkeep
from samdrift_logs.lake._storage import maintenance_lock
from samdrift_logs.search import SearchRequest, histogram, search, stream
from tests.samdrift_logs.lake.rows import NOON, ODENSE, event, events, reject, rejects, watch


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.create(ODENSE)
    return lake


def write(lake: Lake, sequence: int, **columns: object) -> None:
    LakeWriter(lake).write(events([event(sequence, **columns)]), rejects([]), partition=0, through=sequence)


def ids(lake: Lake) -> list[str]:
    return [hit.event_id for hit in stream(gate=Gate(lake), scope=watch(ODENSE), request=SearchRequest())]


def data_files(lake: Lake) -> int:
    return len(list(lake.root.glob("*/events/day=*/*.parquet")))


def test_compact_merges_a_day_and_keeps_every_row(lake: Lake) -> None:
    for sequence in (3, 4, 5):
        write(lake, sequence, raw=b"\xff", severity=sequence, received_at=NOON - dt.timedelta(seconds=sequence))
    LakeWriter(lake).write(events([]), rejects([reject(5, 1)]), partition=0, through=5)
    before = list(stream(gate=Gate(lake), scope=watch(ODENSE), request=SearchRequest()))

    done = lake.compact(min_files=2)

    assert (done.merged_files, done.new_files) == (3, 1)
    assert list(stream(gate=Gate(lake), scope=watch(ODENSE), request=SearchRequest())) == before
    file = Gate(lake).open(watch(ODENSE)).files[0]
    assert (file.rows, file.sequence_first, file.sequence_last) == (3, 3, 5)
    assert file.received_first == NOON - dt.timedelta(seconds=5)
    assert lake.compact(min_files=2).merged_files == 0


def test_compact_keeps_redelivery_filtered(lake: Lake) -> None:
    for sequence in (1, 2, 3):
        write(lake, sequence)
    lake.compact(min_files=2)
    lake.checkpoint(after_commits=1)

    write(lake, 3)

    assert ids(lake) == ["0-3-0", "0-2-0", "0-1-0"]


def test_compact_waits_with_a_large_file_of_a_day_that_still_grows(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_SMALLEST_BYTES", 10_000)
    many = [event(1, row, raw=str(uuid4()) + str(uuid4())) for row in range(3000)]
    LakeWriter(lake).write(events(many), rejects([]), partition=0, through=1)
    for sequence in (2, 3, 4):
        write(lake, sequence)

    assert lake.compact(min_files=2).merged_files == 3
    write(lake, 5, received_at=NOON + dt.timedelta(days=1))
    assert lake.compact(min_files=2).merged_files == 2
    assert len(ids(lake)) == 3004


def test_compact_leaves_days_with_few_files(lake: Lake) -> None:
    write(lake, 1)
    write(lake, 2)

    assert lake.compact(min_files=3).merged_files == 0


def test_compact_and_others_step_aside_for_one_that_runs(lake: Lake) -> None:
    with maintenance_lock(lake.root, ODENSE) as mine:
        assert mine
        assert lake.compact(min_files=2).busy == 1
        assert lake.vacuum().busy == 1


def test_retain_takes_whole_days_and_vacuum_deletes_after_grace(lake: Lake) -> None:
    write(lake, 1, received_at=NOON - dt.timedelta(days=31))
    write(lake, 2, received_at=NOON - dt.timedelta(days=30))
    write(lake, 3)

    done = lake.retain(days=30, now=NOON)

    assert (done.removed_days, done.removed_rows) == (1, 1)
    assert ids(lake) == ["0-3-0", "0-2-0"]
    assert lake.vacuum(grace_hours=1).deleted_files == 0
    assert data_files(lake) == 3
    assert lake.vacuum(grace_hours=0).deleted_files == 1
    assert data_files(lake) == 2
    lake.vacuum(grace_hours=0)
    assert not list(lake.root.glob("*/events/day=2026-10-23"))
    with pytest.raises(ValueError, match="at least one day"):
        lake.retain(days=0, now=NOON)


def test_write_into_a_day_whose_folder_vacuum_takes_away(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder = durable.make_folder
    taken: list[Path] = []

    def make_and_take_away(path: Path, *, below: Path) -> None:
        make_folder(path, below=below)
        if not taken:
            path.rmdir()
            taken.append(path)

    monkeypatch.setattr(durable, "make_folder", make_and_take_away)
    write(lake, 1)

    assert len(taken) == 1
    assert ids(lake) == ["0-1-0"]


def test_vacuum_deletes_orphans_of_a_crash(lake: Lake) -> None:
    write(lake, 1)
    orphan = next(lake.root.glob("*/events/day=*")) / "orphan.parquet"
    orphan.write_bytes(b"half")

    assert lake.vacuum(grace_hours=0).deleted_files == 1
    assert ids(lake) == ["0-1-0"]


def test_checkpoint_waits_for_enough_commits(lake: Lake) -> None:
    for sequence in range(1, 4):
        write(lake, sequence)

    assert lake.checkpoint(after_commits=4).checkpoints == 0
    assert lake.checkpoint(after_commits=3).checkpoints == 1
    assert lake.checkpoint(after_commits=3).checkpoints == 0
    assert len(ids(lake)) == 3


def test_remove_deletes_everything(lake: Lake) -> None:
    write(lake, 1)

    assert lake.remove(ODENSE) is True
    assert lake.remove(ODENSE) is False
    assert list(lake.root.iterdir()) == []
    result = search(gate=Gate(lake), scope=watch(ODENSE), request=SearchRequest())
    assert (result.hits, result.absent) == ((), (ODENSE,))


def test_reader_with_an_old_file_list_opens_the_gate_again(lake: Lake) -> None:
    for sequence in (1, 2, 3):
        write(lake, sequence)
    gate = Gate(lake)
    views = iter([gate.open(watch(ODENSE))])
    lake.compact(min_files=2)
    lake.vacuum(grace_hours=0)

    def count(view) -> int:
        with view.connect() as connection:
            paths = [str(file.path) for file in view.files]
            return connection.execute("SELECT count(*) FROM read_parquet($files)", {"files": paths}).fetchone()[0]

    assert gate.read(lambda: next(views, None) or gate.open(watch(ODENSE)), count) == 3


def test_reads_never_fail_while_writer_and_compactor_run(lake: Lake) -> None:
    commits, per_commit = 25, 25
    written = threading.Event()
    problems: list[BaseException] = []

    def guarded(work) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                problems.append(error)
                written.set()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def write_all() -> None:
        writer = LakeWriter(lake)
        for sequence in range(1, commits + 1):
            batch = events([event(sequence, row, user="bob") for row in range(per_commit)])
            writer.write(batch, rejects([reject(sequence, per_commit)]), partition=0, through=sequence)
        written.set()

    def keep_small() -> None:
        while not written.is_set():
            lake.compact(min_files=3)
            lake.checkpoint(after_commits=5)
            lake.vacuum(grace_hours=3 / 3600)  # less than a file waits for its commit would break the writer

    def read_on() -> None:
        gate = Gate(lake)
        seen = 0
        while not written.is_set():
            total = histogram(gate=gate, scope=watch(ODENSE), request=SearchRequest(query="user:bob")).total
            assert total >= seen
            assert total % per_commit == 0
            seen = total
            search(gate=gate, scope=watch(ODENSE), request=SearchRequest(query="line"), limit=10)

    threads = [guarded(write_all), guarded(keep_small), guarded(read_on), guarded(read_on)]
    for thread in threads:
        thread.join(timeout=120)

    assert problems == []
    assert len(set(ids(lake))) == len(ids(lake)) == commits * per_commit


def test_damaged_data_file_is_named(lake: Lake) -> None:
    write(lake, 1)
    file = next(lake.root.glob("*/events/day=*/*.parquet"))
    content = file.read_bytes()
    file.write_bytes(b"PAR1" + bytes(len(content) - 8) + b"PAR1")

    with pytest.raises(StorageFailed, match=rf"{file.name}.*cannot be read.*restore"):
        search(gate=Gate(lake), scope=watch(ODENSE), request=SearchRequest())


def test_missing_data_file_is_named(lake: Lake) -> None:
    write(lake, 1)
    file = next(lake.root.glob("*/events/day=*/*.parquet"))
    file.unlink()

    with pytest.raises(StorageFailed, match=rf"{file.name}: is missing.*restore"):
        search(gate=Gate(lake), scope=watch(ODENSE), request=SearchRequest())


def test_missing_table_and_missing_lake_are_said(lake: Lake) -> None:
    (lake.root / str(ODENSE) / "events").rename(lake.root / "elsewhere")
    with pytest.raises(StorageFailed, match=r"no table here.*restore"):
        Gate(lake).open(watch(ODENSE))
    with pytest.raises(StorageFailed, match="no table here"):
        write(lake, 1)

    with pytest.raises(StorageFailed, match="folder is gone"):
        Lake(lake.root / "nowhere").organisations()


def test_connection_of_the_gate_reads_nothing_else(lake: Lake, tmp_path: Path) -> None:
    import duckdb

    stranger = tmp_path / "lake" / "other.parquet"
    write(lake, 1)
    stranger.write_bytes(next(lake.root.glob("*/events/day=*/*.parquet")).read_bytes())
    with Gate(lake).open(watch(ODENSE)).connect() as connection:
        for attempt in (
            f"SELECT * FROM read_parquet('{stranger}')",
            f"SELECT * FROM read_parquet('{lake.root}/{ODENSE}/../other.parquet')",
            "SELECT * FROM read_text('/etc/hostname')",
            "SET enable_external_access=true",
            "SET allowed_directories=['/']",
            f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
            f"ATTACH '{tmp_path}/x.db'",
            "INSTALL httpfs",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(attempt)


def test_statistics_counts_rows_bytes_and_days(lake: Lake) -> None:
    write(lake, 1, received_at=NOON - dt.timedelta(days=2))
    LakeWriter(lake).write(events([event(2)]), rejects([reject(2, 1)]), partition=0, through=2)

    (one,) = lake.statistics(watch(ODENSE))

    on_disk = sum(path.stat().st_size for path in lake.root.glob("*/*/day=*/*.parquet"))
    assert (one.rows, one.rejects, one.files, one.size_bytes) == (2, 1, 3, on_disk)
    assert (one.oldest_day, one.newest_day) == (dt.date(2026, 11, 21), dt.date(2026, 11, 23))
