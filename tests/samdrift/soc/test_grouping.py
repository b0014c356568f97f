"""Which case an alert belongs to, on streams of any shape."""

from __future__ import annotations

import datetime as dt
import itertools
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from samdrift.soc.domain.grouping import COPIES_A_KIND, WINDOW, Arriving, CaseDraft, GroupKey, place_alerts
from samdrift.soc.rules import LEVELS, opens_case, rank

AT = dt.datetime(2026, 5, 5, 9, 0, tzinfo=dt.UTC)
KEYS = [GroupKey(organisation=uuid4(), handler=uuid4(), place=place) for place in ("fs01", "dc01")]

streams = st.lists(
    st.tuples(
        st.sampled_from(KEYS),
        st.builds(
            Arriving,
            id=st.uuids(),
            rule_id=st.sampled_from(["a", "b", "c"]),
            level=st.sampled_from(LEVELS),
            received_at=st.integers(0, 4000).map(lambda minute: AT + dt.timedelta(minutes=minute)),
        ),
    ),
    max_size=60,
)


def drafts_of(stream: list[tuple[GroupKey, Arriving]]) -> list[CaseDraft]:
    placed = place_alerts(stream, {})
    return list({id(p.draft): p.draft for p in placed.values() if p.draft is not None}.values())


@given(streams)
def test_every_alert_is_placed_once_and_a_serious_one_always_in_a_case(
    stream: list[tuple[GroupKey, Arriving]],
) -> None:
    placed = place_alerts([*stream, *stream], {})

    assert set(placed) == {alert.id for _, alert in stream}
    for _, alert in {alert.id: (key, alert) for key, alert in reversed(stream)}.values():
        assert placed[alert.id].draft is not None or not opens_case(alert.level)


@given(streams)
def test_case_is_as_bad_as_its_worst_alert_and_shows_the_first_of_each_kind(
    stream: list[tuple[GroupKey, Arriving]],
) -> None:
    by_id: dict[UUID, Arriving] = {}
    for _, alert in stream:
        by_id.setdefault(alert.id, alert)

    for draft in drafts_of(stream):
        alerts = [by_id[key] for key in draft.alerts]
        assert rank(draft.level) == max(rank(alert.level) for alert in alerts)
        assert {by_id[key].rule_id for key in draft.first_of_kind} == {alert.rule_id for alert in alerts}
        assert len(draft.first_of_kind) == len(draft.kinds)


@given(streams)
def test_cases_of_a_place_lie_more_than_the_window_apart(stream: list[tuple[GroupKey, Arriving]]) -> None:
    by_id = {alert.id: alert for _, alert in reversed(stream)}
    for key in KEYS:
        spans = sorted(
            [min(by_id[one].received_at for one in draft.alerts), draft.last_alert_at]
            for draft in drafts_of(stream)
            if draft.key == key
        )
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert start - end > WINDOW


def test_only_the_first_of_a_kind_keep_copies_however_the_storm_is_cut() -> None:
    storm = [
        (KEYS[0], Arriving(id=uuid4(), rule_id="a", level="high", received_at=AT + dt.timedelta(seconds=second)))
        for second in range(100)
    ]

    at_once = place_alerts(storm, {})

    assert sum(placement.keeps_copy for placement in at_once.values()) == COPIES_A_KIND
    assert [placement.is_first_of_kind for placement in at_once.values()] == [True] + [False] * 99
