"""Why a clock is due when it is: the target, the calendar, and what each stretch of time was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

import attrs

from samdrift.support.domain.clocks import EventKind, StoredEvent, tell
from samdrift.support.models import Clock, ClockEvent
from samdrift.support.queries.faces import ClockFace, clock_face
from samdrift.support.queries.ticket import TicketMissing


@attrs.frozen(kw_only=True)
class TraceStep:
    """One stretch of time. `kind` is counted, paused, outside_hours, closed_day or holiday; `reason` in words."""

    kind: str
    start: dt.datetime
    end: dt.datetime
    minutes: int
    reason: str


@attrs.frozen(kw_only=True)
class ClockPage:
    """A clock and its explanation. `origin` names the level that the target comes from, `carried` the minutes that the
    organisation used on earlier legs, `remaining` the seconds it still has, of open time."""

    clock: ClockFace
    team_name: str
    origin: str
    target_minutes: int
    carried_minutes: int
    elapsed_s: int
    remaining_s: int
    steps: Sequence[TraceStep]


def clock_page(*, clock: UUID, at: dt.datetime) -> ClockPage:
    """Return one clock's explanation, told anew from its events at `at`. Raises TicketMissing. Two queries."""
    found = Clock.objects.select_related("leg__team", "leg__organisation").filter(pk=clock).first()
    if found is None:
        raise TicketMissing(f"there is no clock {clock} within what you may see")
    rows = ClockEvent.objects.filter(leg=found.leg_id, metric=found.metric).order_by("at", "id")
    told = tell([_stored(row) for row in rows], now=max(at, found.started_at))
    return ClockPage(
        clock=clock_face(found, organisation_name=found.leg.organisation.short_name),
        team_name=found.leg.team.name,
        origin=told.origin,
        target_minutes=told.target,
        carried_minutes=told.carried,
        elapsed_s=int(told.clock.elapsed.total_seconds()),
        remaining_s=int(told.clock.remaining.total_seconds()),
        steps=[
            TraceStep(
                kind=step.kind.value,
                start=step.start,
                end=step.end,
                minutes=int(step.duration.total_seconds() // 60),
                reason=step.reason,
            )
            for step in told.clock.steps
        ],
    )


def _stored(row: ClockEvent) -> StoredEvent:
    return StoredEvent(
        kind=EventKind(row.kind),
        at=row.at,
        minutes=row.minutes,
        carried=row.carried,
        calendar=row.calendar,
        origin=row.origin,
        reason=row.reason,
        author=row.author,
    )
