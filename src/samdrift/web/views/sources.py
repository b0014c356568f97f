"""Log sources and how they do; the ledger, which tells whether everything received is accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from samdrift.federation.rules import Actor, Kind, Role
from samdrift.soc import queries
from samdrift.web import charts, lists, querying, words
from samdrift.web.acting import first_of, purpose
from samdrift_logs.scope import Purpose

HOUR = timedelta(hours=1)
MOST_REFUSED = 20  # senders shown; the receiver keeps them with the most frequent first


@require_GET
@purpose(first_of(Purpose.WATCH, Purpose.ADMINISTRATION))
def sources(request: Any) -> HttpResponse:
    """List the sources in Scope, those that need somebody first."""
    found = queries.sources(at=request.at)
    text = request.GET.get("text", "").casefold()
    only = request.GET.get("state", "")
    shown = [
        row
        for row in found.rows
        if text in f"{row.name} {row.organisation_name} {row.type}".casefold() and _is_wanted(row, only)
    ]
    first = sorted(shown, key=lambda row: not row.is_silent)
    states = [("silent", _("Silent")), ("heard", _("Heard")), ("disabled", _("Turned off"))]
    context = {
        "found": found,
        "rows": [{"source": row, "state": source_state(row)} for row in first],
        "text": request.GET.get("text", ""),
        "filters": [lists.choice(request.GET, name="state", label=_("State"), values=states)],
        "kept": {},
        "pipeline": _pipeline(request) if _watches_for_others(request.acting.actor) else None,
    }
    return render(request, "web/sources/_sources.html" if request.htmx else "web/sources/sources.html", context)


def _watches_for_others(actor: Actor) -> bool:
    """Tell whether the viewer is a unit's analyst. The pipeline is of all municipalities, so none of them reads it."""
    return Role.ANALYST in actor.roles and actor.organisation_kind == Kind.UNIT


def _pipeline(request: Any) -> dict[str, Any]:
    """Return how receiver and workers do, and who was refused at the door. Of the whole installation."""
    processes = queries.pipeline_state(at=request.at).processes
    refused = [line for process in processes for line in _listed(process.counters.get("refused"))]
    shown = [{"process": item, "state": process_state(item), "problems": problems_of(item)} for item in processes]
    return {"processes": shown, "refused": refused[:MOST_REFUSED]}


def process_state(process: queries.ProcessState) -> words.State:
    """Return the state of a process in words."""
    if not process.is_alive:
        return words.State(_("Stopped") if process.counters.get("stopped") else _("Stalled"), "late")
    return words.State(_("Has problems"), "soon") if problems_of(process) else words.State(_("Runs"), "good")


def problems_of(process: queries.ProcessState) -> list[str]:
    """Return what a process says is wrong: its rules, its sink, its registry, its journal."""
    counters = process.counters
    named = [f"{name}: {text}" for name, text in _named(counters.get("problems")).items()]
    told = [_named(counters.get("registry")).get("problem"), _named(counters.get("journal")).get("last_problem")]
    return [process.problem] * bool(process.problem) + named + [str(text) for text in told if text]


def _named(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> list[Mapping[str, object]]:
    return [line for line in value if isinstance(line, dict)] if isinstance(value, list) else []


def source_state(row: queries.SourceRow) -> words.State:
    """Return the state of a source in words."""
    if not row.enabled:
        return words.State(_("Turned off"), "quiet")
    if row.is_silent:
        return words.State(_("Silent"), "late")
    if row.last_received_at is None:
        return words.State(_("Not heard yet"), "soon")
    return words.State(_("Heard"), "good")


def _is_wanted(row: queries.SourceRow, only: str) -> bool:
    wanted = {"silent": row.is_silent, "disabled": not row.enabled, "heard": row.enabled and not row.is_silent}
    return wanted.get(only, True)


@require_GET
@purpose(Purpose.WATCH)
def ledger(request: Any) -> HttpResponse:
    """Show, for each source, that received = stored + rejected + duplicate; and where it does not."""
    try:
        ends, wrong = querying.time_range(request.GET, now=request.at, default="4h"), ""
    except querying.RangeRefused as refused:
        ends, wrong = querying.last("4h", now=request.at), str(refused)
    until = ends.until + timedelta(minutes=1)
    sums = queries.ledger_sums(since=ends.since, until=until)
    source = next((row for row in sums if str(row.source) == request.GET.get("source")), None)
    context = {
        "ends": ends,
        "wrong": wrong,
        "ranges": [
            ("1h", _("Last hour")),
            ("4h", _("Last 4 hours")),
            ("24h", _("Last 24 hours")),
            ("7d", _("Last 7 days")),
        ],
        "sums": [{"row": row, "address": lists.changed(request.GET, source=str(row.source))} for row in sums],
        "totals": _totals(sums),
        "discrepancies": queries.ledger_discrepancies(since=ends.since, until=until),
        "source": source,
        "without_source": lists.changed(request.GET, source=None),
        **(_of_source(source.source, ends, until) if source else {}),
    }
    return render(request, "web/ledger/ledger.html", context)


def _totals(sums: Sequence[queries.LedgerSum]) -> dict[str, int]:
    names = ("received", "stored", "rejected", "duplicate", "open", "missing")
    return {name: sum(getattr(row, name) for row in sums) for name in names}


def _of_source(source: UUID, ends: querying.TimeRange, until: datetime) -> dict[str, Any]:
    """Return one source minute by minute, or hour by hour where that is too much to read."""
    rows = queries.ledger_rows(since=ends.since, until=until, source=source)
    step = timedelta(minutes=1) if ends.until - ends.since <= 4 * HOUR else HOUR
    grouped: dict[datetime, list[queries.LedgerLine]] = {}
    for row in rows:
        grouped.setdefault(_floor(row.minute, step), []).append(row)
    lines = [_line(start, group) for start, group in sorted(grouped.items())]
    buckets, at, counted = [], _floor(ends.since, step), {line["start"]: line for line in lines}
    while at < until:
        line = counted.get(at)
        tone = "late" if line and not line["adds_up"] else ""
        buckets.append(charts.Bucket(since=at, until=at + step, count=line["received"] if line else 0, tone=tone))
        at += step
    return {"chart": charts.histogram(buckets), "lines": list(reversed(lines)), "hourly": step == HOUR}


def _floor(moment: datetime, step: timedelta) -> datetime:
    seconds = int(step.total_seconds())
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, tz=words.COPENHAGEN)


def _line(start: datetime, group: Sequence[queries.LedgerLine]) -> dict[str, Any]:
    reasons: Counter[str] = Counter()
    for row in group:
        reasons.update(row.reasons)
    names = ("received", "stored", "rejected", "duplicate", "open")
    return {
        "start": start,
        **{name: sum(getattr(row, name) for row in group) for name in names},
        "reasons": reasons.most_common(),
        "adds_up": all(row.adds_up for row in group),
        "closed": all(row.closed for row in group),
    }
