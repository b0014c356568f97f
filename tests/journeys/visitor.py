"""A person at the browser: logs in, does what people do, and notes what is wrong with every page they look at."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, ViewportSize, expect

from tests.conftest import ROOT
from tests.journeys.demo import PASSWORD, Login

PATIENCE_MS = 30_000
WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 320, "height": 800}
PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 300_000


@attrs.define
class Notes:
    """What is wrong, over all visitors and pages; a story ends by requiring that nothing is."""

    pages: list[str] = attrs.field(factory=list)
    faults: list[str] = attrs.field(factory=list)

    def add(self, where: str, what: str) -> None:
        self.faults.append(f"{where}: {what}")


class Visitor:
    """One person with a browser window of their own."""

    def __init__(self, browser: Browser, address: str, notes: Notes):
        self.address = address
        self.notes = notes
        self.where = "before login"
        self.expected_status = 200
        self.context: BrowserContext = browser.new_context(
            viewport=WIDE, locale="da-DK", timezone_id="Europe/Copenhagen"
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: notes.add(self.where, f"script error: {error}"))
        self.page.on("console", self._heard)

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type not in {"error", "warning"}:
            return
        if self.expected_status >= 400 and f"status of {self.expected_status}" in said.text:
            return
        self.notes.add(self.where, f"console {said.type}: {said.text}")

    # ---- going about

    def go(self, path: str, *, status: int = 200) -> None:
        """Open an address and require the status it should answer with."""
        self.expected_status = status
        answer = self.page.goto(path if "://" in path else self.address + path)
        assert answer is not None
        assert answer.status == status, f"{path} answered {answer.status}\n{self.page.content()[:1000]}"
        self.expected_status = 200

    def log_in(self, login: Login) -> None:
        """Log in with the password, and with a code where the login asks for one; end on the work list."""
        self.go("/")
        self.look("log ind", narrow=True)
        self.page.get_by_label("E-mail").fill(login.email)
        self.page.get_by_label("Adgangskode").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        if login.totp_secret:
            expect(self.heading("Skriv koden fra din app")).to_be_visible()
            self.look("kode fra app", narrow=True)
            self.page.get_by_role("textbox").fill(totp_code(login.totp_secret, at=time.time()))
            self.button("Bekræft").click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(login.name)

    def by_keyboard(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    # ---- what stands on the page, by what people read

    def heading(self, words: str) -> Locator:
        return self.page.get_by_role("heading", name=words)

    def link(self, words: str) -> Locator:
        return self.page.get_by_role("link", name=words)

    def button(self, words: str) -> Locator:
        return self.page.get_by_role("button", name=words, exact=True)

    def place(self, words: str, *, navigation: str = "Hovedmenu") -> Locator:
        """Return a place in the navigation."""
        return self.page.get_by_role("navigation", name=navigation).get_by_role("link", name=words, exact=True)

    @property
    def current_row(self) -> Locator:
        """Return the row that the keyboard stands on."""
        return self.page.locator("[data-row][data-current]")

    def step(
        self, words: str, given: Mapping[str, str] | None = None, *, choose: Mapping[str, str] | None = None
    ) -> None:
        """Take a step on a case or ticket: open its form where it is folded, fill it in, send it."""
        folded = self.page.locator("details.disclose").filter(has=self.page.locator("summary", has_text=words))
        if folded.count() and folded.first.get_attribute("open") is None:
            folded.first.locator("summary").first.click()
        form = self.page.locator("main form").filter(has=self.button(words))
        for label, value in (choose or {}).items():
            form.get_by_label(label).select_option(label=value)
        for label, value in (given or {}).items():
            form.get_by_label(label).fill(value)
        with self.page.expect_navigation():
            form.get_by_role("button", name=words, exact=True).click()

    # ---- looking closely

    def look(self, name: str, *, narrow: bool = False) -> None:
        """Note what axe finds, light and dark, and whether the page scrolls sideways (`narrow`: at 320 px, too)."""
        self.where = name
        self.notes.pages.append(name)
        self._note_violations(name, Axe().run(self.page).response["violations"])
        self.page.emulate_media(color_scheme="dark")
        contrast = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
        self._note_violations(f"{name}, dark", Axe().run(self.page, options=contrast).response["violations"])
        self.page.emulate_media(color_scheme="light")
        if self.page.locator("html").get_attribute("lang") != "da" and "english" not in name:
            self.notes.add(name, "the page is not in Danish")
        self._note_width(name, WIDE)
        if narrow:
            self.page.set_viewport_size(NARROW)
            self._note_width(name, NARROW)
            self.page.set_viewport_size(WIDE)

    def _note_width(self, name: str, viewport: ViewportSize) -> None:
        width = self.page.evaluate("document.documentElement.scrollWidth")
        if width > viewport["width"]:
            self.notes.add(name, f"{width} px wide at {viewport['width']} px")

    def _note_violations(self, name: str, violations: Sequence[Mapping[str, Any]]) -> None:
        for found in violations:
            nodes = [f"{node['target']} {node['html'][:200]}" for node in found["nodes"][:4]]
            self.notes.add(name, f"axe {found['id']}: {found['help']} {nodes}")

    def picture(self, name: str) -> None:
        """With SAMDRIFT_PICTURES=1, keep a picture of the window for the documentation."""
        if os.environ.get("SAMDRIFT_PICTURES") == "1":
            PICTURES.mkdir(parents=True, exist_ok=True)
            path: Path = PICTURES / f"{name}.png"
            self.page.screenshot(path=str(path))
            assert path.stat().st_size < MOST_BYTES, f"{path} is too large to commit"

    def leave(self) -> None:
        self.context.close()


def totp_code(secret: str, *, at: float) -> str:
    """Return the six digits that an authenticator app shows at an instant (RFC 6238, SHA-1, 30 s)."""
    key = base64.b32decode(secret)
    digest = hmac.new(key, struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"
