"""What no text may hold and no time may be: refused on a page that says what to do, never a failure of ours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.samdrift.web.federation import Federation

LogIn = Callable[[str], Client]
NUL_ADDRESSES = ("/find/?q=%00", "/logs/?q=%00", "/cases/?text=a%00b", "/sources/?%00=x", "/logs/0-1%00-0/")


@pytest.mark.parametrize("address", NUL_ADDRESSES)
def test_nul_in_an_address(address: str, log_in: LogIn) -> None:
    answer = log_in("analyst").get(address)

    assert answer.status_code == 400
    assert "U+0000" in answer.content.decode()
    assert "Gå tilbage" in answer.content.decode()


def test_nul_in_a_form(log_in: LogIn, federation: Federation) -> None:
    given = {"title": "Printer\x00", "kind": "incident", "priority": "P3", "team": str(federation.spoc)}

    answer = log_in("spoc").post("/tickets/new/", given)

    assert answer.status_code == 400
    assert "U+0000" in answer.content.decode()


def test_nul_before_login(db: None) -> None:
    assert Client().post("/account/login/", {"login": "a\x00@example.dk", "password": "x"}).status_code == 400


@pytest.mark.parametrize("ends", ["since=0001-01-01T00:00&until=9999-12-31T23:59", "since=1999-12-31T23:59"])
@pytest.mark.parametrize("page", ["/logs/?q=x", "/ledger/?"])
def test_years_that_no_log_is_of(page: str, ends: str, log_in: LogIn) -> None:
    answer = log_in("analyst").get(f"{page}&{ends}")

    assert answer.status_code in {200, 400}
    assert "fra 2000 til 2099" in answer.content.decode()


@pytest.mark.parametrize("given", ["", "x", "00000000-0000"])
def test_acting_for_an_id_that_is_none(given: str, log_in: LogIn) -> None:
    page = log_in("both").post("/acting/", {"organisation": given}).content.decode()

    assert "Den valgte organisation kender vi ikke." in page
    assert "UUID" not in page
