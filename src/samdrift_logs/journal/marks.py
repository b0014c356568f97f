"""The small files beside a partition's segments: what is durable, what is acknowledged, who holds the lease."""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from pathlib import Path
from types import TracebackType

import attrs

from samdrift_logs.errors import StorageFailed

_MARK = struct.Struct("<QQI")  # sequence, turn, CRC-32 of both
_SLOT_BYTES = 512


def _packed(sequence: int, turn: int) -> bytes:
    return struct.pack("<QQ", sequence, turn) + struct.pack("<I", zlib.crc32(struct.pack("<QQ", sequence, turn)))


def _unpacked(content: bytes) -> tuple[int, int] | None:
    if len(content) < _MARK.size:
        return None
    sequence, turn, crc = _MARK.unpack_from(content)
    return (sequence, turn) if crc == zlib.crc32(content[:16]) else None


class MarkFile:
    """A sequence number on disk in two slots written in turn, so that one is whole at any moment.

    `durable=False` leaves out the fdatasync: for a number that a restart can work out again.
    """

    def __init__(self, path: Path, *, durable: bool):
        self._path = path
        self._durable = durable
        self._descriptor: int | None = None

    def read(self) -> int:
        """Return the number, 0 where none was written."""
        newest = self._newest()
        return newest[0] if newest else 0

    def write(self, sequence: int) -> None:
        """Write the number. Raises StorageFailed; the number before is then still there."""
        try:
            newest = self._newest()
            turn = newest[1] + 1 if newest else 1
            descriptor = self._open(os.O_RDWR | os.O_CREAT)
            os.pwrite(descriptor, _packed(sequence, turn), (turn % 2) * _SLOT_BYTES)
            if self._durable:
                os.fdatasync(descriptor)
        except OSError as error:
            raise StorageFailed(f"{self._path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self, flags: int) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, flags | os.O_CLOEXEC, 0o600)
        return self._descriptor

    def _newest(self) -> tuple[int, int] | None:
        try:
            descriptor = self._open(os.O_RDWR)
        except FileNotFoundError:
            return None
        content = os.pread(descriptor, 2 * _SLOT_BYTES, 0)
        slots = [_unpacked(content[:_SLOT_BYTES]), _unpacked(content[_SLOT_BYTES:])]
        return max((slot for slot in slots if slot), key=lambda slot: slot[1], default=None)


def read_mark(path: Path) -> int:
    """Return the number in a mark's file, 0 where none was written."""
    mark = MarkFile(path, durable=False)
    try:
        return mark.read()
    finally:
        mark.close()


@attrs.define
class Lock:
    """An exclusive flock. The kernel gives it back when its process ends, however it ends."""

    path: Path
    _descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """The open file, -1 when the lock was given back."""
        return -1 if self._descriptor is None else self._descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it was given back before."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()


def take_lock(path: Path) -> Lock | None:
    """Take the lock of a file, or return None where another process (or another part of this one) holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Lock(path, descriptor)
