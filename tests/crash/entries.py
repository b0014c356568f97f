"""The processes of the crash test, each started as `python entries.py receive|work DATA …`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from samdrift_logs.detect import Alert, alerts_from, load_rules
from samdrift_logs.detect.engine import Engine
from samdrift_logs.journal import JournalLimits
from samdrift_logs.lake import Lake, LakeWriter
from samdrift_logs.normalise import normalise
from samdrift_logs.runner.receive import ReceiveSettings, run_receiver
from samdrift_logs.runner.stages import Stages
from samdrift_logs.runner.work import Worker, WorkSettings

RULE = """
title: Crash test
id: 11111111-2222-4333-8444-555555555555
status: test
logsource: {product: windows}
detection: {selection: {Marker: evil}, condition: selection}
level: high
"""


def receive(data: Path, bulk_port: int, syslog_port: int, stop: threading.Event) -> None:
    limits = JournalLimits(segment_bytes=256 << 10, disk_reserve_bytes=0, trim_grace_s=60)
    settings = ReceiveSettings(data=data, bulk_port=bulk_port, syslog_tcp_port=syslog_port, limits=limits)
    run_receiver(settings, stop)


def work(data: Path, name: str, stop: threading.Event) -> None:
    settings = WorkSettings(
        data=data, name=name, commit_interval_s=0.3, commit_rows=5000, first_pause_s=0.05, longest_pause_s=0.5
    )
    Worker(settings, lambda alerts: keep_alerts(data, alerts), stages=_stages(data)).run(stop)


def keep_alerts(data: Path, alerts: Sequence[Alert]) -> None:
    """The sink: append-only, so that alerts that come again show; a crash may cut the last line short."""
    lines = "".join(f"\n{json.dumps([str(alert.id), alert.event_id])}" for alert in alerts)
    with (data / "alerts.ndjson").open("a") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def _stages(data: Path) -> Stages:
    lake = Lake(data / "lake")
    ruleset = load_rules([data / "rules"])
    assert len(ruleset.rules) == 1, ruleset.refused
    engine = Engine(ruleset)
    return Stages(
        normalise=normalise,
        detect=lambda batch: alerts_from(engine.evaluate(batch), batch, ruleset),
        write=LakeWriter(lake).write,
        create=lake.create,
    )


def main(arguments: Sequence[str]) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    kind, data, *rest = arguments
    if kind == "receive":
        receive(Path(data), int(rest[0]), int(rest[1]), stop)
    else:
        work(Path(data), rest[0], stop)


if __name__ == "__main__":
    main(sys.argv[1:])
