"""What people do on pages: log in, choose for whom, take steps on tickets and cases, search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone, translation

from samdrift.federation import operations as federating
from samdrift.foundation.scoped import entered
from samdrift.web import errors
from samdrift_logs.scope import Purpose, all_organisations
from tests.samdrift.web import federation as making

LogIn = Callable[[str], Client]


def _text(response: Any) -> str:
    return response.content.decode()


# ---- login


def test_login_with_password(federation: making.Federation) -> None:
    client = Client()

    response = client.post(
        "/account/login/", {"login": "anna.holm@example.dk", "password": making.PASSWORD}, follow=True
    )

    assert response.redirect_chain[-1][0] == "/"
    assert "Anna Holm" in _text(response)


def test_login_with_wrong_password_tells_nothing(federation: making.Federation) -> None:
    known = Client().post("/account/login/", {"login": "anna.holm@example.dk", "password": "forkert"})
    unknown = Client().post("/account/login/", {"login": "ingen@example.dk", "password": "forkert"})

    message = "Den angivne emailadresse og/eller adgangskode er ikke korrekt."
    assert message in _text(known)
    assert message in _text(unknown)


def test_policy_of_the_organisation_demands_two_steps(federation: making.Federation, log_in: LogIn) -> None:
    with entered(all_organisations(purpose=Purpose.OPERATION, reason="test", actor="test")):
        federating.set_policy(organisation=federation.odense, mfa_required=True, at=timezone.now())
    client = Client()
    client.post("/account/login/", {"login": "sanne.poulsen@example.dk", "password": making.PASSWORD})

    refused = client.get("/tickets/")
    page = client.get(refused.url)
    secret = page.context["form"].secret
    counter = next(iter(yield_hotp_counters_from_time()))
    client.post(refused.url, {"code": format_hotp_value(hotp_value(secret, counter))})

    assert refused.url == reverse("mfa_activate_totp")
    assert "Din organisation kræver det" in _text(page)
    assert client.get("/tickets/").status_code == 200


def test_login_asks_for_the_code_of_whoever_has_two_steps(federation: making.Federation) -> None:
    TOTP.activate(making.person(federation.users["analyst"]), generate_totp_secret())
    client = Client()

    response = client.post(
        "/account/login/", {"login": "anna.holm@example.dk", "password": making.PASSWORD}, follow=True
    )

    assert response.redirect_chain[-1][0].startswith(reverse("mfa_authenticate"))
    assert client.get("/cases/").status_code == 302


# ---- for whom


def test_member_of_several_chooses(federation: making.Federation, log_in: LogIn) -> None:
    client = log_in("both")

    asked = client.get("/tickets/")
    chosen = client.post(asked.url, {"organisation": str(federation.assens), "next": "/tickets/"}, follow=True)

    assert asked.url.startswith(reverse("acting"))
    assert "Du ser Assens som SPOC-medarbejder i Assens." in _text(chosen)
    assert client.get("/cases/").status_code == 403
    client.post(reverse("acting"), {"organisation": str(federation.unit)})
    assert client.get("/cases/").status_code == 200


def test_nobody_acts_for_an_organisation_they_are_no_member_of(federation: making.Federation, log_in: LogIn) -> None:
    client = log_in("both")

    assert client.post(reverse("acting"), {"organisation": str(federation.aalborg)}).status_code == 403
    assert client.post(reverse("acting"), {"organisation": "nonsense"}).status_code == 403


def test_fetched_fragment_after_logout_loads_the_page_anew(federation: making.Federation) -> None:
    response = Client().get("/cases/", headers={"HX-Request": "true"})

    assert response.headers["HX-Refresh"] == "true"


# ---- tickets


def _step(client: Client, path: str, step: str, **given: str) -> Any:
    fields = {f"{step}-{name}": value for name, value in given.items()}
    return client.post(path, {"step": step, **fields}, follow=True)


def test_ticket_from_accept_to_close(federation: making.Federation, log_in: LogIn) -> None:
    path = reverse("ticket", args=[federation.ticket])
    second_line, spoc = log_in("second_line"), log_in("spoc")

    assert "Modtag sagen" in _text(second_line.get(path))
    _step(second_line, path, "accept")
    _step(second_line, path, "write", body="Vi ser på det.")
    _step(second_line, path, "write", body="Kun til os selv.", internal="on")
    ours, theirs = _text(second_line.get(path)), _text(spoc.get(path))
    _step(second_line, path, "resolve", resolution="DNS er rettet.")
    closed = _step(spoc, path, "close", note="Tak!")

    assert "Vi ser på det." in ours
    assert "Kun til os selv." in ours
    assert "Vi ser på det." in theirs
    assert "Kun til os selv." not in theirs
    assert "lukker sagen" in _text(closed)
    assert "besvaret til tiden" in _text(closed)


def test_hand_over_incomplete_is_kept_and_mended(federation: making.Federation, log_in: LogIn) -> None:
    path = reverse("ticket", args=[federation.ticket])
    client = log_in("second_line")
    _step(client, path, "accept")

    refused = _step(client, path, "hand_over", team=str(federation.spoc), what_is_wrong="Fejl 0x80070035")

    assert refused.status_code == 400
    assert "Ikke gemt endnu" in _text(refused)
    assert "Fejl 0x80070035" in _text(refused)
    handed = _step(
        client,
        path,
        "hand_over",
        team=str(federation.spoc),
        what_is_wrong="Fejl 0x80070035",
        who_is_hit="Tre",
        tried_so_far="Genstart",
        contact="Bo",
    )
    assert "er tilbudt sagen" in _text(handed)


def test_step_that_is_no_longer_open_changes_nothing(federation: making.Federation, log_in: LogIn) -> None:
    path = reverse("ticket", args=[federation.ticket])

    answer = _step(log_in("spoc"), path, "resolve", resolution="Nej")

    assert "kommet videre" in _text(answer)


def test_why_of_a_clock_is_told_in_danish(federation: making.Federation, log_in: LogIn) -> None:
    page = _text(log_in("second_line").get(reverse("ticket", args=[federation.ticket])))

    assert "Hvorfor dette tidspunkt?" in page
    assert "popovertarget" in page


def test_analyst_reads_the_ticket_of_a_case_but_takes_no_step(federation: making.Federation, log_in: LogIn) -> None:
    page = _text(log_in("analyst").get(reverse("ticket", args=[federation.ticket])))

    assert "Du følger sagen fra overvågningen" in page
    assert 'name="step"' not in page


# ---- cases


def test_case_from_take_to_close(federation: making.Federation, log_in: LogIn) -> None:
    path = reverse("case", args=[federation.case])
    client = log_in("analyst")

    assert "Tag sikkerhedssagen" in _text(client.get(path))
    _step(client, path, "take")
    _step(client, path, "note", body="Ringet til driften.")
    _step(client, path, "decide", decision="Serveren isoleres.")
    closed = _text(_step(client, path, "close", classification="true_positive", reason="Bekræftet af driften."))

    for told in ("Ringet til driften.", "Serveren isoleres.", "Et virkeligt angreb", "Bekræftet af driften."):
        assert told in closed
    assert "Åbn den igen" in closed


def test_case_shows_its_ticket_with_both_clocks(federation: making.Federation, log_in: LogIn) -> None:
    page = _text(log_in("analyst").get(reverse("case", args=[federation.case])))

    assert "svar inden" in page
    assert "kvittér inden" in page


def test_note_of_the_support_side_is_not_offered(federation: making.Federation, log_in: LogIn) -> None:
    page = _text(log_in("second_line").get(reverse("case", args=[federation.case])))

    assert "Du læser sikkerhedssagen fra supportsiden" in page
    assert 'name="step"' not in page


# ---- search


def test_search_finds_and_leads_on(federation: making.Federation, log_in: LogIn) -> None:
    client = log_in("analyst")

    page = client.get("/logs/", {"q": "vssadmin", "range": "4h"})

    assert [line["host"] for line in page.context["lines"]] == ["ODE-FIL01"]
    assert page.context["chart"].total == 1
    event = client.get(page.context["lines"][0]["address"])
    assert "vssadmin.exe delete shadows" in _text(event)


def test_search_goes_on_where_the_page_ended(federation: making.Federation, log_in: LogIn) -> None:
    client = log_in("analyst")
    first = client.get("/logs/", {"q": "", "range": "4h"})

    second = client.get("/logs/" + first.context["more"], headers={"HX-Request": "true"})

    ids = [line["id"] for answer in (first, second) for line in answer.context["lines"]]
    assert len(ids) == len(set(ids)) == 200
    assert "<html" not in _text(second)


def test_search_with_a_fault_says_where(federation: making.Federation, log_in: LogIn) -> None:
    answer = log_in("analyst").get("/logs/", {"q": 'user:"anna'})

    assert answer.status_code == 400
    assert "anførselstegnet, der begynder her, er ikke lukket" in _text(answer).lower()
    assert answer.context["refused"].place == 6


def test_search_without_a_query_searches_nothing(federation: making.Federation, log_in: LogIn) -> None:
    answer = log_in("analyst").get("/logs/")

    assert "result" not in answer.context


def test_search_with_times_turned_round(federation: making.Federation, log_in: LogIn) -> None:
    given = {"q": "", "since": "2026-11-23T12:00", "until": "2026-11-23T11:00"}

    assert "Byt de to tidspunkter om" in _text(log_in("analyst").get("/logs/", given))


# ---- errors


def test_unknown_page_says_what_to_do(federation: making.Federation, log_in: LogIn) -> None:
    answer = log_in("spoc").get("/tickets/00000000-0000-0000-0000-000000000000/")

    assert answer.status_code == 404
    assert "Siden findes ikke for dig" in _text(answer)


def test_form_without_its_token(federation: making.Federation) -> None:
    answer = Client(enforce_csrf_checks=True).post("/account/login/", {"login": "x", "password": "y"})

    assert answer.status_code == 403
    assert "Formularen var for gammel" in _text(answer)


def test_our_own_fault_needs_no_database() -> None:
    with translation.override("da"):
        answer = errors.server_error(RequestFactory().get("/"))

    assert answer.status_code == 500
    assert "Noget gik galt hos os" in _text(answer)
