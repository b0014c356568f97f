"""Alerts, cases, logs, sources and the ledger over the REST API."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal
from uuid import UUID

import attrs
from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema

from samdrift.api.doors import MalformedRequest, actor_of, purpose
from samdrift.soc import operations, queries
from samdrift_logs.scope import Purpose

alerts = Router(tags=["alerts"])
cases = Router(tags=["cases"])
logs = Router(tags=["logs"])
sources = Router(tags=["sources"])
ledger = Router(tags=["ledger"])

Level = Literal["informational", "low", "medium", "high", "critical"]
LONGEST_LEDGER = dt.timedelta(days=31)
YEARS = range(2000, 2100)  # when lines are received; beyond, the arithmetic of times itself comes to an end


# ---- alerts


class AlertOut(Schema):
    """An alert: a rule met an event."""

    id: UUID
    rule_id: str
    title: str
    level: str
    tags: list[str]
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


class AlertsOut(Schema):
    """A page of alerts, newest first."""

    items: list[AlertOut]
    total: int
    page: int
    pages: int


class AlertPageOut(Schema):
    """One alert with what matched, what to do, and the copy of its event."""

    alert: AlertOut
    description: str
    what_to_do: str
    ruleset_version: str
    matched: dict[str, Any]
    event: dict[str, Any] | None


class AlertFiltersIn(Schema):
    """What the list is narrowed to. `level` is the mildest to show."""

    organisation: UUID | None = None
    level: Level | None = None
    host: str = Field("", max_length=300)
    case: UUID | None = None
    page: int = Field(1, ge=1, le=100_000)
    per_page: int = Field(100, ge=1, le=500)


@alerts.get("", response=AlertsOut)
@purpose(Purpose.WATCH)
def list_alerts(request: HttpRequest, filters: Query[AlertFiltersIn]) -> Any:
    """List alerts within the caller's scope."""
    wanted = queries.AlertFilters(
        organisation=filters.organisation, level=filters.level or "", host=filters.host, case=filters.case
    )
    found = queries.alert_list(filters=wanted, page=filters.page, per_page=filters.per_page)
    return {"items": found.rows, "total": found.total, "page": found.page, "pages": found.pages}


@alerts.get("/{alert}", response=AlertPageOut)
@purpose(Purpose.WATCH)
def read_alert(request: HttpRequest, alert: UUID) -> Any:
    """Read one alert. It shows log data, so the look is written to its organisation's audit chain."""
    try:
        return queries.alert_page(alert=alert, at=request.at)  # type: ignore[attr-defined]
    except queries.AlertMissing as error:
        raise Http404 from error


# ---- cases


class CaseOut(Schema):
    """A case in a list."""

    id: UUID
    number: str
    title: str
    level: str
    state: str
    place: str
    organisation: UUID
    organisation_name: str
    handler: UUID
    handler_name: str
    assignee_name: str
    alert_count: int
    kind_count: int
    opened_at: dt.datetime
    first_alert_at: dt.datetime
    last_alert_at: dt.datetime
    closed_at: dt.datetime | None
    classification: str


class CasesOut(Schema):
    """A page of cases, worst and newest first."""

    items: list[CaseOut]
    total: int
    page: int
    pages: int


class EntryOut(Schema):
    """One line of a case's timeline."""

    kind: str
    at: dt.datetime
    author_name: str
    body: str
    facts: dict[str, Any]


class KindOut(Schema):
    """All alerts of one rule in a case."""

    rule_id: str
    title: str
    level: str
    count: int
    first_at: dt.datetime
    last_at: dt.datetime
    tags: list[str]
    what_to_do: str
    description: str


class CasePageOut(Schema):
    """One case with its timeline, its kinds of alert and its first alerts."""

    case: CaseOut
    reason: str
    entries: list[EntryOut]
    kinds: list[KindOut]
    alerts: list[AlertOut]
    next_step: str
    states: list[str]
    may_work: bool


class CaseFiltersIn(Schema):
    """What the queue is narrowed to."""

    state: list[Literal["new", "open", "waiting", "contained", "closed"]] = Field([])
    level: Level | None = None
    organisation: UUID | None = None
    text: str = Field("", max_length=200)
    page: int = Field(1, ge=1, le=100_000)
    per_page: int = Field(50, ge=1, le=200)


class TextIn(Schema):
    """What is written."""

    text: str = Field(min_length=1, max_length=20_000)


class StateIn(Schema):
    """The state to move to, and why."""

    state: Literal["open", "waiting", "contained"]
    reason: str = Field("", max_length=2000)


class CloseIn(Schema):
    """What it was, and how one knows."""

    classification: Literal["true_positive", "false_positive", "benign"]
    reason: str = Field(min_length=1, max_length=20_000)


@cases.get("", response=CasesOut)
@purpose(Purpose.WATCH)
def list_cases(request: HttpRequest, filters: Query[CaseFiltersIn]) -> Any:
    """List cases within the caller's scope."""
    wanted = queries.CaseFilters(
        states=tuple(filters.state) or queries.CaseFilters().states,
        level=filters.level or "",
        organisation=filters.organisation,
        text=filters.text,
    )
    found = queries.case_queue(filters=wanted, page=filters.page, per_page=filters.per_page)
    return {"items": found.rows, "total": found.total, "page": found.page, "pages": found.pages}


@cases.get("/{case}", response=CasePageOut)
@purpose(Purpose.WATCH)
def read_case(request: HttpRequest, case: UUID) -> Any:
    """Read one case."""
    return _case(request, case)


@cases.post("/{case}/take", response=CasePageOut)
@purpose(Purpose.WATCH)
def take_case(request: HttpRequest, case: UUID) -> Any:
    """Become the one who works on the case."""
    return _after(request, case, operations.take_case)


@cases.post("/{case}/notes", response=CasePageOut)
@purpose(Purpose.WATCH)
def note_on_case(request: HttpRequest, case: UUID, given: TextIn) -> Any:
    """Write on the case; both parties read it."""
    return _after(request, case, operations.add_note, body=given.text)


@cases.post("/{case}/decisions", response=CasePageOut)
@purpose(Purpose.WATCH)
def decide_on_case(request: HttpRequest, case: UUID, given: TextIn) -> Any:
    """Write down what was decided and why."""
    return _after(request, case, operations.record_decision, decision=given.text)


@cases.post("/{case}/state", response=CasePageOut)
@purpose(Purpose.WATCH)
def move_case(request: HttpRequest, case: UUID, given: StateIn) -> Any:
    """Move the case on."""
    return _after(request, case, operations.set_state, state=given.state, reason=given.reason)


@cases.post("/{case}/close", response=CasePageOut)
@purpose(Purpose.WATCH)
def close_case(request: HttpRequest, case: UUID, given: CloseIn) -> Any:
    """Close the case with what it was."""
    return _after(request, case, operations.close_case, classification=given.classification, reason=given.reason)


@cases.post("/{case}/reopen", response=CasePageOut)
@purpose(Purpose.WATCH)
def reopen_case(request: HttpRequest, case: UUID, given: TextIn) -> Any:
    """Open a closed case again."""
    return _after(request, case, operations.reopen_case, reason=given.text)


def _after(request: HttpRequest, case: UUID, verb: Any, **given: Any) -> Any:
    try:
        verb(actor=actor_of(request), case=case, at=request.at, **given)  # type: ignore[attr-defined]
    except operations.CaseNotFound as error:
        raise Http404 from error
    return _case(request, case)


def _case(request: HttpRequest, case: UUID) -> Any:
    try:
        return queries.case_page(case=case, actor=actor_of(request))
    except queries.CaseMissing as error:
        raise Http404 from error


# ---- logs


class EventOut(Schema):
    """One event: what was promoted to columns, the fields under their native names, and the line as received."""

    event_id: str
    organisation: UUID
    source: UUID
    received_at: dt.datetime
    event_at: dt.datetime | None
    columns: dict[str, Any]
    fields: dict[str, Any]
    raw: str
    raw_lossy: bool


class EventsOut(Schema):
    """A page of hits in order of arrival. `cursor` fetches the next one; `complete` is false where time ran out."""

    items: list[EventOut]
    cursor: str | None
    complete: bool


class BucketOut(Schema):
    """Hits in one stretch of time."""

    start: dt.datetime
    count: int


class HistogramOut(Schema):
    """Hits over time."""

    step_s: int
    buckets: list[BucketOut]
    total: int


class LookIn(Schema):
    """A query in the analysts' language (docs/reference/search.md) over a stretch of arrival time."""

    q: str = Field("", max_length=2000)
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    organisation: list[UUID] = Field([])


class SearchIn(LookIn):
    """A look at the events themselves."""

    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=200)


class HistogramIn(LookIn):
    """A look at how many there were when."""

    buckets: int = Field(60, ge=1, le=500)


@logs.get("", response=EventsOut)
@purpose(Purpose.WATCH)
def search_logs(request: HttpRequest, given: Query[SearchIn]) -> Any:
    """Search the logs. Each look is written to the audit chain of every organisation that is searched."""
    found = queries.search_logs(look=_look(request, given), limit=given.limit, cursor=given.cursor)
    return {
        "items": [_event(hit) for hit in found.hits],
        "cursor": found.next_cursor,
        "complete": found.stopped is None,
    }


@logs.get("/histogram", response=HistogramOut)
@purpose(Purpose.WATCH)
def count_logs(request: HttpRequest, given: Query[HistogramIn]) -> Any:
    """Count the hits over time."""
    counted = queries.histogram(look=_look(request, given), buckets=given.buckets)
    buckets = [{"start": bucket.start, "count": bucket.total} for bucket in counted.buckets]
    return {"step_s": counted.step_s, "buckets": buckets, "total": counted.total}


@logs.get("/events/{event_id}", response=EventOut)
@purpose(Purpose.WATCH)
def read_event(request: HttpRequest, event_id: str) -> Any:
    """Read one event; the look is written to its organisation's audit chain."""
    try:
        return _event(queries.event_page(event_id=event_id, at=request.at).event)  # type: ignore[attr-defined]
    except queries.EventMissing as error:
        raise Http404 from error


def _look(request: HttpRequest, given: LookIn) -> queries.Look:
    for name in ("since", "until"):
        instant = getattr(given, name)
        if instant is not None and instant.tzinfo is None:
            raise MalformedRequest(f"{name} has no time zone; write it as 2026-11-23T14:00:00Z")
        if instant is not None and instant.year not in YEARS:
            raise MalformedRequest(f"{name} is in a year that no log is of; give one from {YEARS[0]} to {YEARS[-1]}")
    return queries.open_look(
        query=given.q,
        since=given.since,
        until=given.until,
        organisations=given.organisation or None,
        at=request.at,  # type: ignore[attr-defined]
    )


def _event(hit: Any) -> dict[str, Any]:
    shown = attrs.asdict(hit, recurse=False)
    named = {"event_id", "organisation", "source", "received_at", "event_at", "fields", "raw", "raw_lossy", "raw_bytes"}
    columns = {name: value for name, value in shown.items() if name not in named and value is not None}
    return {**{name: shown[name] for name in named - {"raw_bytes"}}, "columns": columns}


# ---- sources and the ledger


class SourceOut(Schema):
    """A log source and its state over the last hours."""

    id: UUID
    organisation: UUID
    organisation_name: str
    name: str
    type: str
    enabled: bool
    unit_name: str
    last_received_at: dt.datetime | None
    per_minute: float
    received: int
    stored: int
    rejected: int
    duplicate: int
    is_silent: bool


class SourcesOut(Schema):
    """Sources within the caller's scope."""

    items: list[SourceOut]
    total: int
    silent: int
    disabled: int


class LedgerSumOut(Schema):
    """The ledger of one source over a time: received = stored + rejected + duplicate + open; `missing` must be 0."""

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
    reasons: dict[str, int]


class LedgerOut(Schema):
    """The ledger over a time."""

    since: dt.datetime
    until: dt.datetime
    items: list[LedgerSumOut]


class LedgerIn(Schema):
    """Which time; the last hour where nothing is said."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None


@sources.get("", response=SourcesOut)
@purpose(Purpose.WATCH)
def list_sources(request: HttpRequest) -> Any:
    """List log sources with their state."""
    found = queries.sources(at=request.at)  # type: ignore[attr-defined]
    return {"items": found.rows, "total": found.total, "silent": found.silent, "disabled": found.disabled}


@ledger.get("", response=LedgerOut)
@purpose(Purpose.WATCH)
def read_ledger(request: HttpRequest, given: Query[LedgerIn]) -> Any:
    """Read the ledger, one sum for each source."""
    now: dt.datetime = request.at  # type: ignore[attr-defined]
    for instant in (given.since, given.until):
        if instant is not None and instant.year not in YEARS:
            raise MalformedRequest(f"give since and until in a year from {YEARS[0]} to {YEARS[-1]}")
    until = given.until or now + dt.timedelta(minutes=1)
    since = given.since or until - dt.timedelta(hours=1)
    if since.tzinfo is None or until.tzinfo is None or not dt.timedelta(0) < until - since <= LONGEST_LEDGER:
        raise MalformedRequest("give since and until with a time zone, since first, at most 31 days apart")
    return {"since": since, "until": until, "items": queries.ledger_sums(since=since, until=until)}
