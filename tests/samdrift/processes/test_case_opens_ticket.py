"""From an alert to a ticket with both clocks: the story that everything hangs on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from uuid import UUID

import pytest

from samdrift.federation.rules import Role
from samdrift.foundation import outbox
from samdrift.processes import queries
from samdrift.soc import operations as soc
from samdrift.soc import queries as soc_queries
from samdrift.support import operations as support
from samdrift.support import queries as support_queries
from samdrift_logs.scope import Purpose
from tests.boundary.world import AT, everyone
from tests.samdrift.services import Services, alert


@pytest.fixture
def source(services: Services) -> UUID:
    with everyone():
        registered = soc.register_source(
            organisation=services.id("odense"),
            name="AD-servere",
            source_type="winlogbeat",
            subscription=services.subscriptions["odense"],
            with_token=True,
            at=AT,
        )
    return registered.source


def struck(services: Services, source: UUID, *, level: str = "high", at: dt.datetime = AT) -> UUID:
    """Record one alert, hand out its facts, and return the case."""
    with everyone():
        recorded = soc.record_alerts(alerts=[alert(services.id("odense"), source, level=level)], at=at)
        hand_out(at)
    return recorded.cases_opened[0]


def hand_out(at: dt.datetime) -> None:
    with everyone():
        done = outbox.dispatch(now=at)
    assert (done.failed, done.dead) == (0, 0)


def test_case_opens_ticket_with_a_clock_for_each_party(services: Services, source: UUID) -> None:
    case = struck(services, source)

    with services.world.within("odense", "syd", purpose=Purpose.OPERATION):
        ticket = queries.ticket_of_case(case=case)
    assert ticket is not None
    analyst = services.world.actor("syd", Role.SECOND_LINE_AGENT)
    with services.world.acting("syd", Role.SECOND_LINE_AGENT, Purpose.SUPPORT):
        page = support_queries.ticket_page(ticket=ticket, actor=analyst, at=AT)
    clocks = {(leg.organisation_name, clock.metric): clock for leg in page.legs for clock in leg.clocks}
    assert set(clocks) == {("Enhed Syd", "respond"), ("Enhed Syd", "resolve"), ("Odense", "acknowledge")}
    # Gold, P2, from 5 May 2026 11:00 in Denmark: one hour, six hours (five today), half an hour.
    assert clocks["Enhed Syd", "respond"].due_at == dt.datetime(2026, 5, 5, 10, 0, tzinfo=dt.UTC)
    assert clocks["Enhed Syd", "resolve"].due_at == dt.datetime(2026, 5, 6, 7, 0, tzinfo=dt.UTC)
    assert clocks["Odense", "acknowledge"].due_at == dt.datetime(2026, 5, 5, 9, 30, tzinfo=dt.UTC)
    assert (page.ticket.number, page.ticket.priority, page.holder.team_name) == ("2026-0001", "P2", "2. linje")
    assert page.follower is not None and page.follower.team_name == "SPOC"


@pytest.mark.parametrize("level", ["medium", "high", "critical"])
def test_case_opens_ticket_once_however_often_the_fact_is_handed_out(
    services: Services, source: UUID, level: str
) -> None:
    case = struck(services, source, level=level)

    with everyone():
        soc.record_alerts(alerts=[alert(services.id("odense"), source, level=level)], at=AT)
    hand_out(AT)

    with services.world.acting("odense", Role.SPOC_AGENT, Purpose.SUPPORT):
        found = support_queries.ticket_queue(organisation=services.id("odense"), at=AT)
        link = queries.tickets_of_cases([case])
    assert [row.id for row in found.rows] == [link[case]]


def test_ticket_is_seen_by_its_two_parties_and_by_nobody_else(services: Services, source: UUID) -> None:
    case = struck(services, source)

    for organisation, role in (("odense", Role.SPOC_AGENT), ("syd", Role.SECOND_LINE_AGENT)):
        with services.world.acting(organisation, role, Purpose.SUPPORT):
            assert support_queries.ticket_queue(organisation=services.id(organisation), at=AT).total == 1
            assert queries.ticket_of_case(case=case) is not None
    for organisation, role in (("nord", Role.SECOND_LINE_AGENT), ("assens", Role.SPOC_AGENT)):
        with services.world.acting(organisation, role, Purpose.SUPPORT):
            assert support_queries.ticket_queue(organisation=services.id(organisation), at=AT).total == 0
            assert queries.ticket_of_case(case=case) is None


def test_closed_case_and_closed_ticket_are_told_to_each_other_once(services: Services, source: UUID) -> None:
    case = struck(services, source)
    later = AT + dt.timedelta(minutes=10)
    analyst = services.world.actor("syd", Role.ANALYST)
    agent = services.world.actor("syd", Role.SECOND_LINE_AGENT)
    spoc = services.world.actor("odense", Role.SPOC_AGENT)
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        soc.take_case(actor=analyst, case=case, at=later)
        soc.close_case(actor=analyst, case=case, classification="true_positive", reason="Bekræftet.", at=later)
        ticket = queries.ticket_of_case(case=case)
    assert ticket is not None
    hand_out(later)
    with services.world.acting("syd", Role.SECOND_LINE_AGENT, Purpose.SUPPORT):
        support.accept_leg(actor=agent, ticket=ticket, at=later)
        support.resolve_ticket(actor=agent, ticket=ticket, resolution="Serveren er genskabt.", at=later)
    with services.world.acting("odense", Role.SPOC_AGENT, Purpose.SUPPORT):
        support.close_ticket(actor=spoc, ticket=ticket, at=later)
        hand_out(later)
        story = support_queries.ticket_page(ticket=ticket, actor=spoc, at=later).story
    hand_out(later)

    messages = [item.text for item in story if item.kind == "message"]
    assert len(messages) == 1
    assert "2026-0001" in messages[0]
    assert "Bekræftet." in messages[0]
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        entries = soc_queries.case_page(case=case, actor=analyst).entries
    assert [entry.facts["what"] for entry in entries if entry.kind == "ticket"] == [
        "opened",
        "accepted",
        "resolved",
        "closed",
    ]


def test_onboarded_organisation_gets_its_tables(services: Services, data: Path) -> None:
    hand_out(AT)

    tables = {path.name for path in (data / "lake").iterdir()}
    assert {str(organisation) for organisation in services.world.organisations.values()} <= tables


def test_case_that_turns_critical_raises_its_tickets_priority_once(services: Services, source: UUID) -> None:
    case = struck(services, source)
    later = AT + dt.timedelta(minutes=5)

    with everyone():
        soc.record_alerts(alerts=[alert(services.id("odense"), source, level="critical", event_id="0-9-9")], at=later)
    hand_out(later)
    hand_out(later)

    with services.world.within("odense", "syd", purpose=Purpose.OPERATION):
        ticket = queries.ticket_of_case(case=case)
    assert ticket is not None
    with services.world.acting("syd", Role.SECOND_LINE_AGENT, Purpose.SUPPORT):
        actor = services.world.actor("syd", Role.SECOND_LINE_AGENT)
        page = support_queries.ticket_page(ticket=ticket, actor=actor, at=later)
    assert page.ticket.priority == "P1"
    assert [item.what for item in page.story].count("priority_changed") == 1
