"""Opening a ticket by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from samdrift.catalogue import queries as catalogue
from samdrift.federation import queries as federation
from samdrift.federation.rules import Kind
from samdrift.support import operations
from samdrift.web.acting import purpose
from samdrift.web.steps import OpenForm
from samdrift_logs.errors import SamdriftError
from samdrift_logs.scope import Purpose


@require_http_methods(["GET", "HEAD", "POST"])
@purpose(Purpose.SUPPORT)
def new_ticket(request: Any) -> HttpResponse:
    """Ask what is needed for a ticket, open it, and go to its page."""
    actor = request.acting.actor
    subscribed = _subscriptions(request)
    teams = federation.teams(organisation=actor.organisation_id)
    form = OpenForm(
        request.POST or None,
        teams=[(str(team.id), team.name) for team in teams],
        services=[(str(row.id), _service_name(request, row)) for row in subscribed],
        initial={"team": next((str(team.id) for team in teams if team.id in actor.team_ids), "")},
    )
    if request.method == "POST" and form.is_valid():
        try:
            opened = _open(request, form.cleaned_data, subscribed)
        except SamdriftError as refused:
            form.add_error(None, _("The ticket was not opened: %(reason)s") % {"reason": refused})
        else:
            return HttpResponseRedirect(reverse("ticket", args=[opened]))
    return render(request, "web/tickets/new.html", {"form": form}, status=400 if form.errors else 200)


def _open(request: Any, given: dict[str, Any], subscribed: list[catalogue.SubscriptionRow]) -> UUID:
    chosen = next((row for row in subscribed if str(row.id) == given["subscription"]), None)
    municipality, unit = _parties(request, chosen)
    return operations.open_ticket(
        actor=request.acting.actor,
        municipality=municipality,
        unit=unit,
        kind=given["kind"],
        priority=given["priority"],
        title=given["title"],
        team=UUID(given["team"]),
        description=given["description"],
        requester=given["requester"],
        subscription=chosen.id if chosen else None,
        at=request.at,
    )


def _parties(request: Any, chosen: catalogue.SubscriptionRow | None) -> tuple[UUID, UUID | None]:
    """Return municipality and unit. Without a service, a municipality's ticket is its own until it is handed over."""
    if chosen is not None:
        return chosen.municipality, chosen.unit
    return request.acting.actor.organisation_id, None


def _subscriptions(request: Any) -> list[catalogue.SubscriptionRow]:
    actor, today = request.acting.actor, timezone.localdate(request.at)
    if actor.organisation_kind == Kind.MUNICIPALITY:
        return catalogue.subscriptions(municipality=actor.organisation_id, on=today)
    return catalogue.subscriptions(unit=actor.organisation_id, on=today)


def _service_name(request: Any, row: catalogue.SubscriptionRow) -> str:
    name = row.local_name or (row.service.en if request.LANGUAGE_CODE == "en" else row.service.da)
    ours = request.acting.actor.organisation_id == row.municipality
    return f"{name} – {row.unit_name if ours else row.municipality_name}"
