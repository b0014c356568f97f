"""Which fields of a matching event met the rule: those with a value that some atom asks for and no NOT turns round."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from samdrift_logs.detect.cells import Cell
from samdrift_logs.detect.expressions import (
    And,
    Expression,
    Keyword,
    KeywordPattern,
    Named,
    Not,
    Null,
    Or,
)
from samdrift_logs.detect.predicates import Cells, Predicate, keyword_test, predicate


@attrs.frozen(eq=False)
class Evidence:
    """`by_field` has, per place among the rule's fields, the OR of what the rule asks of it."""

    by_field: Sequence[tuple[int, Predicate]]
    keywords: Sequence[Callable[[Cell], bool]]

    def met_by(self, cell: Cell) -> bool:
        """Tell whether one of the rule's keywords is in this value."""
        return any(test(cell) for test in self.keywords)

    def places(self, cells: Cells) -> list[int]:
        """Return the places of the fields that met a condition."""
        return [place for place, test in self.by_field if test(cells, ())]


def evidence_of(expression: Expression, fields: Sequence[str]) -> Evidence:
    """Return the evidence of a rule whose `fields` are these."""
    asked: dict[str, list[Expression]] = {}
    keywords: list[Keyword | KeywordPattern] = []
    _collect(expression, asked, keywords, wanted=True)
    return Evidence(
        by_field=[
            (place, predicate(Or(tuple(asked[name])), fields)) for place, name in enumerate(fields) if name in asked
        ],
        keywords=[keyword_test(atom) for atom in keywords],
    )


def _collect(
    expression: Expression,
    asked: dict[str, list[Expression]],
    keywords: list[Keyword | KeywordPattern],
    *,
    wanted: bool,
) -> None:
    if isinstance(expression, And | Or):
        for child in expression.children:
            _collect(child, asked, keywords, wanted=wanted)
    elif isinstance(expression, Not | Named):
        _collect(expression.child, asked, keywords, wanted=wanted != isinstance(expression, Not))
    elif wanted and isinstance(expression, Keyword | KeywordPattern):
        keywords.append(expression)
    elif wanted and not isinstance(expression, Null | Keyword | KeywordPattern):
        asked.setdefault(expression.field, []).append(expression)
