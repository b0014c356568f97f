"""Which ticket belongs to which case. Reads pass the gate of the Scope at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from samdrift.processes.models import CaseTicket


def ticket_of_case(*, case: UUID) -> UUID | None:
    """Return the ticket that a case opened, None where there is none in Scope."""
    return tickets_of_cases([case]).get(case)


def case_of_ticket(*, ticket: UUID) -> UUID | None:
    """Return the case that opened a ticket, None where there is none in Scope."""
    return cases_of_tickets([ticket]).get(ticket)


def tickets_of_cases(cases: Iterable[UUID]) -> Mapping[UUID, UUID]:
    """Return tickets by case. One query."""
    return dict(CaseTicket.objects.filter(case__in=list(cases)).values_list("case_id", "ticket_id"))


def cases_of_tickets(tickets: Iterable[UUID]) -> Mapping[UUID, UUID]:
    """Return cases by ticket. One query."""
    return dict(CaseTicket.objects.filter(ticket__in=list(tickets)).values_list("ticket_id", "case_id"))
