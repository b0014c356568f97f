"""What a field's name means in a query: a column of ours with its kind, a Danish name for one, or a native field."""

from __future__ import annotations

import enum

import pyarrow as pa

from samdrift_logs.events import COLUMNS


class Kind(enum.Enum):
    """How the values of a column are compared."""

    EXACT = "exact"  # the whole value, * and ? for parts
    WORDS = "words"  # words within the text
    NUMBER = "number"
    INSTANT = "instant"
    ADDRESS = "address"
    IDENTITY = "identity"  # event_id
    NATIVE = "native"  # inside the JSON of `fields`


# Long texts, where people look for a word, a file name or one hash among several
_WORDS = {
    "message",
    "raw",
    "command_line",
    "process",
    "parent_process",
    "file_path",
    "hash",
    "url",
    "domain",
}
_ADDRESSES = {"src_ip", "dst_ip"}

DANISH = {
    "afsender_ip": "src_ip",
    "afsender_port": "src_port",
    "besked": "message",
    "bruger": "user",
    "domæne": "domain",
    "fil": "file_path",
    "handling": "action",
    "hændelse": "event_code",
    "kilde": "source",
    "kommandolinje": "command_line",
    "modtager_ip": "dst_ip",
    "modtager_port": "dst_port",
    "modtaget": "received_at",
    "proces": "process",
    "protokol": "protocol",
    "sket": "event_at",
    "tjeneste": "service",
    "vært": "host",
}


def _kind_of(name: str, type_: pa.DataType) -> Kind:
    if name == "event_id":
        return Kind.IDENTITY
    if name in _ADDRESSES:
        return Kind.ADDRESS
    if pa.types.is_timestamp(type_):
        return Kind.INSTANT
    if pa.types.is_integer(type_):
        return Kind.NUMBER
    return Kind.WORDS if name in _WORDS else Kind.EXACT


# `day` follows from received_at; `fields` is asked by the native names in it
KINDS: dict[str, Kind] = {
    column.name: _kind_of(column.name, column.type) for column in COLUMNS if column.name not in ("day", "fields")
}
EITHER_ADDRESS = "ip"


def is_column(name: str) -> bool:
    """Tell whether a bare name is one of our columns (or its Danish name)."""
    return name in KINDS or name in DANISH or name == EITHER_ADDRESS


def resolve(name: str, *, native: bool) -> tuple[str, Kind]:
    """Return the column and kind a field means; for a native field its own name."""
    if native:
        return name, Kind.NATIVE
    column = DANISH.get(name, name)
    return (column, Kind.ADDRESS) if column == EITHER_ADDRESS else (column, KINDS[column])
