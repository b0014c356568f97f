"""Read a query. One pass, by hand, so that every error names its place and what to do."""

from __future__ import annotations

import re
from typing import NoReturn

from samdrift_logs.search.columns import is_column
from samdrift_logs.search.query import (
    KEYWORDS,
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
    literal,
    pattern,
)

MAX_LENGTH = 8_000
MAX_TERMS = 500
MAX_DEPTH = 40

MESSAGES = (
    "the query is longer than {limit} characters; shorten it",
    "the query has more than {limit} terms; split it in two searches",
    "the parentheses are nested more than {limit} deep; simplify the query",
    'the quote that starts here is not closed; add a " at its end',
    "the parenthesis that opens here is not closed; add a ) at its end",
    "there is a ) without a ( before it; remove it or put it in quotes",
    "{word} needs something to search for after it",
    "{word} needs something to search for before it",
    "the value after {field} is missing; write {field}* for any value, or put the text in quotes",
    "the parentheses are empty; put something in them or remove them",
    "the range that opens here is not whole; write [low TO high], * for no limit",
    "a comparison needs one value without wildcards",
    "an empty text matches everything; remove it",
)
(
    _TOO_LONG,
    _TOO_MANY,
    _TOO_DEEP,
    _QUOTE_OPEN,
    _PARENTHESIS_OPEN,
    _PARENTHESIS_EXTRA,
    _NOTHING_AFTER,
    _NOTHING_BEFORE,
    _VALUE_MISSING,
    _EMPTY_GROUP,
    _RANGE_BROKEN,
    _COMPARISON_WILD,
    _EMPTY_TEXT,
) = MESSAGES

_OPERATOR = re.compile(r":(?:>=|<=|>|<)?|!=|>=|<=|=|>|<")
_NAME = re.compile(r"[^\W\d](?:[\w.@#$/\-]*[\w@#$])?(?=:|!=|>=|<=|=|>|<)")
# 00:1a:2b:…, fe80::1 and 12:30:01 are text, not fields
_HEX_GROUPS = re.compile(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,}(?:[%/].*)?")
_SPACED_COMPARISON = re.compile(r"\s+(>=|<=|!=|>|<|=)\s*(?=\S)")
_BARE_END = frozenset(' \t\r\n()"\u00a0')


def parse(query: str) -> Node:
    """Return what a query means. Raises QueryError."""
    if len(query) > MAX_LENGTH:
        raise QueryError(_TOO_LONG, position=MAX_LENGTH, values={"limit": str(MAX_LENGTH)})
    reader = _Reader(query)
    reader.skip_space()
    if reader.at_end():
        return Everything()
    node = reader.either(None)
    if not reader.at_end():  # only a closing parenthesis stops the outermost level
        reader.refuse(_PARENTHESIS_EXTRA)
    return node


class _Reader:
    """Recursive descent over one query. `field` is set inside field:( … )."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.terms = 0

    # -- levels

    def either(self, field: Field | None) -> Node:
        parts = [self.both(field)]
        while self.keyword() == "OR":
            parts.append(self.both_after(self.take_word(), field))
        return _joined(Or, parts)

    def both_after(self, word: str, field: Field | None) -> Node:
        self.something_after(word)
        return self.both(field)

    def both(self, field: Field | None) -> Node:
        parts = [self.negated(field)]
        while True:
            self.skip_space()
            if self.at_end() or self.peek() == ")" or self.keyword() == "OR":
                return _joined(And, parts)
            if self.keyword() == "AND":
                self.something_after(self.take_word())
            parts.append(self.negated(field))

    def negated(self, field: Field | None) -> Node:
        flips = 0
        while self.keyword() == "NOT":
            self.something_after(self.take_word())
            flips += 1
            if flips > MAX_DEPTH:
                self.refuse(_TOO_DEEP, limit=str(MAX_DEPTH))
        node = self.term(field)
        for _ in range(flips):
            node = Not(node)
        return node

    def term(self, field: Field | None) -> Node:
        self.skip_space()
        self.terms += 1
        if self.terms > MAX_TERMS:
            self.refuse(_TOO_MANY, limit=str(MAX_TERMS))
        word = self.keyword()
        if word in ("AND", "OR"):
            self.refuse(_NOTHING_BEFORE, position=self.at, word=self.take_word())
        if self.peek() == "(":
            return self.group(field)
        if self.peek() == ")":
            self.refuse(_PARENTHESIS_EXTRA)
        if field:
            return self.value(field)
        return self.field_or_text()

    def group(self, field: Field | None) -> Node:
        opened = self.at
        self.at += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.refuse(_TOO_DEEP, position=opened, limit=str(MAX_DEPTH))
        self.skip_space()
        if self.peek() == ")":
            self.refuse(_EMPTY_GROUP, position=opened)
        if self.at_end():
            self.refuse(_PARENTHESIS_OPEN, position=opened)
        node = self.either(field)
        if self.peek() != ")":
            self.refuse(_PARENTHESIS_OPEN, position=opened)
        self.at += 1
        self.depth -= 1
        return node

    # -- one term

    def field_or_text(self) -> Node:
        start = self.at
        field = self.field_name()
        if field is None:
            self.at = start
            value = self.pattern()
            if value == ():
                self.refuse(_EMPTY_TEXT, position=start)
            return Everything() if value == (Wild.ANY,) else Text(value, start)
        operator = self.operator()
        self.skip_space()
        if operator == "!=":
            return Not(self.value(field))
        if operator in (":", "="):
            return self.group(field) if self.peek() == "(" else self.value(field)
        return self.comparison(field, operator.removeprefix(":"), start)

    def field_name(self) -> Field | None:
        """Take a field's name if one stands here with its operator; else leave the place as it is."""
        start = self.at
        if self.peek() == '"':
            name = self.quoted()
            if name and _OPERATOR.match(self.text, self.at):
                return Field(name, native=True)
            return None
        found = _NAME.match(self.text, self.at)
        if found and not self.is_text(found):
            self.at = found.end()
            return Field(found.group(), native=not is_column(found.group()))
        bare = re.compile(r"\w+").match(self.text, self.at)
        if bare and is_column(bare.group()) and _SPACED_COMPARISON.match(self.text, bare.end()):
            self.at = bare.end()
            return Field(bare.group(), native=False)
        self.at = start
        return None

    def is_text(self, name: re.Match[str]) -> bool:
        """Tell whether what looks like name:value is a pasted path, address or time."""
        end = next((at for at in range(self.at, len(self.text)) if self.text[at] in _BARE_END), len(self.text))
        whole = self.text[self.at : end]
        rest = self.text[name.end() : end]
        if is_column(name.group()):
            return False
        if rest.startswith((":\\", "://", "::")) or _HEX_GROUPS.fullmatch(whole):
            return True
        return rest.startswith("==") or (rest == "=" and self.text[end : end + 1] not in ('"', "("))

    def operator(self) -> str:
        spaced = _SPACED_COMPARISON.match(self.text, self.at)
        if spaced:
            self.at = spaced.end()
            return spaced.group(1)
        found = _OPERATOR.match(self.text, self.at)
        assert found
        self.at = found.end()
        return found.group()

    def value(self, field: Field) -> Node:
        start = self.at
        if self.peek() in ("[", "{"):
            return self.range(field)
        compared = re.compile(r">=|<=|>|<").match(self.text, self.at)
        if compared:
            self.at = compared.end()
            return self.comparison(field, compared.group(), start)
        if self.at_end() or self.peek() in "() \t\r\n\u00a0":
            self.refuse(_VALUE_MISSING, field=f"{field.name}:")
        value = self.pattern()
        return Exists(field, start) if value == (Wild.ANY,) else Match(field, value, start)

    def comparison(self, field: Field, operator: str, start: int) -> Node:
        self.skip_space()
        if self.at_end() or self.peek() in "()":
            self.refuse(_VALUE_MISSING, field=f"{field.name}{operator}")
        at = self.at
        value = literal(self.pattern())
        if not value:
            self.refuse(_COMPARISON_WILD, position=at)
        return Compare(field, operator, value, at)

    def range(self, field: Field) -> Node:
        start = self.at
        low_operator = ">=" if self.text[self.at] == "[" else ">"
        self.at += 1
        low = self.range_end(start)
        self.skip_space()
        if self.keyword() != "TO":
            self.refuse(_RANGE_BROKEN, position=start)
        self.take_word()
        high = self.range_end(start)
        self.skip_space()
        if self.peek() not in ("]", "}"):
            self.refuse(_RANGE_BROKEN, position=start)
        high_operator = "<=" if self.text[self.at] == "]" else "<"
        self.at += 1
        bounds = [
            Compare(field, operator, value, start)
            for operator, value in ((low_operator, low), (high_operator, high))
            if value is not None
        ]
        return _joined(And, list(bounds)) if bounds else Exists(field, start)

    def range_end(self, start: int) -> str | None:
        self.skip_space()
        if self.peek() == '"':
            return self.quoted()
        found = re.compile(r"[^\s\]}]+").match(self.text, self.at)
        if not found:
            self.refuse(_RANGE_BROKEN, position=start)
        self.at = found.end()
        return None if found.group() == "*" else found.group()

    # -- characters

    def pattern(self) -> Pattern:
        """Take bare and quoted pieces that touch each other."""
        pieces: list[str | Wild] = []
        while not self.at_end():
            letter = self.text[self.at]
            if letter == '"':
                pieces.append(self.quoted())
            elif letter in _BARE_END or letter.isspace():
                break
            else:
                pieces.append(Wild(letter) if letter in "*?" else letter)
                self.at += 1
        return pattern(*pieces)

    def quoted(self) -> str:
        start = self.at
        end = start + 1
        while True:
            end = self.text.find('"', end)
            if end < 0:
                self.refuse(_QUOTE_OPEN, position=start)
            if self.text[end + 1 : end + 2] != '"':
                self.at = end + 1
                return self.text[start + 1 : end].replace('""', '"')
            end += 2

    def keyword(self) -> str | None:
        self.skip_space()
        found = re.compile(r"[A-Z]+(?=[\s()\"]|$)").match(self.text, self.at)
        return KEYWORDS.get(found.group()) if found else None

    def take_word(self) -> str:
        start = self.at
        while not self.at_end() and self.text[self.at].isalpha():
            self.at += 1
        return self.text[start : self.at]

    def something_after(self, word: str) -> None:
        position = self.at - len(word)
        self.skip_space()
        if self.at_end() or self.peek() == ")":
            self.refuse(_NOTHING_AFTER, position=position, word=word)

    def skip_space(self) -> None:
        while not self.at_end() and self.text[self.at].isspace():
            self.at += 1

    def at_end(self) -> bool:
        return self.at >= len(self.text)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def refuse(self, template: str, *, position: int | None = None, **values: str) -> NoReturn:
        raise QueryError(template, position=self.at if position is None else position, values=values)


def _joined(kind: type[And] | type[Or], parts: list[Node]) -> Node:
    """Return one part as itself, and parts of the same kind on one level."""
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, kind) else [part])
    return flat[0] if len(flat) == 1 else kind(tuple(flat))
