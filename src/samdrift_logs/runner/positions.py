"""Where a worker is in the partitions it leases: what is read, what waits to be stored, what must be tried again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

import attrs
import pyarrow as pa

from samdrift_logs.detect import Alert
from samdrift_logs.journal import JournalRecord, Reader, Settlement, minute_of
from samdrift_logs.runner.stages import Count, Outcome


@attrs.define
class Pause:
    """Growing pauses between tries."""

    failures: int = 0
    until: float = 0.0

    def begin(self, *, first_s: float, longest_s: float) -> None:
        """Begin the next pause: twice as long as the one before, at most `longest_s`."""
        self.until = time.monotonic() + min(longest_s, first_s * 2 ** min(self.failures, 30))
        self.failures += 1

    def over(self) -> bool:
        """Tell whether it is time to try again."""
        return time.monotonic() >= self.until


@attrs.define
class Held:
    """What waits to be stored in one commit, and up to which sequence it goes."""

    through: int
    events: list[pa.Table] = attrs.field(factory=list)
    rejects: list[pa.Table] = attrs.field(factory=list)
    settlements: list[Settlement] = attrs.field(factory=list)
    rows: int = 0
    oldest: float | None = None  # monotonic time since when something waits

    def take(self, records: Sequence[JournalRecord], outcome: Outcome) -> None:
        """Add what came of some records."""
        if outcome.events.table.num_rows:
            self.events.append(outcome.events.table)
        if outcome.rejects.table.num_rows:
            self.rejects.append(outcome.rejects.table)
        self.settlements += _settlements(records, outcome.counts)
        self.rows += outcome.events.table.num_rows + outcome.rejects.table.num_rows + len(records)
        self.oldest = self.oldest or time.monotonic()


@attrs.define
class Partition:
    """Where a worker is in one partition it leases.

    `held` is being filled; `storing` is with the storing thread, or waits to be tried again when `task` is None.
    """

    number: int
    reader: Reader
    after: int  # read and detected up to here
    held: Held
    storing: Held | None = None
    task: Future[None] | None = None
    waiting: Sequence[Alert] = ()  # alerts that the sink has not taken yet
    sink_pause: Pause = attrs.field(factory=Pause)
    lake_pause: Pause = attrs.field(factory=Pause)

    def shown(self) -> Mapping[str, int]:
        """Return what `soc` shows of this partition."""
        return {
            "partition": self.number,
            "durable": self.reader.durable,
            "read": self.after,
            "acknowledged": self.reader.acknowledged,
            "rows_waiting": self.held.rows + (self.storing.rows if self.storing else 0),
            "alerts_waiting": len(self.waiting),
        }


def _settlements(records: Sequence[JournalRecord], counts: Sequence[Count]) -> list[Settlement]:
    by_sequence = {record.sequence: record.batch for record in records}
    return [
        Settlement(
            sequence=count.sequence,
            organisation=by_sequence[count.sequence].organisation,
            source=by_sequence[count.sequence].source,
            minute=minute_of(by_sequence[count.sequence].received_at),
            stored=count.stored,
            rejected=dict(count.reasons),
            duplicate=count.duplicate,
        )
        for count in counts
    ]
