"""Onboarding, members, policy and tokens, through the operations."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from allauth.mfa.utils import is_mfa_enabled

from samdrift.federation import operations, queries
from samdrift.federation.domain.content import OrganisationsRefused, read_organisations
from samdrift.federation.models import ApiToken, User
from samdrift.federation.operations import OrganisationRefused, RoleDoesNotFit, TokenRefused
from samdrift.federation.rules import Kind, Role
from samdrift.foundation import audit
from samdrift.foundation.models import AuditEntry, Fact
from samdrift_logs.errors import ScopeRefused
from samdrift_logs.scope import Purpose
from tests.boundary.world import AT, World, everyone


def test_onboard_writes_one_entry_and_one_fact(db: None) -> None:
    with everyone():
        key = operations.onboard_organisation(
            kind=Kind.MUNICIPALITY,
            name="Odense Kommune",
            short_name="Odense",
            cvr="35209115",
            kommunekode="0461",
            at=AT,
        )

        entry, fact = AuditEntry.objects.get(), Fact.objects.get()
    assert (entry.organisation, entry.action, entry.subject_id) == (key, "federation.organisation.onboarded", str(key))
    assert (fact.organisation, fact.name) == (key, "federation.organisation.onboarded")


@pytest.mark.parametrize(("cvr", "invented"), [("35209116", False), ("1234", False), ("35209115", True)])
def test_onboard_refuses_a_cvr_that_cannot_be_right(db: None, cvr: str, *, invented: bool) -> None:
    with everyone(), pytest.raises(OrganisationRefused, match=cvr):
        operations.onboard_organisation(
            kind=Kind.UNIT, name="Enhed", short_name="Enhed", cvr=cvr, cvr_invented=invented, at=AT
        )


def test_onboard_refuses_the_same_organisation_twice(world: World) -> None:
    with everyone(), pytest.raises(OrganisationRefused, match="already"):
        operations.onboard_organisation(
            kind=Kind.MUNICIPALITY,
            name="Odense Kommune",
            short_name="Odense",
            cvr="35209115",
            kommunekode="0461",
            at=AT,
        )


def test_an_administrator_cannot_onboard(world: World) -> None:
    with world.acting("odense", Role.ADMINISTRATOR, Purpose.ADMINISTRATION), pytest.raises(ScopeRefused):
        operations.onboard_organisation(
            kind=Kind.UNIT, name="Enhed Vest", short_name="Vest", cvr="00000009", cvr_invented=True, at=AT
        )


def test_load_organisations_takes_up_98_municipalities_and_5_units_once(db: None, content: Path) -> None:
    with everyone():
        first = operations.load_organisations(folder=content / "organisations", at=AT)
        second = operations.load_organisations(folder=content / "organisations", at=AT)

        assert first == operations.Loaded(municipalities=98, units=5, ownerships=98)
        assert second == operations.Loaded(municipalities=0, units=0, ownerships=0)
        syd = queries.organisation_named(name="Enhed Syd")
        assert (syd.cvr_invented, len(queries.owners_of(unit=syd.id, at=AT))) == (True, 22)
        odense = queries.organisation_named(name="Odense")
        assert [unit.name for unit in queries.units_of(municipality=odense.id, at=AT)] == ["Enhed Syd"]


def test_read_organisations_tells_every_fault_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "municipalities.yaml").write_text(
        "- {kommunekode: '0461', name: Odense, cvr: '35209116', region: Syddanmark}\n"
        "- {kommunekode: 461, name: Assens, cvr: '29189692', region: Fyn, mayor: Ib}\n"
        "- Aalborg\n",
        encoding="utf-8",
    )
    (tmp_path / "units.yaml").write_text("- {name: Enhed Syd, invented_cvr: '35209115', region: Syddanmark}\n")

    with pytest.raises(OrganisationsRefused) as refused:
        read_organisations(tmp_path)

    found = [(Path(fault.file or "").name, fault.line, fault.reason) for fault in refused.value.faults]
    assert found == [
        ("municipalities.yaml", 1, "cvr 35209116 cannot exist: its check sum is wrong"),
        ("municipalities.yaml", 2, "mayor is not known here"),
        ("municipalities.yaml", 2, "kommunekode is four digits, in quotes"),
        ("municipalities.yaml", 2, "region is one of Hovedstaden, Sjælland, Syddanmark, Midtjylland, Nordjylland"),
        ("municipalities.yaml", 3, "give a list of `name: value` mappings"),
        ("units.yaml", 1, "owned_from is missing"),
        ("units.yaml", 1, "invented_cvr 35209115 must be eight digits that cannot belong to anybody"),
        ("units.yaml", 1, "owned_from is a date such as 2026-01-01"),
    ]


@pytest.mark.parametrize("broken", ["", "[", "{a: 1}", "\x00"])
def test_read_organisations_refuses_broken_files(tmp_path: Path, broken: str) -> None:
    (tmp_path / "municipalities.yaml").write_text(broken)

    with pytest.raises(OrganisationsRefused, match=r"municipalities\.yaml") as refused:
        read_organisations(tmp_path)

    assert "units.yaml: cannot be read" in str(refused.value)


def test_add_membership_refuses_a_role_of_another_kind(world: World) -> None:
    with world.acting("odense", Role.ADMINISTRATOR, Purpose.ADMINISTRATION):
        with pytest.raises(RoleDoesNotFit):
            operations.add_membership(
                user=world.users["odense", Role.CISO],
                organisation=world.organisations["odense"],
                role=Role.SECOND_LINE_AGENT,
                from_date=AT.date(),
                at=AT,
            )


def test_add_membership_refuses_another_organisations_team(world: World) -> None:
    with world.acting("odense", Role.ADMINISTRATOR, Purpose.ADMINISTRATION):
        with pytest.raises(RoleDoesNotFit):
            operations.add_membership(
                user=world.users["odense", Role.CISO],
                organisation=world.organisations["odense"],
                role=Role.SPOC_AGENT,
                team=world.teams["assens", "spoc"],
                from_date=AT.date(),
                at=AT,
            )


def test_an_administrator_cannot_write_for_another_organisation(world: World) -> None:
    with world.acting("odense", Role.ADMINISTRATOR, Purpose.ADMINISTRATION):
        with pytest.raises(ScopeRefused):
            operations.set_policy(organisation=world.organisations["assens"], mfa_required=True, at=AT)
        with pytest.raises(ScopeRefused):
            operations.add_membership(
                user=world.users["odense", Role.CISO],
                organisation=world.organisations["assens"],
                role=Role.CISO,
                from_date=AT.date(),
                at=AT,
            )
        with pytest.raises(ScopeRefused):
            operations.issue_token(
                user=world.users["assens", Role.CISO],
                organisation=world.organisations["assens"],
                name="borrowed",
                purposes=[Purpose.WATCH],
                at=AT,
            )


def test_policy_of_one_organisation_asks_for_a_second_factor(world: World) -> None:
    person = world.users["odense", Role.CISO]
    before = queries.mfa_required(user_id=person, at=AT)
    with world.acting("odense", Role.ADMINISTRATOR, Purpose.ADMINISTRATION):
        operations.set_policy(organisation=world.organisations["odense"], mfa_required=True, at=AT)

    assert (before, queries.mfa_required(user_id=person, at=AT)) == (False, True)
    assert not queries.mfa_required(user_id=world.users["assens", Role.CISO], at=AT)


def test_a_person_of_two_organisations_is_an_actor_in_each(world: World) -> None:
    person = world.users["odense", Role.CISO]
    with everyone():
        operations.add_membership(
            user=person, organisation=world.organisations["assens"], role=Role.ANALYST, from_date=AT.date(), at=AT
        )

    actors = queries.actors_of(user_id=person, at=AT)
    assert [(actor.organisation_name, actor.roles) for actor in actors] == [
        ("Assens", {Role.ANALYST}),
        ("Odense", {Role.CISO}),
    ]
    with pytest.raises(ScopeRefused, match="Assens, Odense"):
        queries.actor_by_email(email="CISO@odense.example", at=AT)
    assert queries.actor_by_email(email="CISO@odense.example", organisation="Odense", at=AT) == actors[1]


# ---- tokens


def issue(world: World, *, organisation: str = "odense", role: Role = Role.ANALYST) -> operations.IssuedToken:
    with world.acting(organisation, Role.ADMINISTRATOR, Purpose.ADMINISTRATION):
        return operations.issue_token(
            user=world.users[organisation, role],
            organisation=world.organisations[organisation],
            name="script",
            purposes=[Purpose.WATCH],
            expires_at=AT + timedelta(days=30),
            at=AT,
        )


def test_token_speaks_for_its_person_and_purpose(world: World) -> None:
    issued = issue(world)

    actor = operations.authenticate_token(secret=issued.secret, at=AT)

    assert (actor.user_id, actor.purposes, actor.token_id) == (
        world.users["odense", Role.ANALYST],
        {Purpose.WATCH},
        issued.id,
    )
    with everyone():
        stored = ApiToken.objects.get(pk=issued.id)
    assert stored.last_used_at == AT
    assert issued.secret not in (stored.hash, repr(issued))


def test_token_is_noted_once_a_minute(world: World, django_assert_num_queries: object) -> None:
    issued = issue(world)
    operations.authenticate_token(secret=issued.secret, at=AT)

    operations.authenticate_token(secret=issued.secret, at=AT + timedelta(seconds=59))
    with everyone():
        assert ApiToken.objects.get(pk=issued.id).last_used_at == AT
    operations.authenticate_token(secret=issued.secret, at=AT + timedelta(seconds=60))
    with everyone():
        assert ApiToken.objects.get(pk=issued.id).last_used_at == AT + timedelta(seconds=60)


def test_token_is_refused_when_unknown_expired_revoked_or_its_person_left(world: World) -> None:
    revoked, orphaned, expired = issue(world), issue(world, role=Role.CISO), issue(world)
    with world.acting("odense", Role.ADMINISTRATOR, Purpose.ADMINISTRATION):
        operations.revoke_token(token=revoked.id, reason="lost", at=AT)
        operations.end_membership(
            membership=world.memberships["odense", Role.CISO], to_date=AT.date(), reason="left", at=AT
        )

    told = set()
    for secret, at in (
        ("samdrift_guess", AT),
        (expired.secret, AT + timedelta(days=30)),
        (revoked.secret, AT),
        (orphaned.secret, AT),
    ):
        with pytest.raises(TokenRefused) as refused:
            operations.authenticate_token(secret=secret, at=at)
        told.add(str(refused.value))
    assert len(told) == 1, "the answer tells why"


def test_token_never_opens_more_than_its_person(world: World) -> None:
    with world.acting("odense", Role.ADMINISTRATOR, Purpose.ADMINISTRATION):
        for purposes in ([Purpose.WATCH], [], [Purpose.OPERATION]):
            with pytest.raises(ScopeRefused):
                operations.issue_token(
                    user=world.users["odense", Role.SPOC_AGENT],
                    organisation=world.organisations["odense"],
                    name="script",
                    purposes=purposes,
                    at=AT,
                )


def test_an_administrator_cannot_revoke_another_organisations_token(world: World) -> None:
    issued = issue(world)

    with world.acting("assens", Role.ADMINISTRATOR, Purpose.ADMINISTRATION):
        with pytest.raises(queries.NotInFederation):
            operations.revoke_token(token=issued.id, reason="mischief", at=AT)
        assert [token.name for token in queries.tokens(organisation=world.organisations["odense"])] == []


def test_audit_of_ones_own_organisation_for_those_who_may(world: World) -> None:
    rows = queries.audit_entries(actor=world.actor("odense", Role.CISO), at=AT)

    assert {row.action for row in rows} >= {"federation.organisation.onboarded", "federation.membership.added"}
    with pytest.raises(ScopeRefused):
        queries.audit_entries(actor=world.actor("odense", Role.ANALYST), at=AT)
    for organisation in world.organisations.values():
        assert audit.verify(organisation=organisation) == []


def test_members_are_named_within_the_scope_only(world: World) -> None:
    with world.acting("odense", Role.SPOC_AGENT, Purpose.SUPPORT):
        own = queries.members(organisation=world.organisations["odense"], at=AT, team=world.teams["odense", "spoc"])
        other = queries.members(organisation=world.organisations["assens"], at=AT)
        published = queries.teams(organisation=world.organisations["syd"])

    assert [row.person.name for row in own] == ["Spoc_Agent Odense"]
    assert other == ()
    assert [team.name for team in published] == ["2. linje", "SOC"]


def test_user_is_found_in_any_case_and_hashed_with_argon2(db: None) -> None:
    person = User.objects.create_user("Anna@Odense.example", "en lang adgangskode", name="Anna Holm")

    assert User.objects.get_by_natural_key("ANNA@odense.EXAMPLE") == person
    assert person.password.startswith("argon2$")
    assert person.check_password("en lang adgangskode")


def test_membership_of_the_future_is_none_yet(world: World) -> None:
    with everyone():
        person = operations.create_user(email="ny@odense.example", name="Ny", at=AT)
        operations.add_membership(
            user=person,
            organisation=world.organisations["odense"],
            role=Role.CISO,
            from_date=date(2026, 5, 6),
            at=AT,
        )

    assert queries.memberships_of(user_id=person, at=AT) == ()
    assert len(queries.memberships_of(user_id=person, at=AT + timedelta(days=1))) == 1


def test_enrol_totp_gives_a_second_factor_and_is_written_down(db: None) -> None:
    with everyone():
        person = operations.create_user(email="vagt@example.dk", name="Vagt", at=AT)

        secret = operations.enrol_totp(user=person, at=AT)

        last = AuditEntry.objects.order_by("sequence").last()
    assert len(secret) >= 26
    assert is_mfa_enabled(User.objects.get(pk=person))
    assert last is not None
    assert (last.action, last.subject_id) == ("federation.user.totp_enrolled", str(person))
    assert secret not in str(last.after)
