"""What the `tasks` process does, and how often. Each runs inside the Scope over everyone that the process entered.

Two lanes, each in a thread of its own: what people wait for, and upkeep that may take minutes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

import attrs

from samdrift.foundation import outbox
from samdrift.soc import operations as soc
from samdrift.support import operations as support


@attrs.frozen
class Every:
    """Something to do again and again."""

    name: str
    seconds: float
    do: Callable[[dt.datetime], object]


@attrs.frozen
class Failed:
    """A round that ended with an error. It is tried again at its next time; nothing else waits for it."""

    name: str
    error: Exception


AWAITED: Sequence[Every] = (
    Every("hand out facts", 0.25, lambda now: outbox.dispatch(now=now)),
    Every("note breached clocks", 10, lambda now: support.note_breaches(at=now)),
    Every("write the source registry", 30, lambda now: soc.write_registry_snapshot(at=now)),
)
UPKEEP: Sequence[Every] = (
    Every("compact the lake", 180, lambda now: soc.compact_lake(at=now)),
    Every("end what is past its retention", 3600, lambda now: soc.retain_lake(at=now)),
    Every("delete what left the lake", 3600, lambda now: soc.vacuum_lake(at=now)),
    Every("shorten the ledger", 3600, lambda now: soc.retain_ledger(at=now)),  # often, so that each time is short
)


class Rounds:
    """One lane: remembers when each thing was last done."""

    def __init__(self, schedule: Sequence[Every]):
        self._schedule = schedule
        self._next: dict[str, dt.datetime] = {}

    def run_due(self, *, now: dt.datetime) -> Iterator[Failed]:
        """Do everything that is due; yield what failed.

        A clock that jumps back delays nothing by more than its pause.
        """
        for every in self._schedule:
            pause = dt.timedelta(seconds=every.seconds)
            due = self._next.get(every.name)
            if due is not None and now < due <= now + pause:
                continue
            self._next[every.name] = now + pause
            try:
                every.do(now)
            except Exception as error:  # a door: whatever fails here must not stop the rest
                yield Failed(every.name, error)
