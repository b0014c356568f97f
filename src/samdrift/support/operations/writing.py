"""Write on a ticket: to the other side, or for one's own."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.db import transaction

from samdrift.foundation import audit, outbox
from samdrift.support.domain.clocks import EventKind
from samdrift.support.domain.targets import RESPOND
from samdrift.support.models import Message
from samdrift.support.operations import clocks
from samdrift.support.operations.legs import acknowledge
from samdrift.support.operations.ticket import Held, begin, finish, moment, need_text, tell, write
from samdrift.support.rules import Acting, LegState, Step


@transaction.atomic
def add_message(
    *, actor: Acting, ticket: UUID, body: str, at: dt.datetime, internal: bool = False, origin: str | None = None
) -> UUID:
    """Add a message that the other side reads, or an `internal` note that it never sees; returns its id.

    A holder's first message is its response, a follower's its acknowledgement. With an `origin` that is written
    already nothing is added. Raises TicketNotFound, TicketRefused, TextMissing.
    """
    if origin is not None and (known := Message.objects.filter(origin=origin).first()):
        return UUID(str(known.pk))
    step = Step.NOTE if internal else Step.WRITE
    held = begin(step, actor=actor, ticket=ticket)
    at, text = moment(held, at), need_text(body, "a message")
    kind = Message.Kind.INTERNAL if internal else Message.Kind.PUBLIC
    message = write(held.ticket, actor=actor, kind=kind, body=text, at=at, origin=origin)
    if not internal:
        _count_as_answer(held, actor=actor, at=at)
    finish(held, step, at=at)
    if internal:
        # An internal note is nobody else's business: neither the other chain nor a shared fact tells of it.
        _tell_own(held, message, actor=actor, at=at)
    else:
        tell(held.ticket, "message_added", actor=actor, at=at, after={"message": str(message.pk)})
    return UUID(str(message.pk))


def _count_as_answer(held: Held, *, actor: Acting, at: dt.datetime) -> None:
    if actor.user_id is None:
        return  # what a process writes answers nobody
    if held.holder.organisation_id == actor.organisation_id:
        clocks.change([held.holder], EventKind.STOP, metrics=(RESPOND,), at=at, author=actor.name)
    follower = held.follower
    if follower and follower.organisation_id == actor.organisation_id and follower.state != LegState.ACCEPTED:
        acknowledge(follower, actor=actor, at=at)


def _tell_own(held: Held, message: Message, *, actor: Acting, at: dt.datetime) -> None:
    name, payload = "support.ticket.note_added", {"ticket": str(held.ticket.pk), "message": str(message.pk)}
    audit.record(organisation=actor.organisation_id, action=name, subject=held.ticket, after=payload, at=at)
    outbox.publish(organisation=actor.organisation_id, fact=name, payload=payload, at=at)
