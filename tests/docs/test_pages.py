"""Pages lead somewhere: links, the index, the words on the screen."""

from __future__ import annotations

import re
from pathlib import Path

import polib
import pytest

from samdrift.cli.demo.federation import MUNICIPAL_PEOPLE, STRUCK, UNIT_PEOPLE
from samdrift_logs.search import parse

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TUTORIAL = (DOCS / "tutorial" / "first-hour.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())

    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_index_names_every_page() -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / target).resolve() for target in re.findall(r"\]\(([^)]+)\)", index.read_text())}

    assert [str(page.relative_to(DOCS)) for page in PAGES if page != index and page.resolve() not in linked] == []


def test_tutorial_uses_the_words_on_the_screen() -> None:
    danish = polib.pofile(str(ROOT / "src/samdrift/locale/da/LC_MESSAGES/django.po"))
    words = {entry.msgstr for entry in danish}

    named = re.findall(r"\*\*([^*]+)\*\*", TUTORIAL)
    assert [word for word in named if word not in words | {"bold"}] == []


def test_tutorial_names_logins_that_the_demo_makes() -> None:
    unit, town = "enhed-syd.example", f"{STRUCK.lower()}.example"
    made = {f"{mailbox}@{unit}" for _, mailbox, *_ in UNIT_PEOPLE}
    made |= {f"{mailbox}@{domain}" for _, mailbox, *_ in MUNICIPAL_PEOPLE for domain in (town, "odense.example")}

    assert set(re.findall(r"`([\w-]+@[\w.-]+)`", TUTORIAL)) <= made


def test_tutorial_queries_are_understood() -> None:
    queries = re.findall(r"`((?:host|event_code):[^`]+)`", TUTORIAL)

    assert len(queries) == 2
    for query in queries:
        parse(query)
