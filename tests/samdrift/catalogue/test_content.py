"""The catalogue's content: what is right is read, and every fault of every file is named with its line."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from samdrift.catalogue.domain.content import CatalogueRefused, ContentFile, read_service, read_services
from samdrift.catalogue.domain.durations import minutes_from
from samdrift.catalogue.domain.services import CALENDARS, CLOCK_METRICS, LEVEL_CLASSES, MINIMUM_TARGETS
from samdrift.foundation.calendars import CALENDARS as PUBLISHED_CALENDARS

NAMED = {"server", "storage", "backup", "network"}  # the families that principle 2 names


@pytest.fixture
def text(content: Path) -> str:
    return (content / "catalogue" / "firewall.yaml").read_text(encoding="utf-8")


Change = Callable[[str], str]


def faults(text: str, name: str = "catalogue/firewall.yaml") -> list[tuple[int | None, str]]:
    with pytest.raises(CatalogueRefused) as refused:
        read_service(ContentFile(name, text))
    return [(problem.line, problem.reason) for problem in refused.value.problems]


def line_of(text: str, start: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if line.strip().startswith(start))


def test_own_content_is_sound_and_covers_the_common_minimum(content: Path) -> None:
    files = [
        ContentFile(path.name, path.read_text(encoding="utf-8")) for path in (content / "catalogue").glob("*.yaml")
    ]

    services = read_services(files)

    assert len(services) >= 8
    assert {service.family for service in services} >= NAMED
    for service in services:
        assert [level.level_class for level in service.levels] == list(LEVEL_CLASSES)
        for level in service.levels:
            assert len({target.metric for target in level.targets}) >= MINIMUM_TARGETS
            assert {(target.metric, target.priority) for target in level.targets} >= {
                (metric, priority) for metric in CLOCK_METRICS for priority in ("P1", "P2", "P3", "P4")
            }


def test_calendars_of_content_are_those_that_the_clocks_have() -> None:
    assert set(CALENDARS) == set(PUBLISHED_CALENDARS)


def test_target_is_read_with_minutes_and_calendar(text: str) -> None:
    gold = read_service(ContentFile("catalogue/firewall.yaml", text)).levels[2]
    targets = {(target.metric, target.priority): target for target in gold.targets}

    assert (targets["respond", "P1"].value, targets["respond", "P1"].calendar) == (Decimal(30), "24x7")
    assert (targets["resolve", "P3"].value, targets["resolve", "P3"].calendar) == (Decimal(960), "hverdage-8-16")
    assert (targets["availability", ""].value, targets["availability", ""].unit) == (Decimal("99.9"), "percent")


def replaced(old: str, new: str) -> Change:
    """Return a change of the file, which must have `old`."""

    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


def without_acknowledge(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if "acknowledge" not in line)


# what is wrong → (the change, how the faulty line begins, part of the reason)
WRONG: dict[str, tuple[Change, str, str]] = {
    "unknown key": (replaced("excludes:", "exludes:"), "exludes", "is unknown"),
    "twice": (replaced("family: network", "family: network\nfamily: network"), "", "there twice"),
    "no English": (replaced("  en: Firewall and remote access\n", ""), "da: Firewall og", "lacks en"),
    "bad duration": (replaced("recovery_time: 16h", "recovery_time: 16 t"), "recovery_time: 16", "is no duration"),
    "bad share": (replaced("availability: 99.0", "availability: 101"), "availability: 101", "up to 100"),
    "bad calendar": (replaced("@24x7", "@altid"), 'respond: {P1: "30m @altid', "altid"),
    "lost priority": (replaced("{P1: 2h, P2: 4h", "{P1: 2h, P5: 4h"), "respond: {P1: 2h, P5", "P5"),
    "bad date": (replaced("2026-10-01", "1/10-2026"), "published", "is no date"),
    "bad version": (replaced('"1.0"', "v1"), "version", "write numbers"),
    "bad family": (replaced("family: network", "family: net"), "family", "is unknown"),
    "weaker gold": (replaced("availability: 99.9", "availability: 99.4"), "", "promises less"),
    "P1 slower than P2": (replaced("{P1: 8h, P2: 16h", "{P1: 20h, P2: 16h"), "calendar", "more time"),
    "no clock": (without_acknowledge, "calendar", "acknowledge"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_content_is_refused_with_line_and_reason(text: str, name: str) -> None:
    change, start, reason = WRONG[name]
    changed = change(text)

    found = faults(changed)

    assert any(reason in why for _, why in found), found
    if start:
        assert line_of(changed, start) in {line for line, _ in found}, found


def test_all_faults_come_at_once(text: str) -> None:
    changed = text.replace("family: network", "family: net").replace("2026-10-01", "snart").replace('"1.0"', "v1")

    assert len(faults(changed)) == 3


def test_file_that_is_no_yaml_is_refused_with_its_line() -> None:
    assert faults("slug: [unclosed\nname: x\n")[0][0] in {1, 2}
    assert "no mapping" in faults("- a\n- b\n")[0][1]
    assert "is not YAML" in faults("slug: \x00")[0][1]


def test_same_version_twice_is_refused(text: str) -> None:
    with pytest.raises(CatalogueRefused, match="is also in"):
        read_services([ContentFile("firewall.yaml", text), ContentFile("firewall-1.0.yaml", text)])


@pytest.mark.parametrize(("text", "minutes"), [("30m", 30), ("4h", 240), ("14d", 20_160), (" 1h ", 60)])
def test_duration_is_read_in_minutes(text: str, minutes: int) -> None:
    assert minutes_from(text) == minutes


@pytest.mark.parametrize("text", ["", "0h", "1.5h", "h", "4 h", "-1h", "4w"])
def test_duration_that_is_none_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="30m, 4h or 14d"):
        minutes_from(text)
