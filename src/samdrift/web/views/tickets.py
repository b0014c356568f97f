"""The ticket queue, a ticket and its steps, and opening one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from samdrift.federation import queries as federation
from samdrift.processes import queries as processes
from samdrift.soc import queries as soc
from samdrift.support import queries
from samdrift.support.rules import Step
from samdrift.web import explaining, lists, telling
from samdrift.web.acting import first_of, purpose
from samdrift.web.steps import PRIORITY_LABELS, STEPS, AssignForm, HandOverForm, Offered, StepForm
from samdrift_logs.errors import SamdriftError
from samdrift_logs.scope import Purpose

SORTS = ("due", "number", "title", "priority", "opened", "changed")
STATES: Mapping[str, tuple[str, ...]] = {
    "active": queries.TicketFilters().states,  # type: ignore[dict-item]
    "waiting": ("waiting",),
    "resolved": ("resolved",),
    "closed": ("closed",),
    "all": (),
}


# ---- the queue


@require_GET
@purpose(Purpose.SUPPORT)
def queue(request: Any) -> HttpResponse:
    """List the tickets of the organisation one acts for, what is due first."""
    actor = request.acting.actor
    sort = lists.sort_key(request.GET, allowed=SORTS, default="due")
    found = queries.ticket_queue(
        organisation=actor.organisation_id,
        at=request.at,
        filters=_filters(request),
        sort=sort.lstrip("-"),
        descending=sort.startswith("-"),
        page=lists.page_number(request.GET),
    )
    context = {
        "found": found,
        "rows": [ticket_shown(row, at=request.at) for row in found.rows],
        "heads": lists.heads(_columns(), sort=sort, query=request.GET),
        "filters": _choices(request),
        "kept": {name: request.GET[name] for name in ("sort",) if request.GET.get(name)},
        "text": request.GET.get("text", ""),
        "without_text": lists.changed(request.GET, text=None),
        **lists.neighbours(request.GET, page=found.page, pages=found.pages),
    }
    return render(request, "web/tickets/_queue.html" if request.htmx else "web/tickets/queue.html", context)


def ticket_shown(row: queries.TicketRow, *, at: Any) -> dict[str, Any]:
    """Return a ticket's row with its clocks in words."""
    return {
        "ticket": row,
        "clock": explaining.say(row.clock, now=at) if row.clock else None,
        "their_clock": explaining.say(row.their_clock, now=at) if row.their_clock else None,
    }


def _filters(request: HttpRequest) -> queries.TicketFilters:
    given = request.GET
    actor = request.acting.actor  # type: ignore[attr-defined]
    who = given.get("who", "")
    return queries.TicketFilters(
        states=STATES.get(given.get("state", ""), STATES["active"]),
        priorities=(given["priority"],) if given.get("priority") else (),
        part=given.get("part", ""),
        assignee=actor.user_id if who == "me" else None,
        unassigned=who == "nobody",
        breached=given.get("late") == "1",
        text=given.get("text", ""),
    )


def _choices(request: HttpRequest) -> list[lists.Filter]:
    states = [
        ("waiting", _("Waiting")),
        ("resolved", _("Resolved")),
        ("closed", _("Closed")),
        ("all", _("All, closed ones too")),
    ]
    who = [("me", _("Me")), ("nobody", _("Nobody"))]
    priorities = [(value, str(label)) for value, label in PRIORITY_LABELS]
    parts = [("receiver", _("Offered to us")), ("holder", _("Held by us")), ("follower", _("Followed by us"))]
    return [
        lists.choice(request.GET, name="state", label=_("State"), values=states),
        lists.choice(request.GET, name="part", label=_("Our part"), values=parts),
        lists.choice(request.GET, name="who", label=_("Assigned to"), values=who),
        lists.choice(request.GET, name="priority", label=_("Priority"), values=priorities),
        lists.choice(request.GET, name="late", label=_("Deadline"), values=[("1", _("Passed"))]),
    ]


def _columns() -> list[lists.Column]:
    return [
        lists.Column(label=_("Number"), sort="number"),
        lists.Column(label=_("Title"), sort="title"),
        lists.Column(label=_("Municipality")),
        lists.Column(label=_("Priority"), sort="priority"),
        lists.Column(label=_("State")),
        lists.Column(label=_("Deadlines, ours first"), sort="due"),
        lists.Column(label=_("Held by")),
        lists.Column(label=_("Changed"), sort="changed"),
    ]


# ---- one ticket


@require_http_methods(["GET", "HEAD", "POST"])
@purpose(first_of(Purpose.SUPPORT, Purpose.WATCH))
def ticket(request: Any, ticket: UUID) -> HttpResponse:
    """Show one ticket, or take a step on it."""
    page = _page(request, ticket)
    if request.method != "POST":
        return _shown(request, page, bound={})
    given = next((STEPS[step] for step in STEPS if step == request.POST.get("step")), None)
    if given is None or given.step not in page.steps:
        messages.error(request, _("The ticket has moved on, and that step is no longer open. Nothing was changed."))
        return HttpResponseRedirect(request.path)
    form = _form(request, given, page, request.POST)
    if form.is_valid():
        try:
            given.act(request.acting.actor, ticket, form.cleaned_data, request.at)
        except SamdriftError as refused:
            form.add_error(None, _("The step was refused, nothing was changed: %(reason)s") % {"reason": refused})
        else:
            return HttpResponseRedirect(request.path)
    return _shown(request, page, bound={given.step: form}, status=400)


def _page(request: Any, ticket: UUID) -> queries.TicketPage:
    try:
        return queries.ticket_page(ticket=ticket, actor=request.acting.actor, at=request.at)
    except queries.TicketMissing as missing:
        raise Http404 from missing


def _shown(
    request: Any, page: queries.TicketPage, *, bound: Mapping[Step, forms.Form], status: int = 200
) -> HttpResponse:
    writable = request.scope.purpose == Purpose.SUPPORT
    steps = [STEPS[step] for step in STEPS if step in page.steps] if writable else []
    offered = [
        Offered(step=item, form=bound.get(item.step) or _form(request, item, page), open=item.step in bound)
        for item in steps
        if item.step is not Step.WRITE
    ]
    with_clocks = request.GET.get("clocks") == "1"
    context = {
        "page": page,
        "ticket": page.ticket,
        "next": next((item for item in offered if item.step.step == page.next_step), None),
        "others": [item for item in offered if item.step.step != page.next_step],
        "message": _message(request, page, bound) if any(item.step is Step.WRITE for item in steps) else None,
        "story": telling.story(page.story, with_clocks=with_clocks),
        "with_clocks": with_clocks,
        "legs": [_leg(request, leg, service=_service(request, page)) for leg in page.legs if leg.ended_at is None],
        "past_legs": [leg for leg in page.legs if leg.ended_at is not None],
        "case": _case(page),
        "service": _service(request, page),
        "writable": writable,
    }
    template = "web/tickets/_ticket.html" if request.htmx else "web/tickets/ticket.html"
    return render(request, template, context, status=status)


def _case(page: queries.TicketPage) -> soc.CaseRow | None:
    """Return the case that opened the ticket, where there is one."""
    case = processes.case_of_ticket(ticket=page.ticket.id)
    return soc.cases_by_id([case]).get(case) if case else None


def _message(request: Any, page: queries.TicketPage, bound: Mapping[Step, forms.Form]) -> forms.Form:
    return bound.get(Step.WRITE) or _form(request, STEPS[Step.WRITE], page)


def _service(request: Any, page: queries.TicketPage) -> str:
    """Return the name of the ticket's service in the reader's language."""
    return page.ticket.service.en if request.LANGUAGE_CODE == "en" else page.ticket.service.da


def _leg(request: Any, leg: queries.LegFace, *, service: str) -> dict[str, Any]:
    clocks = [
        explaining.why(queries.clock_page(clock=clock.id, at=request.at), service=service, now=request.at)
        for clock in leg.clocks
        if clock.ended_at is None
    ]
    ended = [explaining.say(clock, now=request.at) for clock in leg.clocks if clock.ended_at is not None]
    return {"leg": leg, "clocks": clocks, "ended": [said for said in ended if said.tone != "quiet"]}


def _form(request: Any, given: StepForm, page: queries.TicketPage, data: Any = None) -> forms.Form:
    prefix = str(given.step)
    if given.form is AssignForm:
        return AssignForm(
            data, prefix=prefix, people=_people(request), initial={"assignee": request.acting.actor.user_id}
        )
    if given.form is HandOverForm:
        return HandOverForm(data, prefix=prefix, teams=_teams(page))
    if given.step is Step.CHANGE_PRIORITY:
        return given.form(data, prefix=prefix, initial={"priority": page.ticket.priority})
    return given.form(data, prefix=prefix)


def _people(request: Any) -> list[tuple[str, str]]:
    organisation = request.acting.actor.organisation_id
    members = federation.members(organisation=organisation, at=request.at)
    return sorted({(str(member.person.id), member.person.name) for member in members}, key=lambda pair: pair[1])


def _teams(page: queries.TicketPage) -> list[tuple[str, str]]:
    parties = [page.ticket.unit, page.ticket.municipality]
    return [
        (str(team.id), f"{team.organisation_name}: {team.name} ({team.line.label})")
        for party in parties
        if party is not None
        for team in federation.teams(organisation=party)
        if team.id != page.holder.team
    ]
