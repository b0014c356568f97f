"""Run a command against a PostgreSQL cluster of its own: made for it, on a free port, removed after it.

    python tools/on_postgresql.py -- python -m pytest tests/samdrift

The command finds the address in SAMDRIFT_TEST_DATABASE_URL. The role owns its tables and is no superuser, so that
row-level security binds it as it will in production.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if found:
        return found[-1]
    if on_path := shutil.which("initdb"):
        return Path(on_path).parent
    raise SystemExit("PostgreSQL is not installed here: apt-get install postgresql")


def _as_user() -> list[str]:
    """PostgreSQL refuses to run as root; its Debian package brings a user for it."""
    return ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []


def _run(command: Sequence[str]) -> None:
    done = subprocess.run([*_as_user(), *command], capture_output=True, text=True, check=False, cwd="/")
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """Start a cluster and yield the address of an empty database on it."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="samdrift-pg-") as name:
        folder = Path(name)
        if os.getuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        _run(
            [
                str(programs / "initdb"),
                "-D",
                f"{folder}/data",
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ]
        )
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=200"
        _run([str(programs / "pg_ctl"), "-D", f"{folder}/data", "-l", f"{folder}/log", "-w", "-o", options, "start"])
        try:
            ask = [str(programs / "psql"), "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-qc"]
            _run([*ask, "CREATE ROLE samdrift LOGIN CREATEDB NOSUPERUSER PASSWORD 'samdrift'"])
            _run([*ask, "CREATE DATABASE samdrift OWNER samdrift"])
            yield f"postgresql://samdrift:samdrift@127.0.0.1:{port}/samdrift"
        finally:
            _run([str(programs / "pg_ctl"), "-D", f"{folder}/data", "-m", "immediate", "stop"])


def main(arguments: list[str]) -> int:
    if len(arguments) < 2 or arguments[0] != "--":
        sys.stderr.write(__doc__ or "")
        return 2
    with cluster() as url:
        return subprocess.run(
            arguments[1:], env={**os.environ, "SAMDRIFT_TEST_DATABASE_URL": url}, check=False
        ).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
