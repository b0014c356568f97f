"""A small federation for tests: two units, three municipalities, people in each role, all made by operations.

Enhed Syd is owned by Odense and Assens, Enhed Nord by Aalborg. Each municipality has a SPOC team, a SPOC agent, a
service buyer, an analyst, a CISO and an administrator; each unit a service desk, a 2nd line and a SOC team with their
people. Other apps add rows that could leak through `factories`: a callable registered with `adds_rows` is called once
with the finished world.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from uuid import UUID

import attrs
from django.db import connection

from samdrift.federation import boundary, operations, queries
from samdrift.federation.models import User
from samdrift.federation.rules import Actor, Kind, Line, Role
from samdrift.foundation import scoped
from samdrift_logs.scope import Purpose, Scope, all_organisations

AT = datetime(2026, 5, 5, 9, 0, tzinfo=UTC)
FROM = date(2026, 1, 1)

MUNICIPALITIES = {
    "odense": ("Odense", "35209115", "0461", "Syddanmark"),
    "assens": ("Assens", "29189692", "0420", "Syddanmark"),
    "aalborg": ("Aalborg", "29189420", "0851", "Nordjylland"),
}
UNITS = {"syd": ("Enhed Syd", "00000003", "Syddanmark"), "nord": ("Enhed Nord", "00000005", "Nordjylland")}
OWNERS = {"syd": ("odense", "assens"), "nord": ("aalborg",)}

TEAMS = {
    Kind.MUNICIPALITY: {"spoc": ("SPOC", Line.FIRST)},
    Kind.UNIT: {"second": ("2. linje", Line.SECOND), "soc": ("SOC", Line.SOC)},
}
PEOPLE = {
    Kind.MUNICIPALITY: {
        Role.SPOC_AGENT: "spoc",
        Role.SERVICE_BUYER: None,
        Role.ANALYST: None,
        Role.CISO: None,
        Role.GOVERNANCE: None,
        Role.ADMINISTRATOR: None,
    },
    Kind.UNIT: {
        Role.SECOND_LINE_AGENT: "second",
        Role.SERVICE_MANAGER: None,
        Role.ANALYST: "soc",
        Role.CISO: None,
        Role.GOVERNANCE: None,
        Role.ADMINISTRATOR: None,
    },
}


@attrs.define(kw_only=True)
class World:
    """What was made, by short names: `world.organisations["odense"]`, `world.teams["syd", "second"]`."""

    organisations: dict[str, UUID] = attrs.Factory(dict)
    teams: dict[tuple[str, str], UUID] = attrs.Factory(dict)
    users: dict[tuple[str, Role], UUID] = attrs.Factory(dict)
    memberships: dict[tuple[str, Role], UUID] = attrs.Factory(dict)
    rows: dict[str, object] = attrs.Factory(dict)  # what other apps' factories want to find again

    def actor(self, organisation: str, role: Role) -> Actor:
        """Return the person with this role there."""
        return queries.actor_for(
            user_id=self.users[organisation, role], organisation_id=self.organisations[organisation], at=AT
        )

    @contextmanager
    def acting(self, organisation: str, role: Role, purpose: Purpose) -> Iterator[Scope]:
        """Work as the person with this role there, in the Scope that the boundary decides."""
        with scoped.entered(boundary.scope_for(self.actor(organisation, role), purpose, at=AT)) as scope:
            yield scope

    @contextmanager
    def within(self, *organisations: str, purpose: Purpose) -> Iterator[Scope]:
        """Work in a Scope of just these organisations, whoever would get it."""
        keys = [self.organisations[name] for name in organisations]
        scope = Scope(organisations=keys, purpose=purpose, reason="test", actor="test")
        with scoped.entered(scope):
            yield scope


Factory = Callable[[World], None]
factories: list[Factory] = []


def adds_rows(factory: Factory) -> Factory:
    """Register a function that adds rows of an app to every world, for at least two organisations."""
    factories.append(factory)
    return factory


@contextmanager
def everyone(purpose: Purpose = Purpose.OPERATION) -> Iterator[Scope]:
    """Work as onboarding does."""
    with scoped.entered(all_organisations(purpose=purpose, reason="test", actor="test")) as scope:
        yield scope


def build_world() -> World:
    """Make the federation and every registered app's rows. Needs the database, leaves no Scope entered.

    Only the first of a run is made by the operations; its rows are kept and put into later ones as they are.
    """
    if _kept.world is None:
        _kept.world = _make_world()
        with everyone():
            _kept.rows = _read_rows()
    else:
        with everyone():
            _write_rows(_kept.rows)
    return copy.deepcopy(_kept.world)


@attrs.define
class _Kept:
    """The first world of this run, and all its rows as (statement, rows)."""

    world: World | None = None
    rows: list[tuple[str, list[tuple[object, ...]]]] = attrs.Factory(list)


_kept = _Kept()


def _read_rows() -> list[tuple[str, list[tuple[object, ...]]]]:
    found = []
    for model in [User, *scoped.registry().values()]:
        columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
        marks = ", ".join(["%s"] * len(model._meta.concrete_fields))
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT {columns} FROM "{model._meta.db_table}"')
            found.append((f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({marks})', cursor.fetchall()))
    return found


def _write_rows(kept: list[tuple[str, list[tuple[object, ...]]]]) -> None:
    with connection.cursor() as cursor:
        for statement, rows in kept:
            if rows:
                cursor.executemany(statement, rows)


def _make_world() -> World:
    world = World()
    with everyone():
        for key, (name, cvr, kommunekode, region) in MUNICIPALITIES.items():
            world.organisations[key] = operations.onboard_organisation(
                kind=Kind.MUNICIPALITY, name=f"{name} Kommune", short_name=name, cvr=cvr, kommunekode=kommunekode,
                region=region, at=AT,
            )  # fmt: skip
        for key, (name, cvr, region) in UNITS.items():
            world.organisations[key] = operations.onboard_organisation(
                kind=Kind.UNIT, name=name, short_name=name, cvr=cvr, cvr_invented=True, region=region, at=AT
            )
        for unit, owners in OWNERS.items():
            for owner in owners:
                operations.begin_ownership(
                    unit=world.organisations[unit], municipality=world.organisations[owner], from_date=FROM, at=AT
                )
        for key in world.organisations:
            _add_people(world, key, Kind.UNIT if key in UNITS else Kind.MUNICIPALITY)
    for factory in factories:
        factory(world)
    return world


def _add_people(world: World, key: str, kind: Kind) -> None:
    organisation = world.organisations[key]
    for team, (name, line) in TEAMS[kind].items():
        world.teams[key, team] = operations.add_team(organisation=organisation, name=name, line=line, at=AT)
    for role, team in PEOPLE[kind].items():
        user = operations.create_user(email=f"{role}@{key}.example", name=f"{role.name.title()} {key.title()}", at=AT)
        world.users[key, role] = user
        world.memberships[key, role] = operations.add_membership(
            user=user, organisation=organisation, role=role, team=world.teams[key, team] if team else None,
            from_date=FROM, at=AT,
        )  # fmt: skip
    operations.issue_token(
        user=world.users[key, Role.ADMINISTRATOR], organisation=organisation, name="backup",
        purposes=[Purpose.ADMINISTRATION], at=AT,
    )  # fmt: skip
