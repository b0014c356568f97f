"""The journal: nothing that was receipted is lost, nothing is read twice, damage is told and passed over."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samdrift_logs.errors import InputRefused, StorageFailed
from samdrift_logs.events import RawBatch
from samdrift_logs.journal import Journal, JournalFull, JournalInUse, JournalLimits, journal, partition_of
from samdrift_logs.journal.records import decode, decode_head, encode

ODENSE = UUID(int=1)
SOURCE = UUID(int=101)
AT = dt.datetime(2026, 11, 23, 20, 0, 0, 123456, tzinfo=dt.UTC)


def batch(*lines: bytes, organisation: UUID = ODENSE, **more: object) -> RawBatch:
    return RawBatch(
        organisation=organisation,
        source=SOURCE,
        door="bulk",
        peer="127.0.0.1",
        received_at=AT,
        lines=list(lines),
        **more,
    )  # type: ignore[arg-type]


HOME = partition_of(ODENSE, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def small(**more: object) -> JournalLimits:
    return JournalLimits(disk_reserve_bytes=0, **more)  # type: ignore[arg-type]


@pytest.fixture
def opened(folder: Path) -> Iterator[Journal]:
    one = Journal(folder, limits=small())
    yield one
    one.close()


def newest(folder: Path, partition: int = HOME) -> Path:
    return max((folder / f"partition-{partition}").glob("*.segment"))


def read_lines(one: Journal, partition: int = HOME, after: int = 0) -> list[bytes]:
    reader = one.reader(partition)
    found = []
    while records := reader.read(after, 1000):
        found += [line for record in records for line in record.batch.lines]
        after = records[-1].sequence
    reader.close()
    return found


@given(
    lines=st.lists(st.binary(max_size=50), max_size=20),
    rejects=st.lists(st.tuples(st.binary(max_size=50), st.text(max_size=20)), max_size=5),
    duplicates=st.integers(0, 1000),
    keys=st.lists(st.binary(min_size=16, max_size=16), max_size=5),
)
def test_decode_is_the_inverse_of_encode(
    lines: list[bytes], rejects: list[tuple[bytes, str]], duplicates: int, keys: list[bytes]
) -> None:
    sent = batch(*lines, rejects=tuple(rejects), duplicates=duplicates)

    payload = b"".join(encode(sent, keys))
    head = decode_head(payload)

    assert decode(payload) == sent
    assert head is not None
    assert (head.count, list(head.keys)) == (len(lines) + len(rejects) + duplicates, keys)


def test_append_gives_receipts_in_order_and_reads_back(opened: Journal) -> None:
    receipts = opened.append([batch(b"a", b"b"), batch(b"c", duplicates=2)])

    assert [(entry.partition, entry.sequence, entry.count) for entry in receipts] == [(HOME, 1, 2), (HOME, 2, 3)]
    reader = opened.reader(HOME)
    assert [record.batch for record in reader.read(0, 1 << 20)] == [batch(b"a", b"b"), batch(b"c", duplicates=2)]
    assert [record.sequence for record in reader.read(0, 1)] == [1]  # at least one, however small the limit
    assert [record.sequence for record in reader.read(1, 1 << 20)] == [2]
    assert reader.read(2, 1 << 20) == []


def test_partition_of_never_changes() -> None:
    assert [partition_of(UUID(int=number), 4) for number in range(8)] == [2, 2, 3, 2, 1, 3, 3, 3]
    assert {partition_of(uuid4(), 4) for _ in range(200)} == {0, 1, 2, 3}


def test_many_threads_share_the_syncs_and_each_gets_its_own_receipt(opened: Journal) -> None:
    def send(name: int) -> None:
        for number in range(50):
            (receipt,) = opened.append([batch(b"%d-%d" % (name, number))])
            taken[receipt.sequence] = b"%d-%d" % (name, number)

    taken: dict[int, bytes] = {}
    threads = [threading.Thread(target=send, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == list(range(1, 401))
    assert read_lines(opened) == [taken[sequence] for sequence in sorted(taken)]


def test_segments_follow_one_another_and_are_trimmed_when_acknowledged(folder: Path) -> None:
    one = Journal(folder, limits=small(segment_bytes=200, trim_grace_s=60))
    for number in range(20):
        one.append([batch(b"%d" % number)])
    names = sorted((folder / f"partition-{HOME}").glob("*.segment"))
    assert len(names) > 5
    assert read_lines(one) == [b"%d" % number for number in range(20)]

    later = time.time() + 61
    reader = one.reader(HOME)
    assert one.trim({HOME: 20}, now=later) == 0  # nothing is acknowledged
    reader.acknowledge(20)
    assert one.trim({}, now=later) == 0  # nothing is counted
    assert one.trim({HOME: 20}) == 0  # too young
    assert one.trim({HOME: 20}, now=later) == len(names) - 1
    one.append([batch(b"more")])
    assert [record.sequence for record in reader.read(20, 1)] == [21]
    assert reader.lost_records == 0
    one.close()

    again = Journal(folder, limits=small())
    fresh = again.reader(HOME)
    assert fresh.acknowledged == 20
    assert [record.sequence for record in fresh.read(0, 1 << 20)][-2:] == [20, 21]
    assert (fresh.damages, again.append([batch(b"x")])[0].sequence) == ([], 22)
    again.close()


def test_torn_tail_is_cut_off_and_told(folder: Path) -> None:
    one = Journal(folder, limits=small())
    one.append([batch(b"first")])
    one.append([batch(b"second")])
    one.close()
    whole = newest(folder).read_bytes()
    with newest(folder).open("ab") as file:
        file.write(whole[32:60] + b"half of")  # a write that the crash cut short

    again = Journal(folder, limits=small())
    damages = again.start()
    again.append([batch(b"third")])

    assert [damage.reason[:9] for damage in damages] == ["torn tail"]
    assert read_lines(again) == [b"first", b"second", b"third"]
    assert len(list((folder / f"partition-{HOME}" / "aside").iterdir())) == 1
    again.close()


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_damage_in_the_middle_is_isolated_counted_and_told(folder: Path, cut: int) -> None:
    one = Journal(folder, limits=small())
    for word in (b"first", b"second", b"third"):
        one.append([batch(word)])
    content = bytearray(newest(folder).read_bytes())
    size = (len(content) - 32) // 3
    content[32 + size + cut % size] ^= 0xFF
    newest(folder).write_bytes(content)

    reader = one.reader(HOME)
    records = reader.read(0, 1 << 20)

    assert [record.batch.lines for record in records] == [[b"first"], [b"third"]]
    assert reader.lost_records == 1
    assert 0 < reader.damaged_bytes <= size + 1
    one.close()
    again = Journal(folder, limits=small())
    assert [damage.reason for damage in again.start()] == ["damaged stretch"]
    assert again.append([batch(b"fourth")])[0].sequence == 4
    assert read_lines(again) == [b"first", b"third", b"fourth"]
    again.close()


def test_damaged_last_record_that_was_durable_never_gives_its_sequence_away(folder: Path) -> None:
    one = Journal(folder, limits=small())
    one.append([batch(b"first")])
    one.append([batch(b"second")])
    one.close()
    content = bytearray(newest(folder).read_bytes())
    content[-1] ^= 0xFF
    newest(folder).write_bytes(content)

    again = Journal(folder, limits=small())
    damages = again.start()

    assert [damage.lost for damage in damages] == [0, 1]
    assert again.append([batch(b"third")])[0].sequence == 3
    reader = again.reader(HOME)
    assert [record.sequence for record in reader.read(0, 1 << 20)] == [1, 3]
    assert reader.lost_records == 1
    again.close()


def test_lines_cannot_forge_a_record_after_damage(folder: Path) -> None:
    one = Journal(folder, limits=small())
    one.append([batch(b"first")])
    record = newest(folder).read_bytes()[32:]
    forged = b"".join([record[:8], (7).to_bytes(8, "little"), record[16:]])
    one.append([batch(b"x" * 10 + forged)])
    one.append([batch(b"third")])
    content = bytearray(newest(folder).read_bytes())
    content[32 + len(record)] ^= 0xFF  # the header of the record that carries the forgery
    newest(folder).write_bytes(content)

    reader = one.reader(HOME)

    # even with the marker guessed, the header's checksum over the whole salt does not hold
    assert [entry.batch.lines for entry in reader.read(0, 1 << 20)] == [[b"first"], [b"third"]]
    one.close()


def test_second_writer_is_refused(folder: Path, opened: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LOCK_WAIT_S", 0.1)
    opened.start()

    with pytest.raises(JournalInUse, match="stop it"):
        Journal(folder).start()


def test_other_number_of_partitions_is_refused(folder: Path, opened: Journal) -> None:
    with pytest.raises(InputRefused, match="4 partitions, 8 were asked for"):
        Journal(folder, partitions=8)


def test_lease_is_exclusive_and_free_when_its_process_dies(folder: Path, opened: Journal) -> None:
    code = (
        "import sys, time; from pathlib import Path; from samdrift_logs.journal import Journal\n"
        "lease = Journal(Path(sys.argv[1])).lease(0); print(lease is not None, flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, env=_python_path())
    assert other.stdout is not None
    assert other.stdout.readline() == b"True\n"
    assert opened.lease(0) is None

    other.kill()
    other.wait()
    other.stdout.close()

    lease = opened.lease(0)
    assert lease is not None
    lease.release()


def test_full_backlog_and_full_disk_take_nothing(folder: Path) -> None:
    one = Journal(folder, limits=small(backlog_bytes=100))
    one.append([batch(b"x" * 200)])
    with pytest.raises(JournalFull, match="samdrift work"):
        one.append([batch(b"more")])
    reader = one.reader(HOME)
    reader.acknowledge(1)
    one.measure_backlog()
    one.append([batch(b"again")])
    one.limits = JournalLimits(disk_reserve_bytes=1 << 60)
    with pytest.raises(JournalFull, match="MiB left"):
        one.append([batch(b"more")])
    one.close()

    assert [line for record in reader.read(0, 1 << 20) for line in record.batch.lines] == [b"x" * 200, b"again"]


def test_disk_that_refuses_in_mid_write_leaves_no_trace(folder: Path) -> None:
    code = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.samdrift_logs.journal.test_journal import *
one = Journal(Path(sys.argv[1]), limits=small())
one.append([batch(b"first")])
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    one.append([batch(b"x" * 10_000)])
except StorageFailed as error:
    print("refused:", error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(one.append([batch(b"second")])[0].sequence, read_lines(one))
one.close()
"""
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), root], capture_output=True, text=True, env=_python_path(), check=True
    )

    assert "refused: the journal" in done.stdout
    assert "2 [b'first', b'second']" in done.stdout


def test_failed_sync_refuses_all_until_a_new_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Journal(folder, limits=small())
    one.append([batch(b"first")])
    with monkeypatch.context() as patched:
        patched.setattr("samdrift_logs.journal.writing.os.fdatasync", _fail)
        with pytest.raises(StorageFailed, match="could not be synced"):
            one.append([batch(b"second")])
    with pytest.raises(StorageFailed, match="start receive anew"):
        one.append([batch(b"third")])
    one.close()

    again = Journal(folder, limits=small())
    assert again.append([batch(b"fourth")])[0].sequence == 2
    assert read_lines(again) == [b"first", b"fourth"]
    again.close()


def test_readers_see_nothing_that_is_not_durable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Journal(folder, limits=small())
    one.append([batch(b"first")])
    seen: list[list[bytes]] = []
    sync = os.fdatasync

    def look(descriptor: int) -> None:
        seen.append(read_lines(one))
        sync(descriptor)

    monkeypatch.setattr("samdrift_logs.journal.writing.os.fdatasync", look)
    one.append([batch(b"second")])

    assert seen == [[b"first"]]
    assert read_lines(one) == [b"first", b"second"]
    one.close()


def test_keys_come_back_after_a_restart(folder: Path) -> None:
    one = Journal(folder, limits=small())
    one.append([batch(b"a"), batch(b"b")], keys=[[b"k" * 16, b"l" * 16], []])
    one.close()

    reader = Journal(folder).reader(HOME)

    assert [(sequence, list(head.keys)) for sequence, head in reader.heads(0)] == [(1, [b"k" * 16, b"l" * 16]), (2, [])]
    reader.close()


def _fail(descriptor: int) -> None:
    raise OSError(5, "Input/output error")


def _python_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")}


def test_caller_that_gives_up_does_not_stop_the_others(opened: Journal) -> None:
    async def give_up() -> None:
        task = asyncio.ensure_future(asyncio.wrap_future(opened.append_soon([batch(b"given up")])))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for _ in range(20):
        asyncio.run(give_up())

    assert opened.append([batch(b"after")])[0].count == 1
    assert read_lines(opened)[-1] == b"after"


def test_closed_journal_takes_nothing_and_leaves_the_lock_free(folder: Path) -> None:
    one = Journal(folder, limits=small())
    one.append([batch(b"a")])
    one.close()

    with pytest.raises(StorageFailed, match="is closed"):
        one.append([batch(b"b")])
    again = Journal(folder, limits=small())
    again.append([batch(b"c")])
    again.close()


def test_heads_pass_over_a_damaged_header(folder: Path) -> None:
    one = Journal(folder, limits=small())
    for word in (b"first", b"second", b"third"):
        one.append([batch(word)])
    one.close()
    content = bytearray(newest(folder).read_bytes())
    content[32 + (len(content) - 32) // 3 + 9] ^= 0xFF
    newest(folder).write_bytes(content)

    reader = Journal(folder).reader(HOME)

    assert [sequence for sequence, _ in reader.heads(0)] == [1, 3]
    reader.close()


def test_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    with pytest.raises(StorageFailed, match="cannot be opened"):
        Journal(tmp_path / "taken")
