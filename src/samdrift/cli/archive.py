"""One consistent archive of a running system, and back.

Everything that changes data works inside `Quiet.working()`. `write_archive` asks for silence, which costs the doors a
moment: in it the database and the ledger are copied, the journal's files are linked, and the lake's files are listed.
After it the listed files are read at leisure: they never change once written. The archive is a tar file whose last
member, `manifest.json`, has the SHA-256 of every other.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import attrs

from samdrift.cli import postgresql
from samdrift_logs.errors import InputRefused, SamdriftError, StorageFailed
from samdrift_logs.journal import Quiet

FORMAT = 1
MANIFEST = "manifest.json"
SECRET = "secret.key"  # noqa: S105 - a file's name
DUMP = "samdrift.pgdump"
WHOLE = ("sources.json", SECRET)  # small files that are replaced whole
FOLDERS = ("files", "mail")  # files that never change once written
PASSING = {"_last_checkpoint"}  # a hint that Delta readers do without, and which would point past what was listed

Progress = Callable[[int, int], None]


class FolderNotEmpty(SamdriftError):
    """A backup is restored into an empty folder only, so that nothing is mixed or overwritten."""


@attrs.frozen(kw_only=True)
class Archived:
    """What went into an archive, or came out of it."""

    path: Path
    files: int
    size_bytes: int
    taken_at: str
    silence_s: float


@attrs.frozen
class _Member:
    """One file to archive: where it is read, and how much of it belongs to the snapshot (None: all)."""

    path: Path
    size: int | None = None


@attrs.frozen
class _Manifest:
    """What an archive says of itself: when it was taken, and the SHA-256 of each file by name."""

    taken_at: str
    hashes: Mapping[str, str]


def write_archive(*, data: Path, database_url: str, archive: Path, at: dt.datetime, progress: Progress) -> Archived:
    """Archive the data folder of a running system. An unfinished archive leaves nothing behind.

    Raises StorageFailed when the disk or the database refuses, InputRefused when there is no data.
    """
    database = sqlite_file(database_url)
    # With PostgreSQL no single file must be there: the secret key may come from the environment, sources come later.
    if not (database.is_file() if database else data.is_dir()):
        raise InputRefused(f"{data} holds no Samdrift data: {database.name if database else 'the folder'} is not there")
    unfinished = archive.with_name(archive.name + ".unfinished")
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=data) as staging:
            with contextlib.ExitStack() as held:
                began = dt.datetime.now(dt.UTC)
                with Quiet(data).held():
                    snapshot = None if database else held.enter_context(postgresql.exported_snapshot(database_url))
                    members = _snapshot(data, database, Path(staging))
                silence_s = (dt.datetime.now(dt.UTC) - began).total_seconds()
                if snapshot:
                    members[DUMP] = _Member(Path(staging) / DUMP)
                    postgresql.dump(database_url, snapshot=snapshot, to=Path(staging) / DUMP)
            _write(unfinished, members, at=at, progress=progress)
        unfinished.replace(archive)
    except OSError as error:
        raise StorageFailed(f"the archive {archive} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return Archived(
        path=archive,
        files=len(members),
        size_bytes=archive.stat().st_size,
        taken_at=at.isoformat(),
        silence_s=silence_s,
    )


def restore_archive(*, archive: Path, data: Path, database_url: str, progress: Progress) -> Archived:
    """Unpack an archive into an empty folder, checking every file against the manifest.

    Nothing is left in `data` unless all of it is right. An archive from PostgreSQL is restored to the empty database at
    `database_url`; one from SQLite needs none. Raises FolderNotEmpty, InputRefused (damaged archive, with the
    member's name) or StorageFailed.
    """
    if data.exists() and any(data.iterdir()):
        raise FolderNotEmpty(f"{data} is not empty; restore into a folder that is, and set SAMDRIFT_DATA to it")
    data.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=data.parent) as folder:
            unpacked = Path(folder) / "data"
            unpacked.mkdir()
            manifest = _unpack(archive, unpacked, progress)
            _restore_database(unpacked, database_url)
            if data.exists():
                data.rmdir()
            unpacked.replace(data)
    except (tarfile.TarError, EOFError, UnicodeDecodeError, json.JSONDecodeError, KeyError) as error:
        raise InputRefused(f"is damaged or no Samdrift backup: {error}", file=str(archive)) from error
    except OSError as error:
        raise StorageFailed(f"the archive cannot be restored to {data}: {error.strerror or error}") from error
    return Archived(
        path=archive,
        files=len(manifest.hashes),
        size_bytes=archive.stat().st_size,
        taken_at=manifest.taken_at,
        silence_s=0.0,
    )


def _snapshot(data: Path, database: Path | None, staging: Path) -> dict[str, _Member]:
    """Take hold of everything as it is now. Runs in the silence, so it copies only what may change."""
    members: dict[str, _Member] = {}

    def keep(name: str, path: Path, size: int | None = None) -> None:
        members[name] = _Member(path, size)

    for source, name in ((database, "samdrift.sqlite3"), (data / "ledger" / "ledger.sqlite3", "ledger/ledger.sqlite3")):
        if source is not None and source.is_file():
            keep(name, _copied_database(source, staging / name))
    for path in _files(data / "journal"):
        name = str(path.relative_to(data))
        kept = staging / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".segment":
            os.link(path, kept)  # trimming may remove the name, never the bytes we hold
            keep(name, kept, kept.stat().st_size)
        else:
            shutil.copyfile(path, kept)
            keep(name, kept)
    for path in _files(data / "lake"):
        if path.name not in PASSING:
            keep(str(path.relative_to(data)), path)
    for folder in FOLDERS:
        for path in _files(data / folder):
            keep(str(path.relative_to(data)), path)
    for name in WHOLE:
        if (data / name).is_file():
            shutil.copyfile(data / name, staging / name)
            keep(name, staging / name)
    return members


def sqlite_file(database_url: str) -> Path | None:
    """Return the file of a SQLite database, None where it is PostgreSQL."""
    return Path(database_url.removeprefix("sqlite:///")) if database_url.startswith("sqlite:") else None


def _restore_database(unpacked: Path, database_url: str) -> None:
    dump = unpacked / DUMP
    if not dump.exists():
        return
    if sqlite_file(database_url) is not None:
        raise InputRefused("the archive is from PostgreSQL; set SAMDRIFT_DATABASE_URL to an empty PostgreSQL database")
    postgresql.restore(database_url, dump_file=dump)
    dump.unlink()


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield Path(parent) / name


def _copied_database(source: Path, copy: Path) -> Path:
    copy.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(source)) as live, contextlib.closing(sqlite3.connect(copy)) as target:
        live.backup(target)
    return copy


def _write(path: Path, members: Mapping[str, _Member], *, at: dt.datetime, progress: Progress) -> None:
    files: dict[str, dict[str, object]] = {}
    with path.open("xb") as raw:
        os.fchmod(raw.fileno(), 0o600)  # the archive holds the secret key and everybody's logs
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for done, (name, member) in enumerate(sorted(members.items())):
                with member.path.open("rb") as content:
                    size = member.size if member.size is not None else os.fstat(content.fileno()).st_size
                    reading = _Hashing(content)
                    entry = tarfile.TarInfo(name)
                    entry.size = size
                    entry.mode = 0o600
                    tar.addfile(entry, reading)
                    files[name] = {"size": size, "sha256": reading.hexdigest()}
                progress(done + 1, len(members))
            manifest = {"format": FORMAT, "taken_at": at.isoformat(), "files": files}
            content_bytes = json.dumps(manifest, indent=1).encode()
            entry = tarfile.TarInfo(MANIFEST)
            entry.size = len(content_bytes)
            tar.addfile(entry, io.BytesIO(content_bytes))
        raw.flush()
        os.fsync(raw.fileno())


class _Hashing(io.RawIOBase):
    """Hashes what tarfile reads through it."""

    def __init__(self, content: io.BufferedReader):
        self._content = content
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._content.read(size)
        self._digest.update(chunk)
        return chunk

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _unpack(archive: Path, folder: Path, progress: Progress) -> _Manifest:
    found: dict[str, str] = {}
    manifest = None
    total = archive.stat().st_size
    with archive.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None or not member.isreg():
                raise InputRefused(f"{member.name} is no plain file", file=str(archive))
            if member.name == MANIFEST:
                manifest = _manifest(json.loads(content.read()), archive)
            else:
                found[member.name] = _unpacked(content, _inside(folder, member.name, archive))
            progress(raw.tell(), total)
    if manifest is None:
        raise InputRefused("has no manifest: it is cut short or no Samdrift backup", file=str(archive))
    expected = manifest.hashes
    if wrong := sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)):
        raise InputRefused(f"{len(wrong)} file(s) are missing or damaged, the first is {wrong[0]}", file=str(archive))
    return manifest


def _manifest(document: dict[str, Any], archive: Path) -> _Manifest:
    if document["format"] != FORMAT:
        raise InputRefused(f"has format {document['format']}, this version reads {FORMAT}", file=str(archive))
    hashes = {name: entry["sha256"] for name, entry in document["files"].items()}
    return _Manifest(taken_at=document["taken_at"], hashes=hashes)


def _inside(folder: Path, name: str, archive: Path) -> Path:
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise InputRefused(f"{name} points outside the folder", file=str(archive))
    return target


def _unpacked(content: IO[bytes], target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as out:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    target.chmod(0o600)
    return digest.hexdigest()
