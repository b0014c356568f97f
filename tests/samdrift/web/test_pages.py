"""Every page, for each role: it answers, in Danish, with the headers, and shows only what the viewer may see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from samdrift.config.settings import Mode
from samdrift.web import middleware
from tests.samdrift.web import federation as making

LogIn = Callable[[str], Client]
ROLES = ("spoc", "second_line", "analyst", "buyer", "manager", "ciso", "governance", "administrator", "stranger")
SUPPORTS = ("spoc", "second_line", "manager", "stranger")
WATCHES = ("analyst", "ciso")
# page → who may see it; everyone else gets the page that says why not
PAGES: dict[str, tuple[str, ...]] = {
    "home": ROLES,
    "find": ROLES,
    "scope": ROLES,
    "tickets": SUPPORTS,
    "new_ticket": SUPPORTS,
    "cases": WATCHES,
    "search": WATCHES,
    "sources": (*WATCHES, "administrator"),
    "ledger": WATCHES,
    "services": ("buyer", "manager", "ciso", "governance"),
    "audit": ("ciso", "administrator"),
}
# Pages that read no organisation's rows, and so need no Scope.
WITHOUT_PURPOSE = {"acting", "settings", "keys", "language", "design"}


def _our_patterns(patterns: Any, prefix: str = "") -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _our_patterns(pattern.url_patterns, prefix + str(pattern.pattern))
        elif pattern.callback.__module__.startswith("samdrift.web"):
            yield pattern


def test_every_page_declares_its_purpose() -> None:
    undeclared = {
        pattern.name
        for pattern in _our_patterns(get_resolver().url_patterns)
        if not hasattr(pattern.callback, "purpose")
    }

    assert undeclared == WITHOUT_PURPOSE


@pytest.mark.parametrize("who", ROLES)
def test_pages_for_a_role(who: str, log_in: LogIn) -> None:
    client = log_in(who)

    answers = {page: client.get(reverse(page)).status_code for page in PAGES}

    assert answers == {page: 200 if who in allowed else 403 for page, allowed in PAGES.items()}


@pytest.mark.parametrize("page", [*PAGES, "settings", "keys"])
def test_pages_without_login_lead_to_it(page: str, db: None) -> None:
    response = Client().get(reverse(page))

    assert response.status_code == 302
    assert response.url.startswith(reverse("account_login"))


def test_headers_on_every_answer(log_in: LogIn) -> None:
    client = log_in("analyst")

    for path in ("/", "/logs/?q=", "/nowhere/", "/account/login/", "/static/web/samdrift.css"):
        response = client.get(path)
        assert response.headers["Content-Security-Policy"] == middleware.POLICY, path
        assert response.headers["X-Content-Type-Options"] == "nosniff", path
        assert response.headers["Referrer-Policy"] == "same-origin", path


def test_pages_cannot_be_framed(log_in: LogIn) -> None:
    assert log_in("analyst").get("/").headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in middleware.POLICY


def test_policy_allows_nothing_inline() -> None:
    assert "unsafe" not in middleware.POLICY
    assert "default-src 'self'" in middleware.POLICY


def _addresses(made: making.Federation) -> dict[str, str]:
    return {
        "ticket": reverse("ticket", args=[made.ticket]),
        "case": reverse("case", args=[made.case]),
        "alert": reverse("alert", args=[made.alert]),
        "event": reverse("event", args=["0-228-0"]),
        "search": "/logs/?range=4h&q=",
        "ledger": f"/ledger/?range=4h&source={made.source}",
    }


@pytest.mark.parametrize("who", ["second_line", "analyst", "spoc", "ciso"])
def test_pages_hold_no_inline_script_or_style(who: str, log_in: LogIn, federation: making.Federation) -> None:
    client = log_in(who)

    for path in (*(reverse(page) for page in PAGES), *_addresses(federation).values(), "/design/", "/settings/"):
        text = client.get(path).content.decode()
        assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", text) == [], path
        assert 'lang="da"' in text, path


def test_objects_are_shown_to_their_parties_only(log_in: LogIn, federation: making.Federation) -> None:
    seen = {
        who: {name: log_in(who).get(path).status_code for name, path in _addresses(federation).items()}
        for who in ("second_line", "analyst", "spoc", "ciso", "stranger")
    }

    assert seen["analyst"] == dict.fromkeys(_addresses(federation), 200)
    assert seen["ciso"] == dict.fromkeys(_addresses(federation), 200)
    for who in ("second_line", "spoc"):
        refused = {"event": 403, "search": 403, "ledger": 403}
        assert seen[who] == {"ticket": 200, "case": 200, "alert": 200, **refused}
    assert set(seen["stranger"].values()) == {403, 404}


def test_lists_show_nothing_of_others(log_in: LogIn, federation: making.Federation) -> None:
    for who in ("spoc", "second_line", "analyst"):
        client = log_in(who)
        for path in ("/", "/tickets/?state=all", "/find/?q=Fortroligt", "/cases/?state=all"):
            assert "Fortroligt i" not in client.get(path).content.decode(), (who, path)
    shown = log_in("stranger").get("/find/?q=fortroligt").content.decode()
    assert "Fortroligt i Aalborg" in shown


def test_demo_says_so_on_every_page(log_in: LogIn, settings: Any) -> None:
    client = log_in("analyst")
    settings.SAMDRIFT = attrs.evolve(settings.SAMDRIFT, mode=Mode.DEMO)

    for path in ("/", "/design/", "/nowhere/"):
        assert "Kommunerne er virkelige" in client.get(path).content.decode(), path
    assert "Kommunerne er virkelige" in Client().get("/account/login/").content.decode()


def test_danish_first_and_english_one_click_away(db: None) -> None:
    client = Client(headers={"accept-language": "en"})
    assert "Log ind" in client.get("/account/login/").content.decode()

    response = client.post("/language/", {"language": "en", "next": "/account/login/"}, follow=True)

    assert "Log in" in response.content.decode()
    assert client.get("/account/login/").headers["Content-Language"] == "en"


def test_language_leads_to_our_own_pages_only(db: None) -> None:
    assert Client().post("/language/", {"language": "en", "next": "https://example.org/"}).url == "/"


def _count(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


# Six of each are who one is and what one may see; savepoints of the session are counted, too.
MOST_QUERIES = {"/": 26, "/tickets/": 16, "/cases/": 12, "/sources/": 14}


@pytest.mark.parametrize(("path", "most"), MOST_QUERIES.items())
def test_query_counts(path: str, most: int, log_in: LogIn) -> None:
    who = "second_line" if "tickets" in path else "analyst"

    assert _count(log_in(who), path) <= most


def test_query_count_of_the_queue_does_not_grow(log_in: LogIn, federation: making.Federation) -> None:
    client = log_in("spoc")
    one = _count(client, "/tickets/?text=filserveren")

    for title in ("Printer", "Skærm", "Kabel"):
        _open(client, federation, title)

    assert _count(client, "/tickets/") == one


def _open(client: Client, made: making.Federation, title: str) -> Any:
    given = {"title": title, "kind": "incident", "priority": "P3", "team": str(made.spoc), "subscription": ""}
    return client.post("/tickets/new/", given, follow=True)


def test_size_of_the_pages(log_in: LogIn, federation: making.Federation) -> None:
    client = log_in("analyst")

    for path in ("/", "/logs/?range=4h&q=", reverse("case", args=[federation.case])):
        assert len(client.get(path).content) < 150_000, path
