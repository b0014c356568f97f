"""Reads of the federation: who exists, who owns whom, who is a member of what.

Organisations, teams and ownership are published and need any Scope; who somebody is (`actor_for`, `memberships_of`,
`mfa_required`) is asked before there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

import attrs
from django.utils.translation import gettext as _

from samdrift.federation import boundary, rules
from samdrift.federation.models import ApiToken, Membership, Organisation, Ownership, Team, User
from samdrift.federation.rules import Actor, Kind, Line, Role
from samdrift.foundation import scoped
from samdrift.foundation.models import AuditEntry
from samdrift_logs.errors import SamdriftError, ScopeRefused
from samdrift_logs.scope import Purpose


class NotInFederation(SamdriftError):
    """What was asked for by name, address or id is not there, or not within the Scope at hand."""


class OrganisationMissing(NotInFederation):
    """No organisation has this short or full name."""


@attrs.frozen(kw_only=True)
class OrganisationRow:
    """An organisation as pages show it."""

    id: UUID
    kind: Kind
    name: str
    short_name: str
    cvr: str
    cvr_invented: bool
    kommunekode: str
    region: str
    mfa_required: bool


@attrs.frozen(kw_only=True)
class TeamRow:
    """A team, with the organisation it belongs to."""

    id: UUID
    organisation: UUID
    organisation_name: str
    name: str
    line: Line


@attrs.frozen(kw_only=True)
class Affiliation:
    """What one person does in one organisation at the moment."""

    organisation: OrganisationRow
    roles: frozenset[Role]
    teams: tuple[TeamRow, ...]


@attrs.frozen(kw_only=True)
class PersonRow:
    """A person's name and address."""

    id: UUID
    name: str
    email: str


@attrs.frozen(kw_only=True)
class MemberRow:
    """One membership."""

    id: UUID
    person: PersonRow
    organisation: UUID
    team: TeamRow | None
    role: Role
    from_date: date
    to_date: date | None


@attrs.frozen(kw_only=True)
class TokenRow:
    """A token without its secret, which nobody can read again."""

    id: UUID
    organisation: UUID
    person: PersonRow
    name: str
    purposes: frozenset[Purpose]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@attrs.frozen(kw_only=True)
class AuditRow:
    """One entry of an audit chain."""

    sequence: int
    at: datetime
    actor: str
    purpose: str
    scope_reason: str
    action: str
    subject: str
    subject_id: str
    reason: str
    before: str
    after: str


# ---- who is asking


def actor_for(*, user_id: UUID, organisation_id: UUID, at: datetime) -> Actor:
    """Return the person as an actor in one of their organisations. Raises ScopeRefused where they are no member."""
    found = [item for item in memberships_of(user_id=user_id, at=at) if item.organisation.id == organisation_id]
    person = User.objects.filter(pk=user_id, is_active=True).first()
    if not found or person is None:
        raise ScopeRefused(_("You are not a member of this organisation."))
    return _actor(person, found[0])


def actors_of(*, user_id: UUID, at: datetime) -> tuple[Actor, ...]:
    """Return the person as an actor in each of their organisations, by name; empty where they have none."""
    person = User.objects.filter(pk=user_id, is_active=True).first()
    return tuple(_actor(person, item) for item in memberships_of(user_id=user_id, at=at)) if person else ()


def actor_by_email(*, email: str, organisation: str = "", at: datetime) -> Actor:
    """Return the actor with this address, in the organisation of this name where they have several (`--as`)."""
    person = User.objects.filter(email__iexact=email, is_active=True).first()
    actors = actors_of(user_id=person.pk, at=at) if person else ()
    fitting = [actor for actor in actors if not organisation or actor.organisation_name == organisation]
    if not fitting:
        raise ScopeRefused(_("Nobody with the address %s is a member there.") % email)
    if len(fitting) > 1:
        names = ", ".join(actor.organisation_name for actor in fitting)
        raise ScopeRefused(_("%(email)s is a member of %(names)s; name one.") % {"email": email, "names": names})
    return fitting[0]


def memberships_of(*, user_id: UUID, at: datetime) -> tuple[Affiliation, ...]:
    """Return what a person does in each of their organisations at `at`, by the organisation's name."""
    with boundary.identifying(f"user:{user_id}"):
        rows = boundary.current_ones(
            Membership.objects.filter(user=user_id, user__is_active=True)
            .select_related("organisation", "team__organisation")
            .order_by("organisation__name", "role"),
            today=boundary.local_date(at),
        )
        by_organisation: dict[UUID, list[Membership]] = {}
        for row in rows:
            by_organisation.setdefault(row.organisation_id, []).append(row)
    return tuple(
        Affiliation(
            organisation=_organisation_row(group[0].organisation),
            roles=frozenset(Role(item.role) for item in group),
            teams=tuple({item.team.pk: _team_row(item.team) for item in group if item.team is not None}.values()),
        )
        for group in by_organisation.values()
    )


def mfa_required(*, user_id: UUID, at: datetime) -> bool:
    """Tell whether the policy of any organisation of this person asks for a second factor."""
    policies = [item.organisation.mfa_required for item in memberships_of(user_id=user_id, at=at)]
    return rules.mfa_required_for(policies=policies)


def _actor(person: User, affiliation: Affiliation) -> Actor:
    return Actor(
        user_id=person.pk,
        name=person.name,
        email=person.email,
        organisation_id=affiliation.organisation.id,
        organisation_name=affiliation.organisation.short_name,
        organisation_kind=affiliation.organisation.kind,
        roles=affiliation.roles,
        team_ids=frozenset(team.id for team in affiliation.teams),
    )


# ---- who exists


def organisations(*, kind: Kind | None = None) -> tuple[OrganisationRow, ...]:
    """Return every organisation, or those of one kind, by name."""
    rows = Organisation.objects.all() if kind is None else Organisation.objects.filter(kind=kind)
    return tuple(_organisation_row(row) for row in rows.order_by("name"))


def organisation(*, id: UUID) -> OrganisationRow:
    """Return one organisation. Raises Organisation.DoesNotExist."""
    return _organisation_row(Organisation.objects.get(pk=id))


def organisation_named(*, name: str) -> OrganisationRow:
    """Return the organisation with this short or full name. Raises OrganisationMissing."""
    found = Organisation.objects.filter(short_name=name).first() or Organisation.objects.filter(name=name).first()
    if found is None:
        raise OrganisationMissing(
            f"there is no organisation {name!r}; `samdrift organisation list` has their names, "
            "and `samdrift user load-organisations` takes them up"
        )
    return _organisation_row(found)


def team_named(*, organisation: UUID, name: str) -> TeamRow:
    """Return an organisation's team with this name. Raises NotInFederation."""
    found = [team for team in teams(organisation=organisation) if team.name == name]
    if not found:
        raise NotInFederation(f"the organisation has no team {name!r}; add it with `samdrift team add`")
    return found[0]


def person_by_email(*, email: str) -> PersonRow:
    """Return the person with this address, in any case. Needs a Scope. Raises NotInFederation."""
    scoped.current()
    found = User.objects.filter(email__iexact=email).first()
    if found is None:
        raise NotInFederation(f"nobody has the address {email}; make the person with `samdrift user add`")
    return _person_row(found)


def ownership_between(*, unit: UUID, municipality: UUID, at: datetime) -> UUID:
    """Return the ownership of a unit by a municipality at `at`. Raises NotInFederation."""
    rows = Ownership.objects.filter(unit=unit, municipality=municipality)
    found = boundary.current_ones(rows, today=boundary.local_date(at)).first()
    if found is None:
        raise NotInFederation("the municipality does not own a part of this unit today")
    return UUID(str(found.pk))


def owners_of(*, unit: UUID, at: datetime) -> tuple[OrganisationRow, ...]:
    """Return the municipalities that own a unit at `at`, by name."""
    rows = boundary.owners(unit, today=boundary.local_date(at))
    return tuple(_organisation_row(row.municipality) for row in rows)


def units_of(*, municipality: UUID, at: datetime) -> tuple[OrganisationRow, ...]:
    """Return the units that a municipality owns a part of at `at`, by name."""
    rows = Organisation.objects.get(pk=municipality).units_owned.select_related("unit").order_by("unit__name")
    current = boundary.current_ones(rows, today=boundary.local_date(at))
    return tuple(_organisation_row(row.unit) for row in current)


def teams(*, organisation: UUID, line: Line | None = None) -> tuple[TeamRow, ...]:
    """Return an organisation's teams, or those of one line, by name."""
    rows = Team.objects.filter(organisation=organisation).select_related("organisation").order_by("name")
    return tuple(_team_row(row) for row in (rows if line is None else rows.filter(line=line)))


def people(*, ids: Iterable[UUID]) -> dict[UUID, PersonRow]:
    """Return names for ids that rows in Scope carry (authors, assignees). Needs a Scope; unknown ids are left out."""
    scoped.current()
    return {person.pk: _person_row(person) for person in User.objects.filter(pk__in=set(ids))}


# ---- one's own organisation


def members(*, organisation: UUID, at: datetime, team: UUID | None = None) -> tuple[MemberRow, ...]:
    """Return the current members of an organisation, or of one of its teams, by name; none of it outside the Scope."""
    rows = Membership.objects.filter(organisation=organisation).select_related("user", "team__organisation")
    rows = rows if team is None else rows.filter(team=team)
    current = boundary.current_ones(rows.order_by("user__name", "role"), today=boundary.local_date(at))
    return tuple(_member_row(row) for row in current)


def tokens(*, organisation: UUID) -> tuple[TokenRow, ...]:
    """Return an organisation's tokens, the newest first."""
    rows = ApiToken.objects.filter(organisation=organisation).select_related("user").order_by("-created_at")
    return tuple(_token_row(row) for row in rows)


def audit_entries(*, actor: Actor, at: datetime, before: int | None = None, limit: int = 100) -> Sequence[AuditRow]:
    """Return the latest entries of the actor's own organisation's chain, below a sequence number where given.

    Raises ScopeRefused unless the actor is, at this moment, somebody who may read it.
    """
    today = actor_for(user_id=actor.user_id, organisation_id=actor.organisation_id, at=at)
    if not rules.may_read_audit(roles=today.roles):
        raise ScopeRefused(_("You have no role in %s for that.") % actor.organisation_name)
    with boundary.identifying(actor.label, organisation=actor.organisation_id):
        rows = AuditEntry.objects.filter(organisation=actor.organisation_id).order_by("-sequence")
        rows = rows if before is None else rows.filter(sequence__lt=before)
        return [
            AuditRow(**{field.name: getattr(row, field.name) for field in attrs.fields(AuditRow)})
            for row in rows[:limit]
        ]


# ---- rows


def _organisation_row(stored: Organisation) -> OrganisationRow:
    return OrganisationRow(
        id=stored.pk,
        kind=Kind(stored.kind),
        name=stored.name,
        short_name=stored.short_name,
        cvr=stored.cvr,
        cvr_invented=stored.cvr_invented,
        kommunekode=stored.kommunekode,
        region=stored.region,
        mfa_required=stored.mfa_required,
    )


def _team_row(stored: Team) -> TeamRow:
    return TeamRow(
        id=stored.pk,
        organisation=stored.organisation_id,
        organisation_name=stored.organisation.short_name,
        name=stored.name,
        line=Line(stored.line),
    )


def _person_row(stored: User) -> PersonRow:
    return PersonRow(id=stored.pk, name=stored.name, email=stored.email)


def _member_row(stored: Membership) -> MemberRow:
    return MemberRow(
        id=stored.pk,
        person=_person_row(stored.user),
        organisation=stored.organisation_id,
        team=_team_row(stored.team) if stored.team is not None else None,
        role=Role(stored.role),
        from_date=stored.from_date,
        to_date=stored.to_date,
    )


def _token_row(stored: ApiToken) -> TokenRow:
    return TokenRow(
        id=stored.pk,
        organisation=stored.organisation_id,
        person=_person_row(stored.user),
        name=stored.name,
        purposes=frozenset(Purpose(purpose) for purpose in stored.purposes),
        created_at=stored.created_at,
        expires_at=stored.expires_at,
        last_used_at=stored.last_used_at,
        revoked_at=stored.revoked_at,
    )
