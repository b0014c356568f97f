"""`correlate(rule, entries)`: what a correlation says of a whole, ordered history, in the plainest way.

Entries are (seconds, event, rule number, group, value): all of one organisation. Shares no code with the engine. The
answer is {(group, second at which it became true): events that belong to it}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

Entry = tuple[int, str, int, str, str | None]
Answer = dict[tuple[str, int], frozenset[str]]


def correlate(
    kind: str, condition: Any, span: int, rules: int, entries: Sequence[Entry], percentile: int = 50
) -> Answer:
    answer: Answer = {}
    for group in {entry[3] for entry in entries}:
        mine = sorted(entry for entry in entries if entry[3] == group)
        for began, events in _of_group(kind, condition, span, rules, mine, percentile):
            answer[group, began] = events
    return answer


def _of_group(
    kind: str, condition: Any, span: int, rules: int, entries: Sequence[Entry], percentile: int
) -> list[tuple[int, frozenset[str]]]:
    if isinstance(condition, str):
        return _extended(kind, condition, span, entries)
    bounds = condition or {"gte": rules}

    def holds(some: Sequence[Entry]) -> bool:
        value = _measure(kind, some, percentile)
        return value is not None and all(_compare(key, value, Fraction(str(to))) for key, to in bounds.items())

    if set(bounds) <= {"gt", "gte"}:
        return _sliding(entries, span, holds)
    return _windows(entries, span, holds)


def _sliding(
    entries: Sequence[Entry], span: int, holds: Callable[[Sequence[Entry]], bool]
) -> list[tuple[int, frozenset[str]]]:
    """True at a second when it is true of the timespan ending there. One answer per timespan."""
    true_at = [
        at
        for at in sorted({entry[0] for entry in entries})
        if holds([entry for entry in entries if at - span <= entry[0] <= at])
    ]
    found = []
    while true_at:
        began = true_at[0]
        last = max(at for at in true_at if at <= began + span)
        found.append((began, frozenset(entry[1] for entry in entries if began - span <= entry[0] <= last)))
        true_at = [at for at in true_at if at > began + span]
    return found


def _windows(
    entries: Sequence[Entry], span: int, holds: Callable[[Sequence[Entry]], bool]
) -> list[tuple[int, frozenset[str]]]:
    """Whole windows, each from the first event after the one before."""
    found = []
    while entries:
        began = entries[0][0]
        inside = [entry for entry in entries if entry[0] <= began + span]
        if holds(inside):
            found.append((began, frozenset(entry[1] for entry in inside)))
        entries = [entry for entry in entries if entry[0] > began + span]
    return found


def _measure(kind: str, entries: Sequence[Entry], percentile: int) -> Fraction | int | None:
    if kind == "event_count":
        return len({entry[1] for entry in entries})
    if kind == "value_count":
        return len({entry[4].lower() for entry in entries if entry[4] is not None})
    if kind == "temporal":
        return len({entry[2] for entry in entries})
    if kind == "temporal_ordered":
        return _longest_chain(entries)
    numbers = sorted(
        {entry[1]: Fraction(entry[4]) for entry in entries if entry[4] is not None and _is_number(entry[4])}.values()
    )
    if not numbers:
        return None
    if kind == "value_sum":
        return sum(numbers)
    if kind == "value_avg":
        return sum(numbers) / len(numbers)
    place = Fraction(50 if kind == "value_median" else percentile, 100) * (len(numbers) - 1)
    below = int(place)
    above = min(below + 1, len(numbers) - 1)
    return numbers[below] * (1 - (place - below)) + numbers[above] * (place - below)


def _is_number(text: str) -> bool:
    try:
        Fraction(text)
    except ValueError:
        return False
    return "/" not in text


def _longest_chain(entries: Sequence[Entry]) -> int:
    """The longest choice of entries whose times do not fall and whose rules rise."""

    def longest(at: int, rule: int) -> int:
        return max(
            (1 + longest(entry[0], entry[2]) for entry in entries if entry[0] >= at and entry[2] > rule), default=0
        )

    return longest(-1, -1)


def _compare(operator: str, value: Fraction | int, to: Fraction) -> bool:
    return {
        "gt": value > to, "gte": value >= to, "lt": value < to, "lte": value <= to, "eq": value == to,
        "neq": value != to,
    }[operator]  # fmt: skip


# Extended conditions of the tests, by hand: rules are r0, r1, r2.


def _extended(kind: str, condition: str, span: int, entries: Sequence[Entry]) -> list[tuple[int, frozenset[str]]]:
    if " not " not in f" {condition} ":
        return _sliding(entries, span, lambda some: _PLAIN[kind, condition](some))
    met, unmet = _NEGATED[condition]
    found: list[tuple[int, frozenset[str]]] = []
    until = -1
    for began in sorted({entry[0] for entry in entries}):
        after = [entry for entry in entries if began <= entry[0] <= began + span]
        near = [entry for entry in entries if began - span <= entry[0] <= began + span]
        begins = {entry[2] for entry in after if entry[0] == began}
        if began <= until or not {entry[2] for entry in after} >= met:
            continue
        if kind == "temporal":
            true = bool(begins & met) and not {entry[2] for entry in near} & unmet
        else:
            true = _ORDERED_NEGATED[condition](began, near, after)
        if true:
            found.append((began, frozenset(entry[1] for entry in after if entry[2] in met)))
            until = began + span
    return found


def _times(entries: Sequence[Entry], rule: int) -> list[int]:
    return [entry[0] for entry in entries if entry[2] == rule]


def _in_order(entries: Sequence[Entry], first: int, second: int) -> bool:
    return any(a <= b for a in _times(entries, first) for b in _times(entries, second))


_PLAIN: Mapping[tuple[str, str], Callable[[Sequence[Entry]], bool]] = {
    ("temporal", "r0 and (r1 or r2)"): lambda some: {0} < {entry[2] for entry in some},
    ("temporal_ordered", "r0 and (r1 or r2)"): lambda some: _in_order(some, 0, 1) or _in_order(some, 0, 2),
}
_NEGATED = {"r0 and not r1": ({0}, {1}), "r0 and not r1 and r2": ({0, 2}, {1}), "not r1 and r0": ({0}, {1})}
_ORDERED_NEGATED: Mapping[str, Callable[[int, Sequence[Entry], Sequence[Entry]], bool]] = {
    "r0 and not r1": lambda began, near, after: began in _times(near, 0) and not _times(after, 1),
    "not r1 and r0": lambda began, near, after: (
        began in _times(near, 0) and not any(at <= began for at in _times(near, 1))
    ),
    "r0 and not r1 and r2": lambda began, near, after: (
        began in _times(near, 0)
        and any(not any(began <= at <= end for at in _times(near, 1)) for end in _times(after, 2))
    ),
}
