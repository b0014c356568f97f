"""What can be read of tickets, as frozen values. All reads pass the gate of the Scope at hand."""

from samdrift.support.queries.explanation import ClockPage, TraceStep, clock_page
from samdrift.support.queries.faces import ClockFace, LegFace, TicketName, TicketRow
from samdrift.support.queries.queue import (
    TicketCounts,
    TicketFilters,
    TicketList,
    counts,
    my_work,
    search_tickets,
    ticket_queue,
    tickets_by_id,
    what_breaches_next,
)
from samdrift.support.queries.story import StoryItem
from samdrift.support.queries.ticket import TicketMissing, TicketPage, ticket_page

__all__ = [
    "ClockFace",
    "ClockPage",
    "LegFace",
    "StoryItem",
    "TicketCounts",
    "TicketFilters",
    "TicketList",
    "TicketMissing",
    "TicketName",
    "TicketPage",
    "TicketRow",
    "TraceStep",
    "clock_page",
    "counts",
    "my_work",
    "search_tickets",
    "ticket_page",
    "ticket_queue",
    "tickets_by_id",
    "what_breaches_next",
]
