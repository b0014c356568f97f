"""`samdrift demo --once`: the story played through the REST API, every step required to have occurred."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from samdrift.cli.demo.play import STORY
from tests.journeys.demo import OURS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo"), pytest.mark.timeout(600)]


def test_demo_once_tells_the_whole_story(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    environment["TMPDIR"] = str(tmp_path)

    ended = subprocess.run(
        [sys.executable, "-m", "samdrift.config.entry", "demo", "--once", "--json", "--rate", "300"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=500,
    )

    told = json.loads(ended.stdout)
    assert (told["failure"], told["complete"]) == ("", True), ended.stderr.decode()
    assert ended.returncode == 0
    assert [step["step"] for step in told["steps"]] == [name for name, _ in STORY]
    assert [step["after_s"] for step in told["steps"]] == sorted(step["after_s"] for step in told["steps"])
    assert told["feeder"]["totals"]["acknowledged"] > 0
    assert told["feeder"]["story_lines_left_out"] == 0
    assert list(tmp_path.iterdir()) == [], "the demo left something in the temporary folder"
