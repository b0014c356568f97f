"""Start, pause, stop the clocks of a leg: add an event, then make the projection anew from all events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from samdrift.catalogue import queries as catalogue
from samdrift.support.domain.clocks import EventKind, StoredEvent, tell
from samdrift.support.domain.targets import RESOLVE, STANDARD, ClockTarget, Targets
from samdrift.support.models import Clock, ClockEvent, Leg, Ticket


def targets_of(ticket: Ticket) -> Targets:
    """Return the targets of the subscribed level, the standard's where there is no subscription."""
    if ticket.subscription_id is None:
        return STANDARD
    subscription = catalogue.subscription(subscription=ticket.subscription_id)
    rows = catalogue.targets_of_level(level=subscription.level_id)
    return Targets(
        origin=f"{subscription.slug} {subscription.version} {subscription.level_class}",
        by_key={
            (row.metric, row.priority): ClockTarget(metric=row.metric, minutes=int(row.value), calendar=row.calendar)
            for row in rows
            if row.priority
        },
    )


def start(leg: Leg, metrics: Iterable[str], *, ticket: Ticket, at: dt.datetime, author: str) -> None:
    """Start clocks on a leg. What its organisation used of `resolve` on earlier legs is carried over."""
    targets = targets_of(ticket)
    for metric in metrics:
        target = targets.of(metric, ticket.priority)
        carried = _used_before(leg, at=at) if metric == RESOLVE else 0
        _add(
            leg,
            metric,
            EventKind.START,
            at=at,
            author=author,
            minutes=target.minutes,
            carried=carried,
            calendar=target.calendar,
            origin=targets.origin,
        )


def change(
    legs: Iterable[Leg | None],
    kind: EventKind,
    *,
    at: dt.datetime,
    author: str,
    reason: str = "",
    metrics: Sequence[str] | None = None,
) -> list[Clock]:
    """Add an event to the clocks of `legs` that it applies to, and return these clocks as they are then.

    A pause applies to what runs, a resume to what is paused (or, after a stop, to what was stopped), a stop or cancel
    to what has not ended.
    """
    pks = [leg.pk for leg in legs if leg is not None]
    clocks = Clock.objects.filter(leg__in=pks).select_related("leg")
    if metrics is not None:
        clocks = clocks.filter(metric__in=metrics)
    changed = [clock for clock in clocks if _applies(kind, clock)]
    for clock in changed:
        _add(clock.leg, clock.metric, kind, at=at, author=author, reason=reason)
    return changed


def restart(leg: Leg, *, metric: str, at: dt.datetime, author: str, reason: str) -> None:
    """Let a stopped clock run again: the ticket was reopened, and the time between does not count."""
    if Clock.objects.filter(leg=leg, metric=metric, ended_at__isnull=False).exclude(outcome="cancelled").exists():
        _add(leg, metric, EventKind.RESUME, at=at, author=author, reason=reason)


def retarget(legs: Iterable[Leg | None], *, ticket: Ticket, at: dt.datetime, author: str, reason: str) -> None:
    """Give the running clocks of `legs` the targets of the ticket's new priority, counted from their start."""
    targets = targets_of(ticket)
    pks = [leg.pk for leg in legs if leg is not None]
    for clock in Clock.objects.filter(leg__in=pks, ended_at__isnull=True).select_related("leg"):
        target = targets.of(clock.metric, ticket.priority)
        _add(
            clock.leg,
            clock.metric,
            EventKind.RETARGET,
            at=at,
            author=author,
            reason=reason,
            minutes=target.minutes,
            carried=clock.carried,
            calendar=target.calendar,
            origin=targets.origin,
        )


def stored_events(rows: Iterable[ClockEvent]) -> list[StoredEvent]:
    """Return rows as the domain reads them."""
    return [
        StoredEvent(
            kind=EventKind(row.kind),
            at=row.at,
            minutes=row.minutes,
            carried=row.carried,
            calendar=row.calendar,
            origin=row.origin,
            reason=row.reason,
            author=row.author,
        )
        for row in rows
    ]


def _applies(kind: EventKind, clock: Clock) -> bool:
    if clock.ended_at is not None:
        return False
    if kind is EventKind.PAUSE:
        return clock.paused_at is None
    if kind is EventKind.RESUME:
        return clock.paused_at is not None
    return True


def _add(leg: Leg, metric: str, kind: EventKind, *, at: dt.datetime, author: str, **target: object) -> None:
    ClockEvent.objects.create(
        leg=leg,
        ticket_id=leg.ticket_id,
        organisation_id=leg.organisation_id,
        counterparty_id=leg.counterparty_id,
        metric=metric,
        kind=kind,
        at=at,
        author=author,
        **target,
    )
    project(leg, metric, now=at)


def project(leg: Leg, metric: str, *, now: dt.datetime) -> None:
    """Make the projection of one clock anew from its events."""
    events = stored_events(ClockEvent.objects.filter(leg=leg, metric=metric).order_by("at", "id"))
    told = tell(events, now=now)
    values: Mapping[str, object] = {
        "minutes": told.target,
        "carried": told.carried,
        "calendar": told.calendar,
        "started_at": told.clock.started,
        "due_at": told.clock.due,
        "paused_at": told.paused_at,
        "ended_at": told.clock.ended,
        "outcome": told.outcome.value if told.outcome else "",
        "breached_at": told.clock.breached,
    }
    found = Clock.objects.filter(leg=leg, metric=metric).first()
    if found is None:
        Clock.objects.create(
            leg=leg,
            ticket_id=leg.ticket_id,
            organisation_id=leg.organisation_id,
            counterparty_id=leg.counterparty_id,
            metric=metric,
            **values,
        )
        return
    for name, value in values.items():
        setattr(found, name, value)
    found.save(update_fields=list(values))


def _used_before(leg: Leg, *, at: dt.datetime) -> int:
    """Return the whole minutes that the leg's organisation used of `resolve` on earlier legs of the ticket."""
    earlier: dict[UUID, list[ClockEvent]] = {}
    rows = ClockEvent.objects.filter(ticket=leg.ticket_id, organisation=leg.organisation_id, metric=RESOLVE)
    for row in rows.exclude(leg=leg).order_by("at", "id"):
        earlier.setdefault(row.leg_id, []).append(row)
    used = (tell(stored_events(events), now=at).clock.elapsed for events in earlier.values())
    return sum(int(elapsed.total_seconds() // 60) for elapsed in used)
