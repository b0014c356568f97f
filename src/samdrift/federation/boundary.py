"""Who may see what: the one place where a Scope is decided.

The rules of today: whoever works in an organisation sees that organisation's rows, for the purposes of their roles. A
row shared with a counterparty is seen by each (the gate does that). Only the watch reaches further: a unit's analysts
see the municipalities that own the unit on that day. Everything else needs a mandate, and there are none yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from samdrift.federation import rules
from samdrift.federation.models import Membership, Organisation, Ownership
from samdrift.federation.rules import Actor, Kind, Role
from samdrift.foundation import audit, scoped
from samdrift_logs.errors import ScopeRefused
from samdrift_logs.scope import Purpose, Scope, all_organisations

Row = TypeVar("Row", Membership, Ownership)

_NAMED = 3  # organisations that a reason names before it counts
DENMARK = ZoneInfo("Europe/Copenhagen")


def scope_for(actor: Actor, purpose: Purpose, *, at: datetime) -> Scope:
    """Return what `actor` may see for `purpose`, with the reason in the reader's language.

    Memberships and ownership are read anew: a session or token that outlives a membership gives nothing. Raises
    ScopeRefused with what is missing.
    """
    if actor.purposes is not None and purpose not in actor.purposes:
        raise ScopeRefused(_("This token was not issued for that purpose."))
    today = local_date(at)
    with identifying(actor.label, organisation=actor.organisation_id):
        memberships = list(
            current_ones(
                Membership.objects.filter(
                    user=actor.user_id, user__is_active=True, organisation=actor.organisation_id
                ).select_related("organisation"),
                today=today,
            )
        )
        roles = rules.roles_for(roles=(Role(item.role) for item in memberships), purpose=purpose)
        if not roles:
            raise ScopeRefused(_("You have no role in %s for that.") % actor.organisation_name)
        organisation = memberships[0].organisation
        kind = Kind(organisation.kind)
        if purpose is Purpose.WATCH and not rules.may_see_logs(kind=kind):
            raise ScopeRefused(_("%s has no mandate to see the logs of others.") % organisation.short_name)
        seen = [organisation]
        if rules.watches_owners(kind=kind, purpose=purpose):
            seen += [item.municipality for item in owners(organisation.pk, today=today)]
        return Scope(
            organisations=[item.pk for item in seen],
            purpose=purpose,
            reason=_in_words(organisation, roles, seen),
            actor=actor.label,
            home=organisation.pk,
        )


def everyone(*, reason: str, actor: str, at: datetime, purpose: Purpose = Purpose.OPERATION) -> Scope:
    """Return the Scope over every organisation, for Samdrift's own processes, and write it to the installation's chain.

    A process asks once, when it starts, and enters the Scope for each of its rounds.
    """
    scope = all_organisations(purpose=purpose, reason=reason, actor=actor)
    with scoped.entered(scope):
        audit.record(organisation=audit.INSTALLATION, action="federation.scope.everyone", reason=reason, at=at)
    return scope


@contextmanager
def identifying(actor: str, *, organisation: UUID | None = None) -> Iterator[Scope]:
    """Work out who somebody is: before there is a Scope, memberships and tokens must be read to find one.

    Not audited, because it happens at every request; it only ever reads the rows of one person or token.
    """
    reason = "find out who is asking"
    if organisation is None:
        scope = all_organisations(purpose=Purpose.ADMINISTRATION, reason=reason, actor=actor)
    else:
        scope = Scope(organisations={organisation}, purpose=Purpose.ADMINISTRATION, reason=reason, actor=actor)
    with scoped.entered(scope):
        yield scope


def owners(unit: UUID, *, today: date) -> QuerySet[Ownership]:
    """Return the unit's current ownerships with their municipalities, by name."""
    rows = Ownership.objects.filter(unit=unit).select_related("municipality").order_by("municipality__name")
    return current_ones(rows, today=today)


def current_ones(rows: QuerySet[Row], *, today: date) -> QuerySet[Row]:
    """Return those of memberships or ownerships that hold on `today`."""
    return rows.filter(Q(to_date=None) | Q(to_date__gt=today), from_date__lte=today)


def local_date(at: datetime) -> date:
    """Return the day it is in Denmark: memberships and ownership change at midnight there."""
    return at.astimezone(DENMARK).date()


def _in_words(organisation: Organisation, roles: Iterable[Role], seen: list[Organisation]) -> str:
    names = [item.short_name for item in seen if item.pk != organisation.pk] or [organisation.short_name]
    shown = ", ".join(names[:_NAMED])
    if (more := len(names) - _NAMED) > 0:
        shown = ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", more) % {
            "names": shown,
            "count": more,
        }
    return _("You see %(seen)s as %(role)s in %(organisation)s.") % {
        "seen": shown,
        "role": ", ".join(sorted(str(role.label) for role in roles)),
        "organisation": organisation.short_name,
    }
