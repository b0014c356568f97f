"""A log event as the pages show it: one line that opens to its fields, each with what can be done with its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import attrs
from django.urls import reverse

from samdrift.web import querying

# the columns that a line is told by, the most telling first
TELLING = ("command_line", "message", "url", "file_path", "process", "raw")
FIELDS = (
    "host",
    "user",
    "action",
    "event_code",
    "process",
    "parent_process",
    "command_line",
    "file_path",
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "protocol",
    "domain",
    "url",
    "hash",
    "service",
    "product",
    "category",
    "severity",
    "bytes_in",
    "bytes_out",
    "source_type",
)


@attrs.frozen(kw_only=True)
class FieldRow:
    """A field with its value, and where a click on it leads: only it, all but it, it alone."""

    name: str
    value: str
    only: str
    without: str
    alone: str
    matched: bool


def field_rows(
    values: Mapping[str, Any],
    native: Mapping[str, Any],
    *,
    query: str,
    keep: Mapping[str, str],
    matched: Sequence[str] = (),
) -> list[FieldRow]:
    """Return our fields that have a value, then the source's own that say something else."""
    ours = {name: _text(values[name]) for name in FIELDS if values.get(name) not in (None, "")}
    known = set(ours.values())
    theirs = {
        name: _text(value) for name, value in sorted(native.items()) if value not in (None, "") and name not in ours
    }
    shown = {**ours, **{name: value for name, value in theirs.items() if value not in known or name in matched}}
    return [_row(name, value, query=query, keep=keep, matched=name in matched) for name, value in shown.items()]


def _row(name: str, value: str, *, query: str, keep: Mapping[str, str], matched: bool) -> FieldRow:
    def address(text: str) -> str:
        return f"{reverse('search')}?{urlencode({**keep, 'q': text})}"

    return FieldRow(
        name=name,
        value=value,
        only=address(querying.added(query, name, value)),
        without=address(querying.excluded(query, name, value)),
        alone=address(querying.term(name, value)),
        matched=matched,
    )


def line_of(values: Mapping[str, Any]) -> str:
    """Return the one text that tells most of an event, without line breaks."""
    text = next((str(values[name]) for name in TELLING if values.get(name)), "")
    return " ".join(text.split())[:400]


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
