"""One ticket with its story, its legs and clocks, and what the reader may do next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

import attrs

from samdrift.support import rules
from samdrift.support.models import Clock, ClockEvent, Leg, Message, Ticket
from samdrift.support.queries.faces import LegFace, TicketRow, leg_face, ticket_row
from samdrift.support.queries.story import StoryItem, breaches_of, story_of
from samdrift.support.rules import Acting, LegState, Part, Step, TicketStand, TicketState
from samdrift_logs.errors import SamdriftError


class TicketMissing(SamdriftError):
    """There is no such ticket within the Scope at hand."""


@attrs.frozen(kw_only=True)
class TicketPage:
    """Everything on a ticket's page. `steps` are open to the reader now, `next_step` is the one button."""

    ticket: TicketRow
    description: str
    requester: str
    resolution: str
    opened_by: str
    resolved_at: dt.datetime | None
    closed_at: dt.datetime | None
    subscription: UUID | None
    origin: str | None
    holder: LegFace
    receiver: LegFace | None
    follower: LegFace | None
    legs: Sequence[LegFace]
    story: Sequence[StoryItem]
    steps: Sequence[Step]
    next_step: Step | None


def ticket_page(*, ticket: UUID, actor: Acting, at: dt.datetime) -> TicketPage:
    """Return one ticket as `actor` sees it. Raises TicketMissing. Five queries."""
    found = Ticket.objects.select_related("organisation", "counterparty").filter(pk=ticket).first()
    if found is None:
        raise TicketMissing(f"there is no ticket {ticket} within what you may see")
    legs = list(Leg.objects.filter(ticket=found).select_related("team", "organisation").order_by("offered_at", "id"))
    clocks = list(Clock.objects.filter(ticket=found).order_by("started_at", "id"))
    messages = list(Message.objects.filter(ticket=found))
    events = list(ClockEvent.objects.filter(ticket=found))
    faces = [leg_face(leg, [clock for clock in clocks if clock.leg_id == leg.pk]) for leg in legs]
    current = {face.part: face for face in faces if face.ended_at is None}
    holder, receiver, follower = (current.get(part) for part in (Part.HOLDER, Part.RECEIVER, Part.FOLLOWER))
    if holder is None:
        raise TicketMissing(f"ticket {found.number} has no holder that you may see")
    names = {face.organisation: face.organisation_name for face in faces}
    names[found.organisation_id] = found.organisation.short_name
    if found.counterparty is not None:
        names[found.counterparty.pk] = found.counterparty.short_name
    story = story_of(found, legs=faces, messages=messages, events=events, names=names)
    stand = _stand(found, holder=holder, receiver=receiver, follower=follower)
    acknowledged = bool(follower and follower.state == LegState.ACCEPTED)
    open_clocks = [clock for clock in clocks if clock.ended_at is None]
    open_legs = [leg for leg in legs if leg.ended_at is None]
    steps = rules.steps_open_to(actor, stand)
    return TicketPage(
        ticket=ticket_row(found, legs=open_legs, clocks=open_clocks, organisation=actor.organisation_id),
        description=found.description,
        requester=found.requester,
        resolution=found.resolution,
        opened_by=found.opened_by,
        resolved_at=found.resolved_at,
        closed_at=found.closed_at,
        subscription=found.subscription_id,
        origin=found.origin,
        holder=holder,
        receiver=receiver,
        follower=follower,
        legs=faces,
        story=sorted([*story, *breaches_of(faces, at=at)], key=lambda item: item.at),
        steps=tuple(step for step in steps if not (step is Step.ACKNOWLEDGE and acknowledged)),
        next_step=rules.next_step(actor, stand, acknowledged=acknowledged),
    )


def _stand(ticket: Ticket, *, holder: LegFace, receiver: LegFace | None, follower: LegFace | None) -> TicketStand:
    return TicketStand(
        municipality=ticket.organisation_id,
        unit=ticket.counterparty_id,
        state=TicketState(ticket.state),
        holder=holder.organisation,
        receiver=receiver.organisation if receiver else None,
        follower=follower.organisation if follower else None,
        holder_has_accepted=holder.state == LegState.ACCEPTED,
    )
