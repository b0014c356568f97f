"""The search field of the frame: a number or a word leads to tickets and cases, anything else to the logs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from samdrift.federation import boundary
from samdrift.foundation.scoped import entered
from samdrift.soc import queries as soc
from samdrift.support import queries as support
from samdrift.web.acting import first_of, purpose
from samdrift.web.views.home import ORDER
from samdrift.web.views.tickets import ticket_shown
from samdrift_logs.scope import Purpose


@require_GET
@purpose(first_of(*ORDER))
def find(request: Any) -> HttpResponse:
    """Show what fits, of each kind that the viewer may see, and offer to search the logs."""
    text = request.GET.get("q", "").strip()[:500]
    actor = request.acting.actor
    found: dict[UUID, Any] = {}
    cases: dict[UUID, soc.CaseRow] = {}
    for item in (Purpose.SUPPORT, Purpose.WATCH):
        if text and item in request.acting.purposes:
            with entered(boundary.scope_for(actor, item, at=request.at)):
                rows = support.search_tickets(organisation=actor.organisation_id, text=text, at=request.at)
                found.update({row.id: ticket_shown(row, at=request.at) for row in rows})
                cases.update({row.id: row for row in soc.search_cases(text=text)})
    context = {
        "text": text,
        "tickets": list(found.values()),
        "cases": list(cases.values()),
        "logs": f"{reverse('search')}?{urlencode({'q': text})}" if Purpose.WATCH in request.acting.purposes else "",
    }
    return render(request, "web/home/find.html", context)
