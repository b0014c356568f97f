"""PostgreSQL's own dump and restore, for the archive: taken from a snapshot that was exported in the silence.

Row-level security binds the dump as it binds everyone: the session says that it is for every organisation, as the
policies allow to those who own the tables.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from samdrift_logs.errors import SamdriftError, StorageFailed


class ClientMissing(SamdriftError):
    """PostgreSQL's client programs are not on this machine."""


class DatabaseNotEmpty(SamdriftError):
    """A backup is restored into an empty database only."""


@contextlib.contextmanager
def exported_snapshot(url: str) -> Iterator[str]:
    """Hold the database as it is now and yield the snapshot's name, which a dump can be taken from meanwhile."""
    import psycopg

    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        yield str(row[0])


def dump(url: str, *, snapshot: str, to: Path) -> None:
    """Write a custom-format dump of the snapshot. Raises ClientMissing or StorageFailed with what pg_dump said."""
    _run(
        "pg_dump",
        ["--format=custom", "--enable-row-security", f"--snapshot={snapshot}", f"--file={to}", f"--dbname={url}"],
    )


def restore(url: str, *, dump_file: Path) -> None:
    """Load a dump into an empty database. Raises DatabaseNotEmpty, ClientMissing or StorageFailed."""
    import psycopg

    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if tables is None or tables[0]:
        raise DatabaseNotEmpty("the database has tables; create an empty one and set SAMDRIFT_DATABASE_URL to it")
    _run("pg_restore", ["--no-owner", "--single-transaction", "--exit-on-error", f"--dbname={url}", str(dump_file)])


def _run(program: str, arguments: Sequence[str]) -> None:
    found = shutil.which(program) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), reverse=True)), None
    )
    if found is None:
        raise ClientMissing(f"{program} is not installed here; install PostgreSQL's client programs")
    done = subprocess.run(
        [found, *arguments],
        env={**os.environ, "PGOPTIONS": "-c samdrift.everyone=on"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StorageFailed(f"{program} failed: {done.stderr.strip()[-2000:]}")
