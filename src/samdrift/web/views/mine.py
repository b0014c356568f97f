"""One's own things: language, look, two-step login, keyboard. They read no organisation's rows."""

from __future__ import annotations

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from samdrift.web.context import DENSITIES, THEMES

A_YEAR_S = 365 * 24 * 3600


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keep the language in this browser and go on with the page one was on."""
    response = HttpResponseRedirect(safe_next(request))
    if (language := request.POST.get("language")) in dict(settings.LANGUAGES):
        _keep(response, settings.LANGUAGE_COOKIE_NAME, str(language))
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def my_settings(request: HttpRequest) -> HttpResponse:
    """Show and keep theme and density; lead to password and two-step login."""
    if request.method == "POST":
        response = HttpResponseRedirect(request.path)
        for name, known in (("theme", THEMES), ("density", DENSITIES)):
            if (value := request.POST.get(name)) in known:
                _keep(response, name, str(value))
        return response
    return render(request, "web/mine/settings.html", {"two_steps": is_mfa_enabled(request.user)})


@login_required
@require_GET
def keys(request: HttpRequest) -> HttpResponse:
    """Say what the keys do."""
    return render(request, "web/mine/keys.html")


def safe_next(request: HttpRequest) -> str:
    """Return where the reader came from, if that is a page of ours; the front page otherwise."""
    address = request.POST.get("next") or request.GET.get("next") or "/"
    ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if ours else "/"


def _keep(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=A_YEAR_S, samesite="Lax", secure=settings.SAMDRIFT.https, httponly=True)
