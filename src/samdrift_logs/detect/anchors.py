"""The anchor of a rule: the cheapest set of atoms of which at least one is true whenever the rule is.

Only anchors are looked for in every new value; the whole rule is asked where its anchor was found. `cost` estimates how
many values an atom will be found in, from its form alone; a measured frequency can take its place without anything else
changing.
"""

from __future__ import annotations

import attrs

from samdrift_logs.detect.cells import fold
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
    Position,
    Present,
    SameAs,
    Text,
)
from samdrift_logs.detect.regexes import necessary_literal

# Fields whose values are few, so that equality with one of them finds a large share of all events.
_COARSE = {"eventid", "channel", "provider_name", "signed", "initiated", "eventtype", "integritylevel", "logontype"}
_COARSE |= {"status", "level", "product", "company", "eventname", "eventsource", "category", "result", "cs-method"}
_COST_BY_LENGTH = (1.0, 0.9, 0.6, 0.25, 0.1, 0.04)
# A shorter literal of a regular expression is found so often that running the expression costs less.
_SHORTEST_OF_PATTERN = 3
_COMMON_ENDS = (".exe", ".dll", ".sys", ".ps1", ".log", "\\")
_COMMON_STARTS = ("c:\\windows", "c:\\program files", "c:\\users", "hklm\\", "hku\\", "\\device")


@attrs.frozen
class Anchor:
    """Atoms, one of which is true whenever the expression is; `cost` is the estimated share of values found."""

    atoms: tuple[Atom, ...]
    cost: float


def anchor_of(expression: Expression) -> Anchor | None:
    """Return the cheapest anchor, or None where the rule can be true of an event in which nothing was found."""
    return _anchor(expression, wanted=True)


def _anchor(expression: Expression, *, wanted: bool) -> Anchor | None:
    """Return the anchor of the expression, or of its negation where it is not `wanted`."""
    if isinstance(expression, Named):
        return _anchor(expression.child, wanted=wanted)
    if isinstance(expression, Not):
        return _anchor(expression.child, wanted=not wanted)
    if isinstance(expression, And | Or):
        children = [_anchor(each, wanted=wanted) for each in expression.children]
        return _cheapest(children) if isinstance(expression, And) == wanted else _union(children)
    return Anchor((expression,), cost(expression)) if wanted and not isinstance(expression, Null) else None


def _cheapest(children: list[Anchor | None]) -> Anchor | None:
    known = [each for each in children if each is not None]
    return min(known, key=lambda each: each.cost, default=None)


def _union(children: list[Anchor | None]) -> Anchor | None:
    found: list[Anchor] = []
    for each in children:
        if each is None:
            return None
        found.append(each)
    atoms = tuple(dict.fromkeys(atom for each in found for atom in each.atoms))
    return Anchor(atoms, sum(each.cost for each in found))


def cost(atom: Atom) -> float:
    """Return the share of values an atom is expected to be found in, with a surcharge for slow tests."""
    if isinstance(atom, Text):
        return _text_cost(atom.field, atom.position, atom.text)
    if isinstance(atom, Keyword):
        return 0.02 + _text_cost("", Position.CONTAINS, literal_of(atom))
    if isinstance(atom, Glob):
        return 0.01 + _text_cost(atom.field, Position.CONTAINS, literal_of(atom))
    if isinstance(atom, Pattern | KeywordPattern) and (literal := literal_of(atom)):
        return 0.03 + _text_cost("", Position.CONTAINS, literal)
    slow: dict[type, float] = {Pattern: 0.3, KeywordPattern: 0.5, InNetwork: 0.3, Compare: 0.6}
    slow |= {SameAs: 0.9, Present: 1.0, Exists: 1.0}
    return slow[type(atom)]


def literal_of(atom: Glob | Keyword | Pattern | KeywordPattern) -> str:
    """Return a folded text that stands in the folded value wherever the atom is true; empty where none is known."""
    if isinstance(atom, Pattern | KeywordPattern):
        found = necessary_literal(atom.pattern, atom.flags)
        return found if len(found) >= _SHORTEST_OF_PATTERN else ""
    return fold(longest_literal(atom.parts))


def longest_literal(parts: tuple[object, ...]) -> str:
    """Return the longest text among the parts of a glob; empty where there is none."""
    return max((part for part in parts if isinstance(part, str)), key=len, default="")


def _text_cost(field: str, position: Position, text: str) -> float:
    if position is Position.EQUALS:
        if not text or text in {"-", "true", "false", "0", "1"}:
            return 0.5
        return 0.3 if field in _COARSE else 0.01
    base = _COST_BY_LENGTH[len(text)] if len(text) < len(_COST_BY_LENGTH) else 0.12 / len(text)
    if position is Position.ENDS and text in _COMMON_ENDS:
        return 0.6
    if text.startswith(_COMMON_STARTS) and len(text) < 24:
        return 0.4
    return base / 2 if position is not Position.CONTAINS else base
