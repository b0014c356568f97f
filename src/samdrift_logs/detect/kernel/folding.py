"""New values as one text to look for literals in: escapes taken out, folded, with \\x01 between them."""

from __future__ import annotations

import numba
import numpy as np

from samdrift_logs.detect.kernel.tables import NULL, TOKEN

_BETWEEN = 0x01


@numba.njit(cache=True, nogil=True)
def fold_values(codes, values, out, borders, is_left_out):  # type: ignore[no-untyped-def]
    """Write the folded values after one another; return the bytes written.

    `borders[i]` is the place after value i and its separator. Values that only Python folds (letters outside ASCII,
    \\u escapes, control characters, numbers that are written in another way than Python does) are left out, and marked;
    null has no text. `out` has room for the values as written, and one byte for each and one.
    """
    used = np.int64(1)
    out[0] = _BETWEEN
    for at in range(len(codes)):
        code = codes[at]
        place = values.start[code]
        end = place + values.length[code]
        written = values.column[code] & 3
        begin = used
        plain = True
        if written == NULL:
            place = end
        elif written == TOKEN:
            first = values.bytes[place]
            plain = first == 0x74 or first == 0x66 or (0x30 <= first <= 0x39 and end - place <= 18)
            for offset in range(place, end):
                if values.bytes[offset] == 0x2E:
                    plain = False
        while plain and place < end:
            byte = values.bytes[place]
            place += 1
            if byte >= 0x80:
                plain = False
            elif byte == 0x5C:
                byte = values.bytes[place]
                place += 1
                if byte == 0x6E:
                    byte = np.uint8(0x0A)
                elif byte == 0x72:
                    byte = np.uint8(0x0D)
                elif byte == 0x74:
                    byte = np.uint8(0x09)
                elif byte != 0x5C and byte != 0x22 and byte != 0x2F:
                    plain = False
            if 0x41 <= byte <= 0x5A:
                byte = np.uint8(byte + 0x20)
            out[used] = byte
            used += 1
        if not plain:
            used = begin
        is_left_out[at] = 0 if plain else 1
        out[used] = _BETWEEN
        used += 1
        borders[at] = used
    return used
