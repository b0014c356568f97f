"""The writing end of one partition: recover after a crash, append, sync, say what is durable."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import attrs

from samdrift_logs.errors import StorageFailed
from samdrift_logs.journal import segments
from samdrift_logs.journal.marks import MarkFile, read_mark
from samdrift_logs.journal.segments import Damage, JournalDamaged

_BUFFERS_PER_CALL = 512


@attrs.frozen
class Encoded:
    """One batch ready to be written."""

    buffers: Sequence[bytes]
    size_bytes: int
    crc: int

    @classmethod
    def of(cls, buffers: Sequence[bytes]) -> Encoded:
        """Measure and checksum the buffers of a payload."""
        return cls(buffers, sum(map(len, buffers)), segments.checksum(buffers))


class PartitionWriter:
    """Appends to one partition. One thread of one process uses it."""

    def __init__(self, folder: Path, partition: int, *, segment_bytes: int):
        self.partition = partition
        self.next_sequence = 1
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._durable = MarkFile(folder / "durable", durable=False)
        self.failed: str | None = None  # why nothing more can be written before the next start
        self._descriptor = -1
        self._salt = b""
        self._offset = 0
        self._synced = 0
        self._last = 0

    def recover(self) -> list[Damage]:
        """Open the last segment, cut a torn tail off and report whatever is not as it should be."""
        known = max(self._durable.read(), read_mark(self._folder / "acknowledged"))
        damages = self._reopen(known)
        if self._last < known:
            reason = "records that were durable are missing; their senders had been answered"
            lost = known - self._last
            damages.append(Damage(self.partition, str(self._folder), self._offset, 0, reason, lost))
        self.next_sequence = max(self._last, known) + 1
        if self._descriptor < 0:
            self._start_segment()
        os.fsync(self._descriptor)
        self._last = self.next_sequence - 1
        self._durable.write(self._last)
        return damages

    def write(self, batches: Sequence[Encoded]) -> list[int]:
        """Write batches at the end and return their sequences; nothing is durable before `sync`.

        Raises StorageFailed when the disk refuses: the segment is then as long as it was before.
        """
        self._refuse_if_failed()
        start = self._offset
        try:
            if self._offset >= self._segment_bytes:
                self._start_segment()
                start = self._offset
            sequences = list(range(self.next_sequence, self.next_sequence + len(batches)))
            buffers: list[bytes] = []
            for sequence, batch in zip(sequences, batches, strict=True):
                buffers.append(segments.record_header(self._salt, sequence, batch.size_bytes, batch.crc))
                buffers.extend(buffer for buffer in batch.buffers if buffer)
            self._offset += _write_all(self._descriptor, buffers, self._offset)
        except OSError as error:
            self._cut_back(start)
            raise StorageFailed(f"the journal {self._folder} cannot be written: {error.strerror}") from error
        self.next_sequence += len(batches)
        return sequences

    def sync(self) -> None:
        """Make what was written durable, then show it to readers.

        Raises StorageFailed. After a failed sync the kernel may have dropped the pages, so that this partition takes
        nothing more until the process starts anew and reads what is truly there.
        """
        self._refuse_if_failed()
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._cut_back(self._synced)
            self.failed = f"the journal {self._folder} could not be synced: {error.strerror}; start receive anew"
            raise StorageFailed(self.failed) from error
        self._synced = self._offset
        self._last = self.next_sequence - 1
        self._durable.write(self._last)

    def close(self) -> None:
        """Close the files."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._durable.close()

    def _refuse_if_failed(self) -> None:
        if self.failed:
            raise JournalDamaged(self.failed)

    def _cut_back(self, offset: int) -> None:
        try:
            os.ftruncate(self._descriptor, offset)
            self._offset = offset
        except OSError as error:
            self.failed = f"the journal {self._folder} could not be cut back: {error.strerror}; start receive anew"

    def _start_segment(self) -> None:
        path = self._folder / segments.segment_name(self.next_sequence)
        descriptor, self._salt = segments.create_segment(path, self.partition)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor
        self._offset = self._synced = segments.SEGMENT_HEADER_BYTES

    def _reopen(self, known: int) -> list[Damage]:
        """Open the newest segment whose header is whole; put files that are no segments aside."""
        damages: list[Damage] = []
        for first, path in reversed(segments.list_segments(self._folder)):
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            salt = segments.read_salt(descriptor, self.partition)
            size = os.fstat(descriptor).st_size
            if salt is not None:
                self._descriptor, self._salt, self._last = descriptor, salt, first - 1
                return damages + self._check_tail(path, size, known)
            os.close(descriptor)
            # A crash between making a segment and writing its header leaves it empty: nothing was in it.
            reason = "a segment that was never begun" if first > known else "the segment's header is damaged"
            path.rename(self._aside(path.name))
            damages.append(Damage(self.partition, path.name, 0, size, f"{reason}; put aside"))
        return damages

    def _check_tail(self, path: Path, size: int, known: int) -> list[Damage]:
        damages: list[Damage] = []
        offset = segments.SEGMENT_HEADER_BYTES
        while offset < size:
            frame = segments.read_frame(self._descriptor, self._salt, offset)
            if frame is None:
                frame = segments.find_frame(self._descriptor, self._salt, offset + 1)
                end = frame.offset if frame else size
                if frame is None and self._last >= known:
                    reason = "torn tail of a write that was never acknowledged; cut off, kept aside"
                else:
                    reason = "damaged stretch"
                damages.append(Damage(self.partition, path.name, offset, end - offset, reason))
                if frame is None:
                    self._cut_tail(path.name, offset, size)
                    break
            self._last, offset = max(self._last, frame.sequence), frame.end
        self._offset = self._synced = min(offset, size)
        return damages

    def _cut_tail(self, name: str, offset: int, size: int) -> None:
        self._aside(f"{name}.{offset}").write_bytes(os.pread(self._descriptor, size - offset, offset))
        os.ftruncate(self._descriptor, offset)

    def _aside(self, name: str) -> Path:
        folder = self._folder / "aside"
        folder.mkdir(exist_ok=True)
        return folder / name


def _write_all(descriptor: int, buffers: list[bytes], offset: int) -> int:
    """Write buffers one after the other at `offset`; return the bytes written."""
    total = 0
    for at in range(0, len(buffers), _BUFFERS_PER_CALL):
        group = buffers[at : at + _BUFFERS_PER_CALL]
        written = os.pwritev(descriptor, group, offset + total)
        total += written
        missing = sum(map(len, group)) - written
        if missing:
            rest = memoryview(b"".join(group))[written:]
            while rest:
                written = os.pwrite(descriptor, rest, offset + total)
                total += written
                rest = rest[written:]
    return total
