"""What every page passes through: headers, language, and the Scope that the page declared a purpose for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone, translation

from samdrift.web import acting, errors
from samdrift_logs.errors import ScopeRefused

Answer = Callable[[HttpRequest], HttpResponse]

API = "/api/"
# C0 and C1 but tab and line ends; the marks, embeddings, overrides and isolates of the bidirectional algorithm.
_HIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FORM_OR_HIDDEN = re.compile(rf"<textarea[^>]*>[^<]*|\svalue=\"[^\"]*\"|(?P<hidden>{_HIDDEN.pattern})")

# Images may be data: because the QR code of a TOTP secret must not lie in any file or cache.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class ContentSecurityPolicy:
    """Only what we serve ourselves runs or is shown. No inline script or style anywhere."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class ChosenLanguage:
    """Danish unless the reader chose otherwise. What the browser prefers is not asked: the office speaks Danish."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, settings.LANGUAGE_CODE)
        language = chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


class NothingHidden:
    """Show the characters that a terminal obeys, or that turn the reading order round, as their numbers.

    Log lines, names and queries hold what an attacker wrote; escaping keeps such characters, and the eye then reads
    something else than what is there. What stands in a form goes back as it is, so it is left alone.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.streaming or not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        page = response.content.decode()
        if _HIDDEN.search(page):
            response.content = _FORM_OR_HIDDEN.sub(_shown, page).encode()
        return response


def _shown(found: re.Match[str]) -> str:
    hidden = found["hidden"]
    return f"⟨U+{ord(hidden):04X}⟩" if hidden else found.group()


class NoNul:
    """Refuse the character U+0000 in an address or a form: no database keeps it in text, and no reader means it.

    The REST API does so at its own door, with a problem.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(API) and _holds_nul(request):
            return errors.nul_character(request)
        return self.get_response(request)


def _holds_nul(request: HttpRequest) -> bool:
    if "\x00" in request.path:
        return True
    lists = (*request.GET.lists(), *request.POST.lists())
    return any("\x00" in text for name, values in lists for text in (name, *values))


class ActingAs:
    """Enter the Scope of a page before it is made, and leave it after it is rendered.

    A page says its purpose with `@acting.purpose(...)`. Pages without one (login, settings of oneself) get no Scope, so
    they can read no scoped row: the gate refuses.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.at = timezone.now()  # type: ignore[attr-defined]
        request.acting = None  # type: ignore[attr-defined]
        request.scope = None  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        purpose = getattr(view, "purpose", None)
        if purpose is None:
            return None
        try:
            return acting.answer_within(request, view, purpose, args, kwargs)
        except acting.Detour as detour:
            return _on_the_way(request, detour.address)
        except ScopeRefused as refused:
            return errors.forbidden(request, reason=str(refused))


def _on_the_way(request: HttpRequest, address: str) -> HttpResponse:
    """Send the reader there. A fragment that a page fetches by itself makes the whole page load anew instead."""
    if getattr(request, "htmx", None):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return HttpResponseRedirect(address)
