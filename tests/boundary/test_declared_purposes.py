"""Every page and API operation says what it looks at data for, and one that does not is caught, and gets nothing."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import get_resolver

from samdrift.federation import operations
from samdrift.federation.models import User
from samdrift.federation.rules import Role
from samdrift_logs.errors import ScopeMissing
from samdrift_logs.scope import Purpose
from tests.boundary.addresses import WITHOUT_PURPOSE, doors, undeclared
from tests.boundary.world import AT, World, everyone

SEEDED = "tests.boundary.undeclared_addresses"


def test_every_door_declares_a_purpose_or_is_exempt() -> None:
    assert undeclared(get_resolver()) == set(WITHOUT_PURPOSE)


def test_every_exemption_has_a_reason() -> None:
    assert all(len(reason) > 20 for reason in WITHOUT_PURPOSE.values())


def test_pages_and_operations_are_all_found() -> None:
    found = doors(get_resolver())

    assert sum(door.is_api and bool(door.methods) for door in found) >= 30
    assert sum(not door.is_api and door.purpose is not None for door in found) >= 14


def test_seeded_doors_without_a_purpose_are_caught() -> None:
    assert undeclared(get_resolver(SEEDED)) - {"api/"} == {"GET api/forgotten", "forgotten/"}


@pytest.mark.django_db
@pytest.mark.urls(SEEDED)
def test_seeded_doors_without_a_purpose_are_entered_without_a_scope(world: World) -> None:
    """The declaration is asked for by the test; that nothing is shown without one is the gate's own doing."""
    user = world.users["syd", Role.ANALYST]
    with everyone():
        token = operations.issue_token(
            user=user, organisation=world.organisations["syd"], name="t", purposes=[Purpose.WATCH], at=AT
        )
    client = Client(headers={"Authorization": f"Bearer {token.secret}"})
    client.force_login(User.objects.get(pk=user))

    assert client.get("/declared/").status_code == 200
    assert client.get("/api/declared").status_code == 200
    with pytest.raises(ScopeMissing):
        client.get("/forgotten/")
    assert client.get("/api/forgotten").status_code == 409
