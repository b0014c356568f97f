"""What all doors share: the way into the journal, the registry, and the counters of what came and what was refused."""

from __future__ import annotations

import asyncio
import collections
import datetime as dt
from collections.abc import Callable, Sequence

import attrs

from samdrift_logs.errors import StorageFailed
from samdrift_logs.events import RawBatch
from samdrift_logs.events.sources import RegistryFile, SourceRegistry
from samdrift_logs.journal import Journal, Receipt

REMEMBERED_PEERS = 1000
OTHER_PEERS = "(others)"
UNKNOWN_PEER = "(unknown)"


@attrs.define
class DoorCounters:
    """What one door has taken since its process began."""

    connections: int = 0
    batches: int = 0
    lines: int = 0
    bytes: int = 0
    rejects: int = 0
    duplicates: int = 0
    lost: int = 0  # datagrams that the kernel dropped, lines that a stop left unsynced: loss is told, never hidden


@attrs.define
class Refusals:
    """Who was refused, by door and peer, with the last reason. Bounded: a scan cannot fill the memory."""

    counts: collections.Counter[tuple[str, str]] = attrs.field(factory=collections.Counter)
    reasons: dict[tuple[str, str], str] = attrs.field(factory=dict)

    def note(self, door: str, peer: str, reason: str, count: int) -> None:
        """Count a refusal."""
        key = (door, peer)
        if key not in self.counts and len(self.counts) >= REMEMBERED_PEERS:
            key = (door, OTHER_PEERS)
        self.counts[key] += count
        self.reasons[key] = reason

    def shown(self) -> list[dict[str, object]]:
        """Return the refusals, the most frequent first."""
        return [
            {"door": door, "peer": peer, "count": count, "reason": self.reasons[door, peer]}
            for (door, peer), count in self.counts.most_common()
        ]


class Intake:
    """The way from the doors into the journal, for one event loop."""

    def __init__(
        self,
        journal: Journal,
        registry: RegistryFile,
        *,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ):
        self.journal = journal
        self.now = now
        self.counters: dict[str, DoorCounters] = {}
        self.refusals = Refusals()
        self.last_problem: str | None = None
        self.storage_failures = 0
        self._registry = registry

    @property
    def registry(self) -> SourceRegistry:
        """The registry in force; a change is seen within half a second."""
        return self._registry.current()

    @property
    def registry_problem(self) -> str | None:
        """What is wrong with the registry's file, if anything."""
        return self._registry.problem

    def door(self, name: str) -> DoorCounters:
        """Return the counters of a door."""
        return self.counters.setdefault(name, DoorCounters())

    def refuse(self, door: str, peer: str, reason: str, count: int = 1) -> None:
        """Count something whose owner is not known, so that no ledger can carry it."""
        self.refusals.note(door, peer, reason, count)

    async def accept(self, batch: RawBatch, keys: Sequence[bytes] = ()) -> Receipt:
        """Store a batch and return its receipt after the fdatasync. Raises StorageFailed; nothing was then taken."""
        try:
            (receipt,) = await asyncio.wrap_future(self.journal.append_soon([batch], keys=[keys]))
        except StorageFailed as error:
            self.storage_failures += 1
            self.last_problem = str(error)
            raise
        counters = self.door(batch.door)
        counters.batches += 1
        counters.lines += len(batch.lines)
        counters.bytes += sum(map(len, batch.lines))
        counters.rejects += len(batch.rejects)
        counters.duplicates += batch.duplicates
        return receipt

    def shown(self) -> dict[str, object]:
        """Return what `soc` shows of this process."""
        registry = self.registry
        return {
            "doors": {name: attrs.asdict(counters) for name, counters in sorted(self.counters.items())},
            "refused": self.refusals.shown(),
            "registry": {
                "version": registry.version,
                "sources": len(registry.sources),
                "problem": self.registry_problem,
                "conflicts": list(registry.conflicts),
            },
            "journal": {
                "backlog_bytes": self.journal.backlog_bytes,
                "storage_failures": self.storage_failures,
                "last_problem": self.last_problem,
                "damages_at_start": [attrs.asdict(damage) for damage in self.journal.recovered],
            },
        }
