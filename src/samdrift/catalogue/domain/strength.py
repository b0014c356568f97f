"""Which of two promises is the stronger, and what is wrong with a set of levels. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from samdrift.catalogue.domain.services import (
    CALENDARS,
    CLOCK_METRICS,
    MINIMUM_TARGETS,
    PRIORITIES,
    Comparator,
    Level,
    Target,
)


def at_least_as_strong(target: Target, other: Target) -> bool:
    """Tell whether `target` promises no less than `other`, which measures the same."""
    if CALENDARS.index(target.calendar) < CALENDARS.index(other.calendar):
        return False
    if target.comparator is Comparator.AT_MOST:
        return target.value <= other.value
    return target.value >= other.value


def faults_of_levels(levels: Sequence[Level]) -> Iterator[tuple[str, str]]:
    """Yield (level class, reason) for what is wrong with `levels`, which are given weakest first."""
    for level in levels:
        yield from ((level.level_class, reason) for reason in _faults_of_one(level))
    for weaker, stronger in itertools.pairwise(levels):
        yield from ((stronger.level_class, reason) for reason in _faults_between(weaker, stronger))


def _faults_of_one(level: Level) -> Iterator[str]:
    metrics = {target.metric for target in level.targets}
    if len(metrics) < MINIMUM_TARGETS:
        yield f"has {len(metrics)} measurable targets; give at least {MINIMUM_TARGETS}"
    for metric in CLOCK_METRICS:
        if metric not in metrics:
            yield f"lacks {metric}, without which a ticket has no clock"
    by_key = {(target.metric, target.priority): target for target in level.targets}
    for metric in CLOCK_METRICS:
        for urgent, calm in itertools.pairwise(PRIORITIES):
            first, second = by_key.get((metric, urgent)), by_key.get((metric, calm))
            if first and second and first.value > second.value:
                yield f"{metric} gives {urgent} more time than {calm}; give the more urgent one the shorter time"


def _faults_between(weaker: Level, stronger: Level) -> Iterator[str]:
    given = {(target.metric, target.priority): target for target in stronger.targets}
    for target in weaker.targets:
        counterpart = given.get((target.metric, target.priority))
        name = f"{target.metric} {target.priority}".strip()
        if counterpart is None:
            yield f"lacks {name}, which {weaker.level_class} has"
        elif not at_least_as_strong(counterpart, target):
            yield f"promises less for {name} than {weaker.level_class}; a higher class may not be weaker"
