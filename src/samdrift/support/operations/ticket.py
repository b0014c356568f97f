"""A ticket under change: locked, with its open legs, and how what happens to it is written down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

import attrs

from samdrift.foundation import audit, outbox, scoped
from samdrift.support import rules
from samdrift.support.domain.folding import fold
from samdrift.support.domain.personal import without_cpr
from samdrift.support.models import Leg, Message, Ticket
from samdrift.support.rules import Acting, LegState, Part, Step, TicketStand, TicketState
from samdrift_logs.errors import SamdriftError


class TicketNotFound(SamdriftError):
    """There is no such ticket within the Scope at hand."""


class TicketRefused(SamdriftError):
    """The actor may not take this step, or the ticket cannot take it now. Nothing was changed."""


class HandOverRefused(TicketRefused):
    """The hand-over is incomplete, goes to a team that cannot take it, or one is under way."""


class TextMissing(TicketRefused):
    """A step that must say why, or what, came without a text."""


@attrs.define
class Held:
    """A locked ticket and its open legs. Changed in place by the operation that holds it."""

    ticket: Ticket
    holder: Leg
    receiver: Leg | None
    follower: Leg | None

    @property
    def stand(self) -> TicketStand:
        """Return what the rules need."""
        return TicketStand(
            municipality=self.ticket.organisation_id,
            unit=self.ticket.counterparty_id,
            state=TicketState(self.ticket.state),
            holder=self.holder.organisation_id,
            receiver=self.receiver.organisation_id if self.receiver else None,
            follower=self.follower.organisation_id if self.follower else None,
            holder_has_accepted=self.holder.state == LegState.ACCEPTED,
        )


def lock(ticket: UUID) -> Held:
    """Lock a ticket for this transaction. Raises TicketNotFound, ScopeRefused where the purpose may only read."""
    scoped.check_write(Ticket, [])
    found = Ticket.objects.select_for_update().filter(pk=ticket).first()
    if found is None:
        raise TicketNotFound(f"there is no ticket {ticket} within what you may see")
    open_legs: dict[str, Leg] = {}
    for leg in Leg.objects.filter(ticket=found, ended_at__isnull=True).order_by("offered_at", "id"):
        open_legs[leg.part] = leg
    return Held(
        ticket=found,
        holder=open_legs[Part.HOLDER],
        receiver=open_legs.get(Part.RECEIVER),
        follower=open_legs.get(Part.FOLLOWER),
    )


def begin(step: Step, *, actor: Acting, ticket: UUID) -> Held:
    """Lock a ticket and check that the actor may take `step` on it now. Raises TicketNotFound, TicketRefused."""
    held = lock(ticket)
    if not rules.may_take(step, actor, held.stand):
        possible = ", ".join(rules.steps_open_to(actor, held.stand)) or "nothing"
        raise TicketRefused(
            f"{actor.name} cannot {step.replace('_', ' ')} ticket {held.ticket.number} now "
            f"(it is {held.ticket.state}); open to them is: {possible}"
        )
    return held


def moment(held: Held, at: dt.datetime) -> dt.datetime:
    """Return when the step counts: never before the last one, though this machine's clock jumped back."""
    return max(at, held.ticket.changed_at)


def finish(held: Held, step: Step, *, at: dt.datetime, fields: tuple[str, ...] = ()) -> None:
    """Move the ticket to its next state and store it with the named fields."""
    held.ticket.state = rules.next_state(step, TicketState(held.ticket.state))
    held.ticket.changed_at = at
    held.ticket.save(update_fields=["state", "changed_at", *fields])


def need_text(text: str, what: str) -> str:
    """Return the text without outer space. Raises TextMissing that says what is wanted."""
    stripped = text.strip()
    if not stripped:
        raise TextMissing(f"write {what}")
    return stripped


def other_party(ticket: Ticket, organisation: UUID) -> UUID | None:
    """Return the party that `organisation` is not, None where there is no other."""
    if organisation == ticket.organisation_id:
        return ticket.counterparty_id
    return ticket.organisation_id


def write(
    ticket: Ticket,
    *,
    actor: Acting,
    kind: Message.Kind,
    at: dt.datetime,
    body: str = "",
    fact: str = "",
    facts: Mapping[str, object] | None = None,
    origin: str | None = None,
) -> Message:
    """Add to the story. An internal note keeps its text; what the other side reads is freed of CPR numbers."""
    internal = kind is Message.Kind.INTERNAL
    text = body if internal else without_cpr(body)
    message: Message = Message.objects.create(
        ticket=ticket,
        organisation_id=actor.organisation_id,
        counterparty_id=None if internal else other_party(ticket, actor.organisation_id),
        kind=kind,
        at=at,
        author_id=actor.user_id,
        author_name=actor.name,
        body=text,
        fact=fact,
        facts=dict(facts or {}),
        origin=origin,
        search_text=fold(text),
    )
    return message


def tell(
    ticket: Ticket,
    fact: str,
    *,
    actor: Acting,
    at: dt.datetime,
    reason: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Write to the chain of every party and publish the fact "support.ticket.<fact>"."""
    name = f"support.ticket.{fact}"
    parties = [party for party in (ticket.organisation_id, ticket.counterparty_id) if party is not None]
    for party in parties:
        audit.record(organisation=party, action=name, subject=ticket, reason=reason, before=before, after=after, at=at)
    payload = {
        "ticket": str(ticket.pk),
        "number": ticket.number,
        "state": ticket.state,
        "by": str(actor.organisation_id),
        "by_name": actor.name,
        **(after or {}),
    }
    outbox.publish(organisation=parties[0], counterparties=parties[1:], fact=name, payload=payload, at=at)
