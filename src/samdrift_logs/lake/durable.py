"""Make files survive a power cut: delta-rs does not fsync, and a power cut then takes the whole table.

Order matters: a file's bytes first, then the folder that names it, then the log entry that points at it.
"""

from __future__ import annotations

import os
from pathlib import Path

from samdrift_logs.errors import StorageFailed


def sync_file(path: Path) -> None:
    """Flush one file's bytes to the disk. Raises StorageFailed."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Flush the names in one folder to the disk. Raises StorageFailed."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def make_folder(path: Path, *, below: Path) -> None:
    """Create `path` and flush every folder between it and `below`, which exists already."""
    if path.is_dir():
        return
    if path.parent != below:
        make_folder(path.parent, below=below)
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise refused(error, path) from error
    sync_folder(path.parent)


def refused(error: OSError, path: Path) -> StorageFailed:
    """Turn an operating system's no into an error that says what to do."""
    advice = {
        28: "the disk is full: free space or add a disk, then start again; nothing was acknowledged",
        122: "the disk quota is used up: raise it, then start again; nothing was acknowledged",
        13: "the process may not write here: give the folder to the user that runs Samdrift",
        30: "the disk is mounted read-only: look in the system log for disk faults",
        2: "the folder is gone: restore it from a backup, or run the onboarding of that organisation again",
        5: "the disk reports a fault: look in the system log and restore from a backup",
    }.get(error.errno or 0, "look in the system log")
    return StorageFailed(f"{path}: {error.strerror or error}; {advice}")


def _sync(path: Path, flags: int) -> None:
    try:
        handle = os.open(path, flags)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise refused(error, path) from error
