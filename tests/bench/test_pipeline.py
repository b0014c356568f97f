"""The benchmark runs, checks itself and says what it promises. Speed is not asserted: this machine may be busy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = ["--events", "600", "--steady-rate", "500", "--steady-s", "2", "--limit-s", "150"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "bench" / "pipeline.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)


@pytest.mark.slow
def test_small_run_adds_up_and_prints_one_document() -> None:
    ended = run(*SMALL, "--only", "starter", "--json")

    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert set(document) == {"benchmark", "at", "command", "machine", "yardstick", "runs"}
    (figures,) = document["runs"]
    assert figures["rules_from"] == "starter"
    assert figures["rules"] >= 40
    assert figures["burst"]["events"] == 600
    assert figures["steady"]["alerts_timed"] >= 1
    checked = figures["checked"]
    assert checked["sent"] == checked["stored"] == checked["received"]
    assert (checked["rejected"], checked["open_rows"]) == (0, 0)
    positive = [
        document["yardstick"]["lines_per_s"],
        *(figures["burst"][name] for name in ("accepted_per_s", "detected_per_s", "stored_per_s")),
        *figures["burst"]["cpu_us_per_event"].values(),
        *figures["peak_memory_bytes"].values(),
        *figures["disk"].values(),
        *figures["steady"]["sent_to_alert_ms"].values(),
        *figures["steady"]["received_to_alert_ms"].values(),
    ]
    assert min(positive) > 0


@pytest.mark.slow
def test_run_out_of_time_says_so_and_fails() -> None:
    ended = run("--events", "600", "--steady-s", "5", "--only", "starter", "--limit-s", "0.1")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "time is up" in ended.stderr


def test_wrong_command_line_is_refused() -> None:
    ended = run("--events", "0")

    assert ended.returncode == 2
    assert "above zero" in ended.stderr


def test_missing_sigma_rules_are_named(tmp_path: Path) -> None:
    ended = run("--only", "sigmahq", "--sigma", str(tmp_path))

    assert ended.returncode == 2
    assert str(tmp_path) in ended.stderr
