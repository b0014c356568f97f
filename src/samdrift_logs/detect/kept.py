"""Things that took time to make, kept in a folder of our own between starts.

They are Python pickles: only a file that belongs to the user who runs us, and that nobody else may write, is read.
A file that cannot be read is as good as none.
"""

from __future__ import annotations

import os
import pickle
import stat
import tempfile
from pathlib import Path
from typing import Any


def keep(folder: Path, name: str, thing: Any) -> None:
    """Keep a thing under a name. A folder that cannot be written is no error: it is made anew next time."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f"{name}.", suffix=".part", delete=False) as file:
            file.write(pickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL))
        Path(file.name).replace(folder / f"{name}.pickle")
    except OSError:
        return


def find(folder: Path, name: str) -> Any:
    """Return the thing kept under a name, or None."""
    path = folder / f"{name}.pickle"
    try:
        with path.open("rb") as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            return pickle.load(file)
    except Exception:  # a damaged pickle may raise anything; it is made anew
        return None


def _is_ours(status: os.stat_result) -> bool:
    foreign_writers = stat.S_IWGRP | stat.S_IWOTH
    return status.st_uid == os.geteuid() and not status.st_mode & foreign_writers
