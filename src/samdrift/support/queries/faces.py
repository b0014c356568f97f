"""How a clock, a leg and a ticket look to a reader."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

import attrs

from samdrift.support.models import Clock, Leg, Ticket
from samdrift.support.rules import Part


@attrs.frozen(kw_only=True)
class TicketName:
    """A name in both languages, empty where a ticket has no service."""

    da: str
    en: str


@attrs.frozen(kw_only=True)
class ClockFace:
    """One clock. `due_at` is None while it is paused; `breached_at` says since when it is late."""

    id: UUID
    leg: UUID
    organisation: UUID
    organisation_name: str
    metric: str
    minutes: int
    calendar: str
    started_at: dt.datetime
    due_at: dt.datetime | None
    paused_at: dt.datetime | None
    ended_at: dt.datetime | None
    outcome: str
    breached_at: dt.datetime | None

    def state(self, at: dt.datetime) -> str:
        """Return met, late, cancelled, breached, paused or running, as it is at an instant."""
        if self.outcome:
            return self.outcome
        if self.breached_at is not None or (self.due_at is not None and self.due_at < at):
            return "breached"
        return "paused" if self.paused_at is not None else "running"


@attrs.frozen(kw_only=True)
class LegFace:
    """One stretch of a ticket and its clocks."""

    id: UUID
    organisation: UUID
    organisation_name: str
    team: UUID
    team_name: str
    part: str
    state: str
    assignee: UUID | None
    assignee_name: str
    offered_at: dt.datetime
    offered_by: str
    accepted_at: dt.datetime | None
    accepted_by: str
    ended_at: dt.datetime | None
    ended_by: str
    return_reason: str
    checklist: Mapping[str, str]
    clocks: Sequence[ClockFace]


@attrs.frozen(kw_only=True)
class TicketRow:
    """A ticket in a list, as one organisation sees it.

    `our_part` is holder, receiver, follower or "" for that organisation; `clock` is its next open clock, `their_clock`
    the other party's.
    """

    id: UUID
    number: str
    kind: str
    priority: str
    title: str
    state: str
    municipality: UUID
    municipality_name: str
    unit: UUID | None
    unit_name: str
    service: TicketName
    holder: UUID | None
    holder_name: str
    holder_team: str
    holder_accepted: bool
    assignee: UUID | None
    assignee_name: str
    our_part: str
    clock: ClockFace | None
    their_clock: ClockFace | None
    opened_at: dt.datetime
    changed_at: dt.datetime


def clock_face(clock: Clock, *, organisation_name: str) -> ClockFace:
    """Return how a clock looks."""
    return ClockFace(
        id=clock.pk,
        leg=clock.leg_id,
        organisation=clock.organisation_id,
        organisation_name=organisation_name,
        metric=clock.metric,
        minutes=clock.minutes,
        calendar=clock.calendar,
        started_at=clock.started_at,
        due_at=clock.due_at,
        paused_at=clock.paused_at,
        ended_at=clock.ended_at,
        outcome=clock.outcome,
        breached_at=clock.breached_at,
    )


def leg_face(leg: Leg, clocks: Iterable[Clock]) -> LegFace:
    """Return how a leg looks; its organisation and team must be loaded."""
    name = leg.organisation.short_name
    return LegFace(
        id=leg.pk,
        organisation=leg.organisation_id,
        organisation_name=name,
        team=leg.team_id,
        team_name=leg.team.name,
        part=leg.part,
        state=leg.state,
        assignee=leg.assignee_id,
        assignee_name=leg.assignee_name,
        offered_at=leg.offered_at,
        offered_by=leg.offered_by,
        accepted_at=leg.accepted_at,
        accepted_by=leg.accepted_by,
        ended_at=leg.ended_at,
        ended_by=leg.ended_by,
        return_reason=leg.return_reason,
        checklist=leg.checklist,
        clocks=tuple(clock_face(clock, organisation_name=name) for clock in clocks),
    )


def ticket_rows(tickets: Sequence[Ticket], *, organisation: UUID) -> list[TicketRow]:
    """Return rows in the given order; organisations of the tickets must be loaded. Two queries for any number."""
    legs: dict[UUID, list[Leg]] = {ticket.pk: [] for ticket in tickets}
    open_legs = Leg.objects.filter(ticket__in=list(legs), ended_at__isnull=True).select_related("team", "organisation")
    for leg in open_legs.order_by("offered_at", "id"):
        legs[leg.ticket_id].append(leg)
    clocks: dict[UUID, list[Clock]] = {ticket.pk: [] for ticket in tickets}
    for clock in Clock.objects.filter(ticket__in=list(legs), ended_at__isnull=True).order_by("due_at", "id"):
        clocks[clock.ticket_id].append(clock)
    return [
        ticket_row(ticket, legs=legs[ticket.pk], clocks=clocks[ticket.pk], organisation=organisation)
        for ticket in tickets
    ]


def ticket_row(ticket: Ticket, *, legs: Sequence[Leg], clocks: Sequence[Clock], organisation: UUID) -> TicketRow:
    """Return one row from its open legs and clocks."""
    holder = next((leg for leg in legs if leg.part == Part.HOLDER), None)
    ours = sorted((leg for leg in legs if leg.organisation_id == organisation), key=_by_part)
    names = {leg.organisation_id: leg.organisation.short_name for leg in legs}
    return TicketRow(
        id=ticket.pk,
        number=ticket.number,
        kind=ticket.kind,
        priority=ticket.priority,
        title=ticket.title,
        state=ticket.state,
        municipality=ticket.organisation_id,
        municipality_name=ticket.organisation.short_name,
        unit=ticket.counterparty_id,
        unit_name=ticket.counterparty.short_name if ticket.counterparty else "",
        service=TicketName(da=ticket.service_da, en=ticket.service_en),
        holder=holder.organisation_id if holder else None,
        holder_name=holder.organisation.short_name if holder else "",
        holder_team=holder.team.name if holder else "",
        holder_accepted=bool(holder and holder.state == "accepted"),
        assignee=holder.assignee_id if holder else None,
        assignee_name=holder.assignee_name if holder else "",
        our_part=ours[0].part if ours else "",
        clock=_next_clock(clocks, names, lambda owner: owner == organisation),
        their_clock=_next_clock(clocks, names, lambda owner: owner != organisation),
        opened_at=ticket.opened_at,
        changed_at=ticket.changed_at,
    )


_PARTS = [Part.RECEIVER.value, Part.HOLDER.value, Part.FOLLOWER.value]


def _by_part(leg: Leg) -> int:
    return _PARTS.index(leg.part)


def _next_clock(
    clocks: Sequence[Clock], names: Mapping[UUID, str], is_wanted: Callable[[UUID], bool]
) -> ClockFace | None:
    """Return the clock that is due first; a paused one only where nothing runs."""
    wanted = [clock for clock in clocks if is_wanted(clock.organisation_id)]
    running = sorted((clock for clock in wanted if clock.due_at is not None), key=_due_first)
    chosen = next(iter(running or wanted), None)
    return clock_face(chosen, organisation_name=names.get(chosen.organisation_id, "")) if chosen else None


def _due_first(clock: Clock) -> tuple[dt.datetime, str]:
    assert clock.due_at is not None
    return clock.due_at, str(clock.pk)
