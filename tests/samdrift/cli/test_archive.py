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
from samdrift.cli.postgresql import DatabaseNotEmpty
from samdrift_logs.errors import InputRefused
from samdrift_logs.journal import Quiet

NONE = "sqlite:////nowhere.sqlite3"  # an archive from SQLite needs no database to restore to
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
    write_archive(
        data=data, database_url=f"sqlite:///{data / 'samdrift.sqlite3'}", archive=archive, at=AT, progress=ignore
    )
    return archive


def test_what_was_archived_comes_back(data: Path, tmp_path: Path) -> None:
    restored = restore_archive(database_url=NONE, archive=archive_of(data), data=tmp_path / "restored", progress=ignore)

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
        restore_archive(database_url=NONE, archive=archive, data=tmp_path / "full", progress=ignore)


@pytest.mark.parametrize("cut", [0.2, 0.6, 0.95])
def test_cut_archive_is_refused_and_leaves_nothing(data: Path, tmp_path: Path, cut: float) -> None:
    archive = archive_of(data)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content.rstrip(b"\0")) * cut)])

    with pytest.raises(InputRefused):
        restore_archive(database_url=NONE, archive=archive, data=tmp_path / "restored", progress=ignore)
    assert not (tmp_path / "restored").exists()


def test_changed_file_is_named(data: Path, tmp_path: Path) -> None:
    archive = archive_of(data)
    archive.write_bytes(archive.read_bytes().replace(b"recordrecord", b"recordRECORD", 1))

    with pytest.raises(InputRefused, match=r"1\.segment"):
        restore_archive(database_url=NONE, archive=archive, data=tmp_path / "restored", progress=ignore)


def test_member_outside_the_folder_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as tar:
        entry = tarfile.TarInfo("../outside")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))

    with pytest.raises(InputRefused, match="outside"):
        restore_archive(database_url=NONE, archive=archive, data=tmp_path / "restored", progress=ignore)
    assert not (tmp_path / "outside").exists()


def test_folder_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no Samdrift data"):
        write_archive(
            data=tmp_path,
            database_url=f"sqlite:///{tmp_path}/x.sqlite3",
            archive=tmp_path / "a",
            at=AT,
            progress=ignore,
        )


@pytest.mark.slow
@pytest.mark.component("postgresql")
def test_postgresql_goes_with_the_archive_and_comes_back(tmp_path: Path) -> None:
    psycopg = pytest.importorskip("psycopg")
    from tools.on_postgresql import cluster

    data = tmp_path / "data"
    data.mkdir()  # no secret.key in it: in production the key comes from the environment
    with cluster() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE told (line text)")
            connection.execute("ALTER TABLE told ENABLE ROW LEVEL SECURITY")
            connection.execute("ALTER TABLE told FORCE ROW LEVEL SECURITY")
            everyone = "current_setting('samdrift.everyone', true) = 'on'"
            connection.execute(f"CREATE POLICY boundary ON told USING ({everyone}) WITH CHECK ({everyone})")
            connection.execute("SET samdrift.everyone = 'on'")
            connection.execute("INSERT INTO told VALUES ('first')")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE empty")
        archive, empty = tmp_path / "backup.tar", url.rsplit("/", 1)[0] + "/empty"
        write_archive(data=data, database_url=url, archive=archive, at=AT, progress=ignore)

        with pytest.raises(InputRefused, match="PostgreSQL"):
            restore_archive(database_url=NONE, archive=archive, data=tmp_path / "wrong", progress=ignore)
        restore_archive(database_url=empty, archive=archive, data=tmp_path / "restored", progress=ignore)

        with psycopg.connect(empty) as connection:
            connection.execute("SET samdrift.everyone = 'on'")
            assert connection.execute("SELECT line FROM told").fetchall() == [("first",)]
            connection.execute("SET samdrift.everyone = 'off'")
            assert connection.execute("SELECT line FROM told").fetchall() == []
        with pytest.raises(DatabaseNotEmpty):
            restore_archive(database_url=empty, archive=archive, data=tmp_path / "again", progress=ignore)
