"""The demo federation, made by the same operations as any other: real municipalities, all else invented.

Everybody's password is the same and printed; one analyst has a second factor enrolled, whose secret is printed too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import attrs
from django.db import transaction

from samdrift.catalogue import operations as catalogue_operations
from samdrift.cli.demo.plan import Feed, FeedKind
from samdrift.federation import boundary, queries
from samdrift.federation import operations as federation_operations
from samdrift.federation.queries import OrganisationRow
from samdrift.federation.rules import Kind, Line, Role
from samdrift.foundation import scoped
from samdrift.soc import operations as soc_operations
from samdrift_logs.scope import Purpose

PASSWORD = "Fælles-Drift-2026"  # noqa: S105 - printed at every start; the demo listens on loopback only
OFFERED_FROM = dt.date(2026, 10, 1)
STRUCK = "Assens"

# Who sends logs: municipality → its level for server operation. The others are members without sources.
SENDING = {"Assens": "gold", "Odense": "gold", "Aarhus": "silver", "Aalborg": "silver", "Roskilde": "bronze"}

# Whose people have a password. The others are invited and have not chosen one yet: hashing is slow on purpose.
LOGGING_IN = {"Enhed Syd", "Enhed Midt", "Assens", "Odense", "Aarhus"}
# Who must give a code from an authenticator app, too. For all others that is their organisation's policy, off here.
TWO_STEPS = ("Enhed Syd", Role.CISO)

# role at the unit → (first name and mailbox, which team's line)
UNIT_PEOPLE: Sequence[tuple[str, str, Role, Line | None]] = (
    ("Vagt", "vagt", Role.ANALYST, Line.SOC),
    ("Drift", "drift", Role.SECOND_LINE_AGENT, Line.SECOND),
    ("Kørende", "onsite", Role.SECOND_LINE_AGENT, Line.ONSITE),
    ("Ydelsesansvarlig", "ydelser", Role.SERVICE_MANAGER, None),
    ("Sikkerhed", "ciso", Role.CISO, None),
    ("Styring", "styring", Role.GOVERNANCE, None),
    ("Administrator", "admin", Role.ADMINISTRATOR, None),
)
MUNICIPAL_PEOPLE: Sequence[tuple[str, str, Role, Line | None]] = (
    ("SPOC", "spoc", Role.SPOC_AGENT, Line.FIRST),
    ("Sikkerhed", "ciso", Role.CISO, None),
    ("Indkøb", "indkoeb", Role.SERVICE_BUYER, None),
    ("Administrator", "admin", Role.ADMINISTRATOR, None),
)
TEAM_NAMES = {
    Line.FIRST: "SPOC",
    Line.SECOND: "2. linje drift",
    Line.ONSITE: "Udekørende",
    Line.SOC: "Vagten",
}
# As domain names write them.
_FOLDED: dict[str | int, str | int | None] = {"æ": "ae", "ø": "oe", "å": "aa", " ": "-"}

TOKENS = {Role.ANALYST, Role.SECOND_LINE_AGENT, Role.SPOC_AGENT, Role.CISO}


@attrs.frozen(kw_only=True)
class Person:
    """Somebody who can log in; `token` is for the REST API, where the role has one.

    `totp_secret` (base32) is for an authenticator app, for whoever has a second factor.
    """

    email: str
    name: str
    organisation: str
    role: str
    token: str | None = None
    totp_secret: str | None = None


@attrs.frozen(kw_only=True)
class Federation:
    """What was made: who can log in and what sends logs."""

    people: Sequence[Person]
    feeds: Sequence[Feed]

    def person(self, organisation: str, role: Role, *, mailbox: str | None = None) -> Person:
        """Return the one with this role in an organisation (by short name)."""
        return next(
            person
            for person in self.people
            if (person.organisation, person.role) == (organisation, role.value)
            and (mailbox is None or person.email.startswith(mailbox))
        )


def seed(*, content: Path, at: dt.datetime) -> Federation:
    """Make the whole federation. Needs an empty, migrated database."""
    scope = boundary.everyone(reason="make the demo federation", actor="demo", at=at)
    # One transaction: a flush for each of some thousand steps would take minutes on a slow disk.
    with scoped.entered(scope), transaction.atomic():
        federation_operations.load_organisations(folder=content / "organisations", at=at)
        catalogue_operations.publish_catalogue(folder=content / "catalogue", at=at)
        units = queries.organisations(kind=Kind.UNIT)
        people: list[Person] = []
        feeds: list[Feed] = []
        for number, unit in enumerate(units, start=1):
            people += _staff(unit, UNIT_PEOPLE, at=at)
            owners = queries.owners_of(unit=unit.id, at=at)
            offerings = _offer(unit, owners, at=at)
            for place, municipality in enumerate(owners, start=1):
                everyone_there = MUNICIPAL_PEOPLE if municipality.short_name in SENDING else MUNICIPAL_PEOPLE[:1]
                people += _staff(municipality, everyone_there, at=at)
                subscriptions = _subscribe(municipality, offerings, at=at)
                if municipality.short_name in SENDING:
                    feeds += _sources(municipality, subscriptions, net=f"127.{100 + number}.{place}", at=at)
                else:
                    soc_operations.prepare_lake(organisation=municipality.id)
    return Federation(people=people, feeds=feeds)


def _staff(
    organisation: OrganisationRow, wanted: Sequence[tuple[str, str, Role, Line | None]], *, at: dt.datetime
) -> list[Person]:
    teams = {
        line: federation_operations.add_team(organisation=organisation.id, name=TEAM_NAMES[line], line=line, at=at)
        for line in dict.fromkeys(line for _, _, _, line in wanted if line is not None)
    }
    can_log_in = organisation.short_name in LOGGING_IN
    made = []
    for title, mailbox, role, line in wanted:
        email = f"{mailbox}@{_domain(organisation)}"
        user = federation_operations.create_user(
            email=email,
            name=f"{title} {organisation.short_name}",
            password=PASSWORD if can_log_in else None,
            at=at,
        )
        federation_operations.add_membership(
            user=user,
            organisation=organisation.id,
            role=role,
            team=teams.get(line) if line is not None else None,
            from_date=dt.date(2026, 1, 1),
            at=at,
        )
        token = _token(user, organisation, role, at=at) if role in TOKENS and can_log_in else None
        two_steps = (organisation.short_name, role) == TWO_STEPS
        made.append(
            Person(
                email=email,
                name=f"{title} {organisation.short_name}",
                organisation=organisation.short_name,
                role=role.value,
                token=token,
                totp_secret=federation_operations.enrol_totp(user=user, at=at) if two_steps else None,
            )
        )
    return made


def _domain(organisation: OrganisationRow) -> str:
    """Return an address that can reach nobody: `.example` is kept for this (RFC 2606)."""
    folded = organisation.short_name.lower().translate(str.maketrans(_FOLDED))
    return f"{folded}.example"


def _token(user: UUID, organisation: OrganisationRow, role: Role, *, at: dt.datetime) -> str:
    purposes = {
        Role.ANALYST: [Purpose.WATCH],
        Role.CISO: [Purpose.WATCH],
        Role.SECOND_LINE_AGENT: [Purpose.SUPPORT],
        Role.SPOC_AGENT: [Purpose.SUPPORT],
    }[role]
    issued = federation_operations.issue_token(
        user=user,
        organisation=organisation.id,
        name="demo",
        purposes=purposes,
        at=at,
        expires_at=at + dt.timedelta(days=7),
    )
    return issued.secret


def _offer(unit: OrganisationRow, owners: Sequence[OrganisationRow], *, at: dt.datetime) -> dict[str, UUID]:
    from samdrift.catalogue import queries as catalogue

    return {
        service.slug: catalogue_operations.offer_service(
            unit=unit.id,
            slug=service.slug,
            municipalities=[owner.id for owner in owners],
            from_date=OFFERED_FROM,
            at=at,
        )
        for service in catalogue.services()
    }


def _subscribe(municipality: OrganisationRow, offerings: dict[str, UUID], *, at: dt.datetime) -> dict[str, UUID]:
    level = SENDING.get(municipality.short_name, "silver")
    slugs = offerings if municipality.short_name in SENDING else ("server-operation", "redundancy-backup")
    return {
        slug: catalogue_operations.subscribe(
            municipality=municipality.id, offering=offerings[slug], level_class=level, from_date=OFFERED_FROM, at=at
        )
        for slug in slugs
    }


def _sources(municipality: OrganisationRow, subscriptions: dict[str, UUID], *, net: str, at: dt.datetime) -> list[Feed]:
    town = municipality.short_name
    upper = _domain(municipality).split(".")[0].upper()
    servers = tuple(f"{upper}-{suffix}" for suffix in ("FS01", "AD01", "SQL01", "APP01", "PRINT01"))
    kinds: Sequence[tuple[str, FeedKind, str, str, tuple[str, ...], float, str | None]] = (
        ("Windows-servere", FeedKind.WINDOWS, "winlogbeat", "server-operation", servers, 3.0, None),
        ("Medarbejder-pc'er", FeedKind.WINDOWS, "winlogbeat", "logging-monitoring", (), 2.0, None),
        (
            "Linux-servere",
            FeedKind.LINUX,
            "linux_auth",
            "server-operation",
            (f"{upper.lower()}-web01",),
            1.0,
            f"{net}.10",
        ),
        ("Firewall", FeedKind.FORTIGATE, "fortigate", "firewall", (f"{upper.lower()}-fw01",), 3.0, f"{net}.20"),
        ("Webproxy", FeedKind.SQUID, "squid", "network", (f"{upper.lower()}-proxy01",), 1.0, f"{net}.30"),
    )
    feeds = []
    for name, kind, source_type, slug, hosts, share, bind in kinds:
        registered = soc_operations.register_source(
            organisation=municipality.id,
            name=name,
            source_type=source_type,
            subscription=subscriptions[slug],
            networks=[f"{bind}/32"] if bind else [],
            with_token=bind is None,
            at=at,
        )
        feeds.append(
            Feed(
                name=f"{town}: {name}",
                kind=kind,
                municipality=town,
                hosts=hosts,
                share=share,
                token=registered.token,
                bind=bind,
            )
        )
    return feeds
