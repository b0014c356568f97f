"""Candidates and the memory of verdicts: codes → (row, entry), where an entry is a rule with the codes it reads.

A candidate is a rule of which an anchor was found in one of the row's values, on a route that is open to the row's
kind. Entries are found by hash and compared code by code; what is new is left to the caller to decide.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from samdrift_logs.detect.kernel.reading import ODD
from samdrift_logs.detect.kernel.tables import Bytes, Codes, Numbers, Words
from samdrift_logs.detect.kernel.words import folded_product

FINISHED, MEMORY_FULL, PAIRS_FULL = 0, 1, 2


class RulesTable(NamedTuple):
    """What the plan says, as arrays. Rule r reads the slots `slots[slot_start[r]:slot_start[r + 1]]`."""

    route: Codes
    is_keyword: Bytes
    slot_start: Numbers
    slots: Codes
    unanchored: Codes
    literal_start: Numbers
    literal_rules: Codes
    is_anchored: Bytes


class Found(NamedTuple):
    """For each code, what was found in the value: `pool[start[c]:start[c] + count[c]]` are numbers of literals."""

    start: Numbers
    count: Numbers
    pool: Codes


class Verdicts(NamedTuple):
    """Entries: `pool[start[e]:]` is the rule and the codes it reads; `verdict` is -1 until it is known."""

    table: Codes
    hash: Words
    start: Numbers
    pool: Codes
    verdict: Codes


def make_verdicts(entries: int, size: int) -> Verdicts:
    """Return an empty memory with room for so many entries and so many numbers."""
    return Verdicts(
        table=np.full(2 * entries, -1, dtype=np.int32),
        hash=np.zeros(entries, dtype=np.uint64),
        start=np.zeros(entries, dtype=np.int64),
        pool=np.zeros(size, dtype=np.int32),
        verdict=np.full(entries, -1, dtype=np.int32),
    )


@numba.njit(cache=True, nogil=True)
def _entry(rule, codes, slot_start, slots, table, hashes, starts, pool, known_verdicts, counts, seeds):  # type: ignore[no-untyped-def]
    """Return the entry of a rule on a row, adding it where it is new. There must be room."""
    begin = slot_start[rule]
    width = slot_start[rule + 1] - begin
    state = folded_product(np.uint64(rule) ^ seeds[0], seeds[1])
    for at in range(width):
        state = folded_product(np.uint64(codes[slots[begin + at]] + 2) ^ seeds[2], state ^ seeds[3])
    mask = np.uint64(len(table) - 1)
    place = state & mask
    while True:
        known = table[place]
        if known < 0:
            break
        if hashes[known] == state:
            start = starts[known]
            same = pool[start] == rule
            for at in range(width):
                if not same:
                    break
                same = pool[start + 1 + at] == codes[slots[begin + at]]
            if same:
                return known
        place = (place + np.uint64(1)) & mask
    number = np.int32(counts[0])
    start = counts[1]
    hashes[number] = state
    starts[number] = start
    known_verdicts[number] = -1
    pool[start] = rule
    for at in range(width):
        pool[start + 1 + at] = codes[slots[begin + at]]
    table[place] = number
    counts[0] = number + 1
    counts[1] = start + 1 + width
    return number


@numba.njit(cache=True, nogil=True)
def match_rows(  # type: ignore[no-untyped-def]
    row, rows, serial, codes, state, slots, slot_start, slot_count, kind_of_row, is_open, rules, found, verdicts,
    counts, stamps, pair_row, pair_entry, pairs, seeds,
):  # fmt: skip
    """Find the candidates of rows from `row` on. Return (status, row at which it stopped, pairs).

    A row with a candidate that looks at every value (keywords) becomes odd. `counts` are entries and numbers used.
    """
    # Taken out once: each look into a tuple costs a reference count.
    route, is_keyword, unanchored, is_anchored = rules.route, rules.is_keyword, rules.unanchored, rules.is_anchored
    read_start, read_slots = rules.slot_start, rules.slots
    literal_start, literal_rules = rules.literal_start, rules.literal_rules
    found_start, found_count, found_pool = found.start, found.count, found.pool
    table, hashes, starts, pool = verdicts.table, verdicts.hash, verdicts.start, verdicts.pool
    known = verdicts.verdict
    most = len(route)
    most_numbers = len(read_slots) + most
    while row < rows:
        if state[row] == ODD:
            row += 1
            continue
        if counts[0] + most > len(hashes) or counts[1] + most_numbers > len(pool):
            return MEMORY_FULL, row, pairs
        if pairs + most > len(pair_row):
            return PAIRS_FULL, row, pairs
        here = codes[row]
        open_here = is_open[kind_of_row[row]]
        mark = serial + row
        for at in range(slot_start[row], slot_start[row] + slot_count[row]):
            slot = slots[at]
            code = here[slot]
            if code < 0 or is_anchored[slot] == 0:
                continue
            for hit in range(found_start[code], found_start[code] + found_count[code]):
                literal = found_pool[hit]
                for place in range(literal_start[literal], literal_start[literal + 1]):
                    rule = literal_rules[place]
                    if open_here[route[rule]] == 0 or stamps[rule] == mark:
                        continue
                    stamps[rule] = mark
                    if is_keyword[rule] != 0:
                        state[row] = ODD
                    else:
                        pair_row[pairs] = row
                        pair_entry[pairs] = _entry(
                            rule, here, read_start, read_slots, table, hashes, starts, pool, known, counts, seeds
                        )
                        pairs += 1
        for rule in unanchored:
            if open_here[route[rule]] != 0:
                if is_keyword[rule] != 0:
                    state[row] = ODD
                else:
                    pair_row[pairs] = row
                    pair_entry[pairs] = _entry(
                        rule, here, read_start, read_slots, table, hashes, starts, pool, known, counts, seeds
                    )
                    pairs += 1
        row += 1
    return FINISHED, row, pairs


@numba.njit(cache=True, nogil=True)
def clear_rows(rows, codes, slots, slot_start, slot_count):  # type: ignore[no-untyped-def]
    """Put -1 back wherever a row has a code."""
    for row in range(rows):
        here = codes[row]
        for at in range(slot_start[row], slot_start[row] + slot_count[row]):
            here[slots[at]] = -1
