"""kill -9 of any process at any moment: what was acknowledged is stored, once, and the ledger closes."""

from __future__ import annotations

import collections
import datetime as dt
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
import httpx
import pytest

from samdrift_logs.events.sources import OrganisationName, Source, SourceRegistry, token_digest, write_registry
from samdrift_logs.journal import Journal, Ledger, read_counters
from samdrift_logs.lake import Gate, Lake
from samdrift_logs.scope import Purpose, Scope
from tests.crash.entries import RULE

SEED = int(os.environ.get("SAMDRIFT_CRASH_SEED", "20261123"))
KILLS = 24
ORGANISATIONS = [UUID(int=number) for number in (1, 2, 3, 5, 8)]
SCOPE = Scope(organisations=ORGANISATIONS, purpose=Purpose.WATCH, reason="prøve", actor="test")
ENTRIES = Path(__file__).with_name("entries.py")
ROOT = Path(__file__).parents[2]
PER_REQUEST = 100


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


@attrs.define
class Client(threading.Thread):
    """A shipper: sends documents in batches by `_bulk` and sends each again until it is answered 201 or 409.

    Now and then it hangs up before the answer, as a shipper with a short patience does: what it sends again may be
    stored already.
    """

    organisation: UUID
    port: int
    stop: threading.Event
    chance: random.Random
    acknowledged: set[str] = attrs.field(factory=set)
    sent_again: int = 0
    conflicts: int = 0

    def __attrs_pre_init__(self) -> None:
        threading.Thread.__init__(self, daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        for first in itertools.count(step=PER_REQUEST):
            if self.stop.is_set():
                return
            waiting = {f"{self.organisation.int}-{number}" for number in range(first, first + PER_REQUEST)}
            tries = 0
            while waiting:
                taken = self._send(sorted(waiting))
                self.acknowledged |= taken
                waiting -= taken
                tries += 1
                self.sent_again += tries > 1
                time.sleep(0.01 if taken else 0.1)

    def _send(self, names: list[str]) -> set[str]:
        lines = []
        for name in names:
            marker = "evil" if name.endswith("7") else "good"
            document = {"Channel": "Security", "EventID": 4624, "Marker": marker, "Name": name, "Pad": "x" * 300}
            lines += [json.dumps({"create": {"_id": name}}), json.dumps(document)]
        try:
            answer = httpx.post(
                f"http://127.0.0.1:{self.port}/_bulk",
                content="\n".join(lines) + "\n",
                headers={"Content-Type": "application/x-ndjson", "Authorization": f"ApiKey {self.organisation}"},
                timeout=httpx.Timeout(10, read=0.003 if self.chance.random() < 0.1 else 10),
                trust_env=False,
            )
            items = answer.json()["items"] if answer.status_code == 200 else []
        except (httpx.HTTPError, ValueError):
            return set()
        statuses = [(item["create"]["_id"], item["create"]["status"]) for item in items]
        self.conflicts += sum(status == 409 for _, status in statuses)
        return {name for name, status in statuses if status in (201, 409)}


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
    one = Processes(tmp_path, *_free_ports(2))
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
        Client(organisation, processes.bulk_port, stop, random.Random(f"{SEED} {organisation}"))
        for organisation in ORGANISATIONS
    ]
    plain = SyslogClient(processes.syslog_port, stop)
    for thread in (*clients, plain):
        thread.start()
    _until(lambda: all(client.acknowledged for client in clients), timeout_s=60)

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
    _until(lambda: _is_drained(processes.data), timeout_s=120)
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
    _check_ledger(processes.data, len(documents) + len(lines))
    _check_alerts(processes.data, {name for name in documents if name.endswith("7")})


def _check_ledger(data: Path, stored: int) -> None:
    now = dt.datetime.now(dt.UTC)
    span = (now - dt.timedelta(hours=2), now + dt.timedelta(hours=1))
    ledger = Ledger(data / "ledger")
    rows = ledger.rows(SCOPE, *span)
    ledger.close()
    assert [row for row in rows if not row.closed or not row.adds_up] == []
    assert sum(row.stored for row in rows) == stored
    assert sum(row.rejected for row in rows) == 0
    for name in ("work-1", "work-2"):
        counters = read_counters(data / "run")[name]["counters"]
        assert isinstance(counters, dict)
        assert counters.get("lost_records", 0) == 0


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


def _is_drained(data: Path) -> bool:
    journal = Journal(data / "journal")
    readers = [journal.reader(partition) for partition in range(journal.partitions)]
    done = all(reader.acknowledged >= reader.durable for reader in readers)
    for reader in readers:
        reader.close()
    return done


def _stored(data: Path) -> tuple[collections.Counter[str], collections.Counter[str]]:
    """Count the documents by name and the syslog lines by text."""
    view = Gate(Lake(data / "lake")).open(SCOPE)
    with view.connect() as connection:
        paths = [str(file.path) for file in view.files]
        rows = [raw for (raw,) in connection.execute("SELECT raw FROM read_parquet(?)", [paths]).fetchall()]
    documents = collections.Counter(json.loads(raw)["Name"] for raw in rows if raw.startswith("{"))
    return documents, collections.Counter(raw for raw in rows if not raw.startswith("{"))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _until(condition: object, *, timeout_s: float) -> None:
    assert callable(condition)
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, "it did not come about in time"
        time.sleep(0.1)
