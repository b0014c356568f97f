"""Realistic logs, seeded: `make_stream` gives one feed's lines without end, in the exact format its source sends."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

from samdrift.cli.demo import syslog_day
from samdrift.cli.demo.people import Municipality
from samdrift.cli.demo.plan import Feed, FeedKind
from samdrift.cli.demo.windows_day import WindowsDay

Stream = Callable[[dt.datetime], bytes]
_SYSLOG = {
    FeedKind.LINUX: syslog_day.linux_line,
    FeedKind.FORTIGATE: syslog_day.fortigate_line,
    FeedKind.SQUID: syslog_day.squid_line,
}


def make_stream(feed: Feed, municipality: Municipality, *, seed: int) -> Stream:
    """Return a function that gives the feed's next line as it would be written at an instant (aware).

    The same seed, feed name and instants give the same lines. A Windows feed without hosts speaks for the employees'
    own computers.
    """
    chance = random.Random(f"{seed}/{feed.name}")
    hosts = feed.hosts or tuple(person.computer for person in municipality.people[:40])
    if feed.kind is FeedKind.WINDOWS:
        return WindowsDay(municipality, hosts, chance).line
    make = _SYSLOG[feed.kind]
    return lambda at: make(municipality, chance.choice(hosts), at, chance)
