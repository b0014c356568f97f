"""The ledger for people: received = stored + rejected + duplicate, per source, with names."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import attrs

from samdrift.federation.models import Organisation
from samdrift.foundation import scoped
from samdrift.soc.queries.sources import source_names
from samdrift.soc.queries.stores import ledger

if TYPE_CHECKING:
    from samdrift_logs.journal.ledger import LedgerRow


@attrs.frozen(kw_only=True)
class LedgerLine:
    """One source and minute. `open` lines are accepted and on their way; `adds_up` is False where something is lost."""

    organisation: UUID
    organisation_name: str
    source: UUID
    source_name: str
    minute: dt.datetime
    received: int
    stored: int
    rejected: int
    duplicate: int
    open: int
    reasons: Mapping[str, int]
    closed: bool
    adds_up: bool


@attrs.frozen(kw_only=True)
class LedgerSum:
    """One source over a stretch of time. `missing` are lines of closed minutes that nothing accounts for."""

    organisation: UUID
    organisation_name: str
    source: UUID
    source_name: str
    received: int
    stored: int
    rejected: int
    duplicate: int
    open: int
    missing: int
    reasons: Mapping[str, int]


def ledger_rows(
    *, since: dt.datetime, until: dt.datetime, organisation: UUID | None = None, source: UUID | None = None
) -> list[LedgerLine]:
    """Return the lines in Scope with since <= minute < until, oldest first. Two queries and one look at the ledger."""
    return _lines(_rows(since, until, organisation=organisation, source=source))


def ledger_sums(*, since: dt.datetime, until: dt.datetime, organisation: UUID | None = None) -> list[LedgerSum]:
    """Return one sum for each source, by organisation and source name."""
    lines: dict[UUID, list[LedgerLine]] = {}
    for line in _lines(_rows(since, until, organisation=organisation, source=None)):
        lines.setdefault(line.source, []).append(line)
    sums = [_sum(of_source) for of_source in lines.values()]
    return sorted(sums, key=lambda entry: (entry.organisation_name, entry.source_name))


def ledger_discrepancies(
    *, since: dt.datetime, until: dt.datetime, organisation: UUID | None = None
) -> list[LedgerLine]:
    """Return the closed lines that do not add up: each is a loss, or a fault in the counting, to be looked into."""
    return _lines(row for row in _rows(since, until, organisation=organisation, source=None) if not row.adds_up)


def _rows(since: dt.datetime, until: dt.datetime, *, organisation: UUID | None, source: UUID | None) -> list[LedgerRow]:
    scope = scoped.current()
    narrowed = scope.narrowed([organisation]) if organisation is not None else scope
    rows = ledger().rows(narrowed, since, until)
    return [row for row in rows if source is None or row.source == source]


def _lines(rows: Iterable[LedgerRow]) -> list[LedgerLine]:
    sources = source_names()
    organisations = dict(Organisation.objects.values_list("pk", "short_name"))
    return [
        LedgerLine(
            organisation=row.organisation,
            organisation_name=organisations.get(row.organisation, ""),
            source=row.source,
            source_name=sources.get(row.source, ""),
            minute=row.minute,
            received=row.received,
            stored=row.stored,
            rejected=row.rejected,
            duplicate=row.duplicate,
            open=row.open,
            reasons=row.reasons,
            closed=row.closed,
            adds_up=row.adds_up,
        )
        for row in rows
    ]


def _sum(lines: Sequence[LedgerLine]) -> LedgerSum:
    reasons: Counter[str] = Counter()
    for line in lines:
        reasons.update(line.reasons)
    wrong = [line for line in lines if not line.adds_up]
    return LedgerSum(
        organisation=lines[0].organisation,
        organisation_name=lines[0].organisation_name,
        source=lines[0].source,
        source_name=lines[0].source_name,
        received=sum(line.received for line in lines),
        stored=sum(line.stored for line in lines),
        rejected=sum(line.rejected for line in lines),
        duplicate=sum(line.duplicate for line in lines),
        open=sum(line.open for line in lines),
        missing=sum(line.received - line.stored - line.rejected - line.duplicate for line in wrong),
        reasons=dict(reasons.most_common()),
    )
