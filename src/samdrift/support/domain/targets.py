"""What a leg is measured on: the subscribed level's targets, or a standard where a ticket has no subscription."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from samdrift.support.rules import Part

PRIORITIES = ("P1", "P2", "P3", "P4")
RESPOND, RESOLVE, ACKNOWLEDGE = "respond", "resolve", "acknowledge"

# Which clocks run on a leg. A receiver has until `respond` to accept; `resolve` starts when it holds the ticket.
METRICS_OF_PART: Mapping[Part, Sequence[str]] = {
    Part.HOLDER: (RESPOND, RESOLVE),
    Part.RECEIVER: (RESPOND,),
    Part.FOLLOWER: (ACKNOWLEDGE,),
}


@attrs.frozen(kw_only=True)
class ClockTarget:
    """How long a clock may run: `minutes` on the named calendar."""

    metric: str
    minutes: int
    calendar: str


@attrs.frozen(kw_only=True)
class Targets:
    """The targets of one level by (metric, priority), and the name of the level for explanations."""

    origin: str
    by_key: Mapping[tuple[str, str], ClockTarget]

    def of(self, metric: str, priority: str) -> ClockTarget:
        """Return the target of `metric` for `priority`, the standard's where the level has none."""
        return self.by_key.get((metric, priority)) or STANDARD.by_key[(metric, priority)]


def _standard() -> dict[tuple[str, str], ClockTarget]:
    hours = {RESPOND: (2, 4, 8, 16), RESOLVE: (8, 16, 24, 80), ACKNOWLEDGE: (1, 2, 4, 8)}
    return {
        (metric, priority): ClockTarget(metric=metric, minutes=60 * given, calendar="hverdage-8-16")
        for metric, row in hours.items()
        for priority, given in zip(PRIORITIES, row, strict=True)
    }


# The bronze class of the common catalogue, for tickets that no subscription covers.
STANDARD = Targets(origin="standard", by_key=_standard())
