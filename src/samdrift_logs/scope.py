"""The frozen Scope that both gates speak: which organisations, for what purpose, and why.

Decided in one place (`samdrift.federation.boundary.scope_for`), applied by one gate per store
(`samdrift.foundation.scoped` and `samdrift_logs.lake.gate`).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from uuid import UUID

import attrs

from samdrift_logs.errors import ScopeRefused


class Purpose(enum.StrEnum):
    """What the data is looked at for. Every model and lake table names the purposes that may read or write it."""

    SUPPORT = "support"  # tickets, hand-overs
    WATCH = "watch"  # logs, alerts, cases: the SOC's work
    PURCHASE = "purchase"  # catalogue, offerings, subscriptions
    ADMINISTRATION = "administration"  # users, memberships, sources, tokens, audit
    OPERATION = "operation"  # Samdrift's own processes: tasks, processes, onboarding


def _frozen(organisations: Iterable[UUID]) -> frozenset[UUID]:
    return frozenset(organisations)


@attrs.frozen(kw_only=True)
class Scope:
    """Which organisations an actor may see, for what purpose, and why.

    Never empty: an actor who may see nothing gets no Scope. `everyone` is set only by `all_organisations`, and then
    `organisations` is empty because no list could be complete. `home` is the organisation the actor belongs to, None
    for Samdrift's own processes: where a Scope reaches others, some rows are still read at home only.
    """

    organisations: frozenset[UUID] = attrs.field(converter=_frozen)
    purpose: Purpose
    reason: str
    actor: str
    everyone: bool = False
    home: UUID | None = None

    def __attrs_post_init__(self) -> None:
        if not self.reason or not self.actor:
            raise ScopeRefused("a Scope names its actor and its reason")
        if bool(self.organisations) == self.everyone:
            raise ScopeRefused("a Scope covers at least one organisation, or is made by all_organisations()")

    def covers(self, organisation: UUID) -> bool:
        """Tell whether `organisation` is within this Scope."""
        return self.everyone or organisation in self.organisations

    def narrowed(self, organisations: Iterable[UUID]) -> Scope:
        """Return the same Scope for fewer organisations. Raises ScopeRefused if one is outside."""
        wanted = frozenset(organisations)
        outside = [organisation for organisation in wanted if not self.covers(organisation)]
        if outside or not wanted:
            raise ScopeRefused("the narrower Scope is empty or reaches outside this one")
        return attrs.evolve(self, organisations=wanted, everyone=False)


def all_organisations(*, purpose: Purpose, reason: str, actor: str) -> Scope:
    """Return the Scope over every organisation. The caller must write it to the audit chain."""
    return Scope(organisations=frozenset(), purpose=purpose, reason=reason, actor=actor, everyone=True)
