"""Sources and their credentials, the snapshot for the doors, the ledger and looks into logs."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from uuid import UUID

import pytest
from django.test import TestCase

from samdrift.federation.rules import Role
from samdrift.foundation.models import AuditEntry
from samdrift.soc import operations, queries
from samdrift_logs.errors import ScopeRefused
from samdrift_logs.events.sources import SourceRegistry
from samdrift_logs.journal.ledger import Ledger, Received, Settlement, minute_of
from samdrift_logs.scope import Purpose
from tests.boundary.world import AT, everyone
from tests.samdrift.services import Services


def registry(data: Path) -> SourceRegistry:
    return SourceRegistry.load(data / "sources.json")


def register(services: Services, organisation: str = "odense", **given: object) -> operations.Registered:
    with everyone(), TestCase.captureOnCommitCallbacks(execute=True):
        return operations.register_source(
            organisation=services.id(organisation), name="AD", with_token=True, at=AT, **given
        )


def test_registered_source_is_known_to_the_doors_by_its_token(services: Services, data: Path) -> None:
    made = register(services, source_type="winlogbeat", networks=["10.20.0.0/16"])

    assert made.token is not None
    found = registry(data).by_token(made.token)
    assert found is not None
    assert (found.id, found.organisation, found.type) == (made.source, services.id("odense"), "winlogbeat")
    assert registry(data).by_peer("10.20.3.4") == found
    assert made.token not in (data / "sources.json").read_text()
    assert made.token not in repr(made)


def test_rotated_and_revoked_tokens_are_gone_from_the_snapshot(services: Services, data: Path) -> None:
    made = register(services)
    before = registry(data).version
    with everyone(), TestCase.captureOnCommitCallbacks(execute=True):
        issued = operations.rotate_token(source=made.source, at=AT)
    rotated = registry(data)
    with everyone(), TestCase.captureOnCommitCallbacks(execute=True):
        operations.revoke_credential(credential=issued.credential, reason="Lækket", at=AT)

    assert made.token is not None
    assert rotated.by_token(made.token) is None
    assert rotated.by_token(issued.token) is not None
    assert registry(data).by_token(issued.token) is None
    assert registry(data).version > rotated.version > before


def test_disabled_source_is_written_as_such(services: Services, data: Path) -> None:
    made = register(services)
    with everyone(), TestCase.captureOnCommitCallbacks(execute=True):
        operations.set_enabled(source=made.source, enabled=False, reason="Flyttet", at=AT)

    assert made.token is not None
    assert registry(data).by_token(made.token) is None
    assert registry(data).by_id(made.source) is not None


def test_snapshot_is_written_again_only_when_something_changed(services: Services, data: Path) -> None:
    register(services)
    mark = (data / "sources.json").stat().st_mtime_ns

    operations.write_registry_snapshot(at=AT)
    unchanged = (data / "sources.json").stat().st_mtime_ns
    (data / "sources.json").write_text("{}")
    operations.write_registry_snapshot(at=AT)

    assert unchanged == mark
    assert len(registry(data).sources) == 1


@pytest.mark.parametrize("network", ["10.20.30.0/24", "10.0.0.0/8", "10.20.0.0/16"])
def test_network_that_overlaps_another_organisations_is_refused(services: Services, network: str) -> None:
    register(services, networks=["10.20.0.0/16"])

    with services.world.within("assens", purpose=Purpose.ADMINISTRATION):
        with pytest.raises(operations.SourceRefused, match="overlaps") as refused:
            operations.register_source(organisation=services.id("assens"), name="Firewall", networks=[network], at=AT)
    assert "Odense" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"networks": ["10.20.0.1/16"]}, "no network"),
        ({"timezone": "Mars/Olympus"}, "no time zone"),
        ({"name": "  "}, "name"),
        ({"source_type": "winlogbaet"}, "no source type; choose one of auto, .*winlogbeat"),
    ],
)
def test_source_with_wrong_values_is_refused(services: Services, given: dict[str, object], why: str) -> None:
    with everyone(), pytest.raises(operations.SourceRefused, match=why):
        operations.register_source(**{"organisation": services.id("odense"), "name": "AD", "at": AT, **given})


def test_administrators_see_credentials_and_analysts_do_not(services: Services) -> None:
    register(services)

    with services.world.acting("odense", Role.ADMINISTRATOR, Purpose.ADMINISTRATION):
        administered = queries.sources(at=AT).rows
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        watched = queries.sources(at=AT).rows
    with services.world.acting("nord", Role.ANALYST, Purpose.WATCH):
        strangers = queries.sources(at=AT).rows

    assert [len(row.credentials) for row in administered] == [1]
    assert [row.credentials for row in watched] == [[]]
    assert strangers == []


def count(data: Path, organisation: UUID, source: UUID, *, received: int, stored: int, at: dt.datetime = AT) -> None:
    ledger = Ledger(data / "ledger")
    row = {"sequence": 1, "organisation": organisation, "source": source, "minute": minute_of(at)}
    ledger.count_received(0, [Received(count=received, **row)])
    ledger.settle(0, 1, [Settlement(stored=stored, rejected={"ikke JSON": 2}, **row)])
    ledger.close()


def test_ledger_tells_the_owner_and_its_unit_what_is_missing(services: Services, data: Path) -> None:
    made = register(services)
    count(data, services.id("odense"), made.source, received=10, stored=7)
    span = {"since": AT - dt.timedelta(hours=1), "until": AT + dt.timedelta(hours=1)}

    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        sums = queries.ledger_sums(**span)
        wrong = queries.ledger_discrepancies(**span)
        state = queries.source_page(source=made.source, at=AT + dt.timedelta(minutes=3))
        silent = queries.source_page(source=made.source, at=AT + dt.timedelta(hours=2))
    with services.world.acting("nord", Role.ANALYST, Purpose.WATCH):
        strangers = queries.ledger_rows(**span)

    assert [(row.source_name, row.received, row.stored, row.rejected, row.missing) for row in sums] == [
        ("AD", 10, 7, 2, 1)
    ]
    assert [row.adds_up for row in wrong] == [False]
    assert (state.last_received_at, state.per_minute, state.is_silent) == (AT, 1.0, False)
    assert silent.is_silent
    assert strangers == []


def test_look_is_written_to_the_chain_of_every_organisation_searched(services: Services, data: Path) -> None:
    with everyone():
        for organisation in ("odense", "assens", "syd"):
            operations.prepare_lake(organisation=services.id(organisation))
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        look = queries.open_look(query="user:svc_backup", since=AT, until=AT + dt.timedelta(hours=1), at=AT)
        found = queries.search_logs(look=look)
        drawn = queries.histogram(look=look)
        narrowed = queries.open_look(query="", since=None, until=None, organisations=[services.id("odense")], at=AT)
        queries.search_logs(look=narrowed)

    assert (found.hits, drawn.total) == ((), 0)
    with everyone(Purpose.ADMINISTRATION):
        looks = AuditEntry.objects.filter(action="soc.logs.searched")
        counted = {key: looks.filter(organisation=services.id(key)).count() for key in services.world.organisations}
        entry = looks.filter(organisation=services.id("assens")).get()
    assert counted == {"odense": 2, "assens": 1, "syd": 1, "aalborg": 0, "nord": 0}
    assert "svc_backup" in str(entry.after)
    assert entry.purpose == "watch"


def test_look_that_may_not_be_taken_is_refused_and_not_written(services: Services, data: Path) -> None:
    with services.world.acting("syd", Role.SECOND_LINE_AGENT, Purpose.SUPPORT), pytest.raises(ScopeRefused):
        queries.open_look(query="", since=None, until=None, at=AT)
    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH):
        with pytest.raises(ScopeRefused):
            queries.open_look(query="", since=None, until=None, organisations=[services.id("aalborg")], at=AT)
        with pytest.raises(queries.QueryError):
            queries.open_look(query="user:(", since=None, until=None, at=AT)

    with everyone(Purpose.ADMINISTRATION):
        assert not AuditEntry.objects.filter(action="soc.logs.searched").exists()


def test_pipeline_state_shows_who_is_alive_and_what_cannot_be_read(data: Path) -> None:
    (data / "run").mkdir()
    (data / "run" / "work.json").write_text(json.dumps({"events": 5}))
    (data / "run" / "receive.json").write_text("{")
    now = dt.datetime.now(dt.UTC)

    with everyone():
        state = queries.pipeline_state(at=now)

    assert [(process.name, process.is_alive) for process in state.processes] == [("receive", False), ("work", True)]
    assert state.processes[1].counters == {"events": 5}
    assert "receive.json" in state.processes[0].problem
    assert not state.is_alive


def test_event_page_of_an_event_that_is_not_there_says_so(services: Services, data: Path) -> None:
    with everyone():
        operations.prepare_lake(organisation=services.id("odense"))

    with services.world.acting("syd", Role.ANALYST, Purpose.WATCH), pytest.raises(queries.EventMissing):
        queries.event_page(event_id="0-1-1", at=AT)
