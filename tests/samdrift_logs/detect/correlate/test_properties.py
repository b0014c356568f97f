"""Correlations: whatever the order, the batches, the repeats and the restarts, the naive reference is right."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samdrift_logs.detect import RuleSet
from tests.reference_sigma.correlate import correlate
from tests.samdrift_logs.detect.correlate.histories import BEGAN, Feeder, correlation, everything, rules_for

FIELD = {"field": "value"}
FORMS: list[tuple[str, Any]] = [
    ("event_count", {"gte": 3}),
    ("event_count", {"gt": 1}),
    ("event_count", {"gte": 2, "lt": 4}),
    ("event_count", {"eq": 2}),
    ("event_count", {"neq": 1}),
    ("value_count", {"gte": 2, **FIELD}),
    ("value_count", {"lte": 1, **FIELD}),
    ("value_sum", {"gte": 5, **FIELD}),
    ("value_sum", {"lt": 3, **FIELD}),
    ("value_avg", {"gt": 1.5, **FIELD}),
    ("value_percentile", {"gte": 2, "percentile": 75, **FIELD}),
    ("value_median", {"gte": 2, **FIELD}),
    ("value_median", {"gt": 0, "lte": 2, **FIELD}),
    ("temporal", None),
    ("temporal", {"gte": 2}),
    ("temporal", {"eq": 1}),
    ("temporal", "r0 and (r1 or r2)"),
    ("temporal", "r0 and not r1"),
    ("temporal", "r0 and not r1 and r2"),
    ("temporal_ordered", None),
    ("temporal_ordered", {"gte": 2}),
    ("temporal_ordered", {"lt": 2}),
    ("temporal_ordered", "r0 and (r1 or r2)"),
    ("temporal_ordered", "r0 and not r1"),
    ("temporal_ordered", "not r1 and r0"),
    ("temporal_ordered", "r0 and not r1 and r2"),
]
SETS: list[RuleSet] = [
    rules_for(correlation(kind, condition, rules=None if isinstance(condition, str) else ["r0", "r1", "r2"]))
    for kind, condition in FORMS
]
NUMBERS = [str(form[0]) + " " + str(form[1]) for form in FORMS]
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from(["r0", "r1", "r2"]),
        st.fixed_dictionaries(
            {"group": st.sampled_from(["a", "B"])},
            optional={"value": st.sampled_from(["0", "1", "2", "2.5", "-1", "x"])},
        ),
    ),
    max_size=14,
    unique_by=repr,
)
chains = rules_for(
    correlation("event_count", {"gte": 2}, title="Many", name="many", rules=["r0"], timespan="5s"),
    correlation("temporal_ordered", title="Then", rules=["many", "r1"], timespan="8s", group_by=["value"]),
    correlation("temporal", "many and not r2", title="Without", rules=["many", "r2"], timespan="6s"),
)


def expected(kind: str, condition: Any, events: list[Any]) -> dict[tuple[str, int], frozenset[str]]:
    names = ["r0", "r1", "r2"]
    if isinstance(condition, str):
        names = [name for name in ("r0", "r1", "r2") if name in condition]
    entries = [
        (at, name_of((at, name, fields)), int(name[1]), fields["group"].lower(), fields.get("value"))
        for at, name, fields in events
        if name in names
    ]
    bounds = (
        {key: each for key, each in condition.items() if key not in ("field", "percentile")}
        if isinstance(condition, dict)
        else condition
    )
    return correlate(kind, bounds, 10, 3, entries, 75)


def name_of(event: Any) -> str:
    at, kind, fields = event
    return f"{at}-{kind}-{sorted(fields.items())}"


def found(feeder: Feeder) -> dict[tuple[str, int], frozenset[str]]:
    return {
        (match.group["group"].lower(), round((match.at - BEGAN).total_seconds())): frozenset(match.events)
        for match in feeder.standing.values()
    }


@pytest.mark.parametrize("form", range(len(FORMS)), ids=NUMBERS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_order_batches_repeats_and_restarts_equal_the_reference(form: int, data: st.DataObject) -> None:
    events = data.draw(EVENTS)
    told = expected(*FORMS[form], events)
    order = data.draw(
        st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=3)) if events else events)
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=4)))

    feeder = Feeder(SETS[form], lateness=dt.timedelta(seconds=60))
    for start, end in itertools.pairwise([0, *cuts, len(order)]):
        feeder.feed(order[start:end])
        feeder.restart()
    feeder.finish()

    assert found(feeder) == told
    assert feeder.correlator.size == 0


@pytest.mark.parametrize("form", range(len(FORMS)), ids=NUMBERS)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_events_late_by_less_than_the_lateness_change_nothing(form: int, data: st.DataObject) -> None:
    events = sorted(data.draw(EVENTS), key=lambda event: event[0])
    delayed = sorted(events, key=lambda event: event[0] + data.draw(st.integers(0, 12)))

    feeder = Feeder(SETS[form], lateness=dt.timedelta(seconds=12))
    for event in delayed:
        feeder.feed([event])
    feeder.finish()

    assert found(feeder) == expected(*FORMS[form], events)
    assert [count for count in feeder.correlator.counts if count.what == "late"] == []


@given(events=EVENTS, data=st.data())
@settings(max_examples=100, deadline=None)
def test_chains_are_the_same_in_any_order(events: list[Any], data: st.DataObject) -> None:
    ordered = everything(chains, sorted(events, key=lambda event: event[0]), lateness=None)
    shuffled = Feeder(chains, lateness=dt.timedelta(seconds=60))
    for event in data.draw(st.permutations(events)):
        shuffled.feed([event])
        shuffled.restart()
    shuffled.finish()
    prompt = Feeder(chains, lateness=dt.timedelta(0))
    for event in sorted(events, key=lambda event: event[0]):
        prompt.feed([event])
    prompt.finish()

    def said(feeder: Feeder) -> dict[Any, Any]:
        return {key: (match.group, match.value, match.count, match.events) for key, match in feeder.standing.items()}

    assert said(shuffled) == said(ordered)
    assert said(prompt) == said(ordered)


@given(events=EVENTS)
@settings(max_examples=15, deadline=None)
def test_state_never_exceeds_its_bound_and_forgetting_is_counted(events: list[Any]) -> None:
    feeder = Feeder(SETS[0], lateness=None, max_entries=4, max_group=1)
    for event in events:
        feeder.feed([event])

        assert feeder.correlator.size <= 16
    kept = feeder.correlator.size
    counted = sum(count.count for count in feeder.correlator.counts if count.what == "evicted")
    assert kept + counted == len(events)
