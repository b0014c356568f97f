"""Governance: the organisation's own chain, where it sees who looked at its logs; and services bought or sold."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from samdrift.catalogue import queries as catalogue
from samdrift.federation import queries as federation
from samdrift.federation.rules import Kind
from samdrift.web import chain, lists
from samdrift.web.acting import first_of, purpose
from samdrift_logs.scope import Purpose

READ_AT_ONCE = 400


@require_GET
@purpose(first_of(Purpose.ADMINISTRATION, Purpose.WATCH))
def audit(request: Any) -> HttpResponse:
    """Show the latest entries of one's own organisation's chain: all, or only the looks at its logs."""
    before = request.GET.get("before", "")
    rows = federation.audit_entries(
        actor=request.acting.actor,
        at=request.at,
        before=int(before) if before.isdecimal() and len(before) < 12 else None,
        limit=READ_AT_ONCE,
    )
    only = request.GET.get("what", "")
    wanted = [row for row in rows if only != "logs" or row.action.startswith(chain.LOOKS)]
    people = federation.people(ids=chain.persons(wanted))
    older = lists.changed(request.GET, before=str(rows[-1].sequence)) if len(rows) == READ_AT_ONCE else ""
    context = {
        "entries": [chain.tell(row, people) for row in wanted],
        "filters": [lists.choice(request.GET, name="what", label=_("What"), values=[("logs", _("Looks at our logs"))])],
        "kept": {},
        "without_words": True,
        "older": older,
    }
    return render(request, "web/governance/audit.html", context)


@require_GET
@purpose(Purpose.PURCHASE)
def services(request: Any) -> HttpResponse:
    """Show the common services, and what one's organisation buys of them or sells."""
    actor, today = request.acting.actor, timezone.localdate(request.at)
    buys = actor.organisation_kind == Kind.MUNICIPALITY
    side = {"municipality": actor.organisation_id} if buys else {"unit": actor.organisation_id}
    subscribed = catalogue.subscriptions(on=today, **side)
    english = request.LANGUAGE_CODE == "en"
    context = {
        "buys": buys,
        "subscribed": [
            {"row": row, "name": row.local_name or (row.service.en if english else row.service.da)}
            for row in subscribed
        ],
        "services": [
            {
                "row": row,
                "name": row.name.en if english else row.name.da,
                "summary": row.summary.en if english else row.summary.da,
            }
            for row in catalogue.services()
        ],
    }
    return render(request, "web/services/services.html", context)
