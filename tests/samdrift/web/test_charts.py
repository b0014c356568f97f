"""Charts are numbers first: placed in order, whole, and never hiding a single hit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from samdrift.web import charts

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _buckets(counts: list[int]) -> list[charts.Bucket]:
    step = timedelta(minutes=5)
    return [
        charts.Bucket(since=START + step * place, until=START + step * (place + 1), count=count)
        for place, count in enumerate(counts)
    ]


def test_histogram_without_buckets() -> None:
    assert charts.histogram([]) is None


def test_histogram_tallest_fills_the_height() -> None:
    chart = charts.histogram(_buckets([0, 5, 10]))

    assert chart is not None
    assert [bar.height for bar in chart.bars] == [0.0, 50.0, 100.0]
    assert (chart.most, chart.total) == (10, 15)
    assert chart.width_of_a_bar == timedelta(minutes=5)


def test_histogram_single_hit_among_millions_is_seen() -> None:
    chart = charts.histogram(_buckets([1, 5_000_000]))

    assert chart is not None
    assert chart.bars[0].height == 2.0


def test_histogram_ticks_are_local_time() -> None:
    chart = charts.histogram(_buckets([1] * 12))

    assert chart is not None
    assert chart.ticks == ("13:00", "13:15", "13:30", "13:45", "14:00")


@given(st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=200))
def test_histogram_bars_stand_in_their_slots(counts: list[int]) -> None:
    chart = charts.histogram(_buckets(counts))

    assert chart is not None
    for bar in chart.bars:
        assert bar.slot_x - 0.02 <= bar.x
        assert bar.x + bar.width <= bar.slot_x + max(bar.slot_width, 0.5) + 0.02
        assert (bar.height > 0) == (bar.count > 0)
        assert round(bar.y + bar.height, 2) == charts.HEIGHT
