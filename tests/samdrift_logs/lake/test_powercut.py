"""A real power cut, as near as one machine comes: the store lies on an ext4 image; a copy of the image is what the disk
has at that moment; the copy is mounted and read.

Needs root and a loop device. The journal's commit interval is five minutes, so that nothing reaches the disk by itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from samdrift_logs.errors import StorageFailed
from samdrift_logs.lake import Lake, LakeWriter
from tests.samdrift_logs.lake.rows import ASSENS, NOON, ODENSE, event, events, reject, rejects, watch

pytestmark = [pytest.mark.slow, pytest.mark.component("loopdevice")]


@contextlib.contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    at.mkdir()
    made = subprocess.run(["mount", "-o", "loop,commit=300", image, at], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no loop device may be mounted here: {made.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", at], check=True)


def rows_after_power_cut(tmp_path: Path, *, answered: int) -> dict:
    """Write `answered` batches, cut the power, and count what two organisations still have."""
    image, after = tmp_path / "disk.img", tmp_path / "after.img"
    with image.open("wb") as file:
        file.truncate(96 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)

    with mounted(image, tmp_path / "disk") as disk:
        lake = Lake(disk / "lake")
        lake.create(ODENSE)
        lake.create(ASSENS)
        writer = LakeWriter(lake)
        for sequence in range(1, answered + 1):
            batch = events([event(sequence), event(sequence, 1, organisation=ASSENS)])
            writer.write(batch, rejects([reject(sequence, 2)]), partition=0, through=sequence)
            if sequence == 6:
                lake.compact(min_files=3)
                lake.checkpoint(after_commits=3)
                lake.retain(days=30, now=NOON)
        (disk / "not-flushed").write_text("the control: this must not survive")
        shutil.copyfile(image, after)

    with mounted(after, tmp_path / "again") as disk:
        assert not (disk / "not-flushed").exists() or not (disk / "not-flushed").read_text()
        left = Lake(disk / "lake").statistics(watch(ODENSE, ASSENS))
        return {one.organisation: (one.rows, one.rejects) for one in left}


def test_what_was_answered_survives_a_power_cut(tmp_path: Path) -> None:
    assert rows_after_power_cut(tmp_path, answered=12) == {ODENSE: (12, 12), ASSENS: (12, 0)}


def test_without_our_flushes_the_power_cut_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof that the test above can fail."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    try:
        left = rows_after_power_cut(tmp_path, answered=12)
    except StorageFailed:
        left = {}

    assert left != {ODENSE: (12, 12), ASSENS: (12, 0)}
