"""Publish, offer, subscribe: what is refused, and who sees what."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from samdrift.catalogue import operations, queries
from samdrift.federation.rules import Role
from samdrift_logs.errors import ScopeRefused
from samdrift_logs.scope import Purpose
from tests.boundary.world import AT, everyone
from tests.samdrift.services import CONTENT, OFFERED_FROM, Services


def test_publish_again_changes_nothing(services: Services) -> None:
    with everyone():
        again = operations.publish_catalogue(folder=CONTENT / "catalogue", at=AT)

    assert again.published == []
    assert len(again.already_there) >= 8


def test_published_version_cannot_be_changed(services: Services, tmp_path: Path) -> None:
    shutil.copytree(CONTENT / "catalogue", tmp_path / "catalogue")
    changed = tmp_path / "catalogue" / "storage.yaml"
    changed.write_text(
        changed.read_text(encoding="utf-8").replace("98", "97").replace("99.5", "99.6"), encoding="utf-8"
    )

    with everyone(), pytest.raises(operations.VersionIsPublished, match=r"storage version 1\.0"):
        operations.publish_catalogue(folder=tmp_path / "catalogue", at=AT)


def test_new_version_is_published_beside_the_old(services: Services, tmp_path: Path) -> None:
    text = (CONTENT / "catalogue" / "storage.yaml").read_text(encoding="utf-8")
    (tmp_path / "storage-2.0.yaml").write_text(text.replace('"1.0"', '"2.0"'), encoding="utf-8")

    with everyone():
        published = operations.publish_catalogue(folder=tmp_path, at=AT + dt.timedelta(days=1)).published
    with services.world.acting("odense", Role.SERVICE_BUYER, Purpose.PURCHASE):
        page = queries.service_page(slug="storage")

    assert published == [("storage", "2.0")]
    assert (page.service.version, page.versions) == ("2.0", ["1.0", "2.0"])


def test_folder_without_content_is_refused(services: Services, tmp_path: Path) -> None:
    with everyone(), pytest.raises(operations.CatalogueRefused, match="content/catalogue"):
        operations.publish_catalogue(folder=tmp_path, at=AT)


def test_everybody_reads_the_catalogue_and_a_buyer_what_is_offered_to_it(services: Services) -> None:
    with services.world.acting("odense", Role.SERVICE_BUYER, Purpose.PURCHASE):
        assert len(queries.services()) >= 8
        assert [row.slug for row in queries.offered_to(municipality=services.id("odense"))] == ["server-operation"]
        assert queries.offered_to(municipality=services.id("assens")) == []
        assert queries.offerings(unit=services.id("syd")) == []
    with services.world.acting("syd", Role.SERVICE_MANAGER, Purpose.PURCHASE):
        assert [row.slug for row in queries.offerings(unit=services.id("syd"))] == ["server-operation"]
        assert queries.offerings(unit=services.id("nord")) == []


def test_subscription_is_seen_by_its_two_parties(services: Services) -> None:
    seen = {}
    for organisation, role in (
        ("odense", Role.SERVICE_BUYER),
        ("syd", Role.SERVICE_MANAGER),
        ("nord", Role.SERVICE_MANAGER),
    ):
        with services.world.acting(organisation, role, Purpose.PURCHASE):
            seen[organisation] = [row.municipality_name for row in queries.subscriptions(on=AT.date())]

    assert seen == {"odense": ["Odense"], "syd": ["Assens", "Odense"], "nord": ["Aalborg"]}


def test_subscription_ends_on_its_day(services: Services) -> None:
    with services.world.acting("syd", Role.SERVICE_MANAGER, Purpose.PURCHASE):
        operations.end_subscription(
            subscription=services.subscriptions["odense"], to_date=dt.date(2026, 7, 1), reason="Flyttet", at=AT
        )
        before = queries.subscriptions(municipality=services.id("odense"), on=dt.date(2026, 6, 30))
        after = queries.subscriptions(municipality=services.id("odense"), on=dt.date(2026, 7, 1))

    assert (len(before), len(after)) == (1, 0)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"level_class": "platinum"}, "no level"),
        ({"from_date": OFFERED_FROM - dt.timedelta(days=1)}, "is offered from 01-01-2026"),
        ({"to_date": OFFERED_FROM}, "ends before"),
        ({"municipality": "aalborg"}, "not offered to this municipality"),
    ],
)
def test_subscription_that_cannot_be_is_refused(services: Services, given: dict[str, object], why: str) -> None:
    wanted = {"municipality": "odense", "level_class": "gold", "from_date": OFFERED_FROM, **given}
    with everyone(), pytest.raises(operations.SubscriptionRefused, match=why):
        operations.subscribe(
            **{**wanted, "municipality": services.id(str(wanted["municipality"]))},
            offering=services.offerings["syd"],
            at=AT,
        )


def test_watching_does_not_subscribe(services: Services) -> None:
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH), pytest.raises(ScopeRefused):
        operations.end_subscription(
            subscription=services.subscriptions["odense"], to_date=dt.date(2026, 7, 1), reason="x", at=AT
        )


def test_targets_of_a_level_are_in_the_order_of_the_metrics(services: Services) -> None:
    with services.world.acting("odense", Role.SERVICE_BUYER, Purpose.PURCHASE):
        page = queries.service_page(slug="server-operation")

    assert [level.level_class for level in page.levels] == ["bronze", "silver", "gold"]
    assert [(row.metric, row.priority) for row in page.levels[0].targets][:5] == [
        ("respond", "P1"),
        ("respond", "P2"),
        ("respond", "P3"),
        ("respond", "P4"),
        ("resolve", "P1"),
    ]
