"""Who the token speaks for, why it sees what it sees, and its organisation's audit chain."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Query, Router, Schema

from samdrift.api.doors import actor_of, purpose
from samdrift.federation import boundary, queries
from samdrift_logs.errors import ScopeRefused
from samdrift_logs.scope import Purpose

router = Router(tags=["myself"])


class ScopeOut(Schema):
    """For one purpose: which organisations, and why."""

    purpose: str
    organisations: list[UUID]
    reason: str


class MyselfOut(Schema):
    """Who the token speaks for."""

    name: str
    organisation: UUID
    organisation_name: str
    roles: list[str]
    scopes: list[ScopeOut]


class AuditOut(Schema):
    """One entry of the caller's organisation's audit chain."""

    sequence: int
    at: dt.datetime
    actor: str
    action: str
    subject: str
    subject_id: str
    reason: str
    scope_reason: str
    before: str
    after: str


class AuditIn(Schema):
    """Which entries: those before a number, newest first."""

    before: int | None = Field(None, ge=1, le=2**62)
    limit: int = Field(100, ge=1, le=500)


@router.get("/me", response=MyselfOut)
def who_am_i(request: HttpRequest) -> Any:
    """Say who the token speaks for and what it may see, for each of its purposes, with the reason."""
    actor = actor_of(request)
    scopes = []
    for wanted in Purpose:
        try:
            scope = boundary.scope_for(actor, wanted, at=timezone.now())
        except ScopeRefused:
            continue
        scopes.append({"purpose": wanted.value, "organisations": sorted(scope.organisations), "reason": scope.reason})
    return {
        "name": actor.name,
        "organisation": actor.organisation_id,
        "organisation_name": actor.organisation_name,
        "roles": sorted(role.value for role in actor.roles),
        "scopes": scopes,
    }


@router.get("/audit", response=list[AuditOut])
@purpose(Purpose.WATCH)
def read_audit(request: HttpRequest, given: Query[AuditIn]) -> Any:
    """Read the audit chain of the caller's organisation, newest first: who looked at our logs, and more."""
    at = request.at  # type: ignore[attr-defined]
    return queries.audit_entries(actor=actor_of(request), at=at, before=given.before, limit=given.limit)
