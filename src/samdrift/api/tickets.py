"""Tickets over the REST API: the same queries and operations as the pages."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema, Status

from samdrift.api.doors import actor_of, purpose
from samdrift.federation import queries as federation
from samdrift.support import operations, queries
from samdrift_logs.scope import Purpose

router = Router(tags=["tickets"])


class ClockOut(Schema):
    """One clock. `due_at` is null while it is paused; `breached_at` says since when it is late."""

    id: UUID
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


class TicketOut(Schema):
    """A ticket in a list. `clock` is the caller's next open clock, `their_clock` the other party's."""

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
    holder_name: str
    holder_team: str
    holder_accepted: bool
    assignee_name: str
    our_part: str
    clock: ClockOut | None
    their_clock: ClockOut | None
    opened_at: dt.datetime
    changed_at: dt.datetime


class TicketsOut(Schema):
    """A page of tickets."""

    items: list[TicketOut]
    total: int
    page: int
    pages: int


class LegOut(Schema):
    """The stretch of a ticket that one team holds, and its clocks."""

    id: UUID
    organisation: UUID
    organisation_name: str
    team: UUID
    team_name: str
    part: str
    state: str
    assignee_name: str
    offered_at: dt.datetime
    accepted_at: dt.datetime | None
    ended_at: dt.datetime | None
    return_reason: str
    clocks: list[ClockOut]


class StoryOut(Schema):
    """One thing that happened to a ticket."""

    at: dt.datetime
    kind: str
    what: str
    organisation_name: str
    author: str
    text: str


class TicketPageOut(Schema):
    """Everything about one ticket that the caller may see, and what they may do next."""

    ticket: TicketOut
    description: str
    requester: str
    resolution: str
    legs: list[LegOut]
    story: list[StoryOut]
    steps: list[str]


class TraceOut(Schema):
    """One stretch of time: counted, paused, outside hours, closed or a holiday."""

    kind: str
    start: dt.datetime
    end: dt.datetime
    minutes: int
    reason: str


class ClockPageOut(Schema):
    """Why a clock is due when it is."""

    clock: ClockOut
    team_name: str
    origin: str
    target_minutes: int
    carried_minutes: int
    elapsed_s: int
    remaining_s: int
    steps: list[TraceOut]


class TeamOut(Schema):
    """A team that a ticket can be handed to."""

    id: UUID
    organisation: UUID
    name: str
    line: str


class TicketIn(Schema):
    """A ticket to open at one of the caller's own teams."""

    kind: Literal["incident", "request"]
    priority: Literal["P1", "P2", "P3", "P4"]
    title: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=20_000)
    requester: str = Field("", max_length=200)
    team: UUID


class MessageIn(Schema):
    """A message; an internal one is never seen by the other side."""

    body: str = Field(min_length=1, max_length=20_000)
    internal: bool = False


class HandOverIn(Schema):
    """A hand-over tells the receiving team everything, so that nothing must be asked for again."""

    team: UUID
    what_is_wrong: str = Field(max_length=2000)
    who_is_hit: str = Field(max_length=2000)
    tried_so_far: str = Field(max_length=2000)
    contact: str = Field(max_length=2000)
    note: str = Field("", max_length=20_000)


class ReasonIn(Schema):
    """Why."""

    reason: str = Field(min_length=1, max_length=2000)


class PriorityIn(ReasonIn):
    """The new priority and why."""

    priority: Literal["P1", "P2", "P3", "P4"]


class ResolutionIn(Schema):
    """How it was solved."""

    resolution: str = Field(min_length=1, max_length=20_000)


class TicketFiltersIn(Schema):
    """What a list is narrowed to."""

    state: list[Literal["new", "open", "waiting", "resolved", "closed"]] = Field([])
    priority: list[Literal["P1", "P2", "P3", "P4"]] = Field([])
    text: str = Field("", max_length=200)
    page: int = Field(1, ge=1, le=100_000)
    per_page: int = Field(50, ge=1, le=200)


@router.get("", response=TicketsOut)
@purpose(Purpose.SUPPORT)
def list_tickets(request: HttpRequest, filters: Query[TicketFiltersIn]) -> Any:
    """List tickets that the caller's organisation is a party of, what is due first."""
    wanted = queries.TicketFilters(
        states=tuple(filters.state) or queries.TicketFilters().states,
        priorities=tuple(filters.priority),
        text=filters.text,
    )
    found = queries.ticket_queue(
        organisation=actor_of(request).organisation_id,
        at=request.at,  # type: ignore[attr-defined]
        filters=wanted,
        page=filters.page,
        per_page=filters.per_page,
    )
    return {"items": found.rows, "total": found.total, "page": found.page, "pages": found.pages}


@router.post("", response={201: TicketPageOut})
@purpose(Purpose.SUPPORT)
def open_ticket(request: HttpRequest, given: TicketIn) -> Any:
    """Open a ticket at a team of the caller's own organisation."""
    actor = actor_of(request)
    ticket = operations.open_ticket(
        actor=actor,
        municipality=actor.organisation_id,
        unit=None,
        kind=given.kind,
        priority=given.priority,
        title=given.title,
        description=given.description,
        requester=given.requester,
        team=given.team,
        at=request.at,  # type: ignore[attr-defined]
    )
    return Status(201, _page(request, ticket))


@router.get("/teams", response=list[TeamOut])
@purpose(Purpose.SUPPORT)
def list_teams(request: HttpRequest, organisation: UUID | None = None) -> Any:
    """List the teams of an organisation (the caller's own when none is named). Teams are published."""
    found = federation.teams(organisation=organisation or actor_of(request).organisation_id)
    return list(found)  # ninja takes a tuple of two for a status and a body


@router.get("/clocks/{clock}", response=ClockPageOut)
@purpose(Purpose.SUPPORT)
def explain_clock(request: HttpRequest, clock: UUID) -> Any:
    """Explain why a clock is due when it is."""
    try:
        return queries.clock_page(clock=clock, at=request.at)  # type: ignore[attr-defined]
    except queries.TicketMissing as error:
        raise Http404 from error


@router.get("/{ticket}", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def read_ticket(request: HttpRequest, ticket: UUID) -> Any:
    """Read one ticket with its legs, clocks and story."""
    return _page(request, ticket)


@router.post("/{ticket}/accept", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def accept_ticket(request: HttpRequest, ticket: UUID) -> Any:
    """Accept the ticket that is offered to the caller's team."""
    return _after(request, ticket, operations.accept_leg)


@router.post("/{ticket}/acknowledge", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def acknowledge_ticket(request: HttpRequest, ticket: UUID) -> Any:
    """Say, as the party that follows, that the ticket is known."""
    return _after(request, ticket, operations.acknowledge_ticket)


@router.post("/{ticket}/hand-over", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def hand_over_ticket(request: HttpRequest, ticket: UUID, given: HandOverIn) -> Any:
    """Offer the ticket to another team, with everything it needs to know."""
    checklist = {
        "what_is_wrong": given.what_is_wrong,
        "who_is_hit": given.who_is_hit,
        "tried_so_far": given.tried_so_far,
        "contact": given.contact,
    }
    return _after(request, ticket, operations.hand_over, team=given.team, checklist=checklist, note=given.note)


@router.post("/{ticket}/return", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def return_ticket(request: HttpRequest, ticket: UUID, given: ReasonIn) -> Any:
    """Decline the offer, or give the ticket back to where it came from."""
    return _after(request, ticket, operations.return_leg, reason=given.reason)


@router.post("/{ticket}/messages", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def write_message(request: HttpRequest, ticket: UUID, given: MessageIn) -> Any:
    """Write to the other side, or note something for one's own."""
    return _after(request, ticket, operations.add_message, body=given.body, internal=given.internal)


@router.post("/{ticket}/pause", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def pause_ticket(request: HttpRequest, ticket: UUID, given: ReasonIn) -> Any:
    """Pause the holder's clock while it waits for somebody else."""
    return _after(request, ticket, operations.pause_clock, reason=given.reason)


@router.post("/{ticket}/resume", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def resume_ticket(request: HttpRequest, ticket: UUID) -> Any:
    """Let the holder's clock run again."""
    return _after(request, ticket, operations.resume_clock)


@router.post("/{ticket}/priority", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def change_priority(request: HttpRequest, ticket: UUID, given: PriorityIn) -> Any:
    """Change the priority; the deadlines move with it."""
    return _after(request, ticket, operations.change_priority, priority=given.priority, reason=given.reason)


@router.post("/{ticket}/resolve", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def resolve_ticket(request: HttpRequest, ticket: UUID, given: ResolutionIn) -> Any:
    """Say how it was solved; the municipality's SPOC closes it."""
    return _after(request, ticket, operations.resolve_ticket, resolution=given.resolution)


@router.post("/{ticket}/reopen", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def reopen_ticket(request: HttpRequest, ticket: UUID, given: ReasonIn) -> Any:
    """Say why it is not solved."""
    return _after(request, ticket, operations.reopen_ticket, reason=given.reason)


@router.post("/{ticket}/close", response=TicketPageOut)
@purpose(Purpose.SUPPORT)
def close_ticket(request: HttpRequest, ticket: UUID) -> Any:
    """Close a resolved ticket."""
    return _after(request, ticket, operations.close_ticket)


def _after(request: HttpRequest, ticket: UUID, verb: Any, **given: Any) -> Any:
    """Do one verb to a ticket and return the ticket as it is then."""
    try:
        verb(actor=actor_of(request), ticket=ticket, at=request.at, **given)  # type: ignore[attr-defined]
    except operations.TicketNotFound as error:
        raise Http404 from error
    return _page(request, ticket)


def _page(request: HttpRequest, ticket: UUID) -> Any:
    try:
        return queries.ticket_page(ticket=ticket, actor=actor_of(request), at=request.at)  # type: ignore[attr-defined]
    except queries.TicketMissing as error:
        raise Http404 from error
