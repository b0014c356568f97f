"""Rules that change while events flow."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from samdrift_logs.detect import LiveRules
from tests.samdrift_logs.detect.batches import rows_matched, rule_text

EVENTS = [{"a": "x"}, {"a": "y"}]


def write_rule(folder: Path, name: str, value: str) -> None:
    (folder / f"{name}.yml").write_text(rule_text({"s": {"a": value}, "condition": "s"}, title=f"{name} {value}"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "rules"
    path.mkdir()
    write_rule(path, "one", "x")
    return path


@pytest.fixture
def live(folder: Path) -> LiveRules:
    return LiveRules([folder], check_every_s=0)


def settled(live: LiveRules) -> list[int]:
    live.engine()
    live.wait()
    return rows_matched(live.engine(), EVENTS)


def test_new_rule_is_taken_between_two_batches(live: LiveRules, folder: Path) -> None:
    assert settled(live) == [0]
    before = live.engine()

    write_rule(folder, "two", "y")

    assert settled(live) == [0, 1]
    assert live.engine() is not before
    assert rows_matched(before, EVENTS) == [0]  # whoever still holds the old engine can finish


def test_engine_stays_while_nothing_changes(live: LiveRules) -> None:
    before = live.engine()

    settled(live)

    assert live.engine() is before


def test_removed_rule_is_forgotten(live: LiveRules, folder: Path) -> None:
    write_rule(folder, "two", "y")
    assert settled(live) == [0, 1]

    (folder / "one.yml").unlink()

    assert settled(live) == [1]


@pytest.mark.parametrize("damage", ["broken", "gone"])
def test_damaged_rules_leave_those_from_before(live: LiveRules, folder: Path, damage: str) -> None:
    if damage == "broken":
        (folder / "one.yml").write_text("title: [")
    else:
        shutil.rmtree(folder)

    assert settled(live) == [0]
    assert live.problem

    folder.mkdir(exist_ok=True)
    write_rule(folder, "one", "y")

    assert settled(live) == [1]
    assert live.problem is None


def test_files_are_looked_at_no_more_often_than_asked(folder: Path) -> None:
    now = [0.0]
    live = LiveRules([folder], check_every_s=2, clock=lambda: now[0])
    write_rule(folder, "two", "y")

    now[0] = 1.9
    assert settled(live) == [0]
    now[0] = 2.0
    assert settled(live) == [0, 1]


def test_rule_that_breaks_holds_back_the_others_until_it_is_mended(live: LiveRules, folder: Path) -> None:
    (folder / "one.yml").write_text("title: [")
    write_rule(folder, "two", "y")

    assert settled(live) == [0]
    assert live.problem is not None
    assert "one.yml" in live.problem

    write_rule(folder, "one", "x")

    assert settled(live) == [0, 1]
    assert live.problem is None


def test_new_rule_that_is_refused_is_shown_and_holds_nothing_back(live: LiveRules, folder: Path) -> None:
    (folder / "bad.yml").write_text("title: [")
    assert settled(live) == [0]
    write_rule(folder, "two", "y")

    assert settled(live) == [0, 1]
    assert [Path(refusal.file).name for refusal in live.engine().ruleset.refused] == ["bad.yml"]
    assert live.problem is None


def test_fault_of_our_own_leaves_the_rules_from_before(
    live: LiveRules, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken pipe")

    monkeypatch.setattr("samdrift_logs.detect.live.Engine", fail)
    write_rule(folder, "two", "y")

    assert settled(live) == [0]
    assert live.problem == "the rules could not be built: RuntimeError: broken pipe"
