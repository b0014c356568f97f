"""For whom the viewer acts: choosing it, and why they see what they see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from samdrift.federation import queries
from samdrift.web import acting, errors
from samdrift.web.views.mine import safe_next
from samdrift_logs.errors import ScopeRefused
from samdrift_logs.scope import Purpose


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: Any) -> HttpResponse:
    """Let somebody who belongs to several organisations say for which one they act now."""
    if request.method == "POST":
        try:
            organisation = UUID(request.POST.get("organisation", ""))
        except ValueError:
            return errors.forbidden(request, reason=_("The organisation that was chosen is none that we know."))
        try:
            acting.choose(request, organisation)
        except ScopeRefused as refused:
            return errors.forbidden(request, reason=str(refused))
        return HttpResponseRedirect(safe_next(request))
    choices = [
        acting.Acting(actor=actor, several=True) for actor in queries.actors_of(user_id=request.user.pk, at=request.at)
    ]
    context = {"choices": choices, "next": safe_next(request), "chosen": request.session.get(acting.KEY)}
    return render(request, "web/acting/choose.html", context)


def _asked_purpose(request: HttpRequest, viewer: acting.Acting) -> Purpose:
    given = request.GET.get("purpose")
    return next((item for item in viewer.purposes if item == given), acting.first_of(*Purpose)(request, viewer))


@require_GET
@acting.purpose(_asked_purpose)
def why(request: Any) -> HttpResponse:
    """Answer "why can I see this?" for the Scope of one purpose."""
    covered = [item for item in queries.organisations() if request.scope.covers(item.id)]
    context = {"covered": covered, "purposes": sorted(request.acting.purposes)}
    return render(request, "web/acting/why.html", context)
