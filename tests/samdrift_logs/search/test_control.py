"""The brake: a query that runs is interrupted by its reader or by its time limit."""

from __future__ import annotations

import threading
import time

import duckdb
import pytest

from samdrift_logs.search import SearchControl, SearchStopped

ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range % 7 = 3"


def run(control: SearchControl) -> None:
    connection = duckdb.connect(":memory:")
    try:
        with control.running(connection):
            connection.sql(ENDLESS).to_arrow_table()
    finally:
        connection.close()


def test_time_limit_interrupts_a_running_query() -> None:
    started = time.monotonic()

    with pytest.raises(SearchStopped, match="time limit"):
        run(SearchControl(time_limit_s=0.3))

    assert 0.2 < time.monotonic() - started < 20


def test_cancel_from_another_thread_interrupts_a_running_query() -> None:
    control = SearchControl(time_limit_s=60)
    timer = threading.Timer(0.3, control.cancel)
    timer.start()

    with pytest.raises(SearchStopped, match="cancelled"):
        run(control)

    timer.join()


def test_control_that_never_stops_lets_a_query_finish() -> None:
    connection = duckdb.connect(":memory:")
    with SearchControl().running(connection):
        assert connection.sql("SELECT 42 AS n").fetchall() == [(42,)]
    connection.close()
