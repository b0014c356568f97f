"""What people do with a case, from which state, and who may. Pure."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol
from uuid import UUID

from samdrift_logs.errors import SamdriftError

LEVELS = ("informational", "low", "medium", "high", "critical")  # mildest first
OPENS_CASE = "medium"


def rank(level: str) -> int:
    """Return 0 for informational up to 4 for critical. An unknown word counts as medium: seen rather than hidden."""
    return LEVELS.index(level) if level in LEVELS else LEVELS.index(OPENS_CASE)


def worst(levels: Iterable[str]) -> str:
    """Return the worst of `levels`, of which there is at least one."""
    return LEVELS[max(rank(level) for level in levels)]


def opens_case(level: str) -> bool:
    """Tell whether an alert of `level` opens a case when there is none to join."""
    return rank(level) >= rank(OPENS_CASE)


class CaseState(enum.StrEnum):
    """Where a case stands."""

    NEW = "new"  # nobody has taken it
    OPEN = "open"  # somebody investigates
    WAITING = "waiting"  # somebody else must do something first
    CONTAINED = "contained"  # the attack is stopped, the clearing up goes on
    CLOSED = "closed"


class Classification(enum.StrEnum):
    """What the case turned out to be."""

    TRUE_POSITIVE = "true_positive"
    BENIGN = "benign"  # it happened, and it was allowed
    FALSE_POSITIVE = "false_positive"  # the rule was wrong


class EntryKind(enum.StrEnum):
    """What an entry of the timeline tells."""

    OPENED = "opened"
    ALERT = "alert"  # the first of a new kind
    ESCALATED = "escalated"
    TAKEN = "taken"
    NOTE = "note"
    DECISION = "decision"
    STATE = "state"
    LINK = "link"
    TICKET = "ticket"
    CLOSED = "closed"


class CaseStepRefused(SamdriftError):
    """The case does not stand where this step can be taken from. Nothing was changed."""


_FROM: Mapping[CaseState, frozenset[CaseState]] = {
    CaseState.NEW: frozenset({CaseState.OPEN, CaseState.CLOSED}),
    CaseState.OPEN: frozenset({CaseState.WAITING, CaseState.CONTAINED, CaseState.CLOSED}),
    CaseState.WAITING: frozenset({CaseState.OPEN, CaseState.CONTAINED, CaseState.CLOSED}),
    CaseState.CONTAINED: frozenset({CaseState.OPEN, CaseState.WAITING, CaseState.CLOSED}),
    CaseState.CLOSED: frozenset({CaseState.OPEN}),
}


def states_after(state: CaseState) -> frozenset[CaseState]:
    """Return the states a case in `state` can go to."""
    return _FROM[state]


def require_change(state: CaseState, to: CaseState) -> None:
    """Raise CaseStepRefused unless a case can go from `state` to `to`."""
    if to not in _FROM[state]:
        possible = ", ".join(sorted(_FROM[state]))
        raise CaseStepRefused(f"a case that is {state} cannot become {to}; it can become {possible}")


def next_step(state: CaseState, *, decided: bool) -> str:
    """Return the one thing to do next, as a code for the page: take, decide, close or nothing."""
    if state is CaseState.CLOSED:
        return "nothing"
    if state is CaseState.NEW:
        return "take"
    return "close" if decided else "decide"


ANALYST = "analyst"
CISO = "ciso"

WRITERS = frozenset({ANALYST, CISO})


class Acting(Protocol):
    """What is needed of an actor: who, for which organisation, in which roles. `user_id` is None for a process."""

    @property
    def user_id(self) -> UUID | None:
        """Return the person, None for a process."""
        ...

    @property
    def name(self) -> str:
        """Return what others read as author."""
        ...

    @property
    def organisation_id(self) -> UUID:
        """Return the organisation acted for."""
        ...

    @property
    def roles(self) -> Collection[str]:
        """Return the roles held in it."""
        ...


def may_work_on(actor: Acting, *, handler: UUID) -> bool:
    """Tell whether the actor may take, note, decide and close a case: an analyst of the unit that handles it."""
    return ANALYST in actor.roles and actor.organisation_id == handler


def may_note_on(actor: Acting, *, parties: Collection[UUID]) -> bool:
    """Tell whether the actor may write on a case: whoever of its parties may read it, so that the owner can answer."""
    return actor.organisation_id in parties and bool(WRITERS & set(actor.roles))
