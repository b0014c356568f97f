"""Turn a query into one DuckDB condition. Every value is a bound parameter; every name in the SQL is ours."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from samdrift_logs.search import addresses
from samdrift_logs.search.columns import EITHER_ADDRESS, Kind, resolve
from samdrift_logs.search.literals import ZONE, Stretch, read_instant, read_number, read_whole_number
from samdrift_logs.search.query import (
    And,
    Compare,
    Everything,
    Exists,
    Field,
    Match,
    Node,
    Not,
    Or,
    Pattern,
    QueryError,
    Text,
    Wild,
    fold,
    literal,
)

MESSAGES = (
    "{column} is a number; write digits, a comparison or a range",
    "{column} is a time; write 2026-11-23, 2026-11-23T14:05 or 23-11-2026",
    "{value} is no address or network; write 10.1.2.3, 10.1.0.0/16 or 10.1.*",
    "{column} holds addresses: use a network such as 10.1.0.0/16 instead of < and >",
    "{value} is no event id; it looks like 0-17-3",
)
_NO_NUMBER, _NO_INSTANT, _NO_ADDRESS, _ADDRESS_ORDER, _NO_IDENTITY = MESSAGES

Parameter = str | int | float | dt.datetime
Names = Mapping[str, Mapping[str, str]]

# Free text is looked for here. `fields` has what JSON escapes in `raw`, `message` what neither shows as text.
_TEXT_COLUMNS = ("raw", "message", "fields")
_JSON_COLUMNS = ("raw", "fields")
_BEFORE = r"(?:^|[^\p{L}\p{N}_])"
_BEFORE_IN_JSON = r"(?:^|[^\p{L}\p{N}_]|\\[nrtbf])"
_AFTER = r"(?:$|[^\p{L}\p{N}_])"
# A key or value that stands in JSON as it is, however the JSON was written
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.@ -]+")
_PLAIN_VALUE = re.compile(r"[a-z0-9_.:@ -]*[a-z][a-z0-9_.:@ -]*")


@attrs.frozen
class Condition:
    """A SQL expression that is true for the rows asked for (false or null for others), and its parameters."""

    sql: str
    parameters: Mapping[str, Any]


def compile_query(node: Node, *, names: Names | None = None, zone: dt.tzinfo = ZONE) -> Condition:
    """Return the condition for the rows that a query means. Raises QueryError.

    `names` gives the ids behind names that people write: {"organisation": {"Odense": "<uuid>"}, "source": {…}}.
    `zone` is the clock of times without an offset.
    """
    compiler = _Compiler(names or {}, zone)
    return Condition(compiler.condition(node), compiler.parameters)


class _Compiler:
    def __init__(self, names: Names, zone: dt.tzinfo) -> None:
        self.names = names
        self.zone = zone
        self.parameters: dict[str, Parameter] = {}

    def bind(self, value: Parameter) -> str:
        name = f"q{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def condition(self, node: Node) -> str:
        """Return SQL that is true, false or null. Null counts as false; only NOT has to say so."""
        match node:
            case Everything():
                return "true"
            case And(parts):
                return "(" + " AND ".join(self.condition(part) for part in parts) + ")"
            case Or(parts):
                return "(" + " OR ".join(self.condition(part) for part in parts) + ")"
            case Not(part):
                return f"(NOT coalesce({self.condition(part)}, false))"
            case Text(value):
                return "(" + " OR ".join(self.words(column, value) for column in _TEXT_COLUMNS) + ")"
            case Match():
                return self.match(node)
            case Exists(field):
                return self.exists(field)
            case Compare():
                return self.compare(node)

    # -- a field has a value

    def match(self, node: Match) -> str:
        column, kind = resolve(node.field.name, native=node.field.native)
        match kind:
            case Kind.NATIVE:
                return self.native(column, lambda value: self.whole(value, node.value), hint=_hint(node.value))
            case Kind.EXACT:
                return self.named(column, node.value)
            case Kind.WORDS:
                return self.words(column, node.value) if node.value else f"{_quoted(column)} = ''"
            case Kind.NUMBER:
                return self.number(column, node)
            case Kind.INSTANT:
                stretch = self.instant(column, literal(node.value), node.position)
                return f"({column} >= {self.bind(stretch.start)} AND {column} < {self.bind(stretch.end)})"
            case Kind.ADDRESS:
                return self.address(column, node)
            case Kind.IDENTITY:
                return self.identity(node)

    def named(self, column: str, value: Pattern) -> str:
        """Match a text column, and for organisations and sources the names that people give them."""
        whole = self.whole(_quoted(column), value)
        known = self.names.get(column)
        if not known:
            return whole
        wanted = re.compile(_regex(value, any_run=".*", one=".", escape=re.escape), re.DOTALL)
        ids = [self.bind(fold(id_)) for name, id_ in known.items() if wanted.fullmatch(fold(name))]
        return f"({whole} OR lower({_quoted(column)}) IN ({', '.join(ids)}))" if ids else whole

    def whole(self, expression: str, value: Pattern) -> str:
        """Match a whole value, without regard to case."""
        text = literal(value)
        if text is not None and not _has_letters(text):
            return f"{expression} = {self.bind(text)}"  # as it stands: the file's statistics and filters can help
        if text is not None:
            return f"lower({expression}) = {self.bind(fold(text))}"
        return f"lower({expression}) LIKE {self.bind(_like(value))} ESCAPE '~'"

    def words(self, column: str, value: Pattern) -> str:
        """Find words within a text: a cheap look for the longest piece first, the exact one only where that is.

        CASE, because DuckDB works out both sides of an AND in an expression: ten times slower.
        """
        inside = f"lower({_quoted(column)})"
        in_json = column in _JSON_COLUMNS
        forms = [value]
        if in_json and (escaped := _as_in_json(value)) != value:
            forms.append(escaped)
        found = []
        for form in forms:
            pieces = [fold(piece) for piece in form if isinstance(piece, str)]
            cheap = f"contains({inside}, {self.bind(max(pieces, key=len))})" if pieces else "true"
            if not _is_any_part(form):
                exact = f"regexp_matches({inside}, {self.bind(_word_regex(form, in_json=in_json))})"
                cheap = f"CASE WHEN {cheap} THEN {exact} ELSE false END"
            found.append(cheap)
        return found[0] if len(found) == 1 else f"({' OR '.join(found)})"

    def number(self, column: str, node: Match) -> str:
        text = literal(node.value)
        if text is None:
            return f"CAST({column} AS VARCHAR) LIKE {self.bind(_like(node.value))} ESCAPE '~'"
        return f"{column} = {self.bind(self.whole_number(column, text, node.position))}"

    def address(self, column: str, node: Match) -> str:
        if column == EITHER_ADDRESS:
            return f"({self.one_address('src_ip', node)} OR {self.one_address('dst_ip', node)})"
        return self.one_address(column, node)

    def one_address(self, column: str, node: Match) -> str:
        text = literal(node.value)
        if text is None:
            return self.whole(column, node.value)
        bounds = addresses.bounds_of(text)
        if bounds is None:
            raise QueryError(_NO_ADDRESS, position=node.position, values={"value": text})
        if bounds[0] == bounds[1] and ":" not in text:  # one way to write it: the file's statistics can help
            return f"{column} = {self.bind(bounds[0])}"
        nullsafe = f"{addresses.FUNCTION}({column}, {self.bind(bounds[0])}, {self.bind(bounds[1])})"
        return f"({column} IS NOT NULL AND {nullsafe})"

    def identity(self, node: Match) -> str:
        text = literal(node.value) or ""
        parts = read_identity(text)
        if parts is None:
            raise QueryError(_NO_IDENTITY, position=node.position, values={"value": text})
        wanted = zip(("partition", "sequence", "row"), parts, strict=True)
        return "(" + " AND ".join(f'"{name}" = {self.bind(part)}' for name, part in wanted) + ")"

    # -- native fields

    def native(self, name: str, condition: Callable[[str], str], *, hint: str | None = None) -> str:
        """Look at one key of the JSON object; a list has the value if any of its elements has.

        Reading JSON is dear, so rows whose text has neither the key nor the `hint` are left out first.
        """
        at = self.bind(json_pointer(name))
        cheap = []
        if _PLAIN_KEY.fullmatch(name):
            cheap.append(f"contains(fields, {self.bind(json.dumps(name))})")
        if hint:
            cheap.append(f"contains(lower(fields), {self.bind(hint)})")
        exact = (
            f"CASE json_type(fields, {at}) WHEN 'ARRAY' THEN len(list_filter("
            f"CAST(json_extract(fields, {at}) AS VARCHAR[]), lambda one: {condition('one')})) > 0 "
            f"ELSE {condition(f'json_extract_string(fields, {at})')} END"
        )
        return f"CASE WHEN {' AND '.join(cheap)} THEN {exact} ELSE false END" if cheap else f"({exact})"

    # -- exists, comparison

    def exists(self, field: Field) -> str:
        column, kind = resolve(field.name, native=field.native)
        if kind is Kind.NATIVE:
            return f"json_type(fields, {self.bind(json_pointer(column))}) <> 'NULL'"
        if column == EITHER_ADDRESS:
            return "(src_ip IS NOT NULL OR dst_ip IS NOT NULL)"
        return "true" if kind is Kind.IDENTITY else f"{_quoted(column)} IS NOT NULL"

    def compare(self, node: Compare) -> str:
        column, kind = resolve(node.field.name, native=node.field.native)
        match kind:
            case Kind.NATIVE:
                return self.native(column, lambda value: self.ordered(value, node))
            case Kind.NUMBER:
                return f"{column} {node.operator} {self.bind(self.whole_number(column, node.value, node.position))}"
            case Kind.INSTANT:
                stretch = self.instant(column, node.value, node.position)
                edge = stretch.end if node.operator in (">", "<=") else stretch.start
                operator = {">": ">=", "<=": "<"}.get(node.operator, node.operator)
                return f"{column} {operator} {self.bind(edge)}"
            case Kind.ADDRESS:
                raise QueryError(_ADDRESS_ORDER, position=node.position, values={"column": column})
            case Kind.IDENTITY:
                raise QueryError(_NO_IDENTITY, position=node.position, values={"value": node.value})
            case Kind.EXACT | Kind.WORDS:
                return self.ordered(_quoted(column), node)

    def ordered(self, expression: str, node: Compare) -> str:
        """Compare as numbers where the query has one (values that are none do not match), else as text."""
        number = read_number(node.value)
        if number is not None:
            return f"TRY_CAST({expression} AS DOUBLE) {node.operator} {self.bind(number)}"
        return f"lower({expression}) {node.operator} {self.bind(fold(node.value))}"

    def whole_number(self, column: str, text: str, position: int) -> int:
        number = read_whole_number(text, column=column)
        if number is None:
            raise QueryError(_NO_NUMBER, position=position, values={"column": column})
        return number

    def instant(self, column: str, text: str | None, position: int) -> Stretch:
        stretch = read_instant(text, zone=self.zone) if text else None
        if stretch is None:
            raise QueryError(_NO_INSTANT, position=position, values={"column": column})
        return stretch


def read_identity(text: str) -> tuple[int, int, int] | None:
    """Read an event id into partition, sequence, row. None where it is none."""
    found = re.fullmatch(r"([0-9]{1,4})-([0-9]{1,18})-([0-9]{1,9})", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def json_pointer(name: str) -> str:
    """Return the RFC 6901 pointer to a key of the flat `fields` object, whatever letters it has."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _quoted(column: str) -> str:
    return f'"{column}"'  # ours, from events.columns; quoted because some are words of SQL


def _like(value: Pattern) -> str:
    wild = {Wild.ANY: "%", Wild.ONE: "_"}
    return "".join(
        wild[piece] if isinstance(piece, Wild) else re.sub(r"([~%_])", r"~\1", fold(piece)) for piece in value
    )


def _regex(value: Pattern, *, any_run: str, one: str, escape: Callable[[str], str]) -> str:
    wild = {Wild.ANY: any_run, Wild.ONE: one}
    return "".join(wild[piece] if isinstance(piece, Wild) else escape(fold(piece)) for piece in value)


def _escaped(text: str) -> str:
    return "".join(f"\\x{{{ord(letter):x}}}" if _is_odd(letter) else letter for letter in text)


def _is_odd(letter: str) -> bool:
    return not letter.isalnum() and letter != "_"


def _word_regex(value: Pattern, *, in_json: bool) -> str:
    first, last = value[0], value[-1]
    before = _BEFORE_IN_JSON if in_json else _BEFORE
    starts_word = isinstance(first, str) and not _is_odd(first[0])
    ends_word = isinstance(last, str) and not _is_odd(last[-1])
    inner = _regex(value, any_run=r"\S*", one=r"\S", escape=_escaped)
    return (before if starts_word else "") + inner + (_AFTER if ends_word else "")


def _is_any_part(value: Pattern) -> bool:
    """Tell whether *text* is asked for, which needs no more than to be contained."""
    texts = [piece for piece in value if isinstance(piece, str)]
    return len(texts) == 1 and value == (Wild.ANY, texts[0], Wild.ANY)


def _has_letters(text: str) -> bool:
    return any(letter.isalpha() or letter.lower() != letter.upper() for letter in text)


def _hint(value: Pattern) -> str | None:
    """Return the longest piece that must stand in the JSON text of a value that matches; None where none must."""
    plain = [low for piece in value if isinstance(piece, str) and _PLAIN_VALUE.fullmatch(low := fold(piece))]
    return max(plain, key=len, default=None)


def _as_in_json(value: Pattern) -> Pattern:
    """Return a pattern as its text stands inside a JSON string."""
    return tuple(piece if isinstance(piece, Wild) else json.dumps(piece, ensure_ascii=False)[1:-1] for piece in value)
