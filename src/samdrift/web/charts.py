"""Charts as numbers for the templates to draw as SVG. Pure: no request, no database.

A chart is 1000 units wide and stretched to its place; words stand in HTML around it, so that they never stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs

from samdrift.web import words

WIDTH = 1000.0
HEIGHT = 100.0


@attrs.frozen(kw_only=True)
class Bucket:
    """One stretch of time and what was counted in it."""

    since: datetime
    until: datetime
    count: int
    address: str = ""
    tone: str = ""


@attrs.frozen(kw_only=True)
class Bar:
    """A bucket with its place in the chart, in chart units from the upper left."""

    x: float
    y: float
    width: float
    height: float
    slot_x: float
    slot_width: float
    count: int
    since: datetime
    until: datetime
    address: str
    tone: str


@attrs.frozen(kw_only=True)
class Histogram:
    """Bars over time. `ticks` are the words below, evenly spread; `most` is the height of the tallest bar."""

    bars: tuple[Bar, ...]
    ticks: tuple[str, ...]
    most: int
    total: int
    since: datetime
    until: datetime

    @property
    def since_ms(self) -> int:
        """The left edge in milliseconds since 1970, for the script that reads a dragged range."""
        return int(self.since.timestamp() * 1000)

    @property
    def until_ms(self) -> int:
        """The right edge in milliseconds since 1970."""
        return int(self.until.timestamp() * 1000)

    @property
    def width_of_a_bar(self) -> timedelta:
        """How much time one bar covers."""
        first = self.bars[0]
        return first.until - first.since


def histogram(buckets: Sequence[Bucket], *, ticks: int = 5) -> Histogram | None:
    """Place `buckets` (in time order, adjoining) in a chart. Returns None where there are none."""
    if not buckets:
        return None
    since, until = buckets[0].since, buckets[-1].until
    whole = (until - since).total_seconds() or 1.0
    most = max(bucket.count for bucket in buckets)
    return Histogram(
        bars=tuple(_bar(bucket, since=since, whole=whole, most=most) for bucket in buckets),
        ticks=_ticks(since, until, count=ticks),
        most=most,
        total=sum(bucket.count for bucket in buckets),
        since=since,
        until=until,
    )


def _bar(bucket: Bucket, *, since: datetime, whole: float, most: int) -> Bar:
    x = (bucket.since - since).total_seconds() / whole * WIDTH
    width = (bucket.until - bucket.since).total_seconds() / whole * WIDTH
    # A single hit among millions must still be seen: no bar that has any is lower than two units.
    height = max(2.0, bucket.count / most * HEIGHT) if bucket.count and most else 0.0
    gap = min(1.5, width * 0.15)
    return Bar(
        x=round(x + gap / 2, 2),
        y=round(HEIGHT - height, 2),
        width=round(max(0.5, width - gap), 2),
        height=round(height, 2),
        slot_x=round(x, 2),
        slot_width=round(width, 2),
        count=bucket.count,
        since=bucket.since,
        until=bucket.until,
        address=bucket.address,
        tone=bucket.tone,
    )


def _ticks(since: datetime, until: datetime, *, count: int) -> tuple[str, ...]:
    step = (until - since) / (count - 1)
    shown = "%d-%m %H:%M" if until - since > timedelta(hours=20) else "%H:%M"
    if until - since <= timedelta(minutes=10):
        shown = "%H:%M:%S"
    return tuple((since + step * place).astimezone(words.COPENHAGEN).strftime(shown) for place in range(count))
