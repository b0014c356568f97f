"""The typed expressions a rule compiles to: AND, OR, NOT over atoms. One atom asks one thing of one field.

Fields carry their canonical name (`cells.canonical`). Text in an atom that is not `cased` is already folded. What an
atom means is written in docs/reference/sigma.md; `predicates` runs it, `anchors` picks the cheap ones.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Iterator

import attrs

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Position(enum.StrEnum):
    """Where a text must stand in the value."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS = "startswith"
    ENDS = "endswith"


class Wildcard(enum.Enum):
    """The two wildcards of Sigma inside a text."""

    MANY = "*"
    ONE = "?"


class Order(enum.StrEnum):
    """How numbers are compared."""

    EQUAL = "eq"
    LESS = "lt"
    LESS_EQUAL = "lte"
    GREATER = "gt"
    GREATER_EQUAL = "gte"


class Part(enum.StrEnum):
    """A part of an instant; weeks are ISO 8601 weeks."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@attrs.frozen
class Text:
    """The value equals, contains, starts or ends with `text`."""

    field: str
    position: Position
    text: str
    cased: bool = False


@attrs.frozen
class Glob:
    """The whole value matches literal parts and wildcards in this order."""

    field: str
    parts: tuple[str | Wildcard, ...]
    cased: bool = False


@attrs.frozen
class Pattern:
    """A regular expression is found somewhere in the value; `flags` is a subset of "ims"."""

    field: str
    pattern: str
    flags: str = ""


@attrs.frozen
class InNetwork:
    """The value is an address within `network`."""

    field: str
    network: Network


@attrs.frozen
class Compare:
    """The value, or a part of the instant it writes, compares to `number`. What is not a number is false."""

    field: str
    order: Order
    number: int | float
    part: Part | None = None


@attrs.frozen
class Null:
    """The field is absent or null."""

    field: str


@attrs.frozen
class Present:
    """The field has a value: what a lone `*` asks."""

    field: str


@attrs.frozen
class Exists:
    """The event carries the field, even as null."""

    field: str


@attrs.frozen
class SameAs:
    """The value compares to the value of another field of the same event, ignoring case."""

    field: str
    other: str
    position: Position = Position.EQUALS


@attrs.frozen
class Keyword:
    """The parts are found in this order, somewhere in any one value of the event."""

    parts: tuple[str | Wildcard, ...]
    cased: bool = False


@attrs.frozen
class KeywordPattern:
    """The regular expression is found somewhere in any one value of the event."""

    pattern: str
    flags: str = ""


FieldAtom = Text | Glob | Pattern | InNetwork | Compare | Null | Present | Exists | SameAs
KeywordAtom = Keyword | KeywordPattern
Atom = FieldAtom | KeywordAtom


@attrs.frozen
class And:
    """Every child is true."""

    children: tuple[Expression, ...]


@attrs.frozen
class Or:
    """At least one child is true."""

    children: tuple[Expression, ...]


@attrs.frozen
class Not:
    """The child is false: also when its field is absent."""

    child: Expression


@attrs.frozen
class Named:
    """A selection of the rule under the name its author gave it; explanations speak of it."""

    name: str
    child: Expression


Expression = And | Or | Not | Named | Atom


def atoms(expression: Expression) -> Iterator[Atom]:
    """Yield every atom, left to right."""
    if isinstance(expression, And | Or):
        for child in expression.children:
            yield from atoms(child)
    elif isinstance(expression, Not | Named):
        yield from atoms(expression.child)
    else:
        yield expression


def fields_read(expression: Expression) -> tuple[str, ...]:
    """Return the canonical names of the fields an expression reads, each once, in order of appearance."""
    names: dict[str, None] = {}
    for atom in atoms(expression):
        if isinstance(atom, Keyword | KeywordPattern):
            continue
        names.setdefault(atom.field)
        if isinstance(atom, SameAs):
            names.setdefault(atom.other)
    return tuple(names)


def reads_keywords(expression: Expression) -> bool:
    """Tell whether an expression asks anything of the whole event rather than of a field."""
    return any(isinstance(atom, Keyword | KeywordPattern) for atom in atoms(expression))
