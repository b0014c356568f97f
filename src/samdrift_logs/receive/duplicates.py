"""Remembers which documents were delivered, so that a client that sends again after a lost answer stores nothing twice.

A key is made of the source and the document's `_id`. Keys travel in the journal's records, from where they are restored
at start. Bounded: the oldest go first.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from uuid import UUID

from samdrift_logs.journal import Journal

REMEMBERED = 500_000


def delivery_key(source: UUID, document_id: str) -> bytes:
    """Return the 16-byte key of a document of a source."""
    return hashlib.blake2b(source.bytes + document_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Delivered:
    """The keys of documents that are in the journal, and of those that are on their way into it."""

    def __init__(self, limit: int = REMEMBERED):
        self._limit = limit
        self._known: dict[bytes, None] = {}
        self._under_way: dict[bytes, asyncio.Future[None]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, key: bytes) -> bool:
        return key in self._known

    def restore(self, journal: Journal) -> int:
        """Take the keys of all records that the journal still has, oldest first; return how many there were."""
        dated = []
        for partition in range(journal.partitions):
            reader = journal.reader(partition)
            dated += [(head.received_at, head.keys) for _, head in reader.heads(0) if head.keys]
            reader.close()
        for _, keys in sorted(dated, key=lambda entry: entry[0]):
            self.remember(keys)
        return sum(len(keys) for _, keys in dated)

    def remember(self, keys: Iterable[bytes]) -> None:
        """Take keys as delivered."""
        for key in keys:
            self._known[key] = None
        for _ in range(len(self._known) - self._limit):
            del self._known[next(iter(self._known))]

    async def settle(self, keys: Sequence[bytes]) -> None:
        """Wait until none of `keys` is on its way in another request."""
        while waiting := {self._under_way[key] for key in keys if key in self._under_way}:
            await asyncio.wait(waiting)

    def begin(self, keys: Sequence[bytes]) -> asyncio.Future[None]:
        """Say that `keys` are on their way; the future goes to `end`. Call right after `settle`, without an await."""
        future = asyncio.get_running_loop().create_future()
        for key in keys:
            self._under_way[key] = future
        return future

    def end(self, keys: Sequence[bytes], future: asyncio.Future[None], *, stored: bool) -> None:
        """Say that `keys` are in the journal, or that they did not get there."""
        for key in keys:
            self._under_way.pop(key, None)
        if stored:
            self.remember(keys)
        if not future.done():
            future.set_result(None)
