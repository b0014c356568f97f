"""The processes under measurement: start, listen to what they tell, stop; none is left behind."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

Told = Mapping[str, Any]
STAGES = Path(__file__).with_name("stages.py")


class BenchFailed(Exception):
    """The measurement cannot be had; the text says why."""


@attrs.define
class Child:
    """One process and what it told so far."""

    name: str
    process: subprocess.Popen[str]
    log: Path
    deadline: float
    rows: int = 0
    rows_at: float = 0.0
    _told: queue.Queue[Told] = attrs.field(factory=queue.Queue)

    def listen(self) -> None:
        """Read its stdout to the end, in a thread."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told = json.loads(line)
            if "rows" in told:
                self.rows, self.rows_at = told["rows"], told["at"]
            else:
                self._told.put(told)

    def wait_for(self, what: str) -> Told:
        """Return the next thing told that has the key `what`."""
        while True:
            try:
                told = self._told.get(timeout=0.2)
            except queue.Empty:
                self.require_alive(also_ended=what == "done")
                continue
            if what in told:
                return told

    def require_alive(self, *, also_ended: bool = False) -> None:
        """Raise BenchFailed when it has ended by itself, or when time is up."""
        code = self.process.poll()
        if code is not None and not (also_ended and code == 0):
            last_words = " | ".join(self.log.read_text(errors="replace").splitlines()[-3:])
            raise BenchFailed(f"{self.name} ended with {code}: {last_words}")
        if time.monotonic() > self.deadline:
            raise BenchFailed("time is up; send fewer --events or give more --limit-s")


@attrs.define(kw_only=True)
class Children:
    """All processes of one run. `deadline` is on the monotonic clock."""

    log_folder: Path
    deadline: float
    running: list[Child] = attrs.field(factory=list)

    def start(self, name: str, arguments: Sequence[str]) -> Child:
        """Start `stages.py` with arguments."""
        self.log_folder.mkdir(parents=True, exist_ok=True)
        log = self.log_folder / f"{name}.log"
        # One cache of compiled kernels for all runs, as an installation keeps one.
        cache = Path(tempfile.gettempdir()) / f"samdrift-numba-{os.getuid()}"
        with log.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, str(STAGES), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env={"NUMBA_CACHE_DIR": str(cache), **os.environ},
                start_new_session=True,  # Ctrl-C reaches the benchmark only, which then ends them
            )
        child = Child(name, process, log, self.deadline)
        self.running.append(child)
        threading.Thread(target=child.listen, daemon=True).start()
        return child

    def wait_for_rows(self, workers: Sequence[Child], rows: int) -> float:
        """Wait until the workers have taken `rows` rows together; return when (wall clock) the last of them did."""
        while (done := sum(worker.rows for worker in workers)) < rows:
            for child in self.running:
                child.require_alive()
            time.sleep(0.02)
        if done > rows:
            raise BenchFailed(f"{done} rows came out of {rows} lines sent")
        return max(worker.rows_at for worker in workers)

    def stop(self, children: Sequence[Child]) -> list[Told]:
        """Ask children to end, and return what each told at its end."""
        for child in children:
            child.process.send_signal(signal.SIGTERM)
        ends = [child.wait_for("done") for child in children]
        for child in children:
            child.process.wait(30)
            self.running.remove(child)
        return ends

    def end(self) -> None:
        """End whatever still runs."""
        for child in self.running:
            child.process.kill()
            child.process.wait()
