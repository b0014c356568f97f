"""Who may see what: each role of each kind of organisation, for each purpose."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import translation

from samdrift.federation import boundary, operations, queries
from samdrift.federation.models import Ownership, User
from samdrift.federation.rules import Role
from samdrift.foundation import audit, scoped
from samdrift.foundation.models import AuditEntry
from samdrift_logs.errors import ScopeMissing, ScopeRefused
from samdrift_logs.scope import Purpose
from tests.boundary.world import AT, World, everyone

SEEN = {
    ("odense", Role.SPOC_AGENT, Purpose.SUPPORT): {"odense"},
    ("odense", Role.SERVICE_BUYER, Purpose.PURCHASE): {"odense"},
    ("odense", Role.ANALYST, Purpose.WATCH): {"odense"},
    ("odense", Role.CISO, Purpose.WATCH): {"odense"},
    ("odense", Role.ADMINISTRATOR, Purpose.ADMINISTRATION): {"odense"},
    ("syd", Role.SECOND_LINE_AGENT, Purpose.SUPPORT): {"syd"},
    ("syd", Role.SERVICE_MANAGER, Purpose.PURCHASE): {"syd"},
    ("syd", Role.ANALYST, Purpose.WATCH): {"syd", "odense", "assens"},
    ("nord", Role.ANALYST, Purpose.WATCH): {"nord", "aalborg"},
    ("syd", Role.ADMINISTRATOR, Purpose.ADMINISTRATION): {"syd"},
}


@pytest.mark.parametrize(("organisation", "role", "purpose"), SEEN)
def test_scope_for(world: World, organisation: str, role: Role, purpose: Purpose) -> None:
    scope = boundary.scope_for(world.actor(organisation, role), purpose, at=AT)

    seen = SEEN[organisation, role, purpose]
    assert scope.organisations == {world.organisations[name] for name in seen}
    assert (scope.purpose, scope.everyone) == (purpose, False)
    assert scope.actor == f"user:{world.users[organisation, role]}"


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("role", [Role.SPOC_AGENT, Role.ANALYST, Role.ADMINISTRATOR])
def test_scope_for_refuses_what_no_role_gives(world: World, role: Role, purpose: Purpose) -> None:
    if ("odense", role, purpose) in SEEN:
        return

    with pytest.raises(ScopeRefused, match="Odense"):
        boundary.scope_for(world.actor("odense", role), purpose, at=AT)


def test_scope_for_tells_why_in_words(world: World) -> None:
    with translation.override("en"):
        scope = boundary.scope_for(world.actor("syd", Role.ANALYST), Purpose.WATCH, at=AT)

    assert scope.reason == "You see Assens, Odense as Analyst in Enhed Syd."


def test_scope_for_leaves_nothing_entered(world: World) -> None:
    boundary.scope_for(world.actor("syd", Role.ANALYST), Purpose.WATCH, at=AT)

    with pytest.raises(ScopeMissing):
        scoped.current()


def test_scope_for_follows_ownership_by_date(world: World) -> None:
    actor = world.actor("syd", Role.ANALYST)
    with everyone():
        leaving = Ownership.objects.get(municipality=world.organisations["odense"])
        operations.end_ownership(ownership=leaving.pk, to_date=date(2026, 6, 1), reason="joins Nord", at=AT)
        operations.begin_ownership(
            unit=world.organisations["nord"],
            municipality=world.organisations["odense"],
            from_date=date(2026, 6, 1),
            at=AT,
        )

    day_before = AT.replace(month=5, day=31, hour=21, minute=59)
    last = boundary.scope_for(actor, Purpose.WATCH, at=day_before)
    first = boundary.scope_for(actor, Purpose.WATCH, at=day_before + timedelta(minutes=1))
    nord = boundary.scope_for(world.actor("nord", Role.ANALYST), Purpose.WATCH, at=day_before + timedelta(minutes=1))

    odense = world.organisations["odense"]
    assert (last.covers(odense), first.covers(odense), nord.covers(odense)) == (True, False, True)


def test_scope_for_a_member_who_left(world: World) -> None:
    """A session that outlives the membership gives nothing: the actor was made before."""
    actor = world.actor("odense", Role.ANALYST)
    with everyone():
        operations.end_membership(
            membership=world.memberships["odense", Role.ANALYST], to_date=AT.date(), reason="left", at=AT
        )

    with pytest.raises(ScopeRefused, match="Odense"):
        boundary.scope_for(actor, Purpose.WATCH, at=AT)
    with pytest.raises(ScopeRefused):
        queries.actor_for(user_id=actor.user_id, organisation_id=actor.organisation_id, at=AT)


def test_scope_for_somebody_who_was_locked_out(world: World) -> None:
    actor = world.actor("odense", Role.ANALYST)
    User.objects.filter(pk=actor.user_id).update(is_active=False)

    with pytest.raises(ScopeRefused):
        boundary.scope_for(actor, Purpose.WATCH, at=AT)


def test_everyone_is_written_to_the_installations_chain(db: None) -> None:
    scope = boundary.everyone(reason="samdrift tasks starts", actor="samdrift tasks", at=AT)

    with everyone():
        entry = AuditEntry.objects.get(organisation=audit.INSTALLATION)
    assert scope.everyone
    assert (entry.action, entry.actor, entry.reason) == (
        "federation.scope.everyone",
        "samdrift tasks",
        "samdrift tasks starts",
    )
