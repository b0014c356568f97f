"""Logging in: password and code, policy, lock-out, forged forms, sessions that outlive a membership."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from samdrift.federation import operations, queries
from samdrift.foundation.scoped import entered
from samdrift_logs.scope import Purpose, all_organisations
from tests.boundary.addresses import doors
from tests.samdrift.web.federation import PASSWORD, Federation

EMAIL = "anna.holm@example.dk"


@pytest.fixture(autouse=True)
def no_earlier_failures() -> None:
    cache.clear()


def everyone():  # type: ignore[no-untyped-def]
    return entered(all_organisations(purpose=Purpose.OPERATION, reason="set up for a test", actor="test"))


def log_in(client: Client, *, password: str = PASSWORD, email: str = EMAIL, onward: str = "") -> str:
    """Send the login form and return where it leads, or "" where it stays."""
    answer = client.post(reverse("account_login"), {"login": email, "password": password, "next": onward})
    return answer.headers.get("Location", "")


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def test_password_leads_to_the_work_list(federation: Federation) -> None:
    client = Client()

    assert log_in(client) == reverse("home")
    assert client.get(reverse("home")).status_code == 200


@pytest.mark.parametrize(("email", "password"), [(EMAIL, "forkert"), ("ingen@example.dk", PASSWORD)])
def test_wrong_login_says_the_same_for_known_and_unknown(federation: Federation, email: str, password: str) -> None:
    answer = Client().post(reverse("account_login"), {"login": email, "password": password})

    assert answer.status_code == 200
    page = answer.content.decode()
    assert "ingen@example.dk" not in re.sub(r"<input[^>]*>", "", page)
    assert "e-mail" in page.lower()


def test_five_wrong_passwords_lock_out_even_the_right_one(federation: Federation) -> None:
    client = Client()
    for _ in range(5):
        log_in(client, password="forkert")

    assert log_in(client) == ""


def test_code_is_asked_for_after_the_password_and_a_wrong_one_does_not_do(federation: Federation) -> None:
    with everyone():
        secret = operations.enrol_totp(user=federation.users["analyst"], at=timezone.now())
    client = Client()

    where = log_in(client)
    assert where == reverse("mfa_authenticate")
    assert client.get(reverse("home")).status_code == 302
    assert client.post(where, {"code": "000000"}).status_code == 200
    assert client.get(reverse("home")).status_code == 302

    cache.clear()
    answer = client.post(where, {"code": code(secret)})

    assert answer.headers.get("Location") == reverse("home")
    assert client.get(reverse("home")).status_code == 200


def test_policy_of_an_organisation_demands_a_second_factor(federation: Federation) -> None:
    with everyone():
        operations.set_policy(organisation=federation.unit, mfa_required=True, at=timezone.now())
    client = Client()
    log_in(client)

    answer = client.get(reverse("cases"))

    assert answer.headers["Location"] == reverse("mfa_activate_totp")


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_login_leads_to_our_own_pages_only(federation: Federation, onward: str) -> None:
    assert log_in(Client(), onward=onward) == reverse("home")


def test_login_changes_the_session_key(federation: Federation) -> None:
    client = Client()
    client.get(reverse("account_login"))
    client.session["planted"] = "x"
    client.session.save()
    before = client.session.session_key

    log_in(client)

    assert client.session.session_key != before


def test_form_without_its_token_is_refused(federation: Federation) -> None:
    client = Client(enforce_csrf_checks=True)

    answer = client.post(reverse("account_login"), {"login": EMAIL, "password": PASSWORD})

    assert answer.status_code == 403


def test_session_gives_nothing_once_the_membership_has_ended(
    federation: Federation, log_in: Callable[[str], Client]
) -> None:
    client = log_in("analyst")
    assert client.get(reverse("cases")).status_code == 200
    at = timezone.now()
    with everyone():
        for membership in queries.members(organisation=federation.unit, at=at):
            if membership.person.id == federation.users["analyst"]:
                operations.end_membership(membership=membership.id, to_date=dt.date(2026, 1, 2), reason="left", at=at)

    assert client.get(reverse("cases")).status_code == 403


def test_nobody_signs_up(federation: Federation) -> None:
    given = {"email": "ny@example.dk", "password1": PASSWORD, "password2": PASSWORD}

    answer = Client().post("/account/signup/", given)

    assert answer.status_code == 404
    assert not get_user_model().objects.filter(email="ny@example.dk").exists()


@pytest.mark.parametrize(
    "address", ["signup/", "email/", "confirm-email/", "confirm-email/abc/", "login/code/", "login/code/confirm/"]
)
def test_addresses_of_allauth_that_are_not_ours(address: str, log_in: Callable[[str], Client]) -> None:
    assert log_in("analyst").get(f"/account/{address}").status_code == 404


def _account_addresses() -> list[str]:
    found = [door.address for door in doors(get_resolver()) if door.address.startswith("account/")]
    return ["/" + address.format(uidb36="1", key="set-password") for address in found]


def test_no_account_page_changes_whom_one_logs_in_as(federation: Federation, log_in: Callable[[str], Client]) -> None:
    taken = "ledig@example.dk"
    given = {"email": taken, "login": taken, "action_add": "", "action": "change", "code": "000000"}

    addresses = _account_addresses()
    assert "/account/password/change/" in addresses
    for address in addresses:
        client = log_in("analyst")
        cache.clear()
        client.post(address, {**given, "password": PASSWORD, "password1": PASSWORD, "password2": PASSWORD})

    assert get_user_model().objects.get(pk=federation.users["analyst"]).email == EMAIL
    assert not EmailAddress.objects.filter(email=taken).exists()
    assert not get_user_model().objects.filter(email=taken).exists()


def test_logout_needs_a_post(federation: Federation, log_in: Callable[[str], Client]) -> None:
    client = log_in("analyst")

    client.get(reverse("account_logout"))
    assert client.get(reverse("home")).status_code == 200
    client.post(reverse("account_logout"))

    assert client.get(reverse("home")).status_code == 302


def test_unknown_and_known_email_take_about_as_long(federation: Federation) -> None:
    """allauth hashes for unknown people too; what is asserted is the mechanism, not a time: both hash once."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    counted = []
    original = MD5PasswordHasher.encode
    MD5PasswordHasher.encode = lambda self, *a, **k: (counted.append(time.monotonic()), original(self, *a, **k))[1]  # type: ignore[method-assign]
    try:
        log_in(Client(), password="forkert")
        known = len(counted)
        log_in(Client(), email="ingen@example.dk", password="forkert")
    finally:
        MD5PasswordHasher.encode = original  # type: ignore[method-assign]

    assert len(counted) - known >= known
