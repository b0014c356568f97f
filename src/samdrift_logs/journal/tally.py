"""Counts what the journal made durable, and writes it to the ledger about once a second.

What was counted but not written when the process died is counted again from the journal at the next start: the ledger's
mark says where to begin, and the journal trims nothing that is not counted.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from samdrift_logs.errors import StorageFailed
from samdrift_logs.journal.journal import Committed, Journal
from samdrift_logs.journal.ledger import Ledger, Received, minute_of


class Tally:
    """The receiving hand of the ledger. `catch_up` before the first append, then `on_committed`, `flush` and `trim`."""

    def __init__(self, journal: Journal, ledger: Ledger):
        self._journal = journal
        self._ledger = ledger
        self._lock = threading.Lock()
        self._pending: dict[int, list[Received]] = {}
        self._through: dict[int, int] = {}

    def catch_up(self) -> int:
        """Count what the journal holds and the ledger does not; return how many records that was."""
        counted = 0
        for partition in range(self._journal.partitions):
            after = self._ledger.counted_through(partition)
            reader = self._journal.reader(partition)
            try:
                found = [
                    Received(
                        sequence=sequence,
                        organisation=head.organisation,
                        source=head.source,
                        minute=minute_of(head.received_at),
                        count=head.count,
                    )
                    for sequence, head in reader.heads(after)
                    if sequence <= reader.durable
                ]
            finally:
                reader.close()
            self._ledger.count_received(partition, found)
            self._through[partition] = max([after, *(entry.sequence for entry in found)])
            counted += len(found)
        return counted

    def on_committed(self, committed: Sequence[Committed]) -> None:
        """Take note of durable batches. Called by the journal's committing thread; does no input or output."""
        with self._lock:
            for entry in committed:
                batch, receipt = entry.batch, entry.receipt
                self._pending.setdefault(receipt.partition, []).append(
                    Received(
                        sequence=receipt.sequence,
                        organisation=batch.organisation,
                        source=batch.source,
                        minute=minute_of(batch.received_at),
                        count=receipt.count,
                    )
                )

    def flush(self) -> None:
        """Write what was counted. Raises StorageFailed; the figures are then kept for the next time."""
        with self._lock:
            pending, self._pending = self._pending, {}
        for partition, entries in sorted(pending.items()):
            try:
                self._ledger.count_received(partition, entries)
            except StorageFailed:
                with self._lock:
                    for left, kept in pending.items():
                        if left >= partition:
                            self._pending[left] = kept + self._pending.get(left, [])
                raise
            self._through[partition] = max(entry.sequence for entry in entries)

    def trim(self) -> int:
        """Let the journal delete what is acknowledged and counted; return how many segments went."""
        return self._journal.trim(self._through)
