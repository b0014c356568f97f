"""Every error is a problem (RFC 9457): what happened, where, and what to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from samdrift.federation import operations
from samdrift.federation.rules import Role
from samdrift.soc import queries
from samdrift_logs.errors import StorageFailed
from samdrift_logs.scope import Purpose
from tests.boundary.site import NOW, Site
from tests.boundary.world import everyone
from tests.samdrift.api.conftest import Caller

pytestmark = pytest.mark.django_db
NOBODYS = UUID("00000000-0000-7000-8000-000000000001")


def problem(answer: Any, status: int) -> dict[str, Any]:
    """Check the shape that every problem has, and return it."""
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert isinstance(told, dict)
    assert {"type", "title", "status", "detail", "instance"} <= set(told)
    assert told["status"] == status and told["title"] and told["detail"]
    return told


# ---- who is let in


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic eDp5", "Bearer sam_\x00", "Bearer " + "å" * 40])
def test_without_a_valid_token_nobody_is_let_in(header: str) -> None:
    answer = Client(headers={"Authorization": header} if header else {}).get("/api/v1/cases")

    told = problem(answer, 401)
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert "Authorization" in told["detail"]


Closing = Callable[[Site, UUID], None]


def _let_it_expire(site: Site, token: UUID) -> None:
    """It was issued to end a moment ago."""


def _revoke(site: Site, token: UUID) -> None:
    operations.revoke_token(token=token, reason="Mistet", at=NOW)


def _end_membership(site: Site, token: UUID) -> None:
    operations.end_membership(
        membership=site.world.memberships["odense", Role.ANALYST], to_date=NOW.date(), reason="Fratrådt", at=NOW
    )


def _close_account(site: Site, token: UUID) -> None:
    from samdrift.federation.models import User

    User.objects.filter(pk=site.world.users["odense", Role.ANALYST]).update(is_active=False)


@pytest.mark.parametrize("close", [_let_it_expire, _revoke, _end_membership, _close_account])
def test_token_that_is_over_opens_nothing(site: Site, close: Closing) -> None:
    ends = NOW if close is _let_it_expire else NOW + dt.timedelta(days=1)
    with everyone():
        issued = operations.issue_token(
            user=site.world.users["odense", Role.ANALYST],
            organisation=site.id("odense"),
            name="kort",
            purposes=[Purpose.WATCH],
            at=NOW - dt.timedelta(hours=1),
            expires_at=ends,
        )
    client = Client(headers={"Authorization": f"Bearer {issued.secret}"})
    before = client.get("/api/v1/cases").status_code

    with everyone():
        close(site, issued.id)

    assert before == (401 if close is _let_it_expire else 200)
    problem(client.get("/api/v1/cases"), 401)


def test_token_opens_no_other_purpose_than_it_was_issued_for(site: Site) -> None:
    with everyone():
        issued = operations.issue_token(
            user=site.world.users["odense", Role.CISO],
            organisation=site.id("odense"),
            name="kun indkøb",
            purposes=[Purpose.PURCHASE],
            at=NOW,
        )

    told = problem(Client(headers={"Authorization": f"Bearer {issued.secret}"}).get("/api/v1/cases"), 403)

    assert told["title"] == "Outside your scope"


@pytest.mark.parametrize(
    ("role", "address"),
    [(Role.SPOC_AGENT, "/api/v1/cases"), (Role.SPOC_AGENT, "/api/v1/logs"), (Role.ANALYST, "/api/v1/tickets")],
)
def test_role_without_the_purpose_is_refused(caller: Caller, role: Role, address: str) -> None:
    problem(caller("odense", role).get(address), 403)


# ---- what is asked


def test_unknown_id_address_and_method_are_problems(caller: Caller) -> None:
    client = caller("odense", Role.ANALYST)

    problem(client.get(f"/api/v1/cases/{NOBODYS}"), 404)
    problem(client.get("/api/v1/nothing/here"), 404)
    problem(client.post("/api/v1/nothing"), 404)
    answer = client.delete("/api/v1/cases")
    assert "GET" in problem(answer, 405)["detail"]
    assert answer["Allow"] == "GET"


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("/api/v1/cases?page=0", ["query", "page"]),
        ("/api/v1/cases?level=worst", ["query", "level"]),
        ("/api/v1/cases?organisation=odense", ["query", "organisation"]),
        ("/api/v1/logs?limit=100000", ["query", "limit"]),
        ("/api/v1/logs?since=i+går", ["query", "since"]),
        ("/api/v1/cases/tal", ["path", "case"]),
    ],
)
def test_invalid_parameters_name_their_place(caller: Caller, query: str, place: list[str]) -> None:
    told = problem(caller("odense", Role.ANALYST).get(query), 422)

    (fault,) = told["errors"]
    assert fault["reason"]
    assert [fault["place"][0], fault["place"][-1]] == place


@pytest.mark.parametrize(
    ("body", "last"),
    [
        ({}, {"kind", "priority", "title", "team"}),
        ({"kind": "wish", "priority": "P1", "title": "x", "team": str(NOBODYS)}, {"kind"}),
        ({"kind": "incident", "priority": "P1", "title": "", "team": str(NOBODYS)}, {"title"}),
        ({"kind": "incident", "priority": "P1", "title": "x" * 201, "team": "SPOC"}, {"title", "team"}),
    ],
)
def test_invalid_bodies_name_their_places(caller: Caller, body: dict[str, str], last: set[str]) -> None:
    answer = caller("odense", Role.SPOC_AGENT).post("/api/v1/tickets", data=body, content_type="application/json")

    assert {fault["place"][-1] for fault in problem(answer, 422)["errors"]} == last


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_body_that_is_no_json_object_is_refused(caller: Caller, body: bytes) -> None:
    client = caller("odense", Role.SPOC_AGENT)

    answer = client.generic("POST", "/api/v1/tickets", data=body, content_type="application/json")

    assert answer.status_code in (400, 422)
    problem(answer, answer.status_code)


def test_query_with_a_fault_names_its_column(caller: Caller) -> None:
    told = problem(caller("odense", Role.ANALYST).get("/api/v1/logs", {"q": "host:fs01 AND ("}), 400)

    assert told["column"] >= 1


def test_step_that_the_state_does_not_allow_is_a_conflict(caller: Caller) -> None:
    client = caller("syd", Role.ANALYST)
    case = client.get("/api/v1/cases").json()["items"][0]["id"]

    answer = client.post(f"/api/v1/cases/{case}/reopen", data={"text": "Igen"}, content_type="application/json")

    problem(answer, 409)


def test_store_that_does_not_answer_is_said_so(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise StorageFailed("the lake's folder is gone")

    monkeypatch.setattr(queries, "open_look", fail)

    assert "gone" in problem(caller("odense", Role.ANALYST).get("/api/v1/logs"), 503)["detail"]


def test_our_own_failure_is_a_problem_that_tells_nothing_of_the_inside(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("secret in /var/lib")

    monkeypatch.setattr(queries, "case_queue", fail)
    headers = {"Authorization": f"Bearer {site.tokens['odense', Role.ANALYST]}"}
    client = Client(headers=headers, raise_request_exception=False)

    told = problem(client.get("/api/v1/cases"), 500)

    assert "secret" not in str(told) and "Traceback" not in str(told)


# ---- what no text may hold


@pytest.mark.parametrize("address", ["/api/v1/cases?text=%00", "/api/v1/logs?q=a%00b", "/api/v1/tickets?%00=x"])
def test_nul_in_a_query(address: str, caller: Caller, site: Site) -> None:
    told = problem(caller("odense", Role.ANALYST).get(address), 400)

    assert "U+0000" in told["detail"]


def test_nul_in_a_body(caller: Caller, site: Site) -> None:
    address = f"/api/v1/cases/{NOBODYS}/notes"
    client = caller("odense", Role.ANALYST)

    told = problem(client.post(address, {"text": "a\x00b"}, content_type="application/json"), 400)

    assert "U+0000" in told["detail"]
    problem(client.post(address, {"text": "a\\u0000b"}, content_type="application/json"), 404)


@pytest.mark.parametrize("door", ["logs", "logs/histogram", "ledger"])
def test_years_that_no_log_is_of(door: str, caller: Caller, site: Site) -> None:
    ends = "since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:00Z"

    told = problem(caller("odense", Role.ANALYST).get(f"/api/v1/{door}?{ends}"), 400)

    assert "from 2000 to 2099" in told["detail"]
