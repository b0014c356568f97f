"""What a log brings is shown by `samdrift search`, not obeyed by the terminal."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

from samdrift.cli.search import _line_of


def test_escape_sequences_of_a_log_do_not_reach_the_terminal() -> None:
    hit: Any = SimpleNamespace(
        at=dt.datetime(2026, 11, 23, tzinfo=dt.UTC), host="\x1b]0;x\x07fs01", message="\x1b[2Jroot\nmore", raw="",
        command_line=None,
    )  # fmt: skip

    line = _line_of(hit)

    assert "fs01" in line and "root" in line
    assert line.isprintable()
