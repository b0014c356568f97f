"""A ticket and a case from beginning to end over the API, as a machine would."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from samdrift.federation.rules import Role
from tests.boundary.site import EVENTS, Site
from tests.samdrift.api.conftest import Caller

pytestmark = pytest.mark.django_db


def _send(client: Client, address: str, **body: object) -> Any:
    answer = client.post(f"/api/v1/{address}", data=body, content_type="application/json")
    assert answer.status_code in (200, 201), answer.content
    return answer.json()


def test_ticket_is_opened_handed_over_solved_and_closed(site: Site, caller: Caller) -> None:
    spoc = caller("odense", Role.SPOC_AGENT)
    desk = next(team for team in spoc.get("/api/v1/tickets/teams").json() if team["name"] == "SPOC")

    opened = spoc.post(
        "/api/v1/tickets",
        data={"kind": "incident", "priority": "P3", "title": "Printer", "team": desk["id"]},
        content_type="application/json",
    )
    ticket = f"tickets/{opened.json()['ticket']['id']}"
    noted = _send(spoc, f"{ticket}/messages", body="Hvilken printer?", internal=True)
    solved = _send(spoc, f"{ticket}/resolve", resolution="Ny toner")
    closed = _send(spoc, f"{ticket}/close")

    assert opened.status_code == 201
    assert any(item["text"] == "Hvilken printer?" for item in noted["story"])
    assert [page["ticket"]["state"] for page in (solved, closed)] == ["resolved", "closed"]


def test_teams_of_an_organisation_with_two_are_listed(site: Site, caller: Caller) -> None:
    """Regression: ninja took the two teams for a status and a body."""
    found = caller("nord", Role.SECOND_LINE_AGENT).get("/api/v1/tickets/teams").json()

    assert len(found) >= 2 and {team["organisation"] for team in found} == {str(site.id("nord"))}


def test_case_is_read_with_its_alert_and_event_and_closed(site: Site, caller: Caller) -> None:
    analyst = caller("syd", Role.ANALYST)
    listed = analyst.get("/api/v1/cases", {"organisation": str(site.id("odense")), "level": "high"}).json()
    case = next(item for item in listed["items"] if item["alert_count"])
    page = analyst.get(f"/api/v1/cases/{case['id']}").json()
    event = page["alerts"][0]["event_id"]

    states = [_send(analyst, f"cases/{case['id']}/take")["case"]["state"]]
    states.append(
        _send(analyst, f"cases/{case['id']}/state", state="contained", reason="Taget af nettet")["case"]["state"]
    )
    closed = _send(analyst, f"cases/{case['id']}/close", classification="true_positive", reason="Set i log")

    assert [*states, closed["case"]["state"]] == ["open", "contained", "closed"]
    assert analyst.get(f"/api/v1/logs/events/{event}").json()["event_id"] == event


def test_logs_are_read_a_page_at_a_time_and_counted(site: Site, caller: Caller) -> None:
    analyst = caller("odense", Role.ANALYST)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = analyst.get("/api/v1/logs", {"limit": 5, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["event_id"] for item in page["items"]]
        cursor = page["cursor"]

    assert sorted(seen) == sorted(site.events["odense"]) and len(set(seen)) == EVENTS
    assert analyst.get("/api/v1/logs/histogram").json()["total"] == EVENTS


def test_me_tells_each_scope_with_its_reason(site: Site, caller: Caller) -> None:
    told = caller("syd", Role.ANALYST).get("/api/v1/me").json()

    (watch,) = told["scopes"]
    assert watch["purpose"] == "watch" and watch["reason"]
    assert set(watch["organisations"]) == {str(site.id(name)) for name in ("syd", "odense", "assens")}
