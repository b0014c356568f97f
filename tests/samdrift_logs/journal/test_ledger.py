"""The ledger: two independent hands, each idempotent; what does not add up shows, what is under way does not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from samdrift_logs.errors import ScopeMissing, ScopeRefused, StorageFailed
from samdrift_logs.events import RawBatch
from samdrift_logs.journal import (
    Journal,
    JournalLimits,
    Ledger,
    LedgerRow,
    Received,
    Settlement,
    Tally,
    minute_of,
    partition_of,
)
from samdrift_logs.scope import Purpose, Scope

ODENSE, ASSENS, SOURCE = UUID(int=1), UUID(int=2), UUID(int=101)
AT = dt.datetime(2026, 11, 23, 20, 0, 30, tzinfo=dt.UTC)
MINUTE = AT.replace(second=0)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    one = Ledger(tmp_path / "ledger")
    yield one
    one.close()


def scope(*organisations: UUID, purpose: Purpose = Purpose.WATCH) -> Scope:
    return Scope(organisations=organisations or (ODENSE,), purpose=purpose, reason="prøve", actor="test")


def received(sequence: int, count: int, organisation: UUID = ODENSE) -> Received:
    return Received(sequence=sequence, organisation=organisation, source=SOURCE, minute=minute_of(AT), count=count)


def settled(sequence: int, stored: int, duplicate: int = 0, **rejected: int) -> Settlement:
    return Settlement(
        sequence=sequence,
        organisation=ODENSE,
        source=SOURCE,
        minute=minute_of(AT),
        stored=stored,
        rejected=rejected,
        duplicate=duplicate,
    )


def rows(ledger: Ledger) -> list[LedgerRow]:
    return ledger.rows(scope(), AT - HOUR, AT + HOUR)


def test_closed_row_adds_up(ledger: Ledger) -> None:
    ledger.count_received(0, [received(1, 10), received(2, 5)])
    ledger.settle(0, 2, [settled(1, 7, duplicate=1, malformed=2), settled(2, 5)])

    assert rows(ledger) == [
        LedgerRow(
            organisation=ODENSE,
            source=SOURCE,
            minute=MINUTE,
            received=15,
            stored=12,
            rejected=2,
            duplicate=1,
            reasons={"malformed": 2},
            open=0,
            closed=True,
        )
    ]
    assert ledger.discrepancies(scope(), AT - HOUR, AT + HOUR) == []


def test_both_hands_count_each_sequence_once(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.count_received(0, [received(1, 10)])
        ledger.settle(0, 1, [settled(1, 9, malformed=1)])
    ledger.settle(0, 2, [settled(1, 9, malformed=1), settled(2, 3)])
    ledger.count_received(0, [received(1, 10), received(2, 3)])

    (row,) = rows(ledger)
    assert (row.received, row.stored, row.rejected, row.reasons) == (13, 12, 1, {"malformed": 1})


def test_lines_under_way_are_open_and_no_discrepancy(ledger: Ledger) -> None:
    ledger.count_received(0, [received(1, 10), received(2, 5)])
    ledger.settle(0, 1, [settled(1, 10)])

    (row,) = rows(ledger)
    assert (row.open, row.closed, row.adds_up) == (5, False, True)


def test_worker_ahead_of_the_tally_is_no_discrepancy(ledger: Ledger) -> None:
    ledger.settle(0, 1, [settled(1, 10)])

    (row,) = rows(ledger)
    assert (row.closed, row.adds_up, row.open) == (False, True, 0)


def test_lost_line_is_a_discrepancy(ledger: Ledger) -> None:
    ledger.count_received(0, [received(1, 10), received(2, 5)])
    ledger.settle(0, 2, [settled(1, 9), settled(2, 5)])

    (row,) = ledger.discrepancies(scope(), AT - HOUR, AT + HOUR)
    assert (row.received, row.stored) == (15, 14)


def test_record_that_was_never_read_is_a_discrepancy(ledger: Ledger) -> None:
    ledger.count_received(0, [received(1, 10)])
    ledger.settle(0, 1, [])

    assert len(ledger.discrepancies(scope(), AT - HOUR, AT + HOUR)) == 1


def test_rows_are_for_the_scope_only_and_fail_closed(ledger: Ledger) -> None:
    ledger.count_received(0, [received(1, 10), received(2, 3, ASSENS)])

    assert [row.organisation for row in ledger.rows(scope(ASSENS), AT - HOUR, AT + HOUR)] == [ASSENS]
    assert len(ledger.rows(scope(ASSENS, ODENSE), AT - HOUR, AT + HOUR)) == 2
    assert ledger.rows(scope(UUID(int=3)), AT - HOUR, AT + HOUR) == []
    with pytest.raises(ScopeMissing):
        ledger.rows(None, AT - HOUR, AT + HOUR)
    with pytest.raises(ScopeRefused):
        ledger.rows(scope(purpose=Purpose.SUPPORT), AT - HOUR, AT + HOUR)


def test_span_takes_the_minute_it_begins_in(ledger: Ledger) -> None:
    ledger.count_received(0, [received(1, 10)])

    assert len(ledger.rows(scope(), AT, AT + HOUR)) == 1
    assert ledger.rows(scope(), AT - HOUR, MINUTE) == []
    assert ledger.forget(MINUTE) == 0
    assert ledger.forget(MINUTE + HOUR) == 1


def test_tally_counts_again_what_a_crash_left_uncounted(tmp_path: Path) -> None:
    limits = JournalLimits(disk_reserve_bytes=0)
    ledger = Ledger(tmp_path / "ledger")
    journal = Journal(tmp_path / "journal", limits=limits)
    tally = Tally(journal, ledger)
    journal.on_committed = tally.on_committed
    journal.append([_batch(3)])
    tally.flush()
    journal.append([_batch(4)])  # the process dies before the next flush
    journal.close()

    again = Journal(tmp_path / "journal", limits=limits)
    again.start()
    fresh = Tally(again, ledger)
    again.on_committed = fresh.on_committed

    assert fresh.catch_up() == 1
    again.append([_batch(5)])
    fresh.flush()
    assert [row.received for row in rows(ledger)] == [12]
    assert ledger.counted_through(partition_of(ODENSE, 4)) == 3
    again.close()
    ledger.close()


def test_damaged_ledger_says_so(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").write_bytes(b"this is no database at all, not even nearly" * 30)

    with pytest.raises(StorageFailed, match="cannot be opened"):
        Ledger(tmp_path)


def _batch(lines: int) -> RawBatch:
    return RawBatch(
        organisation=ODENSE,
        source=SOURCE,
        door="bulk",
        peer="::1",
        received_at=AT,
        lines=[b"x"] * (lines - 1),
        duplicates=1,
    )
