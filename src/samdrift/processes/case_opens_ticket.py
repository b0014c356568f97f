"""A case opens a ticket: at the 2nd line of the unit that handles it, with the municipality's SPOC following.

On soc.case.opened of level medium or worse. The unit's clock (respond, resolve) and the SPOC's (acknowledge) come from
the subscription of the log source, or from the standard where there is none. Once for each case: the fact's id is the
ticket's origin, and the link knows its case. A case that an organisation handles for itself opens a ticket with its own
team. Where the handler has no team yet the fact is tried again, 8 times over about ten minutes. Then it is dead, which
`samdrift check` and `samdrift facts list` show; `samdrift facts revive` has it tried again.
"""

from __future__ import annotations

from uuid import UUID

from samdrift.federation import queries as federation
from samdrift.federation.rules import Line
from samdrift.foundation import outbox
from samdrift.foundation.outbox import Received
from samdrift.processes.models import CaseTicket
from samdrift.soc import operations as soc
from samdrift.soc.rules import opens_case
from samdrift.support import operations as support
from samdrift.support.rules import Automatic
from samdrift_logs.errors import SamdriftError

AUTHOR = "Samdrift"
PRIORITY_OF_LEVEL = {"critical": "P1", "high": "P2", "medium": "P3"}


class NobodyToHandle(SamdriftError):
    """The organisation that handles the case has no team that could take a ticket."""


@outbox.subscribe("soc.case.opened")
def open_ticket_for_case(fact: Received) -> None:
    """Open the ticket, link it and tell it in the case. Doing it again changes nothing."""
    case, level = UUID(str(fact.payload["case"])), str(fact.payload["level"])
    if not opens_case(level) or CaseTicket.objects.filter(case=case).exists():
        return
    owner, handler = fact.organisation, UUID(str(fact.payload["handler"]))
    unit = handler if handler != owner else None
    subscription = fact.payload.get("subscription")
    ticket = support.open_ticket(
        actor=Automatic(name=AUTHOR, organisation_id=handler),
        municipality=owner,
        unit=unit,
        kind="incident",
        priority=PRIORITY_OF_LEVEL.get(level, "P3"),
        title=f"{fact.payload['title']} ({fact.payload['place']})",
        description=str(fact.payload.get("what_to_do") or ""),
        subscription=UUID(str(subscription)) if subscription else None,
        team=_handling_team(handler),
        follower_team=_team(owner, Line.FIRST) if unit else None,
        checklist={"case": str(fact.payload["number"])},
        origin=f"fact:{fact.id}",
        at=fact.at,
    )
    CaseTicket.objects.create(
        organisation_id=owner, counterparty_id=unit, case_id=case, ticket_id=ticket, linked_at=fact.at
    )
    facts: dict[str, object] = {"ticket": str(ticket), "what": "opened"}
    soc.note_ticket(case=case, facts=facts, author=AUTHOR, at=fact.at, origin=f"fact:{fact.id}")


def _handling_team(handler: UUID) -> UUID:
    team = _team(handler, Line.SECOND) or _team(handler, Line.SOC) or _team(handler, Line.FIRST)
    if team is None:
        raise NobodyToHandle(f"organisation {handler} has no 2nd line, SOC or 1st line team; add one")
    return team


def _team(organisation: UUID, line: Line) -> UUID | None:
    return next((team.id for team in federation.teams(organisation=organisation) if team.line == line), None)
