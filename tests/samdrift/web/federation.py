"""A small federation for the pages: two units, three municipalities, a user in each role, a ticket under way."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import attrs
from django.contrib.auth import get_user_model

from samdrift.catalogue import operations as catalogue
from samdrift.federation import operations as federation
from samdrift.federation import queries
from samdrift.federation.rules import Kind, Line, Role
from samdrift.foundation import outbox
from samdrift.foundation.scoped import entered
from samdrift.soc import queries as soc
from samdrift.support import operations as support
from samdrift_logs.scope import Purpose, all_organisations
from tests.samdrift.web import logs

PASSWORD = "en lang nok adgangskode"
FROM = date(2026, 1, 1)


@attrs.frozen(kw_only=True)
class Federation:
    """The ids of what was made."""

    unit: UUID
    other_unit: UUID
    odense: UUID
    assens: UUID
    aalborg: UUID
    second_line: UUID
    spoc: UUID
    subscription: UUID
    ticket: UUID
    hidden_ticket: UUID
    source: UUID
    case: UUID
    alert: UUID
    users: dict[str, UUID]


def _organisation(kind: Kind, name: str, cvr: str, at: datetime, **more: object) -> UUID:
    short = name.removesuffix(" Kommune")
    return federation.onboard_organisation(kind=kind, name=name, short_name=short, cvr=cvr, at=at, **more)  # type: ignore[arg-type]


def _user(name: str, organisation: UUID, role: Role, at: datetime, team: UUID | None = None) -> UUID:
    email = f"{name.lower().replace(' ', '.')}@example.dk"
    user = federation.create_user(email=email, name=name, password=PASSWORD, at=at)
    federation.add_membership(user=user, organisation=organisation, role=role, team=team, from_date=FROM, at=at)
    return user


def build(*, content: Path, data: Path, at: datetime) -> Federation:
    """Make the federation with the operations that everybody uses."""
    scope = all_organisations(purpose=Purpose.OPERATION, reason="set up for a test", actor="test")
    with entered(scope):
        return _build(content, data, at)


def _build(content: Path, data: Path, at: datetime) -> Federation:
    unit = _organisation(Kind.UNIT, "Enhed Syd", "99000018", at, cvr_invented=True, region="Syddanmark")
    other_unit = _organisation(Kind.UNIT, "Enhed Nord", "99000026", at, cvr_invented=True, region="Nordjylland")
    odense = _organisation(Kind.MUNICIPALITY, "Odense Kommune", "35209115", at, kommunekode="0461")
    assens = _organisation(Kind.MUNICIPALITY, "Assens Kommune", "29189692", at, kommunekode="0420")
    aalborg = _organisation(Kind.MUNICIPALITY, "Aalborg Kommune", "29189420", at, kommunekode="0851")
    for owned, municipality in ((unit, odense), (unit, assens), (other_unit, aalborg)):
        federation.begin_ownership(unit=owned, municipality=municipality, from_date=FROM, at=at)
    spoc = federation.add_team(organisation=odense, name="SPOC", line=Line.FIRST, at=at)
    assens_spoc = federation.add_team(organisation=assens, name="SPOC", line=Line.FIRST, at=at)
    aalborg_spoc = federation.add_team(organisation=aalborg, name="SPOC", line=Line.FIRST, at=at)
    second_line = federation.add_team(organisation=unit, name="Servere", line=Line.SECOND, at=at)
    watch = federation.add_team(organisation=unit, name="SOC", line=Line.SOC, at=at)
    users = {
        "spoc": _user("Sanne Poulsen", odense, Role.SPOC_AGENT, at, spoc),
        "second_line": _user("Bo Riis", unit, Role.SECOND_LINE_AGENT, at, second_line),
        "analyst": _user("Anna Holm", unit, Role.ANALYST, at, watch),
        "buyer": _user("Ib Krog", odense, Role.SERVICE_BUYER, at),
        "manager": _user("Mia Lund", unit, Role.SERVICE_MANAGER, at),
        "ciso": _user("Carl Iversen", odense, Role.CISO, at),
        "governance": _user("Gerda Vang", odense, Role.GOVERNANCE, at),
        "administrator": _user("Adam Skov", odense, Role.ADMINISTRATOR, at),
        "stranger": _user("Nora Kjær", aalborg, Role.SPOC_AGENT, at, aalborg_spoc),
        "both": _user("Tove Dahl", unit, Role.ANALYST, at, watch),
    }
    more = ((Role.SECOND_LINE_AGENT, unit, second_line), (Role.SPOC_AGENT, assens, assens_spoc))
    for role, organisation, team in more:
        federation.add_membership(
            user=users["both"], organisation=organisation, role=role, team=team, from_date=FROM, at=at
        )
    catalogue.publish_catalogue(folder=content / "catalogue", at=at)
    offering = catalogue.offer_service(
        unit=unit, slug="server-operation", municipalities=[odense, assens], from_date=FROM, at=at
    )
    subscription = catalogue.subscribe(
        municipality=odense, offering=offering, level_class="gold", from_date=FROM, at=at
    )
    ticket = _ticket(at, odense, unit, second_line, spoc, subscription, "Servicedesken kan ikke logge på filserveren")
    hidden = _ticket(at, aalborg, None, aalborg_spoc, None, None, "Fortroligt i Aalborg")
    source = logs.build(data=data, organisation=odense, subscription=subscription, at=at)
    outbox.dispatch(now=at + timedelta(seconds=1))
    case = soc.case_queue().rows[0].id
    return Federation(
        source=source,
        case=case,
        alert=soc.alert_list(filters=soc.AlertFilters(case=case)).rows[0].id,
        unit=unit,
        other_unit=other_unit,
        odense=odense,
        assens=assens,
        aalborg=aalborg,
        second_line=second_line,
        spoc=spoc,
        subscription=subscription,
        ticket=ticket,
        hidden_ticket=hidden,
        users=users,
    )


def _ticket(
    at: datetime,
    municipality: UUID,
    unit: UUID | None,
    team: UUID,
    follower: UUID | None,
    subscription: UUID | None,
    title: str,
) -> UUID:
    return support.open_ticket(
        actor=_opener(municipality),
        municipality=municipality,
        unit=unit,
        kind="incident",
        priority="P2",
        title=title,
        team=team,
        follower_team=follower,
        subscription=subscription,
        description="Tre medarbejdere får fejl 0x80070035, når de åbner fællesdrevet.",
        requester="Borgerservice",
        at=at - timedelta(minutes=20),
    )


@attrs.frozen(kw_only=True)
class _Opener:
    user_id: UUID | None
    name: str
    organisation_id: UUID
    roles: frozenset[str]


def _opener(organisation: UUID) -> _Opener:
    return _Opener(user_id=None, name="Samdrift", organisation_id=organisation, roles=frozenset({"spoc_agent"}))


def person(user: UUID) -> object:
    """Return the person as Django's login knows them."""
    return get_user_model().objects.get(pk=user)


def actor(user: UUID, organisation: UUID, *, at: datetime) -> queries.Actor:
    """Return one of the users as an actor."""
    return queries.actor_for(user_id=user, organisation_id=organisation, at=at)
