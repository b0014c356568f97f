"""Who may do what, as pure predicates over roles and kinds of organisation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import attrs
from django.db import models
from django.utils.translation import gettext_lazy as _

from samdrift_logs.scope import Purpose


class Kind(models.TextChoices):
    """What kind of party an organisation is."""

    NATIONAL = "national", _("National body")
    UNIT = "unit", _("Unit")
    MUNICIPALITY = "municipality", _("Municipality")
    SUPPLIER = "supplier", _("Supplier")
    CERT = "cert", _("CERT")


class Line(models.TextChoices):
    """Which line of support a team is."""

    FIRST = "1st", _("1st line")
    SECOND = "2nd", _("2nd line")
    ONSITE = "onsite", _("On-site")
    SOC = "soc", _("SOC")


class Role(models.TextChoices):
    """What a member does."""

    SPOC_AGENT = "spoc_agent", _("SPOC agent")
    SECOND_LINE_AGENT = "second_line_agent", _("2nd line agent")
    SERVICE_BUYER = "service_buyer", _("Service buyer")
    SERVICE_MANAGER = "service_manager", _("Service manager")
    ANALYST = "analyst", _("Analyst")
    CISO = "ciso", _("CISO")
    GOVERNANCE = "governance", _("Governance")
    ADMINISTRATOR = "administrator", _("Administrator")


@attrs.frozen(kw_only=True)
class Actor:
    """Somebody who acts in one organisation, by session or by token.

    `purposes` is what a token was issued for, None for a person at a screen. What the actor may see is not decided from
    this but from the memberships stored at that moment (`boundary.scope_for`).
    """

    user_id: UUID
    name: str
    email: str
    organisation_id: UUID
    organisation_name: str
    organisation_kind: Kind
    roles: frozenset[Role]
    team_ids: frozenset[UUID] = frozenset()
    token_id: UUID | None = None
    purposes: frozenset[Purpose] | None = None

    @property
    def label(self) -> str:
        """What the audit chain calls this actor."""
        return f"token:{self.token_id} user:{self.user_id}" if self.token_id else f"user:{self.user_id}"


PURPOSES_OF_ROLE: Mapping[Role, frozenset[Purpose]] = {
    Role.SPOC_AGENT: frozenset({Purpose.SUPPORT}),
    Role.SECOND_LINE_AGENT: frozenset({Purpose.SUPPORT}),
    Role.SERVICE_BUYER: frozenset({Purpose.PURCHASE}),
    Role.SERVICE_MANAGER: frozenset({Purpose.PURCHASE, Purpose.SUPPORT}),
    Role.ANALYST: frozenset({Purpose.WATCH}),
    Role.CISO: frozenset({Purpose.WATCH, Purpose.PURCHASE}),
    Role.GOVERNANCE: frozenset({Purpose.PURCHASE}),
    Role.ADMINISTRATOR: frozenset({Purpose.ADMINISTRATION}),
}

_MUNICIPAL = frozenset(
    {Role.SPOC_AGENT, Role.SERVICE_BUYER, Role.ANALYST, Role.CISO, Role.GOVERNANCE, Role.ADMINISTRATOR}
)
_OF_UNIT = frozenset(
    {Role.SECOND_LINE_AGENT, Role.SERVICE_MANAGER, Role.ANALYST, Role.CISO, Role.GOVERNANCE, Role.ADMINISTRATOR}
)
ROLES_IN_KIND: Mapping[Kind, frozenset[Role]] = {
    Kind.MUNICIPALITY: _MUNICIPAL,
    Kind.UNIT: _OF_UNIT,
    Kind.NATIONAL: frozenset({Role.GOVERNANCE, Role.ADMINISTRATOR}),
    Kind.CERT: frozenset({Role.ANALYST, Role.ADMINISTRATOR}),
    Kind.SUPPLIER: frozenset({Role.SECOND_LINE_AGENT, Role.ADMINISTRATOR}),
}


def purposes_of(roles: Iterable[Role]) -> frozenset[Purpose]:
    """Return for what people in these roles may look at data. OPERATION is nobody's: only processes have it."""
    return frozenset().union(*(PURPOSES_OF_ROLE[role] for role in roles))


def roles_for(*, roles: Iterable[Role], purpose: Purpose) -> frozenset[Role]:
    """Return those of `roles` that give `purpose`."""
    return frozenset(role for role in roles if purpose in PURPOSES_OF_ROLE[role])


def role_fits(*, role: Role, kind: Kind) -> bool:
    """Tell whether an organisation of this kind has this role."""
    return role in ROLES_IN_KIND[kind]


def watches_owners(*, kind: Kind, purpose: Purpose) -> bool:
    """Tell whether the Scope of this purpose reaches the municipalities that own the organisation."""
    return kind is Kind.UNIT and purpose is Purpose.WATCH


def may_see_logs(*, kind: Kind) -> bool:
    """Tell whether an organisation of this kind may watch at all. Others need a mandate, which issue 4 brings."""
    return kind in {Kind.UNIT, Kind.MUNICIPALITY}


def may_read_audit(*, roles: Iterable[Role]) -> bool:
    """Tell whether people in these roles may read their own organisation's audit chain."""
    return not {Role.ADMINISTRATOR, Role.CISO}.isdisjoint(roles)


def mfa_required_for(*, policies: Iterable[bool]) -> bool:
    """Tell whether a person needs a second factor: as soon as one of their organisations says so."""
    return any(policies)


def token_is_usable(*, expires_at: datetime | None, revoked_at: datetime | None, at: datetime) -> bool:
    """Tell whether a token still opens anything."""
    return revoked_at is None and (expires_at is None or at < expires_at)
