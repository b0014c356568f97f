"""Python's garbage collector, paused where many objects are made that all stay.

While thousands of cells or expressions are being made, the collector walks all of them again and again and finds
nothing: half of the time of a first pass over new values went there. Reference counting goes on meanwhile.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Run the body without the collector; where it was off already, it stays off."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
