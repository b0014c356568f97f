"""Home: the work list of each role. What is mine, what becomes late next, what changed since I was here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from samdrift.federation import boundary
from samdrift.foundation.scoped import entered
from samdrift.soc import queries as soc
from samdrift.support import queries as support
from samdrift.web import words
from samdrift.web.acting import first_of, purpose
from samdrift.web.views.tickets import ticket_shown
from samdrift_logs.scope import Purpose

ORDER = (Purpose.WATCH, Purpose.SUPPORT, Purpose.PURCHASE, Purpose.ADMINISTRATION)
ABSENCE = timedelta(minutes=30)
A_WEEK = timedelta(days=7)


@attrs.frozen(kw_only=True)
class Figure:
    """A number that one acts on, and the rows behind it."""

    count: int
    label: str
    address: str
    tone: str


@require_GET
@purpose(first_of(*ORDER))
def home(request: Any) -> HttpResponse:
    """Show the work of every purpose that the viewer's roles give, each read in its own Scope."""
    since = _last_visit(request)
    sections = []
    for item in ORDER:
        if item in request.acting.purposes and item in SECTIONS:
            scope = boundary.scope_for(request.acting.actor, item, at=request.at)
            with entered(scope):
                sections.append({"scope": scope, **SECTIONS[item](request, since)})
    context = {"sections": sections, "since": since, "greeting": _greeting(request.at)}
    return render(request, "web/home/_home.html" if request.htmx else "web/home/home.html", context)


def _support(request: Any, since: datetime) -> dict[str, Any]:
    actor = request.acting.actor
    counts = support.counts(organisation=actor.organisation_id, user=actor.user_id, at=request.at)
    mine = support.my_work(
        organisation=actor.organisation_id, user=actor.user_id, teams=actor.team_ids, at=request.at, limit=12
    )
    known = {row.id for row in mine}
    late = support.what_breaches_next(organisation=actor.organisation_id, at=request.at, limit=8)
    return {
        "kind": "support",
        "figures": _ticket_figures(counts),
        "mine": [ticket_shown(row, at=request.at) for row in mine],
        "breaching": [ticket_shown(row, at=request.at) for row in late if row.id not in known],
        "changed": [ticket_shown(row, at=request.at) for row in _changed_tickets(request, since)],
    }


def _changed_tickets(request: Any, since: datetime) -> list[support.TicketRow]:
    found = support.ticket_queue(
        organisation=request.acting.actor.organisation_id,
        at=request.at,
        filters=support.TicketFilters(states=()),
        sort="changed",
        descending=True,
        per_page=8,
    )
    return [row for row in found.rows if row.changed_at > since]


def _ticket_figures(counts: support.TicketCounts) -> list[Figure]:
    tickets = reverse("tickets")
    figures = [
        Figure(count=counts.breached, label=_("past their deadline"), address=f"{tickets}?late=1", tone="late"),
        Figure(count=counts.due_soon, label=_("due within 2 hours"), address=f"{tickets}?sort=due", tone="soon"),
        Figure(count=counts.to_accept, label=_("offered to us"), address=f"{tickets}?part=receiver", tone=""),
        Figure(count=counts.unassigned, label=_("nobody has taken"), address=f"{tickets}?who=nobody", tone=""),
        Figure(count=counts.mine, label=_("mine"), address=f"{tickets}?who=me", tone=""),
        Figure(count=counts.to_close, label=_("solved, to be closed"), address=f"{tickets}?state=resolved", tone=""),
    ]
    return [figure for figure in figures if figure.count]


def _watch(request: Any, since: datetime) -> dict[str, Any]:
    actor = request.acting.actor
    mine = soc.my_cases(user=actor.user_id, limit=12)
    waiting = soc.case_queue(filters=soc.CaseFilters(states=("new",)), per_page=8)
    changed = soc.case_queue(filters=soc.CaseFilters(states=()), sort="changed", descending=True, per_page=8)
    known = {row.id for row in (*mine, *waiting.rows)}
    heard = soc.sources(at=request.at)
    return {
        "kind": "watch",
        "figures": _case_figures(soc.case_counts(user=actor.user_id), heard),
        "mine": mine,
        "waiting": waiting.rows,
        "changed": [row for row in changed.rows if row.changed_at > since and row.id not in known],
    }


def _case_figures(counts: soc.CaseCounts, heard: soc.SourceList) -> list[Figure]:
    cases, sources = reverse("cases"), reverse("sources")
    figures = [
        Figure(count=counts.new, label=_("new, nobody has taken them"), address=f"{cases}?state=new", tone="late"),
        Figure(count=counts.severe, label=_("of level high or worse"), address=f"{cases}?level=high", tone="late"),
        Figure(count=counts.mine, label=_("mine"), address=f"{cases}?who=me", tone=""),
        Figure(count=counts.open, label=_("open in all"), address=cases, tone=""),
        Figure(count=heard.silent, label=_("silent log sources"), address=f"{sources}?state=silent", tone="soon"),
    ]
    return [figure for figure in figures if figure.count]


SECTIONS: Mapping[Purpose, Callable[[Any, datetime], dict[str, Any]]] = {
    Purpose.WATCH: _watch,
    Purpose.SUPPORT: _support,
}


def _last_visit(request: Any) -> datetime:
    """Return when the viewer was here before this visit; a visit ends after half an hour's absence."""
    seen = parse_datetime(request.session.get("home_seen", ""))
    before = parse_datetime(request.session.get("home_before", "")) or request.at - A_WEEK
    if seen is None or request.at - seen > ABSENCE:
        before = seen or before
        request.session["home_before"] = before.isoformat()
    if seen is None or request.at - seen > timedelta(minutes=1):
        request.session["home_seen"] = request.at.isoformat()
    return before


def _greeting(now: datetime) -> str:
    hour = now.astimezone(words.COPENHAGEN).hour
    if 5 <= hour < 10:
        return _("Good morning")
    if 10 <= hour < 18:
        return _("Good day")
    return _("Good evening") if 18 <= hour < 23 else _("Good night's watch")
