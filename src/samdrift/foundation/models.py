"""What the foundation stores. An organisation is a bare UUID here: the foundation knows no domain."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from samdrift.foundation.scoped import EVERY_PURPOSE, Owned, ScopedModel
from samdrift_logs.scope import Purpose


class Counter(ScopedModel):
    """The last human number that an organisation gave in a series."""

    boundary = Owned()
    read_purposes: ClassVar[frozenset[Purpose]] = EVERY_PURPOSE
    write_purposes: ClassVar[frozenset[Purpose]] = EVERY_PURPOSE

    organisation = models.UUIDField(editable=False)
    series = models.CharField(max_length=40)
    last = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "series"], name="one_counter_a_series")]


class AuditEntry(ScopedModel):
    """One link of an organisation's append-only chain. Triggers refuse update and delete."""

    boundary = Owned()
    read_purposes = frozenset({Purpose.ADMINISTRATION, Purpose.OPERATION})
    write_purposes = EVERY_PURPOSE
    append_only = True

    organisation = models.UUIDField(editable=False)
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    purpose = models.CharField(max_length=20)
    scope_reason = models.TextField()
    action = models.CharField(max_length=100)
    subject = models.CharField(max_length=100, blank=True)
    subject_id = models.CharField(max_length=100, blank=True)
    reason = models.TextField(blank=True)
    # Canonical JSON as text: what the digest covers must come back byte by byte, which jsonb does not promise.
    before = models.TextField(default="null")
    after = models.TextField(default="null")
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["organisation", "sequence"]
        constraints = [models.UniqueConstraint(fields=["organisation", "sequence"], name="one_audit_entry_a_sequence")]
        indexes = [models.Index(fields=["organisation", "subject", "subject_id"], name="audit_by_subject")]


class Fact(ScopedModel):
    """Something that happened, published in the transaction in which it happened."""

    boundary = Owned()
    read_purposes = frozenset({Purpose.OPERATION, Purpose.ADMINISTRATION})
    write_purposes = EVERY_PURPOSE  # anything that happens may be published

    organisation = models.UUIDField(editable=False)
    counterparties = models.JSONField(default=list)
    name = models.CharField(max_length=100)
    payload = models.JSONField()
    at = models.DateTimeField()
    dispatched_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(dispatched_at=None), name="facts_not_dispatched"),
        ]


class Delivery(ScopedModel):
    """One handler's work on one fact."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        DEAD = "dead"

    boundary = Owned()
    read_purposes = frozenset({Purpose.OPERATION, Purpose.ADMINISTRATION})
    write_purposes = frozenset({Purpose.OPERATION})
    parent = "fact"

    organisation = models.UUIDField(editable=False)
    fact = models.ForeignKey(Fact, on_delete=models.PROTECT, related_name="deliveries")
    handler = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["fact", "handler"], name="one_delivery_a_handler")]
        indexes = [models.Index(fields=["next_at"], condition=models.Q(state="waiting"), name="deliveries_waiting")]
