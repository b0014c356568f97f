"""Note what became late, once for each clock, and whose leg it was."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from samdrift.foundation import audit, outbox
from samdrift.support.models import Clock
from samdrift.support.operations import clocks

BATCH = 200


def note_breaches(*, at: dt.datetime) -> list[UUID]:
    """Note every clock that is, or ended, past its due time at `at`, and return the clocks' ids. Safe to run again.

    Needs a Scope for operation over everyone. Each breach is attributed to the leg, and so to the organisation, whose
    clock it is; both parties' chains get it. At most BATCH are noted in one run, the longest overdue first.
    """
    # A clock that was stopped too late while nobody looked is a breach all the same.
    is_late = Q(ended_at__isnull=True, due_at__lt=at) | Q(breached_at__isnull=False)
    late = Clock.objects.filter(is_late, breach_noted_at__isnull=True)
    noted = [_note(pk, at=at) for pk in list(late.order_by("due_at", "id").values_list("pk", flat=True)[:BATCH])]
    return [pk for pk in noted if pk is not None]


@transaction.atomic
def _note(pk: UUID, *, at: dt.datetime) -> UUID | None:
    clock = Clock.objects.select_for_update(of=("self",)).select_related("leg__team", "ticket").filter(pk=pk).first()
    if clock is None or clock.breach_noted_at is not None:
        return None
    clocks.project(clock.leg, clock.metric, now=at)
    clock.refresh_from_db(fields=["breached_at"])
    if clock.breached_at is None:
        return None
    clock.breach_noted_at = at
    clock.save(update_fields=["breach_noted_at"])
    payload = {
        "ticket": str(clock.ticket_id),
        "number": clock.ticket.number,
        "clock": str(clock.pk),
        "metric": clock.metric,
        "breached_at": clock.breached_at.isoformat(),
        "leg": str(clock.leg_id),
        "team": clock.leg.team.name,
        "attributed_to": str(clock.organisation_id),
    }
    parties = [party for party in (clock.ticket.organisation_id, clock.ticket.counterparty_id) if party is not None]
    for party in parties:
        audit.record(organisation=party, action="support.clock.breached", subject=clock.ticket, after=payload, at=at)
    outbox.publish(
        organisation=parties[0], counterparties=parties[1:], fact="support.clock.breached", payload=payload, at=at
    )
    return pk
