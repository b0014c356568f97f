"""A common service as people agree on it: words, levels and measurable targets. Values only."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from decimal import Decimal

import attrs

FAMILIES = ("server", "storage", "backup", "network", "security", "identity", "database", "support")
LEVEL_CLASSES = ("bronze", "silver", "gold")  # weakest first
PRIORITIES = ("P1", "P2", "P3", "P4")  # most urgent first

# Calendars a target may run on, by how open they are: a stronger level may not run on a more closed one.
ALWAYS = "24x7"
CALENDARS = ("hverdage-8-16", "hverdage-7-17", ALWAYS)


class Unit(enum.StrEnum):
    """What the value of a target counts."""

    MINUTES = "minutes"
    PERCENT = "percent"


class Comparator(enum.StrEnum):
    """Which side of the value keeps the promise."""

    AT_MOST = "at_most"
    AT_LEAST = "at_least"


@attrs.frozen
class Metric:
    """One thing that is measured. `per_priority`: a value each for P1 to P4. `service_time`: counts in agreed hours."""

    comparator: Comparator
    unit: Unit
    per_priority: bool = False
    service_time: bool = False


_WITHIN = Metric(Comparator.AT_MOST, Unit.MINUTES, service_time=True)
_CLOCK = Metric(Comparator.AT_MOST, Unit.MINUTES, per_priority=True, service_time=True)
_ELAPSED = Metric(Comparator.AT_MOST, Unit.MINUTES)
_SHARE = Metric(Comparator.AT_LEAST, Unit.PERCENT)

METRICS: Mapping[str, Metric] = {
    "respond": _CLOCK,  # the holder has taken the ticket or answered
    "resolve": _CLOCK,  # the holder has solved it
    "acknowledge": _CLOCK,  # the following party has said that it knows
    "availability": _SHARE,  # share of the month's agreed hours, agreed maintenance excluded
    "recovery_time": _ELAPSED,  # RTO: from loss to working again
    "recovery_point": _ELAPSED,  # RPO: how much work may be lost
    "backup_success": _SHARE,  # share of the month's planned backups
    "restore_test": _ELAPSED,  # longest time between two tests of restore
    "patch_age": _ELAPSED,  # oldest released patch that is not installed
    "critical_patch": _ELAPSED,  # the same for a hole that is being used
    "scan_coverage": _SHARE,  # share of machines scanned in the last week
    "retention": Metric(Comparator.AT_LEAST, Unit.MINUTES),  # how far back data must reach
    "silence": _ELAPSED,  # longest silence of a source before somebody is told
    "arrival": _WITHIN,  # from the agreed need of a visit until somebody stands there
    "first_visit_solved": _SHARE,  # share solved at the first visit
    "lead_time": _WITHIN,  # from approved order to delivered
}
CLOCK_METRICS = tuple(name for name, metric in METRICS.items() if metric.per_priority)
MINIMUM_TARGETS = 6  # distinct metrics at each level


@attrs.frozen(kw_only=True)
class Words:
    """The same text in Danish and English."""

    da: str
    en: str


@attrs.frozen(kw_only=True)
class Target:
    """A promise that can be measured. `priority` is "" where it needs none. `value` in the metric's unit."""

    metric: str
    priority: str
    value: Decimal
    calendar: str

    @property
    def comparator(self) -> Comparator:
        """Return which side of the value keeps the promise."""
        return METRICS[self.metric].comparator

    @property
    def unit(self) -> Unit:
        """Return what the value counts."""
        return METRICS[self.metric].unit


@attrs.frozen(kw_only=True)
class Level:
    """A class of service level and its targets, at most one per metric and priority."""

    level_class: str
    targets: Sequence[Target]


@attrs.frozen(kw_only=True)
class Service:
    """One version of one common service. `digest` (SHA-256 in hex of its content) tells two texts apart."""

    slug: str
    family: str
    version: str
    published_on: dt.date
    name: Words
    summary: Words
    includes: Sequence[Words]
    excludes: Sequence[Words]
    unit_duties: Sequence[Words]
    municipality_duties: Sequence[Words]
    levels: Sequence[Level]
    digest: str
