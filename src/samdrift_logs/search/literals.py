"""What people write as numbers and times in a query."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import attrs

# The zone in which people here read the clock; a time with an offset or Z says its own.
ZONE = ZoneInfo("Europe/Copenhagen")

SEVERITIES = {
    name: number
    for number, names in enumerate(
        (
            ("emergency", "emerg"),
            ("alert",),
            ("critical", "crit"),
            ("error", "err", "fejl"),
            ("warning", "warn", "advarsel"),
            ("notice",),
            ("info", "informational"),
            ("debug",),
        )
    )
    for name in names
}

_DATE = r"(?:(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})|(?P<dday>\d{1,2})-(?P<dmonth>\d{1,2})-(?P<dyear>\d{4}))"
_TIME = r"(?:[T ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,6}))?)?)?"
_INSTANT = re.compile(_DATE + _TIME + r"(?P<zone>Z|[+-]\d{2}:?\d{2})?")


@attrs.frozen
class Stretch:
    """The time that a written instant covers: a day, a minute, a second … `end` is the first moment after."""

    start: dt.datetime
    end: dt.datetime


def read_instant(text: str, *, zone: dt.tzinfo = ZONE) -> Stretch | None:
    """Read 2026-11-23, 23-11-2026, 2026-11-23T14:05, 2026-11-23T14:05:09.123Z. None where it is no time."""
    found = _INSTANT.fullmatch(text.strip())
    if not found:
        return None
    part = found.groupdict()
    offset = _offset(part["zone"]) or zone
    try:
        start = dt.datetime(
            int(part["year"] or part["dyear"]),
            int(part["month"] or part["dmonth"]),
            int(part["day"] or part["dday"]),
            int(part["hour"] or 0),
            int(part["minute"] or 0),
            int(part["second"] or 0),
            int((part["fraction"] or "").ljust(6, "0") or 0),
            tzinfo=offset,
        )
        if part["hour"] is None:  # the next midnight by the clock on the wall: a day may have 23 or 25 hours
            end = dt.datetime.combine(start.date() + dt.timedelta(days=1), dt.time(), tzinfo=offset)
        else:
            end = start.astimezone(dt.UTC) + _precision(part)
    except (ValueError, OverflowError):
        return None
    return Stretch(start.astimezone(dt.UTC), end.astimezone(dt.UTC))


def _offset(zone: str | None) -> dt.tzinfo | None:
    if not zone:
        return None
    return dt.UTC if zone == "Z" else dt.datetime.strptime(zone, "%z").tzinfo


def _precision(part: dict[str, str | None]) -> dt.timedelta:
    if part["fraction"]:
        return dt.timedelta(microseconds=10 ** (6 - len(part["fraction"])))
    return dt.timedelta(seconds=1) if part["second"] else dt.timedelta(minutes=1)


def read_whole_number(text: str, *, column: str) -> int | None:
    """Read a whole number of at most 18 digits, or a syslog severity by name. None where it is neither."""
    if column == "severity" and text.lower() in SEVERITIES:
        return SEVERITIES[text.lower()]
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None


def read_number(text: str) -> float | None:
    """Read a number with a decimal point. None where it is none."""
    return float(text) if re.fullmatch(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?", text) else None
