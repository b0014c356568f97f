"""`normalise` over records: ids, order, counts, time zones, sources that are gone."""

from __future__ import annotations

import datetime as dt
import time
from uuid import UUID

import orjson
import pytest

from samdrift_logs.events.sources import Source, SourceRegistry
from samdrift_logs.normalise import instants, normalise
from tests.samdrift_logs.normalise.kit import ORGANISATION, RECEIVED_AT, SOURCE, read_lines, record_of, registry_of

OTHER = UUID("0190a000-0000-7000-8000-0000000000bb")


def test_rows_keep_their_order_and_ids_over_records() -> None:
    records = [record_of([b'{"n":1}', b"bad", b'{"n":2}'], sequence=7), record_of([b'{"n":3}'], sequence=8)]

    result = normalise(records, registry_of("generic_json"))

    assert result.events.table["event_id"].to_pylist() == ["0-7-0", "0-7-2", "0-8-0"]
    assert result.rejects.table["event_id"].to_pylist() == ["0-7-1"]
    assert [orjson.loads(text)["n"] for text in result.events.table["fields"].to_pylist()] == [1, 2, 3]


def test_counts_close_per_record() -> None:
    record = record_of([b'{"n":1}', b"bad", b""], rejects=[(b"x", "too long: 2 MB")], duplicates=4)

    (count,) = normalise([record], registry_of("generic_json")).counts

    assert (count.stored, count.rejected, count.duplicate) == (1, 3, 4)
    assert count.reasons == {"not JSON": 1, "empty line": 1, "too long": 1}


def test_lines_the_door_refused_follow_after_its_lines() -> None:
    result = normalise([record_of([b"bad"], rejects=[(b"x", "why")])], registry_of("generic_json"))

    assert result.rejects.table["event_id"].to_pylist() == ["0-1-0", "0-1-1"]
    assert result.rejects.table["raw"].to_pylist() == [b"bad", b"x"]


def test_records_of_two_sources_are_read_each_by_its_own() -> None:
    registry = SourceRegistry(
        sources=(
            Source(id=SOURCE, organisation=ORGANISATION, name="a", type="generic_json"),
            Source(id=OTHER, organisation=ORGANISATION, name="b", type="text"),
        )
    )

    result = normalise([record_of([b"{}"]), record_of([b"{}"], source=OTHER)], registry)

    assert result.events.table["source_type"].to_pylist() == ["generic_json", "text"]
    assert result.events.table["source"].to_pylist() == [str(SOURCE), str(OTHER)]


def test_source_that_is_gone_is_read_by_content() -> None:
    result = normalise([record_of([b'{"a":1}', b"tekst"])], SourceRegistry())

    assert result.events.table["source_type"].to_pylist() == ["generic_json", "text"]


def test_received_at_decides_the_day_whatever_the_sender_says() -> None:
    result = read_lines([b'{"time":"1999-01-01T00:00:00Z"}', b'{"time":"2150-01-01T00:00:00Z"}'], "generic_json")

    assert result.events.table["day"].to_pylist() == [RECEIVED_AT.date()] * 2
    assert [at.year for at in result.events.table["event_at"].to_pylist()] == [1999, 2150]


def test_local_time_is_in_the_zone_of_the_source() -> None:
    registry = SourceRegistry(
        sources=(Source(id=SOURCE, organisation=ORGANISATION, name="a", type="linux_auth", timezone="America/Godthab"),)
    )

    result = normalise([record_of([b"<13>Nov 23 21:14:05 nuuk01 app: x"])], registry)

    (at,) = result.events.table["event_at"].to_pylist()
    assert at == dt.datetime(2026, 11, 23, 23, 14, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("stamp", "received", "wanted"),
    [
        ("Dec 31 23:59:59", dt.date(2027, 1, 1), dt.datetime(2026, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        ("Jan  1 00:00:01", dt.date(2026, 12, 31), dt.datetime(2027, 1, 1, 0, 0, 1, tzinfo=dt.UTC)),
        ("Nov 30 12:00:00", dt.date(2026, 11, 23), dt.datetime(2026, 11, 30, 12, 0, tzinfo=dt.UTC)),
        ("Dec  1 12:00:00", dt.date(2026, 11, 23), dt.datetime(2025, 12, 1, 12, 0, tzinfo=dt.UTC)),
        ("Feb 29 12:00:00", dt.date(2028, 3, 1), dt.datetime(2028, 2, 29, 12, 0, tzinfo=dt.UTC)),
        ("Feb 29 12:00:00", dt.date(2027, 3, 1), dt.datetime(2024, 2, 29, 12, 0, tzinfo=dt.UTC)),
        ("Feb 30 12:00:00", dt.date(2027, 3, 1), None),
        ("Foo  1 12:00:00", dt.date(2027, 3, 1), None),
        ("Nov 23 25:00:00", dt.date(2026, 11, 23), None),
    ],
)
def test_stamp_without_year_finds_its_year(stamp: str, received: dt.date, wanted: dt.datetime | None) -> None:
    assert instants.parse_stamp(stamp, received, dt.UTC) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1795464845, dt.datetime(2026, 11, 23, 20, 14, 5, tzinfo=dt.UTC)),
        ("1795464845123", dt.datetime(2026, 11, 23, 20, 14, 5, 123000, tzinfo=dt.UTC)),
        ("1795464845123456", dt.datetime(2026, 11, 23, 20, 14, 5, 123456, tzinfo=dt.UTC)),
        (-1, None),
        (1e300, None),
        ("nan", None),
        ("x", None),
    ],
)
def test_epoch_is_told_by_its_size(value: float | str, wanted: dt.datetime | None) -> None:
    assert instants.parse_epoch(value) == wanted


@pytest.mark.parametrize("names", [2_001, 100_000])
def test_event_with_too_many_fields_is_rejected(names: int) -> None:
    line = orjson.dumps({f"f{number}": 1 for number in range(names)})

    result = read_lines([line, b'{"a":1}'], "generic_json")

    assert len(result.events) == 1
    assert result.rejects.table["reason"].to_pylist() == [f"too many fields: {names}, at most 2000 are taken"]


def test_object_nested_too_deep_is_rejected() -> None:
    result = read_lines([b'{"a":' * 40 + b"1" + b"}" * 40], "generic_json")

    assert result.rejects.table["reason"].to_pylist() == ["nested too deep: objects within more than 32 objects"]


def test_values_keep_their_type() -> None:
    lines = [
        b'{"v":1}',
        b'{"v":"1"}',
        b'{"v":true}',
        b'{"v":1.0}',
        b'{"v":null}',
        b'{"v":[1,[2]]}',
        b'{"v":18446744073709551615}',
    ]

    column = read_lines(lines, "generic_json").events.native["v"]

    values = [column.values[code] for code in column.codes]
    assert values == [1, "1", True, 1.0, None, (1, (2,)), 18446744073709551615]
    assert [type(value) for value in values] == [int, str, bool, float, type(None), tuple, int]


MEGABYTE = 1_000_000


@pytest.mark.parametrize("source_type", ["linux_auth", "fortigate", "squid", "text", "auto"])
@pytest.mark.parametrize(
    "pattern",
    [
        b"<13>Nov 23 21:14:05 web01 sudo: a : TTY=x ; PWD=| ; ENV=",
        b"<13>Nov 23 21:14:05 web01 sudo: a : |b; ",
        b"<13>Nov 23 21:14:05 web01 sudo: a : |PWD=b ; ",
        b"<13>Nov 23 21:14:05 web01 sshd[1]: Failed password for | from a port ",
        b"<13>Nov 23 21:14:05 web01 sshd[1]: Disconnected from |1 ",
        b"<13>Nov 23 21:14:05 web01 sshd[1]: Connection closed by |1",
        b"<13>Nov 23 21:14:05 web01 sshd[1]: authentication failure; |a",
        b"<13>Nov 23 21:14:05 web01 sshd[1]: |session opened for user ",
        b"<13>Nov 23 21:14:05 |a",
        b"<13>Nov 23 21:14:05 | ",
        b"|1",
        b'<1>1 - - - - - [a |b="',
        b"<1>1 - - - - - [a| ",
        b"<1>1 - - - - - |[a]",
        b"<189>logid=1 type=traffic |a",
        b'<189>logid=1 type=traffic | a="\\"',
        b'<189>logid=1 type=traffic |a="x"',
        b'10.1.1.7 - a [x] "GET u HTTP/1.1" 200 1 "-" "|\\"',
        b"10.1.1.7 - a |[x] ",
        b"1795464845.1 | ",
    ],
)
def test_line_made_to_be_slow_is_not(pattern: bytes, source_type: str) -> None:
    head, _, part = pattern.partition(b"|")
    line = head + part * (MEGABYTE // len(part))
    began = time.process_time()

    result = read_lines([line], source_type)

    assert len(result.events) == 1
    assert time.process_time() - began < 2.0
