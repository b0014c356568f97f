"""Times in words, in Copenhagen, in Danish."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from samdrift.web import words

NOW = datetime(2026, 11, 23, 12, 45, tzinfo=UTC)


@pytest.fixture(autouse=True)
def danish(catalogues: None):
    with translation.override("da"):
        yield


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (NOW + timedelta(minutes=35), "14:20"),
        (NOW - timedelta(days=1), "i går 13:45"),
        (NOW + timedelta(days=1), "i morgen 13:45"),
        (NOW + timedelta(days=3), "torsdag 13:45"),
        (NOW - timedelta(days=3), "20-11 13:45"),
        (NOW + timedelta(days=60), "22-01-2027 13:45"),
    ],
)
def test_at_clock(moment: datetime, said: str) -> None:
    assert words.at_clock(moment, now=NOW) == said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=20), "under 1 min"),
        (timedelta(minutes=35), "35 min"),
        (timedelta(hours=2, minutes=10), "2 t 10 min"),
        (timedelta(days=3, hours=4, minutes=9), "3 d 4 t"),
        (-timedelta(hours=1), "1 t"),
    ],
)
def test_span(length: timedelta, said: str) -> None:
    assert words.span(length) == said


def test_ago_both_ways() -> None:
    assert words.ago(NOW + timedelta(minutes=35), now=NOW) == "om 35 min"
    assert words.ago(NOW - timedelta(hours=2), now=NOW) == "for 2 t siden"


def test_precise_keeps_both_hours_of_the_autumn_night_apart() -> None:
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)

    assert words.precise(first) == words.precise(second) == "25-10-2026 02:30:00.000"
    assert words.utc(first) != words.utc(second)


def test_counted_has_points_between_thousands() -> None:
    assert words.counted(1234567) == "1.234.567"
