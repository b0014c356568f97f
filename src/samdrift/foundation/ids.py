"""UUIDv7 keys: they sort by the time they were made, so an index grows at its end. Python 3.11 has no generator."""

from __future__ import annotations

import secrets
import threading
import time
from uuid import UUID

_TAIL_BITS = 74  # rand_a (12) and rand_b (62) of RFC 9562 section 5.7
_lock = threading.Lock()
_last_ms = 0
_last_tail = 0


def uuid7() -> UUID:
    """Return a UUID version 7 that is greater than every one this process made before.

    Within one millisecond, or when the clock steps back, the tail is counted up by a random step (RFC 9562 section
    6.2, method 2), so the order holds and the next id cannot be guessed from the last.
    """
    global _last_ms, _last_tail
    now_ms = time.time_ns() // 1_000_000
    with _lock:
        if now_ms > _last_ms:
            _last_ms, _last_tail = now_ms, secrets.randbits(_TAIL_BITS - 1)
        else:
            _last_tail += 1 + secrets.randbits(32)
            if _last_tail >> _TAIL_BITS:
                _last_ms, _last_tail = _last_ms + 1, secrets.randbits(_TAIL_BITS - 1)
        ms, tail = _last_ms, _last_tail
    return UUID(int=(ms << 80) | (7 << 76) | ((tail >> 62) << 64) | (2 << 62) | (tail & ((1 << 62) - 1)))
