"""Entries of the audit chain in words: who did what, when, and what for. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import attrs
from django.utils.translation import gettext as _

from samdrift.federation.queries import AuditRow, PersonRow
from samdrift.web import words

LOOKS = "soc.logs."
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@attrs.frozen(kw_only=True)
class Entry:
    """One entry as the page shows it. `detail` is the query, or what changed, as stored."""

    sequence: int
    at: datetime
    who: str
    what: str
    action: str
    purpose: str
    why: str
    detail: str


def persons(rows: Iterable[AuditRow]) -> set[UUID]:
    """Return the ids of the people who acted."""
    return {known for row in rows if (known := _person(row.actor)) is not None}


def tell(row: AuditRow, people: Mapping[UUID, PersonRow]) -> Entry:
    """Return one entry in words."""
    known = _person(row.actor)
    person = people.get(known) if known else None
    return Entry(
        sequence=row.sequence,
        at=row.at,
        who=f"{person.name} ({person.email})" if person else _("Samdrift"),
        what=_action(row.action),
        action=row.action,
        purpose=words.purpose(row.purpose),
        why=row.reason or row.scope_reason,
        detail=_detail(row),
    )


def _person(actor: str) -> UUID | None:
    """Return the person in "user:…" or "token:… user:…"."""
    _before, found, text = actor.rpartition("user:")
    try:
        return UUID(text) if found else None
    except ValueError:
        return None


def _detail(row: AuditRow) -> str:
    try:
        after = json.loads(row.after)
    except ValueError:
        return row.after
    if not isinstance(after, dict):
        return ""
    if row.action == f"{LOOKS}searched":
        ends = [_local(str(after[name])) for name in ("since", "until") if after.get(name)]
        return " · ".join(part for part in (str(after.get("query") or "*"), " – ".join(ends)) if part)
    told = {name: _plain(value) for name, value in after.items() if value not in (None, "", [], {})}
    return ", ".join(f"{name}: {value}" for name, value in told.items() if not _UUID.fullmatch(value))[:400]


def _plain(value: object) -> str:
    """Return a stored value as people write it: lists and pairs with commas, no brackets or quotes."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(part) for part in value)
    return str(value)


def _local(text: str) -> str:
    """Return a stored instant as the reader's clock shows it; as stored where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.astimezone(words.COPENHAGEN).strftime("%d-%m-%Y %H:%M")


def _action(action: str) -> str:
    known = {
        "soc.logs.searched": _("searched in our logs"),
        "soc.logs.event_read": _("read an event in our logs"),
        "soc.logs.alert_read": _("read an alert with its event"),
        "soc.alerts.recorded": _("recorded alerts"),
        "soc.case.opened": _("opened a case"),
        "soc.case.taken": _("took a case"),
        "soc.case.noted": _("noted on a case"),
        "soc.case.decided": _("decided on a case"),
        "soc.case.closed": _("closed a case"),
        "soc.case.state_changed": _("changed the state of a case"),
        "soc.case.escalated": _("raised the level of a case"),
        "support.ticket.opened": _("opened a ticket"),
        "support.ticket.accepted": _("accepted a ticket"),
        "support.ticket.acknowledged": _("acknowledged a ticket"),
        "support.ticket.handed_over": _("handed a ticket over"),
        "support.ticket.resolved": _("reported a ticket solved"),
        "support.ticket.closed": _("closed a ticket"),
        "support.ticket.message_added": _("wrote on a ticket"),
        "support.clock.breached": _("a deadline passed"),
        "federation.membership.added": _("added a member"),
        "federation.membership.ended": _("ended a membership"),
        "federation.token.issued": _("issued a token"),
        "federation.token.revoked": _("revoked a token"),
        "federation.team.added": _("added a team"),
        "federation.policy.set": _("changed the login policy"),
        "federation.ownership.began": _("began to own a part of a unit"),
        "federation.ownership.ended": _("ceased to own a part of a unit"),
        "soc.source.registered": _("registered a log source"),
        "soc.source.token_issued": _("issued a token for a log source"),
        "federation.organisation.onboarded": _("took up the organisation"),
        "catalogue.subscription.started": _("started a subscription"),
        "catalogue.subscription.ended": _("ended a subscription"),
    }
    return known.get(action, action)
