"""The schedule: what is due is done, what fails is told and stops nothing, a clock that jumps back delays little."""

from __future__ import annotations

import datetime as dt

from samdrift.processes.schedule import Every, Rounds

START = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def seconds(count: float) -> dt.datetime:
    return START + dt.timedelta(seconds=count)


def test_each_is_done_at_its_own_pace() -> None:
    done: list[str] = []
    rounds = Rounds(
        [Every("often", 1, lambda now: done.append("often")), Every("rarely", 5, lambda now: done.append("rarely"))]
    )

    for second in range(6):
        assert list(rounds.run_due(now=seconds(second))) == []

    assert done.count("often") == 6
    assert done.count("rarely") == 2


def test_failure_is_told_and_stops_nothing() -> None:
    done: list[str] = []

    def fail(now: dt.datetime) -> None:
        raise OSError("disk full")

    rounds = Rounds([Every("broken", 1, fail), Every("whole", 1, lambda now: done.append("whole"))])

    failed = list(rounds.run_due(now=START))

    assert [(entry.name, str(entry.error)) for entry in failed] == [("broken", "disk full")]
    assert done == ["whole"]
    assert [entry.name for entry in rounds.run_due(now=seconds(1))] == ["broken"]


def test_clock_that_jumps_back_delays_by_one_pause_at_most() -> None:
    done: list[dt.datetime] = []
    rounds = Rounds([Every("often", 10, done.append)])
    list(rounds.run_due(now=START))

    list(rounds.run_due(now=seconds(-3600)))

    assert done == [START, seconds(-3600)]
