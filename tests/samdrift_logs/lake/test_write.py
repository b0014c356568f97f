"""Writing: split by organisation, stored once however often delivered, kept exactly."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from uuid import uuid4

import pytest

from samdrift_logs.errors import InputRefused, StorageFailed
from samdrift_logs.lake import Gate, Lake, LakeWriter, OrganisationUnknown
from tests.samdrift_logs.lake.rows import ASSENS, NOON, ODENSE, SOURCE, event, events, reject, rejects, watch


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.create(ODENSE)
    lake.create(ASSENS)
    return lake


def rows_in(lake: Lake, *organisations) -> list[dict]:
    view = Gate(lake).open(watch(*organisations))
    with view.connect() as connection:
        files = [str(file.path) for file in view.files]
        if not files:
            return []
        relation = connection.sql(
            "FROM read_parquet($files) ORDER BY received_at, sequence, row", params={"files": files}
        )
        return relation.to_arrow_table().to_pylist()


def counts(lake: Lake) -> dict:
    return {one.organisation: (one.rows, one.rejects) for one in lake.statistics(watch(ODENSE, ASSENS))}


def test_write_mixed_batch_splits_by_organisation(lake: Lake) -> None:
    batch = events([event(1), event(2, organisation=ASSENS), event(3)])

    written = LakeWriter(lake).write(batch, rejects([reject(4)]), partition=0, through=4)

    assert written.stored == {(ODENSE, SOURCE): 2, (ASSENS, SOURCE): 1}
    assert written.rejected == {(ODENSE, SOURCE): {"no date": 1}}
    assert (written.already, written.commits) == (0, 3)
    assert counts(lake) == {ODENSE: (2, 1), ASSENS: (1, 0)}
    assert [row["organisation"] for row in rows_in(lake, ASSENS)] == [str(ASSENS)]


@pytest.mark.parametrize("same_writer", [True, False])
def test_write_delivered_again_is_stored_once(lake: Lake, same_writer: bool) -> None:
    writer = LakeWriter(lake)
    first = events([event(1), event(2)]), rejects([reject(2, 1)])
    second = events([event(1), event(2), event(3)]), rejects([reject(2, 1), reject(3, 1)])
    writer.write(*first, partition=0, through=2)

    written = (writer if same_writer else LakeWriter(lake)).write(*second, partition=0, through=3)

    assert written.stored == {(ODENSE, SOURCE): 3}
    assert written.rejected == {(ODENSE, SOURCE): {"no date": 2}}
    assert written.already == 3
    assert counts(lake)[ODENSE] == (3, 2)


def test_write_after_crash_between_tables_completes_the_other(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from samdrift_logs.lake import write

    batch = events([event(1)]), rejects([reject(1, 1)])
    original = write._append
    calls = iter([original, None])

    def crash_second(*args: object, **kwargs: object) -> int:
        step = next(calls)
        if step is None:
            raise StorageFailed("power cut")
        return step(*args, **kwargs)

    monkeypatch.setattr(write, "_append", crash_second)
    with pytest.raises(StorageFailed):
        LakeWriter(lake).write(*batch, partition=0, through=1)
    monkeypatch.undo()

    written = LakeWriter(lake).write(*batch, partition=0, through=1)

    assert (written.already, written.commits) == (1, 1)
    assert counts(lake)[ODENSE] == (1, 1)


def test_write_empty_batch_commits_nothing(lake: Lake) -> None:
    written = LakeWriter(lake).write(events([]), rejects([]), partition=0, through=9)

    assert (written.stored, written.rejected, written.commits) == ({}, {}, 0)


def test_write_unknown_organisation_stores_the_others_and_says_which(lake: Lake) -> None:
    stranger = uuid4()
    batch = events([event(1, organisation=stranger), event(2)]), rejects([reject(2, 1, organisation=stranger)])

    with pytest.raises(OrganisationUnknown, match="onboard") as caught:
        LakeWriter(lake).write(*batch, partition=0, through=2)

    assert caught.value.organisations == (stranger,)
    assert caught.value.written.stored == {(ODENSE, SOURCE): 1}
    lake.create(stranger)
    again = LakeWriter(lake).write(*batch, partition=0, through=2)
    assert again.stored == {(ODENSE, SOURCE): 1, (stranger, SOURCE): 1}
    assert again.already == 1
    assert lake.statistics(watch(stranger))[0].rejects == 1


def test_write_held_handle_notices_removal_and_new_onboarding(lake: Lake) -> None:
    writer = LakeWriter(lake)
    writer.write(events([event(1)]), rejects([]), partition=0, through=1)
    lake.remove(ODENSE)
    with pytest.raises(OrganisationUnknown):
        writer.write(events([event(2)]), rejects([]), partition=0, through=2)

    lake.create(ODENSE)
    writer.write(events([event(2)]), rejects([]), partition=0, through=2)

    assert counts(lake)[ODENSE] == (1, 0)


def test_write_days_go_to_their_own_files(lake: Lake) -> None:
    late = NOON.replace(hour=23, minute=59, second=59)
    batch = events([event(1, received_at=late), event(2, received_at=late + dt.timedelta(seconds=1))])

    LakeWriter(lake).write(batch, rejects([]), partition=0, through=2)

    days = [file.day for file in Gate(lake).open(watch(ODENSE)).files]
    assert days == [dt.date(2026, 11, 23), dt.date(2026, 11, 24)]


def test_write_keeps_bytes_that_are_not_text(lake: Lake) -> None:
    batch = events([event(1, raw=b"bl\xe5b\xe6r"), event(2, raw="blåbær"), event(3, raw=b"a\x00b"), event(4, raw=b"")])

    LakeWriter(lake).write(batch, rejects([]), partition=0, through=4)

    kept = [(row["raw"], row["raw_bytes"]) for row in rows_in(lake, ODENSE)]
    assert kept == [("bl\ufffdb\ufffdr", b"bl\xe5b\xe6r"), ("blåbær", None), ("a\x00b", None), ("", None)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"event_id": "x"}, "not partition-sequence-row"),
        ({"event_id": "1-1-0"}, r"partition 0 but has rows of \[1\]"),
        ({"event_id": "0-9-0"}, "through sequence 1 but has rows of 9"),
        ({"organisation": "Odense"}, "not an organisation's id"),
        ({"received_at": None}, "have no received_at"),
    ],
)
def test_write_wrong_rows_are_refused_before_anything_is_stored(lake: Lake, change: dict, says: str) -> None:
    with pytest.raises(InputRefused, match=says):
        LakeWriter(lake).write(events([event(1) | change]), rejects([]), partition=0, through=1)

    assert counts(lake)[ODENSE] == (0, 0)


def test_create_again_keeps_what_is_there(lake: Lake) -> None:
    LakeWriter(lake).write(events([event(1)]), rejects([]), partition=0, through=1)

    assert lake.create(ODENSE) is False
    assert counts(lake)[ODENSE] == (1, 0)
