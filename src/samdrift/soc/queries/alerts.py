"""Alerts: the list, and one alert with the copy of its event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import attrs
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from samdrift.foundation import audit
from samdrift.soc.models import Alert
from samdrift.soc.rules import rank
from samdrift_logs.errors import SamdriftError

PAGE = 100


class AlertMissing(SamdriftError):
    """There is no such alert within the Scope at hand."""


@attrs.frozen(kw_only=True)
class AlertRow:
    """An alert in a list. `case` is None for a mild one that joined none."""

    id: UUID
    rule_id: str
    title: str
    level: str
    tags: Sequence[str]
    organisation: UUID
    organisation_name: str
    unit_name: str
    source: UUID
    source_name: str
    host: str
    user: str
    event_id: str
    event_at: dt.datetime | None
    received_at: dt.datetime
    recorded_at: dt.datetime
    case: UUID | None
    case_number: str
    is_first_of_kind: bool
    has_event: bool


@attrs.frozen(kw_only=True)
class AlertPage:
    """One alert with what matched and the event. `event` is None where only the lake has it (see event_page)."""

    alert: AlertRow
    description: str
    what_to_do: str
    ruleset_version: str
    matched: Mapping[str, str]
    event: Mapping[str, object] | None
    raw: str


@attrs.frozen(kw_only=True)
class AlertFilters:
    """What the list is narrowed to; an empty value narrows nothing. `level` is the mildest to show."""

    organisation: UUID | None = None
    level: str = ""
    rule_id: str = ""
    host: str = ""
    case: UUID | None = None
    without_case: bool = False
    first_of_kind: bool = False
    since: dt.datetime | None = None
    until: dt.datetime | None = None


@attrs.frozen(kw_only=True)
class AlertList:
    """One page of alerts. Pages count from 1."""

    rows: Sequence[AlertRow]
    total: int
    page: int
    pages: int


def alert_list(*, filters: AlertFilters | None = None, page: int = 1, per_page: int = PAGE) -> AlertList:
    """Return alerts in Scope, newest first. Two queries."""
    found = _filtered(filters or AlertFilters())
    total = found.count()
    pages = max(1, -(-total // per_page))
    chosen = min(max(page, 1), pages)
    rows = found.order_by("-received_at", "-id")[(chosen - 1) * per_page : chosen * per_page]
    return AlertList(rows=[alert_row(row) for row in rows], total=total, page=chosen, pages=pages)


def alert_page(*, alert: UUID, at: dt.datetime) -> AlertPage:
    """Return one alert. Its event is log data: the look is written to its organisation's chain. Raises AlertMissing."""
    found = _loaded(Alert.objects.filter(pk=alert)).first()
    if found is None:
        raise AlertMissing(f"there is no alert {alert} within what you may see")
    audit.record(
        organisation=found.organisation_id,
        action="soc.logs.alert_read",
        subject=found,
        after={"rule": found.rule_id, "event": found.event_id},
        at=at,
    )
    event = found.event
    raw = event.get("raw", "") if event else ""
    return AlertPage(
        alert=alert_row(found),
        description=found.description,
        what_to_do=found.what_to_do,
        ruleset_version=found.ruleset_version,
        matched=found.matched,
        event=event,
        raw=str(raw),
    )


def alert_row(alert: Any) -> AlertRow:
    """Return a row from one of `loaded_alerts`."""
    return AlertRow(
        id=alert.pk,
        rule_id=alert.rule_id,
        title=alert.title,
        level=alert.level,
        tags=tuple(alert.tags),
        organisation=alert.organisation_id,
        organisation_name=alert.organisation.short_name,
        unit_name=alert.counterparty.short_name if alert.counterparty else "",
        source=alert.source_id,
        source_name=alert.source_name,
        host=alert.host,
        user=alert.user,
        event_id=alert.event_id,
        event_at=alert.event_at,
        received_at=alert.received_at,
        recorded_at=alert.recorded_at,
        case=alert.case_id,
        case_number=alert.case.number if alert.case else "",
        is_first_of_kind=alert.is_first_of_kind,
        has_event=alert.has_event,
    )


def loaded_alerts(rows: QuerySet[Alert]) -> QuerySet[Any]:
    """Return the rows with what alert_row needs, and without the events, which are large."""
    has_event = ExpressionWrapper(Q(event__isnull=False), output_field=BooleanField())
    return rows.select_related("organisation", "counterparty", "case").annotate(has_event=has_event).defer("event")


_loaded = loaded_alerts


def _filtered(filters: AlertFilters) -> QuerySet[Any]:
    found = _loaded(Alert.objects.all())
    exact = {
        "organisation": filters.organisation,
        "rule_id": filters.rule_id,
        "host__iexact": filters.host,
        "case": filters.case,
        "received_at__gte": filters.since,
        "received_at__lt": filters.until,
    }
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if filters.level:
        found = found.filter(level_rank__gte=rank(filters.level))
    if filters.without_case:
        found = found.filter(case__isnull=True)
    if filters.first_of_kind:
        found = found.filter(is_first_of_kind=True)
    return found
