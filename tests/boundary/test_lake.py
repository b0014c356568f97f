"""The lake, the search, the ledger and the pipeline's own files: every table and every function × every kind of Scope.

Tables and functions are taken from the modules themselves; one that is not declared here fails.
"""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import json
import re
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import duckdb
import pytest
from django.test import Client

from samdrift.federation import operations as federation
from samdrift.federation.models import Ownership, User
from samdrift.federation.rules import Role
from samdrift.soc import queries
from samdrift_logs import search
from samdrift_logs.errors import ScopeMissing, ScopeRefused
from samdrift_logs.journal.ledger import LEDGER_PURPOSES, Ledger
from samdrift_logs.lake import Gate, GateView, Lake, _storage
from samdrift_logs.lake.gate import READ_PURPOSES
from samdrift_logs.scope import Purpose, Scope, all_organisations
from samdrift_logs.search import SearchRequest
from tests.boundary.site import EVENTS, NOW, REJECTS, Site
from tests.boundary.world import AT, everyone

pytestmark = pytest.mark.django_db

LINE = re.compile(r"logkanarie-([a-z]+)-")
SPAN = (AT - dt.timedelta(days=1), AT + dt.timedelta(days=1))
# what the lake keeps of each organisation, and how many of it the site has for each
KINDS = {"events": EVENTS, "rejects": REJECTS}


def watch(site: Site, *organisations: str, purpose: Purpose = Purpose.WATCH) -> Scope:
    """A Scope over these organisations."""
    keys = [site.id(name) for name in organisations]
    return Scope(organisations=keys, purpose=purpose, reason="test", actor="test")


def nationwide(purpose: Purpose = Purpose.WATCH) -> Scope:
    """A Scope over everyone."""
    return all_organisations(purpose=purpose, reason="test", actor="test")


@pytest.fixture
def gate(site: Site) -> Gate:
    return Gate(Lake(site.data / "lake"))


def whose_lines(found: object) -> set[str]:
    """Return the organisations whose lines a result shows anywhere."""
    return set(LINE.findall(repr(found)))


# ---- the tables


def test_every_table_kind_is_declared() -> None:
    assert set(_storage.TABLES) == set(KINDS)


def _rows(gate: Gate, scope: Scope | None, table: str, **named: Any) -> list[dict[str, Any]]:
    def read(view: GateView) -> list[dict[str, Any]]:
        with view.connect() as connection:
            files = [str(file.path) for file in view.files]
            found = connection.sql("SELECT * FROM read_parquet($files)", params={"files": files})
            rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
            return rows

    return gate.read(lambda: gate.open(scope, table=table, **named), read)


@pytest.mark.parametrize("table", _storage.TABLES)
@pytest.mark.parametrize("organisation", ["odense", "assens", "aalborg", "syd", "nord"])
def test_table_shows_an_organisation_its_rows_and_no_other(
    site: Site, gate: Gate, table: str, organisation: str
) -> None:
    rows = _rows(gate, watch(site, organisation), table)
    of_everyone = _rows(gate, nationwide(), table, organisations=[site.id(organisation)])

    assert len(rows) == KINDS[table] and rows == of_everyone
    assert whose_lines(rows) == {organisation}


@pytest.mark.parametrize("table", _storage.TABLES)
def test_table_is_not_opened_without_a_fitting_scope(site: Site, gate: Gate, table: str) -> None:
    aalborg = [site.id("aalborg")]

    with pytest.raises(ScopeMissing):
        gate.open(None, table=table)
    with pytest.raises(ScopeMissing):
        gate.open(None, table=table, organisations=aalborg)
    for scope, narrowed in ((watch(site, "odense"), aalborg), (nationwide(), None), (nationwide(), [])):
        with pytest.raises(ScopeRefused):
            gate.open(scope, table=table, organisations=narrowed)
    for purpose in set(Purpose) - READ_PURPOSES:
        for scope in (watch(site, "odense", purpose=purpose), nationwide(purpose)):
            with pytest.raises(ScopeRefused):
                gate.open(scope, table=table, organisations=[site.id("odense")])


@pytest.mark.parametrize("table", _storage.TABLES)
def test_connection_of_a_view_reads_no_other_folder(site: Site, gate: Gate, table: str) -> None:
    theirs = [str(file.path) for file in gate.open(watch(site, "aalborg"), table=table).files]
    assert theirs, "nothing could leak"

    with gate.open(watch(site, "odense"), table=table).connect() as connection:
        for sql in ("SELECT * FROM read_parquet(?)", "SELECT * FROM read_text(?)", "SELECT * FROM glob(?)"):
            with pytest.raises(duckdb.Error):
                connection.execute(sql, [theirs[0]])
        with pytest.raises(duckdb.Error):
            connection.execute("SET enable_external_access=true")


def test_only_watch_reads_logs() -> None:
    assert {Purpose.WATCH} == READ_PURPOSES


# ---- the search

Call = Callable[[Gate, Scope | None, Site, SearchRequest], object]


def _event_of_others(gate: Gate, scope: Scope | None, site: Site, request: SearchRequest) -> object:
    """Around an event that somebody else handed over: the Scope still decides."""
    ids = [site.events["aalborg"][0], site.events["odense"][0]]
    event = search.event_by_id(gate=gate, scope=watch(site, "aalborg", "odense"), event_id=ids[0])
    return search.events_around(gate=gate, scope=scope, event=event, minutes=60)


SEARCHES: dict[str, Call] = {
    "search": lambda gate, scope, site, request: search.search(gate=gate, scope=scope, request=request),
    "stream": lambda gate, scope, site, request: list(search.stream(gate=gate, scope=scope, request=request)),
    "histogram": lambda gate, scope, site, request: search.histogram(gate=gate, scope=scope, request=request),
    "top_values": lambda gate, scope, site, request: search.top_values(
        gate=gate,
        scope=scope,
        request=request,
        fields=["host", "user", "process", "organisation", "EventID"],
        limit=500,
    ),
    "native_fields": lambda gate, scope, site, request: search.native_fields(gate=gate, scope=scope, request=request),
    "event_by_id": lambda gate, scope, site, request: [
        search.event_by_id(gate=gate, scope=scope, event_id=ids[0]) for ids in site.events.values()
    ],
    "events_by_id": lambda gate, scope, site, request: search.events_by_id(
        gate=gate, scope=scope, event_ids=[ids[1] for ids in site.events.values()]
    ),
    "events_around": _event_of_others,
}


def _gated(module: ModuleType) -> set[str]:
    functions = [(name, getattr(module, name)) for name in module.__all__]
    return {
        name
        for name, function in functions
        if inspect.isfunction(function) and {"gate", "scope"} <= set(inspect.signature(function).parameters)
    }


def test_every_function_that_reads_the_lake_is_declared() -> None:
    assert _gated(search) == set(SEARCHES)


def _requests(site: Site) -> list[SearchRequest]:
    """Ask for everything, for others by word, id and name, and for somebody who calls others by one's own name."""
    aalborg = str(site.id("aalborg"))
    return [
        SearchRequest(),
        SearchRequest(query="logkanarie-*"),
        SearchRequest(query=f"organisation:{aalborg} OR NOT organisation:{aalborg}"),
        SearchRequest(query="organisation:Odense", names={"organisation": {"Odense": aalborg}}),
        SearchRequest(query=f"source:{site.sources['aalborg']} OR host:*"),
    ]


@pytest.mark.parametrize("name", SEARCHES)
def test_search_shows_own_lines_only(site: Site, gate: Gate, name: str, count_cases: Counter[str]) -> None:
    seen = set()
    for reach in (("odense",), ("odense", "assens", "syd"), ("aalborg",), ("nord",)):
        for request in _requests(site):
            try:
                found = SEARCHES[name](gate, watch(site, *reach), site, request)
            except ScopeRefused:
                assert name == "events_around" and "aalborg" not in reach
                continue
            seen |= whose_lines(found)
            count_cases["searches"] += 1
            assert whose_lines(found) <= set(reach)
            others = {str(key) for other, key in site.world.organisations.items() if other not in reach}
            assert not any(other in repr(found) for other in others)
    assert seen or name in ("histogram", "events_around"), "nothing was shown at all: the walk proves nothing"


def test_histogram_counts_own_lines_only(site: Site, gate: Gate) -> None:
    for reach in (("odense",), ("odense", "assens", "syd")):
        counted = search.histogram(gate=gate, scope=watch(site, *reach), request=SearchRequest())
        assert counted.total == EVENTS * len(reach)
        assert {key for bucket in counted.buckets for key in bucket.by_organisation} == {site.id(n) for n in reach}


@pytest.mark.parametrize("name", SEARCHES)
def test_search_refuses_without_a_fitting_scope(site: Site, gate: Gate, name: str, count_cases: Counter[str]) -> None:
    call = SEARCHES[name]
    with pytest.raises(ScopeMissing):
        call(gate, None, site, SearchRequest())
    if name not in ("event_by_id", "events_by_id"):  # they take no list of organisations
        with pytest.raises(ScopeRefused):
            call(gate, watch(site, "odense"), site, SearchRequest(organisations=(site.id("aalborg"),)))
    for purpose in set(Purpose) - READ_PURPOSES:
        count_cases["searches"] += 1
        with pytest.raises(ScopeRefused):
            call(gate, watch(site, "odense", purpose=purpose), site, SearchRequest())
    if name != "events_around":  # it names the event's organisation
        with pytest.raises(ScopeRefused):
            call(gate, nationwide(), site, SearchRequest())


# ---- the platform's queries over logs, ledger, sources and pipeline

Query = Callable[[Site], object]
MODULES = {
    name: importlib.import_module(f"samdrift.soc.queries.{name}")
    for name in ("alerts", "cases", "ledger", "logs", "pipeline", "sources")
}


def _look(query: str = "") -> queries.Look:
    return queries.open_look(query=query, since=SPAN[0], until=SPAN[1], at=NOW)


def _each(site: Site, call: Callable[[str], object]) -> list[object]:
    """Ask for the event of every organisation; those that are refused are left out."""
    found = []
    for ids in site.events.values():
        try:
            found.append(call(ids[0]))
        except queries.EventMissing:
            continue
    return found


QUERIES: dict[str, Query] = {
    "open_look": lambda site: _look("host:*"),
    "search_logs": lambda site: queries.search_logs(look=_look()),
    "histogram": lambda site: queries.histogram(look=_look()),
    "top_values": lambda site: queries.top_values(look=_look(), fields=["host", "organisation"], limit=100),
    "native_fields": lambda site: queries.native_fields(look=_look()),
    "event_page": lambda site: _each(site, lambda event: queries.event_page(event_id=event, at=NOW)),
    "events_around": lambda site: _each(site, lambda event: queries.events_around(event_id=event, at=NOW)),
    "ledger_rows": lambda site: queries.ledger_rows(since=SPAN[0], until=SPAN[1]),
    "ledger_sums": lambda site: queries.ledger_sums(since=SPAN[0], until=SPAN[1]),
    "ledger_discrepancies": lambda site: queries.ledger_discrepancies(since=SPAN[0], until=SPAN[1]),
    "sources": lambda site: queries.sources(at=NOW),
    "source_page": lambda site: queries.source_page(source=site.sources["syd"], at=NOW),
    "source_names": lambda site: MODULES["sources"].source_names(),
    "pipeline_state": lambda site: queries.pipeline_state(at=NOW),
}
# They read rows only, which test_models covers: nothing of the log half's files
OF_ROWS = {
    "alert_list",
    "alert_row",
    "case_row",
    "loaded_alerts",
    "alert_page",
    "case_counts",
    "case_page",
    "case_queue",
    "cases_by_id",
    "credentials",
    "my_cases",
    "search_cases",
}


def test_every_query_of_the_watch_is_declared() -> None:
    own = {
        name
        for module in MODULES.values()
        for name, found in vars(module).items()
        if inspect.isfunction(found) and found.__module__ == module.__name__ and not name.startswith("_")
    }

    assert own == set(QUERIES) | OF_ROWS


@pytest.mark.parametrize("name", QUERIES)
def test_query_shows_what_the_scope_covers(site: Site, name: str, count_cases: Counter[str]) -> None:
    named = {str(key): short for short, key in site.world.organisations.items()}
    for organisation, reach in (
        ("odense", {"odense"}),
        ("syd", {"syd", "odense", "assens"}),
        ("nord", {"nord", "aalborg"}),
    ):
        with site.world.acting(organisation, Role.ANALYST, Purpose.WATCH):
            try:
                found = repr(QUERIES[name](site))
            except queries.SourceMissing:
                assert "syd" not in reach
                continue
        count_cases["queries over logs"] += 1
        shown = {short for key, short in named.items() if key in found} | set(LINE.findall(found))
        shown |= set(re.findall(r"kanarie-([a-z]+)(?:\+[a-z]+)?-kilde", found))
        assert shown <= reach


@pytest.mark.parametrize("name", QUERIES)
def test_query_refuses_without_a_fitting_scope(site: Site, name: str) -> None:
    with pytest.raises(ScopeMissing):
        QUERIES[name](site)
    for purpose in (Purpose.PURCHASE, Purpose.SUPPORT):
        with site.world.within("syd", purpose=purpose), pytest.raises(ScopeRefused):
            QUERIES[name](site)


@pytest.mark.parametrize("given", ["organisation", "source"])
def test_ledger_asked_for_others_by_name_gives_nothing(site: Site, given: str) -> None:
    with site.world.acting("odense", Role.ANALYST, Purpose.WATCH):
        if given == "source":
            assert queries.ledger_rows(since=SPAN[0], until=SPAN[1], source=site.sources["aalborg"]) == []
            return
        with pytest.raises(ScopeRefused):
            queries.ledger_rows(since=SPAN[0], until=SPAN[1], organisation=site.id("aalborg"))


def test_ledger_itself_shows_a_scope_its_rows_and_no_other(site: Site) -> None:
    store = Ledger(site.data / "ledger")
    try:
        for purpose in Purpose:
            scope = watch(site, "odense", purpose=purpose)
            if purpose not in LEDGER_PURPOSES:
                with pytest.raises(ScopeRefused):
                    store.rows(scope, *SPAN)
                continue
            rows = store.rows(scope, *SPAN)
            assert {row.organisation for row in rows} == {site.id("odense")}
            assert whose_lines([row.reasons for row in rows]) == {"odense"}
        for ask in (store.rows, store.discrepancies):
            with pytest.raises(ScopeMissing):
                ask(None, *SPAN)
    finally:
        store.close()


def test_pipeline_state_shows_the_installation_and_no_organisation(site: Site) -> None:
    run = site.data / "run"
    run.mkdir(exist_ok=True)
    (run / "work-1.json").write_text(json.dumps({"stored": 7}), encoding="utf-8")

    with site.world.acting("odense", Role.ANALYST, Purpose.WATCH):
        (state,) = queries.pipeline_state(at=NOW).processes

    assert state.counters == {"stored": 7}


# ---- when an owner has left


def test_logs_of_an_owner_that_left_yesterday_are_gone_for_the_unit(site: Site) -> None:
    client = Client()
    client.force_login(User.objects.get(pk=site.world.users["syd", Role.ANALYST]))
    token = {"Authorization": f"Bearer {site.tokens['syd', Role.ANALYST]}"}
    event = site.events["odense"][0]
    ledger_address = "/api/v1/ledger?since=2026-05-05T00:00:00Z"
    addresses = [ledger_address, "/logs/?q=", "/ledger/", "/sources/", "/api/v1/logs", "/api/v1/sources", "/scope/"]
    before = {address: _shown(client, address, token) for address in addresses}

    with everyone():
        owned = Ownership.objects.get(unit=site.id("syd"), municipality=site.id("odense"))
        federation.end_ownership(ownership=owned.pk, to_date=NOW.date(), reason="Udtrådt", at=NOW)

    after = {address: _shown(client, address, token) for address in addresses}
    assert [address for address, shown in before.items() if "odense" not in shown] == ["/scope/"]
    assert not any("odense" in shown for shown in after.values())
    assert all("assens" in shown for address, shown in after.items() if address != "/scope/")
    assert client.get(f"/logs/{event}/").status_code == 404
    assert client.get(f"/api/v1/logs/events/{event}", headers=token).status_code == 404
    with site.world.acting("syd", Role.ANALYST, Purpose.WATCH) as scope:
        assert scope.organisations == {site.id("syd"), site.id("assens")}
        with pytest.raises(ScopeRefused):
            queries.open_look(query="", since=None, until=None, organisations=[site.id("odense")], at=NOW)
    with site.world.acting("odense", Role.ANALYST, Purpose.WATCH):
        assert whose_lines(queries.search_logs(look=_look())) == {"odense"}


def _shown(client: Client, address: str, token: dict[str, str]) -> set[str]:
    text = client.get(address, headers=token).content.decode()
    return set(LINE.findall(text)) | set(re.findall(r"kanarie-([a-z]+)(?:\+[a-z]+)?-kilde", text))
