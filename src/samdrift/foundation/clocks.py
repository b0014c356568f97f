"""When something is due, how much time has passed, and why. Pure: the same input gives the same answer for ever.

Time counts while the calendar is open and no pause runs. A due time is the earliest instant at which the target has
been counted, so it lies in open time (or at the moment of closing). Everything is kept in UTC; `Step`s are the trace
that a page puts into words: "counted 1 h until closing, closed over Easter, counted 3 h, due Tuesday 11:00".
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import attrs

from samdrift.foundation.calendars import Calendar

NOTHING = timedelta(0)


def utc(at: datetime) -> datetime:
    """Return the same instant in UTC: two times in one zone with daylight saving compare by their wall clocks."""
    return at.astimezone(UTC)


@attrs.frozen(kw_only=True)
class Pause:
    """Time that does not count, and why ("waiting for the municipality")."""

    start: datetime = attrs.field(converter=utc)
    end: datetime = attrs.field(converter=utc)
    reason: str = ""

    def __attrs_post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a pause ends before it starts: {self.start.isoformat()} to {self.end.isoformat()}")


class StepKind(enum.StrEnum):
    """What a stretch of time was to a clock."""

    COUNTED = "counted"
    PAUSED = "paused"
    OUTSIDE_HOURS = "outside_hours"  # closed on a day that has opening hours
    CLOSED_DAY = "closed_day"  # a weekday without opening hours, such as Saturday
    HOLIDAY = "holiday"


@attrs.frozen(kw_only=True)
class Step:
    """One stretch of a clock's time. `reason` is the holiday's Danish name or what was said of the pause."""

    kind: StepKind
    start: datetime
    end: datetime
    reason: str = ""

    @property
    def duration(self) -> timedelta:
        """How long this stretch is in real time."""
        return self.end - self.start


@attrs.frozen(kw_only=True)
class Explanation:
    """Why something is due when it is: the target, the calendar, and what each stretch of time was."""

    calendar: str
    minutes: int
    start: datetime
    due: datetime
    steps: tuple[Step, ...]


def due(start: datetime, minutes: int, calendar: Calendar, pauses: Sequence[Pause] = ()) -> datetime:
    """Return the instant (UTC) at which `minutes` of open, unpaused time have passed since `start`.

    Raises ValueError for a negative target and CalendarNeverOpen.
    """
    return _due(start, timedelta(minutes=minutes), calendar, pauses)


def _due(start: datetime, target: timedelta, calendar: Calendar, pauses: Sequence[Pause]) -> datetime:
    if target < NOTHING:
        raise ValueError("a clock's target cannot be negative")
    if target == NOTHING:
        return utc(start)
    left = target
    for counted_from, counted_to in _counting(start, calendar, pauses):
        if counted_to - counted_from >= left:
            return counted_from + left
        left -= counted_to - counted_from
    raise AssertionError("open time has no end")


def elapsed(start: datetime, end: datetime, calendar: Calendar, pauses: Sequence[Pause] = ()) -> timedelta:
    """Return the open, unpaused time between two instants; nothing where `end` is not after `start`."""
    total, start, end = NOTHING, utc(start), utc(end)
    if end <= start:
        return total
    for counted_from, counted_to in _counting(start, calendar, pauses):
        if counted_from >= end:
            return total
        total += min(counted_to, end) - counted_from
    raise AssertionError("open time has no end")


def explain(start: datetime, minutes: int, calendar: Calendar, pauses: Sequence[Pause] = ()) -> Explanation:
    """Return when something is due, with every stretch of time from `start` to then."""
    due_at = due(start, minutes, calendar, pauses)
    return Explanation(
        calendar=calendar.name,
        minutes=minutes,
        start=utc(start),
        due=due_at,
        steps=trace(start, due_at, calendar, pauses),
    )


def trace(start: datetime, end: datetime, calendar: Calendar, pauses: Sequence[Pause] = ()) -> tuple[Step, ...]:
    """Return what each stretch between two instants was, in order and without a gap. A pause goes before closing."""
    start, end = utc(start), utc(end)
    steps: list[Step] = []
    for closed_or_open in _calendar_steps(start, end, calendar):
        for step in _cut_by_pauses(closed_or_open, pauses):
            _append_merged(steps, step)
    return tuple(steps)


def _counting(start: datetime, calendar: Calendar, pauses: Sequence[Pause]) -> Iterator[tuple[datetime, datetime]]:
    """Yield the stretches that count, in order, without end."""
    merged = _merged(pauses)
    for open_time in calendar.open_times(start):
        at = open_time.start
        for pause in merged:
            if pause.end <= at or pause.start >= open_time.end:
                continue
            if pause.start > at:
                yield at, pause.start
            at = max(at, pause.end)
        if at < open_time.end:
            yield at, open_time.end


def _merged(pauses: Sequence[Pause]) -> list[Pause]:
    """Return the pauses in order, overlapping ones as one."""
    merged: list[Pause] = []
    for pause in sorted(pauses, key=lambda item: item.start):
        if merged and pause.start <= merged[-1].end:
            merged[-1] = attrs.evolve(merged[-1], end=max(merged[-1].end, pause.end))
        else:
            merged.append(pause)
    return merged


def _calendar_steps(start: datetime, end: datetime, calendar: Calendar) -> Iterator[Step]:
    at = start
    if at >= end:
        return
    for open_time in calendar.open_times(start):
        if open_time.start > at:
            yield from _closed_steps(at, min(open_time.start, end), calendar)
        if open_time.start >= end:
            return
        at = min(open_time.end, end)
        yield Step(kind=StepKind.COUNTED, start=open_time.start, end=at)
        if at >= end:
            return


def _closed_steps(start: datetime, end: datetime, calendar: Calendar) -> Iterator[Step]:
    """Yield why it was closed, day by day where the days differ."""
    at = start
    while at < end:
        day = calendar.local_day(at)
        until = min(calendar.midnight(day + timedelta(days=1)), end)
        holiday = calendar.holiday(day)
        if holiday:
            yield Step(kind=StepKind.HOLIDAY, start=at, end=until, reason=holiday)
        elif not calendar.hours_of(day):
            yield Step(kind=StepKind.CLOSED_DAY, start=at, end=until)
        else:
            yield Step(kind=StepKind.OUTSIDE_HOURS, start=at, end=until)
        at = until


def _cut_by_pauses(step: Step, pauses: Sequence[Pause]) -> Iterator[Step]:
    at = step.start
    for pause in _merged(pauses):
        start, end = max(pause.start, at), min(pause.end, step.end)
        if start >= end:
            continue
        if start > at:
            yield attrs.evolve(step, start=at, end=start)
        yield Step(kind=StepKind.PAUSED, start=start, end=end, reason=pause.reason)
        at = end
    if at < step.end:
        yield attrs.evolve(step, start=at)


def _append_merged(steps: list[Step], step: Step) -> None:
    last = steps[-1] if steps else None
    if last and (last.kind, last.reason, last.end) == (step.kind, step.reason, step.start):
        steps[-1] = attrs.evolve(last, end=step.end)
    else:
        steps.append(step)


# ---- a clock as a projection of its events


class ClockEventKind(enum.StrEnum):
    """What happens to a clock."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CANCEL = "cancel"


@attrs.frozen(kw_only=True)
class ClockEvent:
    """One event of a clock, as stored: append-only."""

    kind: ClockEventKind
    at: datetime = attrs.field(converter=utc)
    reason: str = ""


class ClockState(enum.StrEnum):
    """How a clock stands."""

    NOT_STARTED = "not_started"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


@attrs.frozen(kw_only=True)
class Clock:
    """A clock as its events tell it at one instant.

    `due` is None while it is not running towards one (not started, paused, cancelled); `remaining` is then what it will
    still have. `breached` is since when it is late, None where it is not: also for a stopped clock.
    """

    state: ClockState
    minutes: int
    calendar: str
    started: datetime | None
    due: datetime | None
    ended: datetime | None
    breached: datetime | None
    elapsed: timedelta
    remaining: timedelta
    pauses: tuple[Pause, ...]
    steps: tuple[Step, ...]


class ClockEventsRefused(ValueError):
    """The events are no history of a clock: out of order, or one that cannot follow the one before."""


_FOLLOWS = {
    ClockState.NOT_STARTED: {ClockEventKind.START: ClockState.RUNNING},
    ClockState.RUNNING: {
        ClockEventKind.PAUSE: ClockState.PAUSED,
        ClockEventKind.STOP: ClockState.STOPPED,
        ClockEventKind.CANCEL: ClockState.CANCELLED,
    },
    ClockState.PAUSED: {
        ClockEventKind.RESUME: ClockState.RUNNING,
        ClockEventKind.STOP: ClockState.STOPPED,
        ClockEventKind.CANCEL: ClockState.CANCELLED,
    },
    ClockState.STOPPED: {ClockEventKind.RESUME: ClockState.RUNNING},  # reopened: the time between does not count
    ClockState.CANCELLED: {},
}


def project(events: Sequence[ClockEvent], *, minutes: int, calendar: Calendar, now: datetime) -> Clock:
    """Return the clock that `events` tell at `now`. Raises ClockEventsRefused.

    Another calendar or target gives the clock that there would have been: nothing of the answer is stored in events.
    """
    now = utc(now)
    told = [event for event in events if event.at <= now]
    state, started = _replay(told)
    left = timedelta(minutes=minutes)
    if started is None:
        return Clock(
            state=state, minutes=minutes, calendar=calendar.name, started=None, due=None, ended=None, breached=None,
            elapsed=NOTHING, remaining=left, pauses=(), steps=(),
        )  # fmt: skip
    ended = told[-1].at if state in {ClockState.STOPPED, ClockState.CANCELLED} else None
    until = ended or now
    pauses = _pauses(told, until=until)
    counted = elapsed(started, until, calendar, pauses)
    reached = due(started, minutes, calendar, pauses)
    late = counted > left
    return Clock(
        state=state,
        minutes=minutes,
        calendar=calendar.name,
        started=started,
        due=reached if late or state in {ClockState.RUNNING, ClockState.STOPPED} else None,
        ended=ended,
        breached=reached if late else None,
        elapsed=counted,
        remaining=max(left - counted, NOTHING),
        pauses=pauses,
        steps=trace(started, max(reached, until) if state is ClockState.RUNNING else until, calendar, pauses),
    )


def _replay(events: Sequence[ClockEvent]) -> tuple[ClockState, datetime | None]:
    """Return the state and when the clock started."""
    state, started, last = ClockState.NOT_STARTED, None, None
    for event in events:
        following = _FOLLOWS[state].get(event.kind)
        if following is None:
            raise ClockEventsRefused(f"a clock that is {state} cannot {event.kind}")
        if last is not None and event.at < last:
            raise ClockEventsRefused(f"{event.kind} at {event.at.isoformat()} is before the event that it follows")
        state, last = following, event.at
        started = event.at if event.kind is ClockEventKind.START else started
    return state, started


def _pauses(events: Sequence[ClockEvent], *, until: datetime) -> tuple[Pause, ...]:
    """Return the pauses, one that still runs up to `until`. A stop that was taken back was a pause too."""
    pauses: list[Pause] = []
    begun: ClockEvent | None = None
    for event in events:
        if event.kind is ClockEventKind.RESUME and begun is not None:
            pauses.append(Pause(start=begun.at, end=event.at, reason=begun.reason))
            begun = None
        elif event.kind in {ClockEventKind.PAUSE, ClockEventKind.STOP} and begun is None:
            begun = event
    if begun is not None and begun.at < until:
        pauses.append(Pause(start=begun.at, end=until, reason=begun.reason))
    return tuple(pauses)
