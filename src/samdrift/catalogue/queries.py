"""What can be read of the catalogue, as frozen values. All reads pass the gate of the Scope at hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

import attrs
from django.db.models import Q, QuerySet

from samdrift.catalogue.domain.services import LEVEL_CLASSES, METRICS, PRIORITIES
from samdrift.catalogue.models import (
    CommonService,
    LevelTarget,
    OfferedTo,
    Offering,
    ServiceLevel,
    ServiceVersion,
    Subscription,
)
from samdrift_logs.errors import SamdriftError


class NotInCatalogue(SamdriftError):
    """What was asked for is not in the catalogue, or not within the Scope at hand."""


@attrs.frozen(kw_only=True)
class Name:
    """A name in both languages; `in_language` chooses."""

    da: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the text in `language` ("da", "en-gb" …), Danish where there is no other."""
        return self.en if language.startswith("en") and self.en else self.da


@attrs.frozen(kw_only=True)
class TargetRow:
    """One measurable promise. `value` is minutes or per cent by `unit`; `comparator` at_most or at_least."""

    metric: str
    priority: str
    comparator: str
    value: Decimal
    unit: str
    calendar: str


@attrs.frozen(kw_only=True)
class LevelPage:
    """A class of level with its targets, ordered as the metrics are listed and P1 first."""

    id: UUID
    level_class: str
    targets: Sequence[TargetRow]


@attrs.frozen(kw_only=True)
class ServiceRow:
    """A common service in its newest published version."""

    id: UUID
    slug: str
    family: str
    name: Name
    summary: Name
    version_id: UUID
    version: str
    published_at: dt.datetime


@attrs.frozen(kw_only=True)
class ServicePage:
    """A common service with its terms and levels."""

    service: ServiceRow
    includes: Sequence[Name]
    excludes: Sequence[Name]
    unit_duties: Sequence[Name]
    municipality_duties: Sequence[Name]
    levels: Sequence[LevelPage]
    versions: Sequence[str]


@attrs.frozen(kw_only=True)
class OfferingRow:
    """What one unit offers, to the unit itself or to a municipality it is offered to."""

    id: UUID
    unit: UUID
    unit_name: str
    service: Name
    slug: str
    version_id: UUID
    version: str
    state: str
    from_date: dt.date


@attrs.frozen(kw_only=True)
class SubscriptionRow:
    """A municipality's use of a unit's offering."""

    id: UUID
    municipality: UUID
    municipality_name: str
    unit: UUID
    unit_name: str
    service: Name
    slug: str
    version: str
    level_id: UUID
    level_class: str
    local_name: str
    from_date: dt.date
    to_date: dt.date | None


def services() -> list[ServiceRow]:
    """Return every common service in its newest version, by family and Danish name. Two queries at most."""
    newest: dict[UUID, ServiceVersion] = {}
    for version in ServiceVersion.objects.select_related("service").order_by("published_at", "id"):
        newest[version.service_id] = version
    rows = [_service_row(version) for version in newest.values()]
    return sorted(rows, key=lambda row: (row.family, row.name.da))


def service_page(*, slug: str, version: str | None = None) -> ServicePage:
    """Return one common service in the given or newest version. Raises NotInCatalogue. Four queries."""
    versions = list(
        ServiceVersion.objects.filter(service__slug=slug).select_related("service").order_by("published_at", "id")
    )
    chosen = [found for found in versions if version is None or found.version == version]
    if not chosen:
        raise NotInCatalogue(f"there is no common service {slug!r}" + (f" in version {version}" if version else ""))
    page = chosen[-1]
    return ServicePage(
        service=_service_row(page),
        **{
            key: _names(page.terms.get(key, ()))
            for key in ("includes", "excludes", "unit_duties", "municipality_duties")
        },
        levels=_level_pages(page.pk),
        versions=[found.version for found in versions],
    )


def published_digests() -> Mapping[tuple[str, str], str]:
    """Return the digest of every published version by (slug, version)."""
    rows = ServiceVersion.objects.values_list("service__slug", "version", "digest")
    return {(slug, version): digest for slug, version, digest in rows}


def targets_of_level(*, level: UUID) -> list[TargetRow]:
    """Return the targets of one level, empty for an unknown one. One query."""
    return [_target_row(target) for target in _ordered(LevelTarget.objects.filter(level=level))]


def level_id(*, slug: str, level_class: str, version: str | None = None) -> UUID:
    """Return the level of a service's given or newest version. Raises NotInCatalogue."""
    found = ServiceLevel.objects.filter(version__service__slug=slug, level_class=level_class)
    if version is not None:
        found = found.filter(version__version=version)
    level = found.order_by("-version__published_at", "-id").first()
    if level is None:
        raise NotInCatalogue(f"{slug} has no level {level_class!r}" + (f" in version {version}" if version else ""))
    return UUID(str(level.pk))


def offerings(*, unit: UUID) -> list[OfferingRow]:
    """Return what a unit offers, as the unit sees it. Empty for others than the unit."""
    rows = Offering.objects.filter(organisation=unit).select_related("organisation", "version__service")
    return sorted((_offering_row(row) for row in rows), key=lambda row: row.service.da)


def offering_of(*, unit: UUID, slug: str) -> UUID:
    """Return a unit's offering of a service in the newest version that it offers. Raises NotInCatalogue."""
    rows = Offering.objects.filter(organisation=unit, version__service__slug=slug)
    found = rows.order_by("-version__published_at", "-id").first()
    if found is None:
        raise NotInCatalogue(f"the unit does not offer {slug!r}; let it offer it with `samdrift service offer`")
    return UUID(str(found.pk))


def offered_to(*, municipality: UUID) -> list[OfferingRow]:
    """Return what is offered to a municipality, by unit and service."""
    rows = OfferedTo.objects.filter(counterparty=municipality).select_related("organisation", "version__service")
    listed = [
        attrs.evolve(_offering_row(row), id=UUID(str(row.offering_id)), state=Offering.State.OFFERED.value)
        for row in rows
    ]
    return sorted(listed, key=lambda row: (row.unit_name, row.service.da))


def subscriptions(
    *, municipality: UUID | None = None, unit: UUID | None = None, on: dt.date | None = None
) -> list[SubscriptionRow]:
    """Return subscriptions in Scope, of one municipality or to one unit, in force `on` a day where one is given."""
    rows = _subscriptions()
    if municipality is not None:
        rows = rows.filter(organisation=municipality)
    if unit is not None:
        rows = rows.filter(counterparty=unit)
    if on is not None:
        rows = rows.filter(_in_force(on))
    listed = [_subscription_row(row) for row in rows]
    return sorted(listed, key=lambda row: (row.municipality_name, row.service.da))


def subscription(*, subscription: UUID) -> SubscriptionRow:
    """Return one subscription. Raises NotInCatalogue where there is none in Scope."""
    row = _subscriptions().filter(pk=subscription).first()
    if row is None:
        raise NotInCatalogue(f"there is no subscription {subscription} within what you may see")
    return _subscription_row(row)


def _subscriptions() -> QuerySet[Subscription]:
    rows: QuerySet[Subscription] = Subscription.objects.select_related(
        "organisation", "counterparty", "level__version__service"
    )
    return rows


def _in_force(on: dt.date) -> Q:
    return Q(from_date__lte=on) & (Q(to_date__isnull=True) | Q(to_date__gt=on))


def _names(entries: Iterable[Mapping[str, str]]) -> list[Name]:
    return [Name(da=entry["da"], en=entry["en"]) for entry in entries]


def _name(service: CommonService) -> Name:
    return Name(da=service.name_da, en=service.name_en)


def _service_row(version: ServiceVersion) -> ServiceRow:
    return ServiceRow(
        id=version.service_id,
        slug=version.service.slug,
        family=version.service.family,
        name=_name(version.service),
        summary=Name(da=version.summary_da, en=version.summary_en),
        version_id=version.pk,
        version=version.version,
        published_at=version.published_at,
    )


def _level_pages(version: UUID) -> list[LevelPage]:
    levels = {level.pk: level for level in ServiceLevel.objects.filter(version=version)}
    targets: dict[UUID, list[TargetRow]] = {key: [] for key in levels}
    for target in _ordered(LevelTarget.objects.filter(level__in=list(levels))):
        targets[target.level_id].append(_target_row(target))
    pages = [LevelPage(id=key, level_class=level.level_class, targets=targets[key]) for key, level in levels.items()]
    return sorted(pages, key=lambda page: LEVEL_CLASSES.index(page.level_class))


def _ordered(targets: Iterable[LevelTarget]) -> list[LevelTarget]:
    metrics, priorities = list(METRICS), ("", *PRIORITIES)
    return sorted(targets, key=lambda target: (metrics.index(target.metric), priorities.index(target.priority)))


def _target_row(target: LevelTarget) -> TargetRow:
    return TargetRow(
        metric=target.metric,
        priority=target.priority,
        comparator=target.comparator,
        value=target.value,
        unit=target.unit,
        calendar=target.calendar,
    )


def _offering_row(row: Offering | OfferedTo) -> OfferingRow:
    return OfferingRow(
        id=row.pk,
        unit=row.organisation_id,
        unit_name=row.organisation.short_name,
        service=_name(row.version.service),
        slug=row.version.service.slug,
        version_id=row.version_id,
        version=row.version.version,
        state=row.state if isinstance(row, Offering) else "",
        from_date=row.from_date,
    )


def _subscription_row(row: Subscription) -> SubscriptionRow:
    version = row.level.version
    return SubscriptionRow(
        id=row.pk,
        municipality=row.organisation_id,
        municipality_name=row.organisation.short_name,
        unit=row.counterparty_id,
        unit_name=row.counterparty.short_name,
        service=_name(version.service),
        slug=version.service.slug,
        version=version.version,
        level_id=row.level_id,
        level_class=row.level.level_class,
        local_name=row.local_name,
        from_date=row.from_date,
        to_date=row.to_date,
    )
