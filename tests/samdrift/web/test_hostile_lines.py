"""A log line that attacks its reader is shown as what it is on every page that it reaches."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from samdrift.web.middleware import NothingHidden
from tests.samdrift.web.federation import Federation
from tests.samdrift.web.logs import HOSTILE

LogIn = Callable[[str], Client]
EVENT = "0-203-0"  # the one whose command line is hostile


def _addresses(made: Federation) -> dict[str, str]:
    return {
        "search": "/logs/?" + urlencode({"range": "4h", "q": "vssadmin.exe"}),
        "event": reverse("event", args=[EVENT]),
        "alert": reverse("alert", args=[made.alert]),
        "case": reverse("case", args=[made.case]),
    }


def _is_harmless(page: str) -> bool:
    return "<script>alert" not in page and not {"\u202e", "\x1b", "\x07"} & set(page)


@pytest.mark.parametrize("name", ["search", "event", "alert", "case"])
def test_line_is_shown_and_harmless(name: str, log_in: LogIn, federation: Federation) -> None:
    page = log_in("analyst").get(_addresses(federation)[name]).content.decode()

    assert _is_harmless(page)
    assert "&lt;script&gt;alert(1)" in page
    assert "⟨U+202E⟩gnp.exe⟨U+001B⟩[2J" in page


def test_search_for_it_is_harmless_in_the_audit(log_in: LogIn, federation: Federation) -> None:
    client = log_in("ciso")
    client.get("/logs/?" + urlencode({"range": "4h", "q": f'"{HOSTILE}"'}))

    page = client.get(reverse("audit")).content.decode()

    assert _is_harmless(page)
    assert "&lt;script&gt;alert(1)" in page
    assert "U+202E" in page or "u202e" in page


def test_what_stands_in_a_form_goes_back_as_it_is() -> None:
    page = '<input value="a\u202eb"><textarea name="n">a\u202eb</textarea><p>a\u202eb</p>'

    def answer(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(page)

    shown = NothingHidden(answer)(RequestFactory().get("/")).content.decode()

    assert shown == page.replace("<p>a\u202eb", "<p>a⟨U+202E⟩b")
