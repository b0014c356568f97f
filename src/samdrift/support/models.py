"""Tickets, the legs that teams hold, the events their clocks are made of, and what people write."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from samdrift.catalogue.models import Subscription
from samdrift.foundation.scoped import ScopedModel, Shared
from samdrift.support.domain.clocks import EventKind, Outcome
from samdrift.support.domain.targets import ACKNOWLEDGE, PRIORITIES, RESOLVE, RESPOND
from samdrift.support.rules import LegState, Part, TicketState
from samdrift_logs.scope import Purpose

# WATCH reads: the analyst follows the ticket of a case. OPERATION: processes open tickets and note breaches.
_READ = frozenset({Purpose.SUPPORT, Purpose.WATCH, Purpose.OPERATION})
_WRITE = frozenset({Purpose.SUPPORT, Purpose.OPERATION})
# The watch reaches the owners' logs and cases, not what they say among themselves or to others.
_OWN_ONLY = frozenset({Purpose.WATCH})


def _choices(values: Any) -> list[tuple[str, str]]:
    return [(str(value), str(value)) for value in values]


class Ticket(ScopedModel):
    """What a municipality (organisation) needs of a unit (counterparty), or of itself where there is none.

    `origin` names what opened it where that was no person, so that the same fact opens one ticket only.
    """

    boundary: ClassVar = Shared()
    read_purposes: ClassVar = _READ
    write_purposes: ClassVar = _WRITE
    own_only: ClassVar = _OWN_ONLY

    class Kind(models.TextChoices):
        INCIDENT = "incident"
        REQUEST = "request"

    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    counterparty = models.ForeignKey("federation.Organisation", models.PROTECT, null=True, related_name="+")
    number = models.CharField(max_length=20)
    kind = models.CharField(max_length=10, choices=Kind)
    priority = models.CharField(max_length=2, choices=_choices(PRIORITIES))
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    requester = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=10, choices=_choices(TicketState), default=TicketState.NEW.value)
    subscription = models.ForeignKey(Subscription, models.PROTECT, null=True, related_name="+")
    service_da = models.CharField(max_length=120, blank=True)
    service_en = models.CharField(max_length=120, blank=True)
    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=120)
    changed_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    resolution = models.TextField(blank=True)
    origin = models.CharField(max_length=120, null=True, unique=True)
    search_text = models.TextField()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["organisation", "number"], name="support_one_ticket_number")]
        indexes = [
            models.Index(fields=["organisation", "state", "-opened_at"], name="support_ticket_ours"),
            models.Index(fields=["counterparty", "state", "-opened_at"], name="support_ticket_theirs"),
        ]


class Leg(ScopedModel):
    """The stretch of a ticket that one team (of `organisation`) holds, is offered, or follows.

    `checklist` is what the hand-over that made this leg told the receiver.
    """

    boundary: ClassVar = Shared()
    read_purposes: ClassVar = _READ
    write_purposes: ClassVar = _WRITE
    own_only: ClassVar = _OWN_ONLY
    parent: ClassVar = "ticket"

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="legs")
    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    counterparty = models.ForeignKey("federation.Organisation", models.PROTECT, null=True, related_name="+")
    team = models.ForeignKey("federation.Team", models.PROTECT, related_name="+")
    part = models.CharField(max_length=10, choices=_choices(Part))
    state = models.CharField(max_length=10, choices=_choices(LegState), default=LegState.OFFERED.value)
    assignee = models.ForeignKey("federation.User", models.PROTECT, null=True, related_name="+")
    assignee_name = models.CharField(max_length=120, blank=True)
    offered_at = models.DateTimeField()
    offered_by = models.CharField(max_length=120)
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.CharField(max_length=120, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=120, blank=True)
    return_reason = models.TextField(blank=True)
    checklist = models.JSONField(default=dict)

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["ticket"],
                condition=models.Q(part=Part.HOLDER.value, ended_at__isnull=True),
                name="support_one_open_holder",
            ),
            models.UniqueConstraint(
                fields=["ticket"],
                condition=models.Q(part=Part.RECEIVER.value, ended_at__isnull=True),
                name="support_one_open_receiver",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organisation", "team"], condition=models.Q(ended_at__isnull=True), name="support_leg_open"
            ),
            models.Index(fields=["assignee"], condition=models.Q(ended_at__isnull=True), name="support_leg_assigned"),
        ]


class ClockEvent(ScopedModel):
    """One thing that happened to one clock of one leg: the only source of every deadline.

    `start` and `retarget` carry the target (minutes, calendar, where it comes from); `carried` are minutes that the
    same organisation used on earlier legs.
    """

    boundary: ClassVar = Shared()
    read_purposes: ClassVar = _READ
    write_purposes: ClassVar = _WRITE
    own_only: ClassVar = _OWN_ONLY
    parent: ClassVar = "leg"
    append_only: ClassVar = True

    leg = models.ForeignKey(Leg, models.PROTECT, related_name="clock_events")
    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="clock_events")
    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    counterparty = models.ForeignKey("federation.Organisation", models.PROTECT, null=True, related_name="+")
    metric = models.CharField(max_length=12, choices=_choices((RESPOND, RESOLVE, ACKNOWLEDGE)))
    kind = models.CharField(max_length=10, choices=_choices(EventKind))
    at = models.DateTimeField()
    minutes = models.PositiveIntegerField(null=True)
    carried = models.PositiveIntegerField(default=0)
    calendar = models.CharField(max_length=40, blank=True)
    origin = models.CharField(max_length=120, blank=True)
    reason = models.TextField(blank=True)
    author = models.CharField(max_length=120)

    class Meta(ScopedModel.Meta):
        ordering = ("at", "id")
        indexes = [models.Index(fields=["ticket", "at"], name="support_clock_events")]


class Clock(ScopedModel):
    """What the events of one clock come to. A projection for queues: made anew from the events at every change."""

    boundary: ClassVar = Shared()
    read_purposes: ClassVar = _READ
    write_purposes: ClassVar = _WRITE
    own_only: ClassVar = _OWN_ONLY
    parent: ClassVar = "leg"

    leg = models.ForeignKey(Leg, models.PROTECT, related_name="clocks")
    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="clocks")
    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    counterparty = models.ForeignKey("federation.Organisation", models.PROTECT, null=True, related_name="+")
    metric = models.CharField(max_length=12, choices=_choices((RESPOND, RESOLVE, ACKNOWLEDGE)))
    minutes = models.PositiveIntegerField()
    carried = models.PositiveIntegerField(default=0)
    calendar = models.CharField(max_length=40)
    started_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=_choices(Outcome), blank=True)
    breached_at = models.DateTimeField(null=True)
    breach_noted_at = models.DateTimeField(null=True)

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["leg", "metric"], name="support_one_clock_a_metric")]
        indexes = [
            models.Index(
                fields=["organisation", "due_at"], condition=models.Q(ended_at__isnull=True), name="support_clock_due"
            ),
            models.Index(
                fields=["due_at"],
                condition=models.Q(ended_at__isnull=True, breach_noted_at__isnull=True),
                name="support_clock_unnoted",
            ),
        ]


class Message(ScopedModel):
    """What somebody wrote on a ticket, or what happened to it. `organisation` is the author's.

    An internal note has no counterparty: the gate itself keeps it from the other side.
    """

    boundary: ClassVar = Shared()
    read_purposes: ClassVar = _READ
    write_purposes: ClassVar = _WRITE
    own_only: ClassVar = _OWN_ONLY
    parent: ClassVar = "ticket"
    append_only: ClassVar = True

    class Kind(models.TextChoices):
        PUBLIC = "public"
        INTERNAL = "internal"
        FACT = "fact"

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="messages")
    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    counterparty = models.ForeignKey("federation.Organisation", models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField()
    author = models.ForeignKey("federation.User", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=120)
    body = models.TextField(blank=True)
    fact = models.CharField(max_length=40, blank=True)
    facts = models.JSONField(default=dict)
    origin = models.CharField(max_length=120, null=True, unique=True)
    search_text = models.TextField(blank=True)

    class Meta(ScopedModel.Meta):
        ordering = ("at", "id")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(kind="internal") | models.Q(counterparty__isnull=True),
                name="support_internal_is_internal",
            ),
        ]
        indexes = [models.Index(fields=["ticket", "at"], name="support_messages")]
