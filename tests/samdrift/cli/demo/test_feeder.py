"""The feeder against the real doors, and against a door that fails in every way."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from aiohttp import web

from samdrift.cli.demo.feeder import Feeder, main
from samdrift.cli.demo.plan import Door, Feed, FeedKind, Plan, StoryPlan, plan_from_json, plan_to_json
from samdrift_logs.events.sources import Source, SourceRegistry, token_digest, write_registry
from samdrift_logs.journal import Journal
from samdrift_logs.runner.receive import ReceivePorts, ReceiveSettings, run_receiver

ORGANISATION = UUID("0190a000-0000-7000-8000-000000000492")
FEEDS = (
    Feed(name="servere", kind=FeedKind.WINDOWS, municipality="Ærø", hosts=("AEROE-FS01",), share=3, token="nøgle"),
    Feed(name="linux", kind=FeedKind.LINUX, municipality="Ærø", hosts=("web01",), bind="127.21.1.1"),
    Feed(name="firewall", kind=FeedKind.FORTIGATE, municipality="Ærø", hosts=("fw01",), bind="127.21.1.2"),
    Feed(name="proxy", kind=FeedKind.SQUID, municipality="Ærø", hosts=("px01",), bind="127.21.1.3"),
)


def source_of(number: int, feed: Feed) -> Source:
    return Source(
        id=UUID(int=number + 1),
        organisation=ORGANISATION,
        name=feed.name,
        tokens=(token_digest(feed.token),) if feed.token else (),
        networks=(f"{feed.bind}/32",) if feed.bind else (),
    )


def plan_for(folder: Path, *, bulk: int, syslog: int, **more: object) -> Plan:
    return Plan(
        bulk=Door(host="127.0.0.1", port=bulk),
        syslog=Door(host="127.0.0.1", port=syslog),
        report=folder / "feeder.json",
        **{"feeds": FEEDS, "rate": 800.0, **more},  # type: ignore[arg-type]
    )


@pytest.fixture
def doors(tmp_path: Path):  # type: ignore[no-untyped-def]
    """The real receiver in this process, knowing the four sources. Yields (data folder, ports)."""
    data = tmp_path / "data"
    write_registry(
        data / "sources.json", SourceRegistry(version=1, sources=[source_of(n, feed) for n, feed in enumerate(FEEDS)])
    )
    stop, ready, opened = threading.Event(), threading.Event(), []

    def on_ready(ports: ReceivePorts) -> None:
        opened.append(ports)
        ready.set()

    settings = ReceiveSettings(data=data, bulk_port=0, syslog_tcp_port=0)
    receiver = threading.Thread(target=run_receiver, args=(settings, stop), kwargs={"on_ready": on_ready})
    receiver.start()
    try:
        assert ready.wait(20)
        yield data, opened[0], lambda: (stop.set(), receiver.join(20))
    finally:
        stop.set()
        receiver.join(20)


def test_journal_has_every_line_once(doors, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    data, ports, close = doors
    story = StoryPlan(municipality="Ærø", host="AEROE-FS01", after_s=0.2, pace=0.03)
    plan = plan_for(tmp_path, bulk=ports.bulk, syslog=ports.syslog_tcp, seconds=2.5, story=story)
    (tmp_path / "plan.json").write_bytes(plan_to_json(plan))

    done = subprocess.run([sys.executable, "-m", "samdrift.cli.demo.feeder", tmp_path / "plan.json"], timeout=60)

    assert done.returncode == 0
    close()
    report = orjson.loads((tmp_path / "feeder.json").read_bytes())
    lines = lines_in_journal(data)
    assert report["finished"] and report["story_told"] and report["story_lines_left_out"] == 0
    assert {feed["name"]: feed["generated"] for feed in report["feeds"]} == {
        feed.name: lines[UUID(int=number + 1)] for number, feed in enumerate(FEEDS)
    }
    assert report["totals"]["generated"] > 1000
    assert report["feeds"][0]["acknowledged"] == report["feeds"][0]["generated"]
    assert all(step["first_sent_at"] and step["lines"] for step in report["story"])


def lines_in_journal(data: Path) -> Counter[UUID]:
    lines: Counter[UUID] = Counter()
    with contextlib.closing(Journal(data / "journal")) as journal:
        for partition in range(4):
            reader, after = journal.reader(partition), 0
            while records := reader.read(after, 1 << 20):
                for record in records:
                    lines[record.batch.source] += len(record.batch.lines)
                after = records[-1].sequence
    return lines


class BadDoor:
    """A bulk door that now and then fails before, within or after taking lines."""

    def __init__(self) -> None:
        self.requests = 0
        self.taken: Counter[str] = Counter()
        self.refused: set[str] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == "ApiKey nøgle"
        assert request.headers["Content-Encoding"] == "gzip"
        self.requests += 1
        lines = (await request.read()).split(b"\n")
        numbers = [orjson.loads(line)["create"]["_id"] for line in lines[:-1:2]]
        if self.requests % 5 == 1:
            return web.Response(status=503, text="busy")
        if self.requests % 5 == 2 and len(numbers) > 20:
            return web.Response(status=413, text="too much")
        items = [{"create": {"status": self._take(number, place)}} for place, number in enumerate(numbers)]
        if self.requests % 5 == 3:
            return web.Response(status=502, text="the answer is lost")
        return web.Response(body=orjson.dumps({"took": 1, "errors": False, "items": items}))

    def _take(self, number: str, place: int) -> int:
        if number in self.taken:
            return 409
        if place % 17 == 5 and self.requests % 2:
            return 429
        if number.endswith("77"):
            self.refused.add(number)
            return 400
        self.taken[number] += 1
        return 201


def test_bulk_feed_survives_a_bad_door(tmp_path: Path) -> None:
    asyncio.run(feed_a_bad_door(tmp_path))


async def feed_a_bad_door(tmp_path: Path) -> None:
    door = BadDoor()
    application = web.Application()
    application.router.add_post("/_bulk", door.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    plan = plan_for(
        tmp_path, bulk=runner.addresses[0][1], syslog=9, feeds=FEEDS[:1], lines=400, rate=5000.0, story=None
    )
    feeder = Feeder(plan)

    await feeder.run(asyncio.Event())
    await runner.cleanup()

    counts = feeder.mouths[0].sender.counts
    assert counts.generated == 400
    assert counts.acknowledged == len(door.taken)
    assert counts.refused == len(door.refused)
    assert counts.acknowledged + counts.refused == 400
    assert counts.repeats > 0 and counts.failures > 0


def test_feeder_without_doors_waits_and_ends_on_a_signal(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, bulk=9, syslog=9)
    (tmp_path / "plan.json").write_bytes(plan_to_json(plan))
    process = subprocess.Popen([sys.executable, "-m", "samdrift.cli.demo.feeder", tmp_path / "plan.json"])
    try:
        wait_for(tmp_path / "feeder.json")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=40) == 0
    finally:
        process.kill()

    report = orjson.loads((tmp_path / "feeder.json").read_bytes())
    assert report["finished"] and report["totals"]["acknowledged"] == 0
    assert report["totals"]["failures"] > 0
    assert all(feed["last_failure"] for feed in report["feeds"])
    assert report["totals"]["waiting"] == report["totals"]["generated"]


def wait_for(path: Path) -> None:
    for _ in range(200):
        if path.exists():
            return
        threading.Event().wait(0.1)
    raise AssertionError(f"{path} did not come")


def test_rate_falls_after_the_story(tmp_path: Path) -> None:
    told = Feeder(plan_for(tmp_path, bulk=9, syslog=9, story=StoryPlan(municipality="Ærø", host="AEROE-FS01")))

    assert told._rate(1.0) == 800.0
    told.script.clear()
    assert told._rate(60.0) == 50.0


def test_plan_survives_json(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, bulk=1, syslog=2, story=StoryPlan(municipality="Ærø", host="AEROE-FS01"))

    assert plan_from_json(plan_to_json(plan)) == plan


@pytest.mark.parametrize("content", [b"{", b"{}", b'{"rate": 1, "takst": 2}', b"[]"])
def test_bad_plan_is_refused_in_words(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.json").write_bytes(content)

    assert main([str(tmp_path / "plan.json")]) == 2
    assert "cannot be read" in capsys.readouterr().err
