"""The query language of analysts: what a query is made of, and how it is written out again.

    mimikatz                          the word, anywhere in the event; "two words" side by side
    *katz* 10.1.*                     a part of a word: * any run of characters without space, ? one of them
    user:svc_backup  "Target Name":x  a column of ours, or a field under its native name (quoted where it is odd)
    command_line:*"-nop -w hidden"*   quotes are literal (a quote inside is doubled), wildcards stand outside them
    dst_port>1024  bytes_out:[1 TO *] comparison, ranges; [ ] with and { } without the end
    src_ip:10.20.0.0/16  ip:10.0.0.1  networks; ip is either side
    user:*                            has a value
    a b, a AND b, a OG b; OR, ELLER; NOT, IKKE; ( )     capital letters; NOT binds tightest, then AND

Words and values are compared without regard to case. A backslash is always itself: C:\\Temp needs no doubling.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Any

import attrs

from samdrift_logs.errors import InputRefused
from samdrift_logs.search.columns import is_column


class QueryError(InputRefused):
    """A query that cannot be understood. `column` counts from 1.

    `template` is constant and translatable; `values` fill it.
    """

    def __init__(self, template: str, *, position: int, values: Mapping[str, str] | None = None) -> None:
        self.template = template
        self.values = dict(values or {})
        self.position = position
        super().__init__(template.format(**self.values), column=position + 1)


class Wild(enum.Enum):
    """A wildcard in a pattern."""

    ANY = "*"
    ONE = "?"


Pattern = tuple["str | Wild", ...]


def pattern(*pieces: str | Wild) -> Pattern:
    """Return pieces with neighbouring text joined and repeated * made one."""
    joined: list[str | Wild] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif piece == "" or (piece is Wild.ANY and joined and joined[-1] is Wild.ANY):
            continue
        else:
            joined.append(piece)
    return tuple(joined)


def literal(value: Pattern) -> str | None:
    """Return the text of a pattern without wildcards, None where it has some."""
    if not value:
        return ""
    return value[0] if len(value) == 1 and isinstance(value[0], str) else None


@attrs.frozen
class Everything:
    """The empty query, or a lone *."""


@attrs.frozen
class And:
    """All of the parts."""

    parts: tuple[Node, ...]


@attrs.frozen
class Or:
    """Any of the parts."""

    parts: tuple[Node, ...]


@attrs.frozen
class Not:
    """Not the part; a row that lacks the field is among them."""

    part: Node


@attrs.frozen
class Text:
    """Words anywhere in the event."""

    value: Pattern
    position: int = attrs.field(default=0, eq=False)


@attrs.frozen
class Field:
    """The name of a field: a column of ours, or (`native`) the source's own name."""

    name: str
    native: bool


@attrs.frozen
class Match:
    """A field has this value."""

    field: Field
    value: Pattern
    position: int = attrs.field(default=0, eq=False)


@attrs.frozen
class Exists:
    """A field has any value."""

    field: Field
    position: int = attrs.field(default=0, eq=False)


@attrs.frozen
class Compare:
    """A field is above or below a value; `operator` is >, >=, < or <=."""

    field: Field
    operator: str
    value: str
    position: int = attrs.field(default=0, eq=False)


Node = Everything | And | Or | Not | Text | Match | Exists | Compare

KEYWORDS = {"AND": "AND", "OG": "AND", "OR": "OR", "ELLER": "OR", "NOT": "NOT", "IKKE": "NOT", "TO": "TO", "TIL": "TO"}
_PLAIN_WORD = re.compile(r"[\w.]+")
_PLAIN_NAME = re.compile(r"[^\W\d](?:[\w.@\-]*\w)?")


def render(node: Node) -> str:
    """Write a query so that reading it gives the same query again."""
    match node:
        case Everything():
            return "*"
        case And(parts):
            return " AND ".join(_inner(part) for part in parts)
        case Or(parts):
            return " OR ".join(_inner(part) for part in parts)
        case Not(part):
            return f"NOT {_inner(part)}"
        case Text(value):
            return _pattern_text(value)
        case Match(field, value):
            return f"{_name(field)}:{_pattern_text(value)}"
        case Exists(field):
            return f"{_name(field)}:*"
        case Compare(field, operator, value):
            return f"{_name(field)}:{operator}{_quoted(value)}"


def _inner(node: Node) -> str:
    return f"({render(node)})" if isinstance(node, And | Or) else render(node)


def _pattern_text(value: Pattern) -> str:
    if not value:
        return '""'
    return "".join(piece.value if isinstance(piece, Wild) else _word(piece) for piece in value)


def _word(text: str) -> str:
    return text if _PLAIN_WORD.fullmatch(text) and text not in KEYWORDS else _quoted(text)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _name(field: Field) -> str:
    plain = _PLAIN_NAME.fullmatch(field.name) and field.name not in KEYWORDS
    return field.name if plain and field.native != is_column(field.name) else _quoted(field.name)


def fold(text: str) -> str:
    """Lower a text letter by letter, as DuckDB's lower() does: no letter becomes two, none looks at its neighbour."""
    if text.isascii():
        return text.lower()
    return "".join(map(_fold_letter, text))


def _fold_letter(letter: str) -> str:
    low = letter.lower()
    return low if len(low) == 1 else low[0]  # only \u0130, whose two letters begin with i


def describe(error: QueryError) -> dict[str, Any]:
    """Return an error as plain values for a page or an API answer."""
    return {"reason": error.reason, "position": error.position, "template": error.template, "values": error.values}
