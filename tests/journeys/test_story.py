"""The whole story in a real browser: from the first alert to the closed ticket, as the people who live in these pages.

Real server, real feeder, headless Chromium, in Danish. On every page that somebody looks at, axe finds nothing.
`SAMDRIFT_PICTURES=1` writes the pictures of the documentation on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.demo import Demo, running_demo
from tests.journeys.visitor import Notes, Visitor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.component("chromium"),
    pytest.mark.xdist_group("demo"),
    pytest.mark.timeout(900),
]

ANALYST, CISO = "vagt@enhed-syd.example", "ciso@enhed-syd.example"
SECOND_LINE, ON_SITE = "drift@enhed-syd.example", "onsite@enhed-syd.example"
SPOC, OTHER_SPOC = "spoc@assens.example", "spoc@odense.example"
MUNICIPAL_CISO, BUYER = "ciso@assens.example", "indkoeb@assens.example"
UNFOLDS_WITHIN_MS = 120_000
KINDS_OF_ATTACK = 6
TIME = r"\d\d[:.]\d\d"


@attrs.define
class Stage:
    """Who is at a browser, and what they have found so far."""

    browser: Browser
    demo: Demo
    notes: Notes
    visitors: dict[str, Visitor] = attrs.field(factory=dict)
    case: str = ""
    ticket: str = ""

    def enter(self, email: str) -> Visitor:
        """Return this person, logged in, in a window of their own."""
        if email not in self.visitors:
            visitor = self.visitors[email] = Visitor(self.browser, self.demo.address, self.notes)
            visitor.log_in(self.demo.login(email))
        return self.visitors[email]


@pytest.fixture
def stage(browser: Browser, tmp_path: Path) -> Iterator[Stage]:
    """The demo as it runs, and nobody logged in yet."""
    expect.set_options(timeout=30_000)
    with running_demo(tmp_path, rate=400) as demo:
        opened = Stage(browser, demo, Notes())
        yield opened
        for visitor in opened.visitors.values():
            visitor.leave()


def test_story_from_alert_to_closed_ticket(stage: Stage) -> None:
    analyst_sees_the_case(stage)
    analyst_goes_through_the_queue(stage)
    analyst_reads_the_event_behind(stage)
    analyst_searches_around_it(stage)
    analyst_decides(stage)
    second_line_accepts_and_hands_over(stage)
    on_site_accepts(stage)
    spoc_follows_and_answers(stage)
    on_site_resolves(stage)
    spoc_closes(stage)
    analyst_closes_the_case(stage)
    others_see_nothing(stage)
    municipality_sees_who_looked(stage)
    buyer_sees_the_services(stage)
    ciso_logs_in_with_a_code(stage)

    assert stage.notes.faults == []
    assert len(stage.notes.pages) >= 25


# ---- the analyst on watch


def analyst_sees_the_case(stage: Stage) -> None:
    """The case appears on the work list by itself, without a reload."""
    analyst = stage.enter(ANALYST)

    expect(analyst.heading("Nye sikkerhedssager, som ingen har taget")).to_be_visible(timeout=90_000)
    expect(analyst.page.locator(".worklist [data-row]").first).to_contain_text("Assens")
    expect(analyst.page.get_by_text("Kommunerne er virkelige")).to_be_visible()
    analyst.look("vagtens arbejdsliste", narrow=True)


def analyst_goes_through_the_queue(stage: Stage) -> None:
    """By keyboard: j and k move, Enter opens, / goes to the search field."""
    analyst = stage.enter(ANALYST)
    analyst.place("Sikkerhedssager").click()
    expect(analyst.page.get_by_role("heading", level=1)).to_have_text("Sikkerhedssager")
    number = analyst.page.locator("tr[data-row] a.open").first.inner_text()
    analyst.look("sikkerhedssager", narrow=True)

    analyst.by_keyboard("j", "k")
    expect(analyst.current_row).to_contain_text(number)
    analyst.by_keyboard("Enter")
    analyst.page.wait_for_url(re.compile(r"/cases/[0-9a-f-]{36}/$"))
    stage.case = analyst.page.url

    analyst.by_keyboard("/")
    expect(analyst.page.locator("#find")).to_be_focused()
    analyst.page.keyboard.type(number)
    analyst.by_keyboard("Enter")
    expect(analyst.heading(f"Søg: {number}").or_(analyst.heading(f"Søgning: {number}"))).to_be_visible()
    analyst.look("find")
    analyst.by_keyboard("j", "Enter")
    analyst.page.wait_for_url(stage.case)


def analyst_reads_the_event_behind(stage: Stage) -> None:
    """The attack unfolds in the open page; an alert opens to its event, fields and the line as it came."""
    analyst = stage.enter(ANALYST)
    page = analyst.page

    expect(page.locator(".kind").nth(KINDS_OF_ATTACK - 1)).to_be_visible(timeout=UNFOLDS_WITHIN_MS)
    expect(page.get_by_role("heading", level=1)).not_to_be_empty()
    analyst.look("sikkerhedssag", narrow=True)
    analyst.picture("case")

    event = page.locator(".kind details.event").first
    event.locator("summary").first.click()
    expect(event.locator("mark").first).to_be_visible()
    event.get_by_text("Linjen, som den blev modtaget").click()
    expect(event.locator("pre")).to_contain_text("winlog")
    analyst.look("sikkerhedssag med åben hændelse", narrow=True)

    event.get_by_role("link", name="Alarmens egen side").click()
    expect(page.get_by_role("heading", name="Hændelsen").first).to_be_visible()
    analyst.look("alarm", narrow=True)


def analyst_searches_around_it(stage: Stage) -> None:
    """From the alert to what else happened on the machine, by the pivot; then a query of one's own."""
    analyst = stage.enter(ANALYST)
    page = analyst.page

    page.get_by_role("link", name="Hvad skete der ellers på maskinen").click()
    expect(page.locator("#q")).to_have_value(re.compile("ASSENS-FS01"))
    expect(page.locator("svg.chart")).to_be_visible()
    analyst.look("logsøgning omkring alarmen", narrow=True)

    page.locator("#q").fill("vssadmin OG shadows")
    hits = page.locator("details.event")
    for _ in range(30):
        with page.expect_navigation():
            analyst.button("Søg").click()
        if hits.count():
            break
    hits.first.locator("summary").first.click()
    expect(hits.first.locator("td").filter(has_text="delete shadows").first).to_be_visible()
    analyst.look("logsøgning med åben hændelse", narrow=True)

    alone = hits.first.get_by_role("link", name=re.compile("host: ASSENS-FS01"))
    alone.first.click()
    expect(page.locator("#q")).to_have_value(re.compile(r"host:.?ASSENS-FS01", re.IGNORECASE))
    expect(hits.first).to_be_visible()

    address = hits.first.locator("[hx-get]").first.get_attribute("hx-get")
    assert address is not None
    analyst.go(address)
    analyst.look("loghændelse", narrow=True)
    analyst.go("/logs/?range=1h&q=host:(", status=400)
    analyst.look("logsøgning med fejl i")


def analyst_decides(stage: Stage) -> None:
    """Takes the case, writes down what is decided, and follows the link to the ticket."""
    analyst = stage.enter(ANALYST)
    analyst.go(stage.case)
    analyst.step("Tag sikkerhedssagen")
    expect(analyst.page.locator(".story")).to_contain_text("tager sikkerhedssagen")
    analyst.step(
        "Skriv en beslutning",
        {"Hvad er besluttet, og hvorfor?": "Serveren tages af nettet: aktivt angreb på fildrevet."},
    )
    expect(analyst.page.locator(".story")).to_contain_text("aktivt angreb på fildrevet")
    analyst.step("Skift tilstand", {"Hvorfor?": "Serveren er isoleret."}, choose={"Ny tilstand": "Inddæmmet"})
    expect(analyst.page.locator(".story")).to_contain_text("Inddæmmet")
    analyst.look("sikkerhedssag, taget", narrow=True)

    analyst.page.locator(".side").get_by_role("link", name=re.compile(r"\d")).first.click()
    analyst.page.wait_for_url(re.compile(r"/tickets/[0-9a-f-]{36}/$"))
    stage.ticket = analyst.page.url
    expect(analyst.page.get_by_text("Du følger sagen fra overvågningen")).to_be_visible()
    analyst.look("sag, set af vagten", narrow=True)
    for place in ("Logkilder", "Logregnskab"):
        analyst.place(place).click()
        expect(analyst.page.get_by_role("heading", level=1)).to_have_text(place)
        analyst.look(place.lower(), narrow=True)


def analyst_closes_the_case(stage: Stage) -> None:
    analyst = stage.enter(ANALYST)
    analyst.go(stage.case)
    expect(analyst.page.locator(".story")).to_contain_text("sagen er lukket af", timeout=60_000)
    analyst.step(
        "Luk sikkerhedssagen",
        {"Hvordan ved du det?": "Driften har bekræftet det."},
        choose={"Hvad var det?": "Et virkeligt angreb"},
    )
    expect(analyst.page.locator(".story")).to_contain_text("lukker sikkerhedssagen")
    expect(analyst.page.locator("#case")).to_contain_text("Lukket")
    analyst.look("sikkerhedssag, lukket")


# ---- the unit's 2nd line and on-site team


def second_line_accepts_and_hands_over(stage: Stage) -> None:
    second_line = stage.enter(SECOND_LINE)
    page = second_line.page
    expect(second_line.heading("Mine sager og dem, der er tilbudt mit team")).to_be_visible()
    second_line.look("2. linjes arbejdsliste", narrow=True)
    second_line.place("Sager").click()
    expect(page.locator("tr[data-row]").first).to_be_visible()
    second_line.look("sager", narrow=True)
    second_line.by_keyboard("j", "Enter")
    page.wait_for_url(stage.ticket)

    second_line.step("Modtag sagen")
    expect(page.locator(".leg.held")).to_contain_text("har sagen")
    second_line.step("Send", {"Besked": "Vi har isoleret serveren og genskaber den fra i nat. Nyt kl. 14."})
    expect(page.locator(".story")).to_contain_text("genskaber den fra i nat")
    second_line.look("sag, modtaget", narrow=True)

    folded = page.locator("details.disclose").filter(has_text="Overlever")
    folded.locator("summary").first.click()
    team = folded.get_by_label("Til hvilket team?").locator("option", has_text="Udekørende").inner_text()
    second_line.step(
        "Overlever",
        {
            "Hvad er galt?": "Serveren er ramt af et angreb og skal geninstalleres på stedet.",
            "Hvem er ramt, og hvor hårdt?": "Alle, der bruger fællesdrevet.",
            "Hvad er prøvet?": "Isoleret fra nettet, adgangskoder spærret.",
            "Hvem kan de spørge?": "Vagten, lokal 112",
        },
        choose={"Til hvilket team?": team},
    )
    expect(page.locator(".legs")).to_contain_text("er tilbudt sagen")
    second_line.look("sag, overleveret")


def on_site_accepts(stage: Stage) -> None:
    on_site = stage.enter(ON_SITE)
    on_site.go(stage.ticket)
    on_site.step("Modtag sagen")
    expect(on_site.page.locator(".leg.held")).to_contain_text("Udekørende")
    expect(on_site.page.locator(".story")).to_contain_text("Isoleret fra nettet, adgangskoder spærret.")


def on_site_resolves(stage: Stage) -> None:
    on_site = stage.enter(ON_SITE)
    on_site.go(stage.ticket)
    on_site.step("Meld løst", {"Hvordan blev det løst?": "Serveren er geninstalleret og data genskabt fra i nat."})
    expect(on_site.page.locator(".story")).to_contain_text("data genskabt fra i nat")
    on_site.look("sag, løst")


# ---- the municipality's service desk


def spoc_follows_and_answers(stage: Stage) -> None:
    """The SPOC finds the ticket, reads the clock in words and why it is so, and answers."""
    spoc = stage.enter(SPOC)
    page = spoc.page
    spoc.look("SPOC's arbejdsliste", narrow=True)
    page.locator(".worklist a.open").first.click()
    page.wait_for_url(stage.ticket)
    expect(page.locator(".story")).to_contain_text("genskaber den fra i nat")

    clock = page.locator("button.why").first
    expect(clock).to_contain_text(re.compile(TIME))
    clock.click()
    reason = page.locator("[popover]:popover-open")
    expect(reason).to_contain_text("Hvorfor dette tidspunkt?")
    expect(reason.locator("ol li").first).to_contain_text(re.compile(TIME))
    spoc.look("sag hos SPOC, med hvorfor", narrow=True)
    spoc.picture("clock")
    spoc.by_keyboard("Escape")
    expect(page.locator("[popover]:popover-open")).to_have_count(0)

    spoc.step("Send", {"Besked": "Brugerne er varslet. Giv besked, når drevet er tilbage."})
    expect(page.locator(".story")).to_contain_text("Brugerne er varslet")
    english_is_one_click_away(spoc)


def english_is_one_click_away(visitor: Visitor) -> None:
    visitor.button("English").click()
    expect(visitor.page.locator("html")).to_have_attribute("lang", "en")
    expect(visitor.place("Tickets", navigation="Main")).to_be_visible()
    visitor.look("the ticket in english")
    visitor.button("Dansk").click()
    expect(visitor.page.locator("html")).to_have_attribute("lang", "da")


def spoc_closes(stage: Stage) -> None:
    spoc = stage.enter(SPOC)
    spoc.go(stage.ticket)
    spoc.step("Luk sagen", {"Note": "Tak for hjælpen."})
    expect(spoc.page.locator("#ticket")).to_contain_text("Lukket")
    expect(spoc.page.locator(".story")).to_contain_text("lukker sagen")
    spoc.look("sag, lukket", narrow=True)
    spoc.go("/tickets/new/")
    spoc.look("ny sag", narrow=True)


# ---- everybody else


def others_see_nothing(stage: Stage) -> None:
    other = stage.enter(OTHER_SPOC)
    for path in (stage.ticket, stage.case):
        other.go(path, status=404)
    other.look("findes ikke for dig", narrow=True)
    expect(other.page.get_by_text("ASSENS")).to_have_count(0)
    other.go("/logs/?q=ASSENS-FS01", status=403)
    other.look("ingen adgang")


def municipality_sees_who_looked(stage: Stage) -> None:
    """The analyst's search of the municipality's logs stands in its own chain, for it to read."""
    ciso = stage.enter(MUNICIPAL_CISO)
    ciso.place("Hvem gjorde hvad").click()
    expect(ciso.page.locator("main")).to_contain_text("vssadmin OG shadows")
    ciso.look("hvem gjorde hvad", narrow=True)


def buyer_sees_the_services(stage: Stage) -> None:
    buyer = stage.enter(BUYER)
    buyer.place("Ydelser").click()
    expect(buyer.page.locator("main")).to_contain_text("Serverdrift")
    buyer.look("ydelser", narrow=True)


def ciso_logs_in_with_a_code(stage: Stage) -> None:
    ciso = stage.enter(CISO)
    ciso.look("CISO's arbejdsliste")
    for path, name in (
        ("/settings/", "indstillinger"),
        ("/keys/", "tastatur"),
        ("/scope/?purpose=watch", "adgangsomfang"),
        ("/design/", "komponenter"),
        ("/account/two-steps/", "to trin"),
    ):
        ciso.go(path)
        ciso.look(name, narrow=True)
