"""What happens to a case is told on its ticket, and the other way round. Each once, by the fact's id."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from samdrift.foundation import outbox
from samdrift.foundation.outbox import Received
from samdrift.processes.models import CaseTicket
from samdrift.soc import operations as soc
from samdrift.support import operations as support
from samdrift.support.rules import Automatic

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
    """Write on the ticket that the case got worse; its holder decides on the priority."""
    with translation.override("da"):
        text = _("Security case %(number)s got worse: it is now %(level)s.") % {
            "number": fact.payload["number"],
            "level": _in_words(str(fact.payload["level"])),
        }
    _write_on_ticket(fact, text)


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
