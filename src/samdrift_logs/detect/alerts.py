"""Matches to alerts: what leaves the log half. An alert carries a copy of its event and can be read by itself."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

import attrs

from samdrift_logs.detect.cells import cell_of
from samdrift_logs.detect.engine import Match
from samdrift_logs.detect.rules import Rule, RuleSet
from samdrift_logs.events import EventBatch, Value


@attrs.frozen(kw_only=True)
class Alert:
    """One rule met by one event.

    `id` follows from organisation, rule and event alone, so that the same match found again is the same alert.
    `fields` are the native fields that met the rule, as text; `event` is the whole row as JSON-ready values, with the
    native fields under "fields" and the line under "raw". `what_to_do` is the rule's response, Danish before English.
    """

    id: UUID
    organisation: UUID
    source: UUID
    rule_id: str
    title: str
    level: str
    tags: tuple[str, ...]
    ruleset_version: str
    event_id: str
    event_at: dt.datetime | None
    received_at: dt.datetime
    host: str | None
    user: str | None
    fields: Mapping[str, str]
    event: Mapping[str, object]
    what_to_do: str
    description: str


def alerts_from(matches: Sequence[Match], batch: EventBatch, ruleset: RuleSet) -> list[Alert]:
    """Return one alert per match, in the order of the matches. `batch` is the batch they were found in.

    Rules that are only parts of correlations raise none.
    """
    matches = [match for match in matches if match.rule.id not in ruleset.silent]
    if not matches:
        return []
    rows = sorted({match.row for match in matches})
    events = dict(zip(rows, batch.table.take(rows).to_pylist(), strict=True))
    return [_alert(match, events[match.row], ruleset.version) for match in matches]


def _alert(match: Match, event: Mapping[str, Any], version: str) -> Alert:
    organisation = UUID(event["organisation"])
    return Alert(
        id=uuid5(organisation, f"{match.rule.id}\n{event['event_id']}"),
        organisation=organisation,
        source=UUID(event["source"]),
        rule_id=match.rule.id,
        title=match.rule.title,
        level=match.rule.level,
        tags=match.rule.tags,
        ruleset_version=version,
        event_id=event["event_id"],
        event_at=event["event_at"],
        received_at=event["received_at"],
        host=event["host"],
        user=event["user"],
        fields={name: as_text(value) for name, value in match.fields.items()},
        event=_json_ready(event),
        what_to_do=what_to_do(match.rule),
        description=match.rule.description,
    )


def what_to_do(rule: Rule) -> str:
    """Return the rule's response in Danish, else in English, else empty."""
    return rule.response.get("da") or rule.response.get("en") or ""


def as_text(value: Value) -> str:
    """Return a native value as people read it: the elements of a list with commas between."""
    return ", ".join(cell_of(value).texts)


def _json_ready(event: Mapping[str, Any]) -> dict[str, object]:
    ready: dict[str, object] = {}
    for name, value in event.items():
        if value is None:
            continue
        if name == "fields":
            ready[name] = _parsed(value)
        elif isinstance(value, bytes):
            ready[name] = value.decode("utf-8", errors="backslashreplace")
        elif isinstance(value, dt.date | dt.datetime):
            ready[name] = value.isoformat()
        else:
            ready[name] = value
    return ready


def _parsed(fields: str) -> object:
    try:
        return json.loads(fields)
    except ValueError:
        return fields
