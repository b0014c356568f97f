"""The clock against its oracle (reference/service-management.md §9) and its laws."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from samdrift.foundation.calendars import (
    ALWAYS,
    DANISH_CLOSING_DAYS,
    DANISH_WEEKDAYS,
    Calendar,
    CalendarNeverOpen,
    Hours,
    weekdays,
)
from samdrift.foundation.clocks import (
    ClockEvent,
    ClockEventKind,
    ClockEventsRefused,
    ClockState,
    Pause,
    StepKind,
    due,
    elapsed,
    explain,
    project,
    trace,
)

ZONE = ZoneInfo("Europe/Copenhagen")
MINUTE = timedelta(minutes=1)


def local(text: str) -> datetime:
    """Read "2026-04-01 15:00" as Danish time; an offset at the end settles a doubtful hour."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)


def pause(start: str, end: str, reason: str = "") -> Pause:
    return Pause(start=local(start), end=local(end), reason=reason)


ORACLE = {
    "over Easter": ("2026-04-01 15:00", 240, DANISH_WEEKDAYS, [], "2026-04-07 11:00"),
    "created after closing": ("2026-06-12 17:30", 60, DANISH_WEEKDAYS, [], "2026-06-15 09:00"),
    "Grundlovsdag": ("2026-06-04 15:30", 60, DANISH_WEEKDAYS, [], "2026-06-08 08:30"),
    "Christmas": ("2026-12-23 15:00", 120, DANISH_WEEKDAYS, [], "2026-12-28 09:00"),
    "Store Bededag, abolished": ("2026-04-30 15:00", 120, DANISH_WEEKDAYS, [], "2026-05-01 09:00"),
    "Ascension and an open bridge day": ("2026-05-13 15:00", 240, DANISH_WEEKDAYS, [], "2026-05-15 11:00"),
    "pause in hours": (
        "2026-05-05 09:00", 240, DANISH_WEEKDAYS, [pause("2026-05-05 10:00", "2026-05-05 11:30")], "2026-05-05 14:30",
    ),
    "pause over a weekend": (
        "2026-05-08 13:00", 240, DANISH_WEEKDAYS, [pause("2026-05-08 15:00", "2026-05-11 09:00")], "2026-05-11 11:00",
    ),
    "pause outside hours": (
        "2026-05-08 13:00", 240, DANISH_WEEKDAYS, [pause("2026-05-08 18:00", "2026-05-09 09:00")], "2026-05-11 09:00",
    ),
    "24x7, spring DST": ("2026-03-28 23:30", 240, ALWAYS, [], "2026-03-29 04:30+02:00"),
    "24x7, autumn DST": ("2026-10-24 23:30", 240, ALWAYS, [], "2026-10-25 02:30+01:00"),
    "24x7 over midnight": ("2026-05-05 23:00", 120, ALWAYS, [], "2026-05-06 01:00"),
}  # fmt: skip


@pytest.mark.parametrize(("start", "minutes", "calendar", "pauses", "expected"), ORACLE.values(), ids=ORACLE.keys())
def test_due_agrees_with_the_oracle(
    start: str, minutes: int, calendar: Calendar, pauses: list[Pause], expected: str
) -> None:
    found = due(local(start), minutes, calendar, pauses)

    assert found == local(expected)
    assert elapsed(local(start), found, calendar, pauses) == minutes * MINUTE


def test_due_at_closing_time_is_that_day() -> None:
    assert due(local("2026-05-05 12:00"), 240, DANISH_WEEKDAYS) == local("2026-05-05 16:00")


def test_due_of_nothing_is_the_start() -> None:
    assert due(local("2026-05-09 12:00"), 0, DANISH_WEEKDAYS) == local("2026-05-09 12:00")


def test_due_refuses_a_negative_target() -> None:
    with pytest.raises(ValueError, match="negative"):
        due(local("2026-05-05 12:00"), -1, DANISH_WEEKDAYS)


def test_due_of_a_calendar_that_never_opens() -> None:
    closed = Calendar(name="lukket", weekly=((),) * 7)

    with pytest.raises(CalendarNeverOpen, match="lukket"):
        due(local("2026-05-05 12:00"), 1, closed)


@pytest.mark.parametrize("hours", [(0, 0), (600, 300), (-1, 10), (0, 1441)])
def test_hours_refuse_what_is_no_stretch_of_a_day(hours: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="1440"):
        Hours(*hours)


def test_calendar_refuses_overlapping_hours() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Calendar(name="forkert", weekly=((Hours(0, 600), Hours(500, 700)), *((),) * 6))


def test_explain_tells_each_stretch() -> None:
    explanation = explain(
        local("2026-04-01 14:00"),
        240,
        DANISH_WEEKDAYS,
        [pause("2026-04-01 15:00", "2026-04-01 15:30", "venter på kommunen")],
    )

    assert explanation.due == local("2026-04-07 10:30")
    assert [
        (step.kind, step.start.astimezone(ZONE).strftime("%d %H:%M"), step.reason) for step in explanation.steps
    ] == [
        (StepKind.COUNTED, "01 14:00", ""),
        (StepKind.PAUSED, "01 15:00", "venter på kommunen"),
        (StepKind.COUNTED, "01 15:30", ""),
        (StepKind.OUTSIDE_HOURS, "01 16:00", ""),
        (StepKind.HOLIDAY, "02 00:00", "Skærtorsdag"),
        (StepKind.HOLIDAY, "03 00:00", "Langfredag"),
        (StepKind.CLOSED_DAY, "04 00:00", ""),
        (StepKind.HOLIDAY, "05 00:00", "Påskedag"),
        (StepKind.HOLIDAY, "06 00:00", "Anden påskedag"),
        (StepKind.OUTSIDE_HOURS, "07 00:00", ""),
        (StepKind.COUNTED, "07 08:00", ""),
    ]


def test_elapsed_in_the_hour_that_comes_twice() -> None:
    first, second = local("2026-10-25 02:15").replace(fold=0), local("2026-10-25 02:15").replace(fold=1)

    assert elapsed(first, second, ALWAYS) == 60 * MINUTE
    assert elapsed(second, first, ALWAYS) == timedelta()


# ---- laws

MOMENTS = st.integers(0, 400 * 24 * 60).map(lambda minute: datetime(2026, 1, 1, tzinfo=UTC) + minute * MINUTE)
TARGETS = st.integers(1, 3000)
CALENDARS = st.sampled_from(
    [
        DANISH_WEEKDAYS,
        ALWAYS,
        Calendar(
            name="delt",
            weekly=((Hours(0, 150), Hours(480, 720), Hours(780, 1440)),) * 6 + ((),),
            closed_on=DANISH_CLOSING_DAYS,
        ),
        Calendar(name="nat", weekly=weekdays(0, 4)),
    ]
)


@st.composite
def pause_lists(draw: st.DrawFn) -> list[Pause]:
    """Up to four pauses, perhaps overlapping."""
    return [
        Pause(start=start, end=start + draw(st.integers(0, 5000)) * MINUTE)
        for start in draw(st.lists(MOMENTS, max_size=4))
    ]


@given(MOMENTS, TARGETS, CALENDARS, pause_lists())
def test_elapsed_until_due_is_the_target(
    start: datetime, minutes: int, calendar: Calendar, pauses: list[Pause]
) -> None:
    found = due(start, minutes, calendar, pauses)

    assert elapsed(start, found, calendar, pauses) == minutes * MINUTE
    assert elapsed(start, found - MINUTE, calendar, pauses) == (minutes - 1) * MINUTE
    assert calendar.is_open(found - timedelta(seconds=1))


@given(MOMENTS, TARGETS, CALENDARS, pause_lists(), MOMENTS, st.integers(0, 5000))
def test_a_pause_never_makes_it_earlier(
    start: datetime, minutes: int, calendar: Calendar, pauses: list[Pause], at: datetime, length: int
) -> None:
    longer = [*pauses, Pause(start=at, end=at + length * MINUTE)]

    assert due(start, minutes, calendar, longer) >= due(start, minutes, calendar, pauses)


@given(MOMENTS, TARGETS, CALENDARS, pause_lists())
def test_a_pause_outside_open_time_changes_nothing(
    start: datetime, minutes: int, calendar: Calendar, pauses: list[Pause]
) -> None:
    times = calendar.open_times(start)
    closing, opening = next(times).end, next(times).start
    assume(closing < opening)

    assert due(start, minutes, calendar, [*pauses, Pause(start=closing, end=opening)]) == due(
        start, minutes, calendar, pauses
    )


@given(MOMENTS, TARGETS, CALENDARS, MOMENTS, st.integers(0, 5000), st.integers(0, 5000))
def test_a_pause_split_in_two_is_the_same(
    start: datetime, minutes: int, calendar: Calendar, at: datetime, first: int, second: int
) -> None:
    middle, end = at + first * MINUTE, at + (first + second) * MINUTE

    whole = due(start, minutes, calendar, [Pause(start=at, end=end)])
    split = due(start, minutes, calendar, [Pause(start=middle, end=end), Pause(start=at, end=middle)])

    assert whole == split


@given(MOMENTS, TARGETS, CALENDARS, pause_lists())
def test_the_trace_has_no_gap_and_counts_the_target(
    start: datetime, minutes: int, calendar: Calendar, pauses: list[Pause]
) -> None:
    found = due(start, minutes, calendar, pauses)
    steps = trace(start, found, calendar, pauses)

    assert (steps[0].start, steps[-1].end) == (start, found)
    assert all(earlier.end == later.start for earlier, later in itertools.pairwise(steps))
    counted = sum((step.duration for step in steps if step.kind is StepKind.COUNTED), timedelta())
    assert counted == minutes * MINUTE


@given(MOMENTS, st.integers(1, 600), CALENDARS, st.lists(st.integers(1, 4000), min_size=1, max_size=6))
def test_replay_equals_stepping_along(start: datetime, minutes: int, calendar: Calendar, gaps: list[int]) -> None:
    """Carry what is left from one run to the next, as a clock without memory would; the replay says the same."""
    events, at, left = [ClockEvent(kind=ClockEventKind.START, at=start)], start, minutes * MINUTE
    for number, gap in enumerate(gaps):
        following = at + gap * MINUTE
        running = number % 2 == 0
        if running:
            left -= elapsed(at, following, calendar)
        kind = ClockEventKind.PAUSE if running else ClockEventKind.RESUME
        events.append(ClockEvent(kind=kind, at=following))
        at = following

    clock = project(events, minutes=minutes, calendar=calendar, now=at)

    assert clock.remaining == max(left, timedelta())
    assert (clock.breached is not None) == (left < timedelta())
    if clock.state is ClockState.RUNNING and left > timedelta():
        assert clock.due == due(at, round(left / MINUTE), calendar)


# ---- the projection


def event(kind: str, at: str, reason: str = "") -> ClockEvent:
    return ClockEvent(kind=ClockEventKind(kind), at=local(at), reason=reason)


STARTED = event("start", "2026-05-05 09:00")


def test_project_before_the_start() -> None:
    clock = project([STARTED], minutes=60, calendar=DANISH_WEEKDAYS, now=local("2026-05-05 08:00"))

    assert (clock.state, clock.due, clock.remaining) == (ClockState.NOT_STARTED, None, 60 * MINUTE)


@pytest.mark.parametrize(
    ("events", "now", "state", "due_at", "remaining", "breached"),
    [
        ([], "2026-05-05 10:00", "running", "2026-05-05 13:00", 180, None),
        ([], "2026-05-05 13:00", "running", "2026-05-05 13:00", 0, None),
        ([], "2026-05-05 13:01", "running", "2026-05-05 13:00", 0, "2026-05-05 13:00"),
        ([("pause", "2026-05-05 10:00")], "2026-05-06 10:00", "paused", None, 180, None),
        ([("pause", "2026-05-05 14:00")], "2026-05-06 10:00", "paused", "2026-05-05 13:00", 0, "2026-05-05 13:00"),
        (
            [("pause", "2026-05-05 10:00"), ("resume", "2026-05-05 11:30")],
            "2026-05-05 12:00", "running", "2026-05-05 14:30", 150, None,
        ),
        ([("stop", "2026-05-05 10:00")], "2026-05-07 10:00", "stopped", "2026-05-05 13:00", 180, None),
        (
            [("pause", "2026-05-05 10:00"), ("stop", "2026-05-05 15:00")],
            "2026-05-07 10:00", "stopped", "2026-05-06 10:00", 180, None,
        ),
        (
            [("stop", "2026-05-05 10:00"), ("resume", "2026-05-06 08:00")],
            "2026-05-06 09:00", "running", "2026-05-06 11:00", 120, None,
        ),
        ([("stop", "2026-05-05 14:00")], "2026-05-07 10:00", "stopped", "2026-05-05 13:00", 0, "2026-05-05 13:00"),
        ([("cancel", "2026-05-05 10:00")], "2026-05-07 10:00", "cancelled", None, 180, None),
    ],
)  # fmt: skip
def test_project(
    events: list[tuple[str, str]], now: str, state: str, due_at: str | None, remaining: int, breached: str | None
) -> None:
    told = [STARTED, *(event(kind, at) for kind, at in events)]

    clock = project(told, minutes=240, calendar=DANISH_WEEKDAYS, now=local(now))

    assert clock.state == state
    assert clock.due == (local(due_at) if due_at else None)
    assert clock.remaining == remaining * MINUTE
    assert clock.breached == (local(breached) if breached else None)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([event("pause", "2026-05-05 09:00")], "not_started cannot pause"),
        ([STARTED, event("start", "2026-05-05 10:00")], "running cannot start"),
        ([STARTED, event("pause", "2026-05-05 08:00")], "before the event"),
        ([STARTED, event("cancel", "2026-05-05 10:00"), event("resume", "2026-05-05 11:00")], "cancelled cannot"),
    ],
)
def test_project_refuses_what_is_no_history(events: list[ClockEvent], message: str) -> None:
    with pytest.raises(ClockEventsRefused, match=message):
        project(events, minutes=60, calendar=DANISH_WEEKDAYS, now=local("2026-05-06 12:00"))
