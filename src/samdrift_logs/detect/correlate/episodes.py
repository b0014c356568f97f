"""When a correlation is true, decided from sorted entries of one group. Pure; called again whenever entries change.

An episode begins at the instant at which the correlation becomes true and takes in everything for one timespan after
it, so that what goes on for hours is told once per timespan. Its beginning is part of its id.

- `sliding`: conditions that more events can only make truer. Judged at every instant over the timespan that ends there.
- `windows`: conditions with an upper bound. Judged over whole windows, each beginning at the first event after the one
  before, and only when it has closed: a burst of ten is no "exactly three" on its way to ten.
- `proximity`: extended conditions with `not`. Judged at every event that could begin it, when the timespan after it has
  passed: what must not be there is looked for on both sides.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence

import attrs

from samdrift_logs.detect.correlate.correlation import Bounds, Correlation, Extended, Kind, Number, Wanted
from samdrift_logs.detect.correlate.entries import Entry
from samdrift_logs.detect.correlate.measures import InOrder, longest_in_order, measure_for


@attrs.frozen
class Episode:
    """One stretch of time in which a correlation is true of a group. `at` is when it became so, in microseconds."""

    at: int
    value: Number
    entries: tuple[Entry, ...]


def sliding(correlation: Correlation, entries: Sequence[Entry], *, after: int, since: int) -> list[Episode]:
    """Return the episodes that begin after `after` and not before `since`. Entries sorted by time."""
    episodes: list[Episode] = []
    begun: int | None = None
    last = 0
    best: Number = 0
    for at, value in _true_at(correlation, entries):
        if at <= after or at < since:
            continue
        if begun is not None and at > begun + correlation.span_us:
            episodes.append(_episode(entries, begun, begun - correlation.span_us, last, best))
            begun = None
        if begun is None:
            begun, best = at, value
        last, best = at, max(best, value)
    if begun is not None:
        episodes.append(_episode(entries, begun, begun - correlation.span_us, last, best))
    return episodes


def window(correlation: Correlation, entries: Sequence[Entry]) -> Episode | None:
    """Judge one whole window: the entries from the first to a timespan after it, which must be all there are."""
    if not isinstance(correlation.condition, Bounds):
        raise TypeError("windows are for conditions with bounds")
    if correlation.kind is Kind.TEMPORAL_ORDERED:
        value: Number | None = longest_in_order(entries)
    else:
        measure = measure_for(correlation)
        for entry in entries:
            measure.add(entry)
        value = measure.value()
    if value is None or not correlation.condition.hold(value):
        return None
    return Episode(entries[0].at, value, tuple(entries))


def proximity(correlation: Correlation, entries: Sequence[Entry], at: int) -> Episode | None:
    """Judge what begins at the instant `at`. Entries from a timespan before to a timespan after it must be there."""
    if not isinstance(correlation.condition, Extended):
        raise TypeError("proximity is for extended conditions")
    wide = within(entries, at - correlation.span_us, at + correlation.span_us)
    judge = _ordered_holds if correlation.kind is Kind.TEMPORAL_ORDERED else _unordered_holds
    for wanted in correlation.condition.alternatives:
        if judge(wanted, wide, at):
            met = {place for place, is_met in wanted.literals if is_met}
            found = tuple(entry for entry in wide if entry.at >= at and entry.rule in met)
            return Episode(at, len({entry.rule for entry in found}), found)
    return None


def within(entries: Sequence[Entry], since: int, until: int) -> Sequence[Entry]:
    """Return the entries from one instant to another, both included."""
    start = bisect.bisect_left(entries, since, key=lambda entry: entry.at)
    end = bisect.bisect_right(entries, until, key=lambda entry: entry.at)
    return entries[start:end]


def _episode(entries: Sequence[Entry], at: int, since: int, until: int, value: Number) -> Episode:
    return Episode(at, value, tuple(within(entries, since, until)))


def _true_at(correlation: Correlation, entries: Sequence[Entry]) -> Iterator[tuple[int, Number]]:
    if isinstance(correlation.condition, Extended):
        return _extended_true_at(correlation, correlation.condition, entries)
    if correlation.kind is Kind.TEMPORAL_ORDERED:
        return _in_order_true_at(correlation, correlation.condition, entries)
    return _measured_true_at(correlation, correlation.condition, entries)


def _measured_true_at(
    correlation: Correlation, condition: Bounds, entries: Sequence[Entry]
) -> Iterator[tuple[int, Number]]:
    measure = measure_for(correlation)
    oldest = 0
    for at, group in itertools.groupby(entries, key=lambda entry: entry.at):
        for entry in group:
            measure.add(entry)
        while entries[oldest].at < at - correlation.span_us:
            measure.remove(entries[oldest])
            oldest += 1
        value = measure.value()
        if value is not None and condition.hold(value):
            yield at, value


def _in_order_true_at(
    correlation: Correlation, condition: Bounds, entries: Sequence[Entry]
) -> Iterator[tuple[int, Number]]:
    chain = InOrder()
    for at, group in itertools.groupby(entries, key=lambda entry: entry.at):
        chain.take(at, [entry.rule for entry in group])
        value = chain.value(at - correlation.span_us)
        if condition.hold(value):
            yield at, value


def _extended_true_at(
    correlation: Correlation, condition: Extended, entries: Sequence[Entry]
) -> Iterator[tuple[int, Number]]:
    in_order = correlation.kind is Kind.TEMPORAL_ORDERED
    for at, _ in itertools.groupby(entries, key=lambda entry: entry.at):
        seen = within(entries, at - correlation.span_us, at)
        if any(_all_met(wanted, seen, in_order=in_order) for wanted in condition.alternatives):
            yield at, len({entry.rule for entry in seen})


def _all_met(wanted: Wanted, entries: Sequence[Entry], *, in_order: bool) -> bool:
    places = [place for place, _ in wanted.literals]
    if not in_order:
        return {entry.rule for entry in entries}.issuperset(places)
    since = -1 << 63
    for place in places:
        since = min((entry.at for entry in entries if entry.rule == place and entry.at >= since), default=1 << 63)
    return since < 1 << 63


def _unordered_holds(wanted: Wanted, wide: Sequence[Entry], at: int) -> bool:
    met = {entry.rule for entry in wide if entry.at >= at}
    near = {entry.rule for entry in wide}
    begins = {entry.rule for entry in wide if entry.at == at}
    positive = {place for place, is_met in wanted.literals if is_met}
    negative = {place for place, is_met in wanted.literals if not is_met}
    return bool(begins & positive) and positive <= met and not negative & near


def _ordered_holds(wanted: Wanted, wide: Sequence[Entry], at: int) -> bool:
    """Tell whether the rules were met in the order of the text from `at` on, and the others not in between.

    What stands before the first rule must be absent for a timespan before it; what stands after the last, until the
    timespan is over.
    """
    times: dict[int, list[int]] = {}
    for entry in wide:
        times.setdefault(entry.rule, []).append(entry.at)
    ends: set[tuple[int, int]] = set()  # (literal, instant) from which no way leads on

    def absent(places: Sequence[int], since: int, until: int) -> bool:
        return not any(since <= moment <= until for place in places for moment in times.get(place, ()))

    def goes_on(literal: int, since: int) -> bool:
        if (literal, since) in ends:
            return False
        negative = list(itertools.takewhile(lambda each: not each[1], wanted.literals[literal:]))
        forbidden = [place for place, _ in negative]
        following = literal + len(negative)
        if following == len(wanted.literals):
            found = absent(forbidden, since, 1 << 63)
        else:
            moments = [each for each in times.get(wanted.literals[following][0], ()) if each >= max(since, at)]
            if literal == 0:
                moments = [each for each in moments if each == at]
            found = any(absent(forbidden, since, each) and goes_on(following + 1, each) for each in moments)
        if not found:
            ends.add((literal, since))
        return found

    return goes_on(0, -1 << 63)
