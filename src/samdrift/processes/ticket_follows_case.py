"""What happens to a case is told on its ticket, and the other way round. Each once, by the fact's id."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from samdrift.foundation import outbox
from samdrift.foundation.outbox import Received
from samdrift.processes.case_opens_ticket import PRIORITY_OF_LEVEL
from samdrift.processes.models import CaseTicket
from samdrift.soc import operations as soc
from samdrift.support import operations as support
from samdrift.support import queries as tickets
from samdrift.support.rules import Automatic, StepRefused

AUTHOR = "Samdrift"


@outbox.subscribe("soc.case.closed")
def tell_ticket_of_closed_case(fact: Received) -> None:
    """Write on the ticket what the case turned out to be."""
    with translation.override("da"):
        words = {
            "true_positive": _("a real attack"),
            "benign": _("permitted activity"),
            "false_positive": _("a false alarm"),
        }
        text = _("Security case %(number)s was closed as %(what)s: %(reason)s") % {
            "number": fact.payload["number"],
            "what": str(words.get(str(fact.payload["classification"]), fact.payload["classification"])),
            "reason": fact.payload["reason"],
        }
    _write_on_ticket(fact, text)


@outbox.subscribe("soc.case.escalated")
def tell_ticket_of_worse_case(fact: Received) -> None:
    """Write on the ticket that the case got worse, and raise its priority with it: the clocks must not stay behind."""
    with translation.override("da"):
        text = _("Security case %(number)s got worse: it is now %(level)s.") % {
            "number": fact.payload["number"],
            "level": _in_words(str(fact.payload["level"])),
        }
    _write_on_ticket(fact, text)
    _raise_priority(fact, PRIORITY_OF_LEVEL.get(str(fact.payload["level"]), "P3"), reason=text)


@outbox.subscribe("support.ticket.accepted")
@outbox.subscribe("support.ticket.acknowledged")
@outbox.subscribe("support.ticket.resolved")
@outbox.subscribe("support.ticket.closed")
@outbox.subscribe("support.ticket.reopened")
def tell_case_of_ticket(fact: Received) -> None:
    """Note in the case's timeline what happened to its ticket."""
    link = CaseTicket.objects.filter(ticket=UUID(str(fact.payload["ticket"]))).first()
    if link is None:
        return
    facts: Mapping[str, object] = {
        "ticket": str(link.ticket_id),
        "number": fact.payload["number"],
        "what": fact.name.rsplit(".", 1)[-1],
        "by": fact.payload["by_name"],
    }
    soc.note_ticket(case=link.case_id, facts=facts, author=AUTHOR, at=fact.at, origin=f"fact:{fact.id}")


def _in_words(level: str) -> str:
    words = {"high": pgettext("level", "High"), "critical": pgettext("level", "Critical")}
    return words.get(level, level).lower()


def _write_on_ticket(fact: Received, text: str) -> None:
    link = CaseTicket.objects.filter(case=UUID(str(fact.payload["case"]))).first()
    if link is None:
        return
    handler = link.counterparty_id or link.organisation_id
    actor = Automatic(name=AUTHOR, organisation_id=handler)
    try:
        support.add_message(actor=actor, ticket=link.ticket_id, body=text, at=fact.at, origin=f"fact:{fact.id}")
    except support.TicketRefused:
        # A closed ticket takes no more messages; its parties read the case itself.
        return


def _raise_priority(fact: Received, priority: str, *, reason: str) -> None:
    """Give the ticket a more urgent priority; a person's more urgent one stays. P1 sorts before P2."""
    link = CaseTicket.objects.filter(case=UUID(str(fact.payload["case"]))).first()
    if link is None:
        return
    handler = link.counterparty_id or link.organisation_id
    row = tickets.tickets_by_id([link.ticket_id], organisation=handler).get(link.ticket_id)
    if row is None or row.priority <= priority or row.holder is None:
        return
    actor = Automatic(name=AUTHOR, organisation_id=row.holder)
    try:
        support.change_priority(actor=actor, ticket=link.ticket_id, priority=priority, reason=reason, at=fact.at)
    except (support.TicketRefused, StepRefused):
        # Solved or closed: nobody's clock runs any more.
        return
