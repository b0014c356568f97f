"""Danish is complete: every message id in the code has a translation that says as much as it does."""

from __future__ import annotations

import re

import polib
import pytest
from tools import messages

DANISH = messages.LOCALE / "da" / "LC_MESSAGES" / "django.po"
NAMED = re.compile(r"%\((\w+)\)[sdf]|%[sd]|\{(\w*)\}")


@pytest.fixture(scope="module")
def danish() -> dict[tuple[str, str], polib.POEntry]:
    return {(entry.msgctxt or "", entry.msgid): entry for entry in polib.pofile(str(DANISH)) if not entry.obsolete}


@pytest.fixture(scope="module")
def used() -> polib.POFile:
    return messages.extract()


def test_every_message_has_a_danish_translation(used: polib.POFile, danish: dict) -> None:
    wanting = [
        entry.msgid
        for entry in used
        if (found := danish.get((entry.msgctxt or "", entry.msgid))) is None or not found.translated()
    ]

    assert wanting == [], "run: make messages, and translate what is new in django.po"


def test_nothing_is_fuzzy_or_left_over(used: polib.POFile, danish: dict) -> None:
    assert [entry.msgid for entry in danish.values() if entry.fuzzy] == []
    assert set(danish) - {(entry.msgctxt or "", entry.msgid) for entry in used} == set()


def test_values_in_messages_agree(danish: dict) -> None:
    wrong = [
        entry.msgid
        for entry in danish.values()
        for translated in (entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr])
        if _values(translated) not in (_values(entry.msgid), _values(entry.msgid_plural or entry.msgid))
    ]

    assert wrong == []


def _values(text: str) -> list[str]:
    return sorted(match.group(0) for match in NAMED.finditer(text))


def test_both_translations_of_a_plural_are_there(danish: dict) -> None:
    plurals = [entry for entry in danish.values() if entry.msgid_plural]

    assert [entry.msgid for entry in plurals if sorted(entry.msgstr_plural) != [0, 1]] == []
