"""Searching through the gate: what is found, in which order, by whom."""

from __future__ import annotations

import datetime as dt

import pytest

from samdrift_logs.errors import InputRefused, ScopeMissing, ScopeRefused
from samdrift_logs.lake import Gate, Lake, LakeWriter
from samdrift_logs.scope import Purpose, Scope, all_organisations
from samdrift_logs.search import SearchControl, SearchRequest, search, stream
from tests.samdrift_logs.lake.rows import ASSENS, NOON, ODENSE, event, events, rejects, watch

ROWS = [
    event(1, user="Åse", src_ip="10.20.1.5", dst_port=443, fields={"LogonType": 3, "Target Name": "A/b~c"}),
    event(2, user="bob", src_ip="10.21.0.9", dst_port=8080, raw=r'{"Image":"C:\\Windows\\Temp\\a.exe"}',
          fields={"Image": r"C:\Windows\Temp\a.exe", "Tags": ["x", "Yy"]}),
    event(3, command_line="powershell -nop -w hidden -enc ZQBj", raw="proc start", message="Blåbærgrød serveret"),
    event(4, src_ip="fe80::1:2", raw=b"bl\xe5 mimikatz\xff", severity=3, fields={"n": None, "LogonType": "10"}),
    event(5, organisation=ASSENS, user="bob", raw="xmimikatzx 100% a_b", event_code="4625"),
]  # fmt: skip


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    lake = Lake(tmp_path_factory.mktemp("search") / "lake")
    lake.create(ODENSE)
    lake.create(ASSENS)
    writer = LakeWriter(lake)
    writer.write(events(ROWS[:2]), rejects([]), partition=0, through=2)
    writer.write(events(ROWS[2:]), rejects([]), partition=0, through=5)
    return Gate(lake)


def found(gate: Gate, query: str, **more) -> list[int]:
    result = search(gate=gate, scope=watch(ODENSE, ASSENS), request=SearchRequest(query=query, **more))
    return [int(hit.event_id.split("-")[1]) for hit in result.hits]


@pytest.mark.parametrize(
    ("query", "sequences"),
    [
        ("", [5, 4, 3, 2, 1]),
        ("*", [5, 4, 3, 2, 1]),
        ("mimikatz", [4]),
        ("*mimikatz*", [5, 4]),
        ("MIMIKATZ", [4]),
        ("blåbærgrød", [3]),
        ("BLÅBÆRGRØD", [3]),
        ("blå*", [3]),
        ("user:åse", [1]),
        ("user:ÅSE", [1]),
        ("bruger:Åse", [1]),
        ("user:bob", [5, 2]),
        ("user:b?b", [5, 2]),
        ("user:*", [5, 2, 1]),
        ("NOT user:*", [4, 3]),
        ("user!=bob", [4, 3, 1]),
        ("user:(bob OR åse)", [5, 2, 1]),
        ("dst_port:443", [1]),
        ("dst_port>1024", [2]),
        ("dst_port > 442", [2, 1]),
        ("dst_port:[443 TO 8080}", [1]),
        ("dst_port:8*", [2]),
        ("src_ip:10.20.0.0/16", [1]),
        ("src_ip:10.20.0.0/15", [2, 1]),
        ("src_ip:fe80::/10", [4]),
        ("src_ip:fe80:0::1:2", [4]),
        ("ip:10.21.0.9", [2]),
        ("src_ip:10.2*", [2, 1]),
        ("LogonType:3", [1]),
        ("LogonType>4", [4]),
        ("LogonType:*", [4, 1]),
        ("n:*", []),
        ('"Target Name":a/b~c', [1]),
        ("Tags:yy", [2]),
        ("Tags:y*", [2]),
        (r"Image:C:\windows\*\a.exe", [2]),
        (r"C:\Windows\Temp", [2]),
        (r'"C:\Windows\Temp\"', [2]),
        ('command_line:*"-nop -w hidden"*', [3]),
        ("command_line:hidden", [3]),
        ("command_line:hidde", []),
        ("100%", [5]),
        ("a_b", [5]),
        ("user:b_b", []),
        ("severity:fejl", [4]),
        ("severity<=3", [4]),
        ("event_code:4625 OR event_id:0-3-0", [5, 3]),
        ("event_code>4000", [5]),
        ("received_at>=2026-11-23T13:00:04", [5, 4]),
        ("received_at:2026-11-23", [5, 4, 3, 2, 1]),
        ("modtaget:23-11-2026 OG bruger:bob", [5, 2]),
        ("bob IKKE mimikatz", []),
        ("user:bob IKKE dst_port:8080", [5]),
        (f"organisation:{ASSENS}", [5]),
        ("fields:x", []),
    ],
)
def test_search_finds(gate: Gate, query: str, sequences: list[int]) -> None:
    assert found(gate, query) == sequences


def test_search_names_of_organisations(gate: Gate) -> None:
    names = {"organisation": {"Assens Kommune": str(ASSENS), "Odense Kommune": str(ODENSE)}}

    assert found(gate, "organisation:assens*", names=names) == [5]
    assert found(gate, 'organisation:"Odense kommune" user:bob', names=names) == [2]


def test_search_time_is_half_open(gate: Gate) -> None:
    second = dt.timedelta(seconds=1)

    assert found(gate, "", since=NOON + 2 * second, until=NOON + 4 * second) == [3, 2]


def test_search_pages_by_cursor_both_ways(gate: Gate) -> None:
    scope = watch(ODENSE, ASSENS)
    for newest_first, expected in ((True, [5, 4, 3, 2, 1]), (False, [1, 2, 3, 4, 5])):
        seen: list[int] = []
        cursor = None
        while True:
            page = search(
                gate=gate, scope=scope, request=SearchRequest(), limit=2, cursor=cursor, newest_first=newest_first
            )
            seen += [int(hit.event_id.split("-")[1]) for hit in page.hits]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == expected


def test_hit_carries_columns_fields_and_exact_bytes(gate: Gate) -> None:
    hit = search(gate=gate, scope=watch(ODENSE), request=SearchRequest(query="mimikatz")).hits[0]

    assert (hit.raw, hit.raw_lossy, hit.raw_bytes) == ("bl\ufffd mimikatz\ufffd", True, b"bl\xe5 mimikatz\xff")
    assert (hit.event_id, hit.organisation, hit.severity) == ("0-4-0", ODENSE, 3)
    assert hit.fields == {"n": None, "LogonType": "10"}
    assert hit.received_at == NOON + dt.timedelta(seconds=4)


def test_search_scope_decides_what_is_seen(gate: Gate) -> None:
    request = SearchRequest(query=f"organisation:{ASSENS} OR *")

    result = search(gate=gate, scope=watch(ODENSE), request=request)

    assert {hit.organisation for hit in result.hits} == {ODENSE}
    with pytest.raises(ScopeMissing):
        search(gate=gate, scope=None, request=request)
    with pytest.raises(ScopeRefused, match="watch only"):
        search(
            gate=gate,
            scope=Scope(organisations=[ODENSE], purpose=Purpose.SUPPORT, reason="x", actor="y"),
            request=request,
        )
    everyone = all_organisations(purpose=Purpose.WATCH, reason="x", actor="y")
    with pytest.raises(ScopeRefused, match="named"):
        search(gate=gate, scope=everyone, request=request)
    named = search(gate=gate, scope=everyone, request=SearchRequest(organisations=(ASSENS,)))
    assert {hit.organisation for hit in named.hits} == {ASSENS}
    with pytest.raises(ScopeRefused):
        search(gate=gate, scope=watch(ODENSE), request=SearchRequest(organisations=(ASSENS,)))


def test_search_stopped_before_it_starts_gives_nothing_and_says_so(gate: Gate) -> None:
    control = SearchControl()
    control.cancel()

    result = search(gate=gate, scope=watch(ODENSE), request=SearchRequest(), control=control)

    assert (result.hits, result.stopped) == ((), "cancelled")
    assert (
        search(gate=gate, scope=watch(ODENSE), request=SearchRequest(), control=SearchControl(time_limit_s=0)).stopped
        == "time limit"
    )


def test_stream_yields_everything_once(gate: Gate) -> None:
    assert len({hit.event_id for hit in stream(gate=gate, scope=watch(ODENSE, ASSENS), request=SearchRequest())}) == 5


@pytest.mark.parametrize(("cursor", "limit"), [("x", 1), ("1.2.3", 1), (None, 0), (None, 10**6)])
def test_search_refuses_wrong_cursor_and_limit(gate: Gate, cursor: str | None, limit: int) -> None:
    with pytest.raises(InputRefused):
        search(gate=gate, scope=watch(ODENSE), request=SearchRequest(), cursor=cursor, limit=limit)


def test_request_refuses_time_without_zone() -> None:
    with pytest.raises(InputRefused, match="time zone"):
        SearchRequest(since=dt.datetime(2026, 1, 1))  # noqa: DTZ001
