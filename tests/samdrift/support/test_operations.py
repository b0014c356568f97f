"""A ticket's life: who holds it, what its clocks say, and what each side may do and see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import attrs
import pytest

from samdrift.federation.rules import Actor, Role
from samdrift.foundation import audit
from samdrift.support import operations, queries
from samdrift.support.models import Clock, Leg
from samdrift.support.rules import Step
from samdrift_logs.errors import ScopeRefused
from samdrift_logs.scope import Purpose
from tests.boundary.world import AT, everyone
from tests.samdrift.services import Services

CHECKLIST = {
    "what_is_wrong": "Filserveren svarer ikke",
    "who_is_hit": "Borgerservice, 40 brugere",
    "tried_so_far": "Genstartet fra konsollen",
    "contact": "Lise, 63 00 00 00",
}


def minutes(count: int) -> dt.datetime:
    """Return an instant so many minutes after AT, which is a Tuesday 11:00 in Denmark."""
    return AT + dt.timedelta(minutes=count)


@attrs.define
class Desk:
    """One ticket between Odense and Enhed Syd, and the people who work on it."""

    services: Services
    ticket: UUID

    @contextmanager
    def as_(self, organisation: str, role: Role | None = None) -> Iterator[Actor]:
        """Work as the SPOC agent or 2nd line agent of an organisation."""
        is_unit = organisation in {"syd", "nord"}
        chosen = role or (Role.SECOND_LINE_AGENT if is_unit else Role.SPOC_AGENT)
        with self.services.world.acting(organisation, chosen, Purpose.SUPPORT):
            yield self.services.world.actor(organisation, chosen)

    def team(self, organisation: str, team: str) -> UUID:
        return self.services.world.teams[organisation, team]

    def page(self, organisation: str, at: dt.datetime = AT) -> queries.TicketPage:
        with self.as_(organisation) as actor:
            return queries.ticket_page(ticket=self.ticket, actor=actor, at=at)

    def clock(self, metric: str, *, organisation: str, at: dt.datetime = AT) -> queries.ClockFace:
        """Return the newest clock of an organisation."""
        name = {"syd": "Enhed Syd", "odense": "Odense"}[organisation]
        found = [
            clock
            for leg in self.page(organisation, at).legs
            for clock in leg.clocks
            if clock.metric == metric and clock.organisation_name == name
        ]
        return found[-1]


@pytest.fixture
def desk(services: Services) -> Desk:
    """The SPOC of Odense has opened a P2 incident (gold) at the 2nd line of Enhed Syd."""
    spoc = services.world.actor("odense", Role.SPOC_AGENT)
    with services.world.acting("odense", Role.SPOC_AGENT, Purpose.SUPPORT):
        ticket = operations.open_ticket(
            actor=spoc,
            municipality=services.id("odense"),
            unit=services.id("syd"),
            kind="incident",
            priority="P2",
            title="Filserver på Ærø svarer ikke",
            description="Borger 010190-1234 kan ikke betjenes",
            subscription=services.subscriptions["odense"],
            team=services.world.teams["syd", "second"],
            follower_team=services.world.teams["odense", "spoc"],
            at=AT,
        )
    return Desk(services, ticket)


def test_open_ticket_offers_it_to_the_team_and_lets_the_opener_follow(desk: Desk) -> None:
    page = desk.page("syd")

    assert (page.ticket.number, page.ticket.state, page.holder.state) == ("2026-0001", "new", "offered")
    assert page.follower is not None
    assert (page.follower.state, page.follower.clocks) == ("accepted", ())
    assert page.next_step is Step.ACCEPT
    assert desk.page("odense").next_step is Step.WRITE


def test_open_ticket_keeps_cpr_numbers_from_the_other_side(desk: Desk) -> None:
    assert desk.page("syd").description == "Borger [CPR] kan ikke betjenes"


def test_open_ticket_of_strangers_is_refused(services: Services) -> None:
    nord = services.world.actor("nord", Role.SECOND_LINE_AGENT)
    with services.world.acting("nord", Role.SECOND_LINE_AGENT, Purpose.SUPPORT):
        with pytest.raises(operations.TicketRefused):
            operations.open_ticket(
                actor=nord,
                municipality=services.id("odense"),
                unit=services.id("syd"),
                kind="incident",
                priority="P2",
                title="Snyd",
                team=services.world.teams["syd", "second"],
                at=AT,
            )


def test_accept_leg_meets_respond_and_keeps_resolve_running(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=minutes(20))

    assert desk.clock("respond", organisation="syd").outcome == "met"
    resolve = desk.clock("resolve", organisation="syd")
    assert (resolve.outcome, resolve.due_at) == ("", dt.datetime(2026, 5, 6, 7, 0, tzinfo=dt.UTC))
    assert desk.page("syd").ticket.assignee_name == desk.services.world.actor("syd", Role.SECOND_LINE_AGENT).name


def test_accept_leg_by_the_follower_is_refused(desk: Desk) -> None:
    with desk.as_("odense") as spoc, pytest.raises(operations.TicketRefused, match="open to them is"):
        operations.accept_leg(actor=spoc, ticket=desk.ticket, at=minutes(1))


def test_pause_lets_the_clock_rest_and_says_why(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=minutes(0))
        operations.pause_clock(actor=agent, ticket=desk.ticket, reason="Afventer adgang fra kommunen", at=minutes(30))
        paused = desk.clock("resolve", organisation="syd", at=minutes(31))
        operations.resume_clock(actor=agent, ticket=desk.ticket, at=minutes(90))

    assert (paused.state(minutes(31)), paused.due_at) == ("paused", None)
    resumed = desk.clock("resolve", organisation="syd")
    assert resumed.due_at == dt.datetime(2026, 5, 6, 8, 0, tzinfo=dt.UTC)
    with desk.as_("syd"):
        page = queries.clock_page(clock=resumed.id, at=minutes(120))
    assert [(step.kind, step.reason) for step in page.steps][:3] == [
        ("counted", ""),
        ("paused", "Afventer adgang fra kommunen"),
        ("counted", ""),
    ]
    assert (page.origin, page.target_minutes) == ("server-operation 1.0 gold", 360)


def test_hand_over_without_the_whole_checklist_is_refused(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=AT)
        with pytest.raises(operations.HandOverRefused, match="tried_so_far, contact"):
            operations.hand_over(
                actor=agent,
                ticket=desk.ticket,
                team=desk.team("syd", "soc"),
                checklist={"what_is_wrong": "x", "who_is_hit": "y"},
                at=minutes(5),
            )


def test_hand_over_keeps_the_holder_responsible_until_the_other_accepts(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=AT)
        operations.hand_over(
            actor=agent, ticket=desk.ticket, team=desk.team("odense", "spoc"), checklist=CHECKLIST, at=minutes(60)
        )
    offered = desk.page("odense")
    with desk.as_("odense") as spoc:
        operations.accept_leg(actor=spoc, ticket=desk.ticket, at=minutes(75))
    taken = desk.page("odense")

    assert offered.holder.organisation_name == "Enhed Syd"
    assert offered.receiver is not None and offered.next_step is Step.ACCEPT
    assert (taken.holder.organisation_name, taken.receiver) == ("Odense", None)
    assert taken.follower is not None and taken.follower.organisation_name == "Enhed Syd"
    ended = next(leg for leg in taken.legs if leg.part == "holder" and leg.ended_at)
    assert [(clock.metric, clock.outcome) for clock in ended.clocks] == [("respond", "met"), ("resolve", "cancelled")]


def test_return_of_an_offer_leaves_the_holder_with_the_reason(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=AT)
        operations.hand_over(
            actor=agent, ticket=desk.ticket, team=desk.team("odense", "spoc"), checklist=CHECKLIST, at=minutes(10)
        )
    with desk.as_("odense") as spoc:
        operations.return_leg(actor=spoc, ticket=desk.ticket, reason="Det er serverens disk", at=minutes(15))
    page = desk.page("syd")

    assert (page.holder.organisation_name, page.receiver) == ("Enhed Syd", None)
    returned = next(leg for leg in page.legs if leg.state == "returned")
    assert (returned.organisation_name, returned.return_reason) == ("Odense", "Det er serverens disk")
    assert any(item.kind == "returned" and item.text == "Det er serverens disk" for item in page.story)


def test_return_by_the_holder_gives_the_ticket_back_and_time_used_is_carried(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=AT)
        operations.return_leg(actor=agent, ticket=desk.ticket, reason="Mangler adgang", at=minutes(60))
    with desk.as_("odense") as spoc:
        operations.accept_leg(actor=spoc, ticket=desk.ticket, at=minutes(70))
        operations.hand_over(
            actor=spoc, ticket=desk.ticket, team=desk.team("syd", "second"), checklist=CHECKLIST, at=minutes(80)
        )
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=minutes(90))

    resolve = desk.clock("resolve", organisation="syd")
    with desk.as_("syd"):
        page = queries.clock_page(clock=resolve.id, at=minutes(90))
    assert (page.target_minutes, page.carried_minutes, page.remaining_s) == (360, 60, 300 * 60)


def test_resolve_close_and_reopen_let_the_clock_go_on_without_the_time_between(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=AT)
        operations.resolve_ticket(actor=agent, ticket=desk.ticket, resolution="Disk skiftet", at=minutes(60))
    met = desk.clock("resolve", organisation="syd")
    with desk.as_("odense") as spoc:
        operations.close_ticket(actor=spoc, ticket=desk.ticket, at=minutes(100))
        operations.reopen_ticket(actor=spoc, ticket=desk.ticket, reason="Samme fejl", at=minutes(120))

    assert met.outcome == "met"
    again = desk.clock("resolve", organisation="syd")
    assert (again.outcome, again.due_at) == ("", dt.datetime(2026, 5, 6, 8, 0, tzinfo=dt.UTC))
    assert desk.page("odense").ticket.state == "open"


def test_close_is_the_spocs_and_only_when_resolved(desk: Desk) -> None:
    with desk.as_("odense") as spoc, pytest.raises(operations.TicketRefused):
        operations.close_ticket(actor=spoc, ticket=desk.ticket, at=minutes(1))
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=minutes(2))
        operations.resolve_ticket(actor=agent, ticket=desk.ticket, resolution="Løst", at=minutes(3))
        with pytest.raises(operations.TicketRefused):
            operations.close_ticket(actor=agent, ticket=desk.ticket, at=minutes(4))


def test_change_priority_counts_from_the_start(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=AT)
        operations.change_priority(
            actor=agent, ticket=desk.ticket, priority="P1", reason="Hele rådhuset er ramt", at=minutes(30)
        )

    clock = desk.clock("resolve", organisation="syd")
    assert (clock.minutes, clock.calendar, clock.due_at) == (240, "24x7", AT + dt.timedelta(hours=4))


def test_internal_note_is_never_seen_by_the_other_side(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.add_message(
            actor=agent, ticket=desk.ticket, body="Mistanke om insider 010190-1234", internal=True, at=minutes(1)
        )
        operations.add_message(actor=agent, ticket=desk.ticket, body="Vi ser på det", at=minutes(2))

    ours = [(item.kind, item.text) for item in desk.page("syd").story if item.kind in {"internal", "message"}]
    theirs = [(item.kind, item.text) for item in desk.page("odense").story if item.kind in {"internal", "message"}]
    assert ours == [("internal", "Mistanke om insider 010190-1234"), ("message", "Vi ser på det")]
    assert theirs == [("message", "Vi ser på det")]
    with desk.as_("odense"):
        found = queries.search_tickets(organisation=desk.services.id("odense"), text="insider", at=AT)
    assert found == []


def test_message_of_the_holder_is_its_response(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.add_message(actor=agent, ticket=desk.ticket, body="Vi ser på det", at=minutes(10))

    assert desk.clock("respond", organisation="syd").outcome == "met"


def test_note_breaches_attributes_a_late_clock_to_its_leg_once(desk: Desk) -> None:
    late = dt.datetime(2026, 5, 5, 10, 1, tzinfo=dt.UTC)
    with everyone():
        before = operations.note_breaches(at=late - dt.timedelta(minutes=2))
        noted = operations.note_breaches(at=late)
        again = operations.note_breaches(at=late)
        clock = Clock.objects.get(pk=noted[0])

    assert (before, len(noted), again) == ([], 1, [])
    assert (clock.metric, clock.organisation_id) == ("respond", desk.services.id("syd"))
    breach = next(item for item in desk.page("odense", at=late).story if item.what == "breach")
    assert (breach.organisation_name, breach.facts["metric"], breach.at) == ("Enhed Syd", "respond", clock.breached_at)
    with everyone(Purpose.ADMINISTRATION):
        assert audit.verify(organisation=desk.services.id("odense")) == []


def test_late_respond_is_told_as_late_and_noted_though_it_has_stopped(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=minutes(61))
    with everyone():
        noted = operations.note_breaches(at=minutes(62))

    clock = desk.clock("respond", organisation="syd")
    assert (clock.outcome, noted) == ("late", [clock.id])


def test_assign_gives_the_ticket_to_a_member_only(desk: Desk) -> None:
    stranger = desk.services.world.users["nord", Role.SECOND_LINE_AGENT]
    manager = desk.services.world.users["syd", Role.SERVICE_MANAGER]
    with desk.as_("syd") as agent:
        with pytest.raises(operations.TicketRefused):
            operations.assign_ticket(actor=agent, ticket=desk.ticket, assignee=stranger, at=AT)
        operations.assign_ticket(actor=agent, ticket=desk.ticket, assignee=manager, at=minutes(1))
        mine = queries.my_work(organisation=desk.services.id("syd"), user=manager, teams=[], at=AT)

    assert [row.id for row in mine] == [desk.ticket]
    assert desk.page("syd").ticket.state == "open"


def test_ticket_that_is_the_municipalitys_own_becomes_the_units_with_the_hand_over(services: Services) -> None:
    spoc = services.world.actor("odense", Role.SPOC_AGENT)
    desk = Desk(services, UUID(int=0))
    with desk.as_("odense"):
        desk.ticket = operations.open_ticket(
            actor=spoc,
            municipality=services.id("odense"),
            unit=None,
            kind="request",
            priority="P4",
            title="Ny bruger",
            team=desk.team("odense", "spoc"),
            at=AT,
        )
        operations.add_message(actor=spoc, ticket=desk.ticket, body="Kun os", at=minutes(1))
    with desk.as_("syd"):
        unseen = queries.ticket_queue(organisation=services.id("syd"), at=AT).total
    with desk.as_("odense"):
        operations.hand_over(
            actor=spoc, ticket=desk.ticket, team=desk.team("syd", "second"), checklist=CHECKLIST, at=minutes(2)
        )
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=minutes(3))
    page = desk.page("syd")

    assert unseen == 0
    assert page.holder.organisation_name == "Enhed Syd"
    assert all(item.text != "Kun os" for item in page.story)
    assert page.follower is not None and page.follower.organisation_name == "Odense"


def test_stranger_neither_reads_nor_writes_the_ticket(desk: Desk) -> None:
    with desk.as_("nord") as stranger:
        with pytest.raises(queries.TicketMissing):
            queries.ticket_page(ticket=desk.ticket, actor=stranger, at=AT)
        with pytest.raises(operations.TicketNotFound):
            operations.add_message(actor=stranger, ticket=desk.ticket, body="Hej", at=AT)
        assert Leg.objects.count() == 0


def test_watching_may_read_a_ticket_but_not_write_it(desk: Desk) -> None:
    analyst = desk.services.world.actor("syd", Role.ANALYST)
    with desk.services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        assert queries.ticket_page(ticket=desk.ticket, actor=analyst, at=AT).ticket.number == "2026-0001"
        with pytest.raises(ScopeRefused):
            operations.add_message(actor=analyst, ticket=desk.ticket, body="Hej", at=AT)


def test_projection_equals_the_events_told_anew(desk: Desk) -> None:
    with desk.as_("syd") as agent:
        operations.accept_leg(actor=agent, ticket=desk.ticket, at=minutes(5))
        operations.pause_clock(actor=agent, ticket=desk.ticket, reason="Venter", at=minutes(20))
        operations.resume_clock(actor=agent, ticket=desk.ticket, at=minutes(50))
        operations.change_priority(
            actor=agent, ticket=desk.ticket, priority="P3", reason="Omvej fundet", at=minutes(60)
        )
        stored = desk.clock("resolve", organisation="syd")
        told = queries.clock_page(clock=stored.id, at=minutes(60))

    assert told.steps[-1].end == stored.due_at
    assert told.target_minutes == stored.minutes
