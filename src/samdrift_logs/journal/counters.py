"""The counters of one process, in a small JSON file that `soc` shows: `data/run/<process>.json`.

Written whole by atomic rename, not synced: they tell how it goes now, the ledger tells what is true.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import orjson


class CountersFile:
    """Where a process shows its counters. A full disk never stops the process for their sake."""

    def __init__(self, folder: Path, process: str):
        self.path = folder / f"{process}.json"
        self._started_at = dt.datetime.now(dt.UTC)
        self._lock = threading.Lock()

    def write(self, figures: Mapping[str, object]) -> None:
        """Show `figures`, with the process id and the times (UTC) of its start and of this writing."""
        document = {
            "pid": os.getpid(),
            "started_at": self._started_at,
            "written_at": dt.datetime.now(dt.UTC),
            **figures,
        }
        fresh = self.path.with_suffix(f".{os.getpid()}.new")
        with self._lock, contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
            fresh.replace(self.path)


def read_counters(folder: Path) -> dict[str, dict[str, object]]:
    """Return the last counters of every process that showed some, by process name."""
    found: dict[str, dict[str, object]] = {}
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, orjson.JSONDecodeError):
            found[path.stem] = orjson.loads(path.read_bytes())
    return found
