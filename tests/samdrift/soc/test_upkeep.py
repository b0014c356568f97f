"""Upkeep of lake and ledger: what is old goes, what a reader may hold stays a while, the ledger outlasts the lake."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from uuid import UUID

import pytest

from samdrift.soc import operations
from samdrift.soc.operations.lake import LEDGER_DAYS, RETENTION_DAYS
from samdrift.soc.queries import stores
from samdrift_logs.journal import Received, minute_of
from samdrift_logs.lake import Lake
from samdrift_logs.scope import Purpose, Scope

ODENSE, SOURCE = UUID(int=1), UUID(int=101)
NOW = dt.datetime(2026, 11, 23, 20, 0, tzinfo=dt.UTC)
SCOPE = Scope(organisations=[ODENSE], purpose=Purpose.WATCH, reason="prøve", actor="test")


def test_ledger_forgets_minutes_past_their_retention(data: Path) -> None:
    ledger = stores.ledger()
    kept = NOW - dt.timedelta(days=LEDGER_DAYS - 1)
    for sequence, at in enumerate((NOW - dt.timedelta(days=LEDGER_DAYS + 1), kept, NOW), start=1):
        entry = Received(sequence=sequence, organisation=ODENSE, source=SOURCE, minute=minute_of(at), count=1)
        ledger.count_received(0, [entry])

    assert operations.retain_ledger(at=NOW) == 1
    assert operations.retain_ledger(at=NOW) == 0

    rows = ledger.rows(SCOPE, NOW - dt.timedelta(days=800), NOW + dt.timedelta(days=1))
    assert [row.minute for row in rows] == [kept, NOW]


def test_ledger_tells_of_every_day_that_the_lake_keeps() -> None:
    assert RETENTION_DAYS >= 13 * 30.4
    assert LEDGER_DAYS > RETENTION_DAYS + 1


@pytest.mark.parametrize(("age_hours", "deleted"), [(0.5, 0), (1.5, 1)])
def test_vacuum_waits_an_hour_for_readers_and_compaction_deletes_nothing(
    data: Path, age_hours: float, deleted: int
) -> None:
    Lake(data / "lake").create(ODENSE)
    orphan = data / "lake" / str(ODENSE) / "events" / "day=2026-11-23" / "left.parquet"
    orphan.parent.mkdir()
    orphan.write_bytes(b"")
    written_at = time.time() - age_hours * 3600
    os.utime(orphan, (written_at, written_at))

    assert operations.compact_lake(at=NOW).deleted_files == 0
    assert orphan.exists()
    assert operations.vacuum_lake(at=NOW).deleted_files == deleted
    assert orphan.exists() == (deleted == 0)
