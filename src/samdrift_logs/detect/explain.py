"""Why a rule is true of an event, or why not: every part of its condition with what the event has there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from samdrift_logs.detect.cells import Cell, cell_of
from samdrift_logs.detect.expressions import (
    And,
    Atom,
    Compare,
    Exists,
    Expression,
    Glob,
    InNetwork,
    Keyword,
    KeywordPattern,
    Named,
    Not,
    Null,
    Or,
    Pattern,
    Present,
    SameAs,
    Text,
    Wildcard,
)
from samdrift_logs.detect.predicates import predicate
from samdrift_logs.detect.routing import Belonging, belonging
from samdrift_logs.detect.rules import Logsource, Rule
from samdrift_logs.detect.view import BatchView
from samdrift_logs.events import EventBatch


@attrs.frozen
class Part:
    """One part of a condition. `said` is what it asks, `found` what the event has (empty for and, or, not)."""

    holds: bool
    said: str
    found: str = ""
    parts: Sequence[Part] = ()


@attrs.frozen
class Explanation:
    """Whether the rule is asked about this event at all (`is_asked`, with the reason) and what its condition says."""

    fires: bool
    is_asked: bool
    asked: str
    condition: Part


def explain(rule: Rule, batch: EventBatch, *, row: int = 0) -> Explanation:
    """Explain a rule on one row of a batch."""
    view = BatchView(batch)
    belongs = belonging(view.kinds[view.kind_of_row[row]])
    cells = _cells(rule, batch, row)
    values = [
        cell_of(column.values[code])
        for column in view.every_column().values()
        for at, code in zip(column.rows.tolist(), column.codes.tolist(), strict=True)
        if at == row
    ]
    part = _part(rule.expression, rule, cells, values)
    is_asked = belongs.answers(rule.logsource)
    return Explanation(is_asked and part.holds, is_asked, _asked(rule.logsource, belongs), part)


def _cells(rule: Rule, batch: EventBatch, row: int) -> dict[str, Cell | None]:
    view = BatchView(batch)
    cells: dict[str, Cell | None] = {}
    for name in rule.fields:
        column = view.column(name)
        code = -1 if column is None else int(column.codes[row])
        cells[name] = None if column is None or code < 0 else cell_of(column.values[code])
    return cells


def _part(expression: Expression, rule: Rule, cells: Mapping[str, Cell | None], values: Sequence[Cell]) -> Part:
    fields = list(cells)
    holds = predicate(expression, fields)([cells[name] for name in fields], values)
    if isinstance(expression, Named):
        inner = _part(expression.child, rule, cells, values)
        return Part(holds, expression.name, parts=inner.parts or (inner,))
    if isinstance(expression, Not):
        return Part(holds, "not", parts=(_part(expression.child, rule, cells, values),))
    if isinstance(expression, And | Or):
        word = "all of" if isinstance(expression, And) else "any of"
        return Part(holds, word, parts=tuple(_part(child, rule, cells, values) for child in expression.children))
    return Part(holds, said_by(expression, rule.names), _found(expression, cells))


def _found(atom: Atom, cells: Mapping[str, Cell | None]) -> str:
    if isinstance(atom, Keyword | KeywordPattern):
        return "any value of the event"
    cell = cells[atom.field]
    if cell is None:
        return "the event has no such field"
    return "null" if not cell.texts else ", ".join(cell.texts)


def said_by(atom: Atom, names: Mapping[str, str]) -> str:
    """Return an atom as people read it, with the field as the rule spells it."""
    if isinstance(atom, Keyword):
        return f"keyword {_glob(atom.parts)}"
    if isinstance(atom, KeywordPattern):
        return f"keyword /{atom.pattern}/{atom.flags}"
    return f"{names.get(atom.field, atom.field)} {_asks(atom, names)}"


def _asks(atom: Atom, names: Mapping[str, str]) -> str:
    match atom:
        case Text():
            return f"{atom.position} {atom.text!r}{' (case matters)' if atom.cased else ''}"
        case Glob():
            return f"is like {_glob(atom.parts)}{' (case matters)' if atom.cased else ''}"
        case Pattern():
            return f"matches /{atom.pattern}/{atom.flags}"
        case InNetwork():
            return f"is in {atom.network}"
        case Compare():
            return f"{atom.part or ''} {atom.order} {atom.number}".strip()
        case Null():
            return "is absent or null"
        case Present():
            return "has a value"
        case Exists():
            return "is there"
        case SameAs():
            return f"{atom.position} the value of {names.get(atom.other, atom.other)}"
        case _:
            return repr(atom)


def _glob(parts: Sequence[str | Wildcard]) -> str:
    return repr("".join(part.value if isinstance(part, Wildcard) else part for part in parts))


def _asked(wanted: Logsource, belongs: Belonging) -> str:
    def one(name: str, value: str | None, has: frozenset[str]) -> str:
        return f"{name} {value} ({'yes' if value in has else 'the event is of ' + (', '.join(sorted(has)) or 'none')})"

    said = [
        one(name, value, has)
        for name, value, has in (
            ("product", wanted.product, belongs.products),
            ("category", wanted.category, belongs.categories),
            ("service", wanted.service, belongs.services),
        )
        if value is not None
    ]
    return "; ".join(said) or "every event"
