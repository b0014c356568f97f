"""Work on a case: take it, write, decide, change its state, close it with what it was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from samdrift.foundation import audit, outbox, scoped
from samdrift.soc import rules
from samdrift.soc.models import Case, CaseEntry
from samdrift.soc.rules import Acting, CaseState, Classification, EntryKind
from samdrift_logs.errors import SamdriftError


class CaseNotFound(SamdriftError):
    """There is no such case within the Scope at hand."""


class CaseRefused(SamdriftError):
    """The actor may not do this, or something that must be said is missing. Nothing was changed."""


@transaction.atomic
def take_case(*, actor: Acting, case: UUID, at: dt.datetime) -> None:
    """Become the one who works on a case. Raises CaseNotFound, CaseRefused."""
    found = _to_work_on(case, actor)
    if found.state == CaseState.CLOSED:
        raise CaseRefused(f"case {found.number} is closed; reopen it first")
    before = {"assignee": found.assignee_name, "state": found.state}
    found.assignee_id, found.assignee_name = actor.user_id, actor.name
    if found.state == CaseState.NEW:
        found.state = CaseState.OPEN
    _store(found, at=at, fields=("assignee", "assignee_name", "state"))
    facts = {"from": before["assignee"], "to": actor.name}
    _enter(found, EntryKind.TAKEN, actor=actor, at=at, facts=facts)
    _tell(found, "taken", actor=actor, at=at, before=before)


@transaction.atomic
def add_note(*, actor: Acting, case: UUID, body: str, at: dt.datetime, origin: str | None = None) -> None:
    """Write on a case; both parties read it. With an `origin` that is written already nothing is added.

    Raises CaseNotFound, CaseRefused.
    """
    if origin is not None and CaseEntry.objects.filter(origin=origin).exists():
        return
    found = _to_note_on(case, actor)
    _enter(found, EntryKind.NOTE, actor=actor, at=at, body=_text(body, "a note"), origin=origin)
    _store(found, at=at)
    _tell(found, "noted", actor=actor, at=at)


@transaction.atomic
def record_decision(*, actor: Acting, case: UUID, decision: str, at: dt.datetime) -> None:
    """Write down what was decided and why. Raises CaseNotFound, CaseRefused."""
    found, text = _to_work_on(case, actor), _text(decision, "what was decided and why")
    _enter(found, EntryKind.DECISION, actor=actor, at=at, body=text)
    _store(found, at=at)
    _tell(found, "decided", actor=actor, at=at, reason=text)


@transaction.atomic
def set_state(*, actor: Acting, case: UUID, state: str, at: dt.datetime, reason: str = "") -> None:
    """Move a case on (open, waiting, contained). Closing has its own verb. Raises CaseNotFound, CaseStepRefused."""
    found, to = _to_work_on(case, actor), _state(state)
    if to is CaseState.CLOSED:
        raise CaseRefused("close the case with what it was and why")
    _change(found, to, actor=actor, at=at, reason=reason.strip())


@transaction.atomic
def reopen_case(*, actor: Acting, case: UUID, reason: str, at: dt.datetime) -> None:
    """Open a closed case again. Raises CaseNotFound, CaseRefused, CaseStepRefused."""
    found, why = _to_work_on(case, actor), _text(reason, "why the case opens again")
    if found.state != CaseState.CLOSED:
        raise CaseRefused(f"case {found.number} is {found.state}, not closed")
    found.closed_at, found.classification, found.reason = None, "", ""
    found.save(update_fields=["closed_at", "classification", "reason"])
    _change(found, CaseState.OPEN, actor=actor, at=at, reason=why)


@transaction.atomic
def close_case(*, actor: Acting, case: UUID, classification: str, reason: str, at: dt.datetime) -> None:
    """Close a case and say what it was and how one knows. Raises CaseNotFound, CaseRefused, CaseStepRefused."""
    found, why = _to_work_on(case, actor), _text(reason, "why, so that the next one like it is faster")
    if classification not in list(Classification):
        raise CaseRefused(f"say what it was: {', '.join(Classification)}, not {classification!r}")
    rules.require_change(CaseState(found.state), CaseState.CLOSED)
    before = {"state": found.state}
    found.state, found.classification, found.reason, found.closed_at = CaseState.CLOSED, classification, why, at
    _store(found, at=at, fields=("state", "classification", "reason", "closed_at"))
    _enter(found, EntryKind.CLOSED, actor=actor, at=at, body=why, facts={"classification": classification})
    _tell(found, "closed", actor=actor, at=at, reason=why, before=before, more={"classification": classification})


@transaction.atomic
def link_to_case(*, actor: Acting, case: UUID, title: str, address: str, at: dt.datetime) -> None:
    """Add a link (https://…) to a case. Raises CaseNotFound, CaseRefused."""
    found, text = _to_note_on(case, actor), _text(title, "what the link is")
    if not address.startswith(("https://", "http://")):
        raise CaseRefused("a link begins with https:// or http://")
    _enter(found, EntryKind.LINK, actor=actor, at=at, body=text, facts={"address": address})
    _store(found, at=at)
    _tell(found, "linked", actor=actor, at=at)


@transaction.atomic
def note_ticket(*, case: UUID, facts: Mapping[str, object], author: str, at: dt.datetime, origin: str) -> None:
    """Tell in the case's timeline what happened to its ticket. For processes; the same `origin` is told once."""
    if CaseEntry.objects.filter(origin=origin).exists():
        return
    found = _locked(case)
    _add(found, EntryKind.TICKET, at=at, user_id=None, author=author, facts=facts, origin=origin)
    _store(found, at=at)


def _locked(case: UUID) -> Case:
    scoped.check_write(Case, [])
    found: Case | None = Case.objects.select_for_update().filter(pk=case).first()
    if found is None:
        raise CaseNotFound(f"there is no case {case} within what you may see")
    return found


def _to_work_on(case: UUID, actor: Acting) -> Case:
    found = _locked(case)
    if not rules.may_work_on(actor, handler=found.handler_id):
        raise CaseRefused(f"case {found.number} is worked on by the analysts of the organisation that handles it")
    return found


def _to_note_on(case: UUID, actor: Acting) -> Case:
    found = _locked(case)
    parties = [party for party in (found.organisation_id, found.counterparty_id) if party is not None]
    if not rules.may_note_on(actor, parties=parties):
        raise CaseRefused(f"{actor.name} may not write on case {found.number}")
    return found


def _text(text: str, what: str) -> str:
    stripped = text.strip()
    if not stripped:
        raise CaseRefused(f"write {what}")
    return stripped


def _state(state: str) -> CaseState:
    try:
        return CaseState(state)
    except ValueError:
        raise CaseRefused(f"a case is one of {', '.join(CaseState)}, not {state!r}") from None


def _change(case: Case, to: CaseState, *, actor: Acting, at: dt.datetime, reason: str) -> None:
    before = case.state
    rules.require_change(CaseState(before), to)
    case.state = to
    _store(case, at=at, fields=("state",))
    _enter(case, EntryKind.STATE, actor=actor, at=at, body=reason, facts={"from": before, "to": to.value})
    _tell(case, "state_changed", actor=actor, at=at, reason=reason, before={"state": before})


def _store(case: Case, *, at: dt.datetime, fields: tuple[str, ...] = ()) -> None:
    case.changed_at = max(at, case.changed_at)
    case.save(update_fields=["changed_at", *fields])


def _enter(
    case: Case,
    kind: EntryKind,
    *,
    actor: Acting,
    at: dt.datetime,
    body: str = "",
    facts: Mapping[str, object] | None = None,
    origin: str | None = None,
) -> None:
    _add(case, kind, at=at, user_id=actor.user_id, author=actor.name, body=body, facts=facts, origin=origin)


def _add(
    case: Case,
    kind: EntryKind,
    *,
    at: dt.datetime,
    user_id: UUID | None,
    author: str,
    body: str = "",
    facts: Mapping[str, object] | None = None,
    origin: str | None = None,
) -> None:
    CaseEntry.objects.create(
        case=case,
        organisation_id=case.organisation_id,
        counterparty_id=case.counterparty_id,
        kind=kind,
        at=at,
        author_id=user_id,
        author_name=author,
        body=body,
        facts=dict(facts or {}),
        origin=origin,
    )


def _tell(
    case: Case,
    fact: str,
    *,
    actor: Acting,
    at: dt.datetime,
    reason: str = "",
    before: Mapping[str, object] | None = None,
    more: Mapping[str, object] | None = None,
) -> None:
    """Write to the chain of each party and publish "soc.case.<fact>"."""
    name = f"soc.case.{fact}"
    after = {"state": case.state, "assignee": case.assignee_name, **(more or {})}
    parties = [party for party in (case.organisation_id, case.counterparty_id) if party is not None]
    for party in parties:
        audit.record(organisation=party, action=name, subject=case, reason=reason, before=before, after=after, at=at)
    payload = {"case": str(case.pk), "number": case.number, "by_name": actor.name, "reason": reason, **after}
    outbox.publish(organisation=parties[0], counterparties=parties[1:], fact=name, payload=payload, at=at)
