"""The case queue, a case with its evidence and steps, and one alert with its event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from samdrift.processes import queries as processes
from samdrift.soc import queries
from samdrift.support import queries as support
from samdrift.web import casework, events, lists, querying, words
from samdrift.web.acting import first_of, purpose
from samdrift.web.casework import CaseStep, StateForm
from samdrift.web.steps import Offered
from samdrift.web.views.tickets import ticket_shown
from samdrift_logs.errors import SamdriftError
from samdrift_logs.scope import Purpose

SORTS = ("level", "number", "opened", "last_alert", "changed")
STATES: Mapping[str, tuple[str, ...]] = {
    "": queries.CaseFilters().states,  # type: ignore[dict-item]
    "new": ("new",),
    "waiting": ("waiting",),
    "contained": ("contained",),
    "closed": ("closed",),
    "all": (),
}


# ---- the queue


@require_GET
@purpose(Purpose.WATCH)
def queue(request: Any) -> HttpResponse:
    """List the cases in Scope, the worst and newest first."""
    sort = lists.sort_key(request.GET, allowed=SORTS, default="level")
    found = queries.case_queue(
        filters=_filters(request),
        sort=sort.lstrip("-"),
        descending=sort.startswith("-"),
        page=lists.page_number(request.GET),
    )
    context = {
        "found": found,
        "rows": found.rows,
        "heads": lists.heads(_columns(), sort=sort, query=request.GET),
        "filters": _choices(request),
        "text": request.GET.get("text", ""),
        "kept": {name: request.GET[name] for name in ("sort",) if request.GET.get(name)},
        **lists.neighbours(request.GET, page=found.page, pages=found.pages),
    }
    return render(request, "web/cases/_queue.html" if request.htmx else "web/cases/queue.html", context)


def _filters(request: HttpRequest) -> queries.CaseFilters:
    given, who = request.GET, request.GET.get("who", "")
    actor = request.acting.actor  # type: ignore[attr-defined]
    return queries.CaseFilters(
        states=STATES.get(given.get("state", ""), STATES[""]),
        level=given.get("level", ""),
        assignee=actor.user_id if who == "me" else None,
        unassigned=who == "nobody",
        text=given.get("text", ""),
    )


def _choices(request: HttpRequest) -> list[lists.Filter]:
    states = [(value, words.case_state(value).word) for value in ("new", "waiting", "contained", "closed")]
    levels = [(value, _("%(level)s or worse") % {"level": words.level(value).word}) for value in ("medium", "high")]
    who = [("me", _("Me")), ("nobody", _("Nobody"))]
    return [
        lists.choice(request.GET, name="state", label=_("State"), values=[*states, ("all", _("All, closed ones too"))]),
        lists.choice(
            request.GET, name="level", label=_("Level"), values=[*levels, ("critical", words.level("critical").word)]
        ),
        lists.choice(request.GET, name="who", label=_("Taken by"), values=who),
    ]


def _columns() -> list[lists.Column]:
    return [
        lists.Column(label=_("Level"), sort="level"),
        lists.Column(label=_("Number"), sort="number"),
        lists.Column(label=_("Case")),
        lists.Column(label=_("Municipality")),
        lists.Column(label=_("State")),
        lists.Column(label=_("Taken by")),
        lists.Column(label=_("Alerts"), number=True),
        lists.Column(label=_("Last alert"), sort="last_alert"),
    ]


# ---- one case


@require_http_methods(["GET", "HEAD", "POST"])
@purpose(first_of(Purpose.WATCH, Purpose.SUPPORT))
def case(request: Any, case: UUID) -> HttpResponse:
    """Show one case, or take a step on it."""
    page = _page(request, case)
    if request.method != "POST":
        return _shown(request, page, bound={})
    given = next((item for item in casework.steps_open(page) if item.step == request.POST.get("step")), None)
    if given is None:
        messages.error(request, _("The case has moved on, and that step is no longer open. Nothing was changed."))
        return HttpResponseRedirect(request.path)
    form = _form(given, page, request.POST)
    if form.is_valid():
        try:
            given.act(request.acting.actor, case, form.cleaned_data, request.at)
        except SamdriftError as refused:
            form.add_error(None, _("The step was refused, nothing was changed: %(reason)s") % {"reason": refused})
        else:
            return HttpResponseRedirect(request.path)
    return _shown(request, page, bound={given.step: form}, status=400)


def _page(request: Any, case: UUID) -> queries.CasePage:
    try:
        return queries.case_page(case=case, actor=request.acting.actor)
    except queries.CaseMissing as missing:
        raise Http404 from missing


def _shown(request: Any, page: queries.CasePage, *, bound: Mapping[str, forms.Form], status: int = 200) -> HttpResponse:
    writable = request.scope.purpose == Purpose.WATCH
    offered = [
        Offered(step=item, form=bound.get(item.step) or _form(item, page), open=item.step in bound)
        for item in (casework.steps_open(page) if writable else [])
    ]
    mine = page.case.assignee == request.acting.actor.user_id
    context = {
        "page": page,
        "case": page.case,
        "next": next((item for item in offered if item.step.step == page.next_step), None),
        "others": [item for item in offered if item.step.step not in _not_other(page, mine=mine)],
        "note": next((item.form for item in offered if item.step.step == "note"), None),
        "timeline": casework.timeline(page.entries),
        "ticket": _ticket(page, at=request.at),
        "alerts_of": [_kind(kind, page) for kind in page.kinds],
        "tags": [casework.tag(name) for name in page.tags],
        "was": casework.classification(page.case.classification) if page.case.classification else "",
        "logs": _logs_around(page) if writable else "",
        "writable": writable,
    }
    template = "web/cases/_case.html" if request.htmx else "web/cases/case.html"
    return render(request, template, context, status=status)


def _not_other(page: queries.CasePage, *, mine: bool) -> set[str]:
    """Return the steps that do not stand among the other ones: the next, the note, and taking what one has."""
    return {page.next_step, "note", *({"take"} if mine else ())}


def _form(given: CaseStep, page: queries.CasePage, data: Any = None) -> forms.Form:
    if given.form is StateForm:
        return StateForm(data, prefix=given.step, states=casework.states(page))
    return given.form(data, prefix=given.step)


def _kind(kind: queries.AlertKind, page: queries.CasePage) -> dict[str, Any]:
    alerts = [alert for alert in page.alerts if alert.rule_id == kind.rule_id]
    return {
        "kind": kind,
        "alerts": alerts,
        "more": kind.count - len(alerts),
        "tags": [casework.tag(t) for t in kind.tags],
    }


def _ticket(page: queries.CasePage, *, at: datetime) -> dict[str, Any] | None:
    """Return the ticket that the case opened, with the clocks of both parties."""
    ticket = processes.ticket_of_case(case=page.case.id)
    if ticket is None:
        return None
    row = support.tickets_by_id([ticket], organisation=page.case.handler).get(ticket)
    return ticket_shown(row, at=at) if row else None


def _logs_around(page: queries.CasePage) -> str:
    query = querying.term("host", page.case.place)
    return logs_address(
        query, since=page.case.first_alert_at - querying.AROUND, until=page.case.last_alert_at + querying.AROUND
    )


def logs_address(query: str, *, since: datetime, until: datetime) -> str:
    """Return the address of a log search over a stretch of time."""
    ends = querying.TimeRange(since=since, until=until, chosen=querying.OWN)
    return f"{reverse('search')}?{urlencode({'q': query, 'since': ends.since_local, 'until': ends.until_local})}"


# ---- one alert


@require_GET
@purpose(first_of(Purpose.WATCH, Purpose.SUPPORT))
def alert(request: Any, alert: UUID) -> HttpResponse:
    """Show one alert with the event behind it. The look is written to the chain of whose log it is."""
    try:
        page = queries.alert_page(alert=alert, at=request.at)
    except queries.AlertMissing as missing:
        raise Http404 from missing
    at = page.alert.event_at or page.alert.received_at
    ends = querying.TimeRange(
        since=page.alert.received_at - querying.AROUND, until=page.alert.received_at + querying.AROUND, chosen="own"
    )
    keep = {"since": ends.since_local, "until": ends.until_local}
    values, native = _event(page)
    context = {
        "page": page,
        "alert": page.alert,
        "at": at,
        "line": events.line_of(values),
        "fields": events.field_rows(values, native, query="", keep=keep, matched=tuple(page.matched)),
        "tags": [casework.tag(name) for name in page.alert.tags],
        "around": f"{reverse('search')}?{urlencode({**keep, 'q': querying.term('host', page.alert.host)})}",
        "may_search": request.scope.purpose == Purpose.WATCH,
    }
    return render(request, "web/cases/_event.html" if request.htmx else "web/cases/alert.html", context)


def _event(page: queries.AlertPage) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the event's own columns and its native fields; of one that only the lake has, what matched."""
    if page.event is None:
        return {}, page.matched
    native = page.event.get("fields")
    return page.event, native if isinstance(native, dict) else {}
