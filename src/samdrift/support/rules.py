"""Which step follows which on a ticket, and who may take it, by role and by side. Pure.

The holder's side works on the ticket; the municipality's SPOC opens, follows, answers and closes: tickets start and
end at the SPOC. Anyone of a party may write to the other side or note something for their own.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Set
from typing import Protocol
from uuid import UUID

import attrs

from samdrift_logs.errors import SamdriftError

SPOC_AGENT = "spoc_agent"
SECOND_LINE_AGENT = "second_line_agent"
SERVICE_MANAGER = "service_manager"
ANALYST = "analyst"

AGENTS = frozenset({SPOC_AGENT, SECOND_LINE_AGENT, SERVICE_MANAGER, ANALYST})


class TicketState(enum.StrEnum):
    """Where a ticket stands."""

    NEW = "new"  # nobody has accepted it yet
    OPEN = "open"  # somebody works on it
    WAITING = "waiting"  # the holder waits for somebody else; its clock is paused
    RESOLVED = "resolved"  # the holder says it is solved; the municipality has not said so yet
    CLOSED = "closed"


class LegState(enum.StrEnum):
    """Where a leg stands."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    ENDED = "ended"


class Part(enum.StrEnum):
    """What a leg's team is to the ticket. A receiver becomes the holder when it accepts."""

    HOLDER = "holder"
    RECEIVER = "receiver"
    FOLLOWER = "follower"


class Step(enum.StrEnum):
    """What people do with a ticket."""

    ACCEPT = "accept"
    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    HAND_OVER = "hand_over"
    RETURN = "return"
    PAUSE = "pause"
    RESUME = "resume"
    CHANGE_PRIORITY = "change_priority"
    WRITE = "write"  # a message the other side sees
    NOTE = "note"  # an internal note
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"


class StepRefused(SamdriftError):
    """The ticket does not stand where this step can be taken from. Nothing was changed."""


_ACTIVE = (TicketState.NEW, TicketState.OPEN, TicketState.WAITING)
_UNCHANGED: Mapping[TicketState, TicketState] = {state: state for state in _ACTIVE}

TRANSITIONS: Mapping[Step, Mapping[TicketState, TicketState]] = {
    Step.ACCEPT: {**_UNCHANGED, TicketState.NEW: TicketState.OPEN},
    Step.ACKNOWLEDGE: {**_UNCHANGED, TicketState.RESOLVED: TicketState.RESOLVED},
    Step.ASSIGN: _UNCHANGED,
    Step.HAND_OVER: _UNCHANGED,
    Step.RETURN: {**_UNCHANGED, TicketState.WAITING: TicketState.OPEN},
    Step.PAUSE: {TicketState.NEW: TicketState.WAITING, TicketState.OPEN: TicketState.WAITING},
    Step.RESUME: {TicketState.WAITING: TicketState.OPEN},
    Step.CHANGE_PRIORITY: _UNCHANGED,
    Step.WRITE: {**_UNCHANGED, TicketState.RESOLVED: TicketState.RESOLVED},
    Step.NOTE: {state: state for state in TicketState},
    Step.RESOLVE: dict.fromkeys(_ACTIVE, TicketState.RESOLVED),
    Step.REOPEN: {TicketState.RESOLVED: TicketState.OPEN, TicketState.CLOSED: TicketState.OPEN},
    Step.CLOSE: {TicketState.RESOLVED: TicketState.CLOSED},
}


def can_take(step: Step, state: TicketState) -> bool:
    """Tell whether a ticket in `state` can take `step`."""
    return state in TRANSITIONS[step]


def next_state(step: Step, state: TicketState) -> TicketState:
    """Return the state after `step`. Raises StepRefused that says from which states the step can be taken."""
    after = TRANSITIONS[step].get(state)
    if after is None:
        possible = ", ".join(sorted(TRANSITIONS[step]))
        raise StepRefused(f"a ticket that is {state} cannot {step.replace('_', ' ')}; it must be {possible}")
    return after


# What a hand-over tells the receiver, all of it, so that nothing must be asked for again.
CHECKLIST = ("what_is_wrong", "who_is_hit", "tried_so_far", "contact")


class Acting(Protocol):
    """What is needed of an actor: who, for which organisation, in which roles. `user_id` is None for a process."""

    @property
    def user_id(self) -> UUID | None:
        """Return the person, None for a process."""
        ...

    @property
    def name(self) -> str:
        """Return what the other side reads as author."""
        ...

    @property
    def organisation_id(self) -> UUID:
        """Return the organisation acted for."""
        ...

    @property
    def roles(self) -> Collection[str]:
        """Return the roles held in it."""
        ...


@attrs.frozen(kw_only=True)
class Automatic:
    """A process that acts for an organisation: case_opens_ticket, say."""

    name: str
    organisation_id: UUID
    user_id: None = None
    roles: frozenset[str] = AGENTS


@attrs.frozen(kw_only=True)
class TicketStand:
    """What the rules need of a ticket: its parties, its state and who has which part now."""

    municipality: UUID
    unit: UUID | None
    state: TicketState
    holder: UUID | None
    receiver: UUID | None
    follower: UUID | None
    holder_has_accepted: bool

    @property
    def parties(self) -> frozenset[UUID]:
        """The organisations that see the ticket."""
        return frozenset(party for party in (self.municipality, self.unit) if party is not None)


_HOLDERS_STEPS = frozenset({Step.ASSIGN, Step.HAND_OVER, Step.PAUSE, Step.RESUME, Step.CHANGE_PRIORITY, Step.RESOLVE})


def may_open(actor: Acting, *, parties: Set[UUID]) -> bool:
    """Tell whether the actor may open a ticket between `parties`."""
    return actor.organisation_id in parties and bool(AGENTS & set(actor.roles))


def may_take(step: Step, actor: Acting, stand: TicketStand) -> bool:
    """Tell whether the actor may take `step` on a ticket that stands so, and the ticket can take it."""
    if not can_take(step, stand.state) or actor.organisation_id not in stand.parties:
        return False
    roles = AGENTS & set(actor.roles)
    return bool(roles) and _side_may(step, actor.organisation_id, roles, stand)


def _side_may(step: Step, organisation: UUID, roles: Set[str], stand: TicketStand) -> bool:
    is_holder = organisation == stand.holder
    if step in _HOLDERS_STEPS:
        return is_holder
    if step is Step.ACCEPT:
        return organisation == stand.receiver or (is_holder and not stand.holder_has_accepted)
    if step is Step.RETURN:
        return organisation == stand.receiver or (is_holder and stand.unit is not None)
    if step is Step.ACKNOWLEDGE:
        return organisation == stand.follower
    if step is Step.CLOSE:
        return organisation == stand.municipality and (SPOC_AGENT in roles or stand.unit is None)
    if step is Step.REOPEN:
        return organisation == stand.municipality or is_holder
    return step in {Step.WRITE, Step.NOTE}


def steps_open_to(actor: Acting, stand: TicketStand) -> tuple[Step, ...]:
    """Return every step the actor may take now, in the order of `Step`."""
    return tuple(step for step in Step if may_take(step, actor, stand))


# The one button: the first of these that is open to the actor.
_NEXT: Mapping[Part | None, tuple[Step, ...]] = {
    Part.HOLDER: (Step.ACCEPT, Step.RESUME, Step.RESOLVE, Step.CLOSE),
    Part.RECEIVER: (Step.ACCEPT,),
    Part.FOLLOWER: (Step.CLOSE, Step.ACKNOWLEDGE, Step.WRITE),
    None: (Step.WRITE,),
}


def next_step(actor: Acting, stand: TicketStand, *, acknowledged: bool) -> Step | None:
    """Return the one step the page should offer first, or None when there is nothing to do."""
    part = next(
        (
            part
            for part, organisation in (
                (Part.RECEIVER, stand.receiver),
                (Part.HOLDER, stand.holder),
                (Part.FOLLOWER, stand.follower),
            )
            if organisation == actor.organisation_id
        ),
        None,
    )
    for step in _NEXT[part]:
        if step is Step.ACKNOWLEDGE and acknowledged:
            continue
        if may_take(step, actor, stand):
            return step
    return None
