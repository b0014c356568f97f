"""Finding the lines on which a stage fails: exactly those, however they lie."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from samdrift_logs.events import RawBatch
from samdrift_logs.journal import JournalRecord
from samdrift_logs.runner.isolate import MAX_BAD_LINES, without_bad_lines


def record(sequence: int, lines: Sequence[bytes]) -> JournalRecord:
    at = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    whose = UUID(int=1)
    return JournalRecord(
        0, sequence, RawBatch(organisation=whose, source=whose, door="bulk", peer="", received_at=at, lines=lines)
    )


def fail_on_bad(records: Sequence[JournalRecord]) -> None:
    if any(line.startswith(b"bad") for one in records for line in one.batch.lines):
        raise RuntimeError("cannot")


@given(st.lists(st.lists(st.sampled_from([b"good", b"bad"]), max_size=20), max_size=8))
def test_exactly_the_bad_lines_are_set_aside(batches: list[list[bytes]]) -> None:
    records = [record(sequence, lines) for sequence, lines in enumerate(batches)]

    kept, bad = without_bad_lines(records, fail_on_bad)

    assert [one.sequence for one in kept] == [one.sequence for one in records]
    assert [list(one.batch.lines) for one in kept] == [[line for line in own if line == b"good"] for own in batches]
    assert [len(one.batch.rejects) for one in kept] == [own.count(b"bad") for own in batches]
    assert bad == sum(own.count(b"bad") for own in batches)


def test_record_that_fails_all_over_is_set_aside_whole() -> None:
    lines = [b"bad %d" % number for number in range(10 * MAX_BAD_LINES)]

    (kept,), bad = without_bad_lines([record(1, [b"good", *lines])], fail_on_bad)

    assert (kept.batch.lines, bad) == ([], len(lines) + 1)
    assert kept.batch.rejects[0] == (b"good", "a stage failed on it: RuntimeError: cannot")


def test_lines_that_fail_together_only_are_set_aside_together() -> None:
    def fail_on_pair(records: Sequence[JournalRecord]) -> None:
        if all(any(line == word for one in records for line in one.batch.lines) for word in (b"a", b"b")):
            raise RuntimeError("not both")

    (kept,), bad = without_bad_lines([record(1, [b"a", b"b"])], fail_on_pair)

    assert (kept.batch.lines, bad) == ([], 2)
