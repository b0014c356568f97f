"""Numbers that people say aloud, counted per organisation and series."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from samdrift.foundation import scoped
from samdrift.foundation.models import Counter
from samdrift_logs.scope import Scope


def next_number(organisation: UUID, series: str) -> int:
    """Return the next number of `series` in `organisation`, from 1 without holes (a rolled-back one is given again).

    The counter is the organisation's own also when one of its counterparties opens the row that is numbered, so the
    gate is passed in a Scope of that organisation.
    """
    scope = scoped.current()
    counting = Scope(organisations={organisation}, purpose=scope.purpose, reason=f"count {series}", actor=scope.actor)
    with transaction.atomic(), scoped.entered(counting):
        counter, _ = Counter.objects.select_for_update().get_or_create(organisation=organisation, series=series)
        counter.last += 1
        counter.save(update_fields=["last"])
        return counter.last
