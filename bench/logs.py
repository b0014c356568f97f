"""The logs of the benchmark, made before anything is measured: whole HTTP bodies and syslog frames, ready to send.

Five municipalities with the demo's sources and shares. One line in `ATTACK_EVERY` of the Windows and Linux sources
belongs to an attack, and carries a number by which its alert is recognised. Both rule sets know the Windows one.
"""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
from collections.abc import Iterator, Sequence
from uuid import UUID, uuid5

import attrs

from samdrift.cli.demo.generate import Stream, make_stream
from samdrift.cli.demo.people import Municipality, make_municipality
from samdrift.cli.demo.plan import Feed, FeedKind
from samdrift.cli.demo.story import make_story
from samdrift_logs.events.sources import OrganisationName, Source, SourceRegistry, token_digest

ATTACK_EVERY = 50
BULK_LINES = 500  # of one request, as the demo's senders do it
FRAME_LINES = 200  # of one write to a syslog connection
TOWNS = ("Assens", "Odense", "Aarhus", "Aalborg", "Roskilde")
# (name, kind, source type, share): the mix of the demo's federation
KINDS = (
    ("Windows-servere", FeedKind.WINDOWS, "winlogbeat", 3),
    ("Medarbejder-pc'er", FeedKind.WINDOWS, "winlogbeat", 2),
    ("Linux-servere", FeedKind.LINUX, "linux_auth", 1),
    ("Firewall", FeedKind.FORTIGATE, "fortigate", 3),
    ("Webproxy", FeedKind.SQUID, "squid", 1),
)
_NAMES = UUID("7c1c1f4e-0d36-4a4b-9a8e-0d1f6f2b9c55")


@attrs.frozen
class Parcel:
    """What one write to a socket carries: a bulk body, or frames. `attacks` are the numbers of the marked lines."""

    payload: bytes
    lines: int
    attacks: tuple[int, ...]


@attrs.define
class Shipper:
    """One sender, its source in the registry, and what it will send in each phase."""

    feed: Feed
    source: Source
    parcels: dict[str, list[Parcel]] = attrs.field(factory=lambda: {"warm_up": [], "steady": [], "burst": []})
    lines: int = 0

    def marks(self) -> set[int]:
        """Return the numbers of all its attack lines."""
        return {mark for parcels in self.parcels.values() for parcel in parcels for mark in parcel.attacks}

    @property
    def is_bulk(self) -> bool:
        """Tell whether it speaks `_bulk`, with a token; the others speak syslog from an address of their own."""
        return self.feed.kind is FeedKind.WINDOWS


@attrs.define
class Made:
    """What was made. `json_lines` are the lines of the burst that are JSON, for the yardstick."""

    shippers: list[Shipper]
    json_lines: list[bytes] = attrs.field(factory=list)
    raw_bytes: int = 0
    lines: int = 0


def organisation_of(town: str) -> UUID:
    """Return the id of a municipality, the same in every run: it decides the journal's partition."""
    return uuid5(_NAMES, town)


def registry_of(shippers: Sequence[Shipper]) -> SourceRegistry:
    """Return the registry that knows the shippers."""
    return SourceRegistry(
        version=1,
        written_at=dt.datetime.now(dt.UTC),
        organisations=tuple(OrganisationName(id=organisation_of(town), name=town) for town in TOWNS),
        sources=tuple(shipper.source for shipper in shippers),
    )


class Maker:
    """Makes the lines. The same seed gives the same lines but for their times."""

    def __init__(self, *, seed: int):
        self._seed = seed
        self._numbers = itertools.count(1)
        self._attacks = itertools.count(1)
        towns = {name: make_municipality(name, seed=seed) for name in TOWNS}
        self.made = Made(
            [_shipper(towns[name], number, place) for number, name in enumerate(TOWNS) for place in range(len(KINDS))]
        )
        feeds = [shipper.feed for shipper in self.made.shippers]
        self._streams = {feed.name: make_stream(feed, towns[feed.municipality], seed=seed) for feed in feeds}
        self._attack_lines = {feed.name: _attack(towns[feed.municipality], feed, seed) for feed in feeds}

    def fill_warm_up(self, lines: int) -> None:
        """Make what is sent before anything is measured."""
        for shipper, _, wanted in self._parts(lines):
            shipper.parcels["warm_up"] = list(self._parcels(shipper, wanted, BULK_LINES, burst=False))

    def fill_steady(self, *, rate: float, seconds: float, every_s: float) -> None:
        """Make one parcel per shipper and `every_s`, so that all together send `rate` lines a second."""
        for shipper, share, _ in self._parts(0):
            per_parcel = max(1, round(rate * every_s * share))
            for _ in range(round(seconds / every_s)):
                shipper.parcels["steady"] += self._parcels(shipper, per_parcel, per_parcel, burst=False)

    def fill_burst(self, lines: int) -> None:
        """Make what is sent as fast as the doors take it."""
        for shipper, _, wanted in self._parts(lines):
            size = BULK_LINES if shipper.is_bulk else FRAME_LINES
            shipper.parcels["burst"] = list(self._parcels(shipper, wanted, size, burst=True))

    def _parts(self, lines: int) -> Iterator[tuple[Shipper, float, int]]:
        whole = sum(share for *_, share in KINDS) * len(TOWNS)
        for shipper in self.made.shippers:
            yield shipper, shipper.feed.share / whole, max(1, round(lines * shipper.feed.share / whole))

    def _parcels(self, shipper: Shipper, lines: int, size: int, *, burst: bool) -> Iterator[Parcel]:
        for first in range(0, lines, size):
            made = [self._line(shipper) for _ in range(min(size, lines - first))]
            self.made.lines += len(made)
            self.made.raw_bytes += sum(len(line) for line, _ in made)
            if burst and shipper.is_bulk:
                self.made.json_lines += [line for line, _ in made]
            yield Parcel(
                self._body([line for line, _ in made]) if shipper.is_bulk else _frames([line for line, _ in made]),
                len(made),
                tuple(number for _, number in made if number is not None),
            )

    def _line(self, shipper: Shipper) -> tuple[bytes, int | None]:
        at = dt.datetime.now(dt.UTC)
        shipper.lines += 1
        attack_line = self._attack_lines[shipper.feed.name]
        if attack_line is None or shipper.lines % ATTACK_EVERY:
            return self._streams[shipper.feed.name](at), None
        attack = next(self._attacks)
        return _marked(attack_line(at), attack, is_json=shipper.is_bulk), attack

    def _body(self, lines: Sequence[bytes]) -> bytes:
        """Return a bulk body as Winlogbeat sends it: with `_id`s, gzip at its default level 1."""
        action = b'{"create":{"_index":"winlogbeat-8.15.3","_id":"bench-%d"}}\n%s\n'
        return gzip.compress(b"".join(action % (next(self._numbers), line) for line in lines), 1)


def _shipper(town: Municipality, number: int, place: int) -> Shipper:
    name, kind, source_type, share = KINDS[place]
    upper = town.slug.upper()
    hosts = {
        "Windows-servere": tuple(f"{upper}-{suffix}" for suffix in ("FS01", "AD01", "SQL01", "APP01", "PRINT01")),
        "Linux-servere": (f"{town.slug}-web01",),
        "Firewall": (f"{town.slug}-fw01",),
        "Webproxy": (f"{town.slug}-proxy01",),
    }.get(name, ())
    is_bulk = kind is FeedKind.WINDOWS
    feed = Feed(
        name=f"{town.name}: {name}",
        kind=kind,
        municipality=town.name,
        hosts=hosts,
        share=share,
        token=f"bench-{town.slug}-{place}" if is_bulk else None,
        bind=None if is_bulk else f"127.{101 + number}.1.{10 + place}",
    )
    source = Source(
        id=uuid5(_NAMES, feed.name),
        organisation=organisation_of(town.name),
        name=name,
        type=source_type,
        tokens=(token_digest(feed.token),) if feed.token else (),
        networks=(f"{feed.bind}/32",) if feed.bind else (),
    )
    return Shipper(feed, source)


def _attack(town: Municipality, feed: Feed, seed: int) -> Stream | None:
    """Return a stream of attack lines in the feed's own format; None for firewalls and proxies."""
    host = (feed.hosts or (town.people[0].computer,))[0]
    if feed.kind is FeedKind.WINDOWS:
        steps = make_story(town, host, seed=seed)
        return next(step for step in steps if step.technique == "T1490").lines[0].make  # vssadmin delete shadows
    if feed.kind is FeedKind.LINUX:
        text = "driftsvagt : TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/usr/bin/systemctl stop rsyslog"
        return lambda at: f"<85>{at.isoformat(timespec='microseconds')} {host} sudo: {text}".encode()
    return None


def _marked(line: bytes, attack: int, *, is_json: bool) -> bytes:
    if is_json:
        return b'%s,"labels":{"bench":"bench-mark-%d"}}' % (line.rstrip()[:-1], attack)
    return b"%s bench-mark-%d" % (line, attack)


def _frames(lines: Sequence[bytes]) -> bytes:
    return b"".join(b"%d %s" % (len(line), line) for line in lines)
