"""Read Windows event log files (.evtx) record by record, also damaged and cut ones.

Records are read one by one as the file's chunks allow. What cannot be read is reported: a damaged record or chunk where
the parser says so, and at the end how many records the chunks' own headers promise that did not come.

References:
    https://github.com/libyal/libevtx/blob/main/documentation/Windows%20XML%20Event%20Log%20(EVTX).asciidoc
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from samdrift_logs.errors import InputRefused

_MAGIC = b"ElfFile\0"
_CHUNK_MAGIC = b"ElfChnk\0"
_HEADER_BYTES = 4096
_CHUNK_BYTES = 65_536
MOST_FAULTS = 10_000


@attrs.frozen(kw_only=True)
class EvtxRecord:
    """One record: its number in the file, and its JSON as the `evtx` source type reads it."""

    number: int
    line: bytes


@attrs.frozen(kw_only=True)
class Reject:
    """A part of the file that could not be read, and why. `number` is the record's where it is known."""

    reason: str
    number: int | None = None


def read_evtx(path: Path) -> Iterator[EvtxRecord | Reject]:
    """Return the records of an event log file in the file's order, with what could not be read.

    Raises InputRefused at the first step for a file that is no event log or cannot be opened.
    """
    promised, problem = _promised_records(path)
    if problem is not None:
        yield Reject(reason=problem)
    came = reported = 0
    for item in _parsed(path):
        if isinstance(item, Reject):
            reported += 1
        else:
            came += 1
        yield item
    if promised > came + reported:
        yield Reject(reason=f"records lost: {promised - came - reported} of {promised} lie behind damaged ones")


def _parsed(path: Path) -> Iterator[EvtxRecord | Reject]:
    from evtx import PyEvtxParser  # a native module: only those who read such files load it

    try:
        records = iter(PyEvtxParser(str(path), number_of_threads=1).records_json())
    except (OSError, RuntimeError) as error:
        raise InputRefused(f"cannot be read as an event log: {error}", file=str(path)) from error
    faults = 0
    while faults < MOST_FAULTS:
        try:
            record: Any = next(records)
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError) as error:
            faults += 1
            yield Reject(reason=f"damaged: {str(error)[:300]}", number=_number_in(str(error)))
        else:
            yield EvtxRecord(number=record["event_record_id"], line=record["data"].encode())
    yield Reject(reason=f"too damaged: given up after {MOST_FAULTS} faults")


def _number_in(message: str) -> int | None:
    word = message.partition("record number ")[2].partition(":")[0]
    return int(word) if word.isdigit() else None


def _promised_records(path: Path) -> tuple[int, str | None]:
    """Count the records that the chunks' headers promise, and say whether the file is shorter than its header says."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            if not header.startswith(_MAGIC):
                raise InputRefused("is not a Windows event log: it does not begin with ElfFile", file=str(path))
            if len(header) < _HEADER_BYTES:
                raise InputRefused("is cut within its header: no record can be read", file=str(path))
            (chunks,) = struct.unpack_from("<H", header, 42)
            promised = whole = 0
            while chunk := file.read(_CHUNK_BYTES):
                if chunk.startswith(_CHUNK_MAGIC) and len(chunk) >= 24:
                    first, last = struct.unpack_from("<QQ", chunk, 8)
                    promised += last - first + 1 if first <= last < first + _CHUNK_BYTES else 0
                whole += len(chunk) == _CHUNK_BYTES
    except OSError as error:
        raise InputRefused(f"cannot be read: {error.strerror}", file=str(path)) from error
    cut = f"cut file: its header says {chunks} chunks, {whole} are whole" if whole < chunks else None
    return promised, cut
