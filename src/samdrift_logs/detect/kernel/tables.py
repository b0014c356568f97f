"""The arrays that kernels share: names of keys, distinct values, kinds of event. They grow between calls, never within.

Hashing is seeded anew in each process, and what is found by hash is compared byte by byte. A value's code is its place
here, whatever its column; the column is part of what is compared.
"""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from samdrift_logs.detect.kernel.words import PAD

Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

MOST_KEYS = 4_096
MOST_KINDS = 4_096
KEY_BYTES = 1 << 18
KIND_WIDTH = 4
# Odd multiples of nothing in particular: where secret seeds come from.
SEEDS: Words = np.frombuffer(secrets.token_bytes(32), dtype=np.uint64).copy()

# Places in `counts`.
N_KEYS, KEY_USED, N_VALUES, VALUE_USED, N_KINDS = range(5)

# What a value was written as.
TEXT, TOKEN, NULL = 0, 1, 2


class Keys(NamedTuple):
    """Names of keys. Bytes are kept with the closing quote; `slot` is -1 for no column, `second` likewise."""

    table: Codes
    hash: Words
    start: Numbers
    length: Numbers
    bytes: Bytes
    slot: Codes
    column: Codes
    second_slot: Codes
    second_column: Codes
    is_odd: Bytes
    follower: Codes
    seen_in: Numbers


class Values(NamedTuple):
    """Distinct values as written, escapes and all. `column` is column * 4 + what it was written as."""

    table: Codes
    hash: Words
    start: Numbers
    length: Numbers
    column: Numbers
    bytes: Bytes


class Kinds(NamedTuple):
    """Distinct combinations of the codes that say what an event is."""

    table: Codes
    codes: Codes


def make_keys() -> Keys:
    """Return an empty table of names."""
    none = np.full(MOST_KEYS, -1, dtype=np.int32)
    return Keys(
        table=np.full(4 * MOST_KEYS, -1, dtype=np.int32),
        hash=np.zeros(MOST_KEYS, dtype=np.uint64),
        start=np.zeros(MOST_KEYS, dtype=np.int64),
        length=np.zeros(MOST_KEYS, dtype=np.int64),
        bytes=np.zeros(KEY_BYTES + PAD, dtype=np.uint8),
        slot=none.copy(),
        column=none.copy(),
        second_slot=none.copy(),
        second_column=none.copy(),
        is_odd=np.zeros(MOST_KEYS, dtype=np.uint8),
        follower=np.full(MOST_KEYS + 1, -1, dtype=np.int32),
        seen_in=np.full(MOST_KEYS, -1, dtype=np.int64),
    )


def make_values(entries: int = 1 << 16, size: int = 1 << 22) -> Values:
    """Return an empty table of values with room for so many and so many bytes."""
    # What is asked of one value lies side by side: one look into memory instead of four.
    beside = np.zeros((entries, 4), dtype=np.int64)
    return Values(
        table=np.full(2 * entries, -1, dtype=np.int32),
        hash=beside.view(np.uint64)[:, 0],
        start=beside[:, 1],
        length=beside[:, 2],
        column=beside[:, 3],
        bytes=np.zeros(size + PAD, dtype=np.uint8),
    )


def grown_values(values: Values, used: int, used_bytes: int, more_bytes: int) -> Values:
    """Return the same values with room for twice as many and at least `more_bytes` more bytes."""
    entries = len(values.hash) * (2 if used * 2 > len(values.hash) else 1)
    size = len(values.bytes) - PAD
    while size < used_bytes + more_bytes:
        size *= 2
    fresh = make_values(entries, size)
    for old, new in zip(values[1:5], fresh[1:5], strict=True):
        new[:used] = old[:used]
    fresh.bytes[:used_bytes] = values.bytes[:used_bytes]
    _fill(fresh.table, fresh.hash[:used])
    return fresh


def _fill(table: Codes, hashes: Words) -> None:
    """Put entries into an empty table by linear probing, in whole rounds: each takes the first free place after it."""
    from samdrift_logs.detect.kernel.reading import fill_table  # compiled when first needed

    fill_table(table, hashes)


def make_kinds() -> Kinds:
    """Return an empty table of kinds."""
    return Kinds(
        table=np.full(4 * MOST_KINDS, -1, dtype=np.int32), codes=np.full((MOST_KINDS, KIND_WIDTH), -1, dtype=np.int32)
    )


def nbytes(arrays: Any) -> int:
    """Return how many bytes the arrays of a table take."""
    return sum(int(each.nbytes) for each in arrays)
