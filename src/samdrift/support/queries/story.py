"""What happened to a ticket, in the order of time: messages, hand-overs, clock facts, decisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from uuid import UUID

import attrs

from samdrift.support.models import ClockEvent, Message, Ticket
from samdrift.support.queries.faces import LegFace
from samdrift.support.rules import LegState, Part


@attrs.frozen(kw_only=True)
class StoryItem:
    """One thing that happened.

    `kind` is opened, message, internal, fact, offered, accepted, returned, let_go, acknowledged or clock. For `fact`
    and `clock` `what` says which (resolved, paused, priority_changed …; start, pause, breach …) and `facts` has the
    values. `text` is what a person wrote.
    """

    at: dt.datetime
    kind: str
    what: str
    organisation: UUID
    organisation_name: str
    author: str
    text: str
    facts: Mapping[str, object]


def story_of(
    ticket: Ticket,
    *,
    legs: Iterable[LegFace],
    messages: Iterable[Message],
    events: Iterable[ClockEvent],
    names: Mapping[UUID, str],
) -> list[StoryItem]:
    """Return the story, oldest first."""
    items = [_opening(ticket, names)]
    for leg in legs:
        items.extend(_of_leg(leg))
    items.extend(_of_message(message, names) for message in messages)
    items.extend(_of_event(event, names) for event in events)
    return sorted(items, key=lambda item: item.at)


def _opening(ticket: Ticket, names: Mapping[UUID, str]) -> StoryItem:
    return StoryItem(
        at=ticket.opened_at,
        kind="opened",
        what="",
        organisation=ticket.organisation_id,
        organisation_name=names.get(ticket.organisation_id, ""),
        author=ticket.opened_by,
        text=ticket.description,
        facts={"priority": ticket.priority, "requester": ticket.requester},
    )


def _of_leg(leg: LegFace) -> Iterable[StoryItem]:
    facts = {"team": leg.team_name, "part": leg.part}

    def item(at: dt.datetime, kind: str, author: str, text: str = "", **more: object) -> StoryItem:
        return StoryItem(
            at=at,
            kind=kind,
            what="",
            organisation=leg.organisation,
            organisation_name=leg.organisation_name,
            author=author,
            text=text,
            facts={**facts, **more},
        )

    yield item(leg.offered_at, "offered", leg.offered_by, leg.checklist.get("note", ""), checklist=leg.checklist)
    if leg.accepted_at is not None:
        kind = "acknowledged" if leg.part == Part.FOLLOWER else "accepted"
        yield item(leg.accepted_at, kind, leg.accepted_by)
    if leg.ended_at is not None:
        kind = "returned" if leg.state == LegState.RETURNED else "let_go"
        yield item(leg.ended_at, kind, leg.ended_by, leg.return_reason)


def _of_message(message: Message, names: Mapping[UUID, str]) -> StoryItem:
    kinds = {Message.Kind.PUBLIC: "message", Message.Kind.INTERNAL: "internal", Message.Kind.FACT: "fact"}
    return StoryItem(
        at=message.at,
        kind=kinds[Message.Kind(message.kind)],
        what=message.fact,
        organisation=message.organisation_id,
        organisation_name=names.get(message.organisation_id, ""),
        author=message.author_name,
        text=message.body,
        facts=message.facts,
    )


def _of_event(event: ClockEvent, names: Mapping[UUID, str]) -> StoryItem:
    facts = {"metric": event.metric, "minutes": event.minutes, "calendar": event.calendar, "carried": event.carried}
    return StoryItem(
        at=event.at,
        kind="clock",
        what=event.kind,
        organisation=event.organisation_id,
        organisation_name=names.get(event.organisation_id, ""),
        author=event.author,
        text=event.reason,
        facts=facts,
    )


def breaches_of(legs: Iterable[LegFace], *, at: dt.datetime) -> list[StoryItem]:
    """Return one item for each clock that was or is late at `at`, with the leg it is attributed to."""
    items = []
    for leg in legs:
        for clock in leg.clocks:
            late_since = clock.breached_at or (clock.due_at if clock.state(at) == "breached" else None)
            if late_since is not None and late_since <= at:
                facts = {"metric": clock.metric, "team": leg.team_name, "minutes": clock.minutes}
                items.append(
                    StoryItem(
                        at=late_since,
                        kind="clock",
                        what="breach",
                        organisation=leg.organisation,
                        organisation_name=leg.organisation_name,
                        author="",
                        text="",
                        facts=facts,
                    )
                )
    return items
