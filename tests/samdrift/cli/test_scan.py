"""`samdrift scan` as it is typed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from samdrift.cli.scan import command
from tests.samdrift_logs.detect.batches import rule_text

LINE = b"<38>Nov 23 20:14:05 srv1 sshd[99]: Failed password for root from 10.0.0.9 port 4242 ssh2\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    detection = "k: [Failed password]\ncondition: k"
    (folder / "ssh.yml").write_text(
        rule_text(detection, title="Ssh", level="medium", tags=["attack.t1110"], logsource={"product": "linux"})
    )
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "auth.log"
    path.parent.mkdir()
    path.write_bytes(LINE * 3)
    return path


def run(*arguments: object, cache: Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(command, [*map(str, arguments), "--cache", str(cache)])
    return result.exit_code, result.stdout, result.stderr


def test_json_has_one_match_a_line_and_the_summary_on_stderr(rules: Path, log: Path, tmp_path: Path) -> None:
    code, out, err = run(log, "--rules", rules, "--json", cache=tmp_path / "cache")

    matches = [json.loads(line) for line in out.splitlines()]
    (summary,) = [json.loads(line) for line in err.splitlines()]
    assert code == 0
    assert [(match["title"], match["level"], match["line"], match["record"]) for match in matches] == [
        ("Ssh", "medium", number, None) for number in (1, 2, 3)
    ]
    assert matches[0].keys() == {"rule_id", "title", "level", "tags", "time", "file", "record", "line", "fields"}
    assert matches[0]["tags"] == ["attack.t1110"]
    assert (summary["events"], summary["matches"], summary["rules_loaded"], summary["rules_refused"]) == (3, 3, 1, [])
    assert summary["events_per_s"] > 0
    assert summary["peak_memory_bytes"] > 0


def test_table_shows_the_matches_and_the_summary(rules: Path, log: Path, tmp_path: Path) -> None:
    (rules / "bad.yml").write_text("title: [")

    code, out, err = run(log.parent, "--rules", rules, cache=tmp_path / "cache")

    assert code == 0
    assert "Ssh" in out
    assert "auth.log:2" in out
    assert "1 rules loaded, 1 refused" in err
    assert "bad.yml:2: not YAML" in err


def test_escape_sequences_of_a_log_do_not_reach_the_terminal(rules: Path, log: Path, tmp_path: Path) -> None:
    log.write_bytes(LINE.replace(b"root", b"\x1b[2J\x1b]0;x\x07root"))

    _, out, _ = run(log, "--rules", rules, cache=tmp_path / "cache")

    assert "Ssh" in out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_levels_below_the_wanted_are_left_out(rules: Path, log: Path, tmp_path: Path) -> None:
    _, out, err = run(log, "--rules", rules, "--json", "--min-level", "high", cache=tmp_path / "cache")

    assert out == ""
    assert json.loads(err)["rules_loaded"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere", "--rules", "rules"], 1, "no such file or folder"),
        (["logs", "--rules", "nowhere"], 1, "give --rules a folder with Sigma rules"),
        (["logs", "--rules", "logs"], 1, "no Sigma rule"),
        (["logs", "--rules", "broken"], 1, "none of 1 rules could be loaded"),
        (["logs"], 2, "--rules"),
        (["--rules", "rules"], 2, "PATH"),
        (["logs", "--rules", "rules", "--timezone", "Mars/Olympus"], 2, "no time zone"),
    ],
)
def test_wrong_command_line_says_what_to_do(
    arguments: list[str], code: int, words: str, rules: Path, log: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.yml").write_text("title: [")
    placed = [str(tmp_path / each) if each in {"nowhere", "logs", "rules", "broken"} else each for each in arguments]

    found, _, err = run(*placed, cache=tmp_path / "cache")

    assert found == code
    assert words in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_interrupt_prints_what_was_found_and_ends_with_130(rules: Path, log: Path, tmp_path: Path) -> None:
    log.write_bytes(LINE * 600_000)
    arguments = ["scan", str(log), "--rules", str(rules), "--json", "--cache", str(tmp_path / "cache")]
    out = tmp_path / "out.ndjson"
    with out.open("wb") as stdout:
        process = subprocess.Popen(
            [sys.executable, "-m", "samdrift.config.entry", *arguments],
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, "SAMDRIFT_DATA": str(tmp_path / "data")},
        )
        deadline = time.monotonic() + 60
        while not out.stat().st_size and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    summary = json.loads(err)
    assert process.returncode == 130
    assert summary["interrupted"]
    assert summary["matches"] == len(out.read_bytes().splitlines()) < 600_000


def test_start_does_not_load_django_or_pysigma(rules: Path, log: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(log, "--rules", rules, cache=cache)
    arguments = [str(log), "--rules", str(rules), "--json", "--cache", str(cache)]
    script = (
        "import sys; from samdrift.cli.scan import command\n"
        f"command.main({arguments!r}, standalone_mode=False)\n"
        "print([name for name in ('django', 'sigma', 'numba', 'duckdb') if name in sys.modules], file=sys.stderr)"
    )

    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert result.stderr.splitlines()[-1] == "[]"
