"""How several `work` processes share the partitions: each announces itself, and none holds more than its fair share.

All by flock on files of the journal's folder: a process that dies gives back its leases and its announcement at once.
"""

from __future__ import annotations

import contextlib
import os
from uuid import uuid4

from samdrift_logs.journal.journal import Journal
from samdrift_logs.journal.marks import Lock, take_lock


class Leases:
    """The leases of one worker."""

    def __init__(self, journal: Journal):
        self._journal = journal
        self._folder = journal.folder / "workers"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._presence = self._announce()
        self._held: dict[int, Lock] = {}

    @property
    def held(self) -> list[int]:
        """The partitions that this worker holds."""
        return sorted(self._held)

    def fair_share(self) -> int:
        """Return how many partitions each living worker may hold."""
        return -(-self._journal.partitions // max(1, self._living()))

    def take(self) -> list[int]:
        """Take free partitions up to the fair share; return the new ones."""
        wanted = self.fair_share() - len(self._held)
        gained: list[int] = []
        for partition in range(self._journal.partitions):
            if len(gained) >= wanted:
                break
            if partition not in self._held and (lease := self._journal.lease(partition)) is not None:
                self._held[partition] = lease
                gained.append(partition)
        return gained

    def surplus(self) -> list[int]:
        """Return the partitions to give up, once what is under way in them is stored."""
        return self.held[self.fair_share() :]

    def release(self, partition: int) -> None:
        """Give a partition up."""
        self._held.pop(partition).release()

    def close(self) -> None:
        """Give everything up."""
        for partition in self.held:
            self.release(partition)
        self._presence.path.unlink(missing_ok=True)
        self._presence.release()

    def _announce(self) -> Lock:
        while True:
            path = self._folder / uuid4().hex
            lock = take_lock(path)
            with contextlib.suppress(FileNotFoundError):
                # another worker that counts the living may have taken the file for a dead one's and deleted it
                if lock is not None and path.stat().st_ino == os.fstat(lock.descriptor).st_ino:
                    return lock
            if lock is not None:
                lock.release()

    def _living(self) -> int:
        living = 0
        for path in list(self._folder.iterdir()):
            if path == self._presence.path or (lock := take_lock(path)) is None:
                living += 1
            else:
                path.unlink(missing_ok=True)
                lock.release()
        return living
