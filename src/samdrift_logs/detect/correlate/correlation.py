"""A correlation rule as a value: what is counted, by what it is grouped, in what time, and when that is enough."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from fractions import Fraction

import attrs

from samdrift_logs.detect.cells import canonical

Number = int | Fraction


class Kind(enum.StrEnum):
    """The correlation types of Sigma 2.1, and the median, which is percentile 50."""

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"
    VALUE_SUM = "value_sum"
    VALUE_AVG = "value_avg"
    VALUE_PERCENTILE = "value_percentile"
    VALUE_MEDIAN = "value_median"

    @property
    def is_temporal(self) -> bool:
        """Tell whether it asks which rules were met rather than how much there was."""
        return self in (Kind.TEMPORAL, Kind.TEMPORAL_ORDERED)

    @property
    def is_numeric(self) -> bool:
        """Tell whether it calculates with the numbers in a field."""
        return self in (Kind.VALUE_SUM, Kind.VALUE_AVG, Kind.VALUE_PERCENTILE, Kind.VALUE_MEDIAN)


@attrs.frozen
class Bounds:
    """Comparisons that all must hold. Thresholds are exact, so that 1.1 in a rule is 1.1 in an event."""

    comparisons: tuple[tuple[str, Number], ...]

    def hold(self, value: Number) -> bool:
        """Tell whether the value is within every bound."""
        return all(_COMPARE[operator](value, threshold) for operator, threshold in self.comparisons)

    @property
    def only_from_below(self) -> bool:
        """Tell whether more is always enough: gt and gte only."""
        return all(operator in ("gt", "gte") for operator, _ in self.comparisons)


_COMPARE = {
    "gt": lambda value, threshold: value > threshold,
    "gte": lambda value, threshold: value >= threshold,
    "lt": lambda value, threshold: value < threshold,
    "lte": lambda value, threshold: value <= threshold,
    "eq": lambda value, threshold: value == threshold,
    "neq": lambda value, threshold: value != threshold,
}
OPERATORS = tuple(_COMPARE)


@attrs.frozen
class Wanted:
    """One way for an extended condition to be true: rules that were met and rules that were not, by their place.

    The order is that of the condition's text, as (place among the correlation's rules, was met).
    """

    literals: tuple[tuple[int, bool], ...]


@attrs.frozen
class Extended:
    """An extended condition as alternatives, one of which must be true."""

    text: str
    alternatives: tuple[Wanted, ...]

    @property
    def only_from_below(self) -> bool:
        """Tell whether it has no `not`."""
        return all(met for wanted in self.alternatives for _, met in wanted.literals)


@attrs.frozen(kw_only=True)
class Correlation:
    """One correlation rule.

    `rules` are ids of rules or of other correlations. `group_by` are the names as written; `columns` are what is kept
    of each event: first the group, then the measured fields, then what correlations over this one ask for; `reads` has
    per rule the canonical field for each column. `delay_us` is how much later than the watermark nothing more changes.
    """

    id: str
    title: str
    level: str
    tags: tuple[str, ...]
    status: str
    description: str
    kind: Kind
    rules: tuple[str, ...]
    span_us: int
    condition: Bounds | Extended
    group_by: tuple[str, ...]
    measured: tuple[str, ...]
    percentile: Number | None
    generate: bool
    file: str
    line: int
    name: str = ""
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    author: str = ""
    response: Mapping[str, str] = attrs.field(factory=dict)
    columns: tuple[str, ...] = ()
    reads: tuple[tuple[str, ...], ...] = ()
    delay_us: int = 0

    def place_of(self, name: str) -> int:
        """Return the place of a column, by any spelling of its name."""
        return [canonical(column) for column in self.columns].index(canonical(name))

    @property
    def slides(self) -> bool:
        """Tell whether it is decided at every event, backwards; else windows are judged when they have closed."""
        return self.condition.only_from_below


def outermost_first(correlations: Sequence[Correlation]) -> list[Correlation]:
    """Return correlations so that each stands before those it is made of. Raises ValueError on a circle."""
    by_id = {correlation.id: correlation for correlation in correlations}
    done: dict[str, Correlation] = {}
    open_now: set[str] = set()

    def visit(correlation: Correlation) -> None:
        if correlation.id in open_now:
            raise ValueError(correlation.id)
        if correlation.id in done:
            return
        open_now.add(correlation.id)
        for rule in correlation.rules:
            if rule in by_id:
                visit(by_id[rule])
        open_now.discard(correlation.id)
        done[correlation.id] = correlation

    for correlation in correlations:
        visit(correlation)
    return list(reversed(done.values()))
