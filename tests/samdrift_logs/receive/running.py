"""A receiver with all its doors on free ports, and what it put into the journal."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from uuid import UUID

import attrs

from samdrift_logs.events import RawBatch
from samdrift_logs.events.sources import OrganisationName, Source, SourceRegistry, token_digest, write_registry
from samdrift_logs.journal import Journal, read_counters
from samdrift_logs.runner.receive import ReceivePorts, ReceiveSettings, run_receiver

ODENSE = UUID(int=1)
TOKEN = "hemmelig-nok"
LOCAL = Source(id=UUID(int=101), organisation=ODENSE, name="lokal", networks=("127.0.0.1/32",))
BULK = Source(id=UUID(int=102), organisation=ODENSE, name="bulk", tokens=(token_digest(TOKEN),))


def registry_of(*sources: Source, version: int = 1) -> SourceRegistry:
    return SourceRegistry(
        version=version,
        written_at=dt.datetime.now(dt.UTC),
        organisations=(OrganisationName(id=ODENSE, name="Odense"),),
        sources=sources,
    )


@attrs.define
class Receiver:
    """A receiver in a thread of the test."""

    settings: ReceiveSettings
    ports: ReceivePorts = attrs.field(factory=ReceivePorts)
    error: BaseException | None = None
    _stop: threading.Event = attrs.field(factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> Receiver:
        ready = threading.Event()

        def opened(ports: ReceivePorts) -> None:
            self.ports = ports
            ready.set()

        def serve() -> None:
            try:
                run_receiver(self.settings, self._stop, on_ready=opened)
            except BaseException as error:
                self.error = error
                ready.set()

        self._stop.clear()
        self._thread = threading.Thread(target=serve, daemon=True)
        self._thread.start()
        assert ready.wait(20)
        if self.error:
            raise self.error
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(20)
            assert not self._thread.is_alive()

    def write_registry(self, *sources: Source, version: int = 1) -> None:
        write_registry(self.settings.data / "sources.json", registry_of(*sources, version=version))

    def batches(self) -> list[RawBatch]:
        """Every batch in the journal."""
        journal = Journal(self.settings.data / "journal")
        found: list[RawBatch] = []
        for partition in range(journal.partitions):
            reader = journal.reader(partition)
            found += [record.batch for record in reader.read(0, 1 << 30)]
            reader.close()
        return found

    def lines(self) -> list[bytes]:
        return [line for batch in self.batches() for line in batch.lines]

    def wait_for_lines(self, count: int, *, timeout_s: float = 10) -> list[bytes]:
        wait_until(lambda: len(self.lines()) >= count, timeout_s=timeout_s)
        return self.lines()

    def counters(self) -> dict[str, object]:
        return read_counters(self.settings.data / "run")["receive"]


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 10) -> None:
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, "it did not come about in time"
        time.sleep(0.02)
