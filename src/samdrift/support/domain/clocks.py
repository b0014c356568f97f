"""What the stored events of one clock come to: target, due, met or breached, and why. Pure.

A clock is never stored as a moving deadline. It is told anew from its events, so that a late event, a new calendar or a
changed level gives the same as if it had been known from the start.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence

import attrs

from samdrift.foundation import clocks
from samdrift.foundation.calendars import CALENDARS, Calendar
from samdrift_logs.errors import SamdriftError


class CalendarUnknown(SamdriftError):
    """A clock names a calendar that this version does not have."""


class EventKind(enum.StrEnum):
    """What can happen to a clock."""

    START = "start"
    RETARGET = "retarget"  # another priority: other minutes, same start
    PAUSE = "pause"
    RESUME = "resume"  # after a pause, or after a stop when the ticket is reopened
    STOP = "stop"  # what was promised is done
    CANCEL = "cancel"  # the promise no longer applies to this leg: handed over, returned


class Outcome(enum.StrEnum):
    """How a clock ended."""

    MET = "met"
    LATE = "late"
    CANCELLED = "cancelled"


@attrs.frozen(kw_only=True)
class StoredEvent:
    """One event of a clock. `start` and `retarget` carry the target; `carried` are minutes used on earlier legs."""

    kind: EventKind
    at: dt.datetime
    minutes: int | None = None
    carried: int = 0
    calendar: str = ""
    origin: str = ""
    reason: str = ""
    author: str = ""


@attrs.frozen(kw_only=True)
class Told:
    """A clock as its events tell it at one instant. `target` minutes less `carried` are what the leg had."""

    clock: clocks.Clock
    target: int
    carried: int
    calendar: str
    origin: str
    paused_at: dt.datetime | None

    @property
    def outcome(self) -> Outcome | None:
        """How it ended, None while it has not."""
        if self.clock.state is clocks.ClockState.CANCELLED:
            return Outcome.CANCELLED
        if self.clock.state is clocks.ClockState.STOPPED:
            return Outcome.LATE if self.clock.breached else Outcome.MET
        return None


def tell(events: Sequence[StoredEvent], *, now: dt.datetime) -> Told:
    """Return the clock that `events` (in order, beginning with a start) tell at `now`.

    Raises CalendarUnknown, and clocks.ClockEventsRefused when the events are no history of a clock.
    """
    targets = [event for event in events if event.minutes is not None and event.at <= now]
    if not targets:
        raise clocks.ClockEventsRefused("a clock has no start that says for how long it may run")
    last = targets[-1]
    assert last.minutes is not None
    history = [
        clocks.ClockEvent(kind=clocks.ClockEventKind(event.kind.value), at=event.at, reason=event.reason)
        for event in events
        if event.kind is not EventKind.RETARGET
    ]
    clock = clocks.project(
        history, minutes=max(last.minutes - last.carried, 0), calendar=calendar_named(last.calendar), now=now
    )
    paused = clock.state is clocks.ClockState.PAUSED
    return Told(
        clock=clock,
        target=last.minutes,
        carried=last.carried,
        calendar=last.calendar,
        origin=last.origin,
        paused_at=max(event.at for event in history if event.at <= now) if paused else None,
    )


def calendar_named(name: str) -> Calendar:
    """Return the calendar. Raises CalendarUnknown."""
    calendar = CALENDARS.get(name)
    if calendar is None:
        raise CalendarUnknown(f"there is no calendar {name!r}; known are {', '.join(sorted(CALENDARS))}")
    return calendar
