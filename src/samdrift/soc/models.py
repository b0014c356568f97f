"""Log sources and their credentials, alerts, cases and their timelines."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from samdrift.catalogue.models import Subscription
from samdrift.foundation.scoped import Owned, ScopedModel, Shared
from samdrift.soc.rules import LEVELS, CaseState, Classification, EntryKind
from samdrift_logs.scope import Purpose

_WATCHED = frozenset({Purpose.WATCH, Purpose.OPERATION})
_ADMINISTERED = frozenset({Purpose.ADMINISTRATION, Purpose.OPERATION})
# SUPPORT reads cases: the 2nd line opens the case behind its ticket, as far as its organisation is a party.
_CASES_READ = frozenset({Purpose.WATCH, Purpose.OPERATION, Purpose.SUPPORT})


def _choices(values: Any) -> list[tuple[str, str]]:
    return [(str(value), str(value)) for value in values]


class Source(ScopedModel):
    """One stream of logs of one organisation. `subscription` says which unit runs what it comes from.

    `networks` are CIDR texts of peers for plain syslog, `hosts` globs on the host name within them.
    """

    boundary: ClassVar = Owned()
    read_purposes: ClassVar = _WATCHED | _ADMINISTERED
    write_purposes: ClassVar = _ADMINISTERED

    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    type = models.CharField(max_length=40, default="auto")
    timezone = models.CharField(max_length=40, default="Europe/Copenhagen")
    networks = models.JSONField(default=list)
    hosts = models.JSONField(default=list)
    subscription = models.ForeignKey(Subscription, models.PROTECT, null=True, related_name="+")
    enabled = models.BooleanField(default=True)
    silence_minutes = models.PositiveIntegerField(default=60)
    registered_at = models.DateTimeField()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="soc_one_source_name")]
        ordering = ("organisation", "name")


class Credential(ScopedModel):
    """How a sender proves to be a source. Only the SHA-256 is kept; `hint` are the last characters, for people."""

    boundary: ClassVar = Owned()
    read_purposes: ClassVar = _ADMINISTERED
    write_purposes: ClassVar = _ADMINISTERED
    parent: ClassVar = "source"

    class Kind(models.TextChoices):
        TOKEN = "token"  # noqa: S105 - the kind, not a secret
        CERTIFICATE = "certificate"

    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    source = models.ForeignKey(Source, models.PROTECT, related_name="credentials")
    kind = models.CharField(max_length=12, choices=Kind)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=8)
    issued_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta(ScopedModel.Meta):
        ordering = ("issued_at",)


class Case(ScopedModel):
    """What analysts work on. `organisation` owns the logs; `counterparty` is the unit that handles it.

    Without a counterparty the organisation handles its own case. `handler` is whichever of the two it is, and the
    number is in the handler's series. `place` is the host as first written (or the source); alerts are grouped by
    `place_key`, the same in lower case.
    """

    boundary: ClassVar = Shared()
    read_purposes: ClassVar = _CASES_READ
    write_purposes: ClassVar = _WATCHED

    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    counterparty = models.ForeignKey("federation.Organisation", models.PROTECT, null=True, related_name="+")
    handler = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    number = models.CharField(max_length=20)
    title = models.CharField(max_length=300)
    level = models.CharField(max_length=15, choices=_choices(LEVELS))
    level_rank = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=_choices(CaseState), default=CaseState.NEW.value)
    place = models.CharField(max_length=300)
    place_key = models.CharField(max_length=300, default="", editable=False)
    subscription = models.ForeignKey(Subscription, models.PROTECT, null=True, related_name="+")
    assignee = models.ForeignKey("federation.User", models.PROTECT, null=True, related_name="+")
    assignee_name = models.CharField(max_length=120, blank=True)
    opened_at = models.DateTimeField()
    first_alert_at = models.DateTimeField()
    last_alert_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    alert_count = models.PositiveIntegerField(default=0)
    kind_count = models.PositiveIntegerField(default=0)
    classification = models.CharField(max_length=15, choices=_choices(Classification), blank=True)
    reason = models.TextField(blank=True)

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["handler", "number"], name="soc_one_case_number")]
        indexes = [
            models.Index(
                fields=["organisation", "place_key", "last_alert_at"],
                condition=~models.Q(state=CaseState.CLOSED.value),
                name="soc_case_open_place",
            ),
            models.Index(fields=["state", "-level_rank", "-last_alert_at"], name="soc_case_queue"),
        ]


class Alert(ScopedModel):
    """What a rule matched. The id is made of organisation, rule and event, so that replay stores it once.

    `event` is the copy of the event, or null when the case already has enough of this kind (the lake has them all).
    """

    boundary: ClassVar = Shared()
    read_purposes: ClassVar = _CASES_READ
    write_purposes: ClassVar = _WATCHED

    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    counterparty = models.ForeignKey("federation.Organisation", models.PROTECT, null=True, related_name="+")
    source_id = models.UUIDField()
    source_name = models.CharField(max_length=120)
    case = models.ForeignKey(Case, models.PROTECT, null=True, related_name="alerts")
    rule_id = models.CharField(max_length=100)
    title = models.CharField(max_length=300)
    level = models.CharField(max_length=15, choices=_choices(LEVELS))
    level_rank = models.PositiveSmallIntegerField()
    tags = models.JSONField(default=list)
    ruleset_version = models.CharField(max_length=80)
    event_id = models.CharField(max_length=60)
    event_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    host = models.CharField(max_length=300, blank=True)
    user = models.CharField(max_length=300, blank=True)
    matched = models.JSONField(default=dict)
    event = models.JSONField(null=True)
    what_to_do = models.TextField(blank=True)
    description = models.TextField(blank=True)
    is_first_of_kind = models.BooleanField(default=False)

    class Meta(ScopedModel.Meta):
        indexes = [
            models.Index(fields=["organisation", "-received_at"], name="soc_alert_org"),
            models.Index(fields=["counterparty", "-received_at"], name="soc_alert_unit"),
            models.Index(fields=["case", "rule_id", "received_at"], name="soc_alert_case"),
        ]


class CaseEntry(ScopedModel):
    """One line of a case's timeline, only ever added. `facts` are the values behind an automatic entry."""

    boundary: ClassVar = Shared()
    read_purposes: ClassVar = _CASES_READ
    write_purposes: ClassVar = _WATCHED
    parent: ClassVar = "case"
    append_only: ClassVar = True

    case = models.ForeignKey(Case, models.PROTECT, related_name="entries")
    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    counterparty = models.ForeignKey("federation.Organisation", models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=10, choices=_choices(EntryKind))
    at = models.DateTimeField()
    author = models.ForeignKey("federation.User", models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=120)
    body = models.TextField(blank=True)
    facts = models.JSONField(default=dict)
    origin = models.CharField(max_length=120, null=True, unique=True)

    class Meta(ScopedModel.Meta):
        ordering = ("at", "id")
        indexes = [models.Index(fields=["case", "at"], name="soc_case_entries")]
