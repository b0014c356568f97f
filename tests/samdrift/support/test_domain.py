"""The pure parts: spelling, CPR numbers, steps and who may take them, clocks told from events."""

from __future__ import annotations

import datetime as dt
import itertools
from uuid import UUID, uuid4

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samdrift.federation.rules import Role
from samdrift.support import rules
from samdrift.support.domain.clocks import CalendarUnknown, EventKind, Outcome, StoredEvent, tell
from samdrift.support.domain.folding import fold
from samdrift.support.domain.personal import without_cpr
from samdrift.support.rules import Step, StepRefused, TicketStand, TicketState

AT = dt.datetime(2026, 5, 5, 7, 0, tzinfo=dt.UTC)  # Tuesday 09:00 in Denmark
MUNICIPALITY, UNIT, STRANGER = uuid4(), uuid4(), uuid4()


@pytest.mark.parametrize(
    ("one", "other"),
    [("Århus", "aarhus"), ("Ærø", "AEROE"), ("Ångström", "aangstroem"), ("Café", "cafe"), ("  to  ord ", "to ord")],
)
def test_fold_makes_spellings_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.text())
def test_fold_of_folded_is_the_same(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Borger 010190-1234 ringer", "Borger [CPR] ringer"),
        ("0101901234", "[CPR]"),
        ("010190 1234.", "[CPR]."),
        ("ordre 9913901234", "ordre 9913901234"),
        ("tlf. 63 00 00 00, sag 2026-0001", "tlf. 63 00 00 00, sag 2026-0001"),
        ("konto 20101901234567", "konto 20101901234567"),
        ("290200-1234", "[CPR]"),
    ],
)
def test_without_cpr_takes_cpr_numbers_only(text: str, kept: str) -> None:
    assert without_cpr(text) == kept


@attrs.frozen
class Someone:
    organisation_id: UUID
    roles: frozenset[Role]
    user_id: UUID | None = None
    name: str = "N. N."


SPOC = Someone(MUNICIPALITY, frozenset({Role.SPOC_AGENT}))
AGENT = Someone(UNIT, frozenset({Role.SECOND_LINE_AGENT}))


WORK = {"assign", "hand_over", "return", "change_priority", "write", "note", "resolve"}


def stand(state: TicketState, **given: object) -> TicketStand:
    at_the_unit = TicketStand(
        municipality=MUNICIPALITY,
        unit=UNIT,
        state=state,
        holder=UNIT,
        receiver=None,
        follower=MUNICIPALITY,
        holder_has_accepted=True,
    )
    return attrs.evolve(at_the_unit, **given)


@pytest.mark.parametrize(
    ("who", "state", "may"),
    [
        (AGENT, TicketState.NEW, WORK | {"pause"}),
        (AGENT, TicketState.WAITING, WORK | {"resume"}),
        (AGENT, TicketState.RESOLVED, {"write", "note", "reopen"}),
        (AGENT, TicketState.CLOSED, {"note", "reopen"}),
        (SPOC, TicketState.OPEN, {"acknowledge", "write", "note"}),
        (SPOC, TicketState.RESOLVED, {"acknowledge", "write", "note", "reopen", "close"}),
        (SPOC, TicketState.CLOSED, {"note", "reopen"}),
    ],
)  # fmt: skip
def test_steps_open_to_each_side(who: Someone, state: TicketState, may: set[str]) -> None:
    assert {step.value for step in rules.steps_open_to(who, stand(state))} == may


@pytest.mark.parametrize(("step", "state"), list(itertools.product(Step, TicketState)))
def test_strangers_and_people_without_a_role_may_nothing(step: Step, state: TicketState) -> None:
    stranger = Someone(STRANGER, frozenset({Role.SPOC_AGENT, Role.SECOND_LINE_AGENT}))
    buyer = Someone(UNIT, frozenset({Role.SERVICE_BUYER, Role.ADMINISTRATOR}))

    assert not rules.may_take(step, stranger, stand(state))
    assert not rules.may_take(step, buyer, stand(state))


@pytest.mark.parametrize(("step", "state"), list(itertools.product(Step, TicketState)))
def test_next_state_and_can_take_agree(step: Step, state: TicketState) -> None:
    if rules.can_take(step, state):
        assert rules.next_state(step, state) in TicketState
    else:
        with pytest.raises(StepRefused, match="must be"):
            rules.next_state(step, state)


def start(minutes: int = 240, **given: object) -> StoredEvent:
    return StoredEvent(
        kind=EventKind.START, at=AT, minutes=minutes, **{"calendar": "hverdage-8-16", "origin": "test", **given}
    )


def event(kind: EventKind, after: int, **given: object) -> StoredEvent:
    return StoredEvent(kind=kind, at=AT + dt.timedelta(minutes=after), **given)


def test_clock_with_a_pause_is_the_oracles() -> None:
    events = [start(), event(EventKind.PAUSE, 60), event(EventKind.RESUME, 150)]

    told = tell(events, now=AT + dt.timedelta(minutes=200))

    assert told.clock.due == dt.datetime(2026, 5, 5, 12, 30, tzinfo=dt.UTC)  # Tuesday 14:30
    assert told.paused_at is None


def test_clock_that_is_paused_has_no_due_time() -> None:
    told = tell([start(), event(EventKind.PAUSE, 60)], now=AT + dt.timedelta(minutes=90))

    assert (told.clock.due, told.paused_at, told.outcome) == (None, AT + dt.timedelta(minutes=60), None)


@pytest.mark.parametrize(("minutes", "outcome"), [(239, Outcome.MET), (240, Outcome.MET), (241, Outcome.LATE)])
def test_clock_that_stops_is_met_or_late(minutes: int, outcome: Outcome) -> None:
    stopped = event(EventKind.STOP, minutes)

    assert tell([start(), stopped], now=stopped.at).outcome is outcome


def test_retarget_counts_from_the_start_and_carried_time_is_used_up() -> None:
    retarget = event(EventKind.RETARGET, 30, minutes=60, calendar="24x7", origin="test")

    assert tell([start(), retarget], now=retarget.at).clock.due == AT + dt.timedelta(minutes=60)
    assert tell([start(carried=200)], now=AT).clock.due == AT + dt.timedelta(minutes=40)
    assert tell([start(carried=900)], now=AT).clock.due == AT


@given(st.lists(st.integers(1, 2_000), min_size=2, max_size=8, unique=True), st.integers(1, 3_000))
def test_telling_a_clock_step_by_step_is_telling_it_at_once(moments: list[int], later: int) -> None:
    kinds = itertools.cycle([EventKind.PAUSE, EventKind.RESUME])
    events = [start(600), *(event(kind, minute) for kind, minute in zip(kinds, sorted(moments), strict=False))]
    now = AT + dt.timedelta(minutes=max(moments) + later)

    known = [tell(events[: count + 1], now=events[count].at).clock.elapsed for count in range(len(events))]

    assert known == sorted(known)
    assert tell(events, now=now).clock.elapsed >= known[-1]


def test_calendar_that_is_unknown_is_named() -> None:
    with pytest.raises(CalendarUnknown, match="hverdage-9-17"):
        tell([start(calendar="hverdage-9-17")], now=AT)
