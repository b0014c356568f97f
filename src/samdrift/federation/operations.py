"""Writes of the federation: one function a verb, one transaction, one audit entry, one fact, the time passed in.

All work in the Scope at hand: OPERATION over everyone for onboarding, ADMINISTRATION of one's own organisation for the
rest. `authenticate_token` is a door and needs none.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import attrs
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import models, transaction
from django.utils.translation import gettext as _

from samdrift.federation import boundary, queries, rules
from samdrift.federation.domain import cvr as cvr_numbers
from samdrift.federation.domain.content import read_organisations
from samdrift.federation.models import ApiToken, Membership, Organisation, Ownership, Team, User
from samdrift.federation.rules import Actor, Kind, Line, Role
from samdrift.foundation import audit, outbox
from samdrift_logs.errors import SamdriftError, ScopeRefused
from samdrift_logs.scope import Purpose

PREFIX = "samdrift_"  # what a secret begins with, so that scanners find one that was lost
_USE_IS_NOTED_EVERY = timedelta(minutes=1)


class OrganisationRefused(SamdriftError):
    """An organisation cannot be taken up as given."""


class RoleDoesNotFit(SamdriftError):
    """An organisation of this kind has no such role, or the team is another organisation's."""


class EmailTaken(SamdriftError):
    """Somebody has this address already. A person has one address, and any number of roles."""


class TeamRefused(SamdriftError):
    """A team cannot be made: the organisation has one of this name."""


class EndsBeforeItBegan(SamdriftError):
    """A membership or an ownership would end before it began."""


class TokenRefused(SamdriftError):
    """A token opens nothing: unknown, expired, revoked, or its person is no member any more. Never says which."""


@attrs.frozen(kw_only=True)
class IssuedToken:
    """A new token. The secret is shown once and stored nowhere."""

    id: UUID
    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Loaded:
    """What `load_organisations` took up; what was there already is not counted."""

    municipalities: int
    units: int
    ownerships: int


# ---- organisations


@transaction.atomic
def onboard_organisation(
    *,
    kind: Kind,
    name: str,
    short_name: str,
    cvr: str,
    at: datetime,
    kommunekode: str = "",
    region: str = "",
    cvr_invented: bool = False,
    mfa_required: bool = False,
) -> UUID:
    """Take up an organisation and return its id. Raises OrganisationRefused for a CVR number that cannot be right."""
    if cvr_numbers.can_exist(cvr) == cvr_invented:
        wanted = "must not be able to exist, because it is invented" if cvr_invented else "has a wrong check sum"
        raise OrganisationRefused(f"{name}: the CVR number {cvr} {wanted}")
    if Organisation.objects.filter(models.Q(name=name) | models.Q(cvr=cvr)).exists():
        raise OrganisationRefused(f"{name}: an organisation with this name or CVR number is there already")
    stored = Organisation.objects.create(
        kind=kind,
        name=name,
        short_name=short_name,
        cvr=cvr,
        cvr_invented=cvr_invented,
        kommunekode=kommunekode,
        region=region,
        mfa_required=mfa_required,
    )
    _tell(stored, organisation=stored.pk, action="federation.organisation.onboarded", at=at, after={"name": name})
    return stored.pk


@transaction.atomic
def begin_ownership(*, unit: UUID, municipality: UUID, from_date: date, at: datetime) -> UUID:
    """Let a municipality own a part of a unit from a day on, and return the ownership's id."""
    kinds = dict(Organisation.objects.filter(pk__in=[unit, municipality]).values_list("pk", "kind"))
    if (kinds.get(unit), kinds.get(municipality)) != (Kind.UNIT, Kind.MUNICIPALITY):
        raise OrganisationRefused("a municipality owns a unit, nothing else")
    if Ownership.objects.filter(unit=unit, municipality=municipality, to_date=None).exists():
        raise OrganisationRefused("the municipality owns a part of this unit already")
    stored = Ownership.objects.create(unit_id=unit, municipality_id=municipality, from_date=from_date)
    facts = {"unit": str(unit), "municipality": str(municipality), "from_date": from_date.isoformat()}
    _tell(
        stored,
        organisation=municipality,
        action="federation.ownership.began",
        at=at,
        after=facts,
        counterparties=[unit],
    )
    return stored.pk


@transaction.atomic
def end_ownership(*, ownership: UUID, to_date: date, reason: str, at: datetime) -> None:
    """Let an ownership end; `to_date` is the first day without. Raises NotInFederation, EndsBeforeItBegan."""
    stored = Ownership.objects.filter(pk=ownership).first()
    if stored is None:
        raise queries.NotInFederation(f"there is no ownership {ownership}")
    if to_date <= stored.from_date:
        raise EndsBeforeItBegan(f"the ownership began on {stored.from_date}; it ends later than that")
    stored.to_date = to_date
    stored.save(update_fields=["to_date"])
    facts = {"unit": str(stored.unit_id), "municipality": str(stored.municipality_id), "to_date": to_date.isoformat()}
    _tell(
        stored,
        organisation=stored.municipality_id,
        action="federation.ownership.ended",
        at=at,
        reason=reason,
        after=facts,
        counterparties=[stored.unit_id],
    )


@transaction.atomic
def add_team(*, organisation: UUID, name: str, line: Line, at: datetime) -> UUID:
    """Make a team and return its id. Raises TeamRefused."""
    if Team.objects.filter(organisation=organisation, name=name).exists():
        raise TeamRefused(f"the organisation has a team {name!r} already")
    stored = Team.objects.create(organisation_id=organisation, name=name, line=line)
    _tell(
        stored,
        organisation=organisation,
        action="federation.team.added",
        at=at,
        after={"name": name, "line": line.value},
    )
    return stored.pk


@transaction.atomic
def set_policy(*, organisation: UUID, mfa_required: bool, at: datetime) -> None:
    """Say whether everyone in the organisation needs a second factor."""
    stored = Organisation.objects.get(pk=organisation)
    before, stored.mfa_required = stored.mfa_required, mfa_required
    stored.save(update_fields=["mfa_required"])
    _tell(
        stored,
        organisation=organisation,
        action="federation.policy.set",
        at=at,
        before={"mfa_required": before},
        after={"mfa_required": mfa_required},
    )


@transaction.atomic
def load_organisations(*, folder: Path, at: datetime) -> Loaded:
    """Take up the municipalities and units of content/organisations that are not there yet, with their ownership.

    Raises OrganisationsRefused with every fault of the files; then nothing is taken up.
    """
    content = read_organisations(folder)
    present = dict(Organisation.objects.values_list("cvr", "pk"))
    taken_up = set()
    for kind, entries in ((Kind.MUNICIPALITY, content.municipalities), (Kind.UNIT, content.units)):
        for entry in entries:
            if entry.cvr in present:
                continue
            taken_up.add(entry.cvr)
            present[entry.cvr] = onboard_organisation(
                kind=kind,
                name=entry.name,
                short_name=entry.short_name,
                cvr=entry.cvr,
                cvr_invented=kind is Kind.UNIT,
                kommunekode=getattr(entry, "kommunekode", ""),
                region=entry.region,
                at=at,
            )
    owned = set(Ownership.objects.values_list("unit", "municipality"))
    began = 0
    for unit in content.units:
        for municipality in content.municipalities:
            pair = (present[unit.cvr], present[municipality.cvr])
            if municipality.region == unit.region and pair not in owned:
                begin_ownership(unit=pair[0], municipality=pair[1], from_date=unit.owned_from, at=at)
                began += 1
    return Loaded(
        municipalities=len(taken_up & {item.cvr for item in content.municipalities}),
        units=len(taken_up & {item.cvr for item in content.units}),
        ownerships=began,
    )


# ---- people


@transaction.atomic
def create_user(
    *, email: str, name: str, at: datetime, language: str = User.Language.DANISH, password: str | None = None
) -> UUID:
    """Store a person and return their id. Without a password they must be given one before they can log in.

    Raises EmailTaken.
    """
    if User.objects.filter(email__iexact=email).exists():
        raise EmailTaken(f"somebody has the address {email} already; give them another role with `samdrift user role`")
    person = User.objects.create_user(email=email, password=password, name=name, language=language)
    audit.record(organisation=audit.INSTALLATION, action="federation.user.created", subject=person, at=at)
    return person.pk


@transaction.atomic
def enrol_totp(*, user: UUID, at: datetime) -> str:
    """Let a person log in with codes from an authenticator app, too, and return the app's secret (base32)."""
    person = User.objects.get(pk=user)
    secret: str = generate_totp_secret()
    TOTP.activate(person, secret)
    audit.record(organisation=audit.INSTALLATION, action="federation.user.totp_enrolled", subject=person, at=at)
    return secret


@transaction.atomic
def add_membership(
    *,
    user: UUID,
    organisation: UUID,
    role: Role,
    from_date: date,
    at: datetime,
    team: UUID | None = None,
    to_date: date | None = None,
) -> UUID:
    """Make a person a member and return the membership's id. Raises RoleDoesNotFit."""
    kind = Kind(Organisation.objects.get(pk=organisation).kind)
    if not rules.role_fits(role=role, kind=kind):
        raise RoleDoesNotFit(_("An organisation of this kind has no %s.") % role.label)
    if team is not None and not Team.objects.filter(pk=team, organisation=organisation).exists():
        raise RoleDoesNotFit(_("The team belongs to another organisation."))
    stored = Membership.objects.create(
        user_id=user, organisation_id=organisation, role=role, team_id=team, from_date=from_date, to_date=to_date
    )
    facts = {"user": str(user), "role": role.value, "team": str(team) if team else None}
    _tell(stored, organisation=organisation, action="federation.membership.added", at=at, after=facts)
    return stored.pk


@transaction.atomic
def end_membership(*, membership: UUID, to_date: date, reason: str, at: datetime) -> None:
    """Let a membership end; `to_date` is the first day without. Tokens and sessions give nothing from then on.

    Raises NotInFederation, EndsBeforeItBegan.
    """
    stored = Membership.objects.filter(pk=membership).first()
    if stored is None:
        raise queries.NotInFederation(f"there is no membership {membership} within what you may see")
    if to_date < stored.from_date:
        raise EndsBeforeItBegan(f"the membership began on {stored.from_date}; it ends that day or later")
    before, stored.to_date = stored.to_date, to_date
    stored.save(update_fields=["to_date"])
    _tell(
        stored,
        organisation=stored.organisation_id,
        action="federation.membership.ended",
        at=at,
        reason=reason,
        before={"to_date": before},
        after={"to_date": to_date.isoformat(), "user": str(stored.user_id)},
    )


# ---- tokens


@transaction.atomic
def issue_token(
    *,
    user: UUID,
    organisation: UUID,
    name: str,
    purposes: Iterable[Purpose],
    at: datetime,
    expires_at: datetime | None = None,
) -> IssuedToken:
    """Make a token for a member. It never opens more than the person's roles do. Raises ScopeRefused."""
    wanted = frozenset(purposes)
    actor = queries.actor_for(user_id=user, organisation_id=organisation, at=at)
    if not wanted or not wanted <= rules.purposes_of(actor.roles):
        raise ScopeRefused(_("A token opens what its person may open, and for at least one purpose."))
    secret = PREFIX + secrets.token_urlsafe(32)
    stored = ApiToken.objects.create(
        user_id=user,
        organisation_id=organisation,
        name=name,
        hash=_hash(secret),
        purposes=sorted(purpose.value for purpose in wanted),
        created_at=at,
        expires_at=expires_at,
    )
    facts = {"name": name, "user": str(user), "purposes": stored.purposes}
    _tell(stored, organisation=organisation, action="federation.token.issued", at=at, after=facts)
    return IssuedToken(id=stored.pk, secret=secret)


@transaction.atomic
def revoke_token(*, token: UUID, reason: str, at: datetime) -> None:
    """Make a token useless at once. Revoking it again changes nothing. Raises NotInFederation."""
    stored = ApiToken.objects.select_for_update().filter(pk=token).first()
    if stored is None:
        raise queries.NotInFederation(f"there is no token {token} within what you may see")
    if stored.revoked_at is not None:
        return
    stored.revoked_at = at
    stored.save(update_fields=["revoked_at"])
    _tell(
        stored,
        organisation=stored.organisation_id,
        action="federation.token.revoked",
        at=at,
        reason=reason,
        after={"name": stored.name},
    )


def authenticate_token(*, secret: str, at: datetime) -> Actor:
    """Return who a token speaks for. Raises TokenRefused. Its last use is noted, to the minute."""
    with boundary.identifying("token"):
        stored = ApiToken.objects.filter(hash=_hash(secret)).first()
        if stored is None or not rules.token_is_usable(
            expires_at=stored.expires_at, revoked_at=stored.revoked_at, at=at
        ):
            raise TokenRefused(_("This token is not valid."))
        try:
            actor = queries.actor_for(user_id=stored.user_id, organisation_id=stored.organisation_id, at=at)
        except ScopeRefused as refused:
            raise TokenRefused(_("This token is not valid.")) from refused
        if stored.last_used_at is None or at - stored.last_used_at >= _USE_IS_NOTED_EVERY:
            ApiToken.objects.filter(pk=stored.pk).update(last_used_at=at)
    return attrs.evolve(actor, token_id=stored.pk, purposes=frozenset(Purpose(purpose) for purpose in stored.purposes))


def _hash(secret: str) -> str:
    """Return the SHA-256 of a secret; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _tell(
    subject: models.Model,
    *,
    organisation: UUID,
    action: str,
    at: datetime,
    reason: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    counterparties: Iterable[UUID] = (),
) -> None:
    """Write what was done to the audit chain and publish it as a fact."""
    audit.record(
        organisation=organisation, action=action, subject=subject, at=at, reason=reason, before=before, after=after
    )
    outbox.publish(
        organisation=organisation,
        fact=action,
        payload={"id": str(subject.pk), **(after or {})},
        at=at,
        counterparties=counterparties,
    )
