"""Writing log queries for the reader: a value added, left out, or searched for alone; and the time range asked for.

The language itself is read by the log pipeline; here are only the few forms that links on a page need. Pure.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import attrs
from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from samdrift.web import words

_PLAIN_NAME = re.compile(r"[^\W\d](?:[\w.@\-]*\w)?")
_EITHER = re.compile(r"\b(?:OR|ELLER)\b")

RANGES: dict[str, timedelta] = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
OWN = "own"
AROUND = timedelta(minutes=15)
YEARS = range(2000, 2100)  # when lines are received; beyond, the arithmetic of times itself comes to an end


def term(field: str, value: str) -> str:
    """Return `field:"value"`, which means exactly this value whatever characters it holds."""
    name = field if _PLAIN_NAME.fullmatch(field) else _quoted(field)
    return f"{name}:{_quoted(value)}"


def added(query: str, field: str, value: str) -> str:
    """Return `query` narrowed to rows where `field` is `value`."""
    return f"{_whole(query)} {term(field, value)}".strip()


def excluded(query: str, field: str, value: str) -> str:
    """Return `query` without the rows where `field` is `value`."""
    return f"{_whole(query)} NOT {term(field, value)}".strip()


def _whole(query: str) -> str:
    """Return a query so that a word after it narrows all of it, not only its last alternative."""
    stripped = query.strip()
    return f"({stripped})" if _EITHER.search(stripped) else stripped


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@attrs.frozen(kw_only=True)
class TimeRange:
    """The time searched: a length back from now, or two given ends."""

    since: datetime
    until: datetime
    chosen: str

    @property
    def since_local(self) -> str:
        """The start as a datetime-local field writes it."""
        return _local(self.since)

    @property
    def until_local(self) -> str:
        """The end as a datetime-local field writes it."""
        return _local(self.until)


class RangeRefused(ValueError):
    """The time range cannot be searched. Its text says why, for the reader."""


def time_range(given: QueryDict, *, now: datetime, default: str = "24h") -> TimeRange:
    """Read the range from a page's address: `range`, or `since` and `until` in Copenhagen time.

    Raises RangeRefused where the ends are no times, in the wrong order, or in a year that no log is of.
    """
    chosen = given.get("range", OWN if given.get("since") else default)
    if chosen in RANGES:
        return last(chosen, now=now)
    since = _instant(given.get("since", ""), fallback=now - RANGES[default])
    until = _instant(given.get("until", ""), fallback=now)
    if since >= until:
        raise RangeRefused(_("The time range ends before it begins. Turn the two times round."))
    return TimeRange(since=since, until=until, chosen=OWN)


def range_names() -> list[tuple[str, str]]:
    """Return the ranges with their names."""
    return [
        ("15m", _("Last 15 minutes")),
        ("1h", _("Last hour")),
        ("4h", _("Last 4 hours")),
        ("24h", _("Last 24 hours")),
        ("7d", _("Last 7 days")),
        ("30d", _("Last 30 days")),
    ]


def last(chosen: str, *, now: datetime) -> TimeRange:
    """Return the stretch of RANGES called `chosen`, back from now."""
    return TimeRange(since=now - RANGES[chosen], until=now, chosen=chosen)


def _instant(text: str, *, fallback: datetime) -> datetime:
    if not text:
        return fallback
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise RangeRefused(_("“%(text)s” is no time. Write it as 2026-11-23T14:20.") % {"text": text})
    if moment.year not in YEARS:
        given = {"text": text, "first": YEARS[0], "last": YEARS[-1]}
        raise RangeRefused(
            _("“%(text)s” is in a year that no log is of. Choose one from %(first)d to %(last)d.") % given
        )
    return moment if moment.tzinfo else moment.replace(tzinfo=words.COPENHAGEN)


def _local(moment: datetime) -> str:
    return moment.astimezone(words.COPENHAGEN).strftime("%Y-%m-%dT%H:%M:%S")


def seconds(count: int) -> timedelta:
    """Return a length of time."""
    return timedelta(seconds=count)
