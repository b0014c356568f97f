"""Histogram, top values, native fields, single events."""

from __future__ import annotations

import datetime as dt

import pytest

from samdrift_logs.errors import InputRefused
from samdrift_logs.lake import Gate, Lake, LakeWriter
from samdrift_logs.search import (
    FieldCount,
    SearchControl,
    SearchRequest,
    SearchStopped,
    ValueCount,
    event_by_id,
    events_around,
    events_by_id,
    histogram,
    native_fields,
    top_values,
)
from samdrift_logs.search.aggregate import step_for
from tests.samdrift_logs.lake.rows import ASSENS, NOON, ODENSE, event, events, rejects, watch

BOTH = watch(ODENSE, ASSENS)
ROWS = [
    event(1, user="åse", dst_port=443, fields={"Image": "a.exe", "Tags": ["x", "y"]}),
    event(2, user="bob", dst_port=443, fields={"Image": "b.exe", "Tags": ["x"]}),
    event(3, user="bob", fields={"Image": "b.exe", "odd/na~me": 1}),
    event(95, organisation=ASSENS, user="bob", dst_port=22),
]


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    lake = Lake(tmp_path_factory.mktemp("aggregate") / "lake")
    lake.create(ODENSE)
    lake.create(ASSENS)
    writer = LakeWriter(lake)
    writer.write(events(ROWS[:2]), rejects([]), partition=0, through=2)
    writer.write(events(ROWS[2:]), rejects([]), partition=0, through=95)
    return Gate(lake)


def test_histogram_has_every_bucket_and_counts_per_organisation(gate: Gate) -> None:
    request = SearchRequest(since=NOON, until=NOON + dt.timedelta(minutes=2))

    drawn = histogram(gate=gate, scope=BOTH, request=request, buckets=5)

    assert (drawn.step_s, drawn.total) == (30, 4)
    assert [bucket.total for bucket in drawn.buckets] == [3, 0, 0, 1]
    assert drawn.buckets[0].start == NOON
    assert drawn.buckets[3].by_organisation == {ASSENS: 1}


def test_histogram_without_ends_takes_them_from_what_is_stored(gate: Gate) -> None:
    drawn = histogram(gate=gate, scope=BOTH, request=SearchRequest(query="user:bob"), buckets=60)

    assert (drawn.since, drawn.total) == (NOON + dt.timedelta(seconds=1), 3)
    assert drawn.step_s == 2
    assert len(drawn.buckets) <= 60


def test_histogram_of_nothing_stored_is_empty(tmp_path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.create(ODENSE)

    assert histogram(gate=Gate(lake), scope=watch(ODENSE), request=SearchRequest()).buckets == ()


@pytest.mark.parametrize(
    ("length", "buckets", "step_s"),
    [
        (dt.timedelta(seconds=1), 60, 1),
        (dt.timedelta(hours=1), 61, 60),
        (dt.timedelta(hours=1), 60, 120),
        (dt.timedelta(days=1), 100, 900),
        (dt.timedelta(days=90), 60, 2 * 86400),
        (dt.timedelta(days=3650), 10, 406 * 86400),
        (dt.timedelta(days=1), 1, 86400),
    ],
)
def test_step_for_length(length: dt.timedelta, buckets: int, step_s: int) -> None:
    assert step_for(length, buckets=buckets) == step_s


def test_top_values_counts_columns_lists_and_native_fields(gate: Gate) -> None:
    names = ["bruger", "dst_port", "Image", "Tags", "odd/na~me", "nothing"]

    tops = top_values(gate=gate, scope=BOTH, request=SearchRequest(), fields=names, limit=2)

    assert [top.field for top in tops] == names
    assert tops[0].values == (ValueCount("bob", 3), ValueCount("åse", 1))
    assert (tops[0].present, tops[0].distinct) == (4, 2)
    assert tops[1].values == (ValueCount("443", 2), ValueCount("22", 1))
    assert tops[2].values == (ValueCount("b.exe", 2), ValueCount("a.exe", 1))
    assert tops[3].values == (ValueCount("x", 2), ValueCount("y", 1))
    assert tops[4].values == (ValueCount("1", 1),)
    assert (tops[5].values, tops[5].present) == ((), 0)


def test_top_values_respect_query_and_scope(gate: Gate) -> None:
    tops = top_values(gate=gate, scope=watch(ODENSE), request=SearchRequest(query="user:b*"), fields=["user"])

    assert tops[0].values == (ValueCount("bob", 2),)


def test_native_fields_lists_names(gate: Gate) -> None:
    names = native_fields(gate=gate, scope=BOTH, request=SearchRequest())

    assert names == (FieldCount("Image", 3), FieldCount("Tags", 2), FieldCount("odd/na~me", 1))


def test_event_by_id_within_scope_only(gate: Gate) -> None:
    hit = event_by_id(gate=gate, scope=BOTH, event_id="0-95-0")
    assert hit is not None
    assert (hit.user, hit.organisation) == ("bob", ASSENS)
    assert event_by_id(gate=gate, scope=watch(ODENSE), event_id="0-95-0") is None
    assert event_by_id(gate=gate, scope=BOTH, event_id="0-2-7") is None


def test_events_by_id_keeps_the_order_asked(gate: Gate) -> None:
    found = events_by_id(gate=gate, scope=BOTH, event_ids=["0-3-0", "0-1-0", "9-9-9", "0-95-0"])

    assert [hit.event_id for hit in found] == ["0-3-0", "0-1-0", "0-95-0"]


def test_events_around_stays_in_the_organisation_and_the_time(gate: Gate) -> None:
    middle = event_by_id(gate=gate, scope=BOTH, event_id="0-2-0")
    assert middle

    near = events_around(gate=gate, scope=BOTH, event=middle, minutes=1 / 60)
    narrowed = events_around(gate=gate, scope=BOTH, event=middle, minutes=5, query="user:bob")

    assert [hit.event_id for hit in near.hits] == ["0-1-0", "0-2-0", "0-3-0"]
    assert [hit.event_id for hit in narrowed.hits] == ["0-2-0", "0-3-0"]


def test_aggregates_stop_when_cancelled(gate: Gate) -> None:
    control = SearchControl()
    control.cancel()

    with pytest.raises(SearchStopped, match="cancelled"):
        histogram(gate=gate, scope=BOTH, request=SearchRequest(), control=control)


def test_wrong_inputs_are_refused(gate: Gate) -> None:
    with pytest.raises(InputRefused, match="buckets"):
        histogram(gate=gate, scope=BOTH, request=SearchRequest(), buckets=0)
    with pytest.raises(InputRefused, match="fields"):
        top_values(gate=gate, scope=BOTH, request=SearchRequest(), fields=[])
    with pytest.raises(InputRefused, match="event id"):
        event_by_id(gate=gate, scope=BOTH, event_id="7' OR 1=1")
