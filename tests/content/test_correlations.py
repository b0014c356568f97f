"""Every correlation of content/sigma/correlations: shape, wording, and that its own sequences say what it does."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from samdrift_logs.detect import RuleSet, load_rules
from samdrift_logs.detect.examples import Verdict, examples_of, try_examples

FOLDER = Path(__file__).resolve().parents[2] / "content" / "sigma"
FILES = sorted((FOLDER / "correlations").glob("*.yml"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def documents_of(path: Path) -> list[Mapping[str, Any]]:
    return list(yaml.load_all(path.read_bytes(), yaml.CSafeLoader))


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    return load_rules([FOLDER])


@pytest.fixture(scope="module")
def verdicts(ruleset: RuleSet) -> Sequence[Verdict]:
    return try_examples(ruleset, [each for each in examples_of(ruleset) if "correlations" in each.rule.file])


def test_all_of_them_load(ruleset: RuleSet) -> None:
    assert ruleset.refused == ()
    assert len(FILES) >= 5
    assert {Path(each.file) for each in ruleset.correlations} == set(FILES)


@each_file
def test_first_document_is_the_correlation_with_every_part(path: Path) -> None:
    outer, *parts = documents_of(path)

    assert set(outer) == {
        "title", "id", "status", "level", "description", "references", "author", "date", "tags", "correlation",
        "falsepositives", "samdrift",
    }  # fmt: skip
    assert outer["level"] in ("medium", "high", "critical")
    assert {part["level"] for part in parts} <= {"informational"}
    assert all(part["name"] for part in parts)
    assert all(uuid.UUID(each["id"]).version == 4 for each in (outer, *parts))
    assert re.fullmatch(r"[a-z0-9_]+\.yml", path.name)


@each_file
def test_correlation_says_what_to_do_in_both_languages(path: Path) -> None:
    extra = documents_of(path)[0]["samdrift"]
    danish, english = (extra["response"][language].strip().splitlines() for language in ("da", "en"))

    assert set(extra) == {"owner", "response", "hits", "misses"}
    assert 3 <= len(danish) == len(english) <= 6
    assert re.search("[æøå]", " ".join(danish))
    assert not re.search("[æøå]", " ".join(english))


@each_file
def test_correlation_fires_on_its_hits_and_not_on_its_misses(path: Path, verdicts: Sequence[Verdict]) -> None:
    mine = [each for each in verdicts if Path(each.example.rule.file) == path]

    assert len([each for each in mine if each.example.must_fire]) >= 2
    assert len([each for each in mine if not each.example.must_fire]) >= 2
    assert [f"{each.example}: {each.problem}" for each in mine if each.problem] == []


def test_only_parts_made_for_correlations_stay_silent(ruleset: RuleSet) -> None:
    """A rule of its own must go on raising alerts when a correlation uses it."""
    known = {rule.id: rule for rule in (*ruleset.rules, *ruleset.correlations)}

    assert {known[silent].file for silent in ruleset.silent} <= {str(path) for path in FILES}
