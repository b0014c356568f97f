"""Fixtures for tests that drive a real browser: Chromium from the system's packages, and axe for accessibility.

Mark such tests with `pytest.mark.browser` and `pytest.mark.component("chromium")`; `browser` skips where it is absent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from tools import messages

from tests.conftest import REQUIRE_ALL, find_component

# Without the middle three, Chromium asks the network for updates; as root it needs the first.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

CheckPage = Callable[[Page], None]
TakePicture = Callable[[Page, str], Path]


@pytest.fixture(scope="session")
def catalogues() -> None:
    """The message catalogues as the install leaves them."""
    messages.compile_catalogues()


@pytest.fixture(scope="module")
def browser(catalogues: None) -> Iterator[Browser]:
    """One Chromium for a module. Playwright keeps an event loop in this thread, which other modules must not find."""
    executable = find_component("chromium")
    if executable is None:
        if REQUIRE_ALL:
            pytest.fail("chromium is not installed, and SAMDRIFT_REQUIRE_ALL=1 asks for it")
        pytest.skip("chromium is not installed on this machine")
    # Playwright runs an event loop in this thread; the ORM refuses to be called beside one unless told otherwise.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield opened
        opened.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a new visitor, 1280 × 900, that fails the test on any script error or refused inline code."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, locale="da-DK", timezone_id="Europe/Copenhagen"
    )
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    yield opened
    context.close()
    assert complaints == []


@pytest.fixture
def check_accessibility() -> CheckPage:
    """Run axe on a page and fail with what is wrong, where, and why."""

    def check(page: Page) -> None:
        found = Axe().run(page).response["violations"]
        wrong = [f"{item['id']}: {item['help']} {[node['html'][:160] for node in item['nodes']]}" for item in found]
        assert wrong == [], page.url

    return check


@pytest.fixture
def check_narrow() -> CheckPage:
    """Narrow the page to 320 px and fail if it scrolls sideways; widen it again."""

    def check(page: Page) -> None:
        before = page.viewport_size
        page.set_viewport_size({"width": 320, "height": 900})
        too_wide = page.evaluate("document.documentElement.scrollWidth")
        if before is not None:
            page.set_viewport_size(before)
        assert too_wide <= 320, page.url

    return check


@pytest.fixture
def take_picture(tmp_path: Path) -> TakePicture:
    """Save a picture of the page under SAMDRIFT_SCREENSHOTS (a folder), or beside the test's other files."""

    def take(page: Page, name: str) -> Path:
        folder = Path(os.environ.get("SAMDRIFT_SCREENSHOTS", str(tmp_path)))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        page.screenshot(path=str(path), full_page=True)
        return path

    return take
