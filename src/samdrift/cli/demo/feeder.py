"""The demo's senders in a process of their own: everyday logs of several municipalities, and the attack among them.

    python -m samdrift.cli.demo.feeder plan.json      (the plan: see `plan.py`)

Speaks to the real doors only. Writes what it sent, what was acknowledged and refused, and when each step of the story
was sent, as JSON to the plan's report every second and at the end. Ends on SIGTERM or SIGINT (what is waiting is sent
first, at most 5 s), when the plan's lines or seconds are spent, or when the process that started it is gone.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import sys
import time
import uuid
from pathlib import Path

import attrs
import orjson

from samdrift.cli.demo.generate import Stream, make_stream
from samdrift.cli.demo.people import make_municipality
from samdrift.cli.demo.plan import Feed, FeedKind, Plan, plan_from_json
from samdrift.cli.demo.senders import BulkSender, Sender, SyslogSender
from samdrift.cli.demo.story import Step, StoryLine, make_story

TICK_S = 0.05
REPORT_EVERY_S = 1.0
LAST_WORDS_S = 5.0


@attrs.define
class _Mouth:
    """One feed: what it says, and how it leaves."""

    feed: Feed
    stream: Stream
    sender: BulkSender | SyslogSender
    owed: float = 0.0


@attrs.define
class _Scheduled:
    """One line of the story and when it is due, in seconds from the start."""

    due_s: float
    step: int
    line: StoryLine


class Feeder:
    """Runs a plan. `report()` tells at any time what was sent and what became of it."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.run_id = uuid.uuid4().hex[:12]
        self.started_at = dt.datetime.now(dt.UTC)
        self.number = 0
        self.finished = False
        towns = {name: make_municipality(name, seed=plan.seed) for name in {feed.municipality for feed in plan.feeds}}
        self.mouths = [
            _Mouth(feed, make_stream(feed, towns[feed.municipality], seed=plan.seed), self._sender(feed))
            for feed in plan.feeds
        ]
        self.whole_share = sum(feed.share for feed in plan.feeds) or 1.0
        self.steps: list[Step] = []
        if plan.story:
            town = towns.get(plan.story.municipality) or make_municipality(plan.story.municipality, seed=plan.seed)
            self.steps = list(make_story(town, plan.story.host, seed=plan.seed))
        self.script = self._script()
        self.told: dict[int, dict[str, object]] = {}
        self.left_out = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Send until stopped or spent; then let the senders finish."""
        senders = [asyncio.create_task(mouth.sender.run()) for mouth in self.mouths]
        try:
            await self._talk(stop)
        finally:
            for mouth in self.mouths:
                mouth.sender.finish()
            await asyncio.wait(senders, timeout=LAST_WORDS_S)
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)
            self.finished = True
            self.write_report()

    async def _talk(self, stop: asyncio.Event) -> None:
        began = before = time.monotonic()
        reported_at = began
        parent = os.getppid()
        while not stop.is_set() and not self._spent(time.monotonic() - began) and os.getppid() == parent:
            now = time.monotonic()
            # A machine that stood still is not made up for in one breath.
            self._say(min(now - before, 1.0) * self._rate(now - began), now - began)
            before = now
            if now - reported_at >= REPORT_EVERY_S:
                reported_at = now
                self.write_report()
            await asyncio.sleep(max(0.0, TICK_S - (time.monotonic() - now)))

    def _rate(self, elapsed_s: float) -> float:
        told = bool(self.steps) and not self.script
        return self.plan.calm_rate if told else self.plan.rate

    def _spent(self, elapsed_s: float) -> bool:
        plan = self.plan
        return (plan.lines is not None and self.number >= plan.lines) or (
            plan.seconds is not None and elapsed_s >= plan.seconds
        )

    def _say(self, lines: float, elapsed_s: float) -> None:
        """Make the lines that are due now: everyday ones by each feed's share, and the story's."""
        at = dt.datetime.now(dt.UTC)
        for mouth in self.mouths:
            mouth.owed += lines * mouth.feed.share / self.whole_share
            while mouth.owed >= 1 and (self.plan.lines is None or self.number < self.plan.lines):
                mouth.owed -= 1
                if mouth.sender.has_room():
                    self._put(mouth.sender, mouth.stream(at))
                else:
                    mouth.sender.counts.held_back += 1
        while self.script and self.script[0].due_s <= elapsed_s:
            self._tell(self.script.pop(0), at)

    def _tell(self, scheduled: _Scheduled, at: dt.datetime) -> None:
        sender = self._sender_of(scheduled.line.kind)
        if sender is None:
            self.left_out += 1
            return
        self._put(sender, scheduled.line.make(at))
        step = self.told.setdefault(scheduled.step, {"first_sent_at": at.isoformat(), "lines": 0})
        step["lines"] = int(str(step["lines"])) + 1

    def _put(self, sender: Sender, line: bytes) -> None:
        self.number += 1
        sender.put(f"{self.run_id}-{self.number}", line)

    def _sender(self, feed: Feed) -> BulkSender | SyslogSender:
        if feed.kind is FeedKind.WINDOWS:
            return BulkSender(feed, self.plan.bulk)
        return SyslogSender(feed, self.plan.syslog)

    def _sender_of(self, kind: FeedKind) -> Sender | None:
        """Return the sender that a line of the story leaves by: for Windows the feed that the server belongs to."""
        story = self.plan.story
        if story is None:
            return None
        ours = [
            mouth for mouth in self.mouths if mouth.feed.kind is kind and mouth.feed.municipality == story.municipality
        ]
        named = [mouth for mouth in ours if story.host in mouth.feed.hosts]
        return (named or ours)[0].sender if ours else None

    def _script(self) -> list[_Scheduled]:
        story = self.plan.story
        if story is None:
            return []
        return sorted(
            (
                _Scheduled(
                    story.after_s + (step.after_s + step.lasts_s * n / len(step.lines)) * story.pace, place, line
                )
                for place, step in enumerate(self.steps)
                for n, line in enumerate(step.lines)
            ),
            key=lambda scheduled: scheduled.due_s,
        )

    def report(self) -> dict[str, object]:
        """Return the counts as they stand."""
        feeds = [
            {
                "name": mouth.feed.name,
                "kind": str(mouth.feed.kind),
                "municipality": mouth.feed.municipality,
                "waiting": len(mouth.sender.waiting),
                **attrs.asdict(mouth.sender.counts),
            }
            for mouth in self.mouths
        ]
        totals = ("generated", "sent", "acknowledged", "refused", "repeats", "held_back", "failures", "waiting")
        return {
            "run": self.run_id,
            "started_at": self.started_at.isoformat(),
            "written_at": dt.datetime.now(dt.UTC).isoformat(),
            "finished": self.finished,
            "story_told": bool(self.steps) and not self.script,
            "story_lines_left_out": self.left_out,
            "totals": {name: sum(int(str(feed[name])) for feed in feeds) for name in totals},
            "feeds": feeds,
            "story": [
                {
                    "after_s": step.after_s,
                    "technique": step.technique,
                    "title": step.title,
                    "sigma": list(step.sigma),
                    **self.told.get(place, {"first_sent_at": None, "lines": 0}),
                }
                for place, step in enumerate(self.steps)
            ],
        }

    def write_report(self) -> None:
        """Write the report so that a reader sees a whole one."""
        fresh = self.plan.report.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(self.report(), option=orjson.OPT_INDENT_2))
        fresh.replace(self.plan.report)


async def feed(plan: Plan) -> Feeder:
    """Run a plan until a signal stops it or it is spent; return the feeder with its counts."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    feeder = Feeder(plan)
    await feeder.run(stop)
    return feeder


def main(arguments: list[str]) -> int:
    """Run the plan in a file. Exit code 2 for a plan that cannot be read, 0 otherwise."""
    if len(arguments) != 1:
        print("usage: python -m samdrift.cli.demo.feeder PLAN.json", file=sys.stderr)
        return 2
    try:
        plan = plan_from_json(Path(arguments[0]).read_bytes())
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"the plan {arguments[0]} cannot be read: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    asyncio.run(feed(plan))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
