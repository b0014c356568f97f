"""Our own error pages: what happened, what is kept, what to do."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _


def _page(request: HttpRequest, *, status: int, title: str, happened: str, kept: str, advice: str) -> HttpResponse:
    context = {"status": status, "title": title, "happened": happened, "kept": kept, "advice": advice}
    return render(request, "web/error.html", context, status=status)


def forbidden(request: HttpRequest, exception: Exception | None = None, *, reason: str = "") -> HttpResponse:
    """Say that the viewer may not do this, and who can change that."""
    return _page(
        request,
        status=403,
        title=_("You do not have access to this"),
        happened=reason or _("Your role in the organisation you act for does not cover this page."),
        kept=_("Nothing was changed, and nothing was shown."),
        advice=_("Choose another role if you have one, or ask the administrator of your organisation."),
    )


def nul_character(request: HttpRequest) -> HttpResponse:
    """Say that what was sent holds a character that no text may hold."""
    return _page(
        request,
        status=400,
        title=_("What you sent holds a character that cannot be kept"),
        happened=_(
            "The address or the form holds the character NUL (U+0000), which is often copied from a binary file."
        ),
        kept=_("Nothing was saved, and nothing was searched."),
        advice=_("Go back, remove the character or write the text anew, and send it again."),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Say that there is no such page for this viewer. Never tells whether others can see one."""
    return _page(
        request,
        status=404,
        title=_("There is no such page for you"),
        happened=_("The address leads nowhere, or to something outside what you may see as the one you act for now."),
        kept=_("Nothing was changed."),
        advice=_("Check the address or the number, search for it, or choose another role if you have one."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say that a form came without its proof of origin, mostly because the page was open too long."""
    return _page(
        request,
        status=403,
        title=_("The form was too old"),
        happened=_("The page had been open for so long, or in so many tabs, that we could not tell that it was you."),
        kept=_("Nothing was saved. What you wrote is still in the form."),
        advice=_("Go back, copy what you wrote, load the page anew and send it again."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that we failed. Uses no database, no session and no frame, since any of them may be what failed."""
    page = render_to_string("web/error_bare.html", {"demo": settings.SAMDRIFT.demo})
    return HttpResponse(page, status=500)
