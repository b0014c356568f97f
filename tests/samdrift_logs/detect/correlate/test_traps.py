"""Every trap of correlation by its name: design/reference/detection.md, section 8, and what other engines got wrong."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from samdrift_logs.detect import Change, Correlator, alerts_from
from samdrift_logs.errors import InputRefused
from tests.samdrift_logs.detect.batches import ORGANISATION, make_batch, parse
from tests.samdrift_logs.detect.correlate.histories import Feeder, base, correlation, everything, rules_for

G = {"group": "g"}
OTHER = uuid.UUID(int=7)


def seconds(*texts: str, events: list[Any], **options: Any) -> list[float]:
    return everything(rules_for(*texts), events, **options).seconds()


def test_the_window_slides_and_is_tied_to_no_bucket() -> None:
    rule = correlation("event_count", {"gte": 3}, rules=["r0"])

    assert seconds(rule, events=[(8, "r0", G), (12, "r0", G), (17, "r0", G)]) == [17]
    assert seconds(rule, events=[(7, "r0", G), (12, "r0", G), (17.5, "r0", G)]) == []


def test_event_time_counts_and_not_the_time_of_arrival() -> None:
    feeder = Feeder(rules_for(correlation("temporal_ordered", rules=["r0", "r1"])))

    feeder.feed([(5, "r1", G)])
    told = feeder.feed([(3, "r0", G)])

    assert [match.change for match in told] == [Change.OPENED]


def test_a_late_event_revises_what_was_told() -> None:
    feeder = Feeder(rules_for(correlation("event_count", {"gte": 2}, rules=["r0"])))

    first = feeder.feed([(5, "r0", G), (9, "r0", G)])
    more = feeder.feed([(11, "r0", G)])
    earlier = feeder.feed([(4, "r0", G)])

    assert [match.change for match in first] == [Change.OPENED]
    assert [(match.change, match.count) for match in more] == [(Change.CHANGED, 3)]
    assert [match.change for match in earlier] == [Change.WITHDRAWN, Change.OPENED]
    assert feeder.seconds() == [5]


def test_beyond_the_lateness_an_event_is_left_out_and_counted() -> None:
    feeder = Feeder(rules_for(correlation("event_count", {"gte": 2}, rules=["r0"])), lateness=dt.timedelta(seconds=20))

    feeder.feed([(0, "r0", G), (30, "quiet", G)])
    feeder.feed([(9, "r0", G)])
    feeder.feed([(10, "r0", G)])

    assert feeder.seconds() == [10]
    assert [(count.what, count.count, count.organisation) for count in feeder.correlator.counts] == [
        ("late", 1, ORGANISATION)
    ]


def test_order_is_checked_between_all_rules_and_not_against_the_first_only() -> None:
    rule = correlation("temporal_ordered")

    assert seconds(rule, events=[(0, "r0", G), (1, "r2", G), (2, "r1", G)]) == []
    assert seconds(rule, events=[(0, "r0", G), (1, "r1", G), (2, "r2", G)]) == [2]
    assert seconds(rule, events=[(0, "r0", G), (1, "r2", G), (2, "r1", G), (3, "r2", G)]) == [3]


def test_the_whole_chain_lies_within_the_timespan_and_not_each_step() -> None:
    assert seconds(correlation("temporal_ordered"), events=[(0, "r0", G), (6, "r1", G), (12, "r2", G)]) == []
    assert seconds(correlation("temporal"), events=[(0, "r0", G), (6, "r1", G), (12, "r2", G)]) == []


def test_events_exactly_a_timespan_apart_belong_together() -> None:
    assert seconds(correlation("temporal", rules=["r0", "r1"]), events=[(0, "r0", G), (10, "r1", G)]) == [10]


def test_events_of_one_instant_count_as_in_order() -> None:
    assert seconds(correlation("temporal_ordered"), events=[(1, "r2", G), (1, "r1", G), (1, "r0", G)]) == [1]


def test_several_fields_of_value_count_are_one_composite_value() -> None:
    rule = correlation("value_count", {"gte": 3, "field": ["user", "host"]}, rules=["r0"])
    pairs = [("a", "x"), ("a", "y"), ("b", "x"), ("A", "X")]
    events = [(at, "r0", {**G, "user": user, "host": host}) for at, (user, host) in enumerate(pairs)]

    assert seconds(rule, events=events) == [2]
    assert seconds(rule, events=[events[0], events[1], events[3]]) == []


def test_values_of_a_group_are_compared_without_case_and_shown_as_sent() -> None:
    feeder = everything(
        rules_for(correlation("event_count", {"gte": 2}, rules=["r0"])),
        [(0, "r0", {"group": "Søren"}), (1, "r0", {"group": "SØREN"})],
    )

    assert [match.group for match in feeder.standing.values()] == [{"group": "Søren"}]


def test_an_event_without_the_field_of_the_group_joins_no_group_and_is_counted() -> None:
    feeder = everything(
        rules_for(correlation("event_count", {"gte": 2}, rules=["r0"])), [(0, "r0", {}), (1, "r0", {"group": None})]
    )

    assert feeder.seconds() == []
    assert [(count.what, count.count) for count in feeder.correlator.counts] == [("no group", 2)]


def test_aliases_read_another_field_from_each_rule() -> None:
    rule = correlation(
        "temporal", rules=["r0", "r1"], group_by=["inside"], aliases={"inside": {"r0": "dst", "r1": "src"}}
    )

    assert seconds(rule, events=[(0, "r0", {"dst": "1", "src": "9"}), (1, "r1", {"src": "1"})]) == [1]
    assert seconds(rule, events=[(0, "r0", {"dst": "1"}), (1, "r1", {"dst": "1", "src": "2"})]) == []


def test_organisations_share_no_state() -> None:
    feeder = Feeder(rules_for(correlation("event_count", {"gte": 2}, rules=["r0"])))

    feeder.feed([(0, "r0", G)])
    feeder.feed([(1, "r0", G)], organisation=OTHER)
    feeder.feed([(9000, "quiet", G)], organisation=OTHER)
    feeder.feed([(2, "r0", G)])

    assert [match.organisation for match in feeder.standing.values()] == [ORGANISATION]
    assert feeder.correlator.counts == []


def test_one_rule_feeds_many_correlations() -> None:
    feeder = everything(
        rules_for(
            correlation("event_count", {"gte": 2}, rules=["r0"], title="Two"),
            correlation("event_count", {"gte": 3}, rules=["r0"], title="Three"),
        ),
        [(0, "r0", G), (1, "r0", G), (2, "r0", G)],
    )

    assert sorted(match.correlation.title for match in feeder.standing.values()) == ["Three", "Two"]


def test_an_event_that_meets_two_rules_is_one_event_and_two_kinds() -> None:
    events = [(0, "r0 r1", G), (1, "r0", G)]

    assert seconds(correlation("event_count", {"gte": 3}, rules=["r0", "r1"]), events=events) == []
    assert seconds(correlation("temporal", rules=["r0", "r1"]), events=events) == [0]


def test_exactly_three_is_not_three_on_the_way_to_ten() -> None:
    rule = correlation("event_count", {"eq": 3}, rules=["r0"])

    assert seconds(rule, events=[(at, "r0", G) for at in range(10)]) == []
    assert seconds(rule, events=[(at, "r0", G) for at in range(3)]) == [0]


def test_a_range_has_two_comparisons() -> None:
    rule = correlation("event_count", {"gt": 1, "lte": 3}, rules=["r0"])

    assert [seconds(rule, events=[(at, "r0", G) for at in range(count)]) for count in (1, 2, 3, 4)] == [
        [],
        [0],
        [0],
        [],
    ]


def test_what_must_not_be_there_is_told_only_when_it_can_no_longer_come() -> None:
    feeder = Feeder(rules_for(correlation("temporal", "r0 and not r1", rules=None)), lateness=dt.timedelta(seconds=5))

    assert feeder.feed([(0, "r0", G), (14, "quiet", G)]) == []
    assert [match.change for match in feeder.feed([(16, "quiet", G)])] == [Change.OPENED]


def test_a_sum_is_exact() -> None:
    rule = correlation("value_sum", {"gte": 0.3, "field": "value"}, rules=["r0"])
    large = correlation("value_sum", {"gt": 2**53, "field": "value"}, rules=["r0"])

    assert seconds(rule, events=[(0, "r0", {**G, "value": "0.1"}), (1, "r0", {**G, "value": "0.2"})]) == [1]
    assert seconds(large, events=[(0, "r0", {**G, "value": 2**53}), (1, "r0", {**G, "value": "1"})]) == [1]


def test_a_number_that_would_take_for_ever_is_none() -> None:
    feeder = everything(
        rules_for(correlation("value_sum", {"gte": 1, "field": "value"}, rules=["r0"])),
        [(0, "r0", {**G, "value": "1e999999999"}), (1, "r0", {**G, "value": "9" * 5000})],
    )

    assert feeder.seconds() == []
    assert [(count.what, count.count) for count in feeder.correlator.counts] == [("no number", 2)]


def test_the_median_of_an_even_number_lies_between() -> None:
    rule = correlation("value_median", {"gte": 2.5, "field": "value"}, rules=["r0"])

    assert seconds(rule, events=[(0, "r0", {**G, "value": 1}), (1, "r0", {**G, "value": 4})]) == [1]


def test_what_goes_on_is_told_once_per_timespan() -> None:
    rule = correlation("event_count", {"gte": 3}, rules=["r0"])

    assert seconds(rule, events=[(at, "r0", G) for at in range(30)]) == [2, 13, 24]


def test_a_chain_reads_its_group_from_the_events_of_the_inner_correlation() -> None:
    """The specification's own example: many failures per computer, then a success of one of the users."""
    texts = (
        correlation("event_count", {"gte": 3}, name="many", title="Many", rules=["r0"], group_by=["host"]),
        correlation("temporal_ordered", rules=["many", "r1"], title="Then", group_by=["user"]),
    )
    failures = [(at, "r0", {"host": "h", "user": user}) for at, user in enumerate("abc")]

    feeder = everything(rules_for(*texts), [*failures, (5, "r1", {"host": "other", "user": "b"})])

    assert [(match.correlation.title, match.group) for match in feeder.standing.values()] == [
        ("Many", {"host": "h"}),
        ("Then", {"user": "b"}),
    ]
    assert [match.is_silent for match in feeder.standing.values()] == [True, False]


def test_a_chain_takes_back_what_its_inner_correlation_takes_back() -> None:
    texts = (
        correlation("value_avg", {"gte": 5, "field": "value"}, name="high", title="High", rules=["r0"]),
        correlation("temporal", rules=["high", "r1"], title="Both"),
    )
    feeder = Feeder(rules_for(*texts))

    feeder.feed([(2, "r0", {**G, "value": 6}), (3, "r1", G)])
    told = feeder.feed([(1, "r0", {**G, "value": 0})])

    assert [(match.correlation.title, match.change) for match in told] == [
        ("High", Change.WITHDRAWN),
        ("Both", Change.WITHDRAWN),
    ]


def test_parts_of_correlations_raise_no_alert_unless_generate_says_so() -> None:
    quiet = rules_for(correlation("event_count", {"gte": 2}, rules=["r0"]))
    loud = rules_for(correlation("event_count", {"gte": 2}, rules=["r0"], generate=True))
    batch = make_batch([{"kind": "r0"}], product="test")

    assert [len(alerts_from(Feeder(each)._engine.evaluate(batch), batch, each)) for each in (quiet, loud)] == [0, 1]


def test_a_clock_that_is_ahead_does_not_make_everything_else_late() -> None:
    feeder = Feeder(rules_for(correlation("event_count", {"gte": 2}, rules=["r0"])), lateness=dt.timedelta(days=2))

    feeder.feed([(365 * 86_400, "r0", G)])
    feeder.feed([(0, "r0", G), (1, "r0", G)])

    assert feeder.seconds() == [1]
    assert [(count.what, count.count) for count in feeder.correlator.counts] == [("clock ahead", 1)]


def test_events_that_come_again_are_the_same_events() -> None:
    feeder = Feeder(rules_for(correlation("event_count", {"gte": 3}, rules=["r0"])))

    feeder.feed([(0, "r0", G), (1, "r0", G)])
    feeder.feed([(0, "r0", G), (1, "r0", G)])

    assert feeder.told == []


def test_the_id_follows_from_organisation_rule_group_and_window() -> None:
    rules = rules_for(correlation("event_count", {"gte": 2}, rules=["r0"]))
    events = [(0, "r0", G), (1, "r0", G), (20, "r0", G), (21, "r0", G)]

    first, again = everything(rules, events), everything(rules, list(reversed(events)))

    assert first.standing.keys() == again.standing.keys()
    assert len(first.standing) == 2


def test_a_flood_of_one_group_leaves_the_others_and_what_was_told() -> None:
    feeder = Feeder(rules_for(correlation("event_count", {"gte": 2}, rules=["r0"])), max_group=20)

    feeder.feed([(0, "r0", {"group": "calm"})])
    feeder.feed([(at / 100, "r0", G) for at in range(500)])
    feeder.feed([(6, "r0", {"group": "calm"})])

    assert {match.group["group"] for match in feeder.standing.values()} == {"g", "calm"}
    assert feeder.correlator.size <= 22
    assert [count.what for count in feeder.correlator.counts] == ["evicted"]
    assert Change.WITHDRAWN not in {match.change for match in feeder.told}


def test_a_changed_correlation_begins_anew_and_the_others_go_on() -> None:
    kept = correlation("event_count", {"gte": 2}, rules=["r0"], title="Kept", id=str(uuid.UUID(int=1, version=4)))
    before = correlation("event_count", {"gte": 2}, rules=["r0"], title="New", id=str(uuid.UUID(int=2, version=4)))
    after = correlation("event_count", {"gte": 3}, rules=["r0"], title="New", id=str(uuid.UUID(int=2, version=4)))
    old = Feeder(rules_for(kept, before))
    old.feed([(0, "r0", G)])
    new = Feeder(rules_for(kept, after))

    new.correlator.restore(old.correlator.snapshot())
    new.feed([(1, "r0", G), (2, "r0", G)])

    assert [match.correlation.title for match in new.standing.values()] == ["Kept"]
    assert [(count.what, count.count) for count in new.correlator.counts] == [("evicted", 1)]


@pytest.mark.parametrize(
    "snapshot", [b"", b"{}", b'{"format": 99}', b'{"format": 1, "organisations": 3, "counts": []}']
)
def test_a_damaged_state_is_refused_and_changes_nothing(snapshot: bytes) -> None:
    correlator = Correlator(rules_for(correlation("event_count", {"gte": 2}, rules=["r0"])))

    with pytest.raises(InputRefused, match="remove it"):
        correlator.restore(snapshot)

    assert correlator.size == 0


REFUSED = {
    "no such rule": (correlation("temporal", rules=["r0", "r9"]), "'r9', which is no id or name"),
    "a rule twice": (correlation("temporal", rules=["r0", "r0"]), "twice"),
    "no condition": (correlation("event_count"), "without condition"),
    "no field": (correlation("value_count", {"gte": 1}), "without field reference"),
    "two fields to add": (correlation("value_sum", {"gte": 1, "field": ["a", "b"]}), "exactly one field"),
    "no percentile": (correlation("value_percentile", {"gte": 1, "field": "a"}), "needs percentile"),
    "wrong percentile": (correlation("value_percentile", {"gte": 1, "field": "a", "percentile": 101}), "from 0 to 100"),
    "a field to count events by": (correlation("event_count", {"gte": 1, "field": "a"}), "measures no field"),
    "no number": (correlation("event_count", {"gte": "many"}), "no valid Sigma correlation condition count"),
    "no type": (correlation("event_sum", {"gte": 1}), "no valid Sigma correlation type"),
    "no timespan": (correlation("temporal", timespan="soon"), "Timespan 'soon' is invalid"),
    "more than there are": (correlation("temporal", {"gte": 4}), "more than the 3 rules"),
    "an unknown word": (correlation("temporal", window="tumbling"), "window, which is unknown here"),
    "true of nothing": (correlation("temporal", "not r0", rules=None), "true where nothing happens"),
    "never true": (correlation("temporal", "r0 and not r0", rules=None), "never be true"),
    "words to count": (correlation("event_count", "r0 and r1", rules=["r0", "r1"]), "temporal"),
    "half an alias": (
        correlation("temporal", group_by=["x"], aliases={"x": {"r0": "a"}}),
        "alias 'x' has no field",
    ),
    "itself": (correlation("temporal", name="me", rules=["r0", "me"]), "made of itself"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_honoured_is_refused_with_its_reason(text: str, reason: str) -> None:
    ruleset = parse(base("r0"), base("r1"), base("r2"), text)

    assert ruleset.correlations == ()
    assert len(ruleset.rules) == 3
    assert [refusal.file for refusal in ruleset.refused] == ["rule3.yml"]
    assert reason in ruleset.refused[0].reason


def test_a_correlation_over_a_refused_one_is_refused() -> None:
    ruleset = parse(
        base("r0"),
        correlation("temporal", name="inner", rules=["r0", "r9"]),
        correlation("temporal", title="Outer", rules=["r0", "inner"]),
    )

    assert len(ruleset.refused) == 2
    assert ruleset.silent == frozenset()
