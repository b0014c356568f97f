"""Common services, what units offer of them, and what municipalities subscribe to."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from samdrift.catalogue.domain.services import FAMILIES, LEVEL_CLASSES, METRICS, PRIORITIES, Comparator, Unit
from samdrift.foundation.scoped import EVERY_PURPOSE, National, Owned, ScopedModel, Shared
from samdrift_logs.scope import Purpose

# A version is published by a decision of the governance body, which Samdrift carries out; nobody edits one at a screen.
_PUBLISHED = frozenset({Purpose.OPERATION})
_TRADE = frozenset({Purpose.PURCHASE, Purpose.OPERATION})


class CommonService(ScopedModel):
    """What every unit must offer: the name it keeps over all its versions."""

    boundary: ClassVar = National()
    write_purposes: ClassVar = _PUBLISHED

    slug = models.SlugField(unique=True)
    family = models.CharField(max_length=20, choices=[(family, family) for family in FAMILIES])
    name_da = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120)

    class Meta(ScopedModel.Meta):
        ordering = ("slug",)


class ServiceVersion(ScopedModel):
    """A published text of a common service. Never edited: `digest` holds it to the content it was published from."""

    boundary: ClassVar = National()
    write_purposes: ClassVar = _PUBLISHED

    service = models.ForeignKey(CommonService, models.PROTECT, related_name="versions")
    version = models.CharField(max_length=20)
    published_at = models.DateTimeField()
    mandatory_from_date = models.DateField()
    summary_da = models.TextField()
    summary_en = models.TextField()
    # Lists of {"da": …, "en": …} under includes, excludes, unit_duties, municipality_duties.
    terms = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["service", "version"], name="catalogue_one_version")]
        ordering = ("service", "published_at")


class ServiceLevel(ScopedModel):
    """A class of a version: bronze, silver or gold."""

    boundary: ClassVar = National()
    write_purposes: ClassVar = _PUBLISHED

    version = models.ForeignKey(ServiceVersion, models.PROTECT, related_name="levels")
    level_class = models.CharField(max_length=10, choices=[(name, name) for name in LEVEL_CLASSES])

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["version", "level_class"], name="catalogue_one_class")]


class LevelTarget(ScopedModel):
    """One measurable promise of a level. `value` is in `unit`; minutes run on `calendar`."""

    boundary: ClassVar = National()
    write_purposes: ClassVar = _PUBLISHED

    level = models.ForeignKey(ServiceLevel, models.PROTECT, related_name="targets")
    metric = models.CharField(max_length=30, choices=[(name, name) for name in METRICS])
    priority = models.CharField(max_length=2, blank=True, choices=[(name, name) for name in PRIORITIES])
    comparator = models.CharField(max_length=10, choices=[(item.value, item.value) for item in Comparator])
    value = models.DecimalField(max_digits=12, decimal_places=3)
    unit = models.CharField(max_length=10, choices=[(item.value, item.value) for item in Unit])
    calendar = models.CharField(max_length=40)

    class Meta(ScopedModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["level", "metric", "priority"], name="catalogue_one_target"),
        ]


class Offering(ScopedModel):
    """A unit's delivery of a common service version. The unit's own; municipalities see theirs through `OfferedTo`."""

    boundary: ClassVar = Owned()
    read_purposes: ClassVar = EVERY_PURPOSE
    write_purposes: ClassVar = _TRADE

    class State(models.TextChoices):
        PLANNED = "planned"
        PILOTING = "piloting"
        OFFERED = "offered"
        RETIRING = "retiring"

    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    version = models.ForeignKey(ServiceVersion, models.PROTECT, related_name="offerings")
    state = models.CharField(max_length=10, choices=State, default=State.OFFERED)
    from_date = models.DateField()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["organisation", "version"], name="catalogue_one_offering")]


class OfferedTo(ScopedModel):
    """That a unit (organisation) offers a version to one municipality (counterparty): what a buyer may see."""

    boundary: ClassVar = Shared()
    read_purposes: ClassVar = EVERY_PURPOSE
    write_purposes: ClassVar = _TRADE

    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    counterparty = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    offering = models.ForeignKey(Offering, models.PROTECT, related_name="offered_to")
    version = models.ForeignKey(ServiceVersion, models.PROTECT, related_name="+")
    from_date = models.DateField()

    class Meta(ScopedModel.Meta):
        constraints = [models.UniqueConstraint(fields=["offering", "counterparty"], name="catalogue_offered_once")]


class Subscription(ScopedModel):
    """A municipality's (organisation) use of a unit's (counterparty) offering, at a level, from and to a date.

    The municipality cannot read the unit's Offering; level → version → service are published and tell it all.
    """

    boundary: ClassVar = Shared()
    read_purposes: ClassVar = EVERY_PURPOSE
    write_purposes: ClassVar = _TRADE

    organisation = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    counterparty = models.ForeignKey("federation.Organisation", models.PROTECT, related_name="+")
    offering = models.ForeignKey(Offering, models.PROTECT, related_name="subscriptions")
    level = models.ForeignKey(ServiceLevel, models.PROTECT, related_name="subscriptions")
    local_name = models.CharField(max_length=120, blank=True)
    from_date = models.DateField()
    to_date = models.DateField(null=True, blank=True)

    class Meta(ScopedModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(to_date__isnull=True) | models.Q(to_date__gt=models.F("from_date")),
                name="catalogue_subscription_ends_later",
            ),
        ]
        indexes = [models.Index(fields=["organisation", "from_date"], name="catalogue_subscr_org")]
