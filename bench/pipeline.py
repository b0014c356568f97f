"""From socket to stored and detected: what the log half does on this machine.

    make bench        or        .venv/bin/python bench/pipeline.py [--events N] [--json]

Starts the real receiver and the real worker (processes of their own, no Django) in a temporary folder and sends them
generated logs over `_bulk` and syslog TCP: first a steady feed in which alerts are timed, then everything as fast as
the doors take it. Once with the starter rules and once with all SigmaHQ rules, where these are on the machine. Checks
that the ledger closes and that the lake has what was sent. `--json`: one document on stdout; progress is on stderr.

Exit codes: 0 measured and everything adds up, 1 something did not, 2 the command line is wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import machine
import orjson
from children import BenchFailed, Child, Children, Told
from feed import Feeder, FeedFailed
from logs import Made, Maker, Parcel, registry_of
from report import in_words

from samdrift_logs.events.sources import write_registry
from samdrift_logs.journal import Ledger
from samdrift_logs.lake import Lake
from samdrift_logs.scope import Purpose, Scope

ROOT = Path(__file__).resolve().parents[1]
STEADY_EVERY_S = 0.25
WARM_UP_LINES = 3000


@attrs.frozen(kw_only=True)
class Wanted:
    """What the command line asks for."""

    events: int
    steady_rate: float
    steady_s: float
    workers: int
    seed: int
    limit_s: float


@attrs.define(kw_only=True)
class Run:
    """One set of rules over all the logs, in a data folder of its own."""

    name: str
    rules: Sequence[Path]
    data: Path
    made: Made
    wanted: Wanted
    deadline: float
    children: Children = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.children = Children(log_folder=self.data / "log", deadline=self.deadline)

    def measure(self) -> dict[str, object]:
        """Run it and return its figures. Raises BenchFailed or FeedFailed."""
        scope = self._lay_out()
        try:
            return self._measure(scope)
        finally:
            self.children.end()

    def _measure(self, scope: Scope) -> dict[str, object]:
        receiver, workers, ready = self._start()
        ports = receiver.wait_for("ready")["ports"]
        feeder = Feeder(bulk_port=ports["bulk"], syslog_port=ports["syslog_tcp"])
        _say(f"{self.name}: {ready['rules']} rules; warming up")
        feeder.at_full_speed(self.made.shippers, "warm_up")
        self.children.wait_for_rows(workers, self._count("warm_up"))
        _say(f"{self.name}: steady feed for {self.wanted.steady_s:g} s")
        others = machine.Others([child.process.pid for child in (receiver, *workers)])
        steady_s = feeder.steadily(self.made.shippers, every_s=STEADY_EVERY_S)
        self.children.wait_for_rows(workers, self._count("warm_up", "steady"))
        steady = {"events_per_s": round(self._count("steady") / steady_s), "cores_used_by_others": others.cores()}
        _say(f"{self.name}: everything at once")
        burst, ends = self._burst(feeder, receiver, workers)
        return {
            "rules_from": self.name,
            "rules": ready["rules"],
            "rules_refused": ready["rules_refused"],
            "rules_load_s": round(ready["rules_load_s"], 2),
            "workers": len(workers),
            "burst": burst,
            "steady": {**steady, **self._delays(feeder)},
            "peak_memory_bytes": {
                "receive": ends[0]["peak_memory_bytes"],
                "work": max(end["peak_memory_bytes"] for end in ends[1:]),
            },
            "disk": self._disk(scope),
            "checked": self._check(scope, ends[1:]),
        }

    def _start(self) -> tuple[Child, list[Child], Told]:
        """Start the receiver and the workers; return them and what a worker told of its rules."""
        receiver = self.children.start("receive", ["receive", str(self.data)])
        rules = [str(rule) for rule in self.rules]
        workers = [
            self.children.start(name, ["work", str(self.data), name, str(self._alerts(name)), *rules])
            for name in self._names()
        ]
        ready, *_ = [worker.wait_for("ready") for worker in workers]
        return receiver, workers, ready

    def _burst(
        self, feeder: Feeder, receiver: Child, workers: Sequence[Child]
    ) -> tuple[dict[str, object], Sequence[Told]]:
        """Send everything at once and stop; return the figures and what the processes told at their end."""
        events = self._count("burst")
        cpu_before = [machine.cpu_s(child.process.pid) for child in (receiver, *workers)]
        others = machine.Others([child.process.pid for child in (receiver, *workers)])
        began_at = time.time()
        accepted_s = feeder.at_full_speed(self.made.shippers, "burst")
        detected_at = self.children.wait_for_rows(workers, self._count("warm_up", "steady", "burst"))
        used_by_others = others.cores()
        ends = self.children.stop(workers)  # a gentle stop stores what is under way: no waiting for the next commit
        stored_at = max(end["at"] for end in ends)
        ends = [*self.children.stop([receiver]), *ends]
        cpu = [end["cpu_s"] - before for end, before in zip(ends, cpu_before, strict=True)]
        figures = {
            "events": events,
            "accepted_per_s": round(events / accepted_s),
            "detected_per_s": round(events / (detected_at - began_at)),
            "stored_per_s": round(events / (stored_at - began_at)),
            "cores_used_by_others": used_by_others,
            "requests_put_off": feeder.put_off,
            "cpu_us_per_event": {
                "receive": round(cpu[0] / events * 1e6, 1),
                "work": round(sum(cpu[1:]) / events * 1e6, 1),
            },
        }
        return figures, ends

    def _lay_out(self) -> Scope:
        self.data.mkdir(parents=True)
        registry = registry_of(self.made.shippers)
        write_registry(self.data / "sources.json", registry)
        organisations = [organisation.id for organisation in registry.organisations]
        for organisation in organisations:
            Lake(self.data / "lake").create(organisation)
        return Scope(organisations=organisations, purpose=Purpose.WATCH, reason="benchmark", actor="bench")

    def _names(self) -> list[str]:
        return [f"work-{number}" for number in range(1, self.wanted.workers + 1)]

    def _alerts(self, worker: str) -> Path:
        return self.data / f"alerts-{worker}.ndjson"

    def _count(self, *phases: str) -> int:
        return sum(parcel.lines for parcel in self._parcels(*phases))

    def _parcels(self, *phases: str) -> Iterator[Parcel]:
        for shipper in self.made.shippers:
            for phase in phases:
                yield from shipper.parcels[phase]

    def _delays(self, feeder: Feeder) -> dict[str, object]:
        """Return the delays of the marked lines of the steady feed; every Windows one must have raised an alert."""
        first: dict[int, tuple[float, float]] = {}
        count = 0
        for worker in self._names():
            for line in self._alerts(worker).read_bytes().splitlines():
                came_at, received_at, mark = orjson.loads(line)
                count += 1
                if mark is not None and (mark not in first or came_at < first[mark][0]):
                    first[mark] = came_at, received_at
        silent = feeder.sent_at.keys() - first.keys()
        known = {mark for shipper in self.made.shippers if shipper.is_bulk for mark in shipper.marks()}
        if silent & known:
            raise BenchFailed(f"{len(silent & known)} attack lines raised no alert with {self.name}")
        timed = [mark for parcel in self._parcels("steady") for mark in parcel.attacks if mark in first]
        return {
            "alerts_timed": len(timed),
            "sent_to_alert_ms": _spread([first[mark][0] - feeder.sent_at[mark] for mark in timed]),
            "received_to_alert_ms": _spread([first[mark][0] - first[mark][1] for mark in timed]),
            "alerts_in_all": count,
        }

    def _disk(self, scope: Scope) -> dict[str, float]:
        lake, events = Lake(self.data / "lake"), self._count("warm_up", "steady", "burst")
        before = sum(one.size_bytes for one in lake.statistics(scope))
        files = sum(one.files for one in lake.statistics(scope))
        lake.compact(min_files=2)
        compacted = lake.statistics(scope)
        journal = sum(path.stat().st_size for path in (self.data / "journal").rglob("*.segment"))
        return {
            "raw_bytes_per_event": round(self.made.raw_bytes / self.made.lines, 1),
            "lake_bytes_per_event": round(sum(one.size_bytes for one in compacted) / events, 1),
            "lake_bytes_per_event_before_compaction": round(before / events, 1),
            "files_before_compaction": files,
            "files": sum(one.files for one in compacted),  # of today, a file waits until as much has come after it
            "journal_bytes_per_event": round(journal / events, 1),
        }

    def _check(self, scope: Scope, ends: Sequence[Told]) -> dict[str, int]:
        """Raise BenchFailed unless lake and ledger have exactly what was sent."""
        sent = self._count("warm_up", "steady", "burst")
        stored = sum(one.rows for one in Lake(self.data / "lake").statistics(scope))
        rejected = sum(one.rejects for one in Lake(self.data / "lake").statistics(scope))
        now = dt.datetime.now(dt.UTC)
        ledger = Ledger(self.data / "ledger")
        rows = ledger.rows(scope, now - dt.timedelta(hours=3), now + dt.timedelta(minutes=5))
        ledger.close()
        received = sum(row.received for row in rows)
        open_rows = sum(not row.closed or not row.adds_up for row in rows)
        figures = {"sent": sent, "stored": stored, "rejected": rejected, "received": received, "open_rows": open_rows}
        problems = [problem for end in ends for problem in end["problems"].values()]
        if stored != sent or received != sent or rejected or open_rows or problems:
            raise BenchFailed(f"it does not add up with {self.name}: {figures} {problems}")
        return figures


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {"median": 0.0, "p99": 0.0, "most": 0.0}
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, round(0.99 * (len(ordered) - 1)))]
    return {
        "median": round(statistics.median(ordered) * 1000, 1),
        "p99": round(p99 * 1000, 1),
        "most": round(ordered[-1] * 1000, 1),
    }


def yardstick(lines: Sequence[bytes]) -> dict[str, float]:
    """Return what parsing alone costs: `orjson.loads` over the same JSON lines, best of three."""
    took = []
    for _ in range(3):
        began = time.perf_counter()
        for line in lines:
            orjson.loads(line)
        took.append(time.perf_counter() - began)
    return {
        "json_lines": len(lines),
        "lines_per_s": round(len(lines) / min(took)),
        "us_per_line": round(min(took) / len(lines) * 1e6, 2),
    }


def measure(wanted: Wanted, rule_sets: Sequence[tuple[str, Sequence[Path]]]) -> dict[str, object]:
    """Make the logs, run every set of rules over them, and return the document."""
    deadline = time.monotonic() + wanted.limit_s
    with tempfile.TemporaryDirectory(prefix="samdrift-bench-") as folder:
        about = machine.facts(Path(folder))
        _say("making the logs")
        maker = Maker(seed=wanted.seed)
        maker.fill_warm_up(WARM_UP_LINES)
        maker.fill_steady(rate=wanted.steady_rate, seconds=wanted.steady_s, every_s=STEADY_EVERY_S)
        maker.fill_burst(wanted.events)
        runs = [
            Run(
                name=name,
                rules=rules,
                data=Path(folder) / name,
                made=maker.made,
                wanted=wanted,
                deadline=deadline,
            ).measure()
            for name, rules in rule_sets
        ]
        return {
            "benchmark": "pipeline",
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "command": " ".join(["bench/pipeline.py", *sys.argv[1:]]),
            "machine": about,
            "yardstick": yardstick(maker.made.json_lines),
            "runs": runs,
        }


def rule_sets(sigma: Path) -> list[tuple[str, list[Path]]]:
    """Return the starter rules and, where they are on this machine, all SigmaHQ rules."""
    sets = [("starter", [ROOT / "content" / "sigma"])]
    if folders := sorted(folder for folder in sigma.glob("rules*") if folder.is_dir()):
        sets.append(("sigmahq", folders))
    return sets


def _say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000, help="lines of the burst (default 200000)")
    parser.add_argument("--steady-rate", type=float, default=2000, help="lines a second of the steady feed")
    parser.add_argument("--steady-s", type=float, default=30, help="how long the steady feed lasts")
    parser.add_argument("--workers", type=int, default=1, help="work processes (samdrift up starts 1)")
    parser.add_argument("--sigma", type=Path, default=ROOT.parent / "shared" / "data" / "sigma", help="SigmaHQ's rules")
    parser.add_argument("--only", choices=["starter", "sigmahq"], help="one set of rules only")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--limit-s", type=float, default=900, help="give up after so many seconds")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args()
    if min(arguments.events, arguments.steady_rate, arguments.steady_s, arguments.workers, arguments.limit_s) <= 0:
        parser.error("--events, --steady-rate, --steady-s, --workers and --limit-s want numbers above zero")
    return arguments


def main() -> int:
    """Measure and print."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the children are ended
    wanted = Wanted(
        events=arguments.events,
        steady_rate=arguments.steady_rate,
        steady_s=arguments.steady_s,
        workers=arguments.workers,
        seed=arguments.seed,
        limit_s=arguments.limit_s,
    )
    sets = [one for one in rule_sets(arguments.sigma) if arguments.only in (None, one[0])]
    if not sets:
        _say(f"there are no rules in {arguments.sigma}; give the folder that holds SigmaHQ's rules* with --sigma")
        return 2
    try:
        document = measure(wanted, sets)
    except (BenchFailed, FeedFailed) as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("interrupted; nothing is left running")
        return 130
    sys.stdout.write(json.dumps(document, indent=2) + "\n" if arguments.json else in_words(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
