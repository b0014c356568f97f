"""The world as it lives: real tickets, alerts, cases and logs of every organisation beside the generated rows.

Every text of an organisation carries a canary that names who may see it: "kanarie-odense+syd-" (those two),
"sagkanarie-odense-" (a ticket: Odense, and not those who watch over it), "logkanarie-odense-" (a line in the lake: only
who watches over Odense).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import attrs

from samdrift.federation import operations as federation
from samdrift.federation.rules import Role, purposes_of
from samdrift.foundation import outbox
from samdrift.soc import operations as soc
from samdrift.support import operations as support
from samdrift_logs.detect.alerts import Alert
from samdrift_logs.journal.ledger import Ledger, Received, Settlement, minute_of
from samdrift_logs.lake import Lake, LakeWriter
from samdrift_logs.scope import Purpose
from tests.boundary.rows import PAIRS, fill
from tests.boundary.world import AT, OWNERS, UNITS, World, build_world, everyone
from tests.samdrift.services import Services, alert, with_services
from tests.samdrift_logs.lake import rows

NOW = AT + dt.timedelta(hours=1)
CANARY = re.compile(r"(log|sag)?kanarie-([a-z+]+)-")
PERSON = re.compile(r"@([a-z]+)\.example")
WATCHING = {Role.ANALYST, Role.CISO}
EVENTS = 12
REJECTS = 3


@attrs.define(kw_only=True)
class Site:
    """What was made. `events` are ids in the lake; `tokens` the API secrets of each single-role member."""

    world: World
    services: Services
    data: Path
    tokens: dict[tuple[str, Role], str] = attrs.Factory(dict)
    sources: dict[str, UUID] = attrs.Factory(dict)
    events: dict[str, list[str]] = attrs.Factory(dict)
    rejects: dict[str, list[str]] = attrs.Factory(dict)
    written: int = 0

    def id(self, organisation: str) -> UUID:
        """Return an organisation's id by its short key."""
        return self.world.organisations[organisation]


def audience(organisation: str, role: Role) -> frozenset[str]:
    """Return the organisations whose rows somebody with this role sees: only a unit's watch reaches its owners."""
    watched = OWNERS.get(organisation, ()) if role in WATCHING else ()
    return frozenset({organisation, *watched})


def partners(organisation: str) -> frozenset[str]:
    """Return the organisations that an organisation shares rows with: its owners, or the units that it owns."""
    owned = {unit for unit, owners in OWNERS.items() if organisation in owners}
    return frozenset({organisation, *OWNERS.get(organisation, ()), *owned})


def shown_to_others(text: str, organisation: str, role: Role) -> set[str]:
    """Return what a text shows that this reader may not see: canaries, and addresses of strangers."""
    seen = audience(organisation, role)
    met = {party for name in seen for party in partners(name)}
    found = set()
    for canary in CANARY.finditer(text):
        parties, readers = set(canary[2].split("+")), {organisation} if canary[1] == "sag" else seen
        if not parties & readers or (canary[1] == "log" and role not in WATCHING):
            found.add(canary[0])
    return found | {person[0] for person in PERSON.finditer(text) if person[1] not in met}


def build_site(data: Path) -> Site:
    """Make everything. Needs the database and settings that name `data`; leaves no Scope entered."""
    world = build_world()
    site = Site(world=world, services=with_services(world), data=data)
    with everyone():
        for organisation in world.organisations:
            _register(site, organisation)
        for organisation in world.organisations:
            _write_logs(site, organisation)
        for municipality, unit in _owned():
            _live(site, municipality, unit)
        for unit in UNITS:
            _open(site, unit, None, f"sagkanarie-{unit}-egen")
        outbox.dispatch(now=AT + dt.timedelta(seconds=1))
        for organisation, role in world.users:
            _issue(site, organisation, role)
    fill(world)
    return site


def add_foreign(site: Site, *, pairs: Iterable[tuple[str, str | None]]) -> None:
    """Add more of everything to some organisations, logs and ledger too."""
    chosen = list(pairs)
    with everyone():
        for owner, unit in chosen:
            _write_logs(site, owner)
            if unit is not None:
                _live(site, owner, unit)
        outbox.dispatch(now=AT + dt.timedelta(seconds=1))
    fill(site.world, pairs=chosen, first=5_000)


def _owned() -> list[tuple[str, str]]:
    return [(owner, unit) for owner, unit in PAIRS if unit is not None]


def _register(site: Site, organisation: str) -> None:
    """Register a source. Its name is copied into alerts, which the unit reads, too."""
    unit = dict(_owned()).get(organisation)
    word = f"kanarie-{organisation}+{unit}-" if unit else f"kanarie-{organisation}-"
    site.sources[organisation] = soc.register_source(
        organisation=site.id(organisation),
        name=f"{word}kilde",
        subscription=site.services.subscriptions.get(organisation),
        at=AT,
    ).source


def _issue(site: Site, organisation: str, role: Role) -> None:
    issued = federation.issue_token(
        user=site.world.users[organisation, role],
        organisation=site.id(organisation),
        name=f"kanarie-{organisation}-nøgle",
        purposes=purposes_of([role]),
        at=AT,
    )
    site.tokens[organisation, role] = issued.secret


@attrs.frozen(kw_only=True)
class _Opener:
    user_id: UUID | None = None
    name: str = "Samdrift"
    organisation_id: UUID
    roles: frozenset[str] = frozenset({"spoc_agent"})


def _open(site: Site, organisation: str, unit: str | None, title: str) -> UUID:
    teams = site.world.teams
    desk = teams[organisation, "second" if organisation in UNITS else "spoc"]
    return support.open_ticket(
        actor=_Opener(organisation_id=site.id(organisation)),
        municipality=site.id(organisation),
        unit=site.id(unit) if unit else None,
        kind="incident",
        priority="P2",
        title=title,
        description=title,
        requester=title,
        team=teams[unit, "second"] if unit else desk,
        follower_team=desk if unit else None,
        subscription=site.services.subscriptions[organisation] if unit else None,
        at=AT,
    )


def _live(site: Site, municipality: str, unit: str) -> None:
    """Shared and private tickets, notes that stay inside, alerts with their case and its ticket."""
    both = f"kanarie-{municipality}+{unit}-"
    shared = _open(site, municipality, unit, f"sag{both}sag")
    _open(site, municipality, None, f"sagkanarie-{municipality}-egen")
    for writer, role in ((municipality, Role.SPOC_AGENT), (unit, Role.SECOND_LINE_AGENT)):
        actor = site.world.actor(writer, role)
        with site.world.acting(writer, role, Purpose.SUPPORT):
            support.add_message(actor=actor, ticket=shared, body=f"sagkanarie-{writer}-note", internal=True, at=AT)
            support.add_message(actor=actor, ticket=shared, body=f"sag{both}besked", at=AT)
    event = site.events[municipality][-1]
    soc.record_alerts(alerts=[_alert(site, municipality, both, event, level) for level in ("high", "low")], at=AT)


def _alert(site: Site, municipality: str, both: str, event: str, level: str) -> Alert:
    made = alert(
        site.id(municipality),
        site.sources[municipality],
        event_id=event,
        rule_id=f"{both}{level}",
        level=level,
        host=f"{both}vaert",
        title=f"{both}alarm",
    )
    words = {"fields": {"CommandLine": f"{both}kommando"}, "raw": f"{both}linje", "event_id": event}
    return attrs.evolve(made, user=f"{both}bruger", fields=words["fields"], event=words, description=f"{both}regel")


def _write_logs(site: Site, organisation: str) -> None:
    """Write events and rejects of one organisation, and count them in the ledger."""
    word, key, source = f"logkanarie-{organisation}-", site.id(organisation), str(site.sources[organisation])
    first = site.written + 1
    site.written += EVENTS + REJECTS
    events = [
        {
            **rows.event(
                number,
                organisation=key,
                received_at=AT - dt.timedelta(seconds=30 * (number - first)),
                event_at=AT - dt.timedelta(seconds=30 * (number - first)),
                host=f"{word}vaert",
                user=f"{word}bruger",
                process=f"{word}proces",
                message=f"{word}besked",
                fields={f"{word}felt": f"{word}{number}", "EventID": "1"},
                raw=f"{word}linje {number}",
            ),
            "source": source,
        }
        for number in range(first, first + EVENTS)
    ]
    refused = [
        {**rows.reject(number, organisation=key, reason=f"{word}grund"), "source": source}
        for number in range(first + EVENTS, first + EVENTS + REJECTS)
    ]
    lake = LakeWriter(Lake(site.data / "lake"))
    lake.write(rows.events(events), rows.rejects(refused), partition=0, through=site.written)
    site.events.setdefault(organisation, []).extend(row["event_id"] for row in events)
    site.rejects.setdefault(organisation, []).extend(row["event_id"] for row in refused)
    _count(site, organisation, first)


def _count(site: Site, organisation: str, first: int) -> None:
    of = {"organisation": site.id(organisation), "source": site.sources[organisation], "minute": minute_of(AT)}
    numbers = range(first, site.written + 1)
    received = [Received(sequence=number, count=1, **of) for number in numbers]
    settled = [
        Settlement(
            sequence=number,
            stored=int(number < first + EVENTS),
            rejected={} if number < first + EVENTS else {f"logkanarie-{organisation}-grund": 1},
            duplicate=0,
            **of,
        )
        for number in numbers
    ]
    ledger = Ledger(site.data / "ledger")
    ledger.count_received(0, received)
    ledger.settle(0, site.written, settled)
    ledger.close()
