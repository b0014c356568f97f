"""Expressions as Python closures over the cells of one event.

A predicate takes `cells`, one Cell or None per field in the order of the rule's `fields`, and `values`, every Cell of
the event, which only keywords look at (empty for rules without keywords). Texts of one OR that ask the same field
become one test over sets and tuples.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import re2

from samdrift_logs.detect.cells import Cell
from samdrift_logs.detect.expressions import (
    And,
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
    Order,
    Pattern,
    Position,
    Present,
    SameAs,
    Text,
    Wildcard,
)
from samdrift_logs.detect.regexes import searcher
from samdrift_logs.detect.values import in_network, instant_of, number_of, part_of

Cells = Sequence[Cell | None]
Predicate = Callable[[Cells, Sequence[Cell]], bool]
TextTest = Callable[[str], bool]

_COMPARISONS: Mapping[Order, Callable[[Any, Any], bool]] = {
    Order.EQUAL: operator.eq,
    Order.LESS: operator.lt,
    Order.LESS_EQUAL: operator.le,
    Order.GREATER: operator.gt,
    Order.GREATER_EQUAL: operator.ge,
}


def predicate(expression: Expression, fields: Sequence[str]) -> Predicate:
    """Compile an expression; `fields` gives the place of each field among the cells."""
    places = {name: place for place, name in enumerate(fields)}
    return _compiled(expression, places)


def _compiled(expression: Expression, places: Mapping[str, int]) -> Predicate:
    if isinstance(expression, Named):
        return _compiled(expression.child, places)
    if isinstance(expression, Not):
        child = _compiled(expression.child, places)
        return lambda cells, values: not child(cells, values)
    if isinstance(expression, And):
        return _all_of([_compiled(each, places) for each in expression.children])
    if isinstance(expression, Or):
        return _any_of(_grouped(expression.children, places))
    if isinstance(expression, Text):
        return _any_text([expression], places[expression.field])
    return _atom(expression, places)


def _all_of(children: Sequence[Predicate]) -> Predicate:
    if len(children) == 2:
        first, second = children
        return lambda cells, values: first(cells, values) and second(cells, values)

    return lambda cells, values: all(child(cells, values) for child in children)


def _any_of(children: Sequence[Predicate]) -> Predicate:
    if len(children) == 1:
        return children[0]
    return lambda cells, values: any(child(cells, values) for child in children)


def _grouped(children: Sequence[Expression], places: Mapping[str, int]) -> list[Predicate]:
    texts: dict[tuple[str, bool], list[Text]] = {}
    others: list[Predicate] = []
    for child in children:
        if isinstance(child, Text):
            texts.setdefault((child.field, child.cased), []).append(child)
        else:
            others.append(_compiled(child, places))
    return [_any_text(group, places[field]) for (field, _), group in texts.items()] + others


def _any_text(group: Sequence[Text], place: int) -> Predicate:
    """Return the test for any of several texts that ask the same field in the same case."""
    cased = group[0].cased
    by_position: dict[Position, list[str]] = {position: [] for position in Position}
    for each in group:
        by_position[each.position].append(each.text)
    equals = frozenset(by_position[Position.EQUALS])
    starts, ends = tuple(by_position[Position.STARTS]), tuple(by_position[Position.ENDS])
    inside = tuple(by_position[Position.CONTAINS])

    def found(cells: Cells, _values: Sequence[Cell]) -> bool:
        cell = cells[place]
        if cell is None:
            return False
        for text in cell.texts if cased else cell.folded:
            if text in equals or text.startswith(starts) or text.endswith(ends):
                return True
            for needle in inside:
                if needle in text:
                    return True
        return False

    return found


def _atom(atom: Expression, places: Mapping[str, int]) -> Predicate:
    if isinstance(atom, Null):
        return _null(places[atom.field])
    if isinstance(atom, Exists):
        place = places[atom.field]
        return lambda cells, _values: cells[place] is not None
    if isinstance(atom, Present):
        return _on_texts(places[atom.field], lambda _text: True, folded=False)
    if isinstance(atom, SameAs):
        return _same(places[atom.field], places[atom.other], atom.position)
    if isinstance(atom, Keyword | KeywordPattern):
        return _keyword(atom)
    if isinstance(atom, Glob | Pattern | InNetwork | Compare):
        folded = isinstance(atom, Glob) and not atom.cased
        return _on_texts(places[atom.field], text_test(atom), folded=folded)
    raise TypeError(f"no predicate for {type(atom).__name__}")


def _null(place: int) -> Predicate:
    def null(cells: Cells, _values: Sequence[Cell]) -> bool:
        cell = cells[place]
        return cell is None or not cell.texts

    return null


def _on_texts(place: int, test: TextTest, *, folded: bool) -> Predicate:
    def some(cells: Cells, _values: Sequence[Cell]) -> bool:
        cell = cells[place]
        return cell is not None and any(map(test, cell.folded if folded else cell.texts))

    return some


def text_test(atom: Glob | Pattern | InNetwork | Compare) -> TextTest:
    """Return the test of one text; a Glob without case wants it folded."""
    if isinstance(atom, Glob):
        return _glob_test(atom.parts, anywhere=False)
    if isinstance(atom, Pattern):
        return searcher(atom.pattern, atom.flags)
    if isinstance(atom, InNetwork):
        network = atom.network
        return lambda text: in_network(text, network)
    return _comparison(atom)


def _comparison(atom: Compare) -> TextTest:
    compare, number, part = _COMPARISONS[atom.order], atom.number, atom.part

    def of_number(text: str) -> bool:
        value = number_of(text)
        return value is not None and compare(value, number)

    def of_part(text: str) -> bool:
        instant = instant_of(text)
        return instant is not None and part is not None and compare(part_of(instant, part), number)

    return of_number if part is None else of_part


def _glob_test(parts: Sequence[str | Wildcard], *, anywhere: bool) -> TextTest:
    written = {Wildcard.MANY: ".*", Wildcard.ONE: "."}
    body = "".join(written[part] if isinstance(part, Wildcard) else re2.escape(part) for part in parts)
    pattern = re2.compile(f"(?s){body}" if anywhere else rf"(?s)\A{body}\z")
    return lambda text: pattern.search(text) is not None


def _same(place: int, other: int, position: Position) -> Predicate:
    tests: Mapping[Position, Callable[[str, str], bool]] = {
        Position.EQUALS: operator.eq,
        Position.CONTAINS: operator.contains,
        Position.STARTS: str.startswith,
        Position.ENDS: str.endswith,
    }
    test = tests[position]

    def same(cells: Cells, _values: Sequence[Cell]) -> bool:
        mine, theirs = cells[place], cells[other]
        if mine is None or theirs is None:
            return False
        return any(test(text, reference) for text in mine.folded for reference in theirs.folded)

    return same


def keyword_test(atom: Keyword | KeywordPattern) -> Callable[[Cell], bool]:
    """Return the test of one value for a keyword."""
    if isinstance(atom, KeywordPattern):
        search = searcher(atom.pattern, atom.flags)
        return lambda cell: any(map(search, cell.texts))
    cased = atom.cased
    if len(atom.parts) == 1 and isinstance(atom.parts[0], str):
        needle = atom.parts[0]
        return lambda cell: any(needle in text for text in (cell.texts if cased else cell.folded))
    test = _glob_test(atom.parts, anywhere=True)
    return lambda cell: any(map(test, cell.texts if cased else cell.folded))


def _keyword(atom: Keyword | KeywordPattern) -> Predicate:
    test = keyword_test(atom)
    return lambda _cells, values: any(map(test, values))
