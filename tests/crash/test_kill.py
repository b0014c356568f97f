"""kill -9 of any process at any moment: what was acknowledged is stored, once, and the ledger closes."""

from __future__ import annotations

import collections
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import attrs
import pytest

from samdrift_logs.events.sources import OrganisationName, Source, SourceRegistry, token_digest, write_registry
from samdrift_logs.lake import Lake
from samdrift_logs.scope import Purpose, Scope
from tests.crash.entries import RULE
from tests.crash.proofs import check_ledger, free_ports, is_drained, stored_rows, wait_until
from tests.crash.shippers import Shipper

SEED = int(os.environ.get("SAMDRIFT_CRASH_SEED", "20261123"))
KILLS = 24
ORGANISATIONS = [UUID(int=number) for number in (1, 2, 3, 5, 8)]
SCOPE = Scope(organisations=ORGANISATIONS, purpose=Purpose.WATCH, reason="prøve", actor="test")
ENTRIES = Path(__file__).with_name("entries.py")
ROOT = Path(__file__).parents[2]


@attrs.define
class Processes:
    """receive and two workers; whoever is killed is started again at once."""

    data: Path
    bulk_port: int
    syslog_port: int
    running: dict[str, subprocess.Popen[bytes]] = attrs.field(factory=dict)

    def start(self, name: str) -> None:
        places = [str(self.bulk_port), str(self.syslog_port)] if name == "receive" else [name]
        kind = "receive" if name == "receive" else "work"
        own = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "NUMBA_CACHE_DIR": str(self.data / "numba")}
        with (self.data / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, str(ENTRIES), kind, str(self.data), *places], stderr=log, env={**os.environ, **own}
            )

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait()
        self.start(name)

    def stop(self) -> None:
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def document(name: str) -> dict[str, object]:
    """Return a document; the rule of the test meets those whose name ends in 7."""
    marker = "evil" if name.endswith("7") else "good"
    return {"Channel": "Security", "EventID": 4624, "Marker": marker, "Name": name, "Pad": "x" * 300}


@attrs.define
class SyslogClient(threading.Thread):
    """A sender that nobody answers: what it sends may be lost, but must not be doubled or go missing in between."""

    port: int
    stop: threading.Event

    def __attrs_pre_init__(self) -> None:
        threading.Thread.__init__(self, daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        numbers = itertools.count()
        while not self.stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as sender:
                    while not self.stop.is_set():
                        lines = (f"<38>Nov 23 20:00:00 web sshd[1]: line {next(numbers)}\n" for _ in range(20))
                        sender.sendall("".join(lines).encode())
                        time.sleep(0.02)
            except OSError:
                time.sleep(0.1)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    tokens = [
        Source(id=UUID(int=100 + organisation.int), organisation=organisation, name="bulk",
               tokens=(token_digest(str(organisation)),))
        for organisation in ORGANISATIONS
    ]  # fmt: skip
    plain = Source(id=UUID(int=200), organisation=ORGANISATIONS[0], name="syslog", networks=("127.0.0.0/8",))
    names = tuple(OrganisationName(id=organisation, name=str(organisation.int)) for organisation in ORGANISATIONS)
    write_registry(tmp_path / "sources.json", SourceRegistry(version=1, organisations=names, sources=(*tokens, plain)))
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "crash.yml").write_text(RULE)
    for organisation in ORGANISATIONS:
        Lake(tmp_path / "lake").create(organisation)
    one = Processes(tmp_path, *free_ports(2))
    yield one
    one.stop()


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_kill_of_any_process_loses_nothing_and_doubles_nothing(processes: Processes) -> None:
    chance = random.Random(SEED)
    for name in ("receive", "work-1", "work-2"):
        processes.start(name)
    stop = threading.Event()
    clients = [
        Shipper(
            organisation=organisation,
            token=str(organisation),
            port=processes.bulk_port,
            stop=stop,
            chance=random.Random(f"{SEED} {organisation}"),
            document=document,
        )
        for organisation in ORGANISATIONS
    ]
    plain = SyslogClient(processes.syslog_port, stop)
    for thread in (*clients, plain):
        thread.start()
    wait_until(lambda: all(client.acknowledged for client in clients), timeout_s=60)

    killed = collections.Counter()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.2, 3.5))
        name = chance.choice(["receive", "receive", "work-1", "work-2"])
        processes.kill(name)
        killed[name] += 1
    time.sleep(2)
    stop.set()
    for thread in (*clients, plain):
        thread.join(60)
        assert not thread.is_alive()
    wait_until(lambda: is_drained(processes.data), timeout_s=120)
    processes.stop()

    acknowledged = {name for client in clients for name in client.acknowledged}
    documents, lines = _stored(processes.data)
    lost = acknowledged - documents.keys()
    print(
        f"\n{sum(killed.values())} kills {dict(killed)}; {len(acknowledged)} documents acknowledged, "
        f"{sum(client.sent_again for client in clients)} requests sent again, "
        f"{sum(client.conflicts for client in clients)} answered 409; {len(lines)} syslog lines stored; "
        f"lost {len(lost)}, doubled {sum(count > 1 for count in documents.values())}"
    )
    assert sum(killed.values()) >= 20
    assert lost == set()
    assert any(client.conflicts for client in clients)
    assert [name for name, count in (*documents.items(), *lines.items()) if count != 1] == []
    check_ledger(processes.data, SCOPE, stored=len(documents) + len(lines), workers=("work-1", "work-2"))
    _check_alerts(processes.data, {name for name in documents if name.endswith("7")})


def _check_alerts(data: Path, evil: set[str]) -> None:
    """Every marked document gave an alert, and one that came again came with the same id."""
    events_of: dict[str, set[str]] = {}
    for line in (data / "alerts.ndjson").read_text().splitlines():
        try:
            alert, event = json.loads(line)
        except ValueError:  # cut short by a kill; the alert came again
            continue
        events_of.setdefault(alert, set()).add(event)
    assert len(events_of) == len(evil)
    assert all(len(events) == 1 for events in events_of.values())


def _stored(data: Path) -> tuple[collections.Counter[str], collections.Counter[str]]:
    """Count the documents by name and the syslog lines by text."""
    rows = [raw for _, raw in stored_rows(data, SCOPE)]
    documents = collections.Counter(json.loads(raw)["Name"] for raw in rows if raw.startswith("{"))
    return documents, collections.Counter(raw for raw in rows if not raw.startswith("{"))
