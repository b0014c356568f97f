"""An archive is consistent, complete and checked, and restores only into an empty folder."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import sqlite3
import tarfile
import threading
from pathlib import Path

import pytest

from samdrift.cli.archive import FolderNotEmpty, restore_archive, write_archive
from samdrift_logs.errors import InputRefused
from samdrift_logs.journal import Quiet

AT = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def ignore(done: int, total: int) -> None:
    """Take progress and show nothing."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "lake" / "one" / "events" / "_delta_log").mkdir(parents=True)
    (folder / "lake" / "one" / "events" / "_delta_log" / "0.json").write_text("{}")
    (folder / "lake" / "one" / "events" / "_delta_log" / "_last_checkpoint").write_text("{}")
    (folder / "journal" / "partition-0").mkdir(parents=True)
    (folder / "journal" / "partition-0" / "1.segment").write_bytes(b"record" * 100)
    (folder / "ledger").mkdir()
    (folder / "secret.key").write_text("k" * 60)
    for name in ("samdrift.sqlite3", "ledger/ledger.sqlite3"):
        with contextlib.closing(sqlite3.connect(folder / name)) as connection:
            connection.execute("CREATE TABLE told (line TEXT)")
            connection.execute("INSERT INTO told VALUES ('first')")
            connection.commit()
    return folder


def archive_of(data: Path) -> Path:
    archive = data.parent / "backup.tar"
    write_archive(data=data, database=data / "samdrift.sqlite3", archive=archive, at=AT, progress=ignore)
    return archive


def test_what_was_archived_comes_back(data: Path, tmp_path: Path) -> None:
    restored = restore_archive(archive=archive_of(data), data=tmp_path / "restored", progress=ignore)

    assert restored.taken_at == AT.isoformat()
    assert (tmp_path / "restored" / "journal" / "partition-0" / "1.segment").read_bytes() == b"record" * 100
    assert (tmp_path / "restored" / "lake" / "one" / "events" / "_delta_log" / "0.json").exists()
    assert not (tmp_path / "restored" / "lake" / "one" / "events" / "_delta_log" / "_last_checkpoint").exists()
    with contextlib.closing(sqlite3.connect(tmp_path / "restored" / "samdrift.sqlite3")) as connection:
        assert connection.execute("SELECT line FROM told").fetchall() == [("first",)]


def test_archive_is_private_and_leaves_no_staging(data: Path) -> None:
    archive = archive_of(data)

    assert archive.stat().st_mode & 0o077 == 0
    assert [path for path in data.iterdir() if path.name.startswith(".backup")] == []


def test_backup_waits_for_work_under_way_and_sees_it_whole(data: Path) -> None:
    quiet, segment = Quiet(data), data / "journal" / "partition-0" / "1.segment"
    half_done, finish = threading.Event(), threading.Event()

    def work() -> None:
        with quiet.working():
            segment.write_bytes(segment.read_bytes() + b"half")
            half_done.set()
            finish.wait(10)
            segment.write_bytes(segment.read_bytes() + b"whole")

    worker = threading.Thread(target=work)
    worker.start()
    half_done.wait(10)
    threading.Timer(0.3, finish.set).start()
    archive = archive_of(data)
    worker.join()

    with tarfile.open(archive) as tar:
        content = tar.extractfile("journal/partition-0/1.segment")
        assert content is not None
        assert content.read().endswith(b"halfwhole")


def test_folder_that_is_not_empty_is_refused(data: Path, tmp_path: Path) -> None:
    archive = archive_of(data)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").touch()

    with pytest.raises(FolderNotEmpty):
        restore_archive(archive=archive, data=tmp_path / "full", progress=ignore)


@pytest.mark.parametrize("cut", [0.2, 0.6, 0.95])
def test_cut_archive_is_refused_and_leaves_nothing(data: Path, tmp_path: Path, cut: float) -> None:
    archive = archive_of(data)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content.rstrip(b"\0")) * cut)])

    with pytest.raises(InputRefused):
        restore_archive(archive=archive, data=tmp_path / "restored", progress=ignore)
    assert not (tmp_path / "restored").exists()


def test_changed_file_is_named(data: Path, tmp_path: Path) -> None:
    archive = archive_of(data)
    archive.write_bytes(archive.read_bytes().replace(b"recordrecord", b"recordRECORD", 1))

    with pytest.raises(InputRefused, match=r"1\.segment"):
        restore_archive(archive=archive, data=tmp_path / "restored", progress=ignore)


def test_member_outside_the_folder_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as tar:
        entry = tarfile.TarInfo("../outside")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))

    with pytest.raises(InputRefused, match="outside"):
        restore_archive(archive=archive, data=tmp_path / "restored", progress=ignore)
    assert not (tmp_path / "outside").exists()


def test_folder_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no Samdrift data"):
        write_archive(data=tmp_path, database=tmp_path / "x.sqlite3", archive=tmp_path / "a", at=AT, progress=ignore)
