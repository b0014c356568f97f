"""Instants as senders write them, to aware UTC datetimes. An impossible clock gives None: the text stays in raw."""

from __future__ import annotations

import datetime as dt
import functools

# A sender without a year in its stamp may be this far ahead of us before we take the stamp for last year's.
AHEAD = dt.timedelta(days=7)
MONTHS = {
    name: n
    for n, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], start=1
    )
}


@functools.lru_cache(maxsize=4096)
def parse_iso(text: str, zone: dt.tzinfo = dt.UTC) -> dt.datetime | None:
    """Return an ISO 8601 / RFC 3339 instant in UTC; `zone` where the text has no offset. Digits past µs are cut."""
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return _in_utc(instant, zone)


@functools.lru_cache(maxsize=4096)
def parse_stamp(text: str, received_date: dt.date, zone: dt.tzinfo) -> dt.datetime | None:
    """Return an RFC 3164 stamp (`Nov 23 20:14:05`, local time, no year) in UTC.

    The year is the latest one that does not put the stamp more than a week after the day it was received, so that
    a line of 31 December that arrives in January is last year's. 29 February finds the last leap year.
    """
    try:
        month, day, clock = text.split()
        hour, minute, second = clock.split(":")
        whole_second, _, fraction = second.partition(".")
        parts = (MONTHS[month[:3].title()], int(day), int(hour), int(minute), int(whole_second))
        micros = int(fraction[:6].ljust(6, "0")) if fraction else 0
    except (ValueError, KeyError):
        return None
    for year in range(received_date.year + 1, received_date.year - 5, -1):
        try:
            instant = dt.datetime(year, *parts, micros, tzinfo=zone)
        except ValueError:
            continue
        if instant.date() <= received_date + AHEAD:
            return _in_utc(instant, zone)
    return None


def parse_epoch(value: float | str) -> dt.datetime | None:
    """Return seconds, milliseconds, micro- or nanoseconds since 1970 (told apart by size) as an instant in UTC."""
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    for limit, scale in ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9)):
        if 0 <= number < limit:
            try:
                return possible(dt.datetime.fromtimestamp(number / scale, dt.UTC))
            except (ValueError, OverflowError, OSError):
                return None
    return None


def possible(instant: dt.datetime) -> dt.datetime | None:
    """Return the instant, or None for a year that no clock of ours will show: such values overflow further on."""
    return instant if 1970 <= instant.year < 2200 else None


def _in_utc(instant: dt.datetime, zone: dt.tzinfo) -> dt.datetime | None:
    if possible(instant) is None:
        return None
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(dt.UTC)
