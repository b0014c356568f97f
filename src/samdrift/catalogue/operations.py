"""What is done to the catalogue: publish, offer, subscribe, end. All need a Scope for purchase or operation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import attrs
from django.db import transaction

from samdrift.catalogue import queries
from samdrift.catalogue.domain.content import CatalogueRefused, ContentFile, read_services
from samdrift.catalogue.domain.services import Service
from samdrift.catalogue.models import (
    CommonService,
    LevelTarget,
    OfferedTo,
    Offering,
    ServiceLevel,
    ServiceVersion,
    Subscription,
)
from samdrift.foundation import audit, outbox, scoped
from samdrift_logs.errors import InputRefused, SamdriftError


class VersionIsPublished(SamdriftError):
    """A published version was to be changed. Versions never change: give the new text a new version number."""


class SubscriptionRefused(SamdriftError):
    """The subscription cannot be put in force: it is not offered, not at that level, or there is one already."""


@attrs.frozen(kw_only=True)
class Published:
    """What `publish_catalogue` did, as slug and version."""

    published: Sequence[tuple[str, str]]
    already_there: Sequence[tuple[str, str]]


def read_content(*, folder: Path) -> list[Service]:
    """Read content/catalogue. Raises CatalogueRefused with every fault of every file, or when there is no file."""
    files = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            files.append(ContentFile(f"{folder.name}/{path.name}", path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise CatalogueRefused([InputRefused(f"cannot be read: {error}", file=str(path), line=1)]) from error
    if not files:
        raise CatalogueRefused([InputRefused("holds no *.yaml; give the folder content/catalogue", file=str(folder))])
    return read_services(files)


@transaction.atomic
def publish_catalogue(*, folder: Path, at: dt.datetime) -> Published:
    """Publish every version in `folder` that is not published yet; all of them or, when one is refused, none.

    Raises CatalogueRefused (content) and VersionIsPublished (a published version has another text now).
    """
    known = queries.published_digests()
    published, already_there = [], []
    for service in read_content(folder=folder):
        key = (service.slug, service.version)
        if key not in known:
            _publish(service, at=at)
            published.append(key)
        elif known[key] == service.digest:
            already_there.append(key)
        else:
            raise VersionIsPublished(f"{service.slug} version {service.version} is published; raise its version number")
    if published:
        names = [f"{slug} {version}" for slug, version in published]
        audit.record(
            organisation=audit.INSTALLATION, action="catalogue.versions.published", at=at, after={"versions": names}
        )
        outbox.publish(
            organisation=audit.INSTALLATION, fact="catalogue.versions.published", payload={"versions": names}, at=at
        )
    return Published(published=published, already_there=already_there)


@transaction.atomic
def offer_service(
    *,
    unit: UUID,
    slug: str,
    version: str | None = None,
    municipalities: Sequence[UUID],
    from_date: dt.date,
    at: dt.datetime,
) -> UUID:
    """Declare that `unit` offers a common service to `municipalities`; again for the same version adds to them.

    Returns the offering's id. Raises queries.NotInCatalogue.
    """
    page = queries.service_page(slug=slug, version=version).service
    offering, is_new = Offering.objects.get_or_create(
        organisation_id=unit, version_id=page.version_id, defaults={"from_date": from_date}
    )
    known = set(OfferedTo.objects.filter(offering=offering).values_list("counterparty_id", flat=True))
    fresh = [municipality for municipality in dict.fromkeys(municipalities) if municipality not in known]
    OfferedTo.objects.bulk_create(
        OfferedTo(
            organisation_id=unit,
            counterparty_id=municipality,
            offering=offering,
            version_id=page.version_id,
            from_date=from_date,
        )
        for municipality in fresh
    )
    if is_new or fresh:
        after = {"service": slug, "version": page.version, "to": [str(municipality) for municipality in fresh]}
        audit.record(organisation=unit, action="catalogue.service.offered", subject=offering, at=at, after=after)
        outbox.publish(
            organisation=unit,
            counterparties=fresh,
            fact="catalogue.service.offered",
            payload={"offering": str(offering.pk), "service": slug, "version": page.version},
            at=at,
        )
    return UUID(str(offering.pk))


@transaction.atomic
def subscribe(
    *,
    municipality: UUID,
    offering: UUID,
    level_class: str,
    from_date: dt.date,
    to_date: dt.date | None = None,
    local_name: str = "",
    at: dt.datetime,
) -> UUID:
    """Put a municipality's subscription to an offering in force. Needs a Scope that covers the unit.

    Returns the subscription's id. Raises SubscriptionRefused.
    """
    offered = Offering.objects.filter(pk=offering).select_related("version__service").first()
    if offered is None:
        raise SubscriptionRefused(f"there is no offering {offering} within what you may see")
    slug = offered.version.service.slug
    if not OfferedTo.objects.filter(offering=offered, counterparty_id=municipality).exists():
        raise SubscriptionRefused(f"{slug} is not offered to this municipality; let the unit offer it first")
    level = ServiceLevel.objects.filter(version=offered.version, level_class=level_class).first()
    if level is None:
        raise SubscriptionRefused(f"{slug} has no level {level_class!r}; choose bronze, silver or gold")
    if from_date < offered.from_date:
        raise SubscriptionRefused(f"{slug} is offered from {offered.from_date:%d-%m-%Y}; begin that day or later")
    if to_date is not None and to_date <= from_date:
        raise SubscriptionRefused("the subscription ends before it begins; give a later to_date")
    stored = Subscription.objects.create(
        organisation_id=municipality,
        counterparty_id=offered.organisation_id,
        offering=offered,
        level=level,
        local_name=local_name,
        from_date=from_date,
        to_date=to_date,
    )
    _tell(stored, "catalogue.subscription.started", {"service": slug, "level": level_class}, at=at)
    return UUID(str(stored.pk))


@transaction.atomic
def end_subscription(*, subscription: UUID, to_date: dt.date, reason: str, at: dt.datetime) -> None:
    """Let a subscription end; `to_date` is the first day without it. Raises SubscriptionRefused."""
    scoped.check_write(Subscription, [])
    stored = Subscription.objects.select_for_update().filter(pk=subscription).first()
    if stored is None:
        raise SubscriptionRefused(f"there is no subscription {subscription} within what you may see")
    if to_date <= stored.from_date:
        raise SubscriptionRefused("the subscription would end before it began; give a later to_date")
    stored.to_date = to_date
    stored.save(update_fields=["to_date"])
    _tell(stored, "catalogue.subscription.ended", {"to_date": to_date.isoformat()}, at=at, reason=reason)


def _tell(
    subscription: Subscription, action: str, after: dict[str, object], *, at: dt.datetime, reason: str = ""
) -> None:
    """Write to both parties' chains and publish the fact."""
    for organisation in (subscription.organisation_id, subscription.counterparty_id):
        audit.record(organisation=organisation, action=action, subject=subscription, reason=reason, after=after, at=at)
    outbox.publish(
        organisation=subscription.organisation_id,
        counterparties=[subscription.counterparty_id],
        fact=action,
        payload={"subscription": str(subscription.pk), **after},
        at=at,
    )


def _publish(service: Service, *, at: dt.datetime) -> None:
    common, _ = CommonService.objects.update_or_create(
        slug=service.slug,
        defaults={"family": service.family, "name_da": service.name.da, "name_en": service.name.en},
    )
    lists = ("includes", "excludes", "unit_duties", "municipality_duties")
    version = ServiceVersion.objects.create(
        service=common,
        version=service.version,
        published_at=at,
        mandatory_from_date=service.published_on,
        summary_da=service.summary.da,
        summary_en=service.summary.en,
        terms={key: [{"da": words.da, "en": words.en} for words in getattr(service, key)] for key in lists},
        digest=service.digest,
    )
    for level in service.levels:
        stored = ServiceLevel.objects.create(version=version, level_class=level.level_class)
        LevelTarget.objects.bulk_create(
            LevelTarget(
                level=stored,
                metric=target.metric,
                priority=target.priority,
                comparator=target.comparator.value,
                value=target.value,
                unit=target.unit.value,
                calendar=target.calendar,
            )
            for target in level.targets
        )
