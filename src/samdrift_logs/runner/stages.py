"""The stages between the journal and the lake, as the worker calls them. Tests put small ones in their place."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

import attrs

from samdrift_logs.detect import Alert, LiveRules, alerts_from
from samdrift_logs.events import EventBatch, RejectBatch
from samdrift_logs.events.sources import SourceRegistry
from samdrift_logs.journal import JournalRecord
from samdrift_logs.lake import Lake, LakeWriter, Written
from samdrift_logs.normalise import normalise


class Count(Protocol):
    """What became of one record: `samdrift_logs.normalise.RecordCount` has it."""

    @property
    def sequence(self) -> int: ...
    @property
    def stored(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def duplicate(self) -> int: ...
    @property
    def reasons(self) -> Mapping[str, int]: ...


class Outcome(Protocol):
    """What normalising gives: `samdrift_logs.normalise.Normalised` has it."""

    @property
    def events(self) -> EventBatch: ...
    @property
    def rejects(self) -> RejectBatch: ...
    @property
    def counts(self) -> Sequence[Count]: ...


class Write(Protocol):
    """Stores a batch durably and once: `LakeWriter.write`."""

    def __call__(self, events: EventBatch, rejects: RejectBatch, *, partition: int, through: int) -> Written: ...


def _nothing() -> Mapping[str, str]:
    return {}


@attrs.frozen(kw_only=True)
class Stages:
    """What a worker runs. `about` and `problems` are asked when it shows its counters, by the thread that works."""

    normalise: Callable[[Sequence[JournalRecord], SourceRegistry], Outcome]
    detect: Callable[[EventBatch], Sequence[Alert]]
    write: Write
    create: Callable[[UUID], object]
    about: Callable[[], Mapping[str, object]] = _nothing
    problems: Callable[[], Mapping[str, str]] = _nothing


def real_stages(data: Path, rules: Sequence[Path]) -> Stages:
    """Return the stages of a data folder with the rules of some folders. Raises InputRefused or StorageFailed.

    Rules that change are taken between two batches: each batch is evaluated once, by the old engine or the new.
    """
    lake = Lake(data / "lake")
    live = LiveRules(rules, cache=data / "rules")
    return Stages(
        normalise=normalise,
        detect=functools.partial(_detect, live),
        write=LakeWriter(lake).write,
        create=lake.create,
        about=functools.partial(_about, live),
        problems=lambda: {"rules": live.problem} if live.problem else {},
    )


def _detect(live: LiveRules, batch: EventBatch) -> Sequence[Alert]:
    engine = live.engine()
    return alerts_from(engine.evaluate(batch), batch, engine.ruleset)


def _about(live: LiveRules) -> Mapping[str, object]:
    """Asking for the engine looks at the folders, so that changes are taken also while no events come."""
    ruleset = live.engine().ruleset
    return {
        "ruleset": ruleset.version,
        "rules": len(ruleset.rules),
        "rules_refused": len(ruleset.refused),
        "rules_refused_first": [str(refusal) for refusal in ruleset.refused[:20]],
    }
