"""The `work` process: journal → normalise → detect → alerts at once → lake → ledger → acknowledge.

A partition is worked by whoever leases it. Alerts go to the sink before their events are stored, so that nobody waits
for a commit; the journal is acknowledged after both. After a crash everything since the last acknowledgement comes
again: the sink knows an alert by its id, the lake and the ledger know a record by its sequence.

What fails is tried again with growing pauses (sink, lake, ledger) and holds its partition's acknowledgement back, or is
set aside line by line (a stage that fails on its input). Both show in data/run/<name>.json.
"""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from uuid import UUID

import attrs
import pyarrow as pa

from samdrift_logs.detect import Alert
from samdrift_logs.errors import StorageFailed
from samdrift_logs.events import REJECT_SCHEMA, SCHEMA, EventBatch, RejectBatch
from samdrift_logs.events.sources import RegistryFile
from samdrift_logs.journal import (
    CountersFile,
    Journal,
    JournalRecord,
    Leases,
    Ledger,
    Quiet,
    Reader,
)
from samdrift_logs.lake import OrganisationUnknown
from samdrift_logs.runner import leavers as leaving
from samdrift_logs.runner.isolate import without_bad_lines
from samdrift_logs.runner.positions import Held, Partition, Pause
from samdrift_logs.runner.stages import Outcome, Stages, real_stages

BALANCE_S = 2.0
SHOW_S = 1.0
Sink = Callable[[Sequence[Alert]], None]


@attrs.frozen(kw_only=True)
class WorkSettings:
    """How a worker goes about it. A table is committed every `commit_interval_s` or `commit_rows`, what comes first."""

    data: Path
    rules: Sequence[Path] = ()
    name: str = "work"  # of the counters' file; each worker of a machine has its own
    partitions: int = 4
    commit_interval_s: float = 30.0
    commit_rows: int = 20_000
    read_bytes: int = 2 << 20
    poll_s: float = 0.05
    first_pause_s: float = 0.2  # after a failure; doubles up to longest_pause_s
    longest_pause_s: float = 30.0


class LakeIncomplete(StorageFailed):
    """The lake says that it stored fewer or more rows than it was given."""


class Worker:
    """One worker. `sink` takes alerts, may be given the same ones again, and raises when it could not keep them."""

    def __init__(self, settings: WorkSettings, sink: Sink, *, stages: Stages | None = None):
        self.settings = settings
        self.counters: collections.Counter[str] = collections.Counter()
        self.problems: dict[str, str] = {}
        self._sink = sink
        self._stages = stages or real_stages(settings.data, settings.rules)
        self._registry = RegistryFile(settings.data / "sources.json")
        self._journal = Journal(settings.data / "journal", settings.partitions)
        self._ledger = Ledger(settings.data / "ledger")
        self._quiet = Quiet(settings.data)
        self._shown = CountersFile(settings.data / "run", settings.name)
        self._partitions: dict[int, Partition] = {}
        self._delays_s: collections.deque[float] = collections.deque(maxlen=1000)
        self._pauses = {"first_s": settings.first_pause_s, "longest_s": settings.longest_pause_s}
        self._storer = ThreadPoolExecutor(1, "store")  # detection goes on while the disk works

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; then store what is under way and give the leases back."""
        leases = Leases(self._journal)
        balanced_at = shown_at = float("-inf")
        try:
            while not stop.is_set():
                now = time.monotonic()
                if now - balanced_at >= BALANCE_S:
                    balanced_at = now
                    self._balance(leases)
                busy = [self._step(partition) for partition in list(self._partitions.values())]
                if now - shown_at >= SHOW_S:
                    shown_at = now
                    self._show()
                if not any(busy):
                    stop.wait(self.settings.poll_s)
            for partition in list(self._partitions.values()):
                self._store_all(partition)
        finally:
            self._storer.shutdown()
            self._show(stopped=True)
            for partition in self._partitions.values():
                partition.reader.close()
            leases.close()
            self._ledger.close()

    def _balance(self, leases: Leases) -> None:
        for number in leases.surplus():
            partition = self._partitions[number]
            if self._store_all(partition):
                partition.reader.close()
                del self._partitions[number]
                leases.release(number)
        for number in leases.take():
            reader = self._journal.reader(number)
            acknowledged = reader.acknowledged
            self._partitions[number] = Partition(number, reader, acknowledged, Held(acknowledged))

    def _step(self, partition: Partition) -> bool:
        """Go one step on in a partition. Returns whether there was something to do."""
        self._look_after_storing(partition)
        if partition.waiting:
            return partition.sink_pause.over() and self._sink_waiting(partition)
        records: list[JournalRecord] = []
        if partition.held.rows < self.settings.commit_rows:
            records = self._read(partition)
            if records:
                self._take(partition, records)
        if partition.storing is None and self._is_due(partition):
            self._begin_storing(partition)
        return bool(records)

    def _read(self, partition: Partition) -> list[JournalRecord]:
        lost, damaged = partition.reader.lost_records, partition.reader.damaged_bytes
        try:
            records = partition.reader.read(partition.after, self.settings.read_bytes)
        except OSError as error:
            self.problems[f"journal {partition.number}"] = f"cannot be read: {error}"
            return []
        self.counters["lost_records"] += partition.reader.lost_records - lost
        self.counters["damaged_bytes"] += partition.reader.damaged_bytes - damaged
        if partition.reader.damages:
            last = partition.reader.damages[-1]
            self.problems[f"journal {partition.number}"] = f"{last.file} at {last.offset}: {last.reason}"
        return records

    def _take(self, partition: Partition, records: Sequence[JournalRecord]) -> None:
        """Normalise and detect records, and hold what came of them for the sink and the lake."""
        outcome, alerts = self._through_stages(records)
        partition.after = records[-1].sequence
        partition.held.take(records, outcome)
        partition.waiting = alerts
        self.counters["records"] += len(records)
        self.counters["events"] += outcome.events.table.num_rows
        self.counters["rejects"] += outcome.rejects.table.num_rows
        self._sink_waiting(partition)
        now = dt.datetime.now(dt.UTC)
        self._delays_s += [(now - record.batch.received_at).total_seconds() for record in records]

    def _through_stages(self, records: Sequence[JournalRecord]) -> tuple[Outcome, Sequence[Alert]]:
        registry = self._registry.current()

        def through(some: Sequence[JournalRecord]) -> tuple[Outcome, Sequence[Alert]]:
            outcome = self._stages.normalise(some, registry)
            return outcome, self._stages.detect(outcome.events)

        try:
            return through(records)
        except Exception as error:
            self.problems["stages"] = f"a stage failed: {type(error).__name__}: {error}"
            kept, bad = without_bad_lines(records, through)
            self.counters["lines_set_aside"] += bad
            return through(kept)

    def _sink_waiting(self, partition: Partition) -> bool:
        """Give the waiting alerts to the sink. Returns whether it took them."""
        try:
            if partition.waiting:
                self._sink(partition.waiting)
        except Exception as error:
            partition.sink_pause.begin(**self._pauses)
            self.counters["sink_failures"] += 1
            self.problems["sink"] = f"{len(partition.waiting)} alerts wait: {type(error).__name__}: {error}"
            return False
        if partition.sink_pause.failures:
            partition.sink_pause = Pause()
            self.problems.pop("sink", None)
        self.counters["alerts"] += len(partition.waiting)
        partition.waiting = ()
        partition.held.through = partition.after
        return True

    def _is_due(self, partition: Partition) -> bool:
        held = partition.held
        if held.oldest is None or partition.waiting:
            return False
        age = time.monotonic() - held.oldest
        return held.rows >= self.settings.commit_rows or age >= self.settings.commit_interval_s

    def _begin_storing(self, partition: Partition) -> None:
        if partition.storing is None:
            partition.storing, partition.held = partition.held, Held(partition.held.through)
        partition.task = self._storer.submit(self._store, partition.number, partition.reader, partition.storing)

    def _look_after_storing(self, partition: Partition) -> None:
        """Take note of a commit that has ended; try one again that failed, when its pause is over."""
        if partition.task is not None and partition.task.done():
            failure, partition.task = partition.task.exception(), None
            if failure is None:
                partition.storing, partition.lake_pause = None, Pause()
                self.problems.pop(f"store {partition.number}", None)
                self.counters["commits"] += 1
            else:
                partition.lake_pause.begin(**self._pauses)
                self.problems[f"store {partition.number}"] = f"{type(failure).__name__}: {failure}"
                self.counters["store_failures"] += 1
        elif partition.task is None and partition.storing is not None and partition.lake_pause.over():
            self._begin_storing(partition)

    def _store_all(self, partition: Partition) -> bool:
        """Store what a partition holds, waiting for it. Returns False when something could not be stored."""
        while partition.storing is not None or (partition.held.oldest is not None and not partition.waiting):
            if partition.task is None:
                self._begin_storing(partition)
            if partition.task is not None:
                wait([partition.task])
            self._look_after_storing(partition)
            if partition.lake_pause.failures:
                return False
        return not partition.waiting

    def _store(self, number: int, reader: Reader, held: Held) -> None:
        """Store, settle and acknowledge one commit. Raises what went wrong; all of it is then done again."""
        with self._quiet.working():
            self._write_known(number, held)
            self._ledger.settle(number, held.through, held.settlements)
            reader.acknowledge(held.through)

    def _write_known(self, number: int, held: Held) -> None:
        events, rejects = _joined(held.events, SCHEMA), _joined(held.rejects, REJECT_SCHEMA)
        try:
            self._write(number, held.through, events, rejects)
        except OrganisationUnknown as error:
            leavers = self._onboard(error.organisations)
            if leavers:
                events, gone = leaving.split_off(events, leavers)
                rejects, refused = leaving.split_off(rejects, leavers)
                folder = self.settings.data / "left"
                kept = leaving.keep(folder, [gone, refused], partition=number, through=held.through)
                self.counters["lines_of_leavers"] += kept
                held.settlements = leaving.settled(held.settlements, leavers)
                held.events, held.rejects = [events], [rejects]
            self._write(number, held.through, events, rejects)

    def _write(self, number: int, through: int, events: pa.Table, rejects: pa.Table) -> None:
        batches = (EventBatch(events, {}), RejectBatch(rejects))
        written = self._stages.write(*batches, partition=number, through=through)
        stored = sum(written.stored.values()) + sum(sum(reasons.values()) for reasons in written.rejected.values())
        given = events.num_rows + rejects.num_rows
        if stored != given:
            raise LakeIncomplete(f"the lake stored {stored} of {given} rows; nothing is acknowledged")

    def _onboard(self, organisations: Sequence[UUID]) -> list[UUID]:
        """Make the tables of organisations that the registry knows; return those it does not know: they have left.

        Raises StorageFailed while the registry cannot be read: nobody has left because a file is missing.
        """
        registry = self._registry.current()
        if self._registry.problem is not None:
            raise StorageFailed(f"{self._registry.problem}; lines wait in the journal")
        known = {entry.id for entry in registry.organisations}
        for organisation in organisations:
            if organisation in known:
                self._stages.create(organisation)
                self.counters["tables_made"] += 1
        return [organisation for organisation in organisations if organisation not in known]

    def _show(self, *, stopped: bool = False) -> None:
        with contextlib.suppress(StorageFailed):
            self._shown.write(
                {
                    "counters": dict(self.counters),
                    "problems": {**self.problems, **self._stages.problems()},
                    "delay_s": _spread(self._delays_s),
                    "partitions": [partition.shown() for partition in self._partitions.values()],
                    "registry": {"version": self._registry.current().version, "problem": self._registry.problem},
                    "stopped": stopped,
                    **self._stages.about(),
                }
            )


def _spread(delays_s: Sequence[float]) -> Mapping[str, float]:
    """From arrival until the alerts are given away: of the last 1,000 records, in seconds."""
    if not delays_s:
        return {}
    ordered = sorted(delays_s)
    return {"median": ordered[len(ordered) // 2], "p99": ordered[int(len(ordered) * 0.99)], "longest": ordered[-1]}


def _joined(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Return one table in one piece: hundreds of small chunks cost the writer more than joining them does."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks() if tables else schema.empty_table()
