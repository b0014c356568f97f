"""Deadlines in words: what is due when, and why then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import attrs
import pytest
from django.utils import translation

from samdrift.foundation import clocks
from samdrift.foundation.calendars import DANISH_WEEKDAYS
from samdrift.support.queries import ClockFace, TraceStep
from samdrift.web import explaining

NOW = datetime(2026, 11, 23, 12, 45, tzinfo=UTC)
NOBODY = UUID(int=0)
CLOCK = ClockFace(
    id=NOBODY,
    leg=NOBODY,
    organisation=NOBODY,
    organisation_name="Enhed Syd",
    metric="respond",
    minutes=60,
    calendar="hverdage-8-16",
    started_at=NOW - timedelta(minutes=25),
    due_at=NOW + timedelta(minutes=35),
    paused_at=None,
    ended_at=None,
    outcome="",
    breached_at=None,
)


@pytest.fixture(autouse=True)
def danish() -> Iterator[None]:
    with translation.override("da"):
        yield


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ("soon", "svar inden", "om 35 min")),
        ({"due_at": NOW + timedelta(hours=5)}, ("", "svar inden", "om 5 t")),
        ({"due_at": NOW - timedelta(minutes=5)}, ("late", "skulle være besvaret", "for 5 min siden")),
        ({"due_at": None, "paused_at": NOW}, ("quiet", "på pause siden", "")),
        ({"outcome": "met", "ended_at": NOW}, ("good", "besvaret til tiden", "")),
        ({"outcome": "late", "ended_at": NOW}, ("late", "besvaret for sent", "")),
        ({"outcome": "cancelled", "ended_at": NOW}, ("quiet", "tæller ikke længere", "")),
    ],
)
def test_clock_in_words(changes: dict[str, object], said: tuple[str, str, str]) -> None:
    told = explaining.say(attrs.evolve(CLOCK, **changes), now=NOW)

    assert (told.tone, told.words, told.after) == said


def _steps(start: datetime, minutes: int, pauses: list[clocks.Pause] | None = None) -> list[TraceStep]:
    explained = clocks.explain(start, minutes, DANISH_WEEKDAYS, pauses or [])
    return [
        TraceStep(
            kind=step.kind.value,
            start=step.start,
            end=step.end,
            minutes=int(step.duration.total_seconds() // 60),
            reason=step.reason,
        )
        for step in explained.steps
    ]


def test_trace_over_easter() -> None:
    told = explaining.lines(_steps(datetime(2026, 4, 1, 13, tzinfo=UTC), 240))

    assert [(line.when, line.what) for line in told] == [
        ("onsdag 01-04 15:00–16:00", "tæller: 1 t"),
        ("onsdag 01-04 16:00–24:00", "tæller ikke: uden for åbningstid"),
        ("torsdag 02-04 00:00–24:00", "tæller ikke: Skærtorsdag"),
        ("fredag 03-04 00:00–24:00", "tæller ikke: Langfredag"),
        ("lørdag 04-04 00:00–24:00", "tæller ikke: lukket i weekenden"),
        ("søndag 05-04 00:00–24:00", "tæller ikke: Påskedag"),
        ("mandag 06-04 00:00–24:00", "tæller ikke: Anden påskedag"),
        ("tirsdag 07-04 00:00–08:00", "tæller ikke: uden for åbningstid"),
        ("tirsdag 07-04 08:00–11:00", "tæller: 3 t"),
    ]


def test_trace_over_a_weekend_is_one_line() -> None:
    told = explaining.lines(_steps(datetime(2026, 5, 8, 13, 30, tzinfo=UTC), 60))

    assert [(line.when, line.what) for line in told] == [
        ("fredag 08-05 15:30–16:00", "tæller: 30 min"),
        ("fredag 08-05 16:00 – mandag 11-05 08:00", "tæller ikke: lukket i weekenden"),
        ("mandag 11-05 08:00–08:30", "tæller: 30 min"),
    ]


def test_trace_with_a_pause_says_why() -> None:
    pause = clocks.Pause(
        start=datetime(2026, 5, 5, 8, tzinfo=UTC), end=datetime(2026, 5, 5, 9, tzinfo=UTC), reason="venter på kommunen"
    )

    told = explaining.lines(_steps(datetime(2026, 5, 5, 7, tzinfo=UTC), 120, [pause]))

    assert [line.what for line in told] == ["tæller: 1 t", "på pause: venter på kommunen", "tæller: 1 t"]
