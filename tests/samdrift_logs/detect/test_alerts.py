"""Alerts: the same for the same match, complete, ready for JSON."""

from __future__ import annotations

import datetime as dt
import json
import uuid

from samdrift_logs.detect import alerts_from
from tests.samdrift_logs.detect.batches import ORGANISATION, RECEIVED, SOURCE, engine_for, make_batch, rule_text

IDENTITY = "6e1f3b52-4bb5-4a8f-8a3d-3d5b5b1f0001"
RULE = rule_text(
    "s: {a|contains: x}\ncondition: s",
    id=IDENTITY,
    title="Eks",
    level="high",
    tags=["attack.t1003"],
    description="What it is.\n",
    samdrift={"response": {"da": "Isolér maskinen.", "en": "Isolate it."}},
)
AT = dt.datetime(2026, 11, 23, 19, 59, tzinfo=dt.UTC)


def test_alert_tells_rule_event_and_what_to_do() -> None:
    engine = engine_for(RULE)
    batch = make_batch(
        [{"a": "no"}, {"a": ["x", 7], "b": 1}], product="test", host="srv1", user="anna", event_at=AT, raw=b"r\xe6w"
    )

    (alert,) = alerts_from(engine.evaluate(batch), batch, engine.ruleset)

    assert alert.id == uuid.uuid5(ORGANISATION, f"{IDENTITY}\n0-1-1")
    assert (alert.organisation, alert.source) == (ORGANISATION, SOURCE)
    assert (alert.rule_id, alert.title, alert.level, alert.tags) == (IDENTITY, "Eks", "high", ("attack.t1003",))
    assert (alert.event_id, alert.event_at, alert.received_at) == ("0-1-1", AT, RECEIVED)
    assert (alert.host, alert.user) == ("srv1", "anna")
    assert alert.fields == {"a": "x, 7"}
    assert alert.what_to_do == "Isolér maskinen."
    assert alert.description == "What it is."
    assert alert.ruleset_version == engine.ruleset.version
    assert alert.event["fields"] == {"a": ["x", 7], "b": 1}
    assert alert.event["raw"] == "r\\xe6w"
    json.dumps(dict(alert.event))


def test_the_same_match_found_again_is_the_same_alert() -> None:
    engine, batch = engine_for(RULE), make_batch([{"a": "x"}], product="test")

    first = alerts_from(engine.evaluate(batch), batch, engine.ruleset)
    again = alerts_from(engine.evaluate(batch), batch, engine.ruleset)

    assert first == again


def test_no_match_no_alert() -> None:
    engine, batch = engine_for(RULE), make_batch([{"a": "y"}], product="test")

    assert alerts_from(engine.evaluate(batch), batch, engine.ruleset) == []
