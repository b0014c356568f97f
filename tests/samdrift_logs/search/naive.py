"""The query language a second time, row by row in plain Python, written from the description and not from the code."""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from samdrift_logs.search.query import And, Compare, Everything, Exists, Match, Node, Not, Or, Text, Wild

Row = Mapping[str, Any]
_ORDER = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_WORD_COLUMNS = {"message", "raw"}


class Refused(Exception):
    """The query is wrong whatever the rows are."""


def matches(node: Node, row: Row) -> bool:
    """Tell whether a row belongs to a query."""
    check(node)
    return _matches(node, row)


def check(node: Node) -> None:
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                check(part)
        case Not(part):
            check(part)
        case Match(field, value):
            text = _text(value)
            if not field.native and text is not None:
                if field.name == "dst_port" and not re.fullmatch(r"-?[0-9]{1,18}", text):
                    raise Refused
                if field.name in ("src_ip", "ip"):
                    _network(text)
        case Compare(field, _, value):
            if not field.native and field.name in ("src_ip", "ip"):
                raise Refused
            if not field.native and field.name == "dst_port" and not re.fullmatch(r"-?[0-9]{1,18}", value):
                raise Refused


def _matches(node: Node, row: Row) -> bool:
    match node:
        case Everything():
            return True
        case And(parts):
            return all(_matches(part, row) for part in parts)
        case Or(parts):
            return any(_matches(part, row) for part in parts)
        case Not(part):
            return not _matches(part, row)
        case Text(value):
            raw = row["raw"].decode("utf-8", "replace")
            return (
                _has_words(raw, value, in_json=True)
                or _has_words(row.get("message"), value)
                or _has_words(row["fields"], value, in_json=True)
            )
        case Exists(field):
            if field.native:
                return json.loads(row["fields"]).get(field.name) is not None
            names = ("src_ip", "dst_ip") if field.name == "ip" else (field.name,)
            return any(row.get(name) is not None for name in names)
        case Match(field, value):
            return any(_equals(field, one, value) for one in _values(field, row))
        case Compare(field, sign, value):
            return any(_ordered(one, _ORDER[sign], value) for one in _values(field, row))
    raise AssertionError(node)


def _values(field: Any, row: Row) -> list[Any]:
    if not field.native:
        names = ("src_ip", "dst_ip") if field.name == "ip" else (field.name,)
        return [row[name] for name in names if row.get(name) is not None]
    value = json.loads(row["fields"]).get(field.name)
    return [
        one if isinstance(one, str) else json.dumps(one)
        for one in (value if isinstance(value, list) else [value])
        if one is not None
    ]


def _equals(field: Any, one: Any, value: tuple) -> bool:
    text = _text(value)
    if not field.native:
        if field.name in ("src_ip", "ip") and text is not None:
            return _in_network(one, _network(text))
        if field.name == "dst_port" and text is not None:
            return one == int(text)
        if field.name in _WORD_COLUMNS and value:
            return _has_words(one, value)
    wanted = "".join({"*": ".*", "?": "."}[p.value] if isinstance(p, Wild) else re.escape(lower(p)) for p in value)
    return re.fullmatch(wanted, lower(str(one)), re.DOTALL) is not None


def _ordered(one: Any, compare: Callable[[Any, Any], bool], value: str) -> bool:
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        try:
            return compare(float(one), float(value))
        except ValueError:
            return False
    return compare(lower(str(one)).encode(), lower(value).encode())


def _has_words(text: str | None, value: tuple, *, in_json: bool = False) -> bool:
    if text is None:
        return False
    forms = [value]
    if in_json:
        forms.append(tuple(p if isinstance(p, Wild) else json.dumps(p, ensure_ascii=False)[1:-1] for p in value))
    return any(_has_form(lower(text), form, in_json=in_json) for form in forms)


def _has_form(text: str, form: tuple, *, in_json: bool) -> bool:
    wanted = "".join(
        {"*": "[^ \t\n\r\f]*", "?": "[^ \t\n\r\f]"}[p.value] if isinstance(p, Wild) else re.escape(lower(p))
        for p in form
    )
    before = isinstance(form[0], str) and _is_word(form[0][0])
    after = isinstance(form[-1], str) and _is_word(form[-1][-1])
    for start in range(len(text) + 1):
        for end in _ends(wanted, text, start):
            if (
                before
                and start
                and _is_word(text[start - 1])
                and not (in_json and re.search(r"\\[nrtbf]$", text[:start]))
            ):
                continue
            if after and end < len(text) and _is_word(text[end]):
                continue
            return True
    return False


def _ends(wanted: str, text: str, start: int) -> list[int]:
    return [end for end in range(start, len(text) + 1) if re.fullmatch(wanted, text[start:end])]


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _text(value: tuple) -> str | None:
    if not value:
        return ""
    return value[0] if len(value) == 1 and isinstance(value[0], str) else None


def _network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise Refused from error


def _in_network(text: str, network: Any) -> bool:
    try:
        return ipaddress.ip_address(text) in network
    except ValueError:
        return False


def lower(text: str) -> str:
    return "".join(letter.lower() if len(letter.lower()) == 1 else "i" for letter in text)
