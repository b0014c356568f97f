"""One segment file: a header, then records one after the other.

Segment header (32 bytes): "SAMDRIFT" | u32 format | u32 partition | 16 random bytes, the segment's salt.
Record header (28 bytes): marker (first 8 bytes of the salt) | u64 sequence | u32 payload length | u32 CRC-32 of the
payload | u32 CRC-32 of the salt and the fields before.

After damage the next record is found by its marker. The salt is random, so no log line can carry a forged record.
"""

from __future__ import annotations

import os
import secrets
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from samdrift_logs.errors import StorageFailed

_SEGMENT = struct.Struct("<8sII16s")
_RECORD = struct.Struct("<8sQII")
_CRC = struct.Struct("<I")
_MAGIC = b"SAMDRIFT"
FORMAT = 1
SEGMENT_HEADER_BYTES = _SEGMENT.size
RECORD_HEADER_BYTES = _RECORD.size + _CRC.size
MAX_PAYLOAD_BYTES = 1 << 30


class JournalDamaged(StorageFailed):
    """A journal file is not what it should be; the text says which and what was done with it."""


@attrs.frozen
class Damage:
    """A stretch of a segment that cannot be read, or sequences that are not there. `lost` is 0 where not known."""

    partition: int
    file: str
    offset: int
    size_bytes: int
    reason: str
    lost: int = 0


@attrs.frozen
class Frame:
    """Where one intact record lies."""

    sequence: int
    offset: int
    payload: bytes

    @property
    def end(self) -> int:
        """Offset of the next record."""
        return self.offset + RECORD_HEADER_BYTES + len(self.payload)


def segment_name(first: int) -> str:
    """Return the file name of the segment whose first record has sequence `first`."""
    return f"{first:020d}.segment"


def list_segments(folder: Path) -> list[tuple[int, Path]]:
    """Return (first sequence, path) of every segment, oldest first."""
    return sorted((int(path.stem), path) for path in folder.glob("*.segment"))


def create_segment(path: Path, partition: int) -> tuple[int, bytes]:
    """Make an empty segment, durable with its folder entry; return its descriptor and its salt."""
    salt = secrets.token_bytes(16)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, _SEGMENT.pack(_MAGIC, FORMAT, partition, salt))
        os.fsync(descriptor)
        sync_folder(path.parent)
    except OSError:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    return descriptor, salt


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_salt(descriptor: int, partition: int) -> bytes | None:
    """Return the salt of an open segment, or None where its header is damaged."""
    front = os.pread(descriptor, SEGMENT_HEADER_BYTES, 0)
    if len(front) < SEGMENT_HEADER_BYTES:
        return None
    magic, form, owner, salt = _SEGMENT.unpack(front)
    return salt if (magic, form, owner) == (_MAGIC, FORMAT, partition) else None


def record_header(salt: bytes, sequence: int, payload_bytes: int, payload_crc: int) -> bytes:
    """Return the header of a record."""
    front = _RECORD.pack(salt[:8], sequence, payload_bytes, payload_crc)
    return front + _CRC.pack(zlib.crc32(front, zlib.crc32(salt)))


def checksum(buffers: Sequence[bytes]) -> int:
    """Return the CRC-32 of buffers that will be written one after the other."""
    crc = 0
    for buffer in buffers:
        crc = zlib.crc32(buffer, crc)
    return crc


def parse_header(salt: bytes, front: bytes) -> tuple[int, int, int] | None:
    """Return (sequence, payload length, payload CRC) of a record header, or None where it is not one."""
    if len(front) < RECORD_HEADER_BYTES or front[:8] != salt[:8]:
        return None
    if _CRC.unpack_from(front, _RECORD.size)[0] != zlib.crc32(front[: _RECORD.size], zlib.crc32(salt)):
        return None
    _, sequence, length, crc = _RECORD.unpack_from(front)
    return (sequence, length, crc) if length <= MAX_PAYLOAD_BYTES else None


def read_frame(descriptor: int, salt: bytes, offset: int) -> Frame | None:
    """Return the intact record at `offset`, or None where there is none (end of file, torn or damaged)."""
    header = parse_header(salt, os.pread(descriptor, RECORD_HEADER_BYTES, offset))
    if header is None:
        return None
    sequence, length, crc = header
    payload = os.pread(descriptor, length, offset + RECORD_HEADER_BYTES)
    if len(payload) < length or zlib.crc32(payload) != crc:
        return None
    return Frame(sequence, offset, payload)


def find_frame(descriptor: int, salt: bytes, offset: int) -> Frame | None:
    """Return the first intact record at or after `offset`, or None. Used after damage only."""
    size = os.fstat(descriptor).st_size
    window = 1 << 20
    while offset < size:
        stretch = os.pread(descriptor, window + 7, offset)
        at = stretch.find(salt[:8])
        while at >= 0:
            frame = read_frame(descriptor, salt, offset + at)
            if frame is not None:
                return frame
            at = stretch.find(salt[:8], at + 1)
        offset += window
    return None


def walk_headers(descriptor: int, salt: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (sequence, offset of the payload, its length) of every record, passing over damage.

    Payloads are not checked, except that of the first record after damage.
    """
    offset = SEGMENT_HEADER_BYTES
    size = os.fstat(descriptor).st_size
    while offset < size:
        header = parse_header(salt, os.pread(descriptor, RECORD_HEADER_BYTES, offset))
        if header is None or offset + RECORD_HEADER_BYTES + header[1] > size:
            frame = find_frame(descriptor, salt, offset + 1)
            if frame is None:
                return
            offset = frame.offset
            continue
        yield header[0], offset + RECORD_HEADER_BYTES, header[1]
        offset += RECORD_HEADER_BYTES + header[1]
