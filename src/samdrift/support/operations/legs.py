"""Who holds a ticket: accept, acknowledge, assign, hand over, return."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from samdrift.federation import boundary
from samdrift.federation.models import Membership, Organisation, Team, User
from samdrift.support import rules
from samdrift.support.domain.clocks import EventKind
from samdrift.support.domain.personal import without_cpr
from samdrift.support.domain.targets import ACKNOWLEDGE, METRICS_OF_PART, RESOLVE, RESPOND
from samdrift.support.models import Leg, Message, Ticket
from samdrift.support.operations import clocks
from samdrift.support.operations.opening import open_follower
from samdrift.support.operations.ticket import (
    HandOverRefused,
    Held,
    TicketRefused,
    begin,
    finish,
    moment,
    need_text,
    other_party,
    tell,
    write,
)
from samdrift.support.rules import Acting, LegState, Part, Step


@transaction.atomic
def accept_leg(*, actor: Acting, ticket: UUID, at: dt.datetime) -> None:
    """Accept what was offered to the actor's organisation: it holds the ticket from now on.

    The team before lets go (and follows, if it is the other party's). Raises TicketNotFound, TicketRefused.
    """
    held = begin(Step.ACCEPT, actor=actor, ticket=ticket)
    at = moment(held, at)
    if held.receiver is not None and held.receiver.organisation_id == actor.organisation_id:
        _take_over(held, actor=actor, at=at)
    else:
        _mark_accepted(held.holder, actor=actor, at=at)
        clocks.change([held.holder], EventKind.STOP, metrics=(RESPOND,), at=at, author=actor.name)
    finish(held, Step.ACCEPT, at=at)
    _assign_to_actor(held.holder, actor)
    tell(held.ticket, "accepted", actor=actor, at=at, after={"team": held.holder.team.name})


@transaction.atomic
def acknowledge_ticket(*, actor: Acting, ticket: UUID, at: dt.datetime) -> None:
    """Say that the following party knows of the ticket. Raises TicketNotFound, TicketRefused."""
    held = begin(Step.ACKNOWLEDGE, actor=actor, ticket=ticket)
    at = moment(held, at)
    assert held.follower is not None
    if held.follower.state == LegState.ACCEPTED:
        raise TicketRefused(f"ticket {held.ticket.number} is acknowledged already")
    acknowledge(held.follower, actor=actor, at=at)
    finish(held, Step.ACKNOWLEDGE, at=at)
    tell(held.ticket, "acknowledged", actor=actor, at=at)


def acknowledge(follower: Leg, *, actor: Acting, at: dt.datetime) -> None:
    """Mark a following leg as informed and stop its clock."""
    _mark_accepted(follower, actor=actor, at=at)
    clocks.change([follower], EventKind.STOP, metrics=(ACKNOWLEDGE,), at=at, author=actor.name)


@transaction.atomic
def assign_ticket(*, actor: Acting, ticket: UUID, assignee: UUID | None, at: dt.datetime) -> None:
    """Give the ticket to a person of the holder's organisation, or to nobody. An offered one is accepted thereby.

    Raises TicketNotFound, TicketRefused.
    """
    held = begin(Step.ASSIGN, actor=actor, ticket=ticket)
    at = moment(held, at)
    person = _member(held.holder.organisation_id, assignee, at=at) if assignee else None
    if held.holder.state != LegState.ACCEPTED:
        _mark_accepted(held.holder, actor=actor, at=at)
        clocks.change([held.holder], EventKind.STOP, metrics=(RESPOND,), at=at, author=actor.name)
        finish(held, Step.ACCEPT, at=at)
    before = held.holder.assignee_name
    held.holder.assignee = person
    held.holder.assignee_name = person.name if person else ""
    held.holder.save(update_fields=["assignee", "assignee_name"])
    finish(held, Step.ASSIGN, at=at)
    facts = {"from": before, "to": held.holder.assignee_name}
    write(held.ticket, actor=actor, kind=Message.Kind.FACT, fact="assigned", facts=facts, at=at)
    tell(held.ticket, "assigned", actor=actor, at=at, before={"assignee": before}, after={"assignee": facts["to"]})


@transaction.atomic
def hand_over(
    *, actor: Acting, ticket: UUID, team: UUID, checklist: Mapping[str, str], at: dt.datetime, note: str = ""
) -> None:
    """Offer the ticket to another team. The one that holds it stays responsible until that team accepts.

    The checklist answers every key of rules.CHECKLIST. A ticket that no unit knew becomes visible to the unit of `team`
    from now on. Raises TicketNotFound, TicketRefused, HandOverRefused.
    """
    held = begin(Step.HAND_OVER, actor=actor, ticket=ticket)
    at = moment(held, at)
    if held.receiver is not None:
        raise HandOverRefused(f"ticket {held.ticket.number} is offered to {held.receiver.team.name} already")
    told = _complete(checklist)
    receiving = _receiving_team(held, team)
    leg = Leg.objects.create(
        ticket=held.ticket,
        organisation_id=receiving.organisation_id,
        counterparty_id=other_party(held.ticket, receiving.organisation_id),
        team=receiving,
        part=Part.RECEIVER,
        offered_at=at,
        offered_by=actor.name,
        checklist={**told, "note": without_cpr(note.strip())},
    )
    clocks.start(leg, METRICS_OF_PART[Part.RECEIVER], ticket=held.ticket, at=at, author=actor.name)
    finish(held, Step.HAND_OVER, at=at)
    tell(held.ticket, "handed_over", actor=actor, at=at, after={"team": receiving.name, "to": str(leg.organisation_id)})


@transaction.atomic
def return_leg(*, actor: Acting, ticket: UUID, reason: str, at: dt.datetime) -> None:
    """Send the ticket back with the reason: an offer is declined, or the holder gives it back to where it came from.

    Raises TicketNotFound, TicketRefused, TextMissing.
    """
    held = begin(Step.RETURN, actor=actor, ticket=ticket)
    at, why = moment(held, at), without_cpr(need_text(reason, "why the ticket is returned"))
    if held.receiver is not None and held.receiver.organisation_id == actor.organisation_id:
        returned, to = held.receiver, held.holder.team
        _end(returned, LegState.RETURNED, actor=actor, at=at, reason=why)
    else:
        returned, to = held.holder, _where_from(held)
        _give_back(held, to, actor=actor, at=at, reason=why)
    finish(held, Step.RETURN, at=at)
    after = {"from": returned.team.name, "team": to.name}
    tell(held.ticket, "returned", actor=actor, at=at, reason=why, after=after)


def _complete(checklist: Mapping[str, str]) -> dict[str, str]:
    told = {key: without_cpr(str(checklist.get(key, "")).strip()) for key in rules.CHECKLIST}
    missing = [key for key, text in told.items() if not text]
    if missing:
        raise HandOverRefused(f"the hand-over does not say {', '.join(missing)}")
    return told


def _receiving_team(held: Held, team: UUID) -> Team:
    receiving = Team.objects.select_related("organisation").filter(pk=team).first()
    if receiving is None:
        raise HandOverRefused("there is no such team")
    if receiving.pk == held.holder.team_id:
        raise HandOverRefused(f"{receiving.name} holds the ticket already")
    if receiving.organisation_id not in held.stand.parties:
        _bring_in(held.ticket, receiving.organisation)
    return receiving


def _bring_in(ticket: Ticket, unit: Organisation) -> None:
    if ticket.counterparty_id is not None or unit.kind != "unit":
        raise HandOverRefused(f"{unit.name} is no party of the ticket; hand over to a team of its two organisations")
    ticket.counterparty = unit
    ticket.save(update_fields=["counterparty"])
    for leg in Leg.objects.filter(ticket=ticket, ended_at__isnull=True, counterparty__isnull=True):
        leg.counterparty = unit
        leg.save(update_fields=["counterparty"])


def _take_over(held: Held, *, actor: Acting, at: dt.datetime) -> None:
    """Make the receiver the holder; let the holder before follow when it is the other party."""
    receiver, before = held.receiver, held.holder
    assert receiver is not None
    _end(before, LegState.ENDED, actor=actor, at=at, reason="")
    if held.follower is not None and held.follower.organisation_id == receiver.organisation_id:
        _end(held.follower, LegState.ENDED, actor=actor, at=at, reason="")
        held.follower = None
    receiver.part = Part.HOLDER
    receiver.save(update_fields=["part"])
    _mark_accepted(receiver, actor=actor, at=at)
    clocks.change([receiver], EventKind.STOP, metrics=(RESPOND,), at=at, author=actor.name)
    clocks.start(receiver, (RESOLVE,), ticket=held.ticket, at=at, author=actor.name)
    if before.organisation_id != receiver.organisation_id and held.follower is None:
        held.follower = open_follower(held.ticket, before.team, actor=actor, at=at, knows=True)
    held.holder, held.receiver = receiver, None


def _give_back(held: Held, to: Team, *, actor: Acting, at: dt.datetime, reason: str) -> None:
    """End the holder's leg and let `to` hold the ticket, which it must accept."""
    before = held.holder
    if held.receiver is not None:
        _end(held.receiver, LegState.ENDED, actor=actor, at=at, reason=reason)
        held.receiver = None
    _end(before, LegState.RETURNED, actor=actor, at=at, reason=reason)
    if held.follower is not None and held.follower.organisation_id == to.organisation_id:
        _end(held.follower, LegState.ENDED, actor=actor, at=at, reason="")
        held.follower = None
    leg: Leg = Leg.objects.create(
        ticket=held.ticket,
        organisation_id=to.organisation_id,
        counterparty_id=other_party(held.ticket, to.organisation_id),
        team=to,
        part=Part.HOLDER,
        offered_at=at,
        offered_by=actor.name,
        checklist={"note": reason},
    )
    clocks.start(leg, METRICS_OF_PART[Part.HOLDER], ticket=held.ticket, at=at, author=actor.name)
    if before.organisation_id != to.organisation_id and held.follower is None:
        held.follower = open_follower(held.ticket, before.team, actor=actor, at=at, knows=True)
    held.holder = leg


def _where_from(held: Held) -> Team:
    """Return the team that held the ticket before, the follower's where there was none."""
    before = (
        Leg.objects.filter(ticket=held.ticket, part=Part.HOLDER, ended_at__isnull=False)
        .exclude(team=held.holder.team_id)
        .select_related("team")
        .order_by("-ended_at", "-id")
        .first()
    )
    if before is not None:
        return before.team
    if held.follower is not None:
        return held.follower.team
    raise TicketRefused(f"ticket {held.ticket.number} came from nobody; hand it over to a team instead")


def _mark_accepted(leg: Leg, *, actor: Acting, at: dt.datetime) -> None:
    leg.state, leg.accepted_at, leg.accepted_by = LegState.ACCEPTED, at, actor.name
    leg.save(update_fields=["state", "accepted_at", "accepted_by"])


def _assign_to_actor(leg: Leg, actor: Acting) -> None:
    if actor.user_id is not None:
        leg.assignee_id, leg.assignee_name = actor.user_id, actor.name
        leg.save(update_fields=["assignee", "assignee_name"])


def _end(leg: Leg, state: LegState, *, actor: Acting, at: dt.datetime, reason: str) -> None:
    leg.state, leg.ended_at, leg.ended_by, leg.return_reason = state, at, actor.name, reason
    leg.save(update_fields=["state", "ended_at", "ended_by", "return_reason"])
    clocks.change([leg], EventKind.CANCEL, at=at, author=actor.name, reason=reason)


def _member(organisation: UUID, user: UUID, *, at: dt.datetime) -> User:
    rows = Membership.objects.filter(user=user, organisation=organisation).select_related("user")
    membership = boundary.current_ones(rows, today=boundary.local_date(at)).first()
    if membership is None:
        raise TicketRefused("the person is no member of the organisation that holds the ticket")
    return membership.user
