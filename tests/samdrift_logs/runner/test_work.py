"""The worker: each record once through the stages, alerts before storage, nothing acknowledged that is not stored."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest

from samdrift_logs.detect import Alert
from samdrift_logs.errors import StorageFailed
from samdrift_logs.events import EventBatch, RawBatch, RejectBatch
from samdrift_logs.events.sources import OrganisationName, Source, SourceRegistry, write_registry
from samdrift_logs.journal import Journal, JournalLimits, JournalRecord, Ledger, Tally, partition_of, read_counters
from samdrift_logs.lake import Gate, Lake, LakeWriter, Written
from samdrift_logs.normalise import Normalised, normalise
from samdrift_logs.runner.stages import Stages, real_stages
from samdrift_logs.runner.work import Worker, WorkSettings
from samdrift_logs.scope import Purpose, Scope

ODENSE, SOURCE = UUID(int=1), UUID(int=101)
HOME = partition_of(ODENSE, 4)
NOW = dt.datetime.now(dt.UTC)
SCOPE = Scope(organisations=[ODENSE], purpose=Purpose.WATCH, reason="prøve", actor="test")


def alert(text: str) -> Alert:
    return Alert(
        id=UUID(int=hash(text) & 0xFFFF),
        organisation=ODENSE,
        source=SOURCE,
        rule_id="r",
        title=text,
        level="high",
        tags=(),
        ruleset_version="1",
        event_id="",
        event_at=None,
        received_at=NOW,
        host=None,
        user=None,
        fields={},
        event={},
        what_to_do="",
        description="",
    )


def detect_evil(batch: EventBatch) -> list[Alert]:
    return [alert(raw.decode()) for raw in batch.table["raw"].to_pylist() if b"evil" in raw]


@attrs.define
class House:
    """A data folder with a journal that is fed, and workers of small stages."""

    data: Path
    journal: Journal
    tally: Tally
    ledger: Ledger
    sunk: list[str] = attrs.field(factory=list)
    _running: list[tuple[threading.Thread, threading.Event]] = attrs.field(factory=list)

    def feed(self, *lines: bytes, **more: object) -> None:
        batch = RawBatch(
            organisation=ODENSE,
            source=SOURCE,
            door="bulk",
            peer="127.0.0.1",
            received_at=NOW,
            lines=list(lines),
            **more,  # type: ignore[arg-type]
        )
        self.journal.append([batch])
        self.tally.flush()

    def stages(self, **more: object) -> Stages:
        lake = Lake(self.data / "lake")
        whole = Stages(normalise=normalise, detect=detect_evil, write=LakeWriter(lake).write, create=lake.create)
        return attrs.evolve(whole, **more)

    def sink(self, alerts: Sequence[Alert]) -> None:
        self.sunk += [alert.title for alert in alerts]

    def start(
        self,
        stages: Stages | None = None,
        sink: Callable[[Sequence[Alert]], None] | None = None,
        **more: object,
    ) -> Worker:
        settings = attrs.evolve(
            WorkSettings(data=self.data, commit_interval_s=0.1, poll_s=0.01, first_pause_s=0.01, longest_pause_s=0.05),
            **more,
        )
        worker = Worker(settings, sink or self.sink, stages=stages or self.stages())
        stop = threading.Event()
        thread = threading.Thread(target=worker.run, args=(stop,), daemon=True)
        thread.start()
        self._running.append((thread, stop))
        return worker

    def stop(self) -> None:
        for _, stop in self._running:
            stop.set()
        for thread, _ in self._running:
            thread.join(20)
            assert not thread.is_alive()
        self._running.clear()

    def acknowledged(self, partition: int = HOME) -> int:
        reader = self.journal.reader(partition)
        try:
            return reader.acknowledged
        finally:
            reader.close()

    def stored(self, table: str = "events") -> list[bytes]:
        view = Gate(Lake(self.data / "lake")).open(SCOPE, table=table)
        paths = [str(file.path) for file in view.files]
        if not paths:
            return []
        with view.connect() as connection:
            rows = connection.execute("SELECT raw FROM read_parquet(?) ORDER BY sequence, row", [paths]).fetchall()
        return [raw.encode() for (raw,) in rows]

    def sums(self) -> Mapping[str, int]:
        rows = self.ledger.rows(SCOPE, NOW - dt.timedelta(hours=1), NOW + dt.timedelta(hours=1))
        names = ("received", "stored", "rejected", "duplicate", "open")
        assert all(row.adds_up for row in rows)
        return {name: sum(getattr(row, name) for row in rows) for name in names}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    registry = SourceRegistry(
        version=1,
        organisations=(OrganisationName(id=ODENSE, name="Odense"),),
        sources=(Source(id=SOURCE, organisation=ODENSE, name="kilde"),),
    )
    write_registry(tmp_path / "sources.json", registry)
    Lake(tmp_path / "lake").create(ODENSE)
    journal = Journal(tmp_path / "journal", limits=JournalLimits(disk_reserve_bytes=0))
    ledger = Ledger(tmp_path / "ledger")
    tally = Tally(journal, ledger)
    journal.on_committed = tally.on_committed
    one = House(tmp_path, journal, tally, ledger)
    journal.start()
    yield one
    one.stop()
    journal.close()
    ledger.close()


def until(condition: Callable[[], bool], *, timeout_s: float = 15) -> None:
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, "it did not come about in time"
        time.sleep(0.02)


def test_line_goes_all_the_way_and_the_ledger_closes(house: House) -> None:
    house.feed(b"<13>Nov 23 20:00:00 web sshd[1]: evil", b'{"a": 1}', rejects=[(b"bad", "malformed")], duplicates=2)
    house.start()
    until(lambda: house.acknowledged() == 1)

    assert house.stored() == [b"<13>Nov 23 20:00:00 web sshd[1]: evil", b'{"a": 1}']
    assert house.stored("rejects") == [b"bad"]
    assert house.sunk == ["<13>Nov 23 20:00:00 web sshd[1]: evil"]
    assert house.sums() == {"received": 5, "stored": 2, "rejected": 1, "duplicate": 2, "open": 0}
    house.stop()
    shown = read_counters(house.data / "run")["work"]
    assert shown["counters"]["events"] == 2  # type: ignore[index]


def test_alerts_do_not_wait_for_the_commit(house: House) -> None:
    house.feed(b"<13>evil")
    worker = house.start(commit_rows=1_000_000)
    worker.settings = attrs.evolve(worker.settings, commit_interval_s=3600)
    until(lambda: house.sunk == ["<13>evil"])

    assert house.acknowledged() == 0
    assert house.sums()["open"] == 1
    house.stop()  # a gentle stop stores what is under way
    assert (house.acknowledged(), house.stored()) == (1, [b"<13>evil"])


def test_failing_sink_is_tried_again_and_nothing_is_acknowledged_meanwhile(house: House) -> None:
    broken = threading.Event()
    broken.set()

    def sink(alerts: Sequence[Alert]) -> None:
        if broken.is_set():
            raise ConnectionError("the platform is away")
        house.sink(alerts)

    house.feed(b"<13>evil")
    worker = house.start(sink=sink)
    until(lambda: worker.counters["sink_failures"] > 3)
    assert (house.acknowledged(), house.stored()) == (0, [])
    assert "the platform is away" in worker.problems["sink"]

    broken.clear()
    until(lambda: house.acknowledged() == 1)
    assert house.sunk == ["<13>evil"]
    assert "sink" not in worker.problems


def test_failing_lake_is_tried_again_and_nothing_is_acknowledged_meanwhile(house: House) -> None:
    broken = threading.Event()
    broken.set()
    real = house.stages().write

    def write(events: EventBatch, rejects: RejectBatch, *, partition: int, through: int) -> Written:
        if broken.is_set():
            raise StorageFailed("disk full")
        return real(events, rejects, partition=partition, through=through)

    house.feed(b"<13>a")
    worker = house.start(house.stages(write=write))
    until(lambda: worker.counters["store_failures"] > 3)
    house.feed(b"<13>b")
    assert house.acknowledged() == 0

    broken.clear()
    until(lambda: house.acknowledged() == 2)
    assert house.stored() == [b"<13>a", b"<13>b"]
    assert house.sums() == {"received": 2, "stored": 2, "rejected": 0, "duplicate": 0, "open": 0}


def test_lake_that_swallows_rows_is_never_acknowledged(house: House) -> None:
    def write(events: EventBatch, rejects: RejectBatch, *, partition: int, through: int) -> Written:
        return Written(stored={}, rejected={}, already=0, commits=1)

    house.feed(b"<13>a")
    worker = house.start(house.stages(write=write))
    until(lambda: worker.counters["store_failures"] > 1)

    assert house.acknowledged() == 0
    assert "0 of 1 rows" in worker.problems[f"store {HOME}"]


@pytest.mark.parametrize("stage", ["normalise", "detect"])
def test_line_that_breaks_a_stage_is_set_aside_and_the_others_go_on(house: House, stage: str) -> None:
    def fragile_normalise(records: Sequence[JournalRecord], registry: SourceRegistry) -> Normalised:
        if any(b"poison" in line for record in records for line in record.batch.lines):
            raise RuntimeError("cannot")
        return normalise(records, registry)

    def fragile_detect(batch: EventBatch) -> list[Alert]:
        if any(b"poison" in raw for raw in batch.table["raw"].to_pylist()):
            raise RuntimeError("cannot")
        return detect_evil(batch)

    for number in range(20):
        poison = [b"<13>poison"] if number == 7 else []
        house.feed(b"<13>a%d" % number, *poison, b"<13>b%d" % number)
    house.feed(b"<13>evil")
    stages = house.stages(**{stage: fragile_normalise if stage == "normalise" else fragile_detect})
    worker = house.start(stages)
    until(lambda: house.acknowledged() == 21)

    assert len(house.stored()) == 41
    assert house.stored("rejects") == [b"<13>poison"]
    assert worker.counters["lines_set_aside"] == 1
    assert house.sunk == ["<13>evil"]
    assert house.sums() == {"received": 42, "stored": 41, "rejected": 1, "duplicate": 0, "open": 0}


def test_worker_that_dies_between_lake_and_acknowledgement_stores_nothing_twice(house: House) -> None:
    house.feed(b"<13>a", b"<13>b")
    house.start()
    until(lambda: house.acknowledged() == 1)
    house.stop()
    folder = house.data / "journal" / f"partition-{HOME}"
    (folder / "acknowledged").unlink()  # as if the acknowledgement had not been written

    house.feed(b"<13>c")
    house.start()
    until(lambda: house.acknowledged() == 2)

    assert house.stored() == [b"<13>a", b"<13>b", b"<13>c"]
    assert house.sums() == {"received": 3, "stored": 3, "rejected": 0, "duplicate": 0, "open": 0}


def test_organisation_whose_tables_were_not_made_gets_them(house: House) -> None:
    Lake(house.data / "lake").remove(ODENSE)
    house.feed(b"<13>a")
    worker = house.start()
    until(lambda: house.acknowledged() == 1)

    assert house.stored() == [b"<13>a"]
    assert worker.counters["tables_made"] == 1


def test_two_workers_share_the_partitions_and_one_takes_over(house: House) -> None:
    first = house.start(name="work-1")
    until(lambda: len(first._partitions) == 4)
    second = house.start(name="work-2")
    until(lambda: len(first._partitions) == 2 and len(second._partitions) == 2)

    thread, stop = house._running.pop(0)
    stop.set()
    thread.join(20)

    until(lambda: len(second._partitions) == 4)


def test_damage_in_the_journal_is_passed_over_and_shows_in_the_ledger(house: House) -> None:
    for line in (b"<13>a", b"<13>b", b"<13>c"):
        house.feed(line)
    (segment,) = (house.data / "journal" / f"partition-{HOME}").glob("*.segment")
    content = bytearray(segment.read_bytes())
    content[content.index(b"<13>b")] ^= 0xFF
    segment.write_bytes(content)
    worker = house.start()
    until(lambda: house.acknowledged() == 3)

    assert house.stored() == [b"<13>a", b"<13>c"]
    assert worker.counters["lost_records"] == 1
    (row,) = house.ledger.discrepancies(SCOPE, NOW - dt.timedelta(hours=1), NOW + dt.timedelta(hours=1))
    assert (row.received, row.stored) == (3, 2)


def test_organisation_that_has_left_does_not_hold_up_the_others(house: House) -> None:
    Lake(house.data / "lake").remove(ODENSE)
    write_registry(house.data / "sources.json", SourceRegistry(version=2))
    neighbour = next(UUID(int=n) for n in range(2, 99) if partition_of(UUID(int=n), 4) == HOME)
    Lake(house.data / "lake").create(neighbour)
    house.feed(b"<13>of one that left")
    house.journal.append(
        [RawBatch(organisation=neighbour, source=SOURCE, door="bulk", peer="", received_at=NOW, lines=[b"<13>x"])]
    )
    worker = house.start()
    until(lambda: house.acknowledged() == 2)

    assert worker.counters["lines_of_leavers"] == 1
    (kept,) = (house.data / "left").rglob("*.ndjson")
    assert b"of one that left" in kept.read_bytes()


def write_rule(folder: Path, word: str) -> None:
    """Write a rule under its word: alerts on operations in Microsoft 365 that are called so."""
    folder.mkdir(exist_ok=True)
    rule = {"title": word, "logsource": {"product": "m365"}, "detection": {"s": {"Operation": word}, "condition": "s"}}
    (folder / f"{word}.yml").write_text(json.dumps(rule))


def operation(word: str) -> bytes:
    return json.dumps({"Operation": word, "Workload": "Exchange"}).encode()


def shown(house: House) -> Mapping[str, Any]:
    return read_counters(house.data / "run").get("work", {"rules": None, "problems": {}})


def test_changed_rules_are_taken_while_lines_flow_each_line_evaluated_once(house: House) -> None:
    rules = house.data / "rules"
    write_rule(rules, "old")
    house.start(real_stages(house.data, [rules]), read_bytes=1)
    until(lambda: shown(house)["rules"] == 1)
    first = shown(house)["ruleset"]
    fed = 0

    write_rule(rules, "new")
    while shown(house)["rules"] != 2:
        house.feed(operation("old"))
        fed += 1
        time.sleep(0.02)
        assert fed < 1000
    house.feed(operation("new"))
    until(lambda: house.acknowledged() == fed + 1)

    assert house.sunk == ["old"] * fed + ["new"]
    assert shown(house)["ruleset"] != first


def test_broken_rules_leave_those_from_before_and_are_shown(house: House) -> None:
    rules = house.data / "rules"
    write_rule(rules, "old")
    house.start(real_stages(house.data, [rules]))
    until(lambda: shown(house)["rules"] == 1)

    (rules / "old.yml").write_text("title: [")
    until(lambda: "rules" in shown(house)["problems"])
    house.feed(operation("old"))
    until(lambda: house.acknowledged() == 1)

    assert house.sunk == ["old"]
    assert shown(house)["rules"] == 1
    assert "old.yml" in shown(house)["problems"]["rules"]
