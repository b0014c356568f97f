"""The processes that the benchmark starts: `python bench/stages.py receive DATA` and `… work DATA NAME ALERTS RULES…`.

The real receiver and the real worker, with a sink that notes when each alert came. Each tells on stdout, one JSON
object a line, when it is ready, how far it is and, after SIGTERM, what it used.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import attrs

from samdrift_logs.detect import Alert
from samdrift_logs.runner.receive import ReceivePorts, ReceiveSettings, run_receiver
from samdrift_logs.runner.stages import real_stages
from samdrift_logs.runner.work import Worker, WorkSettings

_MARK = re.compile(r"bench-mark-(\d+)")
_TELL_EVERY_S = 0.05


def receive(data: Path, stop: threading.Event) -> None:
    """Open the bulk and the syslog TCP door on free ports."""

    def ready(ports: ReceivePorts) -> None:
        _tell(ready=True, ports=attrs.asdict(ports))

    run_receiver(ReceiveSettings(data=data, bulk_port=0, syslog_tcp_port=0), stop, on_ready=ready)
    _tell(done=True, at=time.time(), **_used())


def work(data: Path, name: str, alerts: Path, rules: Sequence[Path], stop: threading.Event) -> None:
    """Work the journal with the settings that `samdrift work` has."""
    began = time.monotonic()
    stages = real_stages(data, rules)
    about = {name: value for name, value in stages.about().items() if name in ("rules", "rules_refused")}
    with alerts.open("w") as file:
        worker = Worker(WorkSettings(data=data, rules=rules, name=name), lambda found: note(file, found), stages=stages)
        _tell(ready=True, rules_load_s=time.monotonic() - began, **about)
        teller = threading.Thread(target=_tell_progress, args=(worker, stop), daemon=True)
        teller.start()
        worker.run(stop)  # on SIGTERM it stores what is under way
        stored_at = time.time()
        teller.join()
    _tell(done=True, at=stored_at, counters=dict(worker.counters), problems=worker.problems, **_used())


def note(file: TextIO, alerts: Sequence[Alert]) -> None:
    """The sink: for each alert when it came, when its line was received, and the number in the line if it has one."""
    now = time.time()
    for alert in alerts:
        mark = _MARK.search(str(alert.event.get("raw", "")))
        file.write(json.dumps([now, alert.received_at.timestamp(), int(mark[1]) if mark else None]) + "\n")
    file.flush()


def _tell_progress(worker: Worker, stop: threading.Event) -> None:
    told = -1
    while not stop.wait(_TELL_EVERY_S):
        rows = worker.counters["events"] + worker.counters["rejects"]
        if rows != told:
            told = rows
            _tell(rows=rows, at=time.time())


def _used() -> dict[str, float]:
    """Return peak memory (bytes) and processor time (seconds) of this process. `ru_maxrss` would tell the parent's."""
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"peak_memory_bytes": int(peak.split()[1]) * 1024, "cpu_s": usage.ru_utime + usage.ru_stime}


def _tell(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    """Run one process until SIGTERM, or until the benchmark that started it is gone."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def end_with_parent() -> None:
        sys.stdin.read()  # the benchmark holds the other end
        stop.set()

    threading.Thread(target=end_with_parent, daemon=True).start()
    kind, data, *rest = arguments
    if kind == "receive":
        receive(Path(data), stop)
    else:
        name, alerts, *rules = rest
        work(Path(data), name, Path(alerts), [Path(rule) for rule in rules], stop)


if __name__ == "__main__":
    main(sys.argv[1:])
