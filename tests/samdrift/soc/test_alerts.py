"""The sink: what is stored, which case it joins, what happens in a storm, and who sees it."""

from __future__ import annotations

import datetime as dt
import time
from uuid import UUID, uuid4

import attrs
import pytest

from samdrift.catalogue import operations as catalogue
from samdrift.federation.rules import Role
from samdrift.foundation.models import Fact
from samdrift.soc import operations, queries
from samdrift.soc.domain.grouping import COPIES_A_KIND
from samdrift.soc.models import Alert, Case
from samdrift_logs.scope import Purpose
from tests.boundary.world import AT, everyone
from tests.samdrift.services import Services, alert


@pytest.fixture
def source(services: Services) -> UUID:
    """A source of Odense, on the server operation that Enhed Syd delivers."""
    with everyone():
        return operations.register_source(
            organisation=services.id("odense"), name="AD", subscription=services.subscriptions["odense"], at=AT
        ).source


def facts(name: str) -> int:
    with everyone():
        return Fact.objects.filter(name=name).count()


def test_record_alerts_opens_one_case_for_a_host(services: Services, source: UUID) -> None:
    odense = services.id("odense")
    batch = [
        alert(odense, source, event_id="0-1-0", rule_id="a", level="medium"),
        alert(odense, source, event_id="0-1-1", rule_id="b", level="critical", title="Gidselprogram"),
        alert(odense, source, event_id="0-1-2", rule_id="b", level="critical", title="Gidselprogram", host="fs01"),
        alert(odense, source, event_id="0-1-3", rule_id="a", level="medium", host="DC01"),
    ]

    with everyone():
        recorded = operations.record_alerts(alerts=batch, at=AT)

    assert (recorded.stored, recorded.already_there, len(recorded.cases_opened)) == (4, 0, 2)
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        rows = queries.case_queue().rows
    assert [(row.number, row.place, row.level, row.alert_count, row.kind_count) for row in rows] == [
        ("2026-0001", "FS01", "critical", 3, 2),
        ("2026-0002", "DC01", "medium", 1, 1),
    ]
    assert rows[0].title == "Gidselprogram"
    assert facts("soc.case.opened") == 2


def test_record_alerts_again_changes_nothing(services: Services, source: UUID) -> None:
    batch = [alert(services.id("odense"), source, event_id=f"0-1-{row}") for row in range(5)]
    with everyone():
        operations.record_alerts(alerts=batch, at=AT)

        again = operations.record_alerts(alerts=[*batch, *batch], at=AT + dt.timedelta(hours=1))

        assert (again.stored, again.already_there, again.cases_opened) == (0, 5, ())
        assert (Alert.objects.count(), Case.objects.get().alert_count) == (5, 5)
    assert facts("soc.case.opened") == 1


def test_record_alerts_extends_and_escalates_within_a_day_only(services: Services, source: UUID) -> None:
    odense = services.id("odense")
    with everyone():
        first = operations.record_alerts(alerts=[alert(odense, source, level="medium")], at=AT)
        soon = AT + dt.timedelta(hours=20)
        worse = alert(odense, source, event_id="0-2-0", level="critical", received_at=soon)
        second = operations.record_alerts(alerts=[worse], at=soon)
        later = soon + dt.timedelta(hours=25)
        third = operations.record_alerts(alerts=[attrs.evolve(worse, id=uuid4(), received_at=later)], at=later)
        levels = {case.number: case.level for case in Case.objects.all()}

    assert (second.cases_opened, second.cases_escalated) == ([], first.cases_opened)
    assert len(third.cases_opened) == 1
    assert levels == {"2026-0001": "critical", "2026-0002": "critical"}


def test_mild_alert_opens_no_case_but_is_put_into_the_one_that_follows(services: Services, source: UUID) -> None:
    odense = services.id("odense")
    with everyone():
        mild = operations.record_alerts(alerts=[alert(odense, source, level="low")], at=AT)
        serious = alert(odense, source, event_id="0-2-0", rule_id="b", received_at=AT + dt.timedelta(minutes=5))
        operations.record_alerts(alerts=[serious], at=AT)
        case = Case.objects.get()

    assert mild.cases_opened == []
    assert (case.alert_count, case.kind_count) == (2, 2)


def test_storm_keeps_every_alert_and_shows_the_first_of_each_kind(services: Services, source: UUID) -> None:
    odense = services.id("odense")
    storm = [alert(odense, source, event_id=f"0-1-{row}", rule_id="a") for row in range(600)]
    new_kind = alert(odense, source, event_id="0-2-0", rule_id="b", title="Noget nyt", level="low")

    begun = time.monotonic()
    with everyone():
        operations.record_alerts(alerts=storm, at=AT)
        took_s = time.monotonic() - begun
        operations.record_alerts(alerts=[new_kind], at=AT)
        with_copy = Alert.objects.filter(event__isnull=False).count()
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        actor = services.world.actor("syd", Role.ANALYST)
        page = queries.case_page(case=queries.case_queue().rows[0].id, actor=actor)

    assert [(kind.rule_id, kind.count) for kind in page.kinds] == [("a", 600), ("b", 1)]
    assert [entry.facts["rule"] for entry in page.entries if entry.kind == "alert"] == ["a", "b"]
    assert with_copy == COPIES_A_KIND + 1
    assert took_s < 10


def test_alert_is_handled_by_the_unit_of_the_subscription_else_by_the_owner_unit(services: Services) -> None:
    assens, nord = services.id("assens"), services.id("nord")
    with everyone():
        elsewhere = catalogue.offer_service(
            unit=nord, slug="database", municipalities=[assens], from_date=dt.date(2026, 1, 1), at=AT
        )
        bought = catalogue.subscribe(
            municipality=assens, offering=elsewhere, level_class="gold", from_date=dt.date(2026, 1, 1), at=AT
        )
        of_nord = operations.register_source(organisation=assens, name="DB", subscription=bought, at=AT).source
        plain = operations.register_source(organisation=assens, name="Proxy", at=AT).source
        batch = [alert(assens, of_nord, host="db01"), alert(assens, plain, host="proxy", event_id="0-2-0")]
        operations.record_alerts(alerts=batch, at=AT)
        handlers = {case.place: case.handler_id for case in Case.objects.all()}

    assert handlers == {"db01": nord, "proxy": services.id("syd")}


def test_case_is_seen_by_owner_and_handler_only(services: Services, source: UUID) -> None:
    with everyone():
        operations.record_alerts(alerts=[alert(services.id("odense"), source)], at=AT)

    seen = {}
    for organisation in ("syd", "odense", "nord", "assens", "aalborg"):
        with services.world.acting(organisation, Role.ANALYST, Purpose.WATCH):
            seen[organisation] = (queries.case_queue().total, queries.alert_list().total)
    assert seen == {"syd": (1, 1), "odense": (1, 1), "nord": (0, 0), "assens": (0, 0), "aalborg": (0, 0)}


def test_alert_of_an_unknown_organisation_is_refused_and_the_rest_is_stored(services: Services, source: UUID) -> None:
    stranger = alert(uuid4(), uuid4(), event_id="0-9-0")

    with everyone():
        recorded = operations.record_alerts(alerts=[stranger, alert(services.id("odense"), source)], at=AT)

    assert (recorded.refused, recorded.stored) == ([stranger.id], 1)


def test_alert_page_shows_what_no_database_takes(services: Services, source: UUID) -> None:
    odd = attrs.evolve(
        alert(services.id("odense"), source), user="a\x00b", title="x" * 900, fields={"n\x00": "\ud800", "b": "ok"}
    )
    with everyone():
        operations.record_alerts(alerts=[odd], at=AT)
    with services.world.acting("odense", Role.CISO, Purpose.WATCH):
        page = queries.alert_page(alert=odd.id, at=AT)

    assert (page.alert.user, len(page.alert.title), page.matched) == ("a␀b", 300, {"n␀": "?", "b": "ok"})
    assert page.raw == "linje␀"
