"""What Samdrift logs of itself holds no local variables."""

from __future__ import annotations

import json

import pytest
import structlog

from samdrift.config import own_log


def test_traceback_shows_no_locals(capsys: pytest.CaptureFixture[str]) -> None:
    own_log.configure()

    def fail() -> None:
        planted = "hemmelig-" + "værdi"
        raise ValueError(len(planted))

    try:
        fail()
    except ValueError:
        structlog.get_logger().error("tests.log.failed", exc_info=True)

    line = capsys.readouterr().err
    told = json.loads(line)
    assert told["event"] == "tests.log.failed"
    assert "ValueError" in told["exception"]
    assert "hemmelig-værdi" not in json.loads(line)["exception"]
    assert line.count("\n") == 1
