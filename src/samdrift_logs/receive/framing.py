"""Cut a syslog byte stream into lines: RFC 6587 in both its forms, decided anew at each frame.

A frame that begins with a number (first digit 1-9, at most seven digits) and a space is octet-counted, in bytes; one LF
at its end is rsyslog's and goes. Any other frame ends with LF or NUL, whichever comes first; a CR before it goes. Empty
lines are nothing. However the stream is cut into reads, the lines are the same.

References: RFC 6587 3.4.1 and 3.4.2; RFC 5425 4.3; rsyslog's omfwd puts a LF inside the counted frame.
"""

from __future__ import annotations

import re

import attrs

MAX_LINE_BYTES = 2 << 20
KEPT_BYTES = 64 << 10
_COUNT = re.compile(rb"([1-9][0-9]{0,6}) ")
_COUNT_BEGUN = re.compile(rb"[1-9][0-9]{0,6}\Z")
_NEXT_COUNT = re.compile(rb"[\n\0](?=[1-9][0-9]{0,6} )")


@attrs.define
class Cut:
    """What one read gave: whole lines, and lines that were refused, with the reason."""

    lines: list[bytes] = attrs.field(factory=list)
    rejects: list[tuple[bytes, str]] = attrs.field(factory=list)


class Framer:
    """Cuts the stream of one connection. Holds at most one unfinished frame, of at most `max_line` bytes."""

    def __init__(self, *, max_line: int = MAX_LINE_BYTES, kept: int = KEPT_BYTES):
        self._max_line = max_line
        self._kept = kept
        self._rest = b""
        self._skipped_start = b""  # the kept start of a line that is too long
        self._skipping = False
        self._skip_left = -1  # bytes of a counted frame still to skip; -1 when its end is a LF or NUL

    def feed(self, data: bytes) -> Cut:
        """Take what one read gave and return the lines that are whole now."""
        cut = Cut()
        if self._skipping:
            data = self._skip(data, cut)
        buffer = self._rest + data if self._rest else data
        at = 0
        while at < len(buffer):
            went = self._take(buffer, at, cut)
            if went < 0:
                break
            at = went
        self._rest = buffer[at:]
        return cut

    def finish(self) -> Cut:
        """Return what the end of the connection leaves: a last line without LF counts as whole."""
        cut = Cut()
        rest, self._rest = self._rest, b""
        counted = _COUNT.match(rest)
        if self._skipping:
            self._reject_long(cut)
        elif counted:
            cut.rejects.append((rest, "the connection ended inside a counted frame"))
        elif rest:
            self._split(rest, cut)
        return cut

    def _take(self, buffer: bytes, at: int, cut: Cut) -> int:
        """Take what begins at `at`; return where the next frame begins, or -1 when more bytes must come."""
        counted = _COUNT.match(buffer, at)
        if counted:
            return self._take_counted(buffer, counted, cut)
        if _COUNT_BEGUN.match(buffer, at):
            return -1  # digits at the end of the read: a count or not, the next byte tells
        following = _NEXT_COUNT.search(buffer, at)
        end = following.end() if following else max(buffer.rfind(b"\n", at), buffer.rfind(b"\0", at)) + 1
        if end > at:
            self._split(buffer[at:end], cut)
            return end
        if len(buffer) - at > self._max_line + 1:  # one more: a CR may come before the LF
            self._begin_skipping(buffer[at:], -1)
            return len(buffer)
        return -1

    def _take_counted(self, buffer: bytes, counted: re.Match[bytes], cut: Cut) -> int:
        start = counted.end()
        end = start + int(counted[1])
        if int(counted[1]) > self._max_line + 1:
            self._begin_skipping(buffer[start:end], end - start)
            if end > len(buffer):
                return len(buffer)
            self._reject_long(cut)
            return end
        if end > len(buffer):
            return -1
        line = buffer[start:end].removesuffix(b"\n")
        if line:
            self._keep([line], cut)
        return end

    def _split(self, block: bytes, cut: Cut) -> None:
        if b"\0" in block:
            block = block.replace(b"\0", b"\n")
        if b"\r\n" in block:
            block = block.replace(b"\r\n", b"\n")
        self._keep([line for line in block.split(b"\n") if line], cut)

    def _keep(self, lines: list[bytes], cut: Cut) -> None:
        if lines and max(map(len, lines)) > self._max_line:
            for line in lines:
                if len(line) > self._max_line:
                    cut.rejects.append((line[: self._kept], self._too_long()))
            lines = [line for line in lines if len(line) <= self._max_line]
        cut.lines.extend(lines)

    def _begin_skipping(self, came: bytes, whole: int) -> None:
        self._skipping = True
        self._skipped_start = came[: self._kept]
        self._skip_left = whole - len(came) if whole >= 0 else -1

    def _skip(self, data: bytes, cut: Cut) -> bytes:
        """Pass over the rest of a line that is too long; return what comes after it."""
        if self._skip_left >= 0:
            end = min(self._skip_left, len(data))
            self._skip_left -= end
            ended = self._skip_left == 0
            after = end
        else:
            ends = [place for place in (data.find(b"\n"), data.find(b"\0")) if place >= 0]
            ended, end = bool(ends), min(ends, default=len(data))
            after = end + 1
        missing = self._kept - len(self._skipped_start)
        self._skipped_start += data[: min(end, missing)] if missing > 0 else b""
        if ended:
            self._reject_long(cut)
        return data[after:]

    def _reject_long(self, cut: Cut) -> None:
        cut.rejects.append((self._skipped_start, self._too_long()))
        self._skipping, self._skipped_start, self._skip_left = False, b"", -1

    def _too_long(self) -> str:
        return f"longer than {self._max_line} bytes; the first {self._kept} are kept"
