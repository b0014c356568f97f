"""How a ticket gets on: pause, resume, priority, resolve, close, reopen."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.db import transaction

from samdrift.support.domain.clocks import EventKind
from samdrift.support.domain.personal import without_cpr
from samdrift.support.domain.targets import PRIORITIES, RESOLVE, RESPOND
from samdrift.support.models import Message
from samdrift.support.operations import clocks
from samdrift.support.operations.ticket import Held, TicketRefused, begin, finish, moment, need_text, tell, write
from samdrift.support.rules import Acting, LegState, Step


@transaction.atomic
def pause_clock(*, actor: Acting, ticket: UUID, reason: str, at: dt.datetime) -> None:
    """Let the holder's clocks rest while it waits for somebody, and say for whom. Raises TicketRefused, TextMissing."""
    held = begin(Step.PAUSE, actor=actor, ticket=ticket)
    at, why = moment(held, at), without_cpr(need_text(reason, "who or what the ticket waits for"))
    clocks.change([held.holder], EventKind.PAUSE, at=at, author=actor.name, reason=why)
    _note(held, Step.PAUSE, "paused", actor=actor, at=at, reason=why)


@transaction.atomic
def resume_clock(*, actor: Acting, ticket: UUID, at: dt.datetime, reason: str = "") -> None:
    """Let the holder's clocks run on. Raises TicketRefused."""
    held = begin(Step.RESUME, actor=actor, ticket=ticket)
    at, why = moment(held, at), without_cpr(reason.strip())
    clocks.change([held.holder], EventKind.RESUME, at=at, author=actor.name, reason=why)
    _note(held, Step.RESUME, "resumed", actor=actor, at=at, reason=why)


@transaction.atomic
def change_priority(*, actor: Acting, ticket: UUID, priority: str, reason: str, at: dt.datetime) -> None:
    """Give the ticket another priority; running clocks get its targets, counted from their start.

    Raises TicketRefused, TextMissing.
    """
    held = begin(Step.CHANGE_PRIORITY, actor=actor, ticket=ticket)
    at, why = moment(held, at), without_cpr(need_text(reason, "why the priority changes"))
    before = held.ticket.priority
    if priority not in PRIORITIES or priority == before:
        raise TicketRefused(f"the priority is {before}; choose another of {', '.join(PRIORITIES)}")
    held.ticket.priority = priority
    legs = [held.holder, held.receiver, held.follower]
    clocks.retarget(legs, ticket=held.ticket, at=at, author=actor.name, reason=why)
    facts = {"from": before, "to": priority}
    _note(
        held,
        Step.CHANGE_PRIORITY,
        "priority_changed",
        actor=actor,
        at=at,
        reason=why,
        facts=facts,
        fields=("priority",),
    )


@transaction.atomic
def resolve_ticket(*, actor: Acting, ticket: UUID, resolution: str, at: dt.datetime) -> None:
    """Say how the ticket was solved. An offer to another team falls away. Raises TicketRefused, TextMissing."""
    held = begin(Step.RESOLVE, actor=actor, ticket=ticket)
    at, text = moment(held, at), without_cpr(need_text(resolution, "how it was solved"))
    if held.receiver is not None:
        receiver = held.receiver
        receiver.state, receiver.ended_at, receiver.ended_by = LegState.ENDED, at, actor.name
        receiver.save(update_fields=["state", "ended_at", "ended_by"])
        clocks.change([receiver], EventKind.CANCEL, at=at, author=actor.name, reason=text)
    clocks.change([held.holder], EventKind.STOP, metrics=(RESPOND, RESOLVE), at=at, author=actor.name)
    held.ticket.resolution, held.ticket.resolved_at = text, at
    fields = ("resolution", "resolved_at")
    _note(held, Step.RESOLVE, "resolved", actor=actor, at=at, reason=text, fields=fields)


@transaction.atomic
def close_ticket(*, actor: Acting, ticket: UUID, at: dt.datetime, note: str = "") -> None:
    """Close a resolved ticket: the municipality agrees that it is solved. Raises TicketRefused."""
    held = begin(Step.CLOSE, actor=actor, ticket=ticket)
    at, text = moment(held, at), without_cpr(note.strip())
    clocks.change([held.follower], EventKind.STOP, at=at, author=actor.name)
    held.ticket.closed_at = at
    _note(held, Step.CLOSE, "closed", actor=actor, at=at, reason=text, fields=("closed_at",))


@transaction.atomic
def reopen_ticket(*, actor: Acting, ticket: UUID, reason: str, at: dt.datetime) -> None:
    """Open a resolved or closed ticket again; the holder's clock runs on without the time between.

    Raises TicketRefused, TextMissing.
    """
    held = begin(Step.REOPEN, actor=actor, ticket=ticket)
    at, why = moment(held, at), without_cpr(need_text(reason, "why it is not solved"))
    clocks.restart(held.holder, metric=RESOLVE, at=at, author=actor.name, reason=why)
    held.ticket.resolved_at = held.ticket.closed_at = None
    _note(held, Step.REOPEN, "reopened", actor=actor, at=at, reason=why, fields=("resolved_at", "closed_at"))


def _note(
    held: Held,
    step: Step,
    fact: str,
    *,
    actor: Acting,
    at: dt.datetime,
    reason: str,
    facts: dict[str, str] | None = None,
    fields: tuple[str, ...] = (),
) -> None:
    """Store the step, tell it in the story, write it to the chains and publish it."""
    before = {"state": held.ticket.state}
    finish(held, step, at=at, fields=fields)
    write(held.ticket, actor=actor, kind=Message.Kind.FACT, fact=fact, facts=facts, body=reason, at=at)
    after = {"state": held.ticket.state, **(facts or {})}
    tell(held.ticket, fact, actor=actor, at=at, reason=reason, before=before, after=after)
