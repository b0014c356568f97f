"""Lists of tickets: the queue, what is mine, what becomes late next, search. Query counts do not grow with rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import attrs
from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet, Subquery

from samdrift.support.domain.folding import fold
from samdrift.support.models import Clock, Leg, Message, Ticket
from samdrift.support.queries.faces import TicketRow, ticket_rows
from samdrift.support.rules import LegState, Part, TicketState

ACTIVE = (TicketState.NEW.value, TicketState.OPEN.value, TicketState.WAITING.value)
PAGE = 50
SORTS = ("due", "opened", "changed", "priority", "number", "title")


@attrs.frozen(kw_only=True)
class TicketFilters:
    """What a list is narrowed to; an empty value narrows nothing.

    `states` defaults to what is not resolved. `part` is our organisation's part in the ticket. `assignee` is a person,
    `unassigned` those of ours that nobody has. `breached`: our clock is late.
    """

    states: Sequence[str] = ACTIVE
    priorities: Sequence[str] = ()
    kinds: Sequence[str] = ()
    municipality: UUID | None = None
    unit: UUID | None = None
    team: UUID | None = None
    part: str = ""
    assignee: UUID | None = None
    unassigned: bool = False
    breached: bool = False
    text: str = ""


@attrs.frozen(kw_only=True)
class TicketList:
    """One page of tickets. Pages count from 1."""

    rows: Sequence[TicketRow]
    total: int
    page: int
    pages: int


@attrs.frozen(kw_only=True)
class TicketCounts:
    """Figures that one acts on, each with a queue behind it. `due_soon`: within the next two hours."""

    active: int
    to_accept: int
    mine: int
    unassigned: int
    breached: int
    due_soon: int
    waiting: int
    to_close: int


def ticket_queue(
    *,
    organisation: UUID,
    at: dt.datetime,
    filters: TicketFilters | None = None,
    sort: str = "due",
    descending: bool = False,
    page: int = 1,
    per_page: int = PAGE,
) -> TicketList:
    """Return a page of the tickets that `organisation` is a party of, what is due for it first. Four queries."""
    found = _filtered(organisation, filters or TicketFilters(), at=at)
    total = found.count()
    pages = max(1, -(-total // per_page))
    chosen = min(max(page, 1), pages)
    ordered = _ordered(found, organisation, sort=sort, descending=descending)
    tickets = list(ordered[(chosen - 1) * per_page : chosen * per_page])
    return TicketList(rows=ticket_rows(tickets, organisation=organisation), total=total, page=chosen, pages=pages)


def my_work(
    *, organisation: UUID, user: UUID, teams: Iterable[UUID], at: dt.datetime, limit: int = 30
) -> list[TicketRow]:
    """Return what a person has: assigned to them, or offered to one of their teams. Three queries."""
    mine = Q(assignee=user) & ~Q(part=Part.FOLLOWER)
    offered = Q(team__in=list(teams), state=LegState.OFFERED)
    legs = Leg.objects.filter(mine | offered, ticket=OuterRef("pk"), ended_at__isnull=True)
    found = _filtered(organisation, TicketFilters(), at=at).filter(Exists(legs))
    return ticket_rows(list(_ordered(found, organisation)[:limit]), organisation=organisation)


def what_breaches_next(*, organisation: UUID, at: dt.datetime, limit: int = 10) -> list[TicketRow]:
    """Return the tickets whose clock for `organisation` is late or due next. Three queries."""
    found = _with_due(_filtered(organisation, TicketFilters(), at=at), organisation).filter(our_due__isnull=False)
    return ticket_rows(list(found.order_by("our_due", "id")[:limit]), organisation=organisation)


def counts(*, organisation: UUID, user: UUID | None, at: dt.datetime) -> TicketCounts:
    """Return the figures of an organisation's work. Six queries."""
    active = _parties(organisation).filter(state__in=ACTIVE)
    legs = Leg.objects.filter(organisation=organisation, ended_at__isnull=True, ticket__state__in=ACTIVE)
    late, soon = _open_clocks(organisation, until=at), _open_clocks(organisation, until=at + dt.timedelta(hours=2))
    held = legs.filter(part=Part.HOLDER, assignee__isnull=True)
    return TicketCounts(
        active=active.count(),
        to_accept=legs.filter(state=LegState.OFFERED).count(),
        mine=legs.filter(assignee=user).exclude(part=Part.FOLLOWER).count() if user else 0,
        unassigned=held.count(),
        breached=late.values("ticket").distinct().count(),
        due_soon=soon.filter(due_at__gte=at).values("ticket").distinct().count(),
        waiting=active.filter(state=TicketState.WAITING).count(),
        to_close=Ticket.objects.filter(organisation=organisation, state=TicketState.RESOLVED).count(),
    )


def search_tickets(*, organisation: UUID, text: str, at: dt.datetime, limit: int = 10) -> list[TicketRow]:
    """Return tickets in any state that hold every word of `text`, newest first. Danish spellings are one."""
    filters = TicketFilters(states=(), text=text)
    found = _filtered(organisation, filters, at=at).order_by("-opened_at", "-id")
    return ticket_rows(list(found[:limit]), organisation=organisation) if fold(text) else []


def tickets_by_id(ids: Iterable[UUID], *, organisation: UUID) -> Mapping[UUID, TicketRow]:
    """Return the tickets in Scope among `ids`. Three queries."""
    tickets = list(_loaded(Ticket.objects.filter(pk__in=list(ids))))
    return {row.id: row for row in ticket_rows(tickets, organisation=organisation)}


def _loaded(rows: QuerySet[Ticket]) -> QuerySet[Ticket]:
    return rows.select_related("organisation", "counterparty")


def _parties(organisation: UUID) -> QuerySet[Ticket]:
    found: QuerySet[Ticket] = Ticket.objects.filter(Q(organisation=organisation) | Q(counterparty=organisation))
    return found


def _filtered(organisation: UUID, filters: TicketFilters, *, at: dt.datetime) -> QuerySet[Ticket]:
    found = _loaded(_parties(organisation))
    for field, values in (("state", filters.states), ("priority", filters.priorities), ("kind", filters.kinds)):
        if values:
            found = found.filter(**{f"{field}__in": list(values)})
    if filters.municipality is not None:
        found = found.filter(organisation=filters.municipality)
    if filters.unit is not None:
        found = found.filter(counterparty=filters.unit)
    for leg in _leg_filters(organisation, filters):
        found = found.filter(Exists(leg))
    if filters.breached:
        found = found.filter(Exists(_open_clocks(organisation, until=at).filter(ticket=OuterRef("pk"))))
    for word in fold(filters.text).split():
        written = Message.objects.filter(ticket=OuterRef("pk"), search_text__contains=word)
        found = found.filter(Q(search_text__contains=word) | Q(Exists(written)))
    return found


def _leg_filters(organisation: UUID, filters: TicketFilters) -> Iterable[QuerySet[Leg]]:
    legs = Leg.objects.filter(ticket=OuterRef("pk"), ended_at__isnull=True)
    if filters.part:
        yield legs.filter(organisation=organisation, part=filters.part)
    if filters.team is not None:
        yield legs.filter(team=filters.team)
    if filters.assignee is not None:
        yield legs.filter(assignee=filters.assignee)
    if filters.unassigned:
        yield legs.filter(organisation=organisation, part=Part.HOLDER, assignee__isnull=True)


def _open_clocks(organisation: UUID, *, until: dt.datetime) -> QuerySet[Clock]:
    found: QuerySet[Clock] = Clock.objects.filter(
        organisation=organisation, ended_at__isnull=True, due_at__lt=until, ticket__state__in=ACTIVE
    )
    return found


def _with_due(found: QuerySet[Ticket], organisation: UUID) -> QuerySet[Any]:
    clocks = Clock.objects.filter(ticket=OuterRef("pk"), organisation=organisation, ended_at__isnull=True)
    first = clocks.order_by().values("ticket").annotate(first=Min("due_at")).values("first")
    return found.annotate(our_due=Subquery(first))


def _ordered(
    found: QuerySet[Ticket], organisation: UUID, *, sort: str = "due", descending: bool = False
) -> QuerySet[Ticket]:
    fields = {
        "opened": "opened_at",
        "changed": "changed_at",
        "priority": "priority",
        "number": "number",
        "title": "search_text",
    }
    if sort not in fields:
        found, column = _with_due(found, organisation), F("our_due")
    else:
        column = F(fields[sort])
    order = column.desc(nulls_last=True) if descending else column.asc(nulls_last=True)
    return found.order_by(order, "priority", "opened_at", "id")
