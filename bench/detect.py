"""How fast rules are evaluated, parsing included, next to `orjson.loads` over the same lines in the same process.

    python bench/detect.py RULES... [--evtx FOLDER | --ndjson FILE] [--events N] [--json]

One core is pinned; each figure is the median of `--rounds` rounds, and in each round the yardstick runs directly before
the engine. Time is this process's processor time, so that a machine with other work gives the same ratios (caches
apart). A first pass has an engine that remembers nothing (its plan is built, its kernels are loaded); repeating is
the same bytes once more; salted has random text in 22 fields of every event; mixed is Linux, proxy and firewall.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"samdrift-numba-{os.getuid()}"))

import orjson  # noqa: E402
from bench.detect_lines import Lines, base_events, given_lines, mixed_lines, windows_lines  # noqa: E402
from bench.detect_ways import WAYS, Hits, Way  # noqa: E402

from bench import machine  # noqa: E402
from samdrift_logs.detect import Engine, RuleSet, load_rules  # noqa: E402

SHARED = ROOT.parent / "shared" / "data"
SEED = 7


@attrs.frozen
class Scenario:
    """Lines, and whether the engine has seen them once before it is timed."""

    name: str
    parts: Sequence[Lines]
    repeating: bool = False

    @property
    def events(self) -> int:
        """Return how many lines there are."""
        return sum(len(part.lines) for part in self.parts)


def main() -> None:
    """Run the benchmark and print its figures."""
    wanted = _arguments()
    if not wanted.no_pin:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rules = load_rules(wanted.rules, cache=wanted.cache)
    scenarios = [each for each in _scenarios(wanted) if not wanted.only or each.name in wanted.only]
    document = {
        "machine": machine.facts(Path(tempfile.gettempdir())),
        "rules": len(rules),
        "way": wanted.way,
        "rounds": wanted.rounds,
        "scenarios": {
            each.name: _measure(each, rules, WAYS[wanted.way], wanted.rounds, wanted.cache) for each in scenarios
        },
        "peers": {},
    }
    print(json.dumps(document) if wanted.json else _in_words(document))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folders = ("rules", "rules-emerging-threats", "rules-threat-hunting", "rules-compliance")
    default_rules = [SHARED / "sigma" / folder for folder in folders]
    parser.add_argument("rules", nargs="*", type=Path, default=default_rules, help="rule folders")
    parser.add_argument("--evtx", type=Path, default=SHARED / "evtx", help="event logs to make the Windows lines from")
    parser.add_argument("--ndjson", type=Path, help="flat Windows JSON to use as it is, instead of made lines")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", help="a scenario by name; may be repeated")
    parser.add_argument("--way", choices=sorted(WAYS), default=next(iter(WAYS)), help="the way in that is measured")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / f"samdrift-rules-{os.getuid()}")
    parser.add_argument("--no-pin", action="store_true", help="do not pin one core")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser.parse_args()


def _scenarios(wanted: argparse.Namespace) -> list[Scenario]:
    if wanted.ndjson:
        windows = list(given_lines(wanted.ndjson))[: wanted.events]
        lines = Lines(windows, "windows")
        return [Scenario("windows_first_pass", [lines]), Scenario("windows_repeating", [lines], repeating=True)]
    base = base_events(wanted.evtx)
    if not base:
        raise SystemExit(f"no event logs below {wanted.evtx}: give --evtx FOLDER or --ndjson FILE")
    plain = Lines(windows_lines(base, wanted.events, seed=SEED), "windows")
    salted = Lines(windows_lines(base, wanted.events, seed=SEED, salted=True), "windows")
    return [
        Scenario("windows_first_pass", [plain]),
        Scenario("windows_repeating", [plain], repeating=True),
        Scenario("windows_salted", [salted]),
        Scenario("mixed_first_pass", mixed_lines(wanted.events, seed=SEED)),
    ]


def _measure(scenario: Scenario, rules: RuleSet, way: Way, rounds: int, cache: Path) -> dict[str, object]:
    rates, ratios, hits = [], [], 0
    for _ in range(rounds):
        engine = Engine(rules, cache=cache)
        way(engine, [attrs.evolve(part, lines=part.lines[:1]) for part in scenario.parts])  # loads what is lazy
        if scenario.repeating:
            way(engine, scenario.parts)
        yardstick = _seconds(lambda: _load_all(scenario))
        found: list[Hits] = []
        took = _seconds(lambda engine=engine, found=found: found.append(way(engine, scenario.parts)))
        hits = len(found[0])
        rates.append(scenario.events / took)
        ratios.append(yardstick / took)
    size = sum(len(line) for part in scenario.parts for line in part.lines)
    return {
        "events": scenario.events,
        "bytes_per_event": round(size / max(1, scenario.events)),
        "events_per_s": round(statistics.median(rates)),
        "orjson_ratio": round(statistics.median(ratios), 3),
        "spread": [round(min(ratios), 3), round(max(ratios), 3)],
        "hits": hits,
    }


def _load_all(scenario: Scenario) -> None:
    loads = orjson.loads
    for part in scenario.parts:
        for line in part.lines:
            loads(line)


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _in_words(document: dict[str, object]) -> str:
    facts, scenarios = document["machine"], document["scenarios"]
    assert isinstance(facts, dict) and isinstance(scenarios, dict)
    lines = [
        f"{facts['processor']}, Python {facts['python']}, load {facts['load_before']} before; one core; "
        f"{document['rules']:,} rules; way: {document['way']}",
        f"{'':22}{'events':>10}{'bytes':>8}{'events/s':>12}{'x orjson':>10}{'from - to':>18}{'hits':>9}",
    ]
    for name, each in scenarios.items():
        low, high = each["spread"]
        lines.append(
            f"{name:22}{each['events']:>10,}{each['bytes_per_event']:>8,}{each['events_per_s']:>12,}"
            f"{each['orjson_ratio']:>10.3f}{f'{low:.3f} - {high:.3f}':>18}{each['hits']:>9,}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
