"""What is done to tickets: one function for each verb, keyword-only, one transaction, time passed in.

Each needs an entered Scope for support or operation, checks the rules for the actor, writes to the audit chain of every
party and publishes one fact.
"""

from samdrift.support.operations.breaches import note_breaches
from samdrift.support.operations.legs import accept_leg, acknowledge_ticket, assign_ticket, hand_over, return_leg
from samdrift.support.operations.opening import open_ticket
from samdrift.support.operations.progress import (
    change_priority,
    close_ticket,
    pause_clock,
    reopen_ticket,
    resolve_ticket,
    resume_clock,
)
from samdrift.support.operations.ticket import HandOverRefused, TextMissing, TicketNotFound, TicketRefused
from samdrift.support.operations.writing import add_message

__all__ = [
    "HandOverRefused",
    "TextMissing",
    "TicketNotFound",
    "TicketRefused",
    "accept_leg",
    "acknowledge_ticket",
    "add_message",
    "assign_ticket",
    "change_priority",
    "close_ticket",
    "hand_over",
    "note_breaches",
    "open_ticket",
    "pause_clock",
    "reopen_ticket",
    "resolve_ticket",
    "resume_clock",
    "return_leg",
]
