"""SigmaHQ's own true positives: every sample fires its rule, with the count that its info.yml gives."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from samdrift_logs.detect import Engine, RuleSet, load_rules
from tests.samdrift_logs.detect.event_logs import batches_of_event_logs

pytestmark = [pytest.mark.realdata, pytest.mark.slow]

# The count of matches where it is not what info.yml says, and why.
OTHER_COUNTS = {
    # Three records of the file set a value below …\\ZoneMap\\Domains\\ (https, http and *): the rule is true of each.
    "45e112d0-7759-4c2a-aa36-9f8fb79d3393": 3,
}


@pytest.fixture(scope="module")
def ruleset(shared_data: Path) -> RuleSet:
    """All of SigmaHQ's active rules."""
    return load_rules(sorted((shared_data / "sigma").glob("rules*")))


def test_every_sigmahq_rule_is_loaded_or_refused_with_a_reason(ruleset: RuleSet) -> None:
    assert len(ruleset.rules) > 3700
    assert [refusal.reason for refusal in ruleset.refused] == [
        "expand needs the values of %known_cdcs%, and no `expand:` document gives them"
    ] * 2
    assert all(refusal.line > 1 for refusal in ruleset.refused)


def test_every_sample_fires_its_rule_as_often_as_it_says(shared_data: Path, ruleset: RuleSet) -> None:
    engine = Engine(ruleset)
    wrong = []
    samples = sorted((shared_data / "sigma" / "regression_data").rglob("*.evtx"))

    for sample in samples:
        found = sum(
            match.rule.id == sample.stem
            for batch in batches_of_event_logs([sample], most_events=100_000)
            for match in engine.evaluate(batch)
        )
        wanted = OTHER_COUNTS.get(sample.stem, expected_count(sample))
        if found == 0 or (wanted is not None and found != wanted):
            wrong.append((sample.parent.name, found, wanted))

    assert len(samples) >= 100
    assert wrong == []


def expected_count(sample: Path) -> int | None:
    tests = yaml.safe_load((sample.parent / "info.yml").read_text(encoding="utf-8"))["regression_tests_info"]
    return next((test.get("match_count") for test in tests if test["path"].endswith(sample.name)), None)
