"""The engine against the reference evaluator: generated rules and events, and SigmaHQ's rules over real events."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from samdrift_logs.detect import Engine, RuleSet, load_rules
from samdrift_logs.detect.routing import belonging
from samdrift_logs.detect.view import BatchView
from samdrift_logs.events import EventBatch
from tests import reference_sigma
from tests.samdrift_logs.detect import generated
from tests.samdrift_logs.detect.batches import make_batch, parse, rule_text
from tests.samdrift_logs.detect.event_logs import batches_of_event_logs


@given(
    detections=st.lists(generated.detections(), min_size=1, max_size=8),
    events=st.lists(generated.EVENTS, min_size=1, max_size=8),
)
def test_generated_rules_match_the_same_events_as_the_reference(
    detections: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    compare_with_reference(detections, events)


@pytest.mark.fuzz
@pytest.mark.slow
@given(
    detections=st.lists(generated.detections(), min_size=20, max_size=40),
    events=st.lists(generated.EVENTS, min_size=20, max_size=40),
)
def test_many_generated_rules_match_the_same_events_as_the_reference(
    detections: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    compare_with_reference(detections, events)


def compare_with_reference(detections: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    texts = [rule_text(detection, title=f"rule {number}") for number, detection in enumerate(detections)]
    ruleset = without_twins(parse(*texts))
    engine = Engine(ruleset)
    expected = {
        (rule.title, row)
        for rule in ruleset.rules
        for row, event in enumerate(events)
        if reference_sigma.matches({"detection": detections[int(rule.title.split()[1])]}, event)
    }

    first = {(match.rule.title, match.row) for match in engine.evaluate(make_batch(events, product="test"))}
    again = {(match.rule.title, match.row) for match in engine.evaluate(make_batch(events, product="test"))}

    assert first == expected
    assert again == expected


def without_twins(ruleset: RuleSet) -> RuleSet:
    """Generated rules may be refused for a good reason only."""
    for refusal in ruleset.refused:
        assert any(reason in refusal.reason for reason in EXPECTED_REFUSALS), refusal
    return ruleset


EXPECTED_REFUSALS = (
    "at most three dash",
    "already taken",
    "without any text",
    "wildcards is not allowed",
    "incompatible to value type",
)


@pytest.mark.realdata
@pytest.mark.slow
def test_sigmahq_rules_match_the_same_real_events_as_the_reference(shared_data: Path) -> None:
    logs = sorted((shared_data / "evtx" / "attack-samples").rglob("*.evtx"))
    sample = random.Random(7).sample(logs, 24)
    ruleset = load_rules([shared_data / "sigma" / "rules" / "windows"])
    engine = Engine(ruleset)
    detections = {rule.id: detection_of(rule.file) for rule in ruleset.rules}
    compared = 0

    for batch in batches_of_event_logs(sample, most_events=250):
        found = {(match.rule.id, match.row) for match in engine.evaluate(batch)}
        expected = reference_matches(ruleset, detections, batch)
        compared += len(expected)
        assert found == expected

    assert compared > 30


def detection_of(file: str) -> dict[str, Any]:
    return next(each for each in yaml.load_all(Path(file).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) if each)


def reference_matches(ruleset: RuleSet, rules: dict[str, Any], batch: EventBatch) -> set[tuple[str, int]]:
    """Routing is shared with the engine; what the fields say is not."""
    view = BatchView(batch)
    events = native_events(batch)
    found = set()
    for row, event in enumerate(events):
        kind = view.kinds[view.kind_of_row[row]]
        where = belonging(kind)
        if (kind.channel, kind.code) == ("security", "4688"):
            event.setdefault("Image", event.get("NewProcessName"))
            event.setdefault("ParentImage", event.get("ParentProcessName"))
            event.setdefault("LogonId", event.get("SubjectLogonId"))
        for rule in ruleset.rules:
            if where.answers(rule.logsource) and reference_sigma.matches(rules[rule.id], event):
                found.add((rule.id, row))
    return found


def native_events(batch: EventBatch) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [{} for _ in range(len(batch))]
    for name, column in batch.native.items():
        for row, code in zip(column.rows.tolist(), column.codes.tolist(), strict=True):
            events[row][name] = column.values[code]
    return events
