"""What tests of the services share: a world with subscriptions, and alerts as the pipeline would hand them over."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from uuid import UUID, uuid5

import attrs

from samdrift.catalogue import operations as catalogue
from samdrift_logs.detect.alerts import Alert
from tests.boundary.world import AT, World, everyone

CONTENT = Path(__file__).resolve().parents[2] / "content"
OFFERED_FROM = dt.date(2026, 1, 1)
SUBSCRIBED = {"odense": ("syd", "gold"), "assens": ("syd", "silver"), "aalborg": ("nord", "bronze")}


@attrs.define
class Services:
    """The world with one subscription to server operation for each municipality."""

    world: World
    subscriptions: dict[str, UUID]
    offerings: dict[str, UUID]

    def id(self, organisation: str) -> UUID:
        """Return an organisation's id by its short key."""
        return self.world.organisations[organisation]


def with_services(world: World) -> Services:
    """Publish the real catalogue and let each municipality subscribe to server operation."""
    offerings, subscriptions = {}, {}
    with everyone():
        catalogue.publish_catalogue(folder=CONTENT / "catalogue", at=AT)
        for unit in ("syd", "nord"):
            offerings[unit] = catalogue.offer_service(
                unit=world.organisations[unit],
                slug="server-operation",
                municipalities=[world.organisations[key] for key, (of, _) in SUBSCRIBED.items() if of == unit],
                from_date=OFFERED_FROM,
                at=AT,
            )
        for key, (unit, level) in SUBSCRIBED.items():
            subscriptions[key] = catalogue.subscribe(
                municipality=world.organisations[key],
                offering=offerings[unit],
                level_class=level,
                from_date=OFFERED_FROM,
                at=AT,
            )
    return Services(world, subscriptions, offerings)


def alert(
    organisation: UUID,
    source: UUID,
    *,
    event_id: str = "0-1-0",
    rule_id: str = "rule-1",
    level: str = "high",
    host: str | None = "FS01",
    received_at: dt.datetime = AT,
    title: str = "Sikkerhedskopier slettet",
) -> Alert:
    """Return an alert as `alerts_from` makes them."""
    return Alert(
        id=uuid5(organisation, f"{rule_id}\n{event_id}"),
        organisation=organisation,
        source=source,
        rule_id=rule_id,
        title=title,
        level=level,
        tags=("attack.t1490",),
        ruleset_version="test",
        event_id=event_id,
        event_at=received_at,
        received_at=received_at,
        host=host,
        user="svc_backup",
        fields={"CommandLine": "vssadmin delete shadows /all"},
        event={"event_id": event_id, "fields": {"CommandLine": "vssadmin delete shadows /all"}, "raw": "linje\x00"},
        what_to_do="Afbryd serveren fra nettet.",
        description="Skyggekopier slettes før kryptering.",
    )
