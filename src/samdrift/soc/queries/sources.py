"""Log sources and how they do: when last heard, how much, silent or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import attrs

from samdrift.foundation import scoped
from samdrift.soc.models import Credential, Source
from samdrift.soc.queries.stores import ledger
from samdrift_logs.errors import SamdriftError

if TYPE_CHECKING:
    from samdrift_logs.journal.ledger import LedgerRow

LOOK_BACK = dt.timedelta(hours=3)
_RATE_MINUTES = 10


class SourceMissing(SamdriftError):
    """There is no such source within the Scope at hand."""


@attrs.frozen(kw_only=True)
class CredentialRow:
    """A credential as its administrators see it; the secret itself is nowhere."""

    id: UUID
    kind: str
    hint: str
    issued_at: dt.datetime
    revoked_at: dt.datetime | None


@attrs.frozen(kw_only=True)
class SourceCredentialRow(CredentialRow):
    """A credential with the source that it is of."""

    source: UUID
    source_name: str


@attrs.frozen(kw_only=True)
class SourceRow:
    """A source and its state over the last hours.

    `last_received_at` is None when nothing came within the look-back; `per_minute` is over the last ten minutes;
    `is_silent`: enabled, and quiet for longer than `silence_minutes`. `rejected` and `received` are over the look-back.
    `credentials` is empty for purposes that may not read them.
    """

    id: UUID
    organisation: UUID
    organisation_name: str
    name: str
    type: str
    timezone: str
    enabled: bool
    networks: Sequence[str]
    hosts: Sequence[str]
    subscription: UUID | None
    unit_name: str
    silence_minutes: int
    registered_at: dt.datetime
    last_received_at: dt.datetime | None
    per_minute: float
    received: int
    stored: int
    rejected: int
    duplicate: int
    is_silent: bool
    credentials: Sequence[CredentialRow]


@attrs.frozen(kw_only=True)
class SourceList:
    """Sources with the figures that one acts on."""

    rows: Sequence[SourceRow]
    total: int
    silent: int
    disabled: int


@attrs.define
class _Heard:
    last: dt.datetime | None = None
    recent: int = 0
    received: int = 0
    stored: int = 0
    rejected: int = 0
    duplicate: int = 0


def sources(*, at: dt.datetime, organisation: UUID | None = None, look_back: dt.timedelta = LOOK_BACK) -> SourceList:
    """Return the sources in Scope by organisation and name. Two or three queries and one look at the ledger."""
    found = Source.objects.select_related("organisation", "subscription__counterparty")
    if organisation is not None:
        found = found.filter(organisation=organisation)
    rows = _rows(list(found.order_by("organisation__name", "name")), at=at, look_back=look_back)
    return SourceList(
        rows=rows,
        total=len(rows),
        silent=sum(row.is_silent for row in rows),
        disabled=sum(not row.enabled for row in rows),
    )


def source_page(*, source: UUID, at: dt.datetime, look_back: dt.timedelta = LOOK_BACK) -> SourceRow:
    """Return one source. Raises SourceMissing."""
    found = list(Source.objects.select_related("organisation", "subscription__counterparty").filter(pk=source))
    if not found:
        raise SourceMissing(f"there is no source {source} within what you may see")
    return _rows(found, at=at, look_back=look_back)[0]


def credentials() -> list[SourceCredentialRow]:
    """Return the credentials of the sources in Scope, by source and age. Needs ADMINISTRATION. One query."""
    rows = Credential.objects.select_related("source").order_by("source__name", "issued_at")
    return [
        SourceCredentialRow(
            id=row.pk,
            source=row.source_id,
            source_name=row.source.name,
            kind=row.kind,
            hint=row.hint,
            issued_at=row.issued_at,
            revoked_at=row.revoked_at,
        )
        for row in rows
    ]


def source_names() -> Mapping[UUID, str]:
    """Return the names of the sources in Scope by id. One query."""
    return dict(Source.objects.values_list("pk", "name"))


def _rows(found: Sequence[Source], *, at: dt.datetime, look_back: dt.timedelta) -> list[SourceRow]:
    scope = scoped.current()
    heard = _heard(ledger().rows(scope, at - look_back, at + dt.timedelta(minutes=1)), at=at)
    credentials = _credentials([source.pk for source in found])
    return [_row(source, heard.get(source.pk, _Heard()), credentials.get(source.pk, []), at=at) for source in found]


def _credentials(ids: Sequence[UUID]) -> dict[UUID, list[CredentialRow]]:
    if scoped.current().purpose not in Credential.read_purposes:
        return {}
    rows: dict[UUID, list[CredentialRow]] = {}
    for row in Credential.objects.filter(source__in=list(ids)):
        shown = CredentialRow(
            id=row.pk, kind=row.kind, hint=row.hint, issued_at=row.issued_at, revoked_at=row.revoked_at
        )
        rows.setdefault(row.source_id, []).append(shown)
    return rows


def _heard(rows: Iterable[LedgerRow], *, at: dt.datetime) -> dict[UUID, _Heard]:
    heard: dict[UUID, _Heard] = {}
    recent = at - dt.timedelta(minutes=_RATE_MINUTES)
    for row in rows:
        entry = heard.setdefault(row.source, _Heard())
        entry.received += row.received
        entry.stored += row.stored
        entry.rejected += row.rejected
        entry.duplicate += row.duplicate
        if row.received:
            entry.last = max(entry.last or row.minute, row.minute)
        if row.minute >= recent:
            entry.recent += row.received
    return heard


def _row(source: Source, heard: _Heard, credentials: Sequence[CredentialRow], *, at: dt.datetime) -> SourceRow:
    quiet_since = heard.last or source.registered_at
    # A ledger row tells the minute: within it the source was heard until its end.
    quiet_for = at - quiet_since - dt.timedelta(minutes=1)
    subscription = source.subscription
    return SourceRow(
        id=source.pk,
        organisation=source.organisation_id,
        organisation_name=source.organisation.short_name,
        name=source.name,
        type=source.type,
        timezone=source.timezone,
        enabled=source.enabled,
        networks=tuple(source.networks),
        hosts=tuple(source.hosts),
        subscription=source.subscription_id,
        unit_name=subscription.counterparty.short_name if subscription else "",
        silence_minutes=source.silence_minutes,
        registered_at=source.registered_at,
        last_received_at=heard.last,
        per_minute=heard.recent / _RATE_MINUTES,
        received=heard.received,
        stored=heard.stored,
        rejected=heard.rejected,
        duplicate=heard.duplicate,
        is_silent=source.enabled and quiet_for > dt.timedelta(minutes=source.silence_minutes),
        credentials=credentials,
    )
