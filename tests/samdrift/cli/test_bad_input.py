"""The command line answers wrong input with one clear line, exit code 2 or 1, and never a traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from samdrift.cli import COMMANDS


def run(*arguments: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SAMDRIFT_")}
    return subprocess.run(
        [sys.executable, "-m", "samdrift.config.entry", *arguments],
        env={**kept, "SAMDRIFT_DATA": str(data), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_clear(result: subprocess.CompletedProcess[str], *, code: int, said: str) -> None:
    assert result.returncode == code, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, tmp_path: Path) -> None:
    result = run(name, "--help", data=tmp_path)

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Usage: samdrift")


def test_unknown_command(tmp_path: Path) -> None:
    assert_clear(run("serch", data=tmp_path), code=2, said="No such command")


def test_unknown_option(tmp_path: Path) -> None:
    assert_clear(run("up", "--wrokers", "2", data=tmp_path), code=2, said="No such option")


def test_wrong_setting_is_named(tmp_path: Path) -> None:
    assert_clear(run("up", data=tmp_path, SAMDRIFT_WEB_PORT="http"), code=2, said="SAMDRIFT_WEB_PORT")


def test_unwritable_data_folder(tmp_path: Path) -> None:
    assert_clear(run("up", data=Path("/proc/samdrift")), code=2, said="/proc/samdrift")


@pytest.mark.slow
def test_port_in_use_names_the_setting(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        result = run("up", data=tmp_path, SAMDRIFT_WEB_PORT=port)

    assert_clear(result, code=1, said="set SAMDRIFT_WEB_PORT")


@pytest.mark.slow
def test_damaged_database_says_to_restore(tmp_path: Path) -> None:
    (tmp_path / "samdrift.sqlite3").write_bytes(b"this was a database once\n" * 500)

    assert_clear(run("migrate", data=tmp_path), code=1, said="samdrift restore")


@pytest.mark.slow
def test_check_of_a_damaged_database_goes_on_with_the_other_parts(tmp_path: Path) -> None:
    (tmp_path / "samdrift.sqlite3").write_bytes(b"this was a database once\n" * 500)

    result = run("check", data=tmp_path)

    assert result.returncode == 1
    assert "BAD  database" in result.stdout
    assert "ok   rules" in result.stdout
    assert "Traceback" not in result.stderr


def test_check_of_no_folder(tmp_path: Path) -> None:
    result = run("check", data=tmp_path / "nowhere")

    assert result.returncode == 1
    assert "set SAMDRIFT_DATA" in result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_what_we_write_is_for_our_account_only(tmp_path: Path) -> None:
    assert run("migrate", data=tmp_path).returncode == 0

    readable = [path.name for path in tmp_path.rglob("*") if path.stat().st_mode & 0o077]

    assert readable == []


@pytest.mark.slow
def test_search_as_nobody(tmp_path: Path) -> None:
    assert run("migrate", data=tmp_path).returncode == 0

    result = run("search", "x", "--as", "nobody@nowhere.example", data=tmp_path)

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("Error: ")


def test_search_with_a_wrong_time(tmp_path: Path) -> None:
    result = run("ledger", "--since", "yesterday", "--as", "a@b.example", data=tmp_path)

    assert result.returncode in {1, 2}
    assert "Traceback" not in result.stderr
