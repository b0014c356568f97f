"""Event log files: whole, damaged, cut, and none at all. The real ones are read where they are."""

from __future__ import annotations

import random
from pathlib import Path

import orjson
import pytest

from samdrift_logs.errors import InputRefused
from samdrift_logs.normalise.evtx import EvtxRecord, Reject, read_evtx
from tests.samdrift_logs.normalise.kit import read_lines


def split(path: Path) -> tuple[list[EvtxRecord], list[Reject]]:
    found = list(read_evtx(path))
    return [f for f in found if isinstance(f, EvtxRecord)], [f for f in found if isinstance(f, Reject)]


@pytest.fixture
def large(shared_data: Path) -> bytes:
    """A real file of some ten chunks and several hundred records."""
    files = sorted((shared_data / "evtx" / "attack-samples").rglob("*.evtx"), key=lambda path: -path.stat().st_size)
    return files[5].read_bytes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "does not begin with ElfFile"),
        (b"hello" * 5000, "does not begin with ElfFile"),
        (b"ElfFile\0" + b"\0" * 50, "cut within its header"),
    ],
)
def test_no_event_log_is_refused_with_the_file(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "log.evtx"
    path.write_bytes(content)

    with pytest.raises(InputRefused, match=reason) as refused:
        list(read_evtx(path))
    assert refused.value.file == str(path)


def test_missing_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="No such file"):
        list(read_evtx(tmp_path / "away.evtx"))


@pytest.mark.realdata
def test_real_files_are_read_whole(shared_data: Path) -> None:
    files = sorted((shared_data / "evtx" / "attack-samples").rglob("*.evtx"))[:60]
    for path in files:
        records, rejects = split(path)
        result = read_lines([record.line for record in records], "evtx")

        assert rejects == []
        assert len(result.rejects) == 0
        assert result.events.table["event_at"].null_count == 0
        assert result.events.table["host"].null_count == 0


@pytest.mark.realdata
def test_damaged_records_are_reported_and_the_rest_is_read(tmp_path: Path, large: bytes) -> None:
    path = tmp_path / "damaged.evtx"
    path.write_bytes(large)
    whole, _ = split(path)
    chance = random.Random(1)
    for _ in range(8):
        damaged = bytearray(large)
        for _ in range(200):
            damaged[chance.randrange(4096, len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)

        records, rejects = split(path)

        assert len(whole) // 4 < len(records) < len(whole)
        assert rejects and all(reject.reason for reject in rejects)


@pytest.mark.realdata
def test_cut_file_says_so(tmp_path: Path, large: bytes) -> None:
    path = tmp_path / "cut.evtx"
    path.write_bytes(large[: len(large) // 2])

    records, rejects = split(path)

    assert records
    assert [reject.reason for reject in rejects if reject.reason.startswith("cut file")]


@pytest.mark.realdata
def test_lost_chunk_is_counted(tmp_path: Path, large: bytes) -> None:
    path = tmp_path / "lost.evtx"
    path.write_bytes(large[:4096] + b"wrecked!" + large[4104:])

    _, rejects = split(path)

    assert any(reject.reason.startswith("damaged") for reject in rejects)


@pytest.mark.realdata
def test_file_and_published_json_give_the_same_fields(shared_data: Path) -> None:
    checked = 0
    for path in sorted((shared_data / "sigma" / "regression_data").rglob("*.evtx"))[:80]:
        published = path.with_suffix(".json")
        content = published.read_bytes().replace(b"\r", b"") if published.is_file() else b""
        if not content or b"\n}\n{" in content:  # some hold several events
            continue
        records, _ = split(path)
        wanted = read_lines([orjson.dumps(orjson.loads(content))], "auto").events.table["fields"].to_pylist()
        found = read_lines([record.line for record in records], "evtx").events.table["fields"].to_pylist()
        checked += wanted[0] in found

    assert checked > 20
