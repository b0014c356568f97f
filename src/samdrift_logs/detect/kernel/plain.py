"""The reader's twin in plain Python: slow, and right by looking at it. Tests hold the two equal."""

from __future__ import annotations

import re

import orjson

_SPACE = rb"[ \t\n\r]*"
_TEXT = rb'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4})*"'
_TOKEN = rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?![0-9.eE+-])|true|false|null"
_KEY = rb'"([^"\\\x00-\x1f]*)"'
_FIELD = re.compile(_SPACE + _KEY + _SPACE + rb":" + _SPACE + b"(" + _TEXT + b"|" + _TOKEN + b")" + _SPACE)
_LONGEST_TOKEN = 20
_MOST_FIELDS = 1_000

Fields = dict[str, str | int | float | bool | None]


def read_line(line: bytes) -> Fields | None:
    """Return the fields of a line, or None where it is odd: see `reading`."""
    body = line.strip(b" \t\n\r")
    if not (body.startswith(b"{") and body.endswith(b"}") and len(body) > 1):
        return None
    try:
        body.decode()
    except UnicodeDecodeError:
        return None
    inside = body[1:-1]
    fields: Fields = {}
    if not inside.strip(b" \t\n\r"):
        return fields
    place = 0
    while True:
        field = _FIELD.match(inside, place)
        if field is None:
            return None
        name, written = field[1].decode(), field[2]
        if name in fields or len(fields) >= _MOST_FIELDS:
            return None
        if not written.startswith(b'"') and len(written) > _LONGEST_TOKEN:
            return None
        fields[name] = orjson.loads(written)
        place = field.end()
        if place == len(inside):
            return fields
        if inside[place : place + 1] != b",":
            return None
        place += 1
