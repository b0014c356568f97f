"""Look into logs: search, histogram, top values, one event. Through the lake's gate, and each look is written down.

`open_look` writes to the audit chain of every organisation that is searched: who, what query, what time. The pages
that show one look (hits, histogram, top values) share it; without one each call writes its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

import attrs
from django.db import transaction

from samdrift.federation.models import Organisation
from samdrift.foundation import audit, scoped
from samdrift.soc.models import Source
from samdrift.soc.queries.stores import gate
from samdrift_logs import search as lake_search
from samdrift_logs.errors import SamdriftError
from samdrift_logs.scope import Scope
from samdrift_logs.search import (
    FieldCount,
    Histogram,
    SearchControl,
    SearchHit,
    SearchRequest,
    SearchResult,
    TopValues,
)

TIME_LIMIT_S = 20.0


class EventMissing(SamdriftError):
    """There is no such event within the Scope at hand, or not any more."""


@attrs.frozen(kw_only=True)
class Look:
    """One look into logs that has been written down. Made by `open_look` only."""

    scope: Scope
    request: SearchRequest


@attrs.frozen(kw_only=True)
class EventPage:
    """One event, with the names of what it belongs to."""

    event: SearchHit
    organisation_name: str
    source_name: str


def open_look(
    *,
    query: str,
    since: dt.datetime | None,
    until: dt.datetime | None,
    organisations: Sequence[UUID] | None = None,
    at: dt.datetime,
) -> Look:
    """Check the query, write the look to the chain of each organisation searched, and return it.

    `organisations` narrows the Scope at hand and is needed with a Scope over everyone. Raises ScopeMissing,
    ScopeRefused and samdrift_logs.search.QueryError (with `position`), before anything is written or read.
    """
    scope = scoped.current()
    narrowed = scope.narrowed(organisations) if organisations is not None else scope
    request = SearchRequest(
        query=query,
        since=since,
        until=until,
        organisations=tuple(sorted(narrowed.organisations)) if organisations is not None else None,
        names=_names(narrowed),
    )
    request.condition()
    gate().open(narrowed, since=until, until=until)  # refuses a Scope that may not, before the look is written
    _write_down(narrowed, query, since=since, until=until, at=at)
    return Look(scope=narrowed, request=request)


def search_logs(
    *,
    look: Look,
    limit: int = 100,
    cursor: str | None = None,
    newest_first: bool = True,
    time_limit_s: float = TIME_LIMIT_S,
) -> SearchResult:
    """Return a page of hits in order of arrival, with the cursor to the next."""
    return lake_search.search(
        gate=gate(),
        scope=look.scope,
        request=look.request,
        limit=limit,
        cursor=cursor,
        newest_first=newest_first,
        control=SearchControl(time_limit_s=time_limit_s),
    )


def histogram(*, look: Look, buckets: int = 60, time_limit_s: float = TIME_LIMIT_S) -> Histogram:
    """Return the hits over time. Raises SearchStopped when the time is up."""
    control = SearchControl(time_limit_s=time_limit_s)
    return lake_search.histogram(gate=gate(), scope=look.scope, request=look.request, buckets=buckets, control=control)


def top_values(
    *, look: Look, fields: Sequence[str], limit: int = 10, time_limit_s: float = TIME_LIMIT_S
) -> tuple[TopValues, ...]:
    """Return the most frequent values of each field among all hits. Raises SearchStopped when the time is up."""
    control = SearchControl(time_limit_s=time_limit_s)
    return lake_search.top_values(
        gate=gate(), scope=look.scope, request=look.request, fields=fields, limit=limit, control=control
    )


def native_fields(*, look: Look, limit: int = 200, time_limit_s: float = TIME_LIMIT_S) -> tuple[FieldCount, ...]:
    """Return the native fields among the hits, most frequent first. Raises SearchStopped when the time is up."""
    control = SearchControl(time_limit_s=time_limit_s)
    return lake_search.native_fields(gate=gate(), scope=look.scope, request=look.request, limit=limit, control=control)


def event_page(*, event_id: str, at: dt.datetime) -> EventPage:
    """Return one event; the look is written to its organisation's chain. Raises EventMissing, InputRefused."""
    event = _event(event_id)
    audit.record(organisation=event.organisation, action="soc.logs.event_read", after={"event": event.event_id}, at=at)
    organisation = Organisation.objects.filter(pk=event.organisation).first()
    source = Source.objects.filter(pk=event.source).first()
    return EventPage(
        event=event,
        organisation_name=organisation.short_name if organisation else "",
        source_name=source.name if source else "",
    )


def events_around(
    *, event_id: str, at: dt.datetime, minutes: float = 5, query: str = "", limit: int = 200
) -> SearchResult:
    """Return what the same organisation's logs took in around an event, oldest first; written down as a look.

    Raises EventMissing, InputRefused.
    """
    event = _event(event_id)
    reach = dt.timedelta(minutes=minutes)
    look = open_look(
        query=query,
        since=event.received_at - reach,
        until=event.received_at + reach + dt.timedelta(microseconds=1),
        organisations=[event.organisation],
        at=at,
    )
    return search_logs(look=look, limit=limit, newest_first=False)


def _event(event_id: str) -> SearchHit:
    found = lake_search.event_by_id(gate=gate(), scope=scoped.current(), event_id=event_id)
    if found is None:
        raise EventMissing(f"there is no event {event_id} within what you may see")
    return found


def _names(scope: Scope) -> dict[str, dict[str, str]]:
    """Return the ids behind the names that people write in queries: organisations and sources in Scope."""
    organisations = Organisation.objects.filter(pk__in=list(scope.organisations)) if not scope.everyone else []
    by_name = {
        name: str(organisation.pk)
        for organisation in organisations
        for name in (organisation.name, organisation.short_name)
    }
    sources = Source.objects.filter(organisation__in=list(scope.organisations)) if not scope.everyone else []
    return {"organisation": by_name, "source": {source.name: str(source.pk) for source in sources}}


@transaction.atomic
def _write_down(
    scope: Scope, query: str, *, since: dt.datetime | None, until: dt.datetime | None, at: dt.datetime
) -> None:
    """One transaction for all chains, so that a look over a whole unit costs one flush."""
    after = {
        "query": query,
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
    }
    for organisation in sorted(scope.organisations):
        audit.record(organisation=organisation, action="soc.logs.searched", after=after, at=at)
