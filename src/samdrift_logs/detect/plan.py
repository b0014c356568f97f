"""All rules as one plan: per column, what to look for in a new value and which rules that concerns.

Built once per rule set; `Engine` runs it. Nothing in a plan changes while it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from samdrift_logs.detect.anchors import Anchor, anchor_of, literal_of
from samdrift_logs.detect.cells import Cell, fold
from samdrift_logs.detect.evidence import Evidence, evidence_of
from samdrift_logs.detect.expressions import (
    Atom,
    Exists,
    Glob,
    Keyword,
    KeywordPattern,
    Pattern,
    Position,
    Present,
    SameAs,
    Text,
    fields_read,
    reads_keywords,
)
from samdrift_logs.detect.literals import Scanner, literal_bytes
from samdrift_logs.detect.predicates import Predicate, keyword_test, predicate
from samdrift_logs.detect.rules import Logsource, Rule, RuleSet
from samdrift_logs.detect.scanners import scanners_for

KEYWORDS = ""  # the column name under which keywords look at every value

Rules = npt.NDArray[np.int32]
_NONE: Rules = np.empty(0, dtype=np.int32)


@attrs.define(eq=False)
class PlannedRule:
    """A rule with what running it needs, compiled when it is first asked."""

    rule: Rule
    route: int
    fields: tuple[str, ...]
    keywords: bool

    @cached_property
    def test(self) -> Predicate:
        """Return the whole rule as one predicate."""
        return predicate(self.rule.expression, self.fields)

    @cached_property
    def evidence(self) -> Evidence:
        """Return what names the fields that met the rule."""
        return evidence_of(self.rule.expression, self.fields)


@attrs.frozen(eq=False)
class ColumnPlan:
    """What to look for in new values of one column.

    `literal_rules[i]` are the rules that the scanner's literal i, `literals[i]`, concerns; `checks` are tests that no
    literal can stand for, each with its rules; `always` are the rules that any value concerns.
    """

    scanner: Scanner | None
    literals: Sequence[bytes]
    literal_rules: Sequence[Rules]
    checks: Sequence[tuple[Callable[[Cell], bool], Rules]]
    always: Rules

    def concerned(self, cells: Sequence[Cell]) -> list[Rules]:
        """Return, for each cell, the rules that it may concern: sorted, each once."""
        found: list[list[Rules]] = [[] for _ in cells]
        self._scan(cells, found)
        for test, rules in self.checks:
            for place, cell in enumerate(cells):
                if test(cell):
                    found[place].append(rules)
        if len(self.always):
            for hits in found:
                hits.append(self.always)
        return [_merged(hits) for hits in found]

    def _scan(self, cells: Sequence[Cell], found: list[list[Rules]]) -> None:
        if self.scanner is None:
            return
        texts: list[bytes] = []
        owners: list[int] = []
        for place, cell in enumerate(cells):
            texts.extend(text.encode() for text in cell.folded)
            owners.extend([place] * len(cell.folded))
        if texts:
            for place, literal in set(self.scanner.scan(texts)):
                found[owners[place]].append(self.literal_rules[literal])


def _merged(hits: list[Rules]) -> Rules:
    if not hits:
        return _NONE
    return hits[0] if len(hits) == 1 else np.unique(np.concatenate(hits))


@attrs.frozen(eq=False)
class Plan:
    """All rules of a RuleSet, planned. `anchored` has a ColumnPlan per column that some rule is anchored on."""

    rules: Sequence[PlannedRule]
    routes: Sequence[Logsource]
    route_of_rule: npt.NDArray[np.int32]
    anchored: Mapping[str, ColumnPlan]
    unanchored: Mapping[int, Rules]

    @cached_property
    def keyword_routes(self) -> npt.NDArray[np.int32]:
        """Return the routes on which at least one rule looks at every value."""
        return np.unique(np.array([each.route for each in self.rules if each.keywords], dtype=np.int32))


@attrs.define
class _Wanted:
    """What one column is to be searched for, while the plan is being built."""

    literals: dict[bytes, list[int]] = attrs.field(factory=dict)
    checks: dict[Atom, list[int]] = attrs.field(factory=dict)
    always: list[int] = attrs.field(factory=list)


def make_plan(ruleset: RuleSet, *, cache: Path | None = None) -> Plan:
    """Plan all rules of a set. `cache` is a folder in which compiled literal databases are kept."""
    routes: dict[Logsource, int] = {}
    planned: list[PlannedRule] = []
    wanted: dict[str, _Wanted] = {}
    unanchored: dict[int, list[int]] = {}
    for number, rule in enumerate(ruleset.rules):
        route = routes.setdefault(rule.logsource, len(routes))
        planned.append(PlannedRule(rule, route, fields_read(rule.expression), reads_keywords(rule.expression)))
        anchor = anchor_of(rule.expression)
        if anchor is None:
            unanchored.setdefault(route, []).append(number)
        else:
            _want(anchor, number, wanted)
    return Plan(
        rules=planned,
        routes=list(routes),
        route_of_rule=np.array([each.route for each in planned], dtype=np.int32),
        anchored=_column_plans(wanted, cache),
        unanchored={route: np.array(numbers, dtype=np.int32) for route, numbers in unanchored.items()},
    )


def _want(anchor: Anchor, number: int, wanted: dict[str, _Wanted]) -> None:
    for atom in anchor.atoms:
        column = KEYWORDS if isinstance(atom, Keyword | KeywordPattern) else atom.field
        want = wanted.setdefault(column, _Wanted())
        literal = _literal_for(atom)
        if literal:
            want.literals.setdefault(literal, []).append(number)
        elif isinstance(atom, Exists):
            want.always.append(number)
        else:
            want.checks.setdefault(_without_partner(atom), []).append(number)


def _literal_for(atom: Atom) -> bytes | None:
    """Return a literal that stands in the folded value wherever the atom is true; None where there is none."""
    if isinstance(atom, Text):
        return literal_bytes(fold(atom.text), atom.position)
    if isinstance(atom, Glob | Keyword | Pattern | KeywordPattern):
        return literal_bytes(literal_of(atom), Position.CONTAINS)
    return None


def _without_partner(atom: Atom) -> Atom:
    return Present(atom.field) if isinstance(atom, SameAs) else atom


def _column_plans(wanted: Mapping[str, _Wanted], cache: Path | None) -> dict[str, ColumnPlan]:
    literals = {column: tuple(want.literals) for column, want in wanted.items() if want.literals}
    scanners = scanners_for(literals, cache=cache)
    return {
        column: ColumnPlan(
            scanner=scanners.get(column),
            literals=tuple(want.literals),
            literal_rules=[_numbers(rules) for rules in want.literals.values()],
            checks=[(_check(atom), _numbers(rules)) for atom, rules in want.checks.items()],
            always=_numbers(want.always),
        )
        for column, want in wanted.items()
    }


def _numbers(rules: Sequence[int]) -> Rules:
    return np.unique(np.array(rules, dtype=np.int32))


def _check(atom: Atom) -> Callable[[Cell], bool]:
    if isinstance(atom, Keyword | KeywordPattern):
        return keyword_test(atom)
    test = predicate(atom, (atom.field,))
    return lambda cell: test((cell,), ())
