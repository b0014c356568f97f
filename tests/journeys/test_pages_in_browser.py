"""The pages in a real browser: nothing that axe finds, no sideways scroll, and what the keyboard and the mouse do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.samdrift.web.federation import PASSWORD

# In the story's group: two Chromiums on two cores only wait for each other.
pytestmark = [pytest.mark.browser, pytest.mark.component("chromium"), pytest.mark.slow, pytest.mark.xdist_group("demo")]

ROOT = Path(__file__).resolve().parent.parent.parent
CheckPage = Callable[[Page], None]
TakePicture = Callable[[Page, str], Path]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A served site; address and ids."""
    folder = tmp_path_factory.mktemp("site")
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    command = [sys.executable, "-m", "tests.journeys.site", str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the site did not start; run python -m tests.journeys.site FOLDER to see why"
        yield json.loads(line)
        process.terminate()


def _log_in(page: Page, site: dict[str, str], email: str) -> None:
    page.goto(site["address"] + "/account/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Adgangskode").fill(PASSWORD)
    page.get_by_role("button", name="Log ind").click()
    page.wait_for_url(site["address"] + "/")


def _pages(site: dict[str, str], who: str) -> dict[str, str]:
    pages = {"home": "/", "settings": "/settings/", "scope": "/scope/", "keys": "/keys/", "missing": "/nowhere/"}
    if who == "analyst":
        pages |= {
            "cases": "/cases/",
            "case": f"/cases/{site['case']}/",
            "alert": f"/alerts/{site['alert']}/",
            "search-empty": "/logs/",
            "search": "/logs/?range=4h&q=",
            "search-fault": "/logs/?q=user%3A%22anna",
            "event": "/logs/0-228-0/",
            "sources": "/sources/",
            "ledger": f"/ledger/?source={site['source']}",
            "design": "/design/",
        }
    elif who == "ciso":
        pages |= {"services": "/services/", "audit": "/audit/"}
    else:
        pages |= {"tickets": "/tickets/", "ticket": f"/tickets/{site['ticket']}/", "new-ticket": "/tickets/new/"}
    return pages


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("who", "email"),
    [("analyst", "anna.holm@example.dk"), ("agent", "bo.riis@example.dk"), ("ciso", "carl.iversen@example.dk")],
)
def test_every_page_is_accessible_and_fits(
    who: str,
    email: str,
    scheme: str,
    page: Page,
    site: dict[str, str],
    check_accessibility: CheckPage,
    check_narrow: CheckPage,
    take_picture: TakePicture,
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(site["address"] + "/account/login/")
    check_accessibility(page)
    check_narrow(page)
    _log_in(page, site, email)

    for name, path in _pages(site, who).items():
        page.goto(site["address"] + path)
        check_accessibility(page)
        check_narrow(page)
        take_picture(page, f"{who}-{name}-{scheme}")


def test_keyboard_walks_a_list(page: Page, site: dict[str, str]) -> None:
    _log_in(page, site, "bo.riis@example.dk")
    page.goto(site["address"] + "/tickets/")

    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tbody tr").nth(1)).to_have_attribute("data-current", "")
    page.keyboard.press("k")
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_contain_text("LSASS")


def test_popover_tells_why_a_deadline_is_when_it_is(
    page: Page, site: dict[str, str], check_accessibility: CheckPage
) -> None:
    _log_in(page, site, "bo.riis@example.dk")
    page.goto(f"{site['address']}/tickets/{site['ticket']}/")

    page.locator("button.why").first.click()

    expect(page.locator(".pop:popover-open")).to_contain_text("Hvorfor dette tidspunkt?")
    expect(page.locator(".pop:popover-open")).to_contain_text("tæller")
    check_accessibility(page)


def test_alert_opens_to_its_event(page: Page, site: dict[str, str], check_accessibility: CheckPage) -> None:
    _log_in(page, site, "anna.holm@example.dk")
    page.goto(f"{site['address']}/cases/{site['case']}/")

    page.locator("details.event summary").first.click()

    expect(page.locator("details.event[open] td mark").first).to_be_visible()
    check_accessibility(page)


def test_range_dragged_on_the_histogram_is_searched(page: Page, site: dict[str, str]) -> None:
    _log_in(page, site, "anna.holm@example.dk")
    page.goto(site["address"] + "/logs/?range=4h&q=vssadmin")
    box = page.locator("svg.chart").bounding_box()
    assert box is not None

    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.999, box["y"] + 40, steps=4)
    page.mouse.up()
    page.wait_for_url("**range=own**")

    expect(page.locator("details.event")).to_have_count(1)


def test_field_names_are_completed(page: Page, site: dict[str, str]) -> None:
    _log_in(page, site, "anna.holm@example.dk")
    page.goto(site["address"] + "/logs/")

    page.locator("#q").press_sequentially("vssadmin comm")
    expect(page.locator("#q-offers")).to_contain_text("command_line:")
    page.keyboard.press("Tab")

    expect(page.locator("#q")).to_have_value("vssadmin command_line:")


def test_more_is_loaded_in_place(page: Page, site: dict[str, str]) -> None:
    _log_in(page, site, "anna.holm@example.dk")
    page.goto(site["address"] + "/logs/?range=4h&q=")
    expect(page.locator("details.event")).to_have_count(100)

    page.get_by_role("link", name="Hent 100 mere").click()

    expect(page.locator("details.event")).to_have_count(200)


def test_pages_work_without_scripts(browser: object, site: dict[str, str]) -> None:
    context = browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    page = context.new_page()
    _log_in(page, site, "anna.holm@example.dk")
    page.goto(site["address"] + "/logs/?range=4h&q=vssadmin")
    page.locator("details.event summary").click()

    page.get_by_role("link", name="Vis alle felter").click()

    expect(page.locator("table").first).to_contain_text("vssadmin.exe delete shadows")
    context.close()
