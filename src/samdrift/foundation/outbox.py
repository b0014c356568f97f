"""Facts that one domain publishes and others act on, without knowing each other.

`publish` stores the fact in the transaction in which it happened. `dispatch`, run by `samdrift tasks`, hands each fact
to each subscriber once: the handler's own writes and the mark that it ran are one transaction. What fails is tried
again with growing pauses, `ATTEMPTS` times over about ten minutes. Then it is dead: `samdrift check` tells, `samdrift
facts list` says what failed, and `samdrift facts revive` has it tried again.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import attrs
from django.db import connection, transaction

from samdrift.foundation import scoped
from samdrift.foundation.models import Delivery, Fact
from samdrift_logs.errors import SamdriftError
from samdrift_logs.scope import Purpose, Scope

ATTEMPTS = 8
FIRST_PAUSE_S = 5
LONGEST_PAUSE_S = 3600


class OutboxOutsideTransaction(SamdriftError):
    """A fact was published outside of the transaction in which it happened; it could be lost or untrue."""


class NotDead(SamdriftError):
    """A delivery that is to be revived is not dead, or not there."""


@attrs.frozen(kw_only=True)
class Received:
    """A fact as its handlers get it."""

    id: UUID
    organisation: UUID
    counterparties: tuple[UUID, ...]
    name: str
    payload: Mapping[str, object]
    at: datetime


@attrs.frozen(kw_only=True)
class Dispatched:
    """What one run of `dispatch` did, counted in deliveries."""

    done: int = 0
    failed: int = 0
    dead: int = 0


@attrs.frozen(kw_only=True)
class DeadDelivery:
    """A handler's work on a fact that was given up. `error` is the last line of what its last attempt said."""

    id: UUID
    organisation: UUID
    fact: str
    handler: str
    at: datetime
    attempts: int
    error: str


Handler = Callable[[Received], None]
_subscribers: dict[str, dict[str, Handler]] = {}


def publish(
    *,
    organisation: UUID,
    fact: str,
    payload: Mapping[str, object],
    at: datetime,
    counterparties: Iterable[UUID] = (),
) -> UUID:
    """Store a fact ("support.ticket.opened") and return its id. The payload is JSON: ids as text, times as ISO text.

    Handlers work in a Scope of `organisation` and `counterparties`. Raises OutboxOutsideTransaction.
    """
    if not connection.in_atomic_block:
        raise OutboxOutsideTransaction(f"publish {fact} inside transaction.atomic()")
    others = [str(counterparty) for counterparty in counterparties]
    scope = scoped.current()
    publishing = Scope(organisations={organisation}, purpose=scope.purpose, reason=scope.reason, actor=scope.actor)
    with scoped.entered(publishing):
        stored = Fact(organisation=organisation, name=fact, payload=dict(payload), at=at, counterparties=others)
        stored.save(force_insert=True)
    return stored.pk


def subscribe(fact: str) -> Callable[[Handler], Handler]:
    """Register the decorated function as a handler of `fact`. Its dotted name identifies it: renaming runs it anew."""

    def register(handler: Handler) -> Handler:
        _subscribers.setdefault(fact, {})[f"{handler.__module__}.{handler.__qualname__}"] = handler
        return handler

    return register


def subscriptions() -> dict[str, tuple[str, ...]]:
    """Return the names of the handlers of each fact."""
    return {fact: tuple(handlers) for fact, handlers in _subscribers.items()}


def dispatch(*, now: datetime, limit: int = 500) -> Dispatched:
    """Hand out what is due, oldest first. Needs a Scope over every organisation for OPERATION; each handler runs in
    one of the fact's parties alone."""
    _plan_deliveries(now=now, limit=limit)
    done = failed = dead = 0
    due = Delivery.objects.filter(state=Delivery.State.WAITING, next_at__lte=now).order_by("fact_id", "handler")
    for key in list(due.values_list("pk", flat=True)[:limit]):
        outcome = _deliver(key, now=now)
        done += outcome == Delivery.State.DONE
        failed += outcome == Delivery.State.WAITING
        dead += outcome == Delivery.State.DEAD
    return Dispatched(done=done, failed=failed, dead=dead)


def dead() -> list[DeadDelivery]:
    """Return the deliveries in Scope that were given up, oldest first."""
    rows = Delivery.objects.filter(state=Delivery.State.DEAD).select_related("fact").order_by("fact_id", "handler")
    return [
        DeadDelivery(
            id=row.pk,
            organisation=row.organisation,
            fact=row.fact.name,
            handler=row.handler,
            at=row.fact.at,
            attempts=row.attempts,
            error=(row.last_error.strip().splitlines() or [""])[-1],
        )
        for row in rows
    ]


def revive(*, delivery: UUID, now: datetime) -> None:
    """Try a dead delivery again, from the first attempt. Raises NotDead."""
    stored = Delivery.objects.filter(pk=delivery, state=Delivery.State.DEAD).first()
    if stored is None:
        raise NotDead(f"there is no dead delivery {delivery}; `samdrift facts list` has them")
    stored.state, stored.attempts, stored.next_at = Delivery.State.WAITING, 0, now
    stored.save(update_fields=["state", "attempts", "next_at"])


def pause_s(attempts: int) -> int:
    """Return the seconds to wait after so many failed attempts (at least one)."""
    return min(FIRST_PAUSE_S * 2 ** (attempts - 1), LONGEST_PAUSE_S)


def _plan_deliveries(*, now: datetime, limit: int) -> None:
    with transaction.atomic():
        facts = list(_locked(Fact.objects.filter(dispatched_at=None).order_by("id"))[:limit])
        Delivery.objects.bulk_create(
            Delivery(organisation=fact.organisation, fact=fact, handler=handler, next_at=now)
            for fact in facts
            for handler in _subscribers.get(fact.name, {})
        )
        if facts:
            Fact.objects.filter(pk__in=[fact.pk for fact in facts]).update(dispatched_at=now)


def _deliver(key: UUID, *, now: datetime) -> str | None:
    """Run one handler. Returns the delivery's state afterwards, or None where another process has it."""
    try:
        with transaction.atomic():
            delivery = _locked(Delivery.objects.filter(pk=key, state=Delivery.State.WAITING)).first()
            if delivery is None:
                return None
            fact = Fact.objects.get(pk=delivery.fact_id)
            _run(delivery.handler, fact)
            delivery.state = Delivery.State.DONE
            delivery.attempts += 1
            delivery.last_error = ""
            delivery.save(update_fields=["state", "attempts", "last_error"])
    except Exception:  # a handler may fail in any way; what it did is rolled back and it is tried again
        return _note_failure(key, traceback.format_exc(limit=-5), now=now)
    return Delivery.State.DONE


def _run(handler: str, fact: Fact) -> None:
    function = _subscribers.get(fact.name, {}).get(handler)
    if function is None:
        raise LookupError(f"no handler is called {handler} any more")
    received = Received(
        id=fact.pk,
        organisation=fact.organisation,
        counterparties=tuple(UUID(other) for other in fact.counterparties),
        name=fact.name,
        payload=fact.payload,
        at=fact.at,
    )
    scope = Scope(
        organisations={received.organisation, *received.counterparties},
        purpose=Purpose.OPERATION,
        reason=f"act on {fact.name}",
        actor=handler,
    )
    with scoped.entered(scope):
        function(received)


def _note_failure(key: UUID, error: str, *, now: datetime) -> str:
    with transaction.atomic():
        delivery = Delivery.objects.select_for_update().get(pk=key)
        delivery.attempts += 1
        delivery.last_error = error
        if delivery.attempts >= ATTEMPTS:
            delivery.state = Delivery.State.DEAD
        else:
            delivery.next_at = now + timedelta(seconds=pause_s(delivery.attempts))
        delivery.save(update_fields=["attempts", "last_error", "state", "next_at"])
    return delivery.state


def _locked(rows: scoped.ScopedQuerySet) -> scoped.ScopedQuerySet:
    return rows.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
