"""The conformance kit: every source type is tested by the samples and expected rows in its own folder.

A new source type needs no test of its own, only `samples/NAME` (lines as sent) and `expected/NAME.json` (a list with
one entry a line: the event's columns, or `{"reject": reason}`). `SAMDRIFT_WRITE_EXPECTED=1` writes what is read now;
the diff is then what there is to review.
"""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samdrift_logs.events import REJECT_SCHEMA, SCHEMA, intern_fields
from samdrift_logs.normalise import source_types
from samdrift_logs.normalise.assemble import freeze
from samdrift_logs.normalise.source_types import FOLDER, recognise
from tests.samdrift_logs.normalise.kit import read_lines, rows_of

SAMPLES = sorted(FOLDER.glob("*/samples/*"))
NAMES = [f"{path.parts[-3]}/{path.name}" for path in SAMPLES]
EVERY_LINE = [(path.parts[-3], line) for path in SAMPLES for line in path.read_bytes().splitlines()]


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().removesuffix(b"\n").split(b"\n")


def test_every_folder_has_samples_and_expected() -> None:
    folders = {path.name for path in FOLDER.iterdir() if (path / "normalise.py").is_file()}

    assert folders == set(source_types())
    assert {path.parts[-3] for path in SAMPLES} == folders
    assert {f"{path.parts[-3]}/{path.stem}" for path in FOLDER.glob("*/expected/*.json")} == set(NAMES)


@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_sample_is_read_as_expected(sample: Path) -> None:
    expected_path = sample.parent.parent / "expected" / f"{sample.name}.json"
    rows = rows_of(read_lines(lines_of(sample), sample.parts[-3]))
    if os.environ.get("SAMDRIFT_WRITE_EXPECTED") == "1":
        expected_path.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")

    assert orjson.loads(orjson.dumps(rows)) == orjson.loads(expected_path.read_bytes())


@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_no_line_is_lost_and_raw_is_kept(sample: Path) -> None:
    lines = lines_of(sample)

    result = read_lines(lines, sample.parts[-3])

    kept = {row["event_id"]: row["raw"] for row in result.events.table.to_pylist()}
    kept |= {row["event_id"]: row["raw"] for row in result.rejects.table.to_pylist()}
    assert kept == {f"0-1-{number}": line for number, line in enumerate(lines)}
    assert result.counts[0].stored + result.counts[0].rejected == len(lines)


@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_native_fields_are_the_fields_column(sample: Path) -> None:
    result = read_lines(lines_of(sample), sample.parts[-3])

    fields = [orjson.loads(text) for text in result.events.table["fields"].to_pylist()]
    wanted = intern_fields([{name: freeze(value) for name, value in event.items()} for event in fields])
    assert set(result.events.native) == set(wanted)
    for name, column in result.events.native.items():
        assert column.rows.tolist() == wanted[name].rows.tolist()
        assert [column.values[code] for code in column.codes] == [wanted[name].values[c] for c in wanted[name].codes]
        assert len(set(zip(map(type, column.values), column.values, strict=True))) == len(column.values)


@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_auto_keeps_every_line(sample: Path) -> None:
    lines = lines_of(sample)

    result = read_lines(lines, "auto")

    assert len(result.events) + len(result.rejects) == len(lines)


def mutated(line: bytes, cut: int, place: int, junk: bytes) -> bytes:
    place %= len(line) + 1
    return line[:place] + junk + line[place + cut :]


@given(
    picked=st.lists(
        st.tuples(st.sampled_from(EVERY_LINE), st.integers(0, 40), st.integers(0, 5000), st.binary(max_size=6)),
        min_size=1,
        max_size=8,
    ),
    source_type=st.sampled_from([*source_types(), "auto"]),
)
@pytest.mark.fuzz
def test_mutated_samples_never_break_a_batch(
    picked: list[tuple[tuple[str, bytes], int, int, bytes]], source_type: str
) -> None:
    lines = [mutated(line, cut, place, junk) for (_, line), cut, place, junk in picked]

    result = read_lines(lines, source_type)

    assert result.events.table.schema == SCHEMA
    assert result.rejects.table.schema == REJECT_SCHEMA
    result.events.table.validate(full=True)
    assert len(result.events) + len(result.rejects) == len(lines)
    assert [row["reason"] for row in result.rejects.table.to_pylist() if "failed on it" in row["reason"]] == []


@given(line=st.binary(max_size=300))
def test_any_bytes_are_an_event_or_a_reject(line: bytes) -> None:
    for source_type in source_types():
        result = read_lines([line], source_type)

        assert len(result.events) + len(result.rejects) == 1


@pytest.mark.parametrize(
    ("line", "source_type"),
    [
        (b'{"winlog":{"channel":"x"}}', "winlogbeat"),
        (b'{"Event":{"System":{"Channel":"x","EventID":1}}}', "evtx"),
        (b'{"Channel":"x","EventID":1}', "windows_json"),
        (b'{"Operation":"UserLoggedIn","Workload":"AzureActiveDirectory"}', "m365_audit"),
        (b'{"Operation":"x"}', "generic_json"),
        (b' {"a":1}', "generic_json"),
        (b'<189>date=2026-11-23 devname="fw" logid="1" type="traffic"', "fortigate"),
        (b"1795464845.123 84 10.1.1.7 TCP_MISS/200 1 GET http://x/ - HIER_DIRECT/1.2.3.4 text/html", "squid"),
        (b"<86>Nov 23 21:14:05 web01 sshd[1]: x", "linux_auth"),
        (b"Nov 23 21:14:05 web01 sudo: x", "linux_auth"),
        (b"<13>Nov 23 21:14:05 sw01 snmp-agent: x", "text"),
        (b"anything", "text"),
    ],
)
def test_auto_recognises(line: bytes, source_type: str) -> None:
    assert recognise(line) == source_type


def test_one_megabyte_line_is_kept_whole() -> None:
    line = b"<13>Nov 23 21:14:05 host app: " + b"a" * 1_000_000

    result = read_lines([line], "linux_auth")

    assert result.events.table["raw"].to_pylist() == [line]
    assert len(result.events.table["message"][0].as_py()) == 1_000_000


def test_empty_input_gives_empty_batches() -> None:
    result = read_lines([], "auto")

    assert (len(result.events), len(result.rejects)) == (0, 0)
    assert isinstance(result.events.table, pa.Table)
