"""The reading end of one partition: records in order, acknowledgement, the lease."""

from __future__ import annotations

import os
from pathlib import Path

from samdrift_logs.journal import segments
from samdrift_logs.journal.marks import MarkFile
from samdrift_logs.journal.records import JournalRecord, RecordHead, decode, decode_head
from samdrift_logs.journal.segments import Damage

_READ_AHEAD = 1 << 12


class Reader:
    """Reads what is durable in one partition, in order of sequence.

    Damage never stops it: the stretch is passed over, told in `damages` (the last 1,000) and counted in `damaged_bytes`
    and `lost_records`.
    """

    def __init__(self, folder: Path, partition: int):
        self.partition = partition
        self.damages: list[Damage] = []
        self.damaged_bytes = 0
        self.lost_records = 0
        self._folder = folder
        self._durable = MarkFile(folder / "durable", durable=False)
        self._acknowledged = MarkFile(folder / "acknowledged", durable=True)
        self._path: Path | None = None
        self._descriptor = -1
        self._salt: bytes | None = None
        self._offset = 0
        self._next = 0  # the sequence that stands at _offset, when nothing is damaged

    @property
    def acknowledged(self) -> int:
        """The last sequence that the reader's owner is done with."""
        return self._acknowledged.read()

    @property
    def durable(self) -> int:
        """The last sequence that may be read."""
        return self._durable.read()

    def acknowledge(self, sequence: int) -> None:
        """Say, durably, that everything up to `sequence` is stored elsewhere. Raises StorageFailed."""
        if sequence > self.acknowledged:
            self._acknowledged.write(sequence)

    def read(self, after: int, max_bytes: int) -> list[JournalRecord]:
        """Return the records after `after`, about `max_bytes` of them but at least one where there is one."""
        durable = self.durable
        if after >= durable:
            return []
        expected = after + 1
        if self._descriptor < 0 or self._next != expected:
            expected = self._seek(after)
        records: list[JournalRecord] = []
        taken = 0
        while taken < max_bytes and expected <= durable:
            frame = self._next_frame()
            if frame is None:
                if not self._advance(expected):
                    break
                continue
            if frame.sequence > durable:
                break
            if frame.sequence >= expected:
                self._note_gap(expected, frame.sequence)
                records.append(JournalRecord(self.partition, frame.sequence, decode(frame.payload)))
                taken += len(frame.payload)
                expected = frame.sequence + 1
            self._offset, self._next = frame.end, frame.sequence + 1
        return records

    def heads(self, after: int) -> list[tuple[int, RecordHead]]:
        """Return (sequence, head) of the retained records after `after`, without reading their lines."""
        found: list[tuple[int, RecordHead]] = []
        listed = segments.list_segments(self._folder)
        for number, (_, path) in enumerate(listed):
            if number + 1 < len(listed) and listed[number + 1][0] <= after + 1:
                continue
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:  # trimmed in the meantime
                continue
            try:
                found.extend(self._heads_of(descriptor, after))
            finally:
                os.close(descriptor)
        return found

    def close(self) -> None:
        """Close the files."""
        self._close_segment()
        self._durable.close()
        self._acknowledged.close()

    def _heads_of(self, descriptor: int, after: int) -> list[tuple[int, RecordHead]]:
        salt = segments.read_salt(descriptor, self.partition)
        found: list[tuple[int, RecordHead]] = []
        if salt is None:
            return found
        for sequence, offset, length in segments.walk_headers(descriptor, salt):
            if sequence > after:
                head = decode_head(os.pread(descriptor, min(length, _READ_AHEAD), offset))
                head = head or decode_head(os.pread(descriptor, length, offset))
                if head is not None:
                    found.append((sequence, head))
        return found

    def _next_frame(self) -> segments.Frame | None:
        """Return the next intact record of this segment, passing over damage; None at its end."""
        if self._salt is None:
            return None
        frame = segments.read_frame(self._descriptor, self._salt, self._offset)
        size = os.fstat(self._descriptor).st_size
        if frame is not None or self._offset >= size:
            return frame
        frame = segments.find_frame(self._descriptor, self._salt, self._offset + 1)
        if frame is None and not self._later(self._path):
            # the end of the newest segment: a write that is under way, or damage whose end is not known yet
            return None
        end = frame.offset if frame else size
        self._note(Damage(self.partition, self._name(), self._offset, end - self._offset, "damaged stretch"))
        self._offset = end
        return frame

    def _note_gap(self, expected: int, found: int) -> None:
        if found > expected:
            reason = f"sequences {expected} to {found - 1} are not there"
            self._note(Damage(self.partition, self._name(), self._offset, 0, reason, found - expected))

    def _note(self, damage: Damage) -> None:
        self.damaged_bytes += damage.size_bytes
        self.lost_records += damage.lost
        self.damages = [*self.damages[-999:], damage]

    def _name(self) -> str:
        return self._path.name if self._path else ""

    def _later(self, path: Path | None) -> list[Path]:
        return [other for _, other in segments.list_segments(self._folder) if path is None or other.name > path.name]

    def _seek(self, after: int) -> int:
        """Stand at the start of the segment that holds `after` + 1; return the sequence that must come next."""
        listed = segments.list_segments(self._folder)
        self._close_segment()
        fitting = [entry for entry in listed if entry[0] <= after + 1]
        first, path = fitting[-1] if fitting else listed[0]
        self._open_segment(path, first)
        trimmed = first > after + 1 and first - 1 <= self.acknowledged
        return first if trimmed else after + 1

    def _advance(self, expected: int) -> bool:
        """Go on to the next segment. Returns False where there is none yet."""
        later = self._later(self._path)
        if not later:
            return False
        self._close_segment()
        self._open_segment(later[0], expected)
        return True

    def _open_segment(self, path: Path, sequence: int) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._path = path
        self._salt = segments.read_salt(self._descriptor, self.partition)
        if self._salt is None:
            size = os.fstat(self._descriptor).st_size
            self._note(Damage(self.partition, path.name, 0, size, "the segment's header is damaged"))
        self._offset, self._next = segments.SEGMENT_HEADER_BYTES, sequence

    def _close_segment(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
