"""Sharing partitions among workers."""

from __future__ import annotations

from pathlib import Path

from samdrift_logs.journal import Journal, Leases


def test_fair_share_follows_the_number_of_workers(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    first = Leases(journal)
    assert first.take() == [0, 1, 2, 3]

    second = Leases(journal)
    assert (second.take(), first.surplus()) == ([], [2, 3])
    for partition in first.surplus():
        first.release(partition)
    assert (second.take(), first.take()) == ([2, 3], [])

    third = Leases(journal)
    assert third.fair_share() == 2  # four partitions among three: none holds more than two
    assert (third.take(), first.surplus(), second.surplus()) == ([], [], [])

    first.close()
    assert third.take() == [0, 1]
    second.close()
    third.close()


def test_announcement_of_a_dead_worker_does_not_count(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "of-a-dead-one").write_text("")

    one = Leases(journal)

    assert one.fair_share() == 4
    one.close()
    assert list((tmp_path / "workers").iterdir()) == []
