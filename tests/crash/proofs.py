"""What the crash tests prove in the end, and how they wait for it."""

from __future__ import annotations

import datetime as dt
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from samdrift_logs.journal import Journal, Ledger, read_counters
from samdrift_logs.lake import Gate, Lake
from samdrift_logs.scope import Scope


def check_ledger(data: Path, scope: Scope, *, stored: int, workers: Iterable[str]) -> None:
    """Every line that was received is accounted for, and none was refused or lost."""
    now = dt.datetime.now(dt.UTC)
    ledger = Ledger(data / "ledger")
    rows = ledger.rows(scope, now - dt.timedelta(hours=2), now + dt.timedelta(hours=1))
    ledger.close()
    assert [row for row in rows if not row.closed or not row.adds_up] == []
    assert sum(row.stored for row in rows) == stored
    assert sum(row.rejected for row in rows) == 0
    for name in workers:
        counters = read_counters(data / "run")[name]["counters"]
        assert isinstance(counters, dict)
        assert counters.get("lost_records", 0) == 0


def is_drained(data: Path) -> bool:
    """Tell whether all that the journal holds is in the lake."""
    journal = Journal(data / "journal")
    readers = [journal.reader(partition) for partition in range(journal.partitions)]
    done = all(reader.acknowledged >= reader.durable for reader in readers)
    for reader in readers:
        reader.close()
    return done


def stored_rows(data: Path, scope: Scope) -> list[tuple[str, str]]:
    """Return (event id, line as it came) of every event in the lake."""
    view = Gate(Lake(data / "lake")).open(scope)
    with view.connect() as connection:
        paths = [str(file.path) for file in view.files]
        query = "SELECT concat_ws('-', partition, sequence, row), raw FROM read_parquet(?)"
        return connection.execute(query, [paths]).fetchall()


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on right now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until(condition: Callable[[], object], *, timeout_s: float, what: str = "it") -> None:
    """Return when the condition holds; fail when it does not in time."""
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, f"{what} did not come about in {timeout_s:g} s"
        time.sleep(0.1)
