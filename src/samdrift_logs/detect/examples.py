"""Events that a rule brings along (`samdrift.hits`, `samdrift.misses`), and whether it says of them what it should.

A rule's example is one event. A correlation's is a sequence: steps `{at: seconds, event: {…}}`, with `every` and
`times` for repeats, where `{n}` in a text is the number of the repeat; `logsource` where it is not that of the first
rule.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import yaml

from samdrift_logs.detect.correlate.correlation import Correlation
from samdrift_logs.detect.correlate.correlator import Correlator
from samdrift_logs.detect.engine import Engine
from samdrift_logs.detect.rules import Logsource, Rule, RuleSet
from samdrift_logs.events import SCHEMA, EventBatch, Value, intern_fields

_NOBODY = str(uuid.UUID(int=0))
_BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_MOST_REPEATS = 10_000
Event = Mapping[str, Value]


@attrs.frozen(kw_only=True)
class Example:
    """One example. `must_fire` tells hits from misses; `number` counts them from 1; `events` are (second, event)."""

    rule: Rule | Correlation
    must_fire: bool
    number: int
    events: Sequence[tuple[float, Logsource, Event]]

    def __str__(self) -> str:
        return (
            f"{self.rule.file}:{self.rule.line}: {self.rule.title}: {'hit' if self.must_fire else 'miss'} {self.number}"
        )


@attrs.frozen
class Verdict:
    """What came of an example. `problem` is empty where it is right."""

    example: Example
    problem: str


def examples_of(ruleset: RuleSet) -> list[Example]:
    """Return every example that the rules of a set bring along, in the order of the set."""
    bases = {rule.id: rule for rule in ruleset.rules}
    everything: list[Rule | Correlation] = [*ruleset.rules, *ruleset.correlations]
    brought = {file: _brought(Path(file)) for file in {each.file for each in everything}}
    found: list[Example] = []
    for rule in everything:
        extra = brought[rule.file].get(rule.line, {})
        for kind in ("hits", "misses"):
            for number, raw in enumerate(extra.get(kind) or (), 1):
                if isinstance(rule, Rule):
                    events = [(0.0, rule.logsource, _frozen_event(raw))]
                else:
                    events = [step for each in raw for step in _steps(each, _source_of(rule, ruleset, bases))]
                found.append(Example(rule=rule, must_fire=kind == "hits", number=number, events=events))
    return found


def try_examples(ruleset: RuleSet, examples: Sequence[Example]) -> list[Verdict]:
    """Run each example by itself through the rules, in the order given."""
    engine = Engine(ruleset)
    single = [example for example in examples if isinstance(example.rule, Rule)]
    fired = {(match.rule.id, match.row) for match in engine.evaluate(batch_of([e.events[0] for e in single]))}
    rows = {id(example): row for row, example in enumerate(single)}
    verdicts = []
    for example in examples:
        if isinstance(example.rule, Rule):
            fires = (example.rule.id, rows[id(example)]) in fired
        else:
            correlator = Correlator(ruleset, lateness=None)
            batch = batch_of(sorted(example.events, key=lambda event: event[0]))
            told = [*correlator.feed(engine.evaluate(batch), batch), *correlator.finish()]
            fires = any(match.correlation.id == example.rule.id for match in told)
        wrong = "" if fires == example.must_fire else "does not fire" if example.must_fire else "fires"
        verdicts.append(Verdict(example, wrong))
    return verdicts


def batch_of(events: Sequence[tuple[float, Logsource, Event]]) -> EventBatch:
    """Return events as the normalisers would hand them on: (second, log source, native fields)."""
    columns: dict[str, list[Any]] = {
        "event_id": [f"0-0-{row}" for row in range(len(events))],
        "organisation": [_NOBODY] * len(events),
        "source": [_NOBODY] * len(events),
        "received_at": [_BEGAN + dt.timedelta(days=1, seconds=at) for at, _, _ in events],
        "event_at": [_BEGAN + dt.timedelta(seconds=at) for at, _, _ in events],
        "product": [source.product for _, source, _ in events],
        "category": [_unless_windows(source.category, source) for _, source, _ in events],
        "service": [
            _unless_windows(str(event.get("type") or source.service or ""), source) for _, source, event in events
        ],
        "host": [str(event.get("host") or event.get("Computer") or "") or None for _, _, event in events],
        "fields": [json.dumps(event, ensure_ascii=False, default=str) for _, _, event in events],
    }
    arrays = [pa.array(columns.get(field.name, [None] * len(events)), field.type) for field in SCHEMA]
    return EventBatch(
        pa.Table.from_arrays(arrays, schema=SCHEMA), intern_fields([dict(event) for _, _, event in events])
    )


def _unless_windows(text: str | None, source: Logsource) -> str | None:
    """On Windows, Channel and EventID say what the event is, so that an example without them proves nothing."""
    return None if source.product == "windows" else text or None


def _brought(path: Path) -> dict[int, Mapping[str, Any]]:
    """Return what each document of a file has under `samdrift`, by its line."""
    found: dict[int, Mapping[str, Any]] = {}
    loader = yaml.CSafeLoader(path.read_bytes())
    while loader.check_node():
        node = loader.get_node()
        data = loader.construct_document(node)
        if node is not None and isinstance(data, dict) and isinstance(data.get("samdrift"), dict):
            found[node.start_mark.line + 1] = data["samdrift"]
    return found


def _source_of(correlation: Correlation, ruleset: RuleSet, bases: Mapping[str, Rule]) -> Logsource:
    inner = {each.id: each for each in ruleset.correlations}
    first = correlation.rules[0]
    while first in inner:
        first = inner[first].rules[0]
    return bases[first].logsource


def _steps(step: Mapping[str, Any], source: Logsource) -> Iterator[tuple[float, Logsource, Event]]:
    if "logsource" in step:
        source = Logsource(**step["logsource"])
    for number in range(min(int(step.get("times", 1)), _MOST_REPEATS)):
        event = {name: _numbered(value, number + 1) for name, value in step["event"].items()}
        yield float(step.get("at", 0)) + number * float(step.get("every", 0)), source, _frozen_event(event)


def _numbered(value: Any, number: int) -> Any:
    return value.replace("{n}", str(number)) if isinstance(value, str) else value


def _frozen_event(event: Mapping[str, Any]) -> Event:
    return {str(name): tuple(value) if isinstance(value, list) else value for name, value in event.items()}
