"""Log sources and how they do; the ledger, which tells whether everything received is accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from samdrift.soc import queries
from samdrift.web import charts, lists, querying, words
from samdrift.web.acting import first_of, purpose
from samdrift_logs.scope import Purpose

HOUR = timedelta(hours=1)


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
    }
    return render(request, "web/sources/_sources.html" if request.htmx else "web/sources/sources.html", context)


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
