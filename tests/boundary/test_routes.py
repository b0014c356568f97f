"""Every page and API operation there is, asked by members with every role, with ids of rows they may not see.

The addresses are walked from Django's resolver, so a new one is in without a word. Whatever comes back (page, list,
error, redirect) must not carry the canary of an organisation outside of what its reader may see.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

import pytest
from django.test import Client
from django.urls import get_resolver
from django.urls.converters import IntConverter, UUIDConverter

from samdrift.federation import operations, queries, rules
from samdrift.federation.models import User
from samdrift.federation.rules import Kind
from samdrift.foundation import scoped
from tests.boundary.addresses import doors
from tests.boundary.rows import fill
from tests.boundary.test_models import PRIVATE, everything
from tests.boundary.world import AT, FROM, UNITS, World, build_world, everyone

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
CANARY = re.compile(r"kanarie-([a-z+]+)-")
SEEN_BY = {"odense": {"odense"}, "syd": {"syd", "odense", "assens"}}


@pytest.fixture
def filled(db: None) -> World:
    """The world with rows of every model, and a member with every role in two organisations."""
    world = build_world()
    fill(world)
    return world


def member_of(world: World, organisation: str) -> tuple[User, str]:
    """Return somebody with every role there is in the organisation, and a token of theirs for every purpose."""
    key = world.organisations[organisation]
    kind = Kind.UNIT if organisation in UNITS else Kind.MUNICIPALITY
    with everyone():
        person = operations.create_user(email=f"alt@{organisation}.example", name="Alt", at=AT)
        for role in sorted(rules.ROLES_IN_KIND[kind]):
            operations.add_membership(user=person, organisation=key, role=role, from_date=FROM, at=AT)
        roles = queries.actor_for(user_id=person, organisation_id=key, at=AT).roles
        token = operations.issue_token(
            user=person, organisation=key, name="alt", purposes=rules.purposes_of(roles), at=AT
        )
    return User.objects.get(pk=person), token.secret


def ids_to_try(world: World, organisation: str) -> list[UUID]:
    """Return the ids of the newest rows of each model that this organisation may not see, and one that it may."""
    seen = {world.organisations[name] for name in SEEN_BY[organisation]}
    found = []
    for model in PRIVATE:
        rows = sorted(everything(model).items())
        found.extend([key for key, parties in rows if not parties & seen][-2:])
        found.extend([key for key, parties in rows if parties & seen][-1:])
    return found


@pytest.mark.parametrize("organisation", SEEN_BY)
def test_no_address_shows_a_canary_of_others(filled: World, organisation: str) -> None:
    person, secret = member_of(filled, organisation)
    pages, api = Client(raise_request_exception=False), Client(raise_request_exception=False)
    pages.force_login(person)
    tried = ids_to_try(filled, organisation)
    asked, answered, leaks, seen = 0, 0, [], set()

    for door in doors(get_resolver()):
        text, converters = door.address, door.converters
        if door.methods not in ((), ("GET",)):
            continue
        for address in _filled_in(text, converters, tried):
            for query in ("",) if "{" in text else ("", "?q=kanarie&query=kanarie"):
                asking = api.get if text.startswith("api/") else pages.get
                response = asking(f"/{address}{query}", headers={"Authorization": f"Bearer {secret}"})
                body = b"".join(response) if response.streaming else response.content
                shown = set(CANARY.findall(body.decode(errors="replace") + str(response.headers)))
                asked, answered = asked + 1, answered + (response.status_code == 200)
                seen |= shown
                hidden = {parties for parties in shown if not set(parties.split("+")) & SEEN_BY[organisation]}
                if hidden:
                    leaks.append((address, response.status_code, sorted(hidden)))

    print(f"{organisation}: {asked} requests, {answered} answered with 200")
    assert leaks == []
    assert seen, "no address showed even its reader's own rows: the walk proves nothing"


def _filled_in(text: str, converters: Mapping[str, object], tried: list[UUID]) -> list[str]:
    names = re.findall(r"{(\w+)}", text)
    if not names:
        return [text]
    if any(isinstance(converters.get(name), UUIDConverter) for name in names) or text.startswith("api/"):
        return [text.format(**{name: _value(converters.get(name), key) for name in names}) for key in tried]
    return [text.format(**{name: _value(converters.get(name), tried[0]) for name in names})]


def _value(converter: object, key: UUID) -> str:
    return "1" if isinstance(converter, IntConverter) else str(key)


def test_the_scope_is_left_after_a_request(filled: World) -> None:
    person, _ = member_of(filled, "odense")
    client = Client(raise_request_exception=False)
    client.force_login(person)

    client.get("/")

    assert not scoped.is_entered()
