"""Every form of Sigma 2.1 once, for the engine and for the reference evaluator."""

from __future__ import annotations

import pytest
import yaml

from tests import reference_sigma
from tests.samdrift_logs.detect.batches import engine_for, rows_matched, rule_text
from tests.samdrift_logs.detect.cases import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_engine_decides_as_the_specification_says(case: Case) -> None:
    events = [*case.hits, *case.misses]

    found = rows_matched(engine_for(rule_text(case.detection)), events)

    assert found == list(range(len(case.hits)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reference_decides_as_the_specification_says(case: Case) -> None:
    rule = {"detection": yaml.safe_load(case.detection)}

    found = [reference_sigma.matches(rule, event) for event in (*case.hits, *case.misses)]

    assert found == [True] * len(case.hits) + [False] * len(case.misses)


def test_engine_decides_the_same_with_all_cases_in_one_plan() -> None:
    names = [case.name for case in CASES]
    engine = engine_for(*(rule_text(case.detection, title=case.name) for case in CASES))
    events = [event for case in CASES for event in (*case.hits, *case.misses)]
    rules = {case.name: {"detection": yaml.safe_load(case.detection)} for case in CASES}
    expected = {
        (name, row) for name in names for row, event in enumerate(events) if reference_sigma.matches(rules[name], event)
    }

    found = rows_by_rule(engine, events)

    assert found == expected


def rows_by_rule(engine, events) -> set[tuple[str, int]]:
    from tests.samdrift_logs.detect.batches import make_batch

    return {(match.rule.title, match.row) for match in engine.evaluate(make_batch(events, product="test"))}
