"""Many literals in many values with one scan.

The folded values are laid one after the other with \\x01 between them, so that a prefix is the literal "\\x01abc", a
suffix "abc\\x01" and equality "\\x01abc\\x01". Hyperscan finds all of them in one pass; `PlainScanner` is its twin in
plain Python, which tests hold equal. A hit is a reason to ask, never a verdict, so a value that itself holds \\x01
costs time and nothing else.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from typing import Protocol

import hyperscan

from samdrift_logs.detect.expressions import Position

_BETWEEN = b"\x01"
# Hyperscan's binding takes literals up to the first NUL, so NUL stands as \x02 on both sides.
_NUL, _FOR_NUL = b"\x00", b"\x02"


class Scanner(Protocol):
    """Finds literals in values."""

    def scan(self, values: Sequence[bytes]) -> list[tuple[int, int]]:
        """Return pairs (place of the value, place of the literal), in no order, repeats allowed."""


def literal_bytes(text: str, position: Position) -> bytes:
    """Return the bytes to look for."""
    body = text.encode().replace(_NUL, _FOR_NUL)
    before = _BETWEEN if position in {Position.EQUALS, Position.STARTS} else b""
    after = _BETWEEN if position in {Position.EQUALS, Position.ENDS} else b""
    return before + body + after


class HyperscanScanner:
    """One Hyperscan database of pure literals. Not for use by several threads at once."""

    def __init__(self, database: hyperscan.Database) -> None:
        self._database = database
        self._scratch = hyperscan.Scratch(database)

    @classmethod
    def compiled(cls, literals: Sequence[bytes]) -> HyperscanScanner:
        """Compile `literals`, none of them empty."""
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=list(literals), ids=list(range(len(literals))), elements=len(literals), flags=0, literal=True
        )
        return cls(database)

    @classmethod
    def loaded(cls, serialised: bytes) -> HyperscanScanner:
        """Load what `dumped` gave. Raises hyperscan.HyperscanError where this machine cannot run it."""
        return cls(hyperscan.loadb(serialised, hyperscan.HS_MODE_BLOCK))

    def dumped(self) -> bytes:
        """Return the database as bytes for `loaded`."""
        return bytes(hyperscan.dumpb(self._database))

    def scan(self, values: Sequence[bytes]) -> list[tuple[int, int]]:
        """See Scanner."""
        text = (_BETWEEN + _BETWEEN.join(values) + _BETWEEN).replace(_NUL, _FOR_NUL)
        ends, found = self.scan_text(text)
        # The end of value i, with the separator after it, is borders[i].
        borders = list(itertools.accumulate((len(value) + 1 for value in values), initial=1))[1:]
        places = (bisect.bisect_left(borders, end) for end in ends)
        return [(min(place, len(values) - 1), literal) for place, literal in zip(places, found, strict=True)]

    def scan_text(self, text: bytes | memoryview) -> tuple[list[int], list[int]]:
        """Look through values that are already framed. Return where each find ends, and which literal it is."""
        ends: list[int] = []
        found: list[int] = []

        def on_match(literal: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append(literal)
            ends.append(end)

        self._database.scan(text, match_event_handler=on_match, scratch=self._scratch)  # type: ignore[type-var]
        return ends, found


class PlainScanner:
    """The twin in plain Python: slow, obviously right."""

    def __init__(self, literals: Sequence[bytes]) -> None:
        self._literals = literals

    def scan(self, values: Sequence[bytes]) -> list[tuple[int, int]]:
        """See Scanner."""
        framed = [(_BETWEEN + value + _BETWEEN).replace(_NUL, _FOR_NUL) for value in values]
        return [
            (place, number)
            for place, value in enumerate(framed)
            for number, literal in enumerate(self._literals)
            if literal in value
        ]
