"""Open a ticket at a team, with the other party following."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from samdrift.catalogue import queries as catalogue
from samdrift.federation.models import Team
from samdrift.foundation.numbers import next_number
from samdrift.support import rules
from samdrift.support.domain.folding import fold
from samdrift.support.domain.personal import without_cpr
from samdrift.support.domain.targets import ACKNOWLEDGE, PRIORITIES, RESOLVE, RESPOND
from samdrift.support.models import Leg, Ticket
from samdrift.support.operations import clocks
from samdrift.support.operations.ticket import TicketRefused, need_text, other_party, tell
from samdrift.support.rules import Acting, LegState, Part, TicketState


@transaction.atomic
def open_ticket(
    *,
    actor: Acting,
    municipality: UUID,
    unit: UUID | None,
    kind: str,
    priority: str,
    title: str,
    team: UUID,
    at: dt.datetime,
    description: str = "",
    requester: str = "",
    subscription: UUID | None = None,
    follower_team: UUID | None = None,
    checklist: Mapping[str, str] | None = None,
    origin: str | None = None,
) -> UUID:
    """Open a ticket at `team`, which holds it from now on, and let `follower_team` of the other party follow.

    A person's own team has accepted it thereby; another must accept first. With an `origin` that has a ticket already
    (within the Scope) nothing is opened and that ticket's id is returned. Raises TicketRefused.
    """
    if origin is not None and (known := Ticket.objects.filter(origin=origin).first()):
        return UUID(str(known.pk))
    parties = {party for party in (municipality, unit) if party is not None}
    if not rules.may_open(actor, parties=parties):
        raise TicketRefused(f"{actor.name} may not open a ticket between these organisations")
    _check_words(kind=kind, priority=priority)
    holding, following = _team(team, parties), _team(follower_team, parties) if follower_team else None
    ticket = _stored(
        actor=actor,
        municipality=municipality,
        unit=unit,
        kind=kind,
        priority=priority,
        title=title,
        at=at,
        description=description,
        requester=requester,
        subscription=subscription,
        origin=origin,
    )
    _open_holder(ticket, holding, actor=actor, checklist=checklist, at=at)
    if following is not None and following.organisation_id != holding.organisation_id:
        open_follower(ticket, following, actor=actor, at=at)
    after = {"priority": priority, "kind": kind, "team": holding.name, "held_by": str(holding.organisation_id)}
    tell(ticket, "opened", actor=actor, at=at, after=after)
    return UUID(str(ticket.pk))


def _check_words(*, kind: str, priority: str) -> None:
    if kind not in Ticket.Kind.values:
        raise TicketRefused(f"a ticket is one of {', '.join(Ticket.Kind.values)}, not {kind!r}")
    if priority not in PRIORITIES:
        raise TicketRefused(f"a priority is one of {', '.join(PRIORITIES)}, not {priority!r}")


def _team(team: UUID, parties: set[UUID]) -> Team:
    found = Team.objects.filter(pk=team).first()
    if found is None or found.organisation_id not in parties:
        raise TicketRefused("the team belongs to none of the ticket's organisations; choose one of theirs")
    return found


def _stored(
    *,
    actor: Acting,
    municipality: UUID,
    unit: UUID | None,
    kind: str,
    priority: str,
    title: str,
    at: dt.datetime,
    description: str,
    requester: str,
    subscription: UUID | None,
    origin: str | None,
) -> Ticket:
    heading, text = without_cpr(need_text(title, "a title"))[:200], without_cpr(description.strip())
    service = catalogue.subscription(subscription=subscription).service if subscription else None
    year = timezone.localtime(at).year
    number = f"{year}-{next_number(municipality, f'ticket {year}'):04d}"
    ticket: Ticket = Ticket.objects.create(
        organisation_id=municipality,
        counterparty_id=unit,
        number=number,
        kind=kind,
        priority=priority,
        title=heading,
        description=text,
        requester=requester.strip(),
        state=TicketState.NEW,
        subscription_id=subscription,
        service_da=service.da if service else "",
        service_en=service.en if service else "",
        opened_at=at,
        opened_by=actor.name,
        changed_at=at,
        origin=origin,
        search_text=fold(f"{number} {heading} {requester} {text}"),
    )
    return ticket


def _open_holder(
    ticket: Ticket, team: Team, *, actor: Acting, checklist: Mapping[str, str] | None, at: dt.datetime
) -> None:
    own = actor.user_id is not None and team.organisation_id == actor.organisation_id
    leg = Leg.objects.create(
        ticket=ticket,
        organisation_id=team.organisation_id,
        counterparty_id=other_party(ticket, team.organisation_id),
        team=team,
        part=Part.HOLDER,
        state=LegState.ACCEPTED if own else LegState.OFFERED,
        offered_at=at,
        offered_by=actor.name,
        accepted_at=at if own else None,
        accepted_by=actor.name if own else "",
        checklist={key: without_cpr(value) for key, value in (checklist or {}).items()},
    )
    clocks.start(leg, (RESOLVE,) if own else (RESPOND, RESOLVE), ticket=ticket, at=at, author=actor.name)
    if own:
        ticket.state = TicketState.OPEN
        ticket.save(update_fields=["state"])


def open_follower(ticket: Ticket, team: Team, *, actor: Acting, at: dt.datetime, knows: bool | None = None) -> Leg:
    """Let a team follow. It must acknowledge, unless it `knows` (by default: when the actor is of its organisation)."""
    informed = team.organisation_id == actor.organisation_id if knows is None else knows
    leg: Leg = Leg.objects.create(
        ticket=ticket,
        organisation_id=team.organisation_id,
        counterparty_id=other_party(ticket, team.organisation_id),
        team=team,
        part=Part.FOLLOWER,
        state=LegState.ACCEPTED if informed else LegState.OFFERED,
        offered_at=at,
        offered_by=actor.name,
        accepted_at=at if informed else None,
        accepted_by=actor.name if informed else "",
    )
    if not informed:
        clocks.start(leg, (ACKNOWLEDGE,), ticket=ticket, at=at, author=actor.name)
    return leg
