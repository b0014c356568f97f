"""What the journal keeps of a RawBatch, as bytes.

Payload: u32 length of the header | header (JSON array) | delivery keys, 16 bytes each | u32 length of every line and
every reject | the bytes of all of them in a row. Counts and keys come first, so that a restart can read them without
the lines. All numbers little-endian.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import struct
from collections.abc import Sequence
from uuid import UUID

import attrs
import numpy as np
import orjson

from samdrift_logs.events import RawBatch

KEY_BYTES = 16
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_LENGTH = struct.Struct("<I")


@attrs.frozen
class JournalRecord:
    """One accepted batch with its place: event ids are f"{partition}-{sequence}-{row}"."""

    partition: int
    sequence: int
    batch: RawBatch


@attrs.frozen
class Receipt:
    """Proof that a batch is on disk. `count` = lines + rejects + duplicates of the batch."""

    partition: int
    sequence: int
    count: int


@attrs.frozen
class RecordHead:
    """What the front of a payload tells: whose, when, how many, and the delivery keys of its lines."""

    organisation: UUID
    source: UUID
    received_at: dt.datetime
    count: int
    keys: Sequence[bytes]


def partition_of(organisation: UUID, partitions: int) -> int:
    """Return the partition of an organisation: the same on every machine and in every version."""
    return int.from_bytes(hashlib.blake2b(organisation.bytes, digest_size=8).digest(), "big") % partitions


def batch_count(batch: RawBatch) -> int:
    """Return how many received lines a batch stands for."""
    return len(batch.lines) + len(batch.rejects) + batch.duplicates


def encode(batch: RawBatch, keys: Sequence[bytes] = ()) -> list[bytes]:
    """Return a batch as buffers to be written one after the other. `keys` are 16 bytes each."""
    reject_bytes = [raw for raw, _ in batch.rejects]
    header = orjson.dumps(
        [
            batch.organisation.hex,
            batch.source.hex,
            batch.door,
            batch.peer,
            (batch.received_at - _EPOCH) // _MICROSECOND,
            batch.duplicates,
            len(batch.lines),
            [reason for _, reason in batch.rejects],
            len(keys),
        ]
    )
    lengths = np.fromiter(map(len, (*batch.lines, *reject_bytes)), np.uint32, len(batch.lines) + len(reject_bytes))
    return [
        _LENGTH.pack(len(header)),
        header,
        b"".join(keys),
        lengths.astype("<u4").tobytes(),
        b"".join(batch.lines),
        b"".join(reject_bytes),
    ]


def decode(payload: bytes) -> RawBatch:
    """Return the batch of a payload whose checksum was found right."""
    fields, offset = _header(payload)
    organisation, source, door, peer, received_us, duplicates, lines, reasons, keys = fields
    offset += keys * KEY_BYTES
    total = lines + len(reasons)
    lengths = np.frombuffer(payload, "<u4", total, offset)
    offset += 4 * total
    ends = (np.cumsum(lengths, dtype=np.int64) + offset).tolist()
    pieces = [payload[start:end] for start, end in zip([offset, *ends], ends, strict=False)]
    return RawBatch(
        organisation=UUID(organisation),
        source=UUID(source),
        door=door,
        peer=peer,
        received_at=_EPOCH + received_us * _MICROSECOND,
        lines=pieces[:lines],
        rejects=tuple(zip(pieces[lines:], reasons, strict=True)),
        duplicates=duplicates,
    )


def decode_head(front: bytes) -> RecordHead | None:
    """Return the head of a payload from its first bytes, or None when `front` is too short for it."""
    if len(front) < _LENGTH.size or len(front) < _LENGTH.size + _LENGTH.unpack_from(front)[0]:
        return None
    fields, offset = _header(front)
    organisation, source, _, _, received_us, duplicates, lines, reasons, keys = fields
    if len(front) < offset + keys * KEY_BYTES:
        return None
    return RecordHead(
        organisation=UUID(organisation),
        source=UUID(source),
        received_at=_EPOCH + received_us * _MICROSECOND,
        count=lines + len(reasons) + duplicates,
        keys=[front[start : start + KEY_BYTES] for start in range(offset, offset + keys * KEY_BYTES, KEY_BYTES)],
    )


def _header(payload: bytes) -> tuple[tuple[str, str, str, str, int, int, int, list[str], int], int]:
    size = _LENGTH.unpack_from(payload)[0]
    end = _LENGTH.size + size
    return tuple(orjson.loads(payload[_LENGTH.size : end])), end
