"""A short silence in which a backup sees journal, lake, ledger and database at one instant.

Everyone who changes one of them works inside `working()` (shared, cheap: two flocks). `held()` waits until all of them
are between two pieces of work and keeps them there. The turnstile keeps a steady stream of short work from starving
the one who waits.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path


class Quiet:
    """The silence of one data folder. Works between processes and between threads; open one per process."""

    def __init__(self, data: Path):
        self._folder = data / "run"
        self._folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Hold off any silence while this block runs. Keep it short: a backup waits for it."""
        with self._locked("turnstile.lock", fcntl.LOCK_SH):
            main = (self._folder / "quiet.lock").open("a")
            fcntl.flock(main, fcntl.LOCK_SH)
        with main:
            yield

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Wait until nobody works, then keep it so while this block runs."""
        with self._locked("turnstile.lock", fcntl.LOCK_EX), self._locked("quiet.lock", fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        with (self._folder / name).open("a") as file:
            fcntl.flock(file, how)
            yield
