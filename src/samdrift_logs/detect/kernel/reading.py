"""The reader: flat JSON lines → codes, one per row and column.

Lines are found before this runs; every scan stops at its line's end. A line is taken only when it is exactly one flat
object in strict JSON: whatever else it is (nested objects, lists, a key twice or with an escape, lone surrogates, bad
UTF-8, a missing quote, numbers of more than 20 characters or with an exponent) makes the row *odd*, and it is the
caller that reads odd rows by the slow path. `plain.py` is the twin that tests hold equal.
"""

from __future__ import annotations

import numba
import numpy as np

from samdrift_logs.detect.kernel.tables import (
    KEY_BYTES,
    KEY_USED,
    KIND_WIDTH,
    MOST_KEYS,
    MOST_KINDS,
    N_KEYS,
    N_KINDS,
    N_VALUES,
    NULL,
    TEXT,
    TOKEN,
    VALUE_USED,
)
from samdrift_logs.detect.kernel.words import equal_bytes, folded_product, load_word, special_bytes, trailing_zeros

# What stopped a call.
DONE, NEW_KEY, VALUES_FULL = 0, 1, 2
# The state of a row.
FINE, ODD, UNSURE = 0, 1, 2  # UNSURE: fine, but keywords cannot be looked for in its bytes
MOST_PROBES = 200
MOST_FIELDS = 1_000
LONGEST_TOKEN = 20
SPARE_SLOTS = 8  # per row, for fields that are added afterwards

_QUOTE, _BACKSLASH, _COLON, _COMMA, _OPEN, _CLOSE = 0x22, 0x5C, 0x3A, 0x2C, 0x7B, 0x7D

_jit = numba.njit(cache=True, nogil=True)


@_jit
def hash_bytes(array, start, length, salt, seeds):  # type: ignore[no-untyped-def]
    """Return a seeded hash; 8 bytes after the end must be there to be read."""
    state = folded_product(seeds[0] ^ np.uint64(length), seeds[1] ^ np.uint64(salt))
    place = start
    left = length
    while left >= 8:
        state = folded_product(load_word(array, place) ^ seeds[2], state ^ seeds[3])
        place += 8
        left -= 8
    if left > 0:
        word = load_word(array, place) & ((np.uint64(1) << np.uint64(8 * left)) - np.uint64(1))
        state = folded_product(word ^ seeds[2], state ^ seeds[3])
    return folded_product(state ^ seeds[1], seeds[0])


@_jit
def same_bytes(left, left_start, right, right_start, length):  # type: ignore[no-untyped-def]
    """Tell whether two stretches are equal; 32 bytes after their ends must be there to be read."""
    done = np.int64(0)
    while length - done >= 32:
        if equal_bytes(left, left_start + done, right, right_start + done) != np.uint64(0xFFFFFFFF):
            return False
        done += 32
    rest = length - done
    if rest == 0:
        return True
    wanted = (np.uint64(1) << np.uint64(rest)) - np.uint64(1)
    return (equal_bytes(left, left_start + done, right, right_start + done) & wanted) == wanted


@_jit
def fill_table(table, hashes):  # type: ignore[no-untyped-def]
    """Put entries 0, 1, … into an empty table."""
    mask = np.uint64(len(table) - 1)
    for entry in range(len(hashes)):
        place = hashes[entry] & mask
        while table[place] >= 0:
            place = (place + np.uint64(1)) & mask
        table[place] = entry


@_jit
def _is_hex(byte):  # type: ignore[no-untyped-def]
    return (0x30 <= byte <= 0x39) or (0x41 <= byte <= 0x46) or (0x61 <= byte <= 0x66)


@_jit
def _end_of_text(buffer, place, end, seen):  # type: ignore[no-untyped-def]
    """Return the place of the closing quote, -1 where the text is not in order. Fills `seen`."""
    while place < end:
        found = special_bytes(buffer, place)
        if found == np.uint64(0):
            place += 32
            continue
        base = place
        place += 32
        while found != np.uint64(0):
            at = base + trailing_zeros(found)
            found &= found - np.uint64(1)
            if at >= end:
                return np.int64(-1)
            byte = buffer[at]
            if byte == _QUOTE:
                return at
            if byte == _BACKSLASH:
                if at + 1 >= end:
                    return np.int64(-1)
                escaped = buffer[at + 1]
                width = np.int64(2)
                if escaped == 0x75:  # \uXXXX
                    width = np.int64(6)
                    if at + 6 > end:
                        return np.int64(-1)
                    for offset in range(2, 6):
                        if not _is_hex(buffer[at + offset]):
                            return np.int64(-1)
                    if (buffer[at + 2] | 0x20) == 0x64 and buffer[at + 3] >= 0x38:  # a surrogate
                        return np.int64(-1)
                    seen[1] = 1
                elif escaped == 0x2F:
                    seen[1] = 1
                elif escaped not in (0x5C, 0x22, 0x6E, 0x72, 0x74, 0x62, 0x66):
                    return np.int64(-1)
                if at + width >= base + 32:
                    place = at + width
                    break
                found &= ~((np.uint64(1) << np.uint64(at + width - base)) - np.uint64(1))
            elif byte < 0x20:
                return np.int64(-1)
            else:
                seen[0] = 1
    return np.int64(-1)


@_jit
def _is_utf8(buffer, start, end, seen):  # type: ignore[no-untyped-def]
    """Tell whether a line is strict UTF-8. Letters outside ASCII whose lower case is in ASCII make it unsure."""
    place = start
    while place < end:
        lead = buffer[place]
        if lead < 0x80:
            place += 1
            continue
        low, high = 0x80, 0xBF
        if 0xC2 <= lead <= 0xDF:
            more = 1
        elif 0xE0 <= lead <= 0xEF:
            more = 2
            if lead == 0xE0:
                low = 0xA0
            elif lead == 0xED:
                high = 0x9F
        elif 0xF0 <= lead <= 0xF4:
            more = 3
            if lead == 0xF0:
                low = 0x90
            elif lead == 0xF4:
                high = 0x8F
        else:
            return False
        if place + more >= end or not (low <= buffer[place + 1] <= high):
            return False
        for offset in range(2, more + 1):
            if not (0x80 <= buffer[place + offset] <= 0xBF):
                return False
        # U+0130 and U+212A, the Kelvin sign.
        if lead == 0xC4 and buffer[place + 1] == 0xB0:
            seen[1] = 1
        if lead == 0xE2 and buffer[place + 1] == 0x84 and buffer[place + 2] == 0xAA:
            seen[1] = 1
        place += more + 1
    return True


@_jit
def _skip_space(buffer, place, end):  # type: ignore[no-untyped-def]
    while place < end and (
        buffer[place] == 0x20 or buffer[place] == 0x09 or buffer[place] == 0x0A or buffer[place] == 0x0D
    ):
        place += 1
    return place


@_jit
def _end_of_token(buffer, place, end):  # type: ignore[no-untyped-def]
    """Return the end of a number, true, false or null; -1 where it is none or long."""
    start = place
    byte = buffer[place]
    if byte == 0x74 or byte == 0x66 or byte == 0x6E:
        length = 5 if byte == 0x66 else 4
        if place + length > end:
            return np.int64(-1)
        word = load_word(buffer, place)
        four = word & np.uint64(0xFFFFFFFF)
        if four == np.uint64(0x65757274) or four == np.uint64(0x6C6C756E):
            return place + 4
        if word & np.uint64(0xFFFFFFFFFF) == np.uint64(0x65736C6166):
            return place + 5
        return np.int64(-1)
    if byte == 0x2D:
        place += 1
    digits = place
    while place < end and 0x30 <= buffer[place] <= 0x39:
        place += 1
    if place == digits or (buffer[digits] == 0x30 and place > digits + 1):
        return np.int64(-1)
    if place < end and buffer[place] == 0x2E:
        place += 1
        digits = place
        while place < end and 0x30 <= buffer[place] <= 0x39:
            place += 1
        if place == digits:
            return np.int64(-1)
    if place - start > LONGEST_TOKEN:
        return np.int64(-1)
    return place


@_jit
def key_number(buffer, start, length, keys, counts, seeds):  # type: ignore[no-untyped-def]
    """Return the number of a key, -1 where it had to be added (its number is the last), -2 where there is no room."""
    salt = np.uint64(0xFFFFFFFF)
    hashed = hash_bytes(buffer, start, length, salt, seeds)
    mask = np.uint64(len(keys.table) - 1)
    place = hashed & mask
    for _ in range(MOST_PROBES):
        known = keys.table[place]
        if known < 0:
            break
        if (
            keys.hash[known] == hashed
            and keys.length[known] == length
            and same_bytes(buffer, start, keys.bytes, keys.start[known], length)
        ):
            return np.int64(known)
        place = (place + np.uint64(1)) & mask
    if keys.table[place] >= 0 or counts[N_KEYS] >= MOST_KEYS or counts[KEY_USED] + length + 33 > KEY_BYTES:
        return np.int64(-2)
    number = counts[N_KEYS]
    begin = counts[KEY_USED]
    for offset in range(length + 1):  # with its closing quote
        keys.bytes[begin + offset] = buffer[start + offset]
    keys.hash[number] = hashed
    keys.start[number] = begin
    keys.length[number] = length
    keys.table[place] = number
    counts[N_KEYS] = number + 1
    counts[KEY_USED] = begin + length + 1
    return np.int64(-1)


@_jit
def _value_code(  # type: ignore[no-untyped-def]
    buffer, start, length, column, table, hashes, starts, lengths, columns, stored, counts, seeds
):  # fmt: skip
    """See value_code. Arrays come one by one: taking them out of a tuple costs a reference count each time."""
    hashed = hash_bytes(buffer, start, length, np.uint64(column), seeds)
    mask = np.uint64(len(table) - 1)
    place = hashed & mask
    for _ in range(MOST_PROBES):
        known = table[place]
        if known < 0:
            break
        if (
            hashes[known] == hashed
            and columns[known] == column
            and lengths[known] == length
            and same_bytes(buffer, start, stored, starts[known], length)
        ):
            return np.int64(known)
        place = (place + np.uint64(1)) & mask
    if table[place] >= 0:
        return np.int64(-2)
    number = counts[N_VALUES]
    begin = counts[VALUE_USED]
    if number >= len(hashes) or begin + length + 64 > len(stored):
        return np.int64(-1)
    for offset in range(length):
        stored[begin + offset] = buffer[start + offset]
    hashes[number] = hashed
    starts[number] = begin
    lengths[number] = length
    columns[number] = column
    table[place] = number
    counts[N_VALUES] = number + 1
    counts[VALUE_USED] = begin + length
    return np.int64(number)


@_jit
def value_code(buffer, start, length, column, values, counts, seeds):  # type: ignore[no-untyped-def]
    """Return the code of a value, adding it where it is new; -1 where there is no room, -2 after too many probes."""
    return _value_code(
        buffer, start, length, column, values.table, values.hash, values.start, values.length, values.column,
        values.bytes, counts, seeds,
    )  # fmt: skip


@_jit
def _kind_number(codes, kind_slots, kinds, counts, seeds):  # type: ignore[no-untyped-def]
    """Return the number of the row's kind, adding it where it is new; -1 where there is no room."""
    state = seeds[0]
    for place in range(KIND_WIDTH):
        state = folded_product(np.uint64(codes[kind_slots[place]] + 2) ^ seeds[1], state ^ seeds[2])
    mask = np.uint64(len(kinds.table) - 1)
    place = state & mask
    while True:
        known = kinds.table[place]
        if known < 0:
            break
        same = True
        for at in range(KIND_WIDTH):
            if kinds.codes[known, at] != codes[kind_slots[at]]:
                same = False
        if same:
            return np.int64(known)
        place = (place + np.uint64(1)) & mask
    number = counts[N_KINDS]
    if number >= MOST_KINDS:
        return np.int64(-1)
    for at in range(KIND_WIDTH):
        kinds.codes[number, at] = codes[kind_slots[at]]
    kinds.table[place] = number
    counts[N_KINDS] = number + 1
    return np.int64(number)


@_jit
def _read_line(  # type: ignore[no-untyped-def]
    buffer, start, end, serial, codes, slots, slot_keys, begin_slot, last, keys, key_starts, key_lengths, key_bytes,
    key_slots, key_columns, key_seconds, key_second_columns, key_odd, followers, key_seen, table, hashes, starts,
    lengths, columns, stored, counts, seeds, seen,
):  # fmt: skip
    """Read one line. Return (status, number of slots filled, number of fields); fields -1: odd."""
    filled = 0
    fields = 0
    previous = np.int64(MOST_KEYS)  # before the first
    place = _skip_space(buffer, start, end)
    if place >= end or buffer[place] != _OPEN:
        return DONE, filled, -1
    place = _skip_space(buffer, place + 1, end)
    if place < end and buffer[place] == _CLOSE:
        return DONE, filled, (0 if _skip_space(buffer, place + 1, end) == end else -1)
    while True:
        if place >= end or buffer[place] != _QUOTE:
            return DONE, filled, -1
        place += 1
        key = np.int64(followers[previous])
        width = key_lengths[key] if key >= 0 else np.int64(0)
        if not (key >= 0 and place + width < end and same_bytes(buffer, place, key_bytes, key_starts[key], width + 1)):
            stop = place
            while stop < end:
                found = special_bytes(buffer, stop)
                if found != np.uint64(0):
                    stop += trailing_zeros(found)
                    if stop < end and buffer[stop] >= 0x80:
                        seen[0] = 1
                        stop += 1
                        continue
                    break
                stop += 32
            if stop >= end or buffer[stop] != _QUOTE:
                return DONE, filled, -1
            width = stop - place
            key = key_number(buffer, place, width, keys, counts, seeds)
            if key == -1:
                return NEW_KEY, filled, fields
            if key == -2:
                return DONE, filled, -1
            followers[previous] = key
        elif key_odd[key] & 2:
            seen[0] = 1
        previous = key
        if key_seen[key] == serial or (key_odd[key] & 1):
            return DONE, filled, -1
        key_seen[key] = serial
        fields += 1
        if fields > MOST_FIELDS:
            return DONE, filled, -1
        place += width + 1
        if place < end and buffer[place] != _COLON:
            place = _skip_space(buffer, place, end)
        if place >= end or buffer[place] != _COLON:
            return DONE, filled, -1
        place += 1
        if place < end and buffer[place] <= 0x20:
            place = _skip_space(buffer, place, end)
        if place >= end:
            return DONE, filled, -1
        if buffer[place] == _QUOTE:
            begin = place + 1
            stop = _end_of_text(buffer, begin, end, seen)
            written = TEXT
            place = stop + 1
        else:
            begin = place
            stop = _end_of_token(buffer, begin, end)
            written = NULL if buffer[begin] == 0x6E else TOKEN
            place = stop
        if stop < 0:
            return DONE, filled, -1
        slot = key_slots[key]
        if slot >= 0:
            if codes[slot] >= 0:
                return DONE, filled, -1
            column = key_columns[key] * 4 + written
            length = stop - begin
            code = np.int64(last[slot])
            if not (
                code >= 0
                and lengths[code] == length
                and columns[code] == column
                and same_bytes(buffer, begin, stored, starts[code], length)
            ):
                code = _value_code(
                    buffer, begin, length, column, table, hashes, starts, lengths, columns, stored, counts, seeds
                )
                if code < 0:
                    return (VALUES_FULL if code == -1 else DONE), filled, -1
                last[slot] = code
            codes[slot] = code
            slots[begin_slot + filled] = slot
            slot_keys[begin_slot + filled] = key
            filled += 1
            second = key_seconds[key]
            if second >= 0:
                code = _value_code(
                    buffer,
                    begin,
                    length,
                    key_second_columns[key] * 4 + written,
                    table,
                    hashes,
                    starts,
                    lengths,
                    columns,
                    stored,
                    counts,
                    seeds,
                )
                if code < 0:
                    return (VALUES_FULL if code == -1 else DONE), filled, -1
                codes[second] = code
                slots[begin_slot + filled] = second
                slot_keys[begin_slot + filled] = key
                filled += 1
        if place < end and buffer[place] <= 0x20:
            place = _skip_space(buffer, place, end)
        if place >= end:
            return DONE, filled, -1
        if buffer[place] == _CLOSE:
            if _skip_space(buffer, place + 1, end) != end:
                return DONE, filled, -1
            return DONE, filled, fields
        if buffer[place] != _COMMA:
            return DONE, filled, -1
        place += 1
        if place < end and buffer[place] <= 0x20:
            place = _skip_space(buffer, place, end)


@_jit
def read_lines(  # type: ignore[no-untyped-def]
    buffer, starts, ends, row, serial, codes, state, slots, slot_keys, slot_start, slot_count, kind_of_row,
    last, keys, values, kinds, counts, seeds, aliases, required, kind_slots, message_slot, message_most,
):  # fmt: skip
    """Read lines from `row` on. Return (status, row at which it stopped).

    `aliases[i]` is (slot, slot that stands in for it where it is empty, key of its name). `codes[row, slot]` is -1
    where the row has no such field. `serial` + row must never have been used with these keys before.
    """
    seen = np.zeros(2, dtype=np.int64)
    key_starts, key_lengths, key_bytes, key_odd = keys.start, keys.length, keys.bytes, keys.is_odd
    key_slots, key_columns, followers, key_seen = keys.slot, keys.column, keys.follower, keys.seen_in
    key_seconds, key_second_columns = keys.second_slot, keys.second_column
    table, hashes, value_starts = values.table, values.hash, values.start
    lengths, columns, stored = values.length, values.column, values.bytes
    while row < len(starts):
        here = codes[row]
        begin = slot_start[row]
        seen[0] = 0
        seen[1] = 0
        status, filled, fields = _read_line(
            buffer, starts[row], ends[row], serial + row, here, slots, slot_keys, begin, last, keys, key_starts,
            key_lengths, key_bytes, key_slots, key_columns, key_seconds, key_second_columns, key_odd, followers,
            key_seen, table, hashes, value_starts, lengths, columns, stored, counts, seeds, seen,
        )  # fmt: skip
        if status == DONE and fields >= 0 and seen[0] != 0 and not _is_utf8(buffer, starts[row], ends[row], seen):
            fields = -1
        if status == DONE and fields >= 0:
            done = -1
            for at in range(len(aliases)):
                target = aliases[at, 0]
                if here[target] < 0 and done != target and here[aliases[at, 1]] >= 0:
                    done = target
                    code = here[aliases[at, 1]]
                    if columns[code] & 3 != NULL:
                        here[target] = code
                        slots[begin + filled] = target
                        slot_keys[begin + filled] = aliases[at, 2]
                        filled += 1
                        fields += 1
            for slot in required:
                if here[slot] < 0:
                    fields = -1
        if status == DONE and fields >= 0:
            if (
                message_slot >= 0
                and here[message_slot] >= 0
                and (fields - 1 > message_most or columns[here[message_slot]] & 3 == NULL)
            ):
                here[message_slot] = -1
            kind = _kind_number(here, kind_slots, kinds, counts, seeds)
            kind_of_row[row] = kind
            if kind < 0:
                fields = -1
        if status != DONE or fields < 0:
            for at in range(filled):
                here[slots[begin + at]] = -1
            # A key that was met in a row that is read again must not look as if it stood there twice.
            if status != DONE:
                for key in range(counts[N_KEYS]):
                    key_seen[key] = -1
                return status, row
            slot_count[row] = 0
            state[row] = ODD
        else:
            slot_count[row] = filled
            state[row] = UNSURE if seen[1] != 0 else FINE
        if row + 1 < len(starts):
            slot_start[row + 1] = begin + slot_count[row] + SPARE_SLOTS
        row += 1
    return DONE, row
