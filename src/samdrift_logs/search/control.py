"""Stop a search: by its reader, or because its time is up."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import duckdb

from samdrift_logs.errors import SamdriftError

_NUDGE_S = 0.05


class SearchStopped(SamdriftError):
    """The search was cancelled, or its time limit passed. What was found until then may have been given out."""


class SearchControl:
    """One search's brake. `cancel` may be called from any thread, also before the search starts."""

    def __init__(self, *, time_limit_s: float | None = None) -> None:
        self._deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Stop the search as soon as DuckDB can."""
        self._cancelled.set()

    @property
    def stopped(self) -> str | None:
        """Why the search must stop ("cancelled", "time limit"), or None."""
        if self._cancelled.is_set():
            return "cancelled"
        return "time limit" if self._deadline is not None and time.monotonic() >= self._deadline else None

    @contextlib.contextmanager
    def running(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Watch over one query on a connection. Raises SearchStopped before it starts or when it was interrupted."""
        self._refuse_stopped()
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(connection, done), name="search-brake", daemon=True)
        watch.start()
        try:
            yield
        except duckdb.InterruptException as error:
            raise SearchStopped(f"the search was stopped: {self.stopped or 'interrupted'}") from error
        finally:
            done.set()
            watch.join()

    def _refuse_stopped(self) -> None:
        if self.stopped:
            raise SearchStopped(f"the search was stopped: {self.stopped}")

    def _watch(self, connection: duckdb.DuckDBPyConnection, done: threading.Event) -> None:
        """Interrupt again and again: an interrupt that comes before DuckDB has begun is forgotten."""
        while not done.is_set():
            if self.stopped:
                connection.interrupt()
                done.wait(_NUDGE_S)
            else:
                self._wait(done)

    def _wait(self, done: threading.Event) -> None:
        """Sleep until something may have happened, at most a twentieth of a second."""
        left = _NUDGE_S if self._deadline is None else max(0.001, min(_NUDGE_S, self._deadline - time.monotonic()))
        done.wait(left)
