"""The journal: what was accepted is here, on disk, before anyone is told yes.

A fixed number of partitions, chosen by a stable hash of the organisation, so that one `work` process at a time (by
lease) writes each organisation's table. One process appends (by lock); many callers share one fdatasync (group commit).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

import attrs
import orjson

from samdrift_logs.errors import InputRefused, StorageFailed
from samdrift_logs.events import RawBatch
from samdrift_logs.journal import segments
from samdrift_logs.journal.marks import Lock, read_mark, take_lock
from samdrift_logs.journal.quiet import Quiet
from samdrift_logs.journal.reading import Reader
from samdrift_logs.journal.records import Receipt, batch_count, encode, partition_of
from samdrift_logs.journal.segments import Damage
from samdrift_logs.journal.writing import Encoded, PartitionWriter

LOCK_WAIT_S = 10.0


class JournalFull(StorageFailed):
    """There is no room: the backlog or the disk is at its limit. Nothing was taken; try again later."""

    retry_after_s = 5


class JournalInUse(StorageFailed):
    """Another process appends to this journal."""


@attrs.frozen(kw_only=True)
class JournalLimits:
    """When the journal says no, and when it starts a new file or lets an old one go."""

    segment_bytes: int = 32 << 20
    backlog_bytes: int = 8 << 30  # not yet acknowledged
    disk_reserve_bytes: int = 256 << 20  # left free for the lake and the platform to go on
    waiting_bytes: int = 128 << 20  # in memory, waiting for the disk
    trim_grace_s: float = 600.0  # acknowledged segments stay this long: they tell re-sent documents after a restart


@attrs.frozen
class Committed:
    """One batch that has just become durable."""

    receipt: Receipt
    batch: RawBatch


@attrs.define
class _Waiting:
    batches: Sequence[RawBatch]
    encoded: Sequence[Encoded]
    size_bytes: int
    future: Future[list[Receipt]]


class Journal:
    """A journal folder. Reading and leasing need nothing more; the first append makes this process its writer.

    `on_committed` is called by the committing thread after the sync and before the receipts are given. `quiet` holds
    writes back while a backup looks.
    """

    def __init__(
        self,
        folder: Path,
        partitions: int = 4,
        *,
        limits: JournalLimits | None = None,
        on_committed: Callable[[Sequence[Committed]], None] | None = None,
        quiet: Quiet | None = None,
    ):
        self.folder = folder
        self.limits = limits or JournalLimits()
        self.partitions = _settle_partitions(folder, partitions)
        self.recovered: list[Damage] = []
        self.on_committed = on_committed
        self._quiet = quiet
        self._writers: list[PartitionWriter] = []
        self._lock: Lock | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._backlog_bytes = 0
        self._closing = False

    def start(self) -> list[Damage]:
        """Become the writer: take the lock, recover each partition, start the committing thread.

        Returns what was found damaged. Raises JournalInUse when another process holds the lock, StorageFailed when the
        disk refuses.
        """
        with self._wake:
            if self._closing:
                raise StorageFailed("the journal is closed; nothing more is taken")
            if self._thread is None:
                self._recover()
                self._thread = threading.Thread(target=self._commit_for_ever, name="journal", daemon=True)
                self._thread.start()
        return self.recovered

    def append(self, batches: Sequence[RawBatch], *, keys: Sequence[Sequence[bytes]] = ()) -> list[Receipt]:
        """Store batches; return their receipts, in order, after the fdatasync.

        `keys[i]` are the 16-byte delivery keys of `batches[i]`, which `heads` of a reader gives back after a restart.
        One batch is stored whole or not at all; of several, those of another partition may be stored when this raises.
        Raises JournalFull or another StorageFailed.
        """
        return self.append_soon(batches, keys=keys).result()

    def append_soon(
        self, batches: Sequence[RawBatch], *, keys: Sequence[Sequence[bytes]] = ()
    ) -> Future[list[Receipt]]:
        """Like `append`, without waiting. The future holds the receipts or the error."""
        if self._thread is None:
            self.start()
        keyed = [keys[number] if number < len(keys) else () for number in range(len(batches))]
        encoded = [Encoded.of(encode(batch, own)) for batch, own in zip(batches, keyed, strict=True)]
        size = sum(one.size_bytes for one in encoded)
        future: Future[list[Receipt]] = Future()
        with self._wake:
            if self._closing:
                raise StorageFailed("the journal is closed; nothing more is taken")
            if self._waiting_bytes + size > self.limits.waiting_bytes and self._waiting:
                raise JournalFull("more is waiting for the disk than the journal holds in memory; send again later")
            self._waiting.append(_Waiting(batches, encoded, size, future))
            self._waiting_bytes += size
            self._wake.notify()
        return future

    def close(self) -> None:
        """Commit what is waiting, stop, and give the lock back."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        for writer in self._writers:
            writer.close()
        self._writers = []
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def reader(self, partition: int) -> Reader:
        """Return a new reader of a partition."""
        return Reader(self._partition_folder(partition), partition)

    def lease(self, partition: int) -> Lock | None:
        """Take a partition, or return None where another owner has it. A dead owner's lease is free at once."""
        return take_lock(self._partition_folder(partition) / "lease")

    @property
    def failed(self) -> str | None:
        """Why this process can write no more: a sync failed. A new start reads what is truly on the disk."""
        return next((writer.failed for writer in self._writers if writer.failed), None)

    @property
    def backlog_bytes(self) -> int:
        """Bytes that are not acknowledged, by the last measurement plus what came since."""
        return self._backlog_bytes

    def measure_backlog(self) -> int:
        """Count the bytes in segments that are not wholly acknowledged."""
        total = 0
        for partition in range(self.partitions):
            folder = self._partition_folder(partition)
            total += _open_bytes(folder, read_mark(folder / "acknowledged"), read_mark(folder / "durable"))
        self._backlog_bytes = total
        return total

    def trim(self, not_beyond: Mapping[int, int], *, now: float | None = None) -> int:
        """Delete segments that are acknowledged, counted (`not_beyond` per partition) and older than the grace.

        `now` is in seconds since the epoch. Returns how many went. The newest segment of a partition always stays.
        """
        now = time.time() if now is None else now
        gone = 0
        for partition in range(self.partitions):
            folder = self._partition_folder(partition)
            through = min(read_mark(folder / "acknowledged"), not_beyond.get(partition, 0))
            listed = segments.list_segments(folder)
            for (_, path), (following, _) in itertools.pairwise(listed):
                if following - 1 > through or now - path.stat().st_mtime < self.limits.trim_grace_s:
                    break
                path.unlink()
                gone += 1
        return gone

    def _commit_for_ever(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                group, self._waiting, self._waiting_bytes = self._waiting, [], 0
                if not group:
                    return
            # from here on a caller that is cancelled no longer takes its batch back
            self._commit([waiting for waiting in group if waiting.future.set_running_or_notify_cancel()])

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            self._refuse_if_full()
            with self._quiet.working() if self._quiet else contextlib.nullcontext():
                done, failed = self._write(group)
        except Exception as error:  # whatever it is, the callers wait for an answer
            for waiting in group:
                waiting.future.set_exception(_as_storage_failure(error))
            return
        try:
            if done and self.on_committed is not None:
                self.on_committed([entry for _, committed in done for entry in committed])
        except Exception as error:
            failed += [(waiting, _as_storage_failure(error)) for waiting, _ in done]
            done = []
        for waiting, committed in done:
            self._backlog_bytes += waiting.size_bytes
            waiting.future.set_result([entry.receipt for entry in committed])
        for waiting, failure in failed:
            waiting.future.set_exception(failure)

    def _write(
        self, group: list[_Waiting]
    ) -> tuple[list[tuple[_Waiting, list[Committed]]], list[tuple[_Waiting, StorageFailed]]]:
        """Write and sync a group; return who succeeded, with the receipts, and who failed, with the reason."""
        by_partition: dict[int, list[tuple[int, int]]] = {}
        for asked, waiting in enumerate(group):
            for number, batch in enumerate(waiting.batches):
                by_partition.setdefault(partition_of(batch.organisation, self.partitions), []).append((asked, number))
        receipts: dict[tuple[int, int], Receipt] = {}
        failures: dict[int, StorageFailed] = {}
        for partition, places in by_partition.items():
            writer = self._writers[partition]
            try:
                numbers = writer.write([group[asked].encoded[number] for asked, number in places])
                writer.sync()
            except StorageFailed as error:
                failures.update({asked: error for asked, _ in places})
                continue
            for (asked, number), given in zip(places, numbers, strict=True):
                receipts[asked, number] = Receipt(partition, given, batch_count(group[asked].batches[number]))
        done = [
            (waiting, [Committed(receipts[asked, number], batch) for number, batch in enumerate(waiting.batches)])
            for asked, waiting in enumerate(group)
            if asked not in failures
        ]
        return done, [(group[asked], failure) for asked, failure in failures.items()]

    def _refuse_if_full(self) -> None:
        if self._backlog_bytes > self.limits.backlog_bytes:
            raise JournalFull(
                f"{self._backlog_bytes >> 20} MiB wait to be stored in the lake, the limit is "
                f"{self.limits.backlog_bytes >> 20} MiB; see to it that `samdrift work` runs and keeps up"
            )
        disk = os.statvfs(self.folder)
        free = disk.f_bavail * disk.f_frsize
        if free < self.limits.disk_reserve_bytes:
            raise JournalFull(f"the disk of {self.folder} has {free >> 20} MiB left; make room or move the data folder")

    def _recover(self) -> None:
        self._lock = self._take_writer_lock()
        try:
            self._writers = [self._writer(number) for number in range(self.partitions)]
            self.recovered = [damage for writer in self._writers for damage in writer.recover()]
            self.measure_backlog()
        except OSError as error:
            self._lock.release()
            raise StorageFailed(f"the journal {self.folder} cannot be opened: {error}") from error

    def _writer(self, partition: int) -> PartitionWriter:
        return PartitionWriter(self._partition_folder(partition), partition, segment_bytes=self.limits.segment_bytes)

    def _partition_folder(self, partition: int) -> Path:
        folder = self.folder / f"partition-{partition}"
        folder.mkdir(exist_ok=True)
        return folder

    def _take_writer_lock(self) -> Lock:
        lock = _wait_for_lock(self.folder / "writer")
        if lock is None:
            raise JournalInUse(f"another `samdrift receive` writes to {self.folder}; stop it or use another folder")
        return lock


def _wait_for_lock(path: Path) -> Lock | None:
    give_up_at = time.monotonic() + LOCK_WAIT_S
    while (lock := take_lock(path)) is None and time.monotonic() < give_up_at:
        time.sleep(0.05)
    return lock


def _as_storage_failure(error: Exception) -> StorageFailed:
    if isinstance(error, StorageFailed):
        return error
    failure = StorageFailed(f"the journal could not store: {error!r}")
    failure.__cause__ = error
    return failure


def _open_bytes(folder: Path, acknowledged: int, durable: int) -> int:
    """Bytes of the segments that hold something after `acknowledged`."""
    if acknowledged >= durable:
        return 0
    listed = segments.list_segments(folder)
    firsts = [first for first, _ in listed[1:]] + [durable + 1]
    return sum(
        path.stat().st_size for (_, path), following in zip(listed, firsts, strict=True) if following > acknowledged + 1
    )


def _settle_partitions(folder: Path, partitions: int) -> int:
    """Fix the number of partitions at the first opening. Raises InputRefused when a later one wants another."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"the journal {folder} cannot be opened: {error}") from error
    description = folder / "journal.json"
    settling = _wait_for_lock(folder / "settling")
    try:
        if description.exists():
            kept = int(orjson.loads(description.read_bytes())["partitions"])
        else:
            fresh = folder / f"journal.json.{os.getpid()}.new"
            fresh.write_bytes(orjson.dumps({"format": segments.FORMAT, "partitions": partitions}))
            fresh.replace(description)
            segments.sync_folder(folder)
            kept = partitions
    except (ValueError, KeyError) as error:
        raise InputRefused("is not a journal description; restore it from a backup", file=str(description)) from error
    finally:
        if settling is not None:
            settling.release()
    if kept != partitions:
        raise InputRefused(f"the journal has {kept} partitions, {partitions} were asked for", file=str(description))
    return kept
