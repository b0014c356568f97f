"""Lists of tickets: order, filters, search with Danish spellings, and query counts that do not grow."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from samdrift.federation.rules import Role
from samdrift.support import operations, queries
from samdrift_logs.scope import Purpose
from tests.boundary.world import AT
from tests.samdrift.services import Services


def opened(services: Services, municipality: str, *, title: str, priority: str = "P3", at: dt.datetime = AT) -> UUID:
    """Open a ticket of a municipality at its unit's 2nd line."""
    unit = "nord" if municipality == "aalborg" else "syd"
    with services.world.acting(municipality, Role.SPOC_AGENT, Purpose.SUPPORT):
        return operations.open_ticket(
            actor=services.world.actor(municipality, Role.SPOC_AGENT),
            municipality=services.id(municipality),
            unit=services.id(unit),
            kind="incident",
            priority=priority,
            title=title,
            subscription=services.subscriptions[municipality],
            team=services.world.teams[unit, "second"],
            follower_team=services.world.teams[municipality, "spoc"],
            at=at,
        )


def test_ticket_queue_sorts_by_what_is_due_for_us(services: Services) -> None:
    calm = opened(services, "odense", title="Rolig", priority="P4")
    urgent = opened(services, "assens", title="Haster", priority="P1")
    middle = opened(services, "odense", title="Midt", priority="P3")

    with services.world.acting("syd", Role.SECOND_LINE_AGENT, Purpose.SUPPORT):
        found = queries.ticket_queue(organisation=services.id("syd"), at=AT)

    assert [row.id for row in found.rows] == [urgent, middle, calm]
    assert {row.municipality_name for row in found.rows} == {"Odense", "Assens"}


def test_ticket_queue_filters_and_pages(services: Services) -> None:
    for number in range(3):
        opened(services, "odense", title=f"Sag {number}")
    opened(services, "assens", title="En anden")

    with services.world.acting("syd", Role.SECOND_LINE_AGENT, Purpose.SUPPORT):
        odense = queries.TicketFilters(municipality=services.id("odense"))
        page = queries.ticket_queue(organisation=services.id("syd"), filters=odense, page=2, per_page=2, at=AT)
        beyond = queries.ticket_queue(organisation=services.id("syd"), filters=odense, page=9, per_page=2, at=AT)
        late = queries.TicketFilters(breached=True)
        breached = queries.ticket_queue(organisation=services.id("syd"), filters=late, at=AT + dt.timedelta(days=9))

    assert (page.total, page.pages, page.page, len(page.rows)) == (3, 2, 2, 1)
    assert beyond.page == 2
    assert breached.total == 4


@pytest.mark.parametrize("text", ["aeroe", "Ærø", "AERØ faerge", "færge ærø"])
def test_search_tickets_finds_danish_words_however_spelt(services: Services, text: str) -> None:
    wanted = opened(services, "odense", title="Printer på Ærø Færgeleje")
    opened(services, "odense", title="Printer i Århus")

    with services.world.acting("odense", Role.SPOC_AGENT, Purpose.SUPPORT):
        found = queries.search_tickets(organisation=services.id("odense"), text=text, at=AT)

    assert [row.id for row in found] == [wanted]


def test_counts_tell_each_side_its_own(services: Services) -> None:
    opened(services, "odense", title="En")
    opened(services, "assens", title="To", priority="P1")
    late = AT + dt.timedelta(hours=1, minutes=30)

    with services.world.acting("syd", Role.SECOND_LINE_AGENT, Purpose.SUPPORT):
        unit = queries.counts(organisation=services.id("syd"), user=None, at=late)
        next_up = queries.what_breaches_next(organisation=services.id("syd"), at=late)
    with services.world.acting("odense", Role.SPOC_AGENT, Purpose.SUPPORT):
        spoc = queries.counts(organisation=services.id("odense"), user=None, at=late)

    assert (unit.active, unit.to_accept, unit.breached) == (2, 2, 1)
    assert [row.title for row in next_up] == ["To", "En"]
    assert (spoc.active, spoc.to_accept, spoc.breached) == (1, 0, 0)


def test_query_counts_do_not_grow_with_rows(services: Services) -> None:
    first = opened(services, "odense", title="Sag")
    unit, agent = services.id("syd"), services.world.actor("syd", Role.SECOND_LINE_AGENT)

    def looks() -> list[int]:
        counted = []
        with services.world.acting("syd", Role.SECOND_LINE_AGENT, Purpose.SUPPORT):
            for look in (
                lambda: queries.ticket_queue(organisation=unit, at=AT),
                lambda: queries.my_work(organisation=unit, user=agent.user_id, teams=agent.team_ids, at=AT),
                lambda: queries.what_breaches_next(organisation=unit, at=AT),
                lambda: queries.counts(organisation=unit, user=agent.user_id, at=AT),
                lambda: queries.ticket_page(ticket=first, actor=agent, at=AT),
            ):
                with CaptureQueriesContext(
                    connection,
                ) as captured:
                    look()
                counted.append(len(captured))
        return counted

    with_one = looks()
    opened(services, "odense", title="Sag to")
    opened(services, "assens", title="Sag tre")
    with services.world.acting("odense", Role.SPOC_AGENT, Purpose.SUPPORT):
        spoc = services.world.actor("odense", Role.SPOC_AGENT)
        for word in ("et", "to", "tre"):
            operations.add_message(actor=spoc, ticket=first, body=word, at=AT)

    assert looks() == with_one
    assert max(with_one) <= 8
