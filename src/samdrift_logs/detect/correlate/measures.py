"""What is measured over a window: entries come in at the right and leave at the left, in order of time."""

from __future__ import annotations

import bisect
import itertools
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import Protocol

from samdrift_logs.detect.cells import fold
from samdrift_logs.detect.correlate.correlation import Correlation, Kind, Number
from samdrift_logs.detect.correlate.entries import Entry

_PLAIN_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,2})?", re.ASCII)


def number_in(text: str | None) -> Number | None:
    """Return the decimal number a text is, exactly; None for anything else. Bounded, so that no value costs much."""
    if text is None or not _PLAIN_NUMBER.fullmatch(text.strip()):
        return None
    exact = Fraction(text.strip())
    return exact.numerator if exact.denominator == 1 else exact


class Measure(Protocol):
    """A running measure. `value` is None while there is nothing to measure."""

    def add(self, entry: Entry) -> None: ...
    def remove(self, entry: Entry) -> None: ...
    def value(self) -> Number | None: ...


class _Distinct:
    """How many different things there are."""

    def __init__(self, correlation: Correlation) -> None:
        self._kind = correlation.kind
        self._places = [correlation.place_of(name) for name in correlation.measured]
        self._seen: Counter[Hashable] = Counter()

    def _thing(self, entry: Entry) -> Hashable | None:
        if self._kind is Kind.EVENT_COUNT:
            return entry.event  # an event that meets two of the rules is one event
        if self._kind is Kind.TEMPORAL:
            return entry.rule
        values = [entry.values[place] for place in self._places]
        return None if any(value is None for value in values) else tuple(fold(value or "") for value in values)

    def add(self, entry: Entry) -> None:
        thing = self._thing(entry)
        if thing is not None:
            self._seen[thing] += 1

    def remove(self, entry: Entry) -> None:
        thing = self._thing(entry)
        if thing is not None:
            self._seen[thing] -= 1
            if not self._seen[thing]:
                del self._seen[thing]

    def value(self) -> Number | None:
        return len(self._seen)


class _Numbers:
    """The numbers of a field, one for each event."""

    def __init__(self, correlation: Correlation) -> None:
        self._place = correlation.place_of(correlation.measured[0])
        self._seen: Counter[tuple[str, str]] = Counter()

    def add(self, entry: Entry) -> None:
        number = number_in(entry.values[self._place])
        if number is None:
            return
        self._seen[entry.event, entry.part] += 1
        if self._seen[entry.event, entry.part] == 1:
            self._take(number)

    def remove(self, entry: Entry) -> None:
        number = number_in(entry.values[self._place])
        if number is None:
            return
        self._seen[entry.event, entry.part] -= 1
        if not self._seen[entry.event, entry.part]:
            del self._seen[entry.event, entry.part]
            self._give(number)

    def _take(self, number: Number) -> None:
        raise NotImplementedError

    def _give(self, number: Number) -> None:
        raise NotImplementedError


class _Sum(_Numbers):
    """Sum or average, exact at any size."""

    def __init__(self, correlation: Correlation) -> None:
        super().__init__(correlation)
        self._average = correlation.kind is Kind.VALUE_AVG
        self._sum: Number = 0
        self._count = 0

    def _take(self, number: Number) -> None:
        self._sum += number
        self._count += 1

    def _give(self, number: Number) -> None:
        self._sum -= number
        self._count -= 1

    def value(self) -> Number | None:
        if not self._count:
            return None
        return Fraction(self._sum) / self._count if self._average else self._sum


class _Percentile(_Numbers):
    """A percentile, between the two nearest numbers by linear interpolation."""

    def __init__(self, correlation: Correlation) -> None:
        super().__init__(correlation)
        self._share = Fraction(correlation.percentile if correlation.percentile is not None else 50) / 100
        self._sorted: list[Number] = []

    def _take(self, number: Number) -> None:
        bisect.insort(self._sorted, number)

    def _give(self, number: Number) -> None:
        del self._sorted[bisect.bisect_left(self._sorted, number)]

    def value(self) -> Number | None:
        if not self._sorted:
            return None
        place = self._share * (len(self._sorted) - 1)
        below = int(place)
        above = min(below + 1, len(self._sorted) - 1)
        return self._sorted[below] + (place - below) * (self._sorted[above] - self._sorted[below])


def measure_for(correlation: Correlation) -> Measure:
    """Return a new running measure. Ordered correlations are measured by `longest_in_order`."""
    if correlation.kind in (Kind.VALUE_SUM, Kind.VALUE_AVG):
        return _Sum(correlation)
    if correlation.kind.is_numeric:
        return _Percentile(correlation)
    return _Distinct(correlation)


class InOrder:
    """How many of the rules were met in their order, ending at or before a moment.

    For each number of rules and each rule it remembers the latest moment at which a chain of that many rules, ending in
    that one, began. Events of one instant count as in order.
    """

    def __init__(self) -> None:
        self._began: dict[tuple[int, int], int] = {}

    def take(self, at: int, met: Sequence[int]) -> None:
        """Take the rules that were met at an instant; instants in ascending order."""
        for place in sorted(set(met)):
            for length in range(place + 1, 1, -1):
                before = [self._began[key] for earlier in range(place) if (key := (length - 1, earlier)) in self._began]
                if before:
                    self._began[length, place] = max(before)
            self._began[1, place] = at

    def value(self, since: int) -> int:
        """Return the longest chain that began at or after `since`."""
        return max((length for (length, _), began in self._began.items() if began >= since), default=0)


def longest_in_order(entries: Sequence[Entry]) -> int:
    """Return how many of the rules were met in their order within these entries."""
    chain = InOrder()
    for at, group in itertools.groupby(entries, key=lambda entry: entry.at):
        chain.take(at, [entry.rule for entry in group])
    return chain.value(entries[0].at) if entries else 0
