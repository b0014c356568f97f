"""Small batches and rule sets for tests of detection."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from samdrift_logs.detect import Engine, Rule, RuleSet
from samdrift_logs.detect.files import RuleFile
from samdrift_logs.detect.loader import parse_rules
from samdrift_logs.events import SCHEMA, EventBatch, Value, intern_fields

ORGANISATION = uuid.UUID("11111111-1111-4111-8111-111111111111")
SOURCE = uuid.UUID("22222222-2222-4222-8222-222222222222")
RECEIVED = dt.datetime(2026, 11, 23, 20, 0, tzinfo=dt.UTC)


def make_batch(events: Sequence[Mapping[str, Any]], **columns: Any) -> EventBatch:
    """Return a batch of native events. A column is one value for all rows or a list with one for each."""
    count = len(events)
    given = {
        "event_id": [f"0-1-{row}" for row in range(count)],
        "organisation": str(ORGANISATION),
        "source": str(SOURCE),
        "received_at": RECEIVED,
        "fields": [json.dumps(event) for event in events],
        **columns,
    }
    arrays = []
    for field in SCHEMA:
        value = given.get(field.name)
        rows = value if isinstance(value, list) else [value] * count
        arrays.append(pa.array(rows, type=field.type))
    native = [{name: frozen(value) for name, value in event.items()} for event in events]
    return EventBatch(pa.Table.from_arrays(arrays, schema=SCHEMA), intern_fields(native))


def frozen(value: Any) -> Value:
    """Return lists as tuples, as events carry them."""
    return tuple(frozen(each) for each in value) if isinstance(value, list) else value


def rule_text(detection: str | Mapping[str, Any], **more: Any) -> str:
    """Return a whole rule around a detection, for product test."""
    parsed = yaml.safe_load(detection) if isinstance(detection, str) else dict(detection)
    rule = {"title": "Test", "logsource": {"product": "test"}, "detection": parsed, **more}
    return yaml.safe_dump(rule, sort_keys=False, allow_unicode=True)


def parse(*texts: str) -> RuleSet:
    """Parse rule files given as text, named rule0.yml, rule1.yml …"""
    return parse_rules([RuleFile(f"rule{number}.yml", text.encode()) for number, text in enumerate(texts)])


def parse_one(text: str) -> Rule:
    """Parse one rule that must be loaded."""
    ruleset = parse(text)
    assert not ruleset.refused, ruleset.refused
    return ruleset.rules[0]


def engine_for(*texts: str, cache: Path | None = None, **options: Any) -> Engine:
    """Return an engine for rules given as text, all of which must load."""
    ruleset = parse(*texts)
    assert not ruleset.refused, ruleset.refused
    return Engine(ruleset, cache=cache, **options)


def rows_matched(engine: Engine, events: Sequence[Mapping[str, Any]], **columns: Any) -> list[int]:
    """Return the rows that at least one rule matches."""
    found = engine.evaluate(make_batch(events, **{"product": "test", **columns}))
    return sorted({match.row for match in found})
