"""Small histories for correlations: events that meet rules r0, r1, r2 of an organisation, fed in any order."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from samdrift_logs.detect import Change, CorrelationMatch, Correlator, Engine, Match, RuleSet
from tests.samdrift_logs.detect.batches import ORGANISATION, make_batch, parse, rule_text

BEGAN = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def base(name: str, **more: Any) -> str:
    """Return a rule that is met by events whose `kind` is its name."""
    return rule_text({"sel": {"kind|contains": name}, "condition": "sel"}, title=name, name=name, **more)


def correlation(kind: str, condition: Any = None, **more: Any) -> str:
    """Return a correlation over r0, r1, r2 by group, in ten seconds, unless said otherwise."""
    names = {"title", "name", "id", "level"} & more.keys()
    section = {"type": kind, "rules": ["r0", "r1", "r2"], "group-by": ["group"], "timespan": "10s"}
    section |= {key.replace("_", "-"): value for key, value in more.items() if key not in names}
    if condition is not None:
        section["condition"] = condition
    rule = {"title": "Together", **{name: more[name] for name in names}, "correlation": section}
    return yaml.safe_dump({key: value for key, value in rule.items() if value is not None}, sort_keys=False)


def rules_for(*texts: str) -> RuleSet:
    """Return r0, r1, r2 and these, all of which must load."""
    ruleset = parse(*(base(name) for name in ("r0", "r1", "r2")), *texts)
    assert not ruleset.refused, [str(refusal) for refusal in ruleset.refused]
    return ruleset


class Feeder:
    """Feeds events given as (second, kind, fields) and remembers what stands of all that was told."""

    def __init__(self, ruleset: RuleSet, **options: Any) -> None:
        self.ruleset = ruleset
        self._options = options
        self._engine = Engine(ruleset)
        self.correlator = Correlator(ruleset, **options)
        self.told: list[CorrelationMatch] = []
        self.standing: dict[uuid.UUID, CorrelationMatch] = {}

    def feed(
        self, events: Sequence[tuple[float, str, Mapping[str, Any]]], organisation: uuid.UUID = ORGANISATION
    ) -> list[CorrelationMatch]:
        """Feed one batch. Events that are fed twice are the same event."""
        if not events:
            return []
        batch = make_batch(
            [{"kind": kind, **fields} for _, kind, fields in events],
            product="test",
            organisation=str(organisation),
            event_id=[f"{at}-{kind}-{sorted(fields.items())}" for at, kind, fields in events],
            event_at=[BEGAN + dt.timedelta(seconds=at) for at, _, _ in events],
            received_at=BEGAN + dt.timedelta(days=1),
        )
        matches: list[Match] = self._engine.evaluate(batch)
        return self._took(self.correlator.feed(matches, batch))

    def finish(self) -> list[CorrelationMatch]:
        """Let time end."""
        return self._took(self.correlator.finish())

    def restart(self) -> None:
        """Go on in a new correlator from a snapshot of the old one."""
        snapshot = self.correlator.snapshot()
        self.correlator = Correlator(self.ruleset, **self._options)
        self.correlator.restore(snapshot)

    def _took(self, told: Iterable[CorrelationMatch]) -> list[CorrelationMatch]:
        taken = list(told)
        for match in taken:
            known = match.id in self.standing
            assert known == (match.change is not Change.OPENED), "opened once, then changed or withdrawn"
            if match.change is Change.WITHDRAWN:
                del self.standing[match.id]
            else:
                self.standing[match.id] = match
        self.told += taken
        return taken

    def seconds(self) -> list[float]:
        """Return when what stands became true, in seconds from the beginning."""
        return sorted((match.at - BEGAN).total_seconds() for match in self.standing.values())


def everything(ruleset: RuleSet, events: Sequence[tuple[float, str, Mapping[str, Any]]], **options: Any) -> Feeder:
    """Feed all events in one batch and let time end."""
    feeder = Feeder(ruleset, **options)
    feeder.feed(events)
    feeder.finish()
    return feeder
