"""The audit chain: who did what to whom and why, one append-only chain of hashes for each organisation.

Each entry's digest covers its content and the digest before it, so a changed, removed or inserted entry breaks the
chain from there on; the organisation's counter tells when the end was cut off. `INSTALLATION` is the chain of Samdrift
itself, for what concerns every organisation at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from uuid import UUID

import attrs
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction

from samdrift.foundation import scoped
from samdrift.foundation.models import AuditEntry, Counter
from samdrift.foundation.numbers import next_number
from samdrift_logs.scope import Purpose, Scope

INSTALLATION = UUID(int=0)
FIRST = "0" * 64
_SERIES = "audit"


@attrs.frozen(kw_only=True)
class Fault:
    """A place where a chain does not hold."""

    organisation: UUID
    sequence: int
    what: str


def record(
    *,
    organisation: UUID,
    action: str,
    at: datetime,
    subject: models.Model | None = None,
    reason: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Append to the organisation's chain, in the transaction of what is recorded.

    Actor, purpose and the Scope's reason are taken from the Scope at hand (ScopeMissing without one). The chain may be
    that of an organisation outside the Scope: whoever touches a shared row is written down by each party.
    """
    scope = scoped.current()
    with transaction.atomic(), scoped.entered(_chain_scope(organisation, actor=scope.actor)):
        sequence = next_number(organisation, _SERIES)
        last = AuditEntry.objects.filter(organisation=organisation, sequence=sequence - 1).only("digest").first()
        entry = AuditEntry(
            organisation=organisation,
            sequence=sequence,
            at=at.astimezone(UTC),
            actor=scope.actor,
            purpose=scope.purpose.value,
            scope_reason=scope.reason,
            action=action,
            subject=subject._meta.label if subject is not None else "",
            subject_id=str(subject.pk) if subject is not None else "",
            reason=reason,
            before=_canonical(before),
            after=_canonical(after),
            previous=last.digest if last is not None else FIRST,
        )
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)
    return entry


def digest_of(entry: AuditEntry) -> str:
    """Return the SHA-256 over the entry's content and the digest before it, in hex."""
    content = {
        "organisation": str(entry.organisation),
        "sequence": entry.sequence,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        **{
            name: getattr(entry, name)
            for name in ("actor", "purpose", "scope_reason", "action", "subject", "subject_id", "reason")
        },
        "before": entry.before,
        "after": entry.after,
        "previous": entry.previous,
    }
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def verify(*, organisation: UUID) -> list[Fault]:
    """Return every place where the organisation's chain does not hold, in order; empty when it does."""
    return list(_faults(organisation))


def _faults(organisation: UUID) -> Iterator[Fault]:
    expected, previous = 1, FIRST
    with scoped.entered(_chain_scope(organisation, actor="samdrift audit verify")):
        for entry in AuditEntry.objects.filter(organisation=organisation).order_by("sequence").iterator(2000):
            if entry.sequence != expected:
                yield Fault(organisation=organisation, sequence=expected, what="entries are missing before this one")
            if entry.previous != previous:
                yield Fault(organisation=organisation, sequence=entry.sequence, what="does not follow the one before")
            if entry.digest != digest_of(entry):
                yield Fault(organisation=organisation, sequence=entry.sequence, what="was changed after it was written")
            expected, previous = entry.sequence + 1, entry.digest
        counter = Counter.objects.filter(organisation=organisation, series=_SERIES).first()
    if counter is not None and counter.last >= expected:
        yield Fault(organisation=organisation, sequence=expected, what="the end of the chain is missing")


def _chain_scope(organisation: UUID, *, actor: str) -> Scope:
    return Scope(organisations={organisation}, purpose=Purpose.ADMINISTRATION, reason="keep the chain", actor=actor)


def _canonical(value: object) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
